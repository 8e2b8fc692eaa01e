"""Study A's table from our runs, beside its own figures; and its three claims, each decided by paired differences."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from fringeflow.config.models import Evaluation
from fringeflow.errors import DatasetError, bullets
from fringeflow.evaluation.claims import Claim, Scored, StudyRuns, decide_claims
from fringeflow.evaluation.paired import draw_scores
from fringeflow.evaluation.predictions import Predictions, read_predictions
from fringeflow.evaluation.published import TABLE
from fringeflow.evaluation.scores import Scorer
from fringeflow.evaluation.study_figure import draw_study
from fringeflow.evaluation.study_text import write_study
from fringeflow.evaluation.summary import NAMES, read_comparison
from fringeflow.evaluation.thresholds import DEFAULT
from fringeflow.files import atomic, read_json

VIEWS = ("wrapped", "unwrapped", "spectrogram")
"""In the order of the table; the study has the first two."""
SCORES = ("accuracy", "f1", "roc_auc", "pr_auc", "f1_tuned", "mcc_tuned")
ABOUT = ("n_test", "n_groups", "n_groups_rarest", "few_groups", "prevalence", "seeds", "validation_pr_auc", "validation_log_loss")


def make_study(
    predictions: Sequence[str | Path],
    comparison: str | Path,
    dataset: str | Path,
    runs: StudyRuns,
    settings: Evaluation,
    *,
    out: str | Path,
    claims: str | Path,
    text: str | Path,
    figure: str | Path,
) -> tuple[pd.DataFrame, list[Claim]]:
    """Write the table, the claims, both as text for people, and a picture.

    Parameters
    ----------
    predictions : sequence of paths
        `{dataset}/{view}/{model}/{strategy}/predictions.parquet` of the study's runs.
    comparison : path
        The table that `compare_runs` wrote for the dataset: scores and their intervals are taken from it.
    dataset : path of `dataset.json`
    runs : StudyRuns
    settings : Evaluation
    out : path of the table to write, tab-separated
        A row a run: `view`, `model`, `architecture`, its `weights` and `mode` if it has any, `strategy`, each of `SCORES` with its
        `_lower` and `_upper` bound (`accuracy` and `f1` at 0.5 as the study's, `tuned` at the threshold from validation), `ABOUT`,
        and the study's own figures as `study_accuracy`, `study_f1`, `study_roc_auc` where it has them.
    claims : path of the table of claims to write, tab-separated
        A row a comparison: `claim`, `verdict`, `comparison`, `score`, `difference`, `lower`, `upper`.
    text, figure : paths of the Markdown and the PNG to write

    Returns
    -------
    DataFrame
        The table.
    list of Claim

    Raises
    ------
    DatasetError
        If there is no run, the comparison lacks one, or runs have different samples or seeds.
    """
    described = read_json(dataset)
    table = _table(predictions, comparison, runs)
    scored = _score(predictions, described, settings)
    tested = decide_claims(scored, table, runs, settings)
    for frame, path in ((table, out), (pd.DataFrame([row for claim in tested for row in claim.rows()]), claims)):
        with atomic(path) as part:
            frame.to_csv(part, sep="\t", index=False, lineterminator="\n", float_format="%.6g")
    write_study(text, table, tested, runs, str(described["name"]))
    draw_study(figure, table, tested, runs, str(described["name"]))
    return table, tested


def _table(predictions: Sequence[str | Path], comparison: str | Path, runs: StudyRuns) -> pd.DataFrame:
    """Return the rows of the study's runs in the order of its table."""
    wanted = {Path(path).parts[-5:-1] for path in predictions}
    if not wanted:
        raise DatasetError(f"{comparison}: no run of the study; name models and the strategy '{runs.strategy}' of the dataset")
    found = read_comparison(comparison)
    found = found[[names in wanted for names in zip(*(found[name] for name in NAMES), strict=True)]]
    missing = wanted - set(zip(*(found[name] for name in NAMES), strict=True))
    if missing:
        raise DatasetError(f"{comparison}: no row for {', '.join('/'.join(names) for names in sorted(missing))}; run the workflow again")
    order = {name: number for number, name in enumerate(runs.architectures)}
    strategies, views = [runs.strategy, runs.against], list(VIEWS)
    found = found.assign(architecture=found["model"].map(runs.architectures))
    for number, name in enumerate(("weights", "mode")):
        found[name] = [Path(runs.trained.get(model, ["", ""])[number]).name for model in found["model"]]
    keys = [found["strategy"].map(strategies.index), found["view"].map(lambda view: views.index(view) if view in views else len(views))]
    found = found.iloc[np.lexsort([found["model"].map(order), found["view"], keys[1], keys[0]])].reset_index(drop=True)
    for name in ("accuracy", "f1", "roc_auc"):
        cells = [TABLE.get((str(row.architecture), str(row.view))) if row.strategy == runs.strategy else None for row in found.itertuples()]
        found[f"study_{name}"] = [getattr(cell, name, np.nan) for cell in cells]
    bounds = [f"{name}{end}" for name in SCORES for end in ("", "_lower", "_upper")]
    published = ["study_accuracy", "study_f1", "study_roc_auc"]
    return found[["view", "model", "architecture", "weights", "mode", "strategy", *bounds, *ABOUT, *published]]


def _score(predictions: Sequence[str | Path], described: Mapping[str, Any], settings: Evaluation) -> dict[tuple[str, ...], Scored]:
    """Score every run under the same draws of earthquakes."""
    scored: dict[tuple[str, ...], Scored] = {}
    first: Predictions | None = None
    for path in sorted(map(Path, predictions)):
        test = read_predictions(path, described)["test"]
        first = first or test
        problems = []
        if test.seeds != first.seeds:
            problems.append(f"seeds {test.seeds}, another run has {first.seeds}")
        if not test.samples.equals(first.samples):
            problems.append("other test samples than another run")
        if problems:
            raise DatasetError(f"{path} cannot be paired:{bullets(problems)}\nrun the workflow to bring all up to date")
        scorer = Scorer(test, {"default": [DEFAULT] * len(test.seeds)}, settings.false_alarms_per_frame)
        drawn = draw_scores(scorer, ["pr_auc", "roc_auc", "default/f1"], settings.bootstrap)
        groups = min(test.groups_with(number) for number in range(len(test.classes)))
        scored[path.parts[-4:-1]] = Scored(drawn, groups)
    return scored
