"""From a model of the config to its specification, and what is impossible about it.

The Snakefile's process imports this module, so it imports no array library.
"""

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from fringeflow.datasets.stages import Stage
from fringeflow.encoding.views import resolve_encoding, view_of
from fringeflow.errors import nearest
from fringeflow.files import sha256_file
from fringeflow.imbalance.strategies import CAPABILITIES, STRATEGIES, StrategySpec
from fringeflow.models.architectures import ARCHITECTURES, Architecture
from fringeflow.models.base import NAME as BASE
from fringeflow.models.base import WEIGHTS
from fringeflow.models.spec import EncoderSpec, ModelSpec

if TYPE_CHECKING:
    from fringeflow.config.models import Model

__all__ = ["ARCHITECTURES", "Architecture", "ModelSpec", "check", "encoder_key", "resolve_model"]


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
    digest = _digest(weights) if given else _digest(str(WEIGHTS)) if weights == BASE else ""
    parts = [architecture.name if architecture.weights else architecture.backbone]
    parts += [_plain(Path(weights).stem), digest[:8]] if given else [weights] if weights else []
    parts += [str(size), encoding]
    parts += [f"{key}{_plain(str(value))}" for key, value in encoder_options.items() if value != architecture.encoder_options[key].default]
    mode, head = model.mode or architecture.modes[0], model.head or architecture.heads[0]
    cut = _cut(architecture, mode, head, model.from_layer)
    parts += [] if cut == "pooled" else [_plain(cut)]
    return ModelSpec(
        name=name,
        architecture=architecture.name,
        fitter=architecture.fitter,
        mode=mode,
        head=head,
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
            cut=cut,
        ),
        options={key: options[key] for key in sorted(architecture.options)},
        stages=tuple(Stage(stage.name, {key: tuple(names) for key, names in stage.merge.items()}, stage.split) for stage in model.stages),
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
    if "features" in strategy.needs and spec.encoder_spec.cut != "pooled":
        found = f"'{strategy.kind}' makes feature vectors, which the head '{spec.head}' in the mode '{spec.mode}' does not take"
        problems.append(f"{found}; use the head 'linear' in the mode 'frozen', or oversample")
    if spec.encoder_spec.encoding not in view_of(view).encodings:
        valid = list(view_of(view).encodings)
        problems.append(f"the encoding '{spec.encoder_spec.encoding}' is not defined for the view '{view}'; valid: {', '.join(valid)}")
    return problems


def _cut(architecture: Architecture, mode: str, head: str, from_layer: str | None) -> str:
    """Return where a model's frozen part ends, in the words of `EncoderSpec.cut`."""
    if mode in ("full", "prompt"):
        return "input"
    if mode == "partial":
        return from_layer or architecture.from_layer
    return "map" if head in architecture.map_heads else "pooled"


def _problems(architecture: Architecture, model: "Model", view: str) -> Iterator[str]:
    """Yield what is wrong with a model's settings."""
    if model.head is not None and model.head not in architecture.heads:
        yield f"unknown head '{model.head}' for '{architecture.name}'; {nearest(model.head, architecture.heads)}"
    mode = model.mode or architecture.modes[0]
    if mode not in architecture.modes:
        yield f"unknown mode '{mode}' for '{architecture.name}'; {nearest(mode, architecture.modes)}"
    if model.from_layer is not None and mode != "partial":
        yield f"from_layer '{model.from_layer}' means nothing in the mode '{mode}'; set mode to partial, or leave it out"
    elif model.from_layer and mode in architecture.modes and model.from_layer not in architecture.cuts:
        found = f"from_layer '{model.from_layer}' is no layer of '{architecture.name}' that the trained part can begin with"
        yield f"{found}; {nearest(model.from_layer, architecture.cuts)}"
    if model.input_size is not None and model.input_size < architecture.min_input_size:
        yield f"input_size {model.input_size} is too small for '{architecture.name}', expected at least {architecture.min_input_size}"
    if (model.input_size or 0) % architecture.multiple:
        yield f"input_size {model.input_size} does not fit '{architecture.name}', expected a multiple of {architecture.multiple}"
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
        yield f"weights '{weights}' are neither a file nor a known name; {valid}, or the path of a file of weights"


@cache
def _digest(path: str) -> str:
    return sha256_file(path)


def _plain(text: str) -> str:
    """Return a text that can be part of a file name, without the dash that separates parts."""
    return "".join(letter if letter.isalnum() or letter in "._" else "_" for letter in text)
