"""Windows from a mosaic are to the bit what each is alone: wherever they begin, whatever they lack, whatever was skipped before."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fringeflow.encoding.encodings import encode
from fringeflow.encoding.mosaic import Mosaic, factor_of
from fringeflow.encoding.views import VIEWS
from fringeflow.insar.tiling import starts


def raster_of(rows: int, columns: int) -> np.ndarray:
    """Phase with gaps: an empty corner, single pixels, a window's width without data, an infinite value, angles out of range."""
    rng = np.random.default_rng(rows * columns)
    phase = rng.uniform(-np.pi, np.pi, (rows, columns)).astype("f4")
    y, x = np.mgrid[:rows, :columns]
    phase[x + y < 40] = np.nan
    phase[rng.random(phase.shape) < 0.02] = np.nan
    phase[:, 50:90] = np.nan
    phase[-1, -1], phase[-2, -1] = np.inf, 1e5
    return phase


def both(phase: np.ndarray, encoding: str, size: int, factor: int, down, across) -> tuple[np.ndarray, np.ndarray]:
    """Windows from a mosaic, and each encoded alone."""
    mosaic = Mosaic(lambda samples, side: encode(samples, "wrapped", encoding, side), factor, size, across)
    found, alone = [], []
    for row in down:
        mosaic.add(row, phase[row : row + size])
        for column in across:
            found.append(np.moveaxis(np.concatenate(mosaic.window(row, column)), -1, 0))
            alone.append(encode(phase[None, row : row + size, column : column + size], "wrapped", encoding, size // factor)[0])
    return np.stack(found), np.stack(alone)


@pytest.mark.parametrize("encoding", VIEWS["wrapped"].encodings)
@pytest.mark.parametrize(("factor", "stride"), [(1, 8), (2, 8), (2, 7), (4, 9), (8, 5)])
def test_windows_are_those_that_are_encoded_alone(encoding, factor, stride):
    phase = raster_of(103, 158)
    down, across = starts(103, 32, stride), starts(158, 32, stride)
    assert factor == 1 or len({row % factor for row in down}) > 1 < len({column % factor for column in across}), "odd starts"
    found, alone = both(phase, encoding, 32, factor, down, across)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found.view(np.uint32), alone.view(np.uint32))
    assert (alone == 0).all(axis=(1, 2, 3)).any() or encoding != "sincos", "some windows have no data"


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.integers(0, 60), min_size=1, max_size=6, unique=True).map(sorted),
    st.lists(st.integers(0, 100), min_size=1, max_size=6, unique=True).map(sorted),
    st.sampled_from([1, 2, 3, 6]),
)
def test_rows_of_windows_may_be_left_out(down, across, factor):
    found, alone = both(raster_of(72, 112), "sincos", 12, factor, down, across)
    np.testing.assert_array_equal(found.view(np.uint32), alone.view(np.uint32))


def test_each_pixel_is_encoded_once_where_windows_begin_at_whole_blocks_and_what_is_above_is_let_go():
    counted = []

    def counting(samples: np.ndarray, side: int) -> np.ndarray:
        counted.append(np.isfinite(samples).sum())
        return encode(samples, "wrapped", "sincos", side)

    phase = np.ones((512, 320), "f4")
    mosaic = Mosaic(counting, 2, 64, range(0, 257, 16))
    for row in range(0, 449, 16):
        mosaic.add(row, phase[row : row + 64])
        held = sum(len(parts[0]) for strips in mosaic._strips.values() for _, parts in strips)
        assert held <= 64, "twice the 32 rows of a window, as the first strip is a window high"
    assert sum(counted) == phase.size


def test_a_mosaic_is_made_where_it_gives_the_same_and_pays():
    near, apart = range(0, 1025, 64), range(0, 1025, 256)
    assert factor_of("wrapped", 256, 128, near, near) == 2
    assert factor_of("wrapped", 256, 256, near, near) == 1
    assert factor_of("wrapped", 256, 224, near, near) == 0, "windows do not shrink by whole pixels"
    assert factor_of("wrapped", 256, 512, near, near) == 0
    assert factor_of("wrapped", 256, 128, apart, apart) == 0, "windows do not overlap"
    assert factor_of("wrapped", 256, 32, [8 * step + step % 8 for step in range(9)], [0, 257, 514]) == 0, "too many remainders"
    assert {view for view in VIEWS if factor_of(view, 256, 128, near, near)} == {"wrapped"}
