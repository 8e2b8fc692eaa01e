"""A raster under a phase's name is refused if it cannot be that phase, and whatever may be one passes."""

import numpy as np
import pytest

from fringeflow.config.interferograms import Prepare
from fringeflow.config.tables import Event, Interferogram
from fringeflow.errors import ProductError
from fringeflow.insar.phase import wrap
from fringeflow.insar.prepare import prepare_event
from fringeflow.licsar.plausible import check_together
from fringeflow.licsar.products import check_product
from tests.licsar_files import write_tif
from tests.unit.toy_raw import FRAME, products_of, smooth_phase, write_raw

PAIR = "20210218_20210303"
SHAPE = (300, 320)


def uniform(low: float, high: float, shape: tuple[int, int] = SHAPE) -> np.ndarray:
    return np.random.default_rng(1).uniform(low, high, shape).astype("f4")


def prepare(root, **products):
    write_raw(root / "raw", PAIR, products)
    row = Interferogram(event="quake", frame=FRAME, pair=PAIR)
    prepare_event(Event(event="quake"), [row], root / "raw", Prepare(), root / "i.zarr", threads=1)


def mostly_empty(values: np.ndarray) -> np.ndarray:
    values = values.copy()
    values[50:] = 0
    return values


SWAPS = [
    ("diff_pha", uniform(0.01, 1), "values from 0.01"),  # coherence
    ("diff_pha", uniform(-0.05, 0.05), "range of a phase"),  # metres
    ("diff_pha", uniform(-180, 180), "values from -180"),  # degrees
    ("diff_pha", uniform(-40, 40), "values from -40 to 40; expected wrapped phase, from -pi to pi"),  # unwrapped phase
    ("diff_pha", uniform(-5, 5), "values from -5 to 5"),  # unwrapped phase of little motion
    ("diff_pha", uniform(1, 255), "values from 1"),  # coherence in bytes
    ("diff_pha", uniform(0.1, 3), "no value below 0"),  # amplitude
    ("diff_pha", np.where(uniform(0, 1) < 0.5, -9999, uniform(-3, 3)), "values from -9999"),  # no data that is not declared
    ("unw", uniform(0.01, 1), "values from 0.01"),
    ("unw", uniform(-0.05, 0.05), "coherence and metres have such a small one"),
]


@pytest.mark.parametrize(("product", "values", "told"), SWAPS)
def test_another_quantity_under_the_name_of_a_phase_is_refused_when_fetched_and_when_prepared(tmp_path, product, values, told):
    path = write_tif(tmp_path / "a.tif", values)
    with pytest.raises(ProductError, match=told) as error:
        check_product(path, product)
    assert str(path) in str(error.value) and "To do: see which product the file is" in str(error.value)
    with pytest.raises(ProductError, match=told):
        prepare(tmp_path, **{product: values})
    assert not (tmp_path / "i.zarr").exists()


@pytest.mark.parametrize(
    ("product", "values"),
    [
        ("diff_pha", uniform(-np.pi, np.pi)),
        ("diff_pha", uniform(0.5, 0.6, (90, 110))),
        ("diff_pha", mostly_empty(uniform(0.5, 0.6))),
        ("diff_pha", np.where(uniform(0, 1) < 0.0005, 4.5, uniform(-3, 3)).astype("f4")),
        ("diff_pha", uniform(-4, 4)),
        ("diff_pha", uniform(-0.8, 1.2)),
        ("unw", uniform(60, 70)),
        ("unw", uniform(0.5, 0.6, (90, 110))),
        ("unw", uniform(-4000, 4000)),
    ],
    ids=["noise", "small", "mostly empty", "a few odd pixels", "overshoot", "quiet", "one sign", "small unw", "a great earthquake"],
)
def test_what_may_be_a_phase_passes(tmp_path, product, values):
    assert check_product(write_tif(tmp_path / "a.tif", values), product).valid_fraction > 0


def test_a_copy_of_another_product_is_refused(tmp_path):
    noise = uniform(-0.3, 0.3, (96, 128))
    whole = products_of(smooth_phase(cycles=6) + noise)
    bytes_of = np.random.default_rng(2).integers(1, 256, (96, 128), dtype="u1")
    fraction = (bytes_of / 255).astype("f4")
    with pytest.raises(ProductError, match=rf"unw\.tif: found the values of {PAIR}\.geo\.diff_pha\.tif; expected unwrapped phase"):
        prepare(tmp_path / "a", **whole | {"unw": whole["diff_pha"]})
    with pytest.raises(ProductError, match=rf"unw\.tif: found the values of {PAIR}\.geo\.cc\.tif"):
        prepare(tmp_path / "b", **whole | {"unw": fraction, "cc": bytes_of})
    with pytest.raises(ProductError, match=rf"unw\.tif: found the values of {PAIR}\.geo\.cc\.tif"):
        prepare(tmp_path / "c", unw=bytes_of.astype("f4"), cc=bytes_of)
    with pytest.raises(ProductError, match=rf"diff_pha\.tif: found the values of {PAIR}\.geo\.cc\.tif"):
        prepare(tmp_path / "d", **whole | {"diff_pha": fraction, "cc": fraction})
    prepare(tmp_path / "whole", **whole)


def test_phase_that_never_leaves_a_cycle_is_the_same_wrapped_and_unwrapped(tmp_path):
    phase = smooth_phase(cycles=0.2) - 1
    assert np.array_equal(wrap(phase), phase)
    prepare(tmp_path, **products_of(phase))


def test_an_unw_that_is_no_whole_cycles_from_diff_pha_passes(tmp_path):
    """As in real products: it is filtered and corrected."""
    phase = smooth_phase()
    drift = np.linspace(0, 3, phase.shape[1], dtype="f4")
    prepare(tmp_path, **products_of(phase) | {"unw": phase + drift})


def test_rasters_without_common_pixels_are_no_copies(tmp_path):
    left, right = np.full((2, 40, 40), np.nan, np.float32)
    left[:, :20], right[:, 20:] = 1, 2
    check_together({"diff_pha": tmp_path / "d", "unw": tmp_path / "u"}, left, right, None)
