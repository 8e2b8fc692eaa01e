"""The view `images`: pictures as they are, in one size."""

from functools import partial
from typing import Any

import numpy as np

from fringeflow.config.collections import Pictures
from fringeflow.seismic.pictures import read_picture
from fringeflow.seismic.resample import area_weights, resampled
from fringeflow.seismic.stores import VARIANT, Maker
from fringeflow.seismic.vary import vary_picture


def image_view(picture: np.ndarray, size: int) -> np.ndarray:
    """Return a picture as a square, each pixel the mean of the area that it covers.

    Parameters
    ----------
    picture : ndarray of float32, shape (3, rows, columns), 0 to 1
    size : int

    Returns
    -------
    ndarray of float32, shape (3 * size, size)
        The red, the green and the blue plane, one below the other. The sides are stretched each for itself.
    """
    down, across = area_weights(picture.shape[1], size), area_weights(picture.shape[2], size)
    return np.concatenate([resampled(plane, down, across) for plane in picture])


def image_maker(settings: Pictures) -> Maker:
    """Return how the view `images` of a folder of pictures is made; a crop box outside a picture is an error there."""
    crop = settings.crop

    def make(picture: np.ndarray, row: Any) -> np.ndarray:
        variant = getattr(row, VARIANT, None)
        return image_view(vary_picture(picture, variant) if variant else picture, settings.size)

    attrs = {"view": "images", "crop": None if crop is None else list(crop), "size": settings.size}
    return Maker(partial(read_picture, crop=crop), make, (3 * settings.size, settings.size), attrs, "1")
