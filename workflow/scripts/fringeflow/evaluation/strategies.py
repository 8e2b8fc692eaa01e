"""Strategies against each other: every run of a dataset paired with its baseline, in one table and five pictures."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from fringeflow.config.models import Evaluation
from fringeflow.errors import DatasetError, bullets
from fringeflow.evaluation.bootstrap import FEW_GROUPS, interval
from fringeflow.evaluation.events import event_rows
from fringeflow.evaluation.metrics import log_loss
from fringeflow.evaluation.paired import Drawn, best_shares, difference, draw_scores
from fringeflow.evaluation.predictions import Predictions, read_predictions
from fringeflow.evaluation.scores import Scorer
from fringeflow.evaluation.strategy_figures import draw_differences, draw_heatmap
from fringeflow.evaluation.summary import NAMES
from fringeflow.evaluation.temperature import fit_temperatures
from fringeflow.evaluation.thresholds import operating_points
from fringeflow.evaluation.view_figures import Pictured, draw_confusion, draw_curves, draw_reliability
from fringeflow.evaluation.words import Words
from fringeflow.files import atomic, read_json

BASELINES = ("none", "class_weights")
"""Strategies that others are held against, the plainest first; failing those, the first in the alphabet."""
DECIMALS = 6
SCORES = {"pr_auc": "pr_auc", "mcc_tuned": "{point}/mcc", "f1_tuned": "{point}/f1", "recall_at_false_alarms": "recall_at_false_alarms"}
"""Columns that are compared, and what `Scorer` calls them; `tuned` means at the threshold chosen on validation, or of the
likeliest class where none is positive (F1 is then macro F1, and there are no false alarms)."""
VALIDATION = {"pr_auc": "pr_auc", "macro_f1": "default/macro_f1"}
PICTURES = {"curves": draw_curves, "reliability": draw_reliability, "confusion": draw_confusion}
"""Pictures of the runs that validation chose, one a view and model."""
EVENT_COLUMNS = ("event", "group", "tiles", "positives", "interferograms", "max_score_on_positives")
EVENT_SCORES = ("detected", "recall", "false_alarms_per_interferogram")


@dataclass(frozen=True)
class ScoredRun:
    """A run with its scores on the test part under all draws."""

    names: tuple[str, ...]
    scorer: Scorer
    temperatures: list[float]
    on_validation: dict[str, float]
    drawn: Drawn

    @property
    def strategy(self) -> str:
        """Name of its strategy."""
        return self.names[-1]

    @property
    def on_choice(self) -> tuple[float, float]:
        """What validation chooses by, the least is the best: the score that ranks runs, turned round, and the log loss."""
        score = self.on_validation["macro_f1" if self.scorer.predictions.positive is None else "pr_auc"]
        return (-round(score, DECIMALS), round(self.on_validation["log_loss"], DECIMALS))


def compare_strategies(
    predictions: Sequence[str | Path],
    dataset: str | Path,
    settings: Evaluation,
    *,
    out: str | Path,
    events: str | Path,
    pictures: Mapping[str, str | Path],
) -> pd.DataFrame:
    """Pair every run with the baseline of its view and model, and picture what comes of it.

    Parameters
    ----------
    predictions : sequence of paths
        `{dataset}/{view}/{model}/{strategy}/predictions.parquet` of every run of a dataset.
    dataset : path of `dataset.json`
    settings : Evaluation
    out : path of the table of runs to write, tab-separated
        Columns `dataset`, `view`, `model`, `strategy`, `baseline` (the strategy it is compared with: `none`, or else the first by
        name), `sample_word` and `group_word`, `n_test`, `n_groups`, `n_groups_rarest`, `few_groups`, `prevalence`, `seeds`; each of
        `SCORES` with its `_lower` and `_upper` bound (over groups, as in the comparison of runs), `{score}_difference` with its bounds
        (over groups and seeds) and `{score}_verdict` (`better`, `worse`, `undecided`, or `baseline`); `best_share` (share of draws in
        which the run has the best PR-AUC of its view), `pr_auc_to_chosen` with its bounds (difference to the run of its view that
        validation chose), `validation_pr_auc`, `validation_macro_f1`, `chosen_of_model` and `chosen_of_view` (by PR-AUC on validation).
        Without a positive class, macro F1 decides instead of PR-AUC which run is best and which is chosen.
    events : path of the table of events to write, tab-separated
        A row for each run and test event: `EVENT_COLUMNS`, and `EVENT_SCORES` at the threshold from validation. Without a positive
        class it has no rows.
    pictures : mapping of name to path of the PNG to write
        `differences`, `heatmap`, `curves`, `reliability`, `confusion`.

    Returns
    -------
    DataFrame
        The table of runs.

    Raises
    ------
    DatasetError
        If there is no run, predictions do not fit the dataset, or runs have different samples or seeds.
    """
    if not predictions:
        raise DatasetError(f"{out}: no run to compare; name models and strategies of the dataset in the configuration")
    described = read_json(dataset)
    runs = _read_runs(predictions, described, settings)
    table = pd.DataFrame(_rows(runs, Words.of(described), settings))
    for frame, path in ((table, out), (pd.DataFrame(_event_rows(runs), columns=[*NAMES, *EVENT_COLUMNS, *EVENT_SCORES]), events)):
        with atomic(path) as part:
            frame.round(DECIMALS).to_csv(part, sep="\t", index=False, lineterminator="\n")
    draw_differences(table, pictures["differences"], list(SCORES))
    draw_heatmap(table, pictures["heatmap"])
    chosen = [Pictured(run.names, run.scorer, run.temperatures) for run in runs if _chosen(_alike(runs, run, 3)) is run]
    for name, draw in PICTURES.items():
        draw(chosen, table, pictures[name])
    return table


def _read_runs(paths: Iterable[str | Path], described: Mapping[str, Any], settings: Evaluation) -> list[ScoredRun]:
    """Read and score every run; the order of `paths` does not matter."""
    runs: list[ScoredRun] = []
    first: Predictions | None = None
    for path in sorted(map(Path, paths), key=_order):
        parts = read_predictions(path, described)
        test = parts["test"]
        first = first or test
        _check_alike(path, test, first)
        # All runs look at the same samples; one copy of their names is enough.
        test = replace(test, samples=first.samples)
        points = operating_points(parts["validation"], settings.threshold)
        point = "validation" if "validation" in points else "default"
        scorer = Scorer(test, {point: points[point]}, settings.false_alarms_per_frame)
        scores = [column for column in SCORES if test.positive is not None or column != "recall_at_false_alarms"]
        names = {column: SCORES[column].format(point=point) for column in scores}
        drawn = draw_scores(scorer, list(names.values()), settings.bootstrap)
        drawn = Drawn(*({column: found[name] for column, name in names.items()} for found in (drawn.value, drawn.draws)))
        runs.append(
            ScoredRun(
                path.parts[-5:-1],
                scorer,
                fit_temperatures(parts["validation"]),
                _plain_scores(Scorer(parts["validation"], {"default": points["default"]}, settings.false_alarms_per_frame)),
                drawn,
            ),
        )
    return runs


def _order(path: Path) -> tuple[Any, ...]:
    """Sort by view and model, the baseline before other strategies."""
    *names, strategy = path.parts[-5:-1]
    return (*names, BASELINES.index(strategy) if strategy in BASELINES else len(BASELINES), strategy)


def _check_alike(path: Path, test: Predictions, first: Predictions) -> None:
    """Refuse a run that was scored on other samples or with other seeds than the first."""
    problems = []
    if test.seeds != first.seeds:
        problems.append(f"seeds {test.seeds}, the first run has {first.seeds}")
    if not test.samples.equals(first.samples):
        problems.append(f"{len(test.samples)} test samples that are not the {len(first.samples)} of the first run")
    if problems:
        raise DatasetError(f"{path} cannot be paired with other runs:{bullets(problems)}\nrun the workflow to bring all up to date")


def _plain_scores(scorer: Scorer) -> dict[str, float]:
    """Return the means over seeds of PR-AUC, macro F1 of the likeliest class (at 0.5 of two) and log loss."""
    p = scorer.predictions
    once = np.ones((1, len(p.truth)))
    found = [scorer.discrimination(number, once) for number in range(len(p.seeds))]
    means = {name: float(np.mean([scores[place] for scores in found])) for name, place in VALIDATION.items()}
    return means | {"log_loss": float(np.mean([log_loss(p.truth, values).mean() for values in p.probability]))}


def _alike(runs: Sequence[ScoredRun], run: ScoredRun, depth: int) -> list[ScoredRun]:
    """Return the runs that share the dataset and view (depth 2), or the model as well (3)."""
    return [other for other in runs if other.names[:depth] == run.names[:depth]]


def _chosen(runs: Sequence[ScoredRun]) -> ScoredRun:
    """Return the run that validation chooses, as `summary.chosen_run` does."""
    return min(runs, key=lambda run: (*run.on_choice, run.names))


def _rows(runs: Sequence[ScoredRun], words: Words, settings: Evaluation) -> list[dict[str, Any]]:
    """Return the row of each run."""
    p = runs[0].scorer.predictions
    holding = min(p.groups_with(k) for k in range(len(p.classes)))
    about: dict[str, Any] = {
        "sample_word": words.sample,
        "group_word": words.group,
        "n_test": len(p.truth),
        "n_groups": int(p.groups.max()) + 1,
        "n_groups_rarest": holding,
        "few_groups": holding < FEW_GROUPS,
    }
    about |= {"prevalence": None if p.positive is None else float((p.truth == p.positive).mean()), "seeds": len(p.seeds)}
    views = {run.names[:2]: _alike(runs, run, 2) for run in runs}
    main = "f1_tuned" if p.positive is None else "pr_auc"
    shares = {view: dict(zip(map(id, own), best_shares([run.drawn for run in own], main), strict=True)) for view, own in views.items()}
    options: Any = {"confidence": settings.confidence, "groups": holding}
    rows = []
    for run in runs:
        siblings, view = _alike(runs, run, 3), views[run.names[:2]]
        baseline = siblings[0]
        row: dict[str, Any] = {**dict(zip(NAMES, run.names, strict=True)), "baseline": baseline.strategy, **about}
        for column in run.drawn.value:
            lower, upper = interval(run.drawn.draws[column].mean(0), settings.confidence, holding)
            row |= {column: run.drawn.value[column].mean(), f"{column}_lower": lower, f"{column}_upper": upper}
        for column in run.drawn.value:
            found = difference(run.drawn, baseline.drawn, column, **options)
            row |= _bounds(f"{column}_difference", found)
            row[f"{column}_verdict"] = "baseline" if run is baseline else found.verdict
        row["best_share"] = shares[run.names[:2]][id(run)]
        row |= _bounds("pr_auc_to_chosen", difference(run.drawn, _chosen(view).drawn, "pr_auc", **options))
        row |= {f"validation_{name}": run.on_validation[name] for name in VALIDATION}
        row |= {"chosen_of_model": run is _chosen(siblings), "chosen_of_view": run is _chosen(view)}
        rows.append(row)
    return rows


def _bounds(name: str, found: Any) -> dict[str, float]:
    """Write a difference as columns."""
    return {name: found.value, f"{name}_lower": found.lower, f"{name}_upper": found.upper}


def _event_rows(runs: Sequence[ScoredRun]) -> Iterable[dict[str, Any]]:
    """Yield the row of each run and event."""
    for run in runs:
        (point,) = run.scorer.thresholds
        for row in event_rows(run.scorer):
            about = {column: row[column] for column in EVENT_COLUMNS}
            yield {**dict(zip(NAMES, run.names, strict=True)), **about, **{name: row[point][name] for name in EVENT_SCORES}}
