"""The stream of simulated tiles: the same however many processes make it; and augmentations under which a phase stays one."""

import numpy as np
import pytest

from fringeflow.config.interferograms import LabelRule
from fringeflow.encoding.encodings import encode
from fringeflow.pretraining.stream import CHUNK, augmented, chunk_of, stream_chunks
from fringeflow.pretraining.tiles import Tiles

CUT = {"tile": 32, "count": 2, "input_size": 32, "rule": LabelRule(), "view": "wrapped"}
SCENES = 2 * CHUNK + 5


def same(one: Tiles, two: Tiles) -> bool:
    return all(np.array_equal(getattr(one, name), getattr(two, name)) for name in ("images", "targets", "kinds"))


@pytest.fixture(scope="module")
def chunks() -> list[Tiles]:
    """As they are without any process."""
    return [chunk_of(3, start, min(CHUNK, SCENES - start), *CUT.values()) for start in range(0, SCENES, CHUNK)]


@pytest.mark.parametrize(("processes", "first"), [(2, 0), (1, CHUNK)])
def test_tiles_come_in_the_order_of_their_scenes_however_many_processes_make_them(chunks, processes, first):
    """And a stream that goes on at a later scene goes on with what it would have given."""
    found = list(stream_chunks(3, SCENES, **CUT, processes=processes, first=first))
    expected = chunks[first // CHUNK :]
    assert len(found) == len(expected) and all(map(same, found, expected))


def test_a_chunk_is_its_scenes_one_after_the_other(chunks):
    parts = [chunk_of(3, number, 1, *CUT.values()) for number in range(CHUNK)]
    assert same(Tiles.joined(parts), chunks[0])
    assert len(chunks[-1]) <= 2 * 5 < len(chunks[0])


def images(count: int = 200, size: int = 6) -> np.ndarray:
    """Averages of unit phasors, as `encode` gives them: each pixel of another length."""
    rng = np.random.default_rng(0)
    z = rng.uniform(0.1, 1, (count, size, size)) * np.exp(1j * rng.uniform(-np.pi, np.pi, (count, size, size)))
    return np.stack([z.imag, z.real, np.zeros(z.shape)], axis=1).astype(np.float16)


def phasors(encoded: np.ndarray) -> np.ndarray:
    return encoded[:, 1].astype("f8") + 1j * encoded[:, 0].astype("f8")


def encoded(z: np.ndarray) -> np.ndarray:
    return np.stack([z.imag, z.real, np.zeros(z.shape)], axis=1).astype("f4")


def symmetries(tile: np.ndarray) -> list[np.ndarray]:
    return [np.rot90(side, turns) for side in (tile, tile.T) for turns in range(4)]


def changes(one: np.ndarray, other: np.ndarray) -> list[tuple[int, int, float]]:
    """Return which symmetry, which sign and which constant make a tile of another."""
    found = []
    for number, view in enumerate(symmetries(one)):
        for sign, z in ((1, view), (-1, view.conj())):
            with np.errstate(invalid="ignore"):
                turn = np.nanmean(other / z)
            if np.allclose(other, turn * z, atol=1e-5, equal_nan=True) and np.isclose(abs(turn), 1, atol=1e-5):
                found.append((number, sign, float(np.angle(turn))))
    return found


def test_an_augmented_tile_is_one_of_eight_views_turned_by_a_constant_and_maybe_of_the_other_sign():
    given = images()
    before = given.copy()
    after = augmented(given, np.random.default_rng(1))
    assert np.array_equal(given, before), "what is augmented again later is not changed"
    assert after.dtype == np.float32 and (after[:, 2] == 0).all() and not np.signbit(after[:, 2]).any()
    seen, angles = set(), []
    for one, other in zip(phasors(given), phasors(after), strict=True):
        [(number, sign, angle)] = changes(one, other)
        seen.add((number, sign))
        angles.append(angle)
    assert len(seen) == 16, "every view, with both signs"
    assert np.histogram(angles, bins=4, range=(-np.pi, np.pi))[0].min() > 25


def test_an_augmented_unwrapped_tile_is_the_tile_of_an_augmented_phase():
    """Its level takes the view and the sign of the fringes, and no constant moves it, but for which pixels tell the median."""
    phase = np.cumsum(np.random.default_rng(0).normal(0, 0.2, (40, 32, 32)), axis=1).astype("f4")
    phase[::2, 3:5, 2:9] = np.nan
    after = augmented(encode(phase, "unwrapped", "sincos", 32), np.random.default_rng(1))
    seen = phasors(after)
    seen[seen == 0] = np.nan
    for one, z, image in zip(phase.astype("f8"), seen, after, strict=True):
        [(view, sign, angle)] = changes(np.exp(1j * one), z)
        [expected] = encode((sign * symmetries(one)[view] + angle)[None], "unwrapped", "sincos", 32)
        np.testing.assert_allclose(image[:2], expected[:2], atol=1e-4)
        apart = (image[2] - expected[2])[np.isfinite(z)]
        assert np.ptp(apart) < 1e-5 and abs(apart.mean()) < 0.03
        assert (image[2][np.isnan(z)] == 0).all()


def test_the_length_of_a_phasor_is_kept():
    """It tells where fringes are dense or the phase is noise."""
    given = images()
    lengths = [np.sort(abs(phasors(part)).reshape(len(part), -1), axis=1) for part in (given, augmented(given, np.random.default_rng(2)))]
    np.testing.assert_allclose(*lengths, atol=1e-6)


def test_a_constant_before_is_a_constant_after_and_the_other_sign_before_the_other_sign_after():
    given = encoded(phasors(images()))
    one, two, three = (
        phasors(augmented(part, np.random.default_rng(3)))
        for part in (given, encoded(phasors(given) * np.exp(0.7j)), encoded(phasors(given).conj()))
    )
    turn = two / one
    signs = np.sign(np.angle(turn[:, 0, 0]))
    np.testing.assert_allclose(turn, np.broadcast_to(np.exp(0.7j * signs)[:, None, None], turn.shape), atol=1e-4)
    assert 0.3 < np.mean(signs > 0) < 0.7
    # conj(z) turned by a is the conjugate of z turned by -a
    np.testing.assert_allclose(abs(three), abs(one), atol=1e-5)
    angle = np.angle(three * one)
    assert np.allclose(np.exp(1j * angle), np.exp(1j * angle[:, :1, :1]), atol=1e-3), "one constant a tile"


def test_a_tile_without_data_stays_one():
    nothing = np.zeros((4, 3, 6, 6), np.float16)
    assert (augmented(nothing, np.random.default_rng(0)) == 0).all()
