"""Models, strategies and combinations that do not exist: refused when the configuration is read, each with what would be valid."""

from collections.abc import Collection, Iterator, Sequence

from fringeflow.checks import Problem
from fringeflow.datasets.stages import resolve_stages
from fringeflow.errors import ModelError, nearest
from fringeflow.imbalance.spec import StrategySpec
from fringeflow.imbalance.stages import stage_alpha_problems
from fringeflow.models.base import NAME as BASE
from fringeflow.models.base import is_packaged
from fringeflow.models.registry import ARCHITECTURES, ModelSpec, check
from fringeflow.parameters import Parameters
from fringeflow.training.tune_space import problems as tune_problems


def impossible(plan: Parameters, *, studies: bool) -> Iterator[Problem]:
    """Yield models, strategies and combinations that do not exist; those of `studies` only if their names are known."""
    sound = set()
    for strategy in plan.config.strategies:
        try:
            plan.strategy(strategy)
            sound.add(strategy)
        except ValueError as error:
            yield ("strategies", strategy), f"strategies.{strategy}: {error}"
    named = sorted({(strategy, dataset) for dataset, settings in plan.config.datasets.items() for strategy in settings.strategies})
    for strategy, dataset in named:
        if strategy in sound:
            for key, problem in _on_dataset(plan, plan.strategy(strategy), dataset):
                sound.discard(strategy)
                yield key, problem
    for dataset, model, view in _wanted(plan):
        try:
            spec = plan.model(model, view)
            check_cascade(spec, plan.config.classes_of(dataset)[0] if dataset else None)
        except ValueError as error:
            yield ("models", model), f"models.{model} on {view}: {error}"
            continue
        for strategy in plan.strategies_of(dataset, model) if dataset else []:
            if strategy in sound:
                for problem in _together(plan, spec, plan.strategy(strategy), dataset, view):
                    yield (
                        ("models", model),
                        f"datasets.{dataset}: {model} x {strategy} on {view}: {problem}; see models.{model}.strategies",
                    )
    if studies and sound == set(plan.config.strategies):
        yield from _studies(plan)
        yield from _tables(plan)
    runs = {run.name for run in plan.runs}
    for run in plan.config.score.runs if isinstance(plan.config.score.runs, list) else []:
        if run not in runs:
            yield ("score", "runs"), f"score.runs: unknown run '{run}'; {nearest(run, runs)}"
    yield from _detector(plan, runs)


def _detector(plan: Parameters, runs: Collection[str]) -> Iterator[Problem]:
    """Yield why the run that is to scan interferograms cannot."""
    wanted = plan.config.detect
    if not (wanted.events or wanted.folder):
        return
    datasets = [name for name, settings in plan.config.datasets.items() if settings.collection is None]
    if is_packaged(wanted.run):
        return
    if wanted.run != "best" and wanted.run not in runs:
        yield ("detect", "run"), f"detect.run: unknown run '{wanted.run}'; {nearest(wanted.run, [*runs, 'best', BASE])}"
    elif wanted.run != "best" and plan.kind_of(wanted.run.split("/")[0]) != "interferograms":
        yield (
            ("detect", "run"),
            f"detect.run: '{wanted.run}' is a run on {plan.kind_of(wanted.run.split('/')[0])}; name one on interferograms",
        )
    elif wanted.run == "best" and len(datasets) != 1:
        yield (
            ("detect", "run"),
            f"detect.run: 'best' is of one dataset of interferograms, found {len(datasets)} ({', '.join(datasets) or 'none'}); name a run as "
            f"dataset/view/model/strategy, or {BASE}, which needs no training",
        )


def _on_dataset(plan: Parameters, strategy: StrategySpec, dataset: str) -> Iterator[Problem]:
    """Yield why a strategy cannot be one of a dataset's, whatever the model."""
    collection = plan.config.datasets[dataset].collection
    if collection is not None and (strategy.extra == "implant" or strategy.curate != "none"):
        what = "implants modelled deformation" if strategy.extra == "implant" else "compares overlapping tiles"
        yield (
            ("datasets", dataset, "strategies"),
            f"datasets.{dataset}.strategies: '{strategy.name}' {what}, which the collection '{collection}' has none of; "
            "use augmentation or a strategy without it",
        )
    stages = any(plan.config.models[model].stages for model in plan.config.datasets[dataset].models)
    try:
        # A cascade may name merged classes as well: those are held against each of its stages below.
        if not stages:
            strategy.alpha_of(plan.config.classes_of(dataset)[0])
    except ModelError as error:
        yield ("strategies", strategy.name, "alpha"), f"{error} (dataset '{dataset}')"


