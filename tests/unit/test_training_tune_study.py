"""A study on disk: a kill at any instant changes nothing, workers share it, and more or fewer trials of it are no other study."""

import threading

import pandas as pd
import pytest

from fringeflow.config.learning import Tune
from fringeflow.errors import ModelError
from fringeflow.files import read_json
from fringeflow.training import tune as tuning
from fringeflow.training import tune_study
from tests.unit.toy_killed import Killed
from tests.unit.toy_tuning import SVM, ToyTuning, fits, toy

__all__ = ["fits", "toy"]


def test_a_kill_at_any_instant_changes_nothing(toy, fits, monkeypatch):
    """Killed at every single write to the journal in turn, half of the line written: the study goes on to the same trials."""
    tune = Tune(trials=7, folds=2, seed=3)
    toy.work(SVM, tune)
    whole, journal = toy.trials(), toy.folder / "journal.log"
    writes = len(journal.read_text().splitlines())
    append = tune_study.JournalFileBackend.append_logs

    def dies_at(number):
        count = iter(range(10**6))

        def dying(self, logs):
            if next(count) == number:
                with journal.open("a") as handle:
                    handle.write('{"op_code": 7, "wor')
                raise Killed
            append(self, logs)

        return dying

    # Every write of the first trial, then every third: each kind of write is among them, and the sampler's learning as well.
    for number in [*range(1, 9), *range(9, writes - 1, 3)]:
        journal.unlink()
        monkeypatch.setattr(tune_study.JournalFileBackend, "append_logs", dies_at(number))
        with pytest.raises(Killed):
            toy.work(SVM, tune)
        monkeypatch.setattr(tune_study.JournalFileBackend, "append_logs", append)
        toy.work(SVM, tune)
        pd.testing.assert_frame_equal(toy.trials(), whole, obj=f"killed at write {number}")


@pytest.mark.filterwarnings("ignore:The value of `grace_period`")
def test_a_lock_of_a_killed_worker_does_not_block(toy, fits, monkeypatch):
    """Optuna's default lock never gives way below a relative path, as those of the results tree are."""
    monkeypatch.setattr(tune_study, "GRACE_S", 1)
    monkeypatch.chdir(toy.root)
    here = ToyTuning(toy.root.relative_to(toy.root))
    here.folder.mkdir()
    (here.folder / ".journal.log.lock").touch()
    here.work(SVM, Tune(trials=1, folds=2))
    assert (here.folder / "worker0.json").is_file() and not (here.folder / ".journal.log.lock").exists()


def test_while_the_journal_is_written_nothing_but_results_stands_in_the_open(toy, fits, monkeypatch):
    """A worker that is killed while it holds the lock leaves it."""
    seen, truly = [], tune_study.Lock.acquire

    def acquire(lock):
        truly(lock)
        seen.append(sorted(path.name for path in toy.folder.iterdir() if not path.name.startswith(".")))
        return True

    monkeypatch.setattr(tune_study.Lock, "acquire", acquire)
    toy.work(SVM, Tune(trials=1, folds=2))
    assert seen and all(names in ([], ["journal.log"]) for names in seen), seen


def test_more_trials_go_on_where_fewer_ended_and_other_settings_begin_anew(toy, fits):
    toy.work(SVM, Tune(trials=3, folds=2))
    toy.work(SVM, Tune(trials=5, folds=2))
    assert len(fits.shown) == 2 * 5
    longer = toy.trials()
    toy.work(SVM, Tune(trials=2, folds=3))
    assert len(fits.shown) == 2 * 5 + 3 * 2, "another number of folds is another study"
    assert "fold_3" in toy.trials() and len(toy.trials()) == 2
    toy.work(SVM, Tune(trials=3, folds=2))
    assert len(fits.shown) == 2 * 5 + 3 * 2, "the way back costs nothing"
    pd.testing.assert_frame_equal(toy.trials(3), longer[:3])
    toy.work(SVM, Tune(trials=3, folds=2), code="edited")
    assert len(fits.shown) == 2 * 5 + 3 * 2 + 2 * 3


def test_a_study_that_went_further_gives_what_a_shorter_one_would(toy, fits):
    toy.work(SVM, Tune(trials=9, folds=2))
    toy.gather(4)
    table = pd.read_csv(toy.folder / "trials.tsv", sep="\t")
    best = read_json(toy.folder / "best.json")
    assert len(table) == best["trials"] == 4 and best["value"] == table["value"].max() <= toy.trials()["value"].max()
    assert table.columns.tolist() == ["number", "state", "untuned", "value", "fold_1", "fold_2", "c", "gamma", "pca", "seconds", "reason"]


def test_workers_share_the_trials(toy, fits):
    """Three at once: together they make as many as were asked for, none twice, and the configured values once."""
    tune = Tune(trials=12, folds=2, workers=3)
    threads = [threading.Thread(target=toy.work, args=(SVM, tune), kwargs={"worker": number}) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    table = toy.trials(12)
    assert 12 <= len(fits.shown) // 2 <= 14 and len(table) == 12
    assert table["c"].nunique() == 12 - (table["untuned"].sum() - 1) and table["untuned"].any()


def test_a_worker_leaves_what_others_are_at_and_takes_up_its_own(toy, fits, monkeypatch):
    tune = Tune(trials=3, folds=2, workers=2)
    outcome = tuning.Objective.outcome

    def killed(*_):
        raise Killed

    monkeypatch.setattr(tuning.Objective, "outcome", killed)
    with pytest.raises(Killed):
        toy.work(SVM, tune, worker=1)
    monkeypatch.setattr(tuning.Objective, "outcome", outcome)
    toy.work(SVM, tune, worker=0)
    study = tune_study.open_study(toy.folder, read_json(toy.folder / "worker0.json")["study"])
    assert len(tune_study.ended(study)) == 2 and len(tune_study.busy(study)) == 1, "the other's trial counts while it may live"
    toy.work(SVM, tune, worker=1)
    assert len(toy.trials()) == 3 and toy.trials()["untuned"].sum() == 1


def test_the_values_as_configured_are_tried_though_one_of_several_workers_is_killed_as_it_begins(toy, fits, monkeypatch):
    """Its trial runs and is nobody's: it stood for them for ever, and best.json had nothing to compare with."""
    tune = Tune(trials=3, folds=2, workers=2)

    def killed(*_):
        raise Killed

    with monkeypatch.context() as context:
        context.setattr(tune_study.Trial, "set_user_attr", killed)
        with pytest.raises(Killed):
            toy.work(SVM, tune, worker=0)
    toy.work(SVM, tune, worker=0)
    toy.work(SVM, tune, worker=1)
    assert len(toy.trials()) == 3 and toy.trials()["untuned"].sum() == 1


def test_a_damaged_journal_is_told(toy, fits):
    toy.folder.mkdir()
    (toy.folder / "journal.log").write_text("\0\0\0\n" * 3)
    with pytest.raises(ModelError, match=r"journal\.log: has no study that can be read.*remove it"):
        toy.work(SVM, Tune(trials=1, folds=2))
