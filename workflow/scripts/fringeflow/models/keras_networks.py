"""What is trained of a model in Keras: the layers of its backbone from the cut on, and a head."""

from typing import Any

from fringeflow.errors import ModelError
from fringeflow.keras_runtime import keras
from fringeflow.models.keras_backbones import build_backbone
from fringeflow.models.keras_heads import build_head
from fringeflow.models.keras_split import split
from fringeflow.models.spec import ModelSpec


def build_network(
    model: ModelSpec, shape: tuple[int, ...], classes: int, *, seed: int = 0, normalised: bool = False, weighted: bool = True
) -> Any:
    """Return the layers that are trained: those of the backbone from the cut on, with its weights, and a new head.

    Parameters
    ----------
    model : ModelSpec
    shape : tuple of int
        Of a sample's cached activations.
    classes : int
    seed : int
        Of the head; the backbone's weights are the same for all.
    normalised : bool
        Whether the logits are cosines.
    weighted : bool
        Whether the backbone gets its weights, or is about to get those of a fit.

    Returns
    -------
    keras.Sequential

    Raises
    ------
    ModelError
        If weights are missing or do not fit, or the activations are not those at the cut.
    """
    spec = model.encoder_spec
    suffix = None if model.mode == "frozen" else split(build_backbone(spec, weighted=weighted), spec.cut)[1]
    if suffix is not None and suffix.input_shape[1:] != shape:
        raise ModelError(
            f"{spec.key}: cached activations have the shape {shape}, expected {suffix.input_shape[1:]}; embed the dataset again"
        )
    return assemble(suffix, shape, model.head, classes, seed=seed, normalised=normalised)


def assemble(suffix: Any, shape: tuple[int, ...], head: str, classes: int, *, seed: int, normalised: bool = False) -> Any:
    """Put a new head behind the trained part of a backbone, None where all of it is frozen."""
    keras.utils.set_random_seed(seed)
    before = [] if suffix is None else [suffix]
    given = shape if suffix is None else tuple(suffix.output_shape[1:])
    network = keras.Sequential([keras.Input(shape), *before, build_head(head, given, classes, normalised=normalised)])
    network.trainable = True
    return network