def check_cascade(spec: ModelSpec, classes: Sequence[str] | None) -> None:
    """Refuse a cascade whose stages do not fit a dataset's classes.

    Raises
    ------
    ValueError
        With every problem.
    """
    if spec.stages and classes is not None:
        resolve_stages(spec.stages, classes)


def _together(plan: Parameters, spec: ModelSpec, strategy: StrategySpec, dataset: str, view: str) -> Iterator[str]:
    """Yield what is impossible about a model under a strategy on a view of a dataset."""
    yield from check(spec, strategy, view)
    classes = plan.config.classes_of(dataset)[0]
    if spec.stages:
        yield from stage_alpha_problems(strategy, spec.stages, classes)
    elif strategy.alpha is not None and any(name not in strategy.alpha for name in classes):
        yield f"alpha names {', '.join(strategy.alpha)}, expected {', '.join(classes)}"
    yield from _tuned(plan, spec, strategy)


def _tuned(plan: Parameters, spec: ModelSpec, strategy: StrategySpec) -> Iterator[str]:
    """Yield why a model cannot be tuned under a strategy, if it is to be."""
    tune = plan.config.models[spec.name].tune
    if tune is not None:
        yield from tune_problems(tune, ARCHITECTURES[spec.architecture], strategy, spec.mode)


def _studies(plan: Parameters) -> Iterator[Problem]:
    """Yield what stands against doubting tiles and against learning curves."""
    curated = {(run.dataset, run.view) for run in plan.runs if plan.strategy(run.strategy).curate != "none"}
    for dataset, view in sorted(curated):
        tiling = plan.config.datasets[dataset].tiling
        if plan.config.datasets[dataset].collection is None and plan.config.tilings[tiling].stride >= plan.config.tilings[tiling].size:
            yield (
                ("datasets", dataset, "tiling"),
                f"datasets.{dataset}.tiling: '{tiling}' has no overlapping tiles, which strategies of kind 'curate' compare; "
                f"set tilings.{tiling}.stride below its size",
            )
        try:
            curator = plan.curator(dataset, view).name
        except ValueError as error:
            yield ("curation", "model"), f"curation.model on {view}: {error}"
            continue
        if plan.config.models[curator].tune is not None:
            yield (
                ("curation", "model"),
                f"curation.model: '{curator}', which doubts tiles of '{dataset}', has `tune`, but fits that doubt are not tuned; "
                "name a model without `tune`",
            )
    for curve in plan.curves:
        strategy = plan.strategy(curve.strategy)
        if strategy.extra != "none" or strategy.curate != "none":
            yield (
                ("learning_curve", "strategy"),
                f"learning_curve.strategy: '{curve.strategy}' is made from all training earthquakes; choose one without extra or doubted samples",
            )
        try:
            spec = plan.model(curve.model, curve.view)
            problems = [*check(spec, strategy, curve.view), *_tuned(plan, spec, strategy)]
        except ValueError as error:
            problems = [str(error)]
        for problem in problems:
            yield ("learning_curve",), f"learning_curve: {curve.model} x {curve.strategy} on {curve.view}: {problem}"


def _tables(plan: Parameters) -> Iterator[Problem]:
    """Yield datasets of whose runs none could stand in study A's table."""
    for dataset in plan.config.study.datasets:
        if not any(run.strategy == plan.config.study.strategy for run in plan.study_runs(dataset)):
            yield (
                ("study", "datasets"),
                f"study.datasets: '{dataset}' has no run of inception_v3, vgg19 or resnet50_v2 under '{plan.config.study.strategy}'; add "
                f"one to datasets.{dataset}.models, or name its models in study.models",
            )


def _wanted(plan: Parameters) -> list[tuple[str, str, str]]:
    """Return every dataset, model and view that belong together; models of no dataset with the view `wrapped`."""
    used = [
        (dataset, model, view)
        for dataset, settings in plan.config.datasets.items()
        for model in settings.models
        for view in sorted(settings.views)
    ]
    idle = plan.config.models.keys() - {model for _, model, _ in used}
    return used + [("", model, "wrapped") for model in sorted(idle)]
