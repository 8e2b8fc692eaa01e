"""Weights of Keras backbones from a file: read by shape and order, with what differs in words. Runs no code of the file."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from fringeflow.errors import ModelError

SHOWN = 3
"""Most differences of a kind that a message lists."""


def load_stored(network: Any, path: Path) -> None:
    """Load a network's weights from a file; dense layers of a classifier on top are left out.

    Parameters
    ----------
    network : keras.Model
        Without top.
    path : Path
        ``*.weights.h5`` as Keras 3 writes it, or ``*.h5`` as keras.applications distributes it.

    Raises
    ------
    ModelError
        If the file cannot be read, or its layers are not the network's: the first that differ are told.
    """
    try:
        with h5py.File(path, "r") as file:
            stored = list(_legacy(file) if _is_legacy(file) else _by_class(file, network))
            stored = [(name, arrays) for name, arrays in stored if not arrays or arrays[0].ndim != 2]
            layers = [layer for layer in network.layers if layer.weights]
            _check_shapes(path, network.name, layers, stored)
            if any(array.file.filename != file.filename for _, arrays in stored for array in arrays):
                raise ValueError("it refers to another file")
            # Nothing is read before its shape is known to be the network's: a small file may declare terabytes.
            values = [[np.asarray(array) for array in arrays] for _, arrays in stored]
    except (OSError, KeyError, TypeError, ValueError, RuntimeError, AttributeError) as error:
        raise ModelError(f"{path}: cannot be read as weights of Keras, .weights.h5 or .h5 of keras.applications ({error})") from error
    for layer, arrays in zip(layers, values, strict=True):
        layer.set_weights(arrays)


def _check_shapes(path: Path, network: str, layers: list[Any], stored: list[tuple[str, list[h5py.Dataset]]]) -> None:
    """Refuse weights whose number or shapes are not a network's."""
    if len(stored) != len(layers):
        found = f"{len(stored)} layers with weights besides dense ones"
        raise ModelError(f"{path} does not fit {network}: {found}, expected {len(layers)}; these are other weights")
    differing = [
        f"{layer.name} {_shapes(arrays)} (stored as '{name}'), expected {_shapes(layer.weights)}"
        for layer, (name, arrays) in zip(layers, stored, strict=True)
        if [array.shape for array in arrays] != [tuple(weight.shape) for weight in layer.weights]
    ]
    if differing:
        more = " ..." if len(differing) > SHOWN else ""
        text = f"{len(differing)} of {len(layers)} layers have another shape: {'; '.join(differing[:SHOWN])}{more}"
        raise ModelError(f"{path} does not fit {network}: {text}")


def _dataset(group: Any, name: str) -> h5py.Dataset:
    """Return an array by its name."""
    found = group[name]
    if not isinstance(found, h5py.Dataset) or found.dtype.kind not in "fiu" or found.is_virtual or found.external:
        raise ValueError(f"'{name}' is no array of numbers in this file")
    return found


def _is_legacy(file: h5py.File) -> bool:
    return "layer_names" in file.attrs or "layer_names0" in file.attrs or "model_weights" in file


def _legacy(file: h5py.File) -> Iterator[tuple[str, list[h5py.Dataset]]]:
    """Yield the layers that have weights of the format of keras.applications: names in attributes, in order."""
    group = file.get("model_weights", file)
    for name in _names(group, "layer_names"):
        weights = _names(group[name], "weight_names")
        if weights:
            yield name, [_dataset(group[name], weight) for weight in weights]


def _names(group: Any, attribute: str) -> list[str]:
    """Return a list of names; one too long for an attribute is cut into numbered ones."""
    parts = [attribute] if attribute in group.attrs else []
    while f"{attribute}{len(parts)}" in group.attrs and attribute not in group.attrs:
        parts.append(f"{attribute}{len(parts)}")
    return [name.decode() if isinstance(name, bytes) else str(name) for part in parts for name in group.attrs[part]]


def _by_class(file: h5py.File, network: Any) -> Iterator[tuple[str, list[h5py.Dataset]]]:
    """Yield the layers that have weights of Keras 3's format: named by class and number, in the network's order.

    Those that the network has no place for come last.
    """
    groups = {name: group["vars"] for name, group in file["layers"].items() if "vars" in group and len(group["vars"])}
    counts: dict[str, int] = {}
    for layer in network.layers:
        kind = _snake(type(layer).__name__)
        name = f"{kind}_{counts[kind]}" if kind in counts else kind
        counts[kind] = counts.get(kind, 0) + 1
        if name in groups:
            yield name, _numbered(groups.pop(name))
    for name, group in groups.items():
        yield name, _numbered(group)


def _numbered(group: Any) -> list[h5py.Dataset]:
    return [_dataset(group, str(number)) for number in range(len(group))]


def _snake(name: str) -> str:
    """Return a class's name as Keras writes it in files.

    >>> _snake("BatchNormalization"), _snake("Conv2D"), _snake("AveragePooling2D")
    ('batch_normalization', 'conv2d', 'average_pooling2d')
    """
    return re.sub("([a-z])([A-Z])", r"\1_\2", name).lower()


def _shapes(weights: Any) -> str:
    return " and ".join("x".join(map(str, weight.shape)) for weight in weights) or "nothing"
