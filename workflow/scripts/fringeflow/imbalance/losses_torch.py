"""`imbalance.losses` in PyTorch."""

import torch
from torch.nn.functional import log_softmax


def cross_entropy(logits: torch.Tensor, labels: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    """Mirror `losses.cross_entropy`."""
    return focal(logits, labels, weights, gamma=0.0)


def focal(logits: torch.Tensor, labels: torch.Tensor, weights: torch.Tensor, *, gamma: float) -> torch.Tensor:
    """Mirror `losses.focal`."""
    log_p = log_softmax(logits, dim=1).gather(1, labels[:, None])[:, 0]
    easiness = (-torch.expm1(log_p)).clamp_min(torch.finfo(log_p.dtype).tiny) ** gamma if gamma else 1.0
    return (-weights[labels] * easiness * log_p).mean()
