"""Augmentations under which a split-spread gather stays one: the spread mirrored, or one of its sides twice.

A shot in the middle of a spread is seen from both sides. Exchanging them, or showing one side and its mirror image, gives a
gather that another shot could have given; a defect on the side that is kept is then on both, one on the other is gone.
Nothing is stretched, recoloured, or turned upside down. Study B made its own pictures this way.
"""

from dataclasses import replace

import numpy as np

from fringeflow.errors import DatasetError, nearest
from fringeflow.seismic.recording import Recording

VARIANTS = ("mirror", "two_left_halves", "two_right_halves")
"""Names of the augmentations."""


def column_order(count: int, variant: str) -> np.ndarray:
    """Return which trace, or column of a picture, stands at each place of a variant.

    Parameters
    ----------
    count : int
        Traces. If it is odd, the middle one belongs to both halves.
    variant : str
        One of `VARIANTS`.

    Returns
    -------
    ndarray of int, shape (count,)

    Raises
    ------
    ValueError
        If there is no such variant.

    Examples
    --------
    >>> column_order(4, "two_left_halves"), column_order(5, "two_right_halves")
    (array([0, 1, 1, 0]), array([4, 3, 2, 3, 4]))
    """
    place = np.arange(count)
    if variant == "mirror":
        return place[::-1]
    if variant == "two_left_halves":
        return np.minimum(place, place[::-1])
    if variant == "two_right_halves":
        return np.maximum(place, place[::-1])
    raise ValueError(f"no variant '{variant}'; {nearest(variant, VARIANTS)}")


def vary_recording(recording: Recording, variant: str) -> Recording:
    """Return a variant of a recording, its traces in another order.

    Raises
    ------
    DatasetError
        If it has one trace only: every variant would be the recording itself.
    """
    count = len(recording.traces)
    if count < 2:
        raise DatasetError(
            f"{recording.source}: an augmentation puts traces into another order, but it has {count}; expected a gather of at least 2. "
            "Leave the strategy `augmentation` out for this dataset"
        )
    order = column_order(count, variant)
    return replace(recording, traces=recording.traces[order], names=tuple(recording.names[place] for place in order))


def vary_picture(picture: np.ndarray, variant: str) -> np.ndarray:
    """Return a variant of a picture of a gather, its columns in another order.

    Parameters
    ----------
    picture : ndarray, shape (..., rows, columns)
        Without axes, margins or titles: these would be mirrored, too.
    variant : str
    """
    return picture[..., column_order(picture.shape[-1], variant)]
