"""`imbalance.losses` in PyTorch."""

import torch
from torch.nn.functional import log_softmax

from fringeflow.imbalance.objective import Objective


def loss(
    logits: torch.Tensor, labels: torch.Tensor, sample_weights: torch.Tensor, objective: Objective, progress: float = 0.0
) -> torch.Tensor:
    """Mirror `losses.loss`; the result has the type and the device of the logits."""
    weights, margins, shift = (
        torch.as_tensor(values, dtype=logits.dtype, device=logits.device)
        for values in (objective.weights_at(progress), objective.margins, objective.shift)
    )
    own = torch.nn.functional.one_hot(labels, logits.shape[1])
    log_p = log_softmax(objective.scale * (logits - own * margins) + shift, dim=1).gather(1, labels[:, None])[:, 0]
    # A sample that is certainly right has 1 - p = 0, whose power below 1 has no gradient.
    easiness = (-torch.expm1(log_p)).clamp_min(torch.finfo(log_p.dtype).tiny) ** objective.gamma if objective.gamma else 1.0
    return (-sample_weights * weights[labels] * easiness * log_p).mean()
