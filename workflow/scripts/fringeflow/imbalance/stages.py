"""Strategies in a cascade: every stage takes what its own classes need.

Metadata only: the Snakefile's process imports this module, so it imports no array library.
"""

from collections.abc import Sequence
from dataclasses import replace

from fringeflow.datasets.stages import Level, Stage, resolve_stages
from fringeflow.errors import nearest
from fringeflow.imbalance.spec import StrategySpec


def stage_strategy(strategy: StrategySpec, level: Level) -> StrategySpec:
    """Return a strategy as one stage takes it: of alpha, the weights of the stage's classes.

    All else, weights of classes and sampling, follows from the samples that the stage gets. A class that alpha does not name
    stays missing, and the fit refuses it.
    """
    if strategy.alpha is None:
        return strategy
    return replace(strategy, alpha={name: strategy.alpha[name] for name in level.classes if name in strategy.alpha})


def stage_alpha_problems(strategy: StrategySpec, stages: Sequence[Stage], classes: Sequence[str]) -> list[str]:
    """Return what is wrong with a strategy's alpha for a cascade; nothing if it has no alpha.

    Parameters
    ----------
    strategy : StrategySpec
    stages : sequence of Stage
        Without problems of their own.
    classes : sequence of str
        The dataset's.

    Returns
    -------
    list of str
        One a stage whose classes are not all named, and one a name that is no class of any stage.

    Examples
    --------
    >>> focal = StrategySpec("focal", "focal", alpha={"empty": 1.0, "dns": 2.0, "tip": 2.0})
    >>> stages = [Stage("kinds", {"noise": ("dns", "tip")}), Stage("noise", split="noise")]
    >>> stage_alpha_problems(focal, stages, ["empty", "dns", "tip"])
    ["strategies.focal.alpha: no weight for noise, which stage 'kinds' tells apart; name every class of every stage, merged ones too"]
    """
    if strategy.alpha is None:
        return []
    levels = resolve_stages(stages, classes)
    known = sorted({*classes, *(name for level in levels for name in level.classes)})
    head = f"strategies.{strategy.name}.alpha:"
    problems = [f"{head} unknown class '{name}'; {nearest(name, known)}" for name in strategy.alpha if name not in known]
    for level in levels:
        missing = [name for name in level.classes if name not in strategy.alpha]
        if missing:
            text = f"{head} no weight for {', '.join(missing)}, which stage '{level.name}' tells apart"
            problems.append(f"{text}; name every class of every stage, merged ones too")
    return problems
