"""Heads of Keras networks: from features, or a feature map, to one logit a class. `torch_heads` has the same ones."""

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from fringeflow.keras_runtime import keras
from fringeflow.models.standardise import scales

SILVA_WIDTHS = (1024, 512, 256, 128, 64, 32)
MOMENTUM = 0.9
"""Of the moving statistics: Keras' own 0.99 needs hundreds of steps to follow, more than a small dataset has."""


class Standardise(keras.layers.Layer):
    """Z-score with the mean and standard deviation of the training features, kept with the weights.

    A feature that is all but constant in training is divided by more than its deviation (see `scales`).
    """

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Make room for the statistics."""
        shape = input_shape[1:]
        self.mean = self.add_weight(shape=shape, initializer="zeros", trainable=False, name="mean")
        self.spread = self.add_weight(shape=shape, initializer="ones", trainable=False, name="spread")

    def fit(self, blocks: Callable[[], Iterable[np.ndarray]]) -> None:
        """Take the statistics from features that come in blocks, in two passes; a constant feature is only centred."""
        count, total = 0, np.zeros(self.mean.shape)
        for block in blocks():
            count += len(block)
            total += block.sum(axis=0, dtype=np.float64)
        mean = total / count
        squares = sum(((block - mean) ** 2).sum(axis=0) for block in blocks())
        self.mean.assign(mean)
        self.spread.assign(scales(np.sqrt(squares / count)))

    def call(self, features: Any) -> Any:
        """Return the standardised features."""
        return (features - self.mean) / self.spread


class Cosine(keras.layers.Layer):
    """A last layer whose logits are the cosines between features and one direction a class.

    References
    ----------
    Cao et al. (2019), arXiv:1906.07413, section 3.2 (last layer and its inputs normalised to length 1).
    """

    def __init__(self, classes: int, **settings: Any):
        super().__init__(**settings)
        self.classes = classes

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Make the directions."""
        self.kernel = self.add_weight(shape=(input_shape[-1], self.classes), initializer="glorot_uniform", name="kernel")

    def call(self, features: Any) -> Any:
        """Return cosines, shape (n, classes)."""
        return keras.ops.normalize(features, axis=-1) @ keras.ops.normalize(self.kernel, axis=0)


def build_head(name: str, shape: tuple[int, ...], classes: int, *, normalised: bool = False) -> Any:
    """Return a head.

    Parameters
    ----------
    name : {"linear", "silva"}
        ``linear``: the means over a map, then one layer. ``silva``: study A's, the whole map in dense layers of 1024,
        512, 256, 128, 64 and 32, each with ReLU and batch normalisation, then one layer.
    shape : tuple of int
        Of what it is given: (features,), which are standardised first, or (rows, columns, channels).
    classes : int
        Logits; a softmax of two equals the study's sigmoid.
    normalised : bool
        Whether the last layer gives cosines, as margins need them.

    Returns
    -------
    keras.Sequential

    Raises
    ------
    ValueError
        If the name is unknown.
    """
    if name not in ("linear", "silva"):
        raise ValueError(f"unknown head '{name}'; valid: linear, silva")
    layers: list[Any] = [keras.Input(shape)]
    if len(shape) == 1:
        layers.append(Standardise())
    else:
        layers.append(keras.layers.GlobalAveragePooling2D() if name == "linear" else keras.layers.Flatten())
    for width in SILVA_WIDTHS if name == "silva" else ():
        layers += [keras.layers.Dense(width, activation="relu"), keras.layers.BatchNormalization(momentum=MOMENTUM)]
    layers.append(Cosine(classes) if normalised else keras.layers.Dense(classes))
    return keras.Sequential(layers)


def start_at(head: Any, shares: np.ndarray, shift: np.ndarray) -> None:
    """Let an untrained head predict about the classes' shares in its loss, so that no epoch is spent on finding them.

    A head of cosines has no constant to put them into and starts from equal classes.

    Parameters
    ----------
    head : keras.Sequential
        From `build_head`.
    shares : ndarray, shape (classes,)
        Of the classes in the loss, each above 0.
    shift : ndarray, shape (classes,)
        What the loss adds to the logits: that much of the shares is known to it already.

    References
    ----------
    Lin et al. (2017), arXiv:1708.02002, section 3.3 (the prior of a rare class).
    """
    last = head.layers[-1]
    if isinstance(last, keras.layers.Dense):
        last.kernel.assign(0.1 * last.kernel)
        last.bias.assign(np.log(shares / np.sum(shares)) - shift)
