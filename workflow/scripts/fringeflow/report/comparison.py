"""The comparison of one dataset: its tables and pictures."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd

from fringeflow.evaluation.study_text import caveat
from fringeflow.evaluation.summary import NAMES, SHOWN, chosen_run, ranked_by, words_of
from fringeflow.report.captions import COMPARISON, CURVE, GALLERY
from fringeflow.report.images import Album, Picture
from fringeflow.report.inputs import Files, ReportInputs, read_object
from fringeflow.report.tables import (
    Cell,
    Column,
    Row,
    Table,
    download_of,
    number_cell,
    plain_table,
    read_table,
    score_cell,
    text_cell,
)

KINDS = ("strategies", "classes", "cascades", "study", "study_claims")
"""Tables beside a comparison that the page shows."""
SCORES = {
    "mcc_tuned": ("MCC", "Matthews correlation at the threshold chosen on validation; 0 knows nothing"),
    "f1_tuned": ("F1", "F1 of the rare class at the threshold chosen on validation"),
    "recall_at_false_alarms": ("Recall at few alarms", "Share of the rare class found at the tolerated number of false alarms"),
    "events_detected": ("Events found", "Share of events with at least one detection at the threshold chosen on validation"),
    "accuracy": ("Accuracy", "Share of right answers; flattered by imbalance"),
    "roc_auc": ("ROC-AUC", "0.5 knows nothing; flattered by imbalance"),
}
"""Columns of the comparison after the score that ranks it: title and meaning."""
CLASS_TITLES = {
    "view": "View", "model": "Model", "strategy": "Strategy", "stage": "Stage", "class": "Class", "n": "Samples",
    "f1": "F1", "precision": "Precision", "recall": "Recall",
}  # fmt: skip
CASCADE_TITLES = {
    "view": "View", "model": "Cascade", "strategy": "Strategy", "flat_model": "Against", "stage": "Stage", "macro_f1": "Macro F1",
    "flat_macro_f1": "Macro F1 of the flat run", "difference": "Difference", "verdict": "Verdict",
}  # fmt: skip
STUDY_TITLES = {
    "view": "View", "model": "Model", "weights": "Weights", "mode": "Mode", "strategy": "Strategy",
    "accuracy": "Accuracy", "study_accuracy": "Study: accuracy", "f1": "F1 at 0.5", "study_f1": "Study: F1",
    "roc_auc": "ROC-AUC", "study_roc_auc": "Study: ROC-AUC", "pr_auc": "PR-AUC", "f1_tuned": "F1", "mcc_tuned": "MCC",
}  # fmt: skip
CLAIM_TITLES = {
    "claim": "Claim", "comparison": "Comparison", "score": "Score", "difference": "Difference", "verdict": "Verdict"
}  # fmt: skip


@dataclass(frozen=True)
class Comparison:
    """What the page shows of one dataset's comparison."""

    dataset: str
    baseline: str
    table: Table
    tables: Sequence[Table]
    pictures: Sequence[Picture]
    galleries: Sequence[Picture]
    curves: Sequence[Picture]


def titled(score: str) -> str:
    """Return the name of a score at the head of a column."""
    return SHOWN[score][0].upper() + SHOWN[score][1:]


def run_anchor(*names: str) -> str:
    """Return the identifier of a run's panel; names hold letters, digits and a few signs, never a slash.

    >>> run_anchor("fringes", "wrapped", "hog_svm", "none")
    'run/fringes/wrapped/hog_svm/none'
    """
    return "/".join(("run", *names))


def comparisons(inputs: ReportInputs, known: set[str], album: Album) -> list[Comparison]:
    """Return every comparison, by the name of its dataset.

    Parameters
    ----------
    inputs : ReportInputs
    known : set of str
        Anchors of the runs that have a panel.
    album : Album
    """
    return [_comparison(path, inputs, known, album) for path in inputs.comparisons]


def _comparison(path: Path, inputs: ReportInputs, known: set[str], album: Album) -> Comparison:
    dataset = path.stem
    tables = {kind: _beside(dataset, kind, inputs.tables) for kind in KINDS}
    # With one strategy a model there is nothing to pair, and the picture says no more than that.
    nothing = (
        {"strategies"} if tables["strategies"] is None and any(one.name == f"{dataset}_strategies.tsv" for one in inputs.tables) else set()
    )
    pictures = []
    for kind, caption in COMPARISON.items():
        name = f"{dataset}_{kind}.png" if kind else f"{dataset}.png"
        pictures += [album.embed(found, caption) for found in inputs.pictures if found.name == name and kind not in nothing]
    frame = read_table(path)
    curve = CURVE._replace(text=CURVE.text.format(groups=words_of(frame).groups))
    return Comparison(
        dataset,
        baseline_text(frame, confidence_of(dataset, inputs)),
        run_table(path, frame, known),
        [table for table in tables.values() if table],
        pictures,
        [album.embed(one, GALLERY, one.stem.removeprefix("gallery_")) for one in inputs.galleries if one.parent.name == dataset],
        [album.embed(one, curve, " / ".join(one.parts[-4:-1])) for one in inputs.curves if one.parts[-5] == dataset],
    )


def baseline_of(row: Any) -> float:
    """Return what knowing nothing gives of the score that ranks a comparison."""
    return float(row["majority_macro_f1"] if pd.isna(row["prevalence"]) else row["prevalence"])


def confidence_of(dataset: str, inputs: ReportInputs) -> float | None:
    """Return the confidence of a dataset's intervals, as its runs tell it."""
    path = next((path for path in inputs.metrics if path.parts[-5] == dataset), None)
    found = read_object(path).get("bootstrap", {}).get("confidence") if path else None
    return None if found is None else float(found)


