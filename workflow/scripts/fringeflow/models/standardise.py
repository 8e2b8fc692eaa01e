"""By what features are divided before a head: one rule for all frameworks."""

import numpy as np

CONSTANT = 1e-6
"""A feature that spreads no more than this says nothing, and is only centred."""
LEAST = 0.05
"""Least scale of any other, of the root mean square of all features' spreads."""


def scales(spread: np.ndarray) -> np.ndarray:
    """Return by what to divide each feature, given its standard deviation in the training split.

    That is its standard deviation, but no less than `LEAST` of what features spread on the whole. A ReLU that all but one training tile
    leave dark has a tiny deviation that says nothing of the values it takes when it is lit: divided by it, one held-out tile that lights
    it lies thousands of deviations out, and this one tile decides the scores of a run. (Of the packaged backbone's 1280 features of the
    unwrapped tiles in config/silva_small.yaml 165 are held so: the farthest value of a test tile comes down from 5628 to 101.)

    Parameters
    ----------
    spread : ndarray, shape (dim,)

    Returns
    -------
    ndarray of the same shape and type

    Examples
    --------
    >>> scales(np.array([2.0, 1e-4, 0.0])).round(3).tolist()
    [2.0, 0.058, 1.0]
    """
    floor = LEAST * np.sqrt(np.mean(np.square(spread, dtype=np.float64)))
    return np.where(spread > CONSTANT, np.maximum(spread, floor), 1.0).astype(spread.dtype)
