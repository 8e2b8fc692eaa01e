"""What a tuning chose, as a run takes it over."""

from dataclasses import replace
from pathlib import Path

from fringeflow.config.models import Training
from fringeflow.errors import ModelError
from fringeflow.files import read_json
from fringeflow.imbalance.spec import StrategySpec
from fringeflow.models.spec import ModelSpec


def as_tuned(path: Path, model: ModelSpec, strategy: StrategySpec, settings: Training) -> tuple[ModelSpec, StrategySpec, Training]:
    """Return a run's model, strategy and settings with the hyper-parameters that a tuning found best.

    Parameters
    ----------
    path : Path
        Its best.json: `model`, `strategy` and `training` in plain values.
    model : ModelSpec
    strategy : StrategySpec
    settings : Training
        As configured: names and seeds stay, so that the tuned run is compared under its own name with the others, seed by seed.

    Raises
    ------
    ModelError
        If the file is damaged, or is about another architecture, encoder or cascade: features were made for the configured one.
    """
    found = read_json(path)
    try:
        best, way = ModelSpec.from_dict(found["model"]), StrategySpec.from_dict(found["strategy"])
        training = Training.model_validate(found["training"])
    except (KeyError, TypeError, ValueError) as error:
        raise ModelError(
            f"{path}: is no result of a tuning ({type(error).__name__}: {error}); remove it and run the workflow again"
        ) from error
    odd = [name for name in ("architecture", "mode", "head", "encoder_spec", "stages") if getattr(best, name) != getattr(model, name)]
    if odd:
        names = ", ".join(name.removesuffix("_spec") for name in odd)
        raise ModelError(
            f"{path}: was tuned with another {names} than model '{model.name}' has; remove it and run the workflow to tune again"
        )
    if way.kind != strategy.kind:
        raise ModelError(f"{path}: was tuned with the strategy {way.kind}, the run has {strategy.kind}; remove it and tune again")
    return replace(best, name=model.name), replace(way, name=strategy.name), training.model_copy(update={"seeds": settings.seeds})
