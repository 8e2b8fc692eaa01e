"""What is trained of a model in PyTorch: a head on cached features, or a head and the backbone, or prompts, before it."""

from collections.abc import Mapping
from hashlib import sha256

import torch
from torch import nn

from fringeflow.errors import ModelError
from fringeflow.models.spec import ModelSpec
from fringeflow.models.torch_backbones import build_backbone, device_of_this_machine, gains_from_bfloat16
from fringeflow.models.torch_heads import build_head
from fringeflow.models.torch_prompts import Prompted


class Network(nn.Module):
    """A body from images to features, and a head.

    Parameters
    ----------
    body : Module
        Its parameters that need no gradient stay as they are.
    head : Module
    bfloat16 : bool
        Whether the body's operations that allow it are done in bfloat16. Its weights, the head and the loss stay float32.
    """

    def __init__(self, body: nn.Module, head: nn.Module, *, bfloat16: bool = False):
        super().__init__()
        self.body, self.head, self.in_bfloat16 = body, head, bfloat16

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return logits, shape (n, classes), of images, shape (n, 3, size, size)."""
        with torch.autocast(images.device.type, torch.bfloat16, enabled=self.in_bfloat16):
            features = self.body(images.contiguous(memory_format=torch.channels_last))
        return self.head(features.float())


def build_network(
    model: ModelSpec,
    dim: int,
    classes: int,
    *,
    seed: int = 0,
    normalised: bool = False,
    bfloat16: bool = False,
    weighted: bool = True,
) -> nn.Module:
    """Return what is trained of a model: a head alone in the mode `frozen`, else a `Network`.

    Parameters
    ----------
    model : ModelSpec
    dim : int
        Length of the cached features, where there are any.
    classes : int
    seed : int
        Of head and prompts; a backbone starts from the same weights whatever the seed.
    normalised : bool
        Whether the logits are cosines.
    bfloat16 : bool
        See `Network`; only where it gains time.
    weighted : bool
        Whether a backbone gets its weights, or is about to get those of a fit.

    Raises
    ------
    ModelError
        If weights are missing or do not fit.
    """
    dropout = float(model.options.get("dropout", 0.0))
    if model.mode == "frozen":
        torch.manual_seed(seed)
        return build_head(model.head, dim, classes, dropout=dropout, normalised=normalised)
    body = build_backbone(model.encoder_spec, weighted=weighted).to(memory_format=torch.channels_last)
    torch.manual_seed(seed)
    if model.mode == "prompt":
        options = model.options
        body = Prompted(body, int(options["prompts"]), str(options["depth"]), dropout=dropout, unfreeze=int(options["unfreeze"]))
    # The features move while the body learns: there are no means and deviations of theirs to standardise with.
    head = build_head(model.head, int(body.num_features), classes, dropout=dropout, normalised=normalised, standardised=False)  # type: ignore[arg-type]
    return Network(body, head, bfloat16=bfloat16 and trains_in_bfloat16(body))


def trains_in_bfloat16(body: nn.Module) -> bool:
    """Whether a training step of a body takes less time in bfloat16 than in float32.

    Where networks gain, but for depthwise convolutions on a CPU. Images a second with Adam, batches of 16, one thread of an AMD EPYC
    with AVX512-BF16, float32 and bfloat16: ResNet-18 at 128 pixels 51 and 85; DeiT-Small at 112 pixels 23 and 50; EfficientNet-Lite0
    at 128 pixels 70 and 54.
    """
    depthwise = any(isinstance(module, nn.Conv2d) and module.groups > 1 for module in body.modules())
    return gains_from_bfloat16() and not (depthwise and device_of_this_machine().type == "cpu")


def trained_state(network: nn.Module) -> dict[str, torch.Tensor]:
    """Return all that training can change in a network: its state less the parameters that are frozen."""
    frozen = set(frozen_state(network))
    return {name: value for name, value in network.state_dict().items() if name not in frozen}


def frozen_state(network: nn.Module) -> dict[str, torch.Tensor]:
    """Return the parameters that training leaves alone."""
    return {name: value.detach() for name, value in network.named_parameters() if not value.requires_grad}


def load_trained(network: nn.Module, state: Mapping[str, torch.Tensor]) -> None:
    """Put a `trained_state` back.

    Raises
    ------
    ModelError
        If it is not one of this network.
    """
    own = trained_state(network)
    odd = sorted(own.keys() ^ state.keys()) or [name for name in own if own[name].shape != state[name].shape]
    if odd:
        raise ModelError(f"{len(odd)} of {len(own)} entries are missing, superfluous or of another shape, the first is '{odd[0]}'")
    network.load_state_dict(dict(state), strict=False)


def digest_of(state: Mapping[str, torch.Tensor]) -> str:
    """Return a digest of tensors by name; an empty text if there are none."""
    if not state:
        return ""
    found = sha256()
    for name in sorted(state):
        found.update(name.encode())
        found.update(state[name].cpu().contiguous().numpy().tobytes())
    return found.hexdigest()
