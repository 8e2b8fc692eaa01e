"""The study behind a tuning: a journal that workers on any machine share, and that a kill cannot spoil.

A trial that ended carries what came of it in its attribute `ENDED`, written just before its state. One without it was
interrupted: it counts for nothing, and its hyper-parameters are asked for anew.
"""

import logging
import os
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import numpy as np
import optuna
from optuna.exceptions import ExperimentalWarning
from optuna.pruners import BasePruner, MedianPruner, NopPruner
from optuna.samplers import TPESampler
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock
from optuna.trial import FrozenTrial, Trial, TrialState

from fringeflow.config.learning import Range, Tune
from fringeflow.errors import ModelError
from fringeflow.models.spec import Scalar
from fringeflow.training.tune_space import contains

LOGGER = logging.getLogger(__name__)
JOURNAL = "journal.log"
STARTUP = 5
"""Trials before the sampler learns from them, and before any is pruned: a study has tens of trials, not hundreds."""
WARMUP = 1
"""Pruning begins after the second fold (they are counted from 0): a single one holds few samples of a rare class."""
GRACE_S = 30
"""Seconds without any change after which a lock is that of a killed worker."""
ENDED, WORKER, UNTUNED = "ended", "worker", "untuned"
STATES = {"complete": TrialState.COMPLETE, "pruned": TrialState.PRUNED, "failed": TrialState.FAIL}


class Lock(JournalFileOpenLock):
    """Optuna's lock for files on NFS, which removes what a killed worker left behind: the lock, and half a line.

    Its file is hidden, ``.journal.log.lock``: only results stand in the open. Optuna's other lock, its default, points to the
    journal's path as given; below a relative path it is never found to be old.
    """

    def __init__(self, path: Path):
        super().__init__(str(path.resolve().with_name(f".{path.name}")), grace_period=GRACE_S)
        self._journal = path

    def acquire(self) -> bool:
        """Wait for the lock; the journal ends with a whole line afterwards."""
        super().acquire()
        if self._journal.is_file() and (torn := _torn_bytes(self._journal)):
            LOGGER.warning("%s: the last line is incomplete, as after a kill: removed", self._journal)
            os.truncate(self._journal, self._journal.stat().st_size - torn)
        return True


def _torn_bytes(path: Path) -> int:
    """Return the length of a last line without an end."""
    with path.open("rb") as handle:
        size = handle.seek(0, os.SEEK_END)
        if size == 0:
            return 0
        handle.seek(size - 1)
        if handle.read(1) == b"\n":
            return 0
        handle.seek(0)
        return len(handle.read().rpartition(b"\n")[2])


