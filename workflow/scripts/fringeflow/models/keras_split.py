"""Cut a Keras network in two: what is frozen and computed once, and what is trained."""

from typing import Any

from fringeflow.errors import ModelError, nearest
from fringeflow.keras_runtime import keras


def split(network: Any, cut: str) -> tuple[Any, Any]:
    """Return the frozen and the trained part of a network.

    Parameters
    ----------
    network : keras.Model
        One input, one output, each layer used once.
    cut : str
        ``pooled``: all is frozen, and the last map's means are taken; ``map``: all is frozen; ``input``: nothing is;
        or the name of the first layer that is trained. A layer with weights is cut before, so that it is trained; of
        one without weights the result is frozen, which changes nothing in what is trained and lets a name like
        InceptionV3's ``mixed9``, where several tensors enter and one leaves, mark a boundary.

    Returns
    -------
    prefix, suffix : keras.Model or None
        They share the network's layers; None where there is nothing.

    Raises
    ------
    ModelError
        If there is no such layer, no weights follow, or a shortcut passes by it; with the nearest valid names.
    """
    if cut == "input":
        return None, network
    if cut == "map":
        return network, None
    if cut == "pooled":
        return keras.Model(network.input, keras.layers.GlobalAveragePooling2D(name="pooled")(network.output)), None
    layer = next((layer for layer in network.layers if layer.name == cut), None)
    if layer is None:
        raise ModelError(f"from_layer: {network.name} has no layer '{cut}'; {nearest(cut, cut_layers(network))}")
    if _passes_by(network, _boundary(layer)):
        raise ModelError(
            f"from_layer: {network.name} has shortcuts past '{cut}', expected a single way; {nearest(cut, cut_layers(network))}"
        )
    if not _follows(network, layer):
        raise ModelError(f"from_layer: no layer with weights follows '{cut}' in {network.name}; {nearest(cut, cut_layers(network))}")
    boundary = _boundary(layer)
    prefix = None if boundary is network.input else keras.Model(network.input, boundary)
    return prefix, keras.Model(boundary, network.output)


def cut_layers(network: Any) -> list[str]:
    """Return the names of the layers that a network can be cut at, in order."""
    layers = [layer for layer in network.layers if not isinstance(layer, keras.layers.InputLayer)]
    return [layer.name for layer in layers if _follows(network, layer) and not _passes_by(network, _boundary(layer))]


def _boundary(layer: Any) -> Any:
    return layer.input if layer.weights else layer.output


def _inputs(tensor: Any) -> list[Any]:
    """Return the tensors that a symbolic tensor is computed from."""
    operation, node, _ = tensor._keras_history
    return list(operation._inbound_nodes[node].input_tensors)


def _passes_by(network: Any, boundary: Any) -> bool:
    """Whether the output depends on the input by a way that does not lead through `boundary`."""
    return id(network.input) in _before(network.output, boundary)


def _follows(network: Any, layer: Any) -> bool:
    """Whether something with weights is computed from a layer's boundary on."""
    before = _before(network.output, _boundary(layer))
    return any(other.weights and id(other.output) in before for other in network.layers)


def _before(tensor: Any, boundary: Any) -> set[int]:
    """Return the tensors (their ids) that a tensor is computed from, not looking behind `boundary`."""
    seen: set[int] = set()
    todo = [tensor]
    while todo:
        tensor = todo.pop()
        if tensor is not boundary and id(tensor) not in seen:
            seen.add(id(tensor))
            todo += _inputs(tensor)
    return seen
