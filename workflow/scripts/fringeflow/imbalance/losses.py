"""The loss of imbalanced classes: this is its definition; every framework mirrors it and is tested against it."""

import numpy as np

from fringeflow.imbalance.objective import Objective


def log_softmax(logits: np.ndarray) -> np.ndarray:
    """Return log p of each class, shape (n, K), from logits of the same shape."""
    shifted = logits - logits.max(axis=1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))


def loss(logits: np.ndarray, labels: np.ndarray, sample_weights: np.ndarray, objective: Objective, progress: float = 0.0) -> float:
    """Return the mean over samples of -s_i w_y (1 - p_y)^gamma log(p_y).

    p is the softmax of z = scale * (logits - margin of the own class) + shift. The mean is over the number of samples,
    not over the sum of their weights, so that a batch that happens to lack the rare class does not count as much as one
    that has it. With neither margins nor shift and two classes, p is the sigmoid of the difference of the logits, and
    this is study A's FL(p) = -alpha (1-p)^gamma log(p) with alpha the weight of the sample's own class.

    Parameters
    ----------
    logits : ndarray of float, shape (n, K)
    labels : ndarray of int, shape (n,)
        y.
    sample_weights : ndarray of float, shape (n,)
        s, besides the weights of the classes.
    objective : Objective
    progress : float, 0 to 1
        Share of the epochs that are done: decides which weights w of the classes hold.

    References
    ----------
    Focal: Lin et al. (2017), arXiv:1708.02002, equation 5. Margins: Cao et al. (2019), arXiv:1906.07413, equation 13.
    Shift: Menon et al. (2021), arXiv:2007.07314, equation 10.
    """
    rows = np.arange(len(labels))
    z = np.array(logits, dtype=np.float64)
    z[rows, labels] -= objective.margins[labels]
    log_p = log_softmax(objective.scale * z + objective.shift)[rows, labels]
    weights = np.asarray(sample_weights, np.float64) * objective.weights_at(progress)[labels]
    return float(np.mean(-weights * (-np.expm1(log_p)) ** objective.gamma * log_p))