def baseline_text(frame: pd.DataFrame, confidence: float | None) -> str:
    """Say what the test part is, and what its baseline and intervals are."""
    first, words = frame.iloc[0], words_of(frame)
    if pd.isna(first["prevalence"]):
        base = f"who always calls the largest class has macro F1 {first['majority_macro_f1']:.3f}"
    else:
        base = f"prevalence {first['prevalence']:.3f}, which is the PR-AUC of guessing"
    share = "" if confidence is None else f" of {100 * confidence:g} %"
    apart = "" if words.sample == words.group else f", not over single {words.samples}"
    return (
        f"Test part: {first['n_test']:,} {words.samples} of {words.counted(first['n_groups'])}, {first['n_groups_rarest']} of them with the "
        f"rarest class; {base}. Intervals{share} are over {words.groups}{apart}."
    )


def run_table(path: Path, frame: pd.DataFrame, known: set[str]) -> Table:
    """Return the table of all runs: best on the test part first, the one that validation chose marked."""
    score = ranked_by(frame)
    chosen = tuple(chosen_run(frame)[name] for name in NAMES)
    scores = {name: about for name, about in SCORES.items() if name in frame and frame[name].notna().any()}
    base = "dashed: prevalence" if score == "pr_auc" else "dashed: always the largest class"
    several = frame["seeds"].nunique() > 1
    columns = [
        Column("View", numeric=False),
        Column("Model", "leads to the run", numeric=False),
        Column("Strategy", numeric=False),
        Column(titled(score), f"on the test part, with its interval; {base}"),
        *(Column(title, note) for title, note in scores.values()),
        Column("Validation", f"{SHOWN[score]} on the validation part, which chooses"),
        *([Column("Seeds")] if several else []),
        Column("Seconds", "time of training"),
    ]
    rows = []
    for place, row in enumerate(frame.to_dict("records")):
        names = tuple(row[name] for name in NAMES)
        anchor = run_anchor(*names)
        cells = [
            text_cell(row["view"]),
            Cell(row["model"], row["model"].lower(), href=f"#{anchor}" if anchor in known else ""),
            text_cell(row["strategy"]),
            score_cell(row, score, base=baseline_of(row)),
            *(score_cell(row, name) for name in scores),
            number_cell(row[f"validation_{score}"]),
            *([number_cell(int(row["seeds"]))] if several else []),
            number_cell(float(row["seconds"]), 1),
        ]
        marks = [*(["chosen by validation"] if names == chosen else []), *(["best on test"] if place == 0 else [])]
        rows.append(Row(cells, marks))
    return Table(f"comparison-{path.stem}", f"Runs of {path.stem}", columns, rows, download_of(path), path.name)


def _beside(dataset: str, kind: str, tables: Files) -> Table | None:
    """Return one of the further tables of a dataset, if there is one with rows."""
    path = next((found for found in tables if found.name == f"{dataset}_{kind}.tsv"), None)
    if path is None:
        return None
    name = f"{kind}-{dataset}"
    if kind == "strategies":
        return _paired(path, name)
    if kind == "classes":
        caption = "Every class, and every class of each stage of a cascade"
        return plain_table(
            path, name, caption, titles=CLASS_TITLES, select=lambda frame: frame[frame["scope"] == "class"], missing={"stage": "whole"}
        )
    if kind == "cascades":
        return plain_table(
            path, name, "Cascades against the flat run of the same kind", titles=CASCADE_TITLES, select=_bounded, missing={"stage": "whole"}
        )
    if kind == "study":
        found = plain_table(path, name, "In the layout of study A", titles=STUDY_TITLES)
        return found and replace(found, note=caveat(read_table(path)))
    return plain_table(path, name, "The study's claims, put to the test", titles=CLAIM_TITLES, select=_bounded)


def _bounded(frame: pd.DataFrame) -> pd.DataFrame:
    """Call the bounds of a difference as those of a score are called."""
    return frame.rename(columns={"lower": "difference_lower", "upper": "difference_upper"})


def _paired(path: Path, name: str) -> Table | None:
    """Return the table of paired differences, without the baselines themselves."""
    frame = read_table(path)
    frame = frame[frame["strategy"] != frame["baseline"]]
    if frame.empty:
        return None
    f1 = "Macro F1" if ranked_by(frame) == "macro_f1" else "F1"
    titles = {"pr_auc": "PR-AUC", "mcc_tuned": "MCC", "f1_tuned": f1}
    first = "f1_tuned" if f1 == "Macro F1" else "pr_auc"
    shown = sorted((score for score in titles if frame[f"{score}_difference"].notna().any()), key=lambda score: score != first)
    reach = max(0.05, *(float(frame[f"{first}_difference_{end}"].abs().max()) for end in ("lower", "upper")))
    columns = [Column(title, numeric=False) for title in ("View", "Model", "Strategy", "Against")]
    for score in shown:
        note = "difference with its interval; dashed: none" if score == first else "difference with its interval"
        columns += [Column(titles[score], note), Column("Verdict", numeric=False)]
    columns.append(Column("Best", "share of draws in which it is the best run of its view"))
    rows = []
    for row in frame.to_dict("records"):
        cells = [text_cell(row[key]) for key in ("view", "model", "strategy", "baseline")]
        for score in shown:
            base = 0.0 if score == first else None
            cells.append(score_cell(row, f"{score}_difference", signed=True, base=base, ends=(-reach, reach)))
            cells.append(text_cell(row[f"{score}_verdict"]))
        rows.append(Row([*cells, number_cell(float(row["best_share"]), 2)]))
    caption = "Every strategy against the baseline of its model and view, on the same draws"
    return Table(name, caption, columns, rows, download_of(path), path.name)
