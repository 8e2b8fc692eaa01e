"""Unwrapped phase as an archive has it: whole fringes from the truth, but for errors, and none where nobody trusts it."""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from fringeflow.simulate.fields import Field, power_law_field

TWO_PI = np.float32(2.0 * np.pi)


def trusted_where(valid: NDArray[np.bool_], water: NDArray[np.bool_], estimate: Field, least: float) -> NDArray[np.bool_]:
    """Return where an unwrapped product holds data: on land that is coherent over some pixels.

    Parameters
    ----------
    valid, water : ndarrays of bool, shape (rows, columns)
        Where the wrapped phase has data; where there is water.
    estimate : ndarray of float32, 0..1
        Sample coherence.
    least : float
        Coherence, smoothed, that is masked.
    """
    smooth = ndimage.uniform_filter(np.where(valid, estimate, 0.0).astype(np.float32), 5)
    return valid & ~water & (smooth > least)


def wrong_patch(rng: np.random.Generator, shape: tuple[int, int], pixel_km: tuple[float, float]) -> NDArray[np.bool_]:
    """Draw where an unwrapper lost count: a patch of any outline, some kilometres wide."""
    blob = power_law_field(rng, shape, pixel_km, exponents=[3.5], outer_km=30.0)
    patches, count = ndimage.label(blob > 1.2)
    largest = 1 + int(np.argmax(np.bincount(patches.ravel())[1:])) if count else 0
    return (patches == largest) & (patches > 0)


def unwrapped_phase(wrapped: Field, signal: Field, trusted: NDArray[np.bool_], error: Field) -> Field:
    """Add whole fringes to a wrapped phase.

    Parameters
    ----------
    wrapped : ndarray of float32, shape (rows, columns), radians
    signal : ndarray of float32, radians
        The truth, not wrapped: it tells how many fringes.
    trusted : ndarray of bool
    error : ndarray of float32, radians
        Whole fringes that the unwrapper miscounted.

    Returns
    -------
    ndarray of float32, radians
        NaN where it is not trusted. Its median lies within half a fringe of 0.
    """
    unwrapped = wrapped + TWO_PI * np.round((signal - wrapped) / TWO_PI)
    unwrapped += error
    if trusted.any():
        unwrapped -= TWO_PI * np.round(np.median(unwrapped[trusted]) / TWO_PI)
    return np.where(trusted, unwrapped, np.float32(np.nan)).astype(np.float32)
