"""Fit one head with a state kept after every epoch: `python -m tests.crash.fit_one torch|keras CHECKPOINT WEIGHTS`."""

import sys
from pathlib import Path

import numpy as np

from fringeflow.config.models import Model, Training
from fringeflow.files import atomic
from fringeflow.models.registry import resolve_model
from fringeflow.training.checkpoint import Checkpoint
from tests.unit.toy_learning import TWO, blobs, strategy

MODELS = {"torch": "resnet18", "keras": "vgg19"}
EPOCHS = {"torch": 600, "keras": 100}
"""Some seconds each, however fast the machine: time to be killed in."""


def fit(framework: str, checkpoint: Path, weights: Path) -> None:
    """Fit, and write the weights and the history."""
    spec = resolve_model(MODELS[framework], Model(head="linear"), "wrapped")
    train, validation = blobs((70, 12), distance=1.5), blobs((70, 12), distance=1.5, seed=1)
    settings = Training(seeds=[0], epochs=EPOCHS[framework], patience=EPOCHS[framework], batch=16, learning_rate=0.01)
    more = {"seed": 3, "threads": 1, "checkpoint": Checkpoint(checkpoint, "key", every_s=0)}
    if framework == "torch":
        from fringeflow.training import fit_torch

        fitted = fit_torch.fit(train, validation, TWO, spec, strategy("oversample"), settings, **more)
        arrays = {name: value.numpy() for name, value in fitted.head.state_dict().items()}
    else:
        from fringeflow.training import fit_keras

        fitted = fit_keras.fit(train, validation, TWO, spec, strategy("oversample"), settings, **more)
        arrays = {str(number): value for number, value in enumerate(fitted.network.get_weights())}
    with atomic(weights) as part:
        np.savez(part, history=np.array(repr(fitted.history)), **arrays)


if __name__ == "__main__":
    fit(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
