"""Cascades against flat classifiers of the same kind, paired: what telling classes apart in steps is worth."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from fringeflow.config.models import Evaluation
from fringeflow.datasets.stages import Level, Stage, resolve_stages
from fringeflow.errors import DatasetError
from fringeflow.evaluation.bootstrap import SEED, bootstrap
from fringeflow.evaluation.metrics import confusion, precision_recall_f1
from fringeflow.evaluation.paired import Drawn, difference
from fringeflow.evaluation.predictions import Predictions, read_predictions
from fringeflow.evaluation.stage_scores import stage_predictions
from fringeflow.evaluation.summary import NAMES
from fringeflow.files import atomic, canonical_json, read_json

COLUMNS = (*NAMES, "flat_model", "architecture", "stage", "macro_f1", "flat_macro_f1", "difference", "lower", "upper", "verdict")


def pair_cascades(runs: Sequence[str | Path], dataset: str | Path, settings: Evaluation, *, out: str | Path) -> pd.DataFrame:
    """Write by how much each cascade scores above its flat counterpart on the test part.

    Parameters
    ----------
    runs : sequence of paths
        Folders `{dataset}/{view}/{model}/{strategy}` with `run.json` and `predictions.parquet`.
    dataset : path of `dataset.json`
    settings : Evaluation
    out : path of the table to write, tab-separated
        Columns `COLUMNS`: a row a cascade and flat run that differ in nothing but the stages (and, of tuned runs, in what was found), end to end
        (`stage` empty) and at each stage; `difference` of macro F1 with its bounds over groups and seeds, and its `verdict` (`better`,
        `worse`, `undecided`). No rows without a cascade.

    Returns
    -------
    DataFrame
        The table.

    Raises
    ------
    DatasetError
        If predictions do not fit the dataset, or the two runs of a pair have different samples or seeds.
    """
    described = read_json(dataset)
    flat: dict[str, list[Path]] = {}
    cascades: list[tuple[Path, str, list[Stage]]] = []
    for folder in sorted(map(Path, runs)):
        about = read_json(folder / "run.json")
        stages = [Stage.from_dict(stage) for stage in about["model"].get("stages", ())]
        if stages:
            cascades.append((folder, _kind(folder, about), stages))
        else:
            flat.setdefault(_kind(folder, about), []).append(folder)
    rows: list[dict[str, Any]] = []
    for folder, kind, stages in cascades:
        levels = resolve_stages(stages, described["classes"])
        for other in flat.get(kind, []):
            rows += _pair(folder, other, levels, described, settings)
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    with atomic(out) as part:
        table.to_csv(part, sep="\t", index=False, lineterminator="\n", float_format="%.6f")
    return table


def _kind(folder: Path, about: Mapping[str, Any]) -> str:
    """Return what a cascade and its flat counterpart have in common, as text."""
    model, tuned = about["model"], about.get("tuned") is not None
    own = {name: model.get(name) for name in ("architecture", "mode", "head", "encoder")}
    found = None if tuned else {"options": model.get("options"), "training": about.get("training")}
    return canonical_json({**own, "view": folder.parts[-3], "strategy": folder.parts[-1], "is_tuned": tuned, "found": found})


def _pair(folder: Path, other: Path, levels: Sequence[Level], described: Mapping[str, Any], settings: Evaluation) -> list[dict[str, Any]]:
    """Return the rows of a cascade and a flat run."""
    ours, theirs = (read_predictions(path / "predictions.parquet", described)["test"] for path in (folder, other))
    if ours.seeds != theirs.seeds or not ours.samples.equals(theirs.samples):
        raise DatasetError(
            f"{folder} cannot be paired with {other}: other test samples or seeds; run the workflow to bring both up to date"
        )
    drawn, base = (_draw(p, levels, settings.bootstrap) for p in (ours, theirs))
    about = {
        **dict(zip(NAMES, folder.parts[-4:], strict=True)),
        "flat_model": other.parts[-2],
        "architecture": read_json(folder / "run.json")["model"].get("architecture"),
    }
    rows = []
    for stage, p in _views(ours, levels).items():
        groups = min(p.groups_with(k) for k in range(len(p.classes)))
        found = difference(drawn, base, stage, confidence=settings.confidence, groups=groups)
        scores = {"macro_f1": drawn.value[stage].mean(), "flat_macro_f1": base.value[stage].mean()}
        bounds = {"difference": found.value, "lower": found.lower, "upper": found.upper, "verdict": found.verdict}
        rows.append({**about, "stage": stage, **scores, **bounds})
    return rows


def _views(p: Predictions, levels: Sequence[Level]) -> dict[str, Predictions]:
    """Return predictions as they are, and as each stage sees them."""
    return {"": p, **{level.name: stage_predictions(p, level) for level in levels}}


def _draw(p: Predictions, levels: Sequence[Level], draws: int) -> Drawn:
    """Return macro F1 of the likeliest class, end to end and at each stage, under the draws of groups that all runs share."""
    views = _views(p, levels)
    place = {name: number for number, name in enumerate(p.samples["sample"])}
    rows = {stage: view.samples["sample"].map(place).to_numpy() for stage, view in views.items()}

    def by_seed(weights: np.ndarray) -> dict[str, np.ndarray]:
        return {
            stage: np.stack([_macro_f1(view, values, weights[:, rows[stage]]) for values in view.probability], 1)
            for stage, view in views.items()
        }

    once = by_seed(np.ones((1, len(p.truth))))
    drawn = bootstrap(by_seed, p.groups, draws=draws, seed=SEED)
    return Drawn({stage: values[0] for stage, values in once.items()}, {stage: values.T for stage, values in drawn.items()})


def _macro_f1(p: Predictions, values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return macro F1 of one seed under weightings, NaN where a class is absent."""
    return precision_recall_f1(confusion(p.truth, values.argmax(1), weights, len(p.classes)))[2].mean(-1)
