"""Histograms of oriented gradients as an encoder: the classical counterpart of a frozen backbone."""

from typing import Any

import numpy as np
from skimage.feature import hog

from fringeflow.errors import ModelError
from fringeflow.models.spec import EncoderSpec


class HogEncoder:
    """HOG features of encoded samples.

    At every pixel the channel with the steepest gradient counts. For a picture that repeats one
    channel this is the HOG of that picture; for ``sincos`` it is the steeper one of sine and cosine,
    at least 0.7 of the phase's own gradient everywhere and free of the jumps of a wrapped phase.

    Attributes
    ----------
    shape : tuple of int
        Of a sample's features: their number.

    References
    ----------
    Dalal and Triggs (2005), "Histograms of oriented gradients for human detection", CVPR.
    """

    def __init__(self, spec: EncoderSpec):
        cell, block = int(spec.options["cell"]), int(spec.options["block"])
        orientations = int(spec.options["orientations"])
        self.settings: dict[str, Any] = {
            "orientations": orientations,
            "pixels_per_cell": (cell, cell),
            "cells_per_block": (block, block),
            "block_norm": "L2-Hys",
        }
        cells = spec.input_size // cell
        if cells < block:
            raise ModelError(
                f"HOG: an input of {spec.input_size} pixels holds {cells} cells of {cell}, fewer than a block's {block}; "
                "raise input_size or lower `cell`"
            )
        self.shape = ((cells - block + 1) ** 2 * block**2 * orientations,)

    def encode(self, images: np.ndarray) -> np.ndarray:
        """Return the features of a batch.

        Parameters
        ----------
        images : ndarray of float32, shape (batch, 3, size, size)

        Returns
        -------
        ndarray of float32, shape (batch, dim)
        """
        features = np.empty((len(images), *self.shape), np.float32)
        for row, image in enumerate(images):
            distinct = image[:1] if np.array_equal(image[0], image[1]) else image
            features[row] = hog(distinct, channel_axis=0, **self.settings)
        return features


def load_encoder(spec: EncoderSpec, *, threads: int, bfloat16: bool = False) -> HogEncoder:
    """Build the encoder; threads and number format mean nothing to it.

    Raises
    ------
    ModelError
        If the input is too small for a block.
    """
    return HogEncoder(spec)
