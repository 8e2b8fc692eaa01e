"""Attention of Keras networks, in a process of its own: reads weights and images from an .npz, writes maps to another.

Usage: python -m tests.unit.run_keras_attention IN.npz OUT.npz
"""

import sys

import numpy as np

from fringeflow.keras_runtime import keras
from fringeflow.models.keras_attention import attention_of
from fringeflow.models.keras_heads import build_head

if __name__ == "__main__":
    given = np.load(sys.argv[1])
    images = np.moveaxis(given["images"], 1, -1)
    pictures = keras.Input(images.shape[1:])
    layer = keras.layers.Conv2D(given["kernel"].shape[-1], 3, strides=4, padding="valid", activation="relu", use_bias=False)
    backbone = keras.Model(pictures, layer(pictures))
    layer.set_weights([given["kernel"]])
    shape = tuple(backbone.output_shape[1:])

    head = build_head("linear", (shape[-1],), 2)
    head.layers[-1].set_weights([given["linear"], np.zeros(2)])
    frozen = keras.Sequential([keras.Input((shape[-1],)), head])
    whole_head = build_head("linear", shape, 2)
    whole_head.layers[-1].set_weights([given["linear"], np.zeros(2)])
    whole = keras.Sequential([keras.Input(images.shape[1:]), backbone, whole_head])

    corner = build_head("silva", shape, 2)
    first = corner.layers[1]
    weights = np.abs(np.random.default_rng(0).normal(size=(*shape, first.units)))
    weights[1:] = weights[:, 1:] = 0  # the flattened map is read at its upper left cell alone
    first.set_weights([weights.reshape(-1, first.units), np.zeros(first.units)])
    read_corner = keras.Sequential([keras.Input(shape), corner])

    np.savez(
        sys.argv[2],
        frozen=attention_of(backbone, frozen, 1.0, images, 1, pooled=True),
        whole=attention_of(None, whole, 1.0, images, 1, pooled=False),
        corner=np.concatenate([attention_of(backbone, read_corner, 1.0, images, number, pooled=False) for number in (0, 1)]),
    )
