"""Tiles as models may see them: what no store of ours holds is told before it becomes a feature."""

import numpy as np

from fringeflow.errors import DatasetError
from fringeflow.store import Samples

SEEN = ("wrapped", "images")
"""Views of which every sample has data somewhere: a tile is cut for its wrapped phase, and a picture is whole. Of such a tile
nothing may be unwrapped, and a window of a recording may lie in a gap: the other views may have samples without data."""


def read_sound(samples: Samples, rows: slice, view: str) -> np.ndarray:
    """Read samples, and make sure that what is not finite in them is no data and nothing else.

    Parameters
    ----------
    samples : Samples
    rows : slice
        From a first row on, each one.
    view : str

    Returns
    -------
    ndarray of float32, shape (b, rows, columns)
        NaN marks no data.

    Raises
    ------
    DatasetError
        If a value is infinite, or a sample of a view in `SEEN` holds nothing but NaN.
    """
    tiles = samples.read(rows)
    flat = tiles.reshape(len(tiles), -1)
    infinite, unknown = np.isinf(flat).any(axis=1), np.isnan(flat).all(axis=1)
    wrong = infinite | unknown if view in SEEN else infinite
    if wrong.any():
        place = int(np.argmax(wrong))
        count = np.count_nonzero(np.isinf(flat[place]))
        found = f"{count} infinite values of {flat.shape[1]}" if count else "nothing but NaN"
        raise DatasetError(
            f"{samples.path}: sample {rows.start + place} holds {found}, expected finite values, NaN "
            "only where there is no data; remove that store and run the workflow to make it again"
        )
    return tiles
