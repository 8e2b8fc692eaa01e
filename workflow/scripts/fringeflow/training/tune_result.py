"""What a tuning found: the best hyper-parameters, the table of trials, a picture."""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import optuna
import pandas as pd

from fringeflow.config.learning import Training
from fringeflow.errors import ModelError
from fringeflow.files import atomic, read_json, write_json
from fringeflow.imbalance.spec import StrategySpec
from fringeflow.models.spec import ModelSpec
from fringeflow.training.tune_figure import draw_tuning
from fringeflow.training.tune_space import apply
from fringeflow.training.tune_study import ENDED, UNTUNED, ended, open_study

LOGGER = logging.getLogger(__name__)


def gather(workers: Sequence[Path], *, trials: int, best: Path, table: Path, picture: Path, title: str) -> None:
    """Read the study that workers made, and write what it found.

    Parameters
    ----------
    workers : sequence of Path
        What every worker wrote at its end; the journal lies beside.
    trials : int
        The first that many are looked at, so that a study which once went further gives what a shorter one would.
    best : Path
        JSON to write: `parameters`, `value`, `metric`, `folds`, `trials`, `untuned` (the value of the settings as configured,
        under the same folds; null if they diverged), and with the best parameters in place `model`, `strategy`, `training`.
    table : Path
        TSV to write, a row a trial: `number`, `state`, `untuned`, `value`, `fold_1`..., the hyper-parameters, `seconds`, `reason`.
    picture : Path
        PNG to write.
    title : str
        Names model, strategy, dataset and view.

    Raises
    ------
    ModelError
        If no trial was completed, or workers were at different studies.
    """
    names = {read_json(path)["study"] for path in workers}
    if len(names) > 1:
        raise ModelError(f"{workers[0].parent}: workers were at {len(names)} different studies; remove their JSON files to tune again")
    study = open_study(workers[0].parent, names.pop())
    about = study.user_attrs["about"]
    rows = trial_rows(study)[:trials]
    if len(rows) < trials:
        LOGGER.warning("%s: %d of %d trials ended", study.study_name, len(rows), trials)
    complete = [row for row in rows if row["state"] == "complete"]
    if not complete:
        reason = next((row["reason"] for row in rows if row["reason"]), "no trial ended")
        raise ModelError(
            f"{title}: all {len(rows)} trials failed, the first: {reason}. Lower the ranges that make fits diverge "
            "(tune.space, learning_rate above all), or training.learning_rate"
        )
    chosen = max(complete, key=lambda row: row["value"])  # of equal ones the first: as configured, if that is among them
    model, strategy, settings = (ModelSpec.from_dict(about["model"]), StrategySpec.from_dict(about["strategy"]), about["training"])
    tuned = apply(chosen["parameters"], model, strategy, Training.model_validate(settings))
    found: dict[str, Any] = {
        "parameters": chosen["parameters"],
        "value": chosen["value"],
        "metric": about["tune"]["metric"],
        "folds": about["tune"]["folds"],
        "trials": len(rows),
        "untuned": next((row["value"] for row in rows if row["untuned"]), None),
        "model": tuned[0].as_dict(),
        "strategy": tuned[1].as_dict(),
        "training": tuned[2].model_dump(mode="json"),
    }
    flat = as_table(rows, max(1, about["tune"]["folds"]))
    with atomic(table) as part:
        flat.to_csv(part, sep="\t", index=False)
    draw_tuning(rows, about["tune"], picture, title=title)
    write_json(best, found)


def trial_rows(study: optuna.Study) -> list[dict[str, Any]]:
    """Return the trials that ended, in their order, counted from 0 without interrupted ones.

    Returns
    -------
    list of dict
        `number`, `untuned`, `state`, `value`, `folds`, `seconds`, `reason`, `parameters`.
    """
    return [
        {"number": number, "untuned": UNTUNED in trial.user_attrs, **trial.user_attrs[ENDED]} for number, trial in enumerate(ended(study))
    ]


def as_table(rows: Sequence[dict[str, Any]], folds: int) -> pd.DataFrame:
    """Return trials as a table, see `gather`."""
    flat = []
    for row in rows:
        by_fold = {f"fold_{number + 1}": row["folds"][number] if number < len(row["folds"]) else None for number in range(folds)}
        head = {name: row[name] for name in ("number", "state", "untuned", "value")}
        flat.append({**head, **by_fold, **row["parameters"], "seconds": row["seconds"], "reason": row["reason"]})
    return pd.DataFrame(flat)
