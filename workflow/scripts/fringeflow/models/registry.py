"""The registry of models: one entry an architecture, with what is valid for it and its defaults.

Metadata only: the Snakefile's process imports this module. The modules that an entry names are
imported when they are used, one framework a process.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fringeflow.encoding.views import resolve_encoding, view_of
from fringeflow.errors import nearest
from fringeflow.files import sha256_file
from fringeflow.imbalance.strategies import CAPABILITIES, STRATEGIES, StrategySpec
from fringeflow.models.spec import EncoderSpec, ModelSpec, Scalar

if TYPE_CHECKING:
    from fringeflow.config.models import Model

__all__ = ["ARCHITECTURES", "Architecture", "ModelSpec", "Option", "check", "encoder_key", "resolve_model"]

IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
HALF = ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
PLAIN = ((0.0, 0.0, 0.0), (1.0, 1.0, 1.0))


@dataclass(frozen=True)
class Option:
    """A hyper-parameter of an architecture: its default, its range, and what it means."""

    default: Scalar
    help: str
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()

    def problem(self, value: Scalar) -> str:
        """Say what is wrong with a value; an empty text if nothing is."""
        if isinstance(value, str):
            return "" if value in self.choices else f"found '{value}', expected {self._expected}"
        if isinstance(value, bool) or isinstance(self.default, bool):
            return "" if isinstance(value, bool) and isinstance(self.default, bool) else f"found {value}, expected {self._expected}"
        whole = isinstance(self.default, int) and value != int(value)
        outside = (self.low is not None and value < self.low) or (self.high is not None and value > self.high)
        return f"found {value}, expected {self._expected}" if whole or outside else ""

    def plain(self, value: Scalar) -> Scalar:
        """Return a sound value in the default's type, so that 1 and 1.0 are the same setting."""
        if isinstance(value, str | bool):
            return value
        return int(value) if isinstance(self.default, int) else float(value)

    @property
    def _expected(self) -> str:
        if isinstance(self.default, bool):
            return "true or false"
        kind = "a whole number" if isinstance(self.default, int) else "a number"
        limits = [f"at least {self.low:g}" if self.low is not None else "", f"at most {self.high:g}" if self.high is not None else ""]
        text = " and ".join(limit for limit in limits if limit)
        return " or ".join([f"{kind} {text}".strip(), *(f"'{choice}'" for choice in self.choices)])


@dataclass(frozen=True)
class Architecture:
    """One registered architecture.

    Attributes
    ----------
    name : str
    summary : str
    framework : {"torch", "sklearn"}
        Never two in a process.
    encoder : str
        Dotted name of the module with `load_encoder`.
    backbone : str
        What that module calls it.
    fitter : str
        Dotted name of the module with `fit` and `load`.
    capabilities : frozenset of str
        From `imbalance.strategies.CAPABILITIES`.
    input_size : int
        Default, pixels.
    weights : tuple of str
        Valid names, the default first; none for an architecture without weights.
    weights_file : bool
        Whether a file of weights may be given instead.
    heads : tuple of str
        Valid heads, the default first.
    modes : tuple of str
        Valid training modes, the default first.
    scale : pair of triples of float
        Mean and standard deviation of the pictures it was trained on.
    encoder_options, options : mappings of Option
        Hyper-parameters of the frozen and of the fitted part.
    licence, citation : str
    """

    name: str
    summary: str
    framework: str
    encoder: str
    backbone: str
    fitter: str
    capabilities: frozenset[str]
    input_size: int
    weights: tuple[str, ...] = ()
    weights_file: bool = False
    heads: tuple[str, ...] = ("linear", "silva")
    modes: tuple[str, ...] = ("frozen",)
    scale: tuple[tuple[float, ...], tuple[float, ...]] = IMAGENET
    encoder_options: Mapping[str, Option] = field(default_factory=dict)
    options: Mapping[str, Option] = field(default_factory=dict)
    licence: str = ""
    citation: str = ""

    @property
    def modules(self) -> tuple[str, ...]:
        """Modules of the package that are imported by name."""
        return (self.encoder, self.fitter)


TORCH: dict[str, Any] = {
    "framework": "torch",
    "encoder": "fringeflow.models.torch_backbones",
    "fitter": "fringeflow.training.fit_torch",
    "capabilities": frozenset({"sample_weights", "loss", "resample"}),
    "weights_file": True,
    "options": {"dropout": Option(0.0, "Share of the features dropped in a training step.", low=0, high=0.9)},
}

ARCHITECTURES = {
    entry.name: entry
    for entry in (
        Architecture(
            name="efficientnet_lite0",
            summary="EfficientNet-Lite0, 4.7 M parameters; ImageNet weights from a Python package, so it works offline",
            backbone="tf_efficientnet_lite0",
            input_size=128,
            weights=("packaged", "imagenet", "none"),
            scale=HALF,
            licence="Apache-2.0 (code and weights)",
            citation="Tan and Le (2019), arXiv:1905.11946; Lite: Google (2020)",
            **TORCH,
        ),
        Architecture(
            name="resnet18",
            summary="ResNet-18, 11.7 M parameters; random but fixed weights unless a file or `imagenet` is given",
            backbone="resnet18",
            input_size=128,
            weights=("none", "imagenet"),
            licence="Apache-2.0 (timm)",
            citation="He et al. (2016), arXiv:1512.03385",
            **TORCH,
        ),
        Architecture(
            name="hog_svm",
            summary="histograms of oriented gradients, z-score, PCA, SVM with an RBF kernel, sigmoid-calibrated on validation",
            framework="sklearn",
            encoder="fringeflow.models.hog",
            backbone="hog",
            fitter="fringeflow.training.fit_sklearn",
            capabilities=frozenset({"sample_weights", "resample"}),
            input_size=128,
            heads=("svm",),
            scale=PLAIN,
            encoder_options={
                "orientations": Option(9, "Bins of gradient direction.", low=2, high=36),
                "cell": Option(8, "Side of a cell, in pixels.", low=2, high=128),
                "block": Option(2, "Side of a normalisation block, in cells.", low=1, high=8),
            },
            options={
                "c": Option(1.0, "Penalty of the SVM.", low=1e-4, high=1e4),
                "gamma": Option("scale", "Width of the RBF kernel.", low=1e-6, high=1e2, choices=("scale", "auto")),
                "pca": Option(0.95, "Share of the variance that PCA keeps.", low=0.05, high=0.999),
            },
            licence="BSD-3-Clause (scikit-image, scikit-learn)",
            citation="Dalal and Triggs (2005), CVPR; Platt (1999)",
        ),
    )
}


