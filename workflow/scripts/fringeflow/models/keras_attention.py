"""Attention of keras.applications' backbones, wherever their frozen part ends; see `attention`."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from fringeflow.keras_runtime import start, tf
from fringeflow.models.attention import BATCH, attention_map
from fringeflow.models.keras_backbones import build_backbone, network_input
from fringeflow.models.keras_split import split
from fringeflow.models.spec import ModelSpec


def way(model: ModelSpec) -> str:
    """Say in a few words how the maps of a model are made."""
    return "Grad-CAM, last feature map"


def attention(model: ModelSpec, fits: Sequence[Any], images: np.ndarray, positive: int) -> np.ndarray:
    """Return where a model looked for a class.

    Parameters
    ----------
    model : ModelSpec
    fits : sequence of KerasFit
        One a seed: each has a `network`, from the cut on, and the `scale` of its logits.
    images : ndarray of float32, shape (n, 3, size, size)
        Encoded and normalised.
    positive : int
        Number of the class.

    Returns
    -------
    ndarray of float64, shape (n, rows, columns)
        Mean over the fits of each one's map, in [0, 1], with the resolution of the last feature map.

    Raises
    ------
    ModelError
        If the backbone's weights are missing or do not fit.
    """
    start(1)
    spec = model.encoder_spec
    pooled = spec.cut == "pooled"
    prefix, _ = split(build_backbone(spec), "map" if pooled else spec.cut)
    given = network_input(images, spec)
    return np.mean([attention_of(prefix, fit.network, fit.scale, given, positive, pooled=pooled) for fit in fits], axis=0)


def attention_of(prefix: Any, network: Any, scale: float, images: np.ndarray, positive: int, *, pooled: bool) -> np.ndarray:
    """Return where one network looked.

    Parameters
    ----------
    prefix : keras.Model or None
        The frozen part, from images to what is cached; where that is `pooled`, to the map before.
    network : keras.Sequential
        Trained: the layers of the backbone after the prefix, if any, and the head.
    scale : float
        Multiplies the logits.
    images : ndarray of float32, shape (n, size, size, 3)
    positive : int
    pooled : bool
        Whether the head takes the map's means.

    Returns
    -------
    ndarray of float64, shape (n, rows, columns)
        The score is the class's log-odds, as in `torch_attention`.
    """
    *between, head = network.layers
    parts = []
    for start_at in range(0, len(images), BATCH):
        maps = tf.constant(images[start_at : start_at + BATCH])
        for layers in ([prefix] if prefix is not None else []) + between:
            maps = layers(maps, training=False)
        maps = tf.cast(maps, tf.float32)
        with tf.GradientTape() as tape:
            tape.watch(maps)
            logits = scale * head(tf.reduce_mean(maps, axis=(1, 2)) if pooled else maps, training=False)
            others = [number for number in range(logits.shape[1]) if number != positive]
            odds = logits[:, positive] - tf.reduce_logsumexp(tf.gather(logits, others, axis=1), axis=1)
            score = tf.reduce_sum(odds)
        parts.append(attention_map(maps.numpy(), tape.gradient(score, maps).numpy()))
    return np.concatenate(parts)