def open_study(folder: Path, name: str, about: Mapping[str, Any] | None = None, *, prune: bool = False) -> optuna.Study:
    """Open a study in a folder's journal, or begin it.

    Parameters
    ----------
    folder : Path
        Gets ``journal.log``. Studies of other settings stay in it: going back to them costs nothing.
    name : str
        Digest of all that decides a trial.
    about : mapping, optional
        Plain values to keep with it; if None, the study has to be there.
    prune : bool
        Give trials up that fall behind the median.

    Raises
    ------
    ModelError
        If the journal cannot be read, or has no such study.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    path = Path(folder) / JOURNAL
    path.parent.mkdir(parents=True, exist_ok=True)
    pruner: BasePruner = MedianPruner(n_startup_trials=STARTUP, n_warmup_steps=WARMUP) if prune else NopPruner()
    try:
        storage = JournalStorage(JournalFileBackend(str(path), lock_obj=Lock(path)))
        if about is None:
            return optuna.load_study(study_name=name, storage=storage, pruner=pruner)
        study = optuna.create_study(study_name=name, storage=storage, pruner=pruner, direction="maximize", load_if_exists=True)
    except (ValueError, KeyError, AssertionError) as error:
        raise ModelError(f"{path}: has no study that can be read ({type(error).__name__}: {error}); remove it to tune anew") from error
    if dict(about) != study.user_attrs.get("about"):
        study.set_user_attr("about", dict(about))
    return study


def ended(study: optuna.Study) -> list[FrozenTrial]:
    """Return the trials that ended, in order: complete, pruned, or failed by themselves."""
    trials = study.get_trials(deepcopy=False)
    return [trial for trial in trials if trial.state.is_finished() and ENDED in trial.user_attrs]


def busy(study: optuna.Study) -> list[FrozenTrial]:
    """Return the trials that known workers are at, or were when they were killed."""
    return [trial for trial in _running(study) if WORKER in trial.user_attrs]


def _running(study: optuna.Study) -> list[FrozenTrial]:
    return study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))


def take_up(study: optuna.Study, worker: int, workers: int) -> None:
    """Tidy up after a kill: what this worker, or one that there is no more, was at is marked failed without counting.

    Only one job of a worker runs at a time, so a trial of its own number is a leftover. A sole worker owns all.
    """
    for trial in _running(study):
        owner = trial.user_attrs.get(WORKER)
        if workers == 1 or owner == worker or (owner is not None and owner >= workers):
            if ENDED in trial.user_attrs:  # killed between the two writes at its end
                _tell(study, trial.number, trial.user_attrs[ENDED])
            else:
                LOGGER.info("trial %d was interrupted: it is tried anew", trial.number)
                study.tell(trial.number, state=TrialState.FAIL)


def ask(study: optuna.Study, tune: Tune, configured: Mapping[str, Scalar], worker: int) -> tuple[Trial, dict[str, Scalar]]:
    """Begin a trial; the first of a study has the values as configured.

    The sampler is made anew from the seed and the number of ended trials, so that a study that was killed goes on as if it had not
    been. Several workers ask with seeds of their own, and what they get depends on how far the others are.

    Parameters
    ----------
    study : Study
    tune : Tune
        With all ranges.
    configured : mapping of str to value
        For all names of the space, inside their ranges or not.
    worker : int

    Returns
    -------
    trial : Trial
    parameters : dict of str to value
    """
    if not _has_untuned(study):
        # Values outside their ranges would mislead the sampler: such a trial ends as failed in Optuna's eyes, its value in `ENDED`.
        study.enqueue_trial(dict(configured) if contains(tune.space, configured) else {}, user_attrs={UNTUNED: True})
    words = [tune.seed, len(ended(study)), *([worker] if tune.workers > 1 else [])]
    seed = int(np.random.SeedSequence(words).generate_state(1)[0])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)  # `multivariate`, before Optuna 5
        study.sampler = TPESampler(n_startup_trials=STARTUP, seed=seed, multivariate=True, constant_liar=True)
    trial = study.ask()
    trial.set_user_attr(WORKER, worker)
    if UNTUNED in trial.user_attrs and not contains(tune.space, configured):
        return trial, dict(configured)
    return trial, {name: _suggest(trial, name, given, configured[name]) for name, given in sorted(tune.space.items())}


def _has_untuned(study: optuna.Study) -> bool:
    """Whether the values as configured were tried, or are about to be.

    A trial that runs and is of no worker was left by one that was killed as it began; or it begins just now: then they are tried twice.
    """
    trials = [trial for trial in study.get_trials(deepcopy=False) if UNTUNED in trial.user_attrs]
    alive = {TrialState.WAITING: UNTUNED, TrialState.RUNNING: WORKER}
    return any(alive.get(trial.state, ENDED) in trial.user_attrs for trial in trials)


def _suggest(trial: Trial, name: str, given: Range, configured: Scalar) -> Scalar:
    """Return the sampler's choice; whole numbers where the configured value is one."""
    if given.choices is not None:
        return cast(Scalar, trial.suggest_categorical(name, given.choices))
    assert given.low is not None and given.high is not None
    if isinstance(configured, int):
        return trial.suggest_int(name, int(given.low), int(given.high), log=given.log)
    return trial.suggest_float(name, given.low, given.high, log=given.log)


def end(study: optuna.Study, trial: Trial, outcome: Mapping[str, Any]) -> None:
    """End a trial.

    Parameters
    ----------
    study : Study
    trial : Trial
    outcome : mapping
        `state` (``complete``, ``pruned`` or ``failed``), `value` (None if failed), and whatever else to keep.
    """
    trial.set_user_attr(ENDED, dict(outcome))
    _tell(study, trial.number, outcome)


def _tell(study: optuna.Study, number: int, outcome: Mapping[str, Any]) -> None:
    state = STATES[outcome["state"]]
    outside = state == TrialState.COMPLETE and not study.get_trials(deepcopy=False)[number].params
    value = outcome["value"] if state == TrialState.COMPLETE and not outside else None
    study.tell(number, value, state=TrialState.FAIL if outside else state)