def resolve_model(name: str, model: "Model", view: str) -> ModelSpec:
    """Return a configured model with every default filled in.

    Parameters
    ----------
    name : str
        Its name in the config; also its architecture if the config gives none.
    model : Model
    view : str

    Raises
    ------
    ValueError
        With every problem, each with what would be valid.

    Examples
    --------
    >>> from fringeflow.config.models import Model
    >>> resolve_model("efficientnet_lite0", Model(), "wrapped").encoder_spec.key
    'efficientnet_lite0-packaged-128-sincos'
    """
    kind = model.architecture or name
    if kind not in ARCHITECTURES:
        raise ValueError(f"unknown architecture '{kind}'; {nearest(kind, ARCHITECTURES)}")
    architecture = ARCHITECTURES[kind]
    problems = [*_problems(architecture, model, view)]
    if problems:
        raise ValueError("; ".join(problems))
    weights = model.weights or (architecture.weights[0] if architecture.weights else "")
    given = weights not in ("", *architecture.weights)
    chosen = {**architecture.encoder_options, **architecture.options}
    options = {key: option.plain(model.options.get(key, option.default)) for key, option in chosen.items()}
    encoder_options = {key: options[key] for key in sorted(architecture.encoder_options)}
    size = model.input_size or architecture.input_size
    encoding = resolve_encoding(view, model.encodings.get(view))
    digest = _digest(weights) if given else ""
    parts = [architecture.name if architecture.weights else architecture.backbone]
    parts += [_plain(Path(weights).stem), digest[:8]] if given else [weights] if weights else []
    parts += [str(size), encoding]
    parts += [f"{key}{_plain(str(value))}" for key, value in encoder_options.items() if value != architecture.encoder_options[key].default]
    return ModelSpec(
        name=name,
        architecture=architecture.name,
        fitter=architecture.fitter,
        mode=architecture.modes[0],
        head=model.head or architecture.heads[0],
        encoder_spec=EncoderSpec(
            key="-".join(parts),
            module=architecture.encoder,
            backbone=architecture.backbone,
            weights=weights,
            weights_digest=digest,
            input_size=size,
            encoding=encoding,
            mean=architecture.scale[0],
            std=architecture.scale[1],
            options=encoder_options,
        ),
        options={key: options[key] for key in sorted(architecture.options)},
    )


def encoder_key(spec: ModelSpec) -> str:
    """Return the readable name of a model's frozen part; models that share it share embeddings."""
    return spec.encoder_spec.key


def check(spec: ModelSpec, strategy: StrategySpec, view: str) -> list[str]:
    """Return what is impossible about a model under a strategy on a view, in words; empty if nothing is."""
    architecture = ARCHITECTURES[spec.architecture]
    problems = []
    missing = sorted(strategy.needs - architecture.capabilities)
    if missing:
        valid = [kind.name for kind in STRATEGIES.values() if kind.needs <= architecture.capabilities]
        lacks = " and ".join(CAPABILITIES[need] for need in missing)
        problems.append(
            f"'{strategy.kind}' is not defined for '{architecture.name}', which does not have {lacks}; valid for it: {', '.join(valid)}"
        )
    if spec.encoder_spec.encoding not in view_of(view).encodings:
        valid = list(view_of(view).encodings)
        problems.append(f"the encoding '{spec.encoder_spec.encoding}' is not defined for the view '{view}'; valid: {', '.join(valid)}")
    return problems


def _problems(architecture: Architecture, model: "Model", view: str) -> Iterator[str]:
    """Yield what is wrong with a model's settings."""
    if model.head is not None and model.head not in architecture.heads:
        yield f"unknown head '{model.head}' for '{architecture.name}'; {nearest(model.head, architecture.heads)}"
    options = {**architecture.encoder_options, **architecture.options}
    for key, value in model.options.items():
        if key not in options:
            yield f"unknown option '{key}' of '{architecture.name}'; {nearest(key, options)}"
        elif problem := options[key].problem(value):
            yield f"option '{key}': {problem}"
    try:
        resolve_encoding(view, model.encodings.get(view))
    except ValueError as error:
        yield str(error)
    weights = model.weights
    if weights is None or weights in architecture.weights:
        return
    if not architecture.weights_file:
        yield f"'{architecture.name}' takes no weights, found '{weights}'; leave the key out"
    elif not Path(weights).is_file():
        valid = nearest(weights, architecture.weights)
        yield f"weights '{weights}' are neither a file nor a known name; {valid}, or the path of a state dict"


@cache
def _digest(path: str) -> str:
    return sha256_file(path)


def _plain(text: str) -> str:
    """Return a text that can be part of a file name, without the dash that separates parts."""
    return "".join(letter if letter.isalnum() or letter in "._" else "_" for letter in text)
