"""A process of its own for the loss in Keras: prints its values and gradients as JSON."""

import json

import numpy as np
import tensorflow as tf

from fringeflow.imbalance import losses_keras
from fringeflow.imbalance.objective import Objective
from tests.unit.toy_losses import COUNT, Case, case, extreme


def value_and_gradient(case: Case, dtype: str) -> dict:
    logits = tf.Variable(case.logits, dtype=dtype)
    with tf.GradientTape() as tape:
        loss = losses_keras.loss(logits, case.labels, case.sample_weights, case.objective, case.progress)
    return {"loss": float(loss), "gradient": tape.gradient(loss, logits).numpy().tolist(), "dtype": loss.dtype.name}


def compiled() -> dict:
    """One trace of a training step serves all epochs: the late weights come with a variable."""
    flat = np.zeros(2, np.float32)
    objective = Objective(np.ones(2), 0.0, flat, flat, 1.0, late_weights=np.array([1.0, 3.0]), late_from=0.8)
    progress, traces = tf.Variable(0.0), []

    @tf.function
    def step(logits, labels, weights):
        traces.append(1)
        return losses_keras.loss(logits, labels, weights, objective, progress)

    found = []
    for share in (0.0, 0.79, 0.8, 1.0):
        progress.assign(share)
        found.append(float(step(tf.zeros((4, 2)), tf.ones(4, tf.int32), tf.ones(4))))
    return {"losses": found, "traces": len(traces)}


if __name__ == "__main__":
    result = {
        "random": [value_and_gradient(case(seed), "float64") for seed in range(COUNT)],
        "extreme": [value_and_gradient(extreme(gamma), "float32") for gamma in (0.0, 0.5, 1.0, 2.0)],
        "half": value_and_gradient(case(0), "bfloat16"),
        "compiled": compiled(),
    }
    print(json.dumps(result))
