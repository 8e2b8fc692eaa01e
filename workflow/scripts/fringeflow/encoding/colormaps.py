"""Two colour maps of matplotlib, baked so that no plotting library is imported to train a model."""

from functools import cache

import numpy as np

STEPS = 256

_ANCHORS = {
    # every 1/32 of the way, sRGB; linear in between, at most 2/255 off
    "twilight": (
        "e2d9e2d7d7ddc4ced4acc2cc95b5c781a6c37297c16887be6276ba5f64b55e51ad5d3da1592a8f511b7745135c3811452f1436"
        "3a113a4a13425f174a741e4f872750983550a64550b25652bb6958c27c63c89073cca389d1b6a3d8c7bedfd4d6e2d9e2"
    ),
    "viridis": (
        "440154470d6048186a482374472d7b4537814240863e49893b528b375b8d33638d2f6b8e2c728e297a8e26828e23898e21918c"
        "1f988b1fa08822a78528ae8032b67a3fbc734ec36b5ec96270cf5784d44b98d83eaddc30c2df23d8e219ece51bfde725"
    ),
}


@cache
def _table(name: str) -> np.ndarray:
    """Return a map as STEPS colours, float32 in [0, 1], shape (STEPS, 3)."""
    anchors = np.frombuffer(bytes.fromhex(_ANCHORS[name]), np.uint8).reshape(-1, 3) / 255
    places = np.linspace(0, 1, len(anchors))
    steps = np.linspace(0, 1, STEPS)
    return np.stack([np.interp(steps, places, channel) for channel in anchors.T], axis=-1).astype(np.float32)


def colour(values: np.ndarray, name: str) -> np.ndarray:
    """Colour values in [0, 1].

    Parameters
    ----------
    values : ndarray of float32, any shape
    name : {"twilight", "viridis"}
        The first is cyclic: 0 and 1 have the same colour.

    Returns
    -------
    ndarray of float32, shape (..., 3), red, green and blue in [0, 1]
    """
    return _table(name)[np.rint(np.clip(values, 0, 1) * (STEPS - 1)).astype(np.intp)]
