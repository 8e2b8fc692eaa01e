"""A panel for every run: its pictures, key metrics, and how it was made."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fringeflow.report.captions import RUN
from fringeflow.report.comparison import run_anchor
from fringeflow.report.images import Album, Picture
from fringeflow.report.inputs import ReportInputs, read_object
from fringeflow.report.tables import Cell, Column, Row, Table, bounds_text, number, number_cell, text_cell

SCORES = {
    "pr_auc": "PR-AUC", "roc_auc": "ROC-AUC", "recall_at_false_alarms": "Recall at the tolerated false alarms", "brier": "Brier score",
    "log_loss": "Log loss", "ece": "Calibration error (ECE)",
}  # fmt: skip
AT_POINT = {
    "mcc": "MCC", "f1": "F1", "macro_f1": "Macro F1", "precision": "Precision", "recall": "Recall", "accuracy": "Accuracy",
    "events_detected": "Events detected", "false_alarms_per_interferogram": "False alarms per interferogram",
}  # fmt: skip
BASELINES = {"pr_auc": ("prevalence", "pr_auc"), "roc_auc": ("prevalence", "roc_auc"), "brier": ("prevalence", "brier"),
             "log_loss": ("prevalence", "log_loss"), "accuracy": ("majority", "accuracy"), "macro_f1": ("majority", "macro_f1"),
             "f1": ("always_positive", "f1"), "mcc": ("majority", "mcc")}  # fmt: skip
"""What knowing nothing gives: who predicts the prevalence, always the largest class, or always the rare one."""


@dataclass(frozen=True)
class RunPanel:
    """What the page shows of one run.

    Attributes
    ----------
    score, label : str
        The score that ranks it with its interval, and what it is called.
    settings : sequence of pairs
        How it was made: what, and its value.
    """

    anchor: str
    dataset: str
    name: str
    label: str
    score: str
    bounds: str
    metrics: Table
    settings: Sequence[tuple[str, str]]
    pictures: Sequence[Picture]


def run_panels(inputs: ReportInputs, album: Album) -> list[RunPanel]:
    """Return the panel of every run that has metrics, by dataset, view, model and strategy."""
    records = {path.parts[-5:-1]: path for path in inputs.runs}
    pictures: dict[tuple[str, ...], dict[str, Path]] = {}
    for path in inputs.run_pictures:
        pictures.setdefault(path.parts[-5:-1], {})[path.stem] = path
    names = {path: path.parts[-5:-1] for path in inputs.metrics}
    return [_panel(path, records.get(run), pictures.get(run, {}), album) for path, run in names.items()]


def _panel(path: Path, record: Path | None, pictures: Mapping[str, Path], album: Album) -> RunPanel:
    names = path.parts[-5:-1]
    found = read_object(path, "splits", "seeds")
    test = found["splits"]["test"]
    multiclass = found.get("positive") is None
    best = test["operating_points"]["default"]["metrics"]["macro_f1"] if multiclass else test["metrics"]["pr_auc"]
    settings = [] if record is None else settings_of(read_object(record))
    settings += [("Seeds", ", ".join(map(str, found["seeds"])))]
    return RunPanel(
        run_anchor(*names),
        names[0],
        " / ".join(names[1:]),
        "macro F1" if multiclass else "PR-AUC",
        number(best["value"]),
        _bounds(best),
        _metrics(run_anchor(*names), test, multiclass),
        settings,
        [album.embed(pictures[kind], caption) for kind, caption in RUN.items() if kind in pictures],
    )


def _metrics(name: str, test: Mapping[str, Any], multiclass: bool) -> Table:
    """Return the table of a run's scores on the test part."""
    points = {name: point["metrics"] for name, point in test["operating_points"].items()}
    rows = [(title, key, test["metrics"].get(key), None) for key, title in SCORES.items()]
    chosen = {} if multiclass else points.get("validation", {})
    rows += [(title, key, points.get("default", {}).get(key), chosen.get(key)) for key, title in AT_POINT.items()]
    cells = [
        [
            text_cell(title),
            _score(first),
            *([] if multiclass else [_score(second)]),
            _baseline(test, key),
            Cell(number(first.get("seed_sd"))),
        ]
        for title, key, first, second in rows
        if first and first.get("value") is not None
    ]
    columns = [
        Column("Score", numeric=False),
        Column("Test", "of the likeliest class where a class is called" if multiclass else "at 0.5 where a threshold is needed"),
        *([] if multiclass else [Column("At the threshold from validation")]),
        Column("Knowing nothing", "who predicts the prevalence, always the largest class, or for F1 always the rare one"),
        Column("SD over seeds"),
    ]
    return Table(f"metrics-{name}", "Scores on the test part, with their intervals", columns, [Row(one) for one in cells])


def _score(score: Mapping[str, Any] | None) -> Cell:
    """Return a cell with a score and its interval."""
    if not score or score.get("value") is None:
        return Cell("")
    return Cell(number(float(score["value"])), repr(float(score["value"])), _bounds(score))


def _baseline(test: Mapping[str, Any], key: str) -> Cell:
    """Return a cell with what knowing nothing gives."""
    who, name = BASELINES.get(key, ("", ""))
    return number_cell(test["baseline"].get(who, {}).get(name))


def _bounds(score: Mapping[str, Any]) -> str:
    """Write a score's interval, if it has one."""
    low, high = score.get("lower"), score.get("upper")
    return "" if low is None or high is None else bounds_text(low, high)


def settings_of(record: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Say how a run was made, from its `run.json`: model, strategy, training; what is not set is left out."""
    model, strategy, training = (record.get(key) or {} for key in ("model", "strategy", "training"))
    encoder = model.get("encoder") or {}
    stages = [stage.get("name", "") for stage in model.get("stages") or []]
    trained = record.get("trained_on") or {}
    pairs = {
        "Architecture": model.get("architecture"),
        "Mode": model.get("mode"),
        "Head": model.get("head"),
        "Weights": encoder.get("weights"),
        "Input": f"{encoder['input_size']} px, {encoder.get('encoding')}" if encoder.get("input_size") else None,
        "Stages": " then ".join(stages),
        "Options": _plain(model.get("options")),
        "Strategy": _plain({key: value for key, value in strategy.items() if key != "name" and value not in (None, "none")}),
        "Tuned": _plain(record["tuned"]) if isinstance(record.get("tuned"), Mapping) else None,
        "Training": _plain({key: value for key, value in training.items() if key != "seeds"}),
        "Trained on": ", ".join(f"{count:,} {label}" for label, count in trained.items()),
    }
    return [(title, str(value)) for title, value in pairs.items() if value]


def _plain(values: Mapping[str, Any] | None) -> str:
    """Write settings in a line."""
    plain = {key: value for key, value in (values or {}).items() if not isinstance(value, Mapping | list)}
    return ", ".join(f"{key.replace('_', ' ')} {f'{value:.4g}' if isinstance(value, float) else value}" for key, value in plain.items())
