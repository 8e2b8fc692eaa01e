"""`imbalance.losses` in Keras operations, for use inside a compiled training step as well."""

from typing import Any

from fringeflow.imbalance.objective import Objective
from fringeflow.keras_runtime import keras

backend, ops = keras.backend, keras.ops
TINY = 1.1754944e-38
"""The smallest normal float32."""


def loss(logits: Any, labels: Any, sample_weights: Any, objective: Objective, progress: Any = 0.0) -> Any:
    """Mirror `losses.loss`; the result is a scalar tensor of at least float32.

    Parameters
    ----------
    logits : tensor, shape (n, K)
    labels : tensor of int, shape (n,)
    sample_weights : tensor, shape (n,)
    objective : Objective
    progress : float or scalar tensor
        A tensor (or variable) where the step is compiled once and the weights of the classes change later.
    """
    kind = backend.result_type(logits.dtype, "float32")
    logits = ops.cast(logits, kind)
    weights, margins, shift = (ops.convert_to_tensor(values, kind) for values in (objective.weights, objective.margins, objective.shift))
    if objective.late_weights is not None:
        late = ops.cast(progress, "float32") >= ops.cast(objective.late_from, "float32")
        weights = ops.where(late, ops.convert_to_tensor(objective.late_weights, kind), weights)
    own = ops.one_hot(ops.cast(labels, "int32"), logits.shape[1], dtype=kind)
    log_p = ops.sum(own * ops.log_softmax(objective.scale * (logits - own * margins) + shift, axis=1), axis=1)
    result = -ops.cast(sample_weights, kind) * ops.sum(own * weights, axis=1) * log_p
    if objective.gamma:
        # A sample that is certainly right has 1 - p = 0, whose power below 1 has no gradient.
        result = result * ops.power(ops.maximum(-ops.expm1(log_p), ops.cast(TINY, kind)), objective.gamma)
    return ops.mean(result)
