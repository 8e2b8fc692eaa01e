"""A fit that is killed goes on where it was, and ends as if nothing had happened."""

import importlib

import numpy as np
import pytest
import torch

from fringeflow.config.models import Model, Training
from fringeflow.imbalance.objective import Objective
from fringeflow.models.registry import resolve_model
from fringeflow.training import fit_torch
from fringeflow.training.checkpoint import Checkpoint
from fringeflow.training.watch import Watch
from tests.unit.toy_learning import TWO, blobs, strategy

SETTINGS = Training(seeds=[0], epochs=12, patience=12, batch=16, learning_rate=0.01)


class KilledError(Exception):
    """What a test's power cut raises."""


def fit(head: str, kind: str, checkpoint: Checkpoint | None, settings: Training = SETTINGS, seed: int = 3):
    """Fit a head with dropout."""
    spec = resolve_model("resnet18", Model(head=head, options={"dropout": 0.3}), "wrapped")
    train, validation = blobs((70, 12), distance=1.5), blobs((70, 12), distance=1.5, seed=1)
    return fit_torch.fit(train, validation, TWO, spec, strategy(kind), settings, seed=seed, threads=1, checkpoint=checkpoint)


def killed_after(steps: int, monkeypatch, *arguments) -> None:
    """Run a fit until its optimiser has taken some steps."""
    taken = []
    step = torch.optim.AdamW.step

    def last(self, *rest, **more):
        if len(taken) == steps:
            raise KilledError
        taken.append(1)
        return step(self, *rest, **more)

    with monkeypatch.context() as patch, pytest.raises(KilledError):
        patch.setattr(torch.optim.AdamW, "step", last)
        fit(*arguments)


@pytest.mark.parametrize(("head", "kind"), [("linear", "oversample"), ("silva", "focal"), ("silva", "ldam_drw")])
def test_a_killed_fit_ends_with_the_same_weights_to_the_bit(tmp_path, monkeypatch, head, kind):
    undisturbed = fit(head, kind, None)
    assert len(undisturbed.history) == 12
    checkpoint = Checkpoint(tmp_path / "seed3.npz", "key", every_s=0)
    for kill in (23, 13):  # in the middle of an epoch, twice
        killed_after(kill, monkeypatch, head, kind, checkpoint)
    assert 1 < len(checkpoint.load()[1]["history"]) < 12
    resumed = fit(head, kind, checkpoint)
    assert resumed.history == undisturbed.history
    assert resumed.best_epoch == undisturbed.best_epoch
    for name, value in undisturbed.head.state_dict().items():
        np.testing.assert_array_equal(value.numpy(), resumed.head.state_dict()[name].numpy(), err_msg=name)


def test_a_state_of_other_settings_is_not_used(tmp_path, monkeypatch):
    killed_after(13, monkeypatch, "linear", "none", Checkpoint(tmp_path / "a.npz", "of other settings", every_s=0))
    fresh = fit("linear", "none", Checkpoint(tmp_path / "a.npz", "of these", every_s=1e9))
    assert fresh.history == fit("linear", "none", None).history


def test_a_short_fit_keeps_no_state(tmp_path):
    fit("linear", "none", Checkpoint(tmp_path / "a.npz", "key", every_s=1e9))
    assert not list(tmp_path.iterdir())


def test_a_finished_fit_is_not_gone_on_with(tmp_path):
    """A run of several seeds that is killed in the second leaves the state of the last epoch of the first."""
    checkpoint = Checkpoint(tmp_path / "a.npz", "key", every_s=0)
    once = fit("linear", "none", checkpoint)
    twice = fit("linear", "none", checkpoint)
    assert once.history == twice.history
    assert all(torch.equal(value, twice.head.state_dict()[name]) for name, value in once.head.state_dict().items())


@pytest.mark.parametrize("watch", ["pr_auc", "loss", "macro_f1"])
def test_watching(watch):
    """The better score wins; of equal ones the other score decides; equal in both, the earlier epoch stays."""
    plain = Objective(np.ones(2), 0.0, np.zeros(2), np.zeros(2), 1.0)
    eye = Watch(SETTINGS.model_copy(update={"watch": watch, "patience": 3}), plain)
    for epoch, (first, second), best in [
        (1, (0.5, 0.9), 1),
        (2, (0.6, 0.95), 2),
        (3, (0.6, 0.95), 2),
        (4, (0.6, 0.8), 4),
        (5, (0.55, 0.1), 4),
    ]:
        scores = {"pr_auc": (first, 0.3, second), "macro_f1": (0.3, first, second), "loss": (1 - second, 0.3, 1 - first)}
        eye.is_best(epoch, *scores[watch])
        assert eye.best_epoch == best, epoch
        assert not eye.is_over(epoch)
    assert eye.is_over(7) and eye.is_over(12)


def test_late_weights_begin_a_new_watch():
    late = Objective(np.ones(2), 0.0, np.zeros(2), np.zeros(2), 1.0, late_weights=np.ones(2), late_from=0.5)
    eye = Watch(Training(epochs=10, patience=2), late)
    assert eye.is_best(1, 0.9, 0, 0.1)
    assert not eye.is_best(5, 0.8, 0, 0.1) and not eye.is_over(5)
    assert eye.is_best(6, 0.2, 0, 0.9), "half of ten epochs are done"
    assert not eye.is_best(7, 0.1, 0, 0.9) and not eye.is_over(7)
    assert eye.is_over(8)
    assert [eye.progress(epoch) for epoch in (1, 6, 10)] == [0, 0.5, 1]


def test_every_fitter_takes_a_checkpoint(tmp_path):
    """The SVM has nothing to keep and takes it all the same."""
    spec = resolve_model("hog_svm", Model(), "wrapped")
    checkpoint = Checkpoint(tmp_path / "a.npz", "key", every_s=0)
    fitter = importlib.import_module(spec.fitter)
    fitter.fit(blobs((40, 10)), blobs((40, 10), seed=1), TWO, spec, strategy("none"), SETTINGS, seed=0, threads=1, checkpoint=checkpoint)
    assert not list(tmp_path.iterdir())
