"""Visual prompt tuning: learnable tokens beside the patches of a frozen vision transformer of timm.

References
----------
Jia et al. (2022), arXiv:2203.12119: sections 3.1 (shallow and deep) and 3.2 (what is trained), supplement A (initial values).
"""

from math import sqrt
from typing import Any

import torch
from torch import nn


class Prompted(nn.Module):
    """A vision transformer with prompts: images to its class token after the last normalisation.

    Attributes
    ----------
    backbone : Module
        timm's VisionTransformer without its head. It is frozen, and stays in evaluation mode when the rest trains, apart
        from the last `unfreeze` blocks and the normalisation behind them.
    prompts : Parameter, shape (blocks that get some, prompts, width)
        Put between class token and patches, after the positions were added: they have none.
    """

    def __init__(self, backbone: Any, prompts: int, depth: str, *, dropout: float = 0.0, unfreeze: int = 0):
        """Put prompts beside a backbone's patches.

        Parameters
        ----------
        backbone : VisionTransformer
        prompts : int
            Per block that gets some.
        depth : {"shallow", "deep"}
            ``shallow``: the first block gets prompts, and what becomes of them goes on through the others. ``deep``: every
            block gets its own, in place of what the one before made of its prompts.
        dropout : float
            Share of the prompts' values dropped in training.
        unfreeze : int
            Last blocks that are trained as well.

        Raises
        ------
        ValueError
            If `depth` is unknown, or there are fewer blocks than `unfreeze`.
        """
        super().__init__()
        if depth not in ("shallow", "deep"):
            raise ValueError(f"depth '{depth}' is unknown; valid: shallow, deep")
        blocks = len(backbone.blocks)
        if not 0 <= unfreeze <= blocks:
            raise ValueError(f"unfreeze {unfreeze} is not between 0 and the {blocks} blocks")
        self.backbone = backbone.requires_grad_(False)
        self.num_features: int = backbone.num_features
        self._free = (*backbone.blocks[blocks - unfreeze :], backbone.norm) if unfreeze else ()
        for module in self._free:
            module.requires_grad_(True)
        bound = sqrt(6 / (3 * backbone.patch_embed.patch_size[0] * backbone.patch_embed.patch_size[1] + backbone.embed_dim))
        self.prompts = nn.Parameter(torch.empty(blocks if depth == "deep" else 1, prompts, backbone.embed_dim).uniform_(-bound, bound))
        self.dropout = nn.Dropout(dropout)
        self.train(self.training)

    def train(self, mode: bool = True) -> "Prompted":
        """Switch what is trained; what is frozen stays in evaluation mode."""
        super().train(mode)
        self.backbone.eval()
        for module in self._free:
            module.train(mode)
        return self

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return features, shape (n, width), of images, shape (n, 3, size, size)."""
        backbone = self.backbone
        tokens = backbone.norm_pre(backbone.patch_drop(backbone._pos_embed(backbone.patch_embed(images))))
        front, back = backbone.num_prefix_tokens, backbone.num_prefix_tokens
        for number, block in enumerate(backbone.blocks):
            if number < len(self.prompts):
                prompts = self.dropout(self.prompts[number].expand(len(tokens), -1, -1))
                tokens = torch.cat([tokens[:, :front], prompts, tokens[:, back:]], dim=1)
                back = front + prompts.shape[1]
            tokens = block(tokens)
        return backbone.forward_head(backbone.norm(tokens), pre_logits=True)
