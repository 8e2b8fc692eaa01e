"""Tuning: hyper-parameters scored by fits on folds of the training split. The test split is not read.

In every fold the dataset's own validation split stops the fit early and calibrates it, as in a run; the held-out groups score it
and have no other part in it. With ``folds: 0`` the validation split does both, which flatters all trials alike.
Optuna proposes, one trial at a time; a trial has the seed of the run's first. Extra samples are trained on where the group of their
source is. With one worker a study that was killed and goes on gives the trials of an undisturbed one; with several, what each
tries depends on how far the others are.
"""

import logging
import time
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pandas as pd
from optuna.trial import Trial

from fringeflow.config.learning import Training, Tune
from fringeflow.errors import DatasetError, ModelError
from fringeflow.files import canonical_json, read_json, sha256_file, sha256_text, write_json
from fringeflow.imbalance.spec import StrategySpec
from fringeflow.models.spec import ModelSpec, Scalar
from fringeflow.progress import progress_bar
from fringeflow.provenance import versions
from fringeflow.training.cascade import shift_of
from fringeflow.training.folds import Fold, Task, macro_f1
from fringeflow.training.predict import adjusted
from fringeflow.training.train import FRAMEWORKS, Data, fit_seeds
from fringeflow.training.tune_folds import divide
from fringeflow.training.tune_space import apply, current
from fringeflow.training.tune_study import UNTUNED, ask, busy, end, ended, open_study, take_up

LOGGER = logging.getLogger(__name__)


def tune_worker(
    samples: Path,
    dataset: Path,
    embeddings: Path,
    out: Path,
    *,
    worker: int,
    model: ModelSpec,
    strategy: StrategySpec,
    settings: Training,
    tune: Tune,
    code: str = "",
    threads: int = 1,
    extra: tuple[Path, Path] | None = None,
    doubts: Path | None = None,
) -> None:
    """Try hyper-parameters until a study has the trials it is to have; other workers may be at it too.

    Parameters
    ----------
    samples, dataset, embeddings : Path
        samples.parquet and dataset.json of a dataset, and its embeddings in a view.
    out : Path
        JSON to write when there is nothing more to do: `study` and `worker`. The journal lies beside it, and stays: what a study
        depends on is in its name, so a study goes on if it can, and another begins if anything differs.
    worker : int
        From 0 to `tune.workers` - 1.
    model : ModelSpec
    strategy : StrategySpec
    settings : Training
        As configured; only the first seed is used.
    tune : Tune
        With all ranges (`tune_space.resolved`).
    code : str
        Digest of the code.
    threads : int
    extra, doubts : optional
        As in `train_run`.

    Raises
    ------
    DatasetError
        If a class is missing from a split, or has fewer groups than there are folds.
    ModelError
        If the journal is damaged, features are not finite, or weights are missing. A loss that diverges ends its trial alone.
    """
    settings = settings.model_copy(update={"seeds": settings.seeds[:1]})
    about: dict[str, Any] = {
        "model": model.as_dict(),
        "strategy": strategy.as_dict(),
        "training": settings.model_dump(mode="json"),
        "tune": tune.model_dump(mode="json", exclude={"trials", "workers"}),
    }
    made_of = {
        "dataset": read_json(dataset)["digest"],
        "embeddings": sha256_file(embeddings),
        "extra": None if extra is None else [sha256_file(path) for path in extra],
        "doubts": None if doubts is None else sha256_file(doubts),
        "code": code,
        "versions": versions((*FRAMEWORKS, "optuna")),
    }
    key = sha256_text(canonical_json({**about, **made_of}))
    study = open_study(out.parent, key, about, prune=tune.prune)
    take_up(study, worker, tune.workers)
    if len(ended(study)) < tune.trials:
        data = Data.read(samples, dataset, embeddings, threads=threads)
        _run(study, Objective(data, model, strategy, settings, tune, extra, doubts), worker)
    write_json(out, {"study": key, "worker": worker})


def _run(study: optuna.Study, objective: "Objective", worker: int) -> None:
    """Take one trial after the other while there are some left that nobody else is at."""
    tune = objective.tune
    configured = current(tune.space, objective.model, objective.strategy, objective.settings)
    objective.prepare()
    with progress_bar(tune.trials, desc=f"tuning {objective.model.name} {objective.strategy.name}", unit="trial") as bar:
        seen = 0
        while (done := len(ended(study))) + len(busy(study)) < tune.trials:
            bar.update(done - seen)
            seen = done
            trial, parameters = ask(study, tune, configured, worker)
            outcome = objective.outcome(trial, parameters)
            end(study, trial, outcome)
            LOGGER.info("trial %d: %s %s with %s", trial.number, outcome["state"], outcome["value"], canonical_json(parameters))
        bar.update(len(ended(study)) - seen)


