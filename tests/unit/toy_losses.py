"""Random cases of the loss, the same in every process, so that frameworks that cannot share one can be compared."""

from dataclasses import dataclass

import numpy as np

from fringeflow.imbalance.objective import Objective

COUNT = 24


@dataclass(frozen=True)
class Case:
    """Arguments of a loss."""

    logits: np.ndarray
    labels: np.ndarray
    sample_weights: np.ndarray
    objective: Objective
    progress: float


def case(seed: int) -> Case:
    """Draw a case: any number of classes, with or without focus, shift, margins and late weights."""
    rng = np.random.default_rng(seed)
    classes, count = int(rng.integers(2, 7)), int(rng.integers(1, 21))
    late = rng.random() < 0.5
    objective = Objective(
        weights=rng.uniform(0.1, 5, classes),
        gamma=float(rng.choice([0.0, 0.3, 1.0, 2.0, 5.0])),
        shift=rng.choice([0, 1]) * np.log(rng.dirichlet(np.ones(classes))),
        margins=rng.choice([0, 1]) * rng.uniform(0, 0.5, classes),
        scale=float(rng.choice([1.0, 30.0])),
        late_weights=rng.uniform(0.1, 5, classes) if late else None,
        late_from=0.5 if late else 1.0,
    )
    logits = rng.normal(0, 4 / objective.scale, (count, classes))
    return Case(logits, rng.integers(0, classes, count), rng.uniform(0, 2, count), objective, float(rng.random()))


def extreme(gamma: float) -> Case:
    """Answers that are certain: right, and wrong."""
    flat = np.zeros(2)
    objective = Objective(np.ones(2), gamma, flat, flat, 1.0)
    return Case(np.array([[80.0, -80.0], [1e4, -1e4], [-1e4, 1e4]]), np.array([0, 0, 0]), np.ones(3), objective, 0.0)
