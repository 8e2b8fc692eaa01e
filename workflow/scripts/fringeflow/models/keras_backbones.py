"""Convolutional backbones of keras.applications on TensorFlow, cut where the frozen part ends."""

import os
import socket
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np

from fringeflow.encoding.views import PICTURES
from fringeflow.errors import ModelError
from fringeflow.keras_runtime import GPUS, keras, start, tf
from fringeflow.models.keras_split import split
from fringeflow.models.keras_weights import load_stored
from fringeflow.models.number_format import cpu_gains
from fringeflow.models.spec import EncoderSpec

INITIAL_SEED = 0
"""Of random weights: `weights: none` gives the same backbone to every process."""
TIMEOUT_S = 20.0
"""Longest silence of the server of ImageNet weights."""
STORAGE = "https://storage.googleapis.com/tensorflow/keras-applications"
KERNELS = "weights_tf_dim_ordering_tf_kernels_notop.h5"
FILES = {
    "InceptionV3": f"inception_v3/inception_v3_{KERNELS}",
    "ResNet50V2": f"resnet/resnet50v2_{KERNELS}",
    "VGG19": f"vgg19/vgg19_{KERNELS}",
}
"""Where keras.applications gets ImageNet weights from, under `STORAGE`."""
BGR = frozenset({"VGG19"})
"""Backbones whose weights come from Caffe: blue first, values of 0 to 255 less their means."""
HALF_RANGE = 127.5
BFLOAT16_FROM = (8, 0)
"""Compute capability of the first GPUs with bfloat16 of their own."""


def gains_from_bfloat16() -> bool:
    """Whether networks are faster in bfloat16 where they are at work: on GPUs whose own format it is, and some CPUs."""
    told = [tf.config.experimental.get_device_details(device).get("compute_capability", (0, 0)) for device in GPUS]
    return min(told) >= BFLOAT16_FROM if told else cpu_gains()


class KerasEncoder:
    """The frozen part of a backbone: pictures to what enters the first layer that is trained.

    Batch normalisation uses its stored statistics. In bfloat16 (Keras' ``mixed_bfloat16``: weights and pooling stay
    float32) features differ by about 1 %; `cpu_gains` tells how much time that takes.

    Attributes
    ----------
    shape : tuple of int
        Of a sample's features: a length, or rows, columns and channels.
    """

    def __init__(self, spec: EncoderSpec, prefix: Any, *, bfloat16: bool):
        self.spec = spec
        self.shape: tuple[int, ...] = (spec.input_size, spec.input_size, 3)
        self._forward: Any = None
        if prefix is None:
            return
        prefix.trainable = False
        self.shape = tuple(prefix.output.shape[1:])
        if bfloat16:
            for layer in prefix.layers:
                if layer.name != "pooled":
                    layer.dtype_policy = keras.DTypePolicy("mixed_bfloat16")
        signature = tf.TensorSpec((None, *prefix.input.shape[1:]), tf.float32)
        forward = tf.function(lambda images: tf.cast(prefix(images, training=False), tf.float32))
        self._forward = forward.get_concrete_function(signature)  # traced here: `encode` is called from several threads

    def encode(self, images: np.ndarray) -> np.ndarray:
        """Return the features of a batch.

        Parameters
        ----------
        images : ndarray of float32, shape (batch, 3, size, size)
            Encoded and normalised.

        Returns
        -------
        ndarray of float32, shape (batch, *shape)
            With the cut ``input`` the images as the network takes them.
        """
        given = network_input(images, self.spec)
        return given if self._forward is None else self._forward(tf.constant(given)).numpy()


def load_encoder(spec: EncoderSpec, *, threads: int, bfloat16: bool = False) -> KerasEncoder:
    """Build the frozen part of a backbone.

    Parameters
    ----------
    spec : EncoderSpec
    threads : int
        Of one operation of TensorFlow.
    bfloat16 : bool
        Forward in bfloat16, whether that gains here or not.

    Raises
    ------
    ModelError
        If weights are missing or do not fit, or there is no layer to cut at.
    """
    start(threads)
    prefix, _ = split(build_backbone(spec), spec.cut)
    return KerasEncoder(spec, prefix, bfloat16=bfloat16)


def network_input(images: np.ndarray, spec: EncoderSpec) -> np.ndarray:
    """Return encoded and normalised images as a backbone takes them: each exactly as its ``preprocess_input`` would.

    `normalise` has put a picture on the backbone's scale already (for VGG19, 255 times the picture less Caffe's
    means); here channels go last and, for VGG19, blue comes first. Signed channels in [-1, 1] are what InceptionV3
    and ResNet50V2 take; for VGG19 they are spread over the same range as its pictures, by half of 255.

    Parameters
    ----------
    images : ndarray of float32, shape (batch, 3, size, size)
    spec : EncoderSpec

    Returns
    -------
    ndarray of float32, shape (batch, size, size, 3)
    """
    last = np.moveaxis(images, 1, -1)
    if spec.backbone in BGR:
        last = last[..., ::-1]
        if spec.encoding not in PICTURES:
            last = last * np.float32(HALF_RANGE)
    return np.ascontiguousarray(last, dtype=np.float32)


def build_backbone(spec: EncoderSpec, *, weighted: bool = True) -> Any:
    """Return a whole network without its classifier.

    Parameters
    ----------
    spec : EncoderSpec
    weighted : bool
        Whether to load its weights; without them they are random, to be replaced by those of a fitted model.

    Returns
    -------
    keras.Model
        Its layers have the names that they have in a fresh process.

    Raises
    ------
    ModelError
        If the weights are missing or do not fit.
    """
    keras.utils.set_random_seed(INITIAL_SEED)
    if weighted and spec.weights == "imagenet":
        network = _pretrained(spec)
    else:
        network = _construct(spec, None)
        if weighted and spec.weights != "none":
            load_stored(network, Path(spec.weights))
    renumber(network)
    return network


def renumber(network: Any) -> None:
    """Count the layers that Keras named by their class from 0; it goes on where the last network of the process ended."""
    numbered: dict[str, list[tuple[int, Any]]] = defaultdict(list)
    for layer in network.layers:
        stem, _, number = layer.name.rpartition("_")
        if not number.isdigit():
            stem, number = layer.name, "0"
        if stem.replace("_", "") == type(layer).__name__.lower():
            numbered[stem].append((int(number), layer))
    for stem, entries in numbered.items():
        for place, (_, layer) in enumerate(sorted(entries, key=lambda entry: entry[0])):
            layer.name = f"{stem}_{place}" if place else stem


def _construct(spec: EncoderSpec, weights: str | None) -> Any:
    shape = (spec.input_size, spec.input_size, 3)
    return getattr(keras.applications, spec.backbone)(include_top=False, weights=weights, input_shape=shape)


def _pretrained(spec: EncoderSpec) -> Any:
    """Return a backbone with the ImageNet weights of keras.applications, from its cache or the network."""
    silence = socket.getdefaulttimeout()
    socket.setdefaulttimeout(TIMEOUT_S)
    try:
        return _construct(spec, "imagenet")
    except Exception as error:  # offline, a proxy, a file of another digest, a full disk: each raises its own
        folder = Path(os.environ.get("KERAS_HOME", Path.home() / ".keras")) / "models"
        url = f"{STORAGE}/{FILES[spec.backbone]}"
        raise ModelError(
            f"weights 'imagenet' of {spec.backbone} are neither in {folder} nor to be had from the network ({type(error).__name__}). "
            f"Download {url} on a machine with network and put it into that folder, or give its path as `weights:` of the model"
        ) from error
    finally:
        socket.setdefaulttimeout(silence)
