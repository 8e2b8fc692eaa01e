"""The loss in Keras is the one in NumPy, and its gradient the one in PyTorch. TensorFlow has a process of its own."""

import json
import os
import subprocess
import sys
from importlib.util import find_spec

import numpy as np
import pytest

from fringeflow.imbalance import losses
from fringeflow.provenance import SCRIPTS
from tests.unit.toy_losses import COUNT, case

pytestmark = pytest.mark.skipif(find_spec("keras") is None, reason="Keras is not installed; pip install '.[learning]'")


@pytest.fixture(scope="module")
def keras(root) -> dict:
    env = {**os.environ, "PYTHONPATH": f"{SCRIPTS}{os.pathsep}{root}", "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1"}
    command = [sys.executable, "-m", "tests.unit.run_keras_losses"]
    done = subprocess.run(command, cwd=root, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize("seed", range(COUNT))
def test_keras_mirrors_numpy_and_pytorch(keras, seed):
    torch = pytest.importorskip("torch")
    from fringeflow.imbalance import losses_torch

    one, found = case(seed), keras["random"][seed]
    expected = losses.loss(one.logits, one.labels, one.sample_weights, one.objective, one.progress)
    assert found["loss"] == pytest.approx(expected, rel=1e-9, abs=1e-12)
    logits = torch.tensor(one.logits, requires_grad=True)
    losses_torch.loss(logits, torch.tensor(one.labels), torch.tensor(one.sample_weights), one.objective, one.progress).backward()
    np.testing.assert_allclose(found["gradient"], logits.grad.numpy(), rtol=1e-7, atol=1e-10)


def test_gradients_stay_finite_where_the_answer_is_certain(keras):
    for found in keras["extreme"]:
        assert np.isfinite(found["loss"]) and np.isfinite(found["gradient"]).all()


def test_logits_of_half_precision_give_a_loss_in_single(keras):
    one = case(0)
    assert keras["half"]["dtype"] == "float32"
    expected = losses.loss(one.logits, one.labels, one.sample_weights, one.objective, one.progress)
    assert keras["half"]["loss"] == pytest.approx(expected, rel=0.05)


def test_a_compiled_step_changes_its_weights_without_a_new_trace(keras):
    assert keras["compiled"]["losses"] == pytest.approx(np.log(2) * np.array([1, 1, 3, 3]))
    assert keras["compiled"]["traces"] == 1
