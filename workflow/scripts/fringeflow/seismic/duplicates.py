"""Pictures that show the same thing in two parts of a dataset: what a test on one of them tells, training on the other has taught."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.fft import dctn

from fringeflow.seismic.resample import area_weights, resampled

SIDE = 64
"""Pixels of the square that a picture is reduced to before the transform."""
WAVES = 16
"""Lowest frequencies kept on either axis: 16 x 16 coefficients, a bit each."""
BOUND = 52
"""Most bits of 256 in which two hashes of the same picture differ.

Measured on 106 simulated gathers of 500 x 600 pixels. The same picture, or two halves of it, differs after JPEG at quality 75
in at most 36 bits, at quality 40 in 48, scaled by 0.7 in 18, without 3 pixels at two sides in 56, with 3 % of noise in 54. Different
ones differ, whole, mirrored or by halves, in 72 or more, but for one pair in 50,000 with 58; of the pictures that come with
scikit-image, in 74. With the usual 64 bits (8 x 8) both meet: JPEG changes up to 12, and some that differ do so in 14."""
FLAT = 0.004
"""Standard deviation, on a scale from black 0 to white 1, below which a reduced picture shows nothing that could be compared."""
HOW = ("same", "mirrored", "left halves", "right halves")
"""How one picture came from the other: as it is, mirrored, or from one of its halves twice (beside itself or its mirror image)."""
ROWS = 256
"""Pictures that are compared with all others at a time."""

WHOLE, LEFT, RIGHT = 0, 1, 2
PLAIN, MIRRORED = 0, 1


def fingerprint(planes: np.ndarray) -> np.ndarray:
    """Return the perceptual hashes of a picture and of its halves, each also mirrored.

    A hash says of the lowest frequencies of the picture's cosine transform which lie above their median. It hardly changes when
    the picture is scaled, recompressed or made brighter. A mirrored picture has the same transform with every other sign changed.

    Parameters
    ----------
    planes : ndarray of float32, shape (3, rows, columns), 0..1

    Returns
    -------
    ndarray of uint64, shape (3, 2, 4)
        Whole, left half and right half; as it is and mirrored; 256 bits. All zero where there is nothing to compare (`FLAT`).

    References
    ----------
    Zauner (2010), Implementation and benchmarking of perceptual image hash functions (the DCT hash).
    """
    grey = planes.mean(axis=0)
    columns = grey.shape[1]
    halves = grey, grey[:, : (columns + 1) // 2], grey[:, columns // 2 :]
    return np.stack([_hash(part) for part in halves])


def find_duplicates(samples: Sequence[str], parts: Sequence[str], prints: np.ndarray) -> pd.DataFrame:
    """Find pictures that show the same in different parts.

    Parameters
    ----------
    samples : sequence of str, length n
    parts : sequence of str, length n
        Only pictures of different parts are compared.
    prints : ndarray of uint64, shape (n, 3, 2, 4)
        From `fingerprint`.

    Returns
    -------
    DataFrame
        A row a pair, the nearest first: `sample`, `part`, `other`, `other_part`, `distance` (bits of 256), `how` (one of `HOW`;
        with halves, it is `other` that shows a half of `sample` twice).
    """
    places = np.unique(np.asarray(parts), return_inverse=True)[1]
    found: dict[tuple[int, int], tuple[int, int, int, int]] = {}

    def note(firsts: np.ndarray, seconds: np.ndarray, how: int, distance: np.ndarray) -> None:
        """Keep pairs that are near enough, each with its nearest kinship."""
        near = (distance <= BOUND) & (places[firsts][:, None] != places[seconds][None])
        if HOW[how] in ("same", "mirrored"):
            near &= firsts[:, None] < seconds[None]
        for row, column in np.argwhere(near).tolist():
            first, second = int(firsts[row]), int(seconds[column])
            pair = (min(first, second), max(first, second))
            candidate = (int(distance[row, column]), how, first, second)
            found[pair] = min(found.get(pair, candidate), candidate)

    everything = np.arange(len(samples))
    doubled = everything[_is_doubled(prints)]
    for start in range(0, len(samples), ROWS):
        rows = everything[start : start + ROWS]
        whole = prints[rows, WHOLE, PLAIN]
        later = everything[start:]
        for turned in (PLAIN, MIRRORED):
            note(rows, later, turned, _distance(whole, prints[later, WHOLE, turned]))
        for half, how in ((LEFT, 2), (RIGHT, 3)):
            one = prints[doubled, LEFT, PLAIN]
            note(rows, doubled, how, np.minimum(*(_distance(prints[rows, half, turned], one) for turned in (PLAIN, MIRRORED))))
    table = [
        {"sample": samples[first], "part": parts[first], "other": samples[second], "other_part": parts[second],
         "distance": distance, "how": HOW[how]}
        for distance, how, first, second in sorted(found.values())
    ]  # fmt: skip
    return pd.DataFrame(table, columns=["sample", "part", "other", "other_part", "distance", "how"])


def _hash(grey: np.ndarray) -> np.ndarray:
    """Return the hash of a grey picture and that of its mirror image, shape (2, 4)."""
    small = resampled(grey, area_weights(grey.shape[0], SIDE), area_weights(grey.shape[1], SIDE))
    if small.std() < FLAT:
        return np.zeros((2, 4), np.uint64)
    waves = dctn(small, norm="ortho")[:WAVES, :WAVES]
    waves[0, 0] = 0  # the mean
    mirrored = waves * np.where(np.arange(WAVES) % 2, -1, 1)
    bits = np.stack([(spectrum > np.median(spectrum)).ravel() for spectrum in (waves, mirrored)])
    return np.packbits(bits, axis=1).view(np.uint64)


def _distance(some: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Return in how many bits hashes differ, shape (some, others); more than all where one of them is empty."""
    distance = np.zeros((len(some), len(others)), np.int16)
    for word in range(some.shape[1]):
        distance += np.bitwise_count(some[:, None, word] ^ others[None, :, word])
    distance[~some.any(axis=1)] = distance[:, ~others.any(axis=1)] = 2**14
    return distance


def _is_doubled(prints: np.ndarray) -> np.ndarray:
    """Tell which pictures show one half twice, shape (n,)."""
    left = prints[:, LEFT, PLAIN]
    bits = np.stack([np.bitwise_count(left ^ prints[:, RIGHT, turned]).sum(axis=1, dtype=int) for turned in (PLAIN, MIRRORED)])
    return (bits.min(axis=0) <= BOUND) & left.any(axis=1)
