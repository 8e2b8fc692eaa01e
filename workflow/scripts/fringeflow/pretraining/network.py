"""The network that is pretrained, its running mean, and a step of its training."""

import copy
import math
from collections.abc import Mapping

import numpy as np
import torch
from torch import nn

from fringeflow.config.pretraining import Pretraining
from fringeflow.models.base import ARCHITECTURE, BACKBONE, ENCODER, SCALE
from fringeflow.models.number_format import cpu_gains
from fringeflow.models.spec import EncoderSpec
from fringeflow.models.torch_backbones import build_backbone
from fringeflow.pretraining.tiles import ENCODING

MEMORY = 0.995
"""How much of the running mean of the weights a step leaves: about 200 steps count."""
IMAGES = 32
"""Tiles that are predicted at a time."""


def encoder_of(settings: Pretraining, weights: str, digest: str = "") -> EncoderSpec:
    """Return the backbone with some weights, as the registry would describe it."""
    return EncoderSpec(
        key=f"{ARCHITECTURE}-{weights if not digest else f'backbone-{digest[:8]}'}-{settings.input_size}-{ENCODING}",
        module=ENCODER,
        backbone=BACKBONE,
        weights=weights,
        weights_digest=digest,
        input_size=settings.input_size,
        encoding=ENCODING,
        mean=SCALE[0],
        std=SCALE[1],
    )


class Learner:
    """A network that starts from ImageNet's weights, AdamW, and the running mean of the weights, which is what is kept.

    Parameters
    ----------
    settings : Pretraining
    steps : int
        Of the whole training: the step of AdamW rises over the first twentieth and falls as a cosine to 0.

    References
    ----------
    Izmailov et al. (2018), arXiv:1803.05407 (a mean of weights generalises better); Loshchilov and Hutter (2019), arXiv:1711.05101.
    """

    def __init__(self, settings: Pretraining, steps: int):
        self.settings, self.steps, self.step = settings, steps, 0
        body = build_backbone(encoder_of(settings, "packaged")).to(memory_format=torch.channels_last)
        torch.manual_seed(settings.seed)
        head = nn.Linear(int(body.num_features), 2)
        nn.init.zeros_(head.bias)
        self.network = nn.ModuleDict({"body": body, "head": head})
        self.mean = copy.deepcopy(self.network).eval().requires_grad_(False)
        self.optimiser = torch.optim.AdamW(
            self.network.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay, fused=True
        )
        self.bfloat16 = cpu_gains()  # 69 against 42 tiles a second and thread

    def learn(self, images: np.ndarray, targets: np.ndarray) -> float:
        """Take one step; return the cross-entropy with targets between 0 and 1.

        Parameters
        ----------
        images : ndarray of float32, shape (n, 3, size, size)
        targets : ndarray of float32, shape (n,)
        """
        self.network.train()
        self.optimiser.param_groups[0]["lr"] = self._rate()
        truth = torch.from_numpy(targets)
        log_p = torch.log_softmax(self._logits(self.network, images), dim=1)
        loss = -(truth * log_p[:, 1] + (1 - truth) * log_p[:, 0]).mean()
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        self.optimiser.step()
        self.step += 1
        with torch.no_grad():
            memory = min(MEMORY, self.step / (self.step + 9))
            for kept, new in zip(self.mean.state_dict().values(), self.network.state_dict().values(), strict=True):
                if kept.dtype.is_floating_point:
                    kept.lerp_(new, 1 - memory)
                else:
                    kept.copy_(new)
        return float(loss.detach())

    def predict(self, images: np.ndarray) -> np.ndarray:
        """Return the mean network's probabilities, float64 of shape (n, 2): no deformation, deformation."""
        parts = [images[start : start + IMAGES].astype(np.float32) for start in range(0, len(images), IMAGES)]
        with torch.inference_mode():
            return np.concatenate([torch.softmax(self._logits(self.mean, part).double(), dim=1).numpy() for part in parts])

    def state(self) -> dict[str, np.ndarray]:
        """Return all that a training goes on from."""
        parts = {"network": self.network.state_dict(), "mean": self.mean.state_dict()}
        arrays = {f"{part}.{name}": value.numpy() for part, values in parts.items() for name, value in values.items()}
        for number, values in self.optimiser.state_dict()["state"].items():
            arrays |= {f"moments.{number}.{name}": value.numpy() for name, value in values.items()}
        return arrays

    def resume(self, arrays: Mapping[str, np.ndarray], step: int) -> None:
        """Put such a state back."""
        self.step = step
        for part in ("network", "mean"):
            found = {name.partition(".")[2]: torch.from_numpy(value) for name, value in arrays.items() if name.startswith(f"{part}.")}
            getattr(self, part).load_state_dict(found)
        states: dict[int, dict[str, torch.Tensor]] = {}
        for name, array in arrays.items():
            if name.startswith("moments."):
                _, number, entry = name.split(".", 2)
                own, value = self.optimiser.param_groups[0]["params"][int(number)], torch.from_numpy(array)
                # The fused step pairs values by where they lie in memory.
                states.setdefault(int(number), {})[entry] = torch.empty_like(own).copy_(value) if value.shape == own.shape else value
        self.optimiser.load_state_dict({"state": states, "param_groups": self.optimiser.state_dict()["param_groups"]})

    def _rate(self) -> float:
        share = self.step / max(self.steps, 1)
        return max(
            self.settings.learning_rate * min(1.0, 20 * share + 1 / self.steps) * 0.5 * (1 + math.cos(math.pi * min(1.0, share))), 1e-7
        )

    def _logits(self, network: nn.ModuleDict, images: np.ndarray) -> torch.Tensor:
        batch = torch.from_numpy(images).contiguous(memory_format=torch.channels_last)
        with torch.autocast("cpu", torch.bfloat16, enabled=self.bfloat16):
            features = network["body"](batch)
        return network["head"](features.float())
