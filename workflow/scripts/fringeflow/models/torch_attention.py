"""Attention of timm's backbones with a head on their pooled features; see `attention`."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import nn

from fringeflow.models.attention import BATCH, attention_map
from fringeflow.models.spec import ModelSpec
from fringeflow.models.torch_backbones import build_backbone


def attention(model: ModelSpec, fits: Sequence[Any], images: np.ndarray, positive: int) -> np.ndarray:
    """Return where a model looked for a class.

    Parameters
    ----------
    model : ModelSpec
    fits : sequence of TorchFit
        One a seed: each has a `head` and the `scale` of its logits.
    images : ndarray of float32, shape (n, 3, size, size)
        Encoded and normalised.
    positive : int
        Number of the class.

    Returns
    -------
    ndarray of float64, shape (n, rows, columns)
        Mean over the fits of each one's map, in [0, 1], with the resolution of the last feature map.

    Raises
    ------
    ModelError
        If the backbone's weights are missing or do not fit.
    """
    network = build_backbone(model.encoder_spec).eval().requires_grad_(False)
    return np.mean([attention_of(network, fit.head.cpu().eval(), fit.scale, images, positive) for fit in fits], axis=0)


def attention_of(network: Any, head: nn.Module, scale: float, images: np.ndarray, positive: int) -> np.ndarray:
    """Return where one network looked.

    Parameters
    ----------
    network : Module
        With timm's `forward_features` (images to the last map) and `forward_head` (the map to pooled features).
    head : Module
        From pooled features to logits.
    scale : float
        Multiplies the logits.
    images : ndarray of float32, shape (n, 3, size, size)
    positive : int

    Returns
    -------
    ndarray of float64, shape (n, rows, columns)
        The score is the class's log-odds: its logit less the log of what the others add up to, which for two classes is the
        one logit of a sigmoid.
    """
    parts = []
    for start in range(0, len(images), BATCH):
        with torch.no_grad():
            maps = network.forward_features(torch.from_numpy(images[start : start + BATCH]))
        maps = maps.detach().float().requires_grad_(True)
        logits = scale * head(network.forward_head(maps, pre_logits=True).float())
        others = [number for number in range(logits.shape[1]) if number != positive]
        odds = logits[:, positive] - torch.logsumexp(logits[:, others], dim=1)
        (gradients,) = torch.autograd.grad(odds.sum(), maps)
        parts.append(attention_map(*(np.moveaxis(array.detach().numpy(), 1, -1) for array in (maps, gradients))))
    return np.concatenate(parts)