@dataclass(frozen=True)
class Objective:
    """What a trial is worth: the mean score of its fits over folds that hold groups out.

    Attributes
    ----------
    data : Data
    model : ModelSpec
    strategy : StrategySpec
    settings : Training
        With one seed.
    tune : Tune
    extra : tuple of Path or None
    doubts : Path or None
    """

    data: Data
    model: ModelSpec
    strategy: StrategySpec
    settings: Training
    tune: Tune
    extra: tuple[Path, Path] | None = None
    doubts: Path | None = None

    def prepare(self) -> None:
        """Read the splits and divide them, so that what is wrong with them is told before a trial begins."""
        _ = self.parts

    def outcome(self, trial: Trial, parameters: dict[str, Scalar]) -> dict[str, Any]:
        """Return how a trial ends: its state, its value, the value of every fold that was fitted, seconds, and why it failed.

        Raises
        ------
        ModelError
            If a model cannot be built. A loss that diverges is an outcome.
        """
        begin = time.perf_counter()
        values: list[float] = []
        state, reason = "complete", ""
        model, strategy, settings = apply(parameters, self.model, self.strategy, self.settings)
        for number, (train, held) in enumerate(self.parts):
            try:
                values.append(self._value(train, held, model, strategy, settings))
            except ModelError as error:
                if not getattr(error, "history", None):  # nothing was fitted: it is not the hyper-parameters' fault
                    raise
                state, reason = "failed", str(error)
                break
            trial.report(float(np.mean(values)), number)
            if number + 1 < len(self.parts) and UNTUNED not in trial.user_attrs and trial.should_prune():
                state = "pruned"
                break
        value = None if state == "failed" else float(np.mean(values))
        seconds = round(time.perf_counter() - begin, 3)
        return {"state": state, "value": value, "folds": values, "seconds": seconds, "reason": reason, "parameters": parameters}

    def _value(self, train: Fold, held: Fold, model: ModelSpec, strategy: StrategySpec, settings: Training) -> float:
        task: Task = self.data.task
        fit = fit_seeds(train, self.validation, task, model, strategy, settings, threads=self.data.threads)[0]
        probabilities = adjusted(fit.probabilities(held.features), shift_of(model, strategy, train, self.validation, len(task.classes)))
        return macro_f1(held.labels, probabilities) if self.tune.metric == "macro_f1" else task.score(held.labels, probabilities)

    @cached_property
    def validation(self) -> Fold:
        """The dataset's validation split."""
        return self.data.fold("validation")

    @cached_property
    def parts(self) -> list[tuple[Fold, Fold]]:
        """What to train on and what to score, for every fold.

        Raises
        ------
        DatasetError
            If a class has fewer groups than there are folds.
        """
        train = self.data.training_fold(self.extra, self.doubts)
        if not self.tune.folds:
            return [(train, self.validation)]
        rows = self.data.rows("train")
        whole = train if self.extra is None and self.doubts is None else self.data.fold("train")
        groups, owners = rows["group"].astype(str).to_numpy(), self._groups(rows, len(train))
        found = divide(groups, whole.labels, self.data.task.classes, self.tune.folds, seed=self.tune.seed)
        return [(train.select(np.flatnonzero(np.isin(owners, groups[seen]))), whole.select(held)) for seen, held in found]

    def _groups(self, rows: pd.DataFrame, count: int) -> np.ndarray:
        """Return the group of every sample of `Data.training_fold`, of made ones that of their source."""
        sources = rows["sample"]
        if self.extra is not None:
            sources = pd.concat([sources, pd.read_parquet(self.extra[0])["source"]], ignore_index=True)
        if self.doubts is not None:
            doubted = pd.read_parquet(self.doubts)
            sources = sources[~sources.isin(doubted.loc[doubted["weight"] <= 0, "sample"])]
        if len(sources) != count:
            raise DatasetError(
                f"the training split has {count} samples, of which {len(sources)} have a known group; build the dataset again"
            )
        return sources.map(rows.set_index("sample")["group"]).astype(str).to_numpy()
