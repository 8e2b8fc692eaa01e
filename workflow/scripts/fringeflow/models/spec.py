"""What a model is, in plain values: the registry makes these, training and scoring read them.

Apart from the registry, so that registering another model does not change the code behind the others.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from fringeflow.datasets.stages import Stage
from fringeflow.models.base import NAME as BASE

Scalar = float | int | str | bool


@dataclass(frozen=True)
class EncoderSpec:
    """The frozen part of a model, shared by all models that have the same.

    Attributes
    ----------
    key : str
        Readable and unique, for example ``efficientnet_lite0-packaged-128-sincos``.
    module : str
        Dotted name of the module with its `load_encoder`.
    backbone : str
        The name by which that module knows it.
    weights : str
        ``packaged``, ``imagenet``, ``none`` or a file; empty where there are none.
    weights_digest : str
        SHA-256 of the file, otherwise empty.
    input_size : int
        Pixels.
    encoding : str
    mean, std : tuples of float
        Of the pictures that the weights were trained on.
    options : dict
    cut : str
        Where the frozen part ends: ``pooled`` (means over the last feature map), ``map`` (that map), ``input`` (nothing
        is frozen), or a layer's name: what enters that layer.
    """

    key: str
    module: str
    backbone: str
    weights: str
    weights_digest: str
    input_size: int
    encoding: str
    mean: tuple[float, ...]
    std: tuple[float, ...]
    options: dict[str, Scalar] = field(default_factory=dict)
    cut: str = "pooled"

    def as_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {**asdict(self), "mean": list(self.mean), "std": list(self.std)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "EncoderSpec":
        """Build from `as_dict`."""
        return cls(**{**values, "mean": tuple(values["mean"]), "std": tuple(values["std"])})


@dataclass(frozen=True)
class ModelSpec:
    """A configured model with every default filled in, for one view.

    Attributes
    ----------
    name : str
        Its name in the config.
    architecture : str
    fitter : str
        Dotted name of the module with its `fit` and `load`.
    mode : str
        ``frozen``: the head is fitted on the encoder's features; ``partial``: also the layers after the encoder's
        `cut`; ``full``: the whole network; ``prompt``: prompts before a frozen transformer's patches, and the head.
    head : str
    encoder_spec : EncoderSpec
    options : dict
        Hyper-parameters of the fitted part.
    stages : tuple of Stage
        Of a cascade; empty: all classes are told apart at once.
    """

    name: str
    architecture: str
    fitter: str
    mode: str
    head: str
    encoder_spec: EncoderSpec
    options: dict[str, Scalar] = field(default_factory=dict)
    stages: tuple[Stage, ...] = ()

    @property
    def encoder(self) -> dict[str, Any]:
        """The encoder in plain values."""
        return self.encoder_spec.as_dict()

    @property
    def weight_files(self) -> list[str]:
        """The file that holds the encoder's weights, if a file was given; those that come with Fringeflow are part of its code."""
        return [self.encoder_spec.weights] if self.encoder_spec.weights_digest and self.encoder_spec.weights != BASE else []

    def as_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        values = {name: value for name, value in asdict(self).items() if name not in ("encoder_spec", "stages")}
        return {**values, "encoder": self.encoder, "stages": [stage.as_dict() for stage in self.stages]}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "ModelSpec":
        """Build from `as_dict`."""
        rest = {name: value for name, value in values.items() if name not in ("encoder", "stages")}
        stages = tuple(map(Stage.from_dict, values.get("stages", ())))
        return cls(**rest, encoder_spec=EncoderSpec.from_dict(values["encoder"]), stages=stages)
