"""Where hyper-parameters are looked for, and what a choice of them makes of a model, a strategy and settings.

Metadata only: the Snakefile's process imports this module, so it imports no array library.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from pydantic import ValidationError

from fringeflow.config.learning import Range, Training, Tune, Value
from fringeflow.errors import nearest
from fringeflow.imbalance.spec import StrategySpec
from fringeflow.models.architectures import Architecture, Option
from fringeflow.models.spec import ModelSpec, Scalar

STEPS = ("learning_rate", "weight_decay", "batch", "epochs", "patience", "warmup")
"""Settings of training that may be tuned."""
FOCUS = "gamma"
"""The one hyper-parameter of a strategy that may be tuned: of the focal loss, where the architecture has no option of that name."""
PROMPTING = ("prompts", "depth", "unfreeze")
"""Options that mean something in the mode `prompt` alone."""


def problems(tune: Tune, architecture: Architecture, strategy: StrategySpec, mode: str | None = None) -> list[str]:
    """Return what is wrong with a tuning of a model under a strategy.

    Parameters
    ----------
    tune : Tune
    architecture : Architecture
    strategy : StrategySpec
        A range of a focal loss's `gamma` is left aside under any other loss, so that a model may be tuned under several strategies.
    mode : str, optional
        Of the model; the architecture's default if None.

    Returns
    -------
    list of str

    Examples
    --------
    >>> from fringeflow.models.architectures import ARCHITECTURES
    >>> tune = Tune(space={"learning_rat": Range(low=1e-4, high=1e-2)})
    >>> problems(tune, ARCHITECTURES["resnet18"], StrategySpec("none", "none"))[0][:75]
    "tune.space: 'learning_rat' cannot be tuned; did you mean 'learning_rate'? V"
    """
    mode = mode or architecture.modes[0]
    found = ["tune.folds: with a single fold nothing is left to train on; give 2 or more, or 0 for the validation split"] * (
        tune.folds == 1
    )
    for name, given in tune.space.items():
        found += [f"tune.space.{name}: {text}" for text in dict.fromkeys(_problems_of(name, given, architecture, mode))]
        if name not in _valid(architecture, mode) and name not in architecture.encoder_options and name not in _idle(architecture, mode):
            found.append(f"tune.space: '{name}' cannot be tuned; {nearest(name, _valid(architecture, mode))}")
    if not found and not space_of(tune, architecture, strategy, mode):
        found.append(f"tune.space: nothing to tune of '{architecture.name}' under '{strategy.name}'; give a range or leave `tune` out")
    return found


def space_of(tune: Tune, architecture: Architecture, strategy: StrategySpec, mode: str | None = None) -> dict[str, Range]:
    """Return all ranges in which a sound tuning looks: the architecture's own, with those given in their place.

    Ranges without a meaning are left out: of `gamma` unless the loss is focal, of prompts unless there are some.
    """
    valid = _valid(architecture, mode or architecture.modes[0])
    if FOCUS not in architecture.options and strategy.loss != "focal":
        valid = [name for name in valid if name != FOCUS]
    return {name: given for name, given in sorted({**architecture.space, **tune.space}.items()) if name in valid}


def resolved(tune: Tune, architecture: Architecture, strategy: StrategySpec, mode: str | None = None) -> Tune:
    """Return a sound tuning with all ranges in which it looks (see `space_of`): what a worker is given."""
    return tune.model_copy(update={"space": space_of(tune, architecture, strategy, mode)})


def current(space: Mapping[str, Range], model: ModelSpec, strategy: StrategySpec, settings: Training) -> dict[str, Scalar]:
    """Return the values that the hyper-parameters of a space have as configured."""
    return {name: _current(name, model, strategy, settings) for name in space}


def contains(space: Mapping[str, Range], parameters: Mapping[str, Scalar]) -> bool:
    """Whether every value lies in its range."""
    return all(_inside(space[name], value) for name, value in parameters.items())


def apply(
    parameters: Mapping[str, Scalar], model: ModelSpec, strategy: StrategySpec, settings: Training
) -> tuple[ModelSpec, StrategySpec, Training]:
    """Return a model, a strategy and settings with some hyper-parameters in place of their own.

    Parameters
    ----------
    parameters : mapping of str to value
        An option of the model, a setting in `STEPS`, or the focal loss's `gamma`: looked for in this order.
    model : ModelSpec
    strategy : StrategySpec
    settings : Training

    Raises
    ------
    KeyError
        If a name is none of them.
    ValidationError
        If training refuses a value.
    """
    options, steps = dict(model.options), {}
    for name, value in parameters.items():
        typed = _like(_current(name, model, strategy, settings), value)
        if name in options:
            options[name] = typed
        elif name in STEPS:
            steps[name] = typed
        else:
            strategy = replace(strategy, gamma=float(typed))
    return replace(model, options=options), strategy, Training.model_validate({**settings.model_dump(), **steps})


def _current(name: str, model: ModelSpec, strategy: StrategySpec, settings: Training) -> Scalar:
    if name in model.options:
        return model.options[name]
    if name in STEPS:
        value: Scalar = getattr(settings, name)
        return value
    if name == FOCUS:
        return float(strategy.gamma or 0.0)
    raise KeyError(f"'{name}' is neither an option of '{model.architecture}' nor one of {', '.join((*STEPS, FOCUS))}")


def _like(current: Scalar, value: Scalar) -> Scalar:
    """Return a value in the type of the one that it replaces, so that 5 and 5.0 are the same setting."""
    if isinstance(value, str | bool) or isinstance(current, str | bool):
        return value
    return int(value) if isinstance(current, int) else float(value)


def _inside(given: Range, value: Scalar) -> bool:
    if given.choices is not None:
        return value in given.choices
    return not isinstance(value, str | bool) and given.low <= value <= given.high  # type: ignore[operator]


def _valid(architecture: Architecture, mode: str) -> list[str]:
    """Return what may be tuned. A solver that runs until it converges takes no steps."""
    steps = () if architecture.framework == "sklearn" else STEPS
    focus = (FOCUS,) if "loss" in architecture.capabilities else ()
    return sorted({*architecture.options, *steps, *focus} - set(_idle(architecture, mode)))


def _idle(architecture: Architecture, mode: str) -> list[str]:
    """Return the options that mean nothing in a mode."""
    return [] if mode == "prompt" else [name for name in PROMPTING if name in architecture.options]


def _problems_of(name: str, given: Range, architecture: Architecture, mode: str) -> Iterator[str]:
    """Yield what is wrong with the range of a known name."""
    values = _values(given)
    if name in architecture.encoder_options:
        yield "belongs to the frozen part, whose features are computed beforehand; give models with several values of it instead"
    elif name in _idle(architecture, mode):
        yield f"means nothing in the mode '{mode}'; leave it out, or set mode to prompt"
    elif name in architecture.options:
        yield from filter(None, (_option_problem(architecture.options[name], given, value) for value in values))
    elif name in STEPS and name in _valid(architecture, mode):
        yield from filter(None, (_step_problem(name, value) for value in values))
    elif name == FOCUS and name in _valid(architecture, mode):
        yield from (f"found {value!r}, expected a number from 0 to 10" for value in values if not _is_focus(value))


def _values(given: Range) -> list[Value]:
    """Return the values that decide whether a range is valid: all choices, or both bounds."""
    if given.choices is not None:
        return given.choices
    assert given.low is not None and given.high is not None
    return [given.low, given.high]


def _option_problem(option: Option, given: Range, value: Value) -> str:
    if given.choices is None and isinstance(option.default, bool):
        return "has no bounds; give choices: [true, false]"
    if given.choices is None and isinstance(option.default, str) and option.low is None:
        return f"has no bounds; give choices: [{', '.join(option.choices)}]"
    return option.problem(value)


def _step_problem(name: str, value: Value) -> str:
    try:
        Training.model_validate({name: value}, strict=not (isinstance(value, float) and value.is_integer()))
    except ValidationError as error:
        return f"found {value!r}: {error.errors()[0]['msg']}"
    return ""


def _is_focus(value: Value) -> bool:
    return not isinstance(value, str | bool) and 0 <= value <= 10
