"""Every class of every run side by side, and every stage of a cascade beside the flat runs at the same question."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from fringeflow.errors import DatasetError, bullets
from fringeflow.evaluation.classes_figure import Matrix, draw_classes
from fringeflow.evaluation.hard_pair import hard_pair
from fringeflow.evaluation.metrics import divide
from fringeflow.evaluation.summary import NAMES
from fringeflow.evaluation.words import Words
from fringeflow.files import atomic, read_json

SCORES = ("precision", "recall", "f1", "accuracy")
BOUNDS = ("value", "lower", "upper")
NOTHING: Mapping[str, None] = dict.fromkeys(BOUNDS)


def tabulate_classes(metrics: Sequence[str | Path], *, out: str | Path, figure: str | Path) -> pd.DataFrame:
    """Write a row for each run and class, on the test part, and picture them.

    Parameters
    ----------
    metrics : sequence of paths
        `{dataset}/{view}/{model}/{strategy}/metrics.json` of every run of a dataset.
    out : path of the table to write, tab-separated
        Columns `dataset`, `view`, `model`, `strategy`, `architecture`, `is_cascade`; `stage` (empty: all classes, end to end),
        `scope` (`class`, or `mean` over the classes) and `class` (empty where the scope is the mean), `n` (test samples); `precision`,
        `recall`, `f1` (of a mean: macro F1) and `accuracy` (of a mean), each with its `_lower` and `_upper` bound; `majority_f1` (of who
        always calls the most frequent class), `hard_pair` (whether the class is one of the two that all runs together confuse most)
        and `chosen` (whether validation chose the run among the flat ones, or the cascades, of its architecture). Of two classes
        the likelier is called, so these are the scores at 0.5. Runs stand in the order of their macro F1.
    figure : path of the PNG to write

    Returns
    -------
    DataFrame
        The table.

    Raises
    ------
    DatasetError
        If there is no run, a file is damaged, or runs were scored on different versions of the dataset.
    """
    runs = _read(metrics, out)
    classes = runs[0][1]["classes"]
    shares = [_share(_point(result)["confusion"]) for _, result in runs]
    pair = hard_pair(np.mean(shares, axis=0)) if len(classes) > 2 else None
    hard = [classes[k] for k in pair] if pair else []
    chosen = _chosen(runs)
    runs.sort(key=lambda run: (-_point(run[1])["metrics"]["macro_f1"]["value"], run[0]))
    rows = [
        {**dict(zip(NAMES, names, strict=True)), "architecture": _family(names, result), "is_cascade": result["is_cascade"], **row}
        for names, result in runs
        for row in _rows(result, hard, names in chosen)
    ]
    table = pd.DataFrame(rows)
    with atomic(out) as part:
        table.to_csv(part, sep="\t", index=False, lineterminator="\n")
    matrices = [
        Matrix(_family(names, result), names, result["is_cascade"], np.array(_point(result)["confusion"]))
        for names, result in runs
        if names in chosen
    ]
    draw_classes(table, matrices, classes, pair, figure, words=Words.of(runs[0][1]), confidence=runs[0][1]["bootstrap"]["confidence"])
    return table


def _read(metrics: Sequence[str | Path], out: str | Path) -> list[tuple[tuple[str, ...], dict[str, Any]]]:
    """Return the names and the content of every file, by name."""
    if not metrics:
        raise DatasetError(f"{out}: no run to tabulate; name models and strategies of the dataset in the configuration")
    runs, problems = [], []
    for path in sorted(map(Path, metrics)):
        try:
            result = read_json(path)
            missing = [key for key in ("classes", "digest", "is_cascade", "splits") if key not in result]
        except (OSError, ValueError) as error:
            problems.append(f"{path}: {type(error).__name__}: {error}")
            continue
        if missing:
            problems.append(f"{path}: no {', '.join(missing)}")
        runs.append((path.parts[-5:-1], result))
    if problems:
        raise DatasetError(f"runs cannot be tabulated:{bullets(problems)}\nrun the workflow to evaluate them again")
    if len(digests := {result["digest"] for _, result in runs}) > 1:
        raise DatasetError(f"{out}: runs were scored on {len(digests)} versions of the dataset; run the workflow to bring all up to date")
    return runs


def _family(names: Sequence[str], result: Mapping[str, Any]) -> str:
    """Return the architecture of a run; of one that is not said, the model's name."""
    return result.get("architecture") or names[2]


def _point(result: Mapping[str, Any], part: str = "test") -> dict[str, Any]:
    return result["splits"][part]["operating_points"]["default"]


def _share(confusion: Sequence[Sequence[float]]) -> np.ndarray:
    """Return the share of each true class that is called each class."""
    matrix = np.array(confusion)
    return divide(matrix, matrix.sum(1, keepdims=True), 0.0)


def _chosen(runs: Sequence[tuple[tuple[str, ...], dict[str, Any]]]) -> set[tuple[str, ...]]:
    """Return the names of the runs that validation chooses, one for each architecture, flat and cascade: by macro F1, then log loss."""
    best: dict[tuple[str, bool], tuple[float, float, tuple[str, ...]]] = {}
    for names, result in runs:
        validation = result["splits"]["validation"]
        key = (_family(names, result), result["is_cascade"])
        score = -_point(result, "validation")["metrics"]["macro_f1"]["value"], validation["metrics"]["log_loss"]["value"], names
        best[key] = min(best.get(key, score), score)
    return {names for *_, names in best.values()}


def _rows(result: Mapping[str, Any], hard: Sequence[str], chosen: bool) -> Iterator[dict[str, Any]]:
    """Yield the rows of a run: its macro F1 and its classes end to end, then those of every stage."""
    test = result["splits"]["test"]
    whole = {**_point(result), "name": "", "classes": result["classes"], "class_counts": test["class_counts"], "baseline": test["baseline"]}
    for part in (whole, *test["stages"]):
        counts, scores, majority = part["class_counts"], part["metrics"], part["baseline"]["majority"]["macro_f1"]
        total, largest = sum(counts.values()), max(part["classes"], key=lambda name: counts[name])
        about = {"stage": part["name"], "scope": "mean", "class": "", "n": total}
        of_mean = {"f1": scores["macro_f1"], "accuracy": scores["accuracy"]}
        yield {**about, **_columns(of_mean), "majority_f1": majority, "hard_pair": False, "chosen": chosen}
        for name in part["classes"]:  # the order of a JSON file's keys is not that of the dataset
            base = 2 * counts[name] / (total + counts[name]) if name == largest else 0.0
            about = {"stage": part["name"], "scope": "class", "class": name, "n": counts[name]}
            scores = part["per_class"][name]
            yield {**about, **_columns(scores), "majority_f1": base, "hard_pair": name in hard, "chosen": chosen}


def _columns(scores: Mapping[str, Mapping[str, float | None]]) -> dict[str, float | None]:
    """Write scores as columns with their bounds."""
    return {name if bound == "value" else f"{name}_{bound}": scores.get(name, NOTHING)[bound] for name in SCORES for bound in BOUNDS}
