"""All runs of a dataset side by side: a table, and a picture of it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from fringeflow.errors import DatasetError, bullets
from fringeflow.evaluation.comparison_figure import draw_comparison
from fringeflow.evaluation.summary import NAMES, ranked_by
from fringeflow.evaluation.words import Words
from fringeflow.files import atomic, read_json

SCORES = {
    "pr_auc": ("metrics", "pr_auc"),
    "roc_auc": ("metrics", "roc_auc"),
    "mcc": ("default", "mcc"),
    "f1": ("default", "f1"),
    "accuracy": ("default", "accuracy"),
    "macro_f1": ("default", "macro_f1"),
    "mcc_tuned": ("validation", "mcc"),
    "f1_tuned": ("validation", "f1"),
    "recall_at_false_alarms": ("metrics", "recall_at_false_alarms"),
    "events_detected": ("validation", "events_detected"),
    "pr_auc_gain": ("metrics", "pr_auc_gain"),
}
"""Columns with bounds: on the test part; `tuned` means at the threshold chosen on validation, the rest at 0.5, or of the likeliest
class where none is positive. Empty is what has no meaning there, as alarms without a class to be found."""


def compare_runs(runs: Sequence[str | Path], *, out: str | Path, figure: str | Path) -> pd.DataFrame:
    """Write one row a run and a picture of the rows: best PR-AUC first, without a positive class best macro F1 first.

    Parameters
    ----------
    runs : sequence of paths
        Folders `{dataset}/{view}/{model}/{strategy}` with `metrics.json`, `run.json` and `timing.json`.
    out : path of the table to write, tab-separated
        Columns `dataset`, `view`, `model`, `strategy`, `sample_word` and `group_word` (what the dataset's samples and groups are),
        `n_test`, `n_groups` (groups in the test part; events that share an interferogram are one), `n_groups_rarest` (those that
        hold the rarest class), `prevalence`, each of `SCORES` followed by its `_lower` and `_upper` bound, `majority_macro_f1` (of who
        always calls the most frequent class), `validation_pr_auc`, `validation_macro_f1`, `validation_log_loss`,
        `n_validation_rarest` (groups of the validation part that hold the rarest class), `seeds`, `few_groups`, `seconds`.
    figure : path of the PNG to write

    Returns
    -------
    DataFrame
        The table.

    Raises
    ------
    DatasetError
        If there is no run, a file is missing, a run was trained on another version of the dataset than it was
        scored on, or runs were scored on different versions.
    """
    if not runs:
        raise DatasetError(f"{out}: no run to compare; name models and strategies of the dataset in the configuration")
    rows, problems = [], []
    digests: dict[str, list[str]] = {}
    for folder in map(Path, runs):
        try:
            row, digest = _row(folder)
        except (OSError, KeyError, ValueError) as error:
            problems.append(f"{folder}: {type(error).__name__}: {error}; run the workflow to make it again")
            continue
        rows.append(row)
        digests.setdefault(digest, []).append(str(folder))
    if problems:
        raise DatasetError(f"runs cannot be compared:{bullets(problems)}")
    if len(digests) > 1:
        shown = [f"{digest[:12]}: {', '.join(folders[:3])}{' ...' if len(folders) > 3 else ''}" for digest, folders in digests.items()]
        todo = "run the workflow to bring all up to date"
        raise DatasetError(f"runs were scored on {len(digests)} versions of the dataset:{bullets(shown)}\n{todo}")
    table = pd.DataFrame(rows)
    table = table.sort_values([ranked_by(table), *NAMES], ascending=[False, True, True, True, True], kind="stable", ignore_index=True)
    with atomic(out) as part:
        table.to_csv(part, sep="\t", index=False, lineterminator="\n")
    draw_comparison(table, figure)
    return table


def _row(folder: Path) -> tuple[dict[str, Any], str]:
    """Return the row of one run and the digest of what it was scored on."""
    result, run, timing = (read_json(folder / name) for name in ("metrics.json", "run.json", "timing.json"))
    trained = run.get("dataset", {}).get("digest", result["digest"])
    if trained != result["digest"]:
        raise ValueError(f"trained on version {trained[:12]} of the dataset, scored on {result['digest'][:12]}")
    test, validation = result["splits"]["test"], result["splits"]["validation"]
    places = {"metrics": test["metrics"], **{name: point["metrics"] for name, point in test["operating_points"].items()}}
    row: dict[str, Any] = dict(zip(NAMES, folder.parts[-4:], strict=True))
    rarest, words = min(test["n_groups_by_class"].values()), Words.of(result)
    row |= {"sample_word": words.sample, "group_word": words.group}
    row |= {"n_test": test["n_tiles"], "n_groups": test["n_groups"], "n_groups_rarest": rarest, "prevalence": test["prevalence"]}
    for column, (place, name) in SCORES.items():
        score = places.get(place, {}).get(name, {})
        row |= {column: score.get("value"), f"{column}_lower": score.get("lower"), f"{column}_upper": score.get("upper")}
    row |= {
        "majority_macro_f1": test["baseline"]["majority"]["macro_f1"],
        "validation_pr_auc": validation["metrics"]["pr_auc"]["value"],
        "validation_macro_f1": validation["operating_points"]["default"]["metrics"]["macro_f1"]["value"],
        "validation_log_loss": validation["metrics"]["log_loss"]["value"],
        "n_validation_rarest": min(validation["n_groups_by_class"].values()),
        "seeds": len(result["seeds"]),
        "few_groups": test["few_groups"],
        "seconds": round(float(timing["seconds"]), 1),
    }
    return row, result["digest"]
