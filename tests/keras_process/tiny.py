"""A tiny network with what real ones have: normalisation, a shortcut, and a bottleneck to cut at."""

import numpy as np

from fringeflow.keras_runtime import keras
from fringeflow.training.folds import Fold

SIZE, CHANNELS = 12, 6


def tiny_backbone(seed: int = 0) -> keras.Model:
    """Three convolutions, of which a shortcut passes by the second; its statistics are not those of a fresh network."""
    keras.utils.set_random_seed(seed)
    given = keras.Input((SIZE, SIZE, 3))
    stem = keras.layers.Conv2D(CHANNELS, 3, strides=2, padding="same", name="stem")(given)
    stem = keras.layers.BatchNormalization(momentum=0.9, name="stem_bn")(stem)
    stem = keras.layers.Activation("relu", name="stem_relu")(stem)
    inner = keras.layers.Conv2D(CHANNELS, 3, padding="same", name="inner")(stem)
    inner = keras.layers.Activation("relu", name="inner_relu")(inner)
    joined = keras.layers.Add(name="joined")([stem, inner])
    last = keras.layers.Conv2D(CHANNELS, 3, padding="same", name="last")(joined)
    last = keras.layers.BatchNormalization(momentum=0.9, name="last_bn")(last)
    network = keras.Model(given, keras.layers.Activation("relu", name="last_relu")(last), name="tiny")
    rng = np.random.default_rng(seed)
    for name in ("stem_bn", "last_bn"):
        norm = network.get_layer(name)
        norm.set_weights([rng.uniform(0.5, 1.5, weight.shape) for weight in norm.get_weights()])
    return network


def stripes(counts: tuple[int, int], *, seed: int) -> Fold:
    """Images of noise, without (0) and with (1) stripes of any phase; channels last."""
    rng = np.random.default_rng(seed)
    labels = rng.permutation(np.repeat([0, 1], counts))
    images = rng.normal(scale=0.5, size=(len(labels), SIZE, SIZE, 3))
    phase = rng.uniform(0, 2 * np.pi, len(labels))
    wave = np.sin(2 * np.pi * np.arange(SIZE) / 4 + phase[:, None])
    images += (labels[:, None] * wave)[:, None, :, None]
    return Fold(images.astype(np.float32), labels)
