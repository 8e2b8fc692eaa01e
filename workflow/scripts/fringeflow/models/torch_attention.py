"""Attention of timm's networks, frozen or trained; see `attention`.

Convolutional ones: gradient times the last feature map. Transformers have no such map that only the class token's reading of it
decides on: there the attention matrices of all blocks, each weighed by its gradient, are followed from the class token back to
the patches.

References
----------
Chefer et al. (2021), arXiv:2103.15679, equations 5 and 6 (self-attention); Abnar and Zuidema (2020), arXiv:2005.00928 (rollout).
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from timm.models.vision_transformer import VisionTransformer
from torch import nn

from fringeflow.models.attention import BATCH, attention_map
from fringeflow.models.spec import ModelSpec
from fringeflow.models.torch_backbones import build_backbone, is_transformer
from fringeflow.models.torch_prompts import Prompted


def way(model: ModelSpec) -> str:
    """Say in a few words how the maps of a model are made."""
    return "gradients times attention of the class token" if is_transformer(model.encoder_spec.backbone) else "Grad-CAM, last feature map"


def attention(model: ModelSpec, fits: Sequence[Any], images: np.ndarray, positive: int) -> np.ndarray:
    """Return where a model looked for a class.

    Parameters
    ----------
    model : ModelSpec
    fits : sequence of TorchFit
        One a seed: each has a `head`, the `scale` of its logits, and a `body` where that was trained.
    images : ndarray of float32, shape (n, 3, size, size)
        Encoded and normalised.
    positive : int
        Number of the class.

    Returns
    -------
    ndarray of float64, shape (n, rows, columns)
        Mean over the fits of each one's map, in [0, 1], with the resolution of the last feature map, or of the patches.

    Raises
    ------
    ModelError
        If the weights of a frozen backbone are missing or do not fit.
    """
    frozen = build_backbone(model.encoder_spec).eval().requires_grad_(False) if model.mode == "frozen" else None
    found = []
    for fit in fits:
        body, head = (part.cpu().eval() for part in (fit.body if frozen is None else frozen, fit.head))
        look = token_attention_of if isinstance(body, Prompted | VisionTransformer) else attention_of
        found.append(look(body, head, fit.scale, images, positive))
    return np.mean(found, axis=0)


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
        odds = _log_odds(scale * head(network.forward_head(maps, pre_logits=True).float()), positive)
        (gradients,) = torch.autograd.grad(odds.sum(), maps)
        parts.append(attention_map(*(np.moveaxis(array.detach().numpy(), 1, -1) for array in (maps, gradients))))
    return np.concatenate(parts)


def token_attention_of(network: nn.Module, head: nn.Module, scale: float, images: np.ndarray, positive: int) -> np.ndarray:
    """Return where one transformer looked.

    Parameters
    ----------
    network : VisionTransformer or Prompted
        From images to the class token.
    head, scale, images, positive
        See `attention_of`.

    Returns
    -------
    ndarray of float64, shape (n, rows, columns)
        One value a patch: how much the class token draws on it, by attention that speaks for the class. Prompts are no place of
        an image; what comes through them is counted at the patches that they attended to.
    """
    prompts = network.prompts.shape[:2] if isinstance(network, Prompted) else (0, 0)
    backbone: Any = network.backbone if isinstance(network, Prompted) else network
    parts = []
    for start in range(0, len(images), BATCH):
        batch = torch.from_numpy(images[start : start + BATCH]).requires_grad_(True)  # so that a frozen network keeps gradients
        with _kept_attention(backbone) as matrices:
            odds = _log_odds(scale * head(network(batch).float()), positive)
        gradients = torch.autograd.grad(odds.sum(), matrices)
        weighed = [(matrix * gradient).clamp_min(0).mean(dim=1).detach() for matrix, gradient in zip(matrices, gradients, strict=True)]
        drawn = relevance(weighed, front=backbone.num_prefix_tokens, prompts=prompts[1], renewed=prompts[0])[:, 0]
        parts.append(drawn.reshape(len(drawn), *backbone.patch_embed.grid_size).double().numpy())
    found = np.concatenate(parts)
    peak = found.max(axis=(1, 2), keepdims=True)
    return np.divide(found, peak, out=np.zeros_like(found), where=peak > 0)


def relevance(matrices: Sequence[torch.Tensor], *, front: int, prompts: int = 0, renewed: int = 0) -> torch.Tensor:
    """Follow attention from every token of the last block back to the patches of the first.

    Parameters
    ----------
    matrices : sequence of Tensor, each of shape (n, tokens, tokens)
        One a block: how much each token (row) draws on each (column). Tokens are those in `front`, prompts, patches.
    front, prompts : int
        Number of such tokens.
    renewed : int
        Blocks, from the first, whose prompts are new ones: they know nothing of the image yet.

    Returns
    -------
    Tensor, shape (n, tokens, patches)

    Examples
    --------
    One patch (last) is read by a prompt, and the prompt by the class token (first) a block later; if that block has new
    prompts, the class token learns nothing of the patch.

    >>> first, second = torch.zeros(1, 3, 3), torch.zeros(1, 3, 3)
    >>> first[0, 1, 2] = second[0, 0, 1] = 1.0
    >>> [relevance([first, second], front=1, prompts=1, renewed=blocks)[0, 0].item() for blocks in (1, 2)]
    [1.0, 0.0]
    """
    count, tokens = matrices[0].shape[:2]
    patches = tokens - front - prompts
    found = torch.zeros(count, tokens, patches)
    found[:, front + prompts :] = torch.eye(patches)
    for number, matrix in enumerate(matrices):
        if number < renewed:
            found[:, front : front + prompts] = 0
        found = found + matrix @ found
    return found


def _log_odds(logits: torch.Tensor, positive: int) -> torch.Tensor:
    others = [number for number in range(logits.shape[1]) if number != positive]
    return logits[:, positive] - torch.logsumexp(logits[:, others], dim=1)


@contextmanager
def _kept_attention(backbone: Any) -> Iterator[list[torch.Tensor]]:
    """Collect every block's attention matrix, shape (n, heads, tokens, tokens), of a forward pass within."""
    matrices: list[torch.Tensor] = []
    layers = [block.attn for block in backbone.blocks]
    fused = [layer.fused_attn for layer in layers]
    hooks = [layer.attn_drop.register_forward_hook(lambda module, given, result: matrices.append(result)) for layer in layers]
    for layer in layers:
        layer.fused_attn = False  # that one never makes the matrix
    try:
        yield matrices
    finally:
        for layer, kind, hook in zip(layers, fused, hooks, strict=True):
            layer.fused_attn = kind
            hook.remove()
