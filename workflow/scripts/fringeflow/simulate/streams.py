"""Independent random streams by name, so that adding an event changes no other."""

import hashlib

import numpy as np


def stream(seed: int, *names: str) -> np.random.Generator:
    """Return the random generator that belongs to a seed and a path of names.

    Parameters
    ----------
    seed : int
    *names : str
        What it is for, from the general to the particular: event, frame, pair, purpose.

    Returns
    -------
    numpy.random.Generator
        The same for the same arguments, whatever else was drawn; independent for any others.

    Examples
    --------
    >>> bool(stream(1, "a", "b").random() == stream(1, "a", "b").random())
    True
    >>> bool(stream(1, "a", "b").random() == stream(1, "ab").random())
    False
    """
    digest = hashlib.sha256("\0".join(names).encode()).digest()
    words = [int.from_bytes(digest[i : i + 4], "little") for i in range(0, 32, 4)]
    return np.random.default_rng(np.random.SeedSequence([seed, *words]))
