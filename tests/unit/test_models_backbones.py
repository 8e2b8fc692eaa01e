"""Backbones of timm: the packaged weights are on the right layers, files are checked, folding changes nothing."""

from contextlib import nullcontext

import huggingface_hub
import numpy as np
import pytest
import timm
import torch
from safetensors.torch import save_file
from skimage import data
from skimage.transform import resize

from fringeflow.config.models import Model
from fringeflow.errors import ModelError
from fringeflow.models import torch_backbones
from fringeflow.models.registry import ARCHITECTURES, resolve_model
from fringeflow.models.torch_backbones import build_backbone, fold, load_encoder, load_in_order, packaged_file

TORCH = [name for name, entry in ARCHITECTURES.items() if entry.framework == "torch"]


def spec_of(name: str, **settings):
    return resolve_model(name, Model(mode="frozen", input_size=64, **settings), "wrapped").encoder_spec


def photograph(name: str) -> torch.Tensor:
    """A photograph that scikit-image carries, as the network of ImageNet wants it."""
    picture = getattr(data, name)() / 255
    side = min(picture.shape[:2])
    top, left = ((length - side) // 2 for length in picture.shape[:2])
    square = resize(picture[top : top + side, left : left + side], (224, 224), order=3, anti_aliasing=True)
    return torch.tensor((square - 0.5) / 0.5, dtype=torch.float32).permute(2, 0, 1)[None]


def test_packaged_weights_know_a_cat_and_a_cup_of_coffee():
    """The mapping in order onto timm's network is right: it classifies photographs by ImageNet's classes."""
    network = timm.create_model("tf_efficientnet_lite0", pretrained=False)
    load_in_order(network, torch.load(packaged_file(), weights_only=True), source="packaged")
    network.eval()
    with torch.inference_mode():
        cat, coffee = (network(photograph(name)).softmax(dim=1)[0] for name in ("chelsea", "coffee"))
    assert cat[[281, 282, 285]].sum() > 0.8, "tabby, tiger cat or Egyptian cat"
    assert coffee[967] > 0.8, "espresso"
    norms = [module for module in network.modules() if isinstance(module, torch.nn.BatchNorm2d)]
    assert len(norms) == 49 and all((norm.running_var >= 0).all() and norm.eps == 1e-3 for norm in norms)


def test_other_weights_are_not_packaged_weights():
    network = timm.create_model("tf_efficientnet_lite0", pretrained=False)
    state = torch.load(packaged_file(), weights_only=True)
    with pytest.raises(ModelError, match="295 entries, the network has 296"):
        load_in_order(network, dict(list(state.items())[1:]), source="x")
    swapped = list(state.items())
    swapped[0], swapped[6] = swapped[6], swapped[0]
    with pytest.raises(ModelError, match=r"'_blocks.0._depthwise_conv.weight' \(32, 1, 3, 3\) does not fit 'conv_stem.weight'"):
        load_in_order(network, dict(swapped), source="x")


@pytest.mark.parametrize("name", TORCH)
def test_folding_the_normalisation_changes_no_feature(name):
    network = build_backbone(spec_of(name)).eval()
    for norm in (module for module in network.modules() if isinstance(module, torch.nn.BatchNorm2d)):
        norm.running_mean += 0.1 * torch.randn_like(norm.running_mean)
    images = torch.randn(2, 3, 64, 64)
    with torch.inference_mode():
        expected = network(images)
        found = fold(network)(images)
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-4)
    assert not any(isinstance(module, torch.nn.BatchNorm2d) for module in network.modules())


@pytest.mark.parametrize("name", TORCH)
def test_an_encoder_is_frozen_and_the_same_every_time(name):
    images = np.random.default_rng(0).normal(size=(3, 3, 64, 64)).astype("f4")
    one, two = (load_encoder(spec_of(name), threads=1, bfloat16=True) for _ in range(2))
    features = one.encode(images)
    assert features.shape == (3, *one.shape) and features.dtype == np.float32 and np.isfinite(features).all()
    np.testing.assert_array_equal(features, two.encode(images))
    assert not any(parameter.requires_grad for parameter in one.network.parameters())
    exact = load_encoder(spec_of(name), threads=1, bfloat16=False).encode(images)
    assert np.corrcoef(features.ravel(), exact.ravel())[0, 1] > 0.98


def test_packaged_and_random_weights_differ():
    images = np.random.default_rng(0).normal(size=(2, 3, 64, 64)).astype("f4")
    one, two = (load_encoder(spec_of("efficientnet_lite0", weights=weights), threads=1).encode(images) for weights in ("packaged", "none"))
    assert abs(np.corrcoef(one.ravel(), two.ravel())[0, 1]) < 0.5


@pytest.mark.parametrize("suffix", ["safetensors", "pt"])
@pytest.mark.parametrize("with_head", [True, False])
def test_weights_from_a_file(tmp_path, suffix, with_head):
    torch.manual_seed(5)
    network = timm.create_model("resnet18", pretrained=False, num_classes=10 if with_head else 0)
    state = {name: tensor.contiguous() for name, tensor in network.state_dict().items()}
    path = tmp_path / f"net.{suffix}"
    if suffix == "pt":
        torch.save({"state_dict": state}, path)
    else:
        save_file(state, path)
    loaded = build_backbone(spec_of("resnet18", weights=str(path))).state_dict()
    assert all(torch.equal(loaded[name], state[name]) for name in loaded)


def test_a_file_that_does_not_fit_is_told_by_its_keys(tmp_path):
    state = build_backbone(spec_of("resnet18")).state_dict()
    state["layer9.weight"] = state.pop("layer1.0.conv1.weight")
    state["conv1.weight"] = torch.zeros(64, 3, 5, 5)
    path = tmp_path / "net.safetensors"
    save_file(state, path)
    with pytest.raises(ModelError) as caught:
        build_backbone(spec_of("resnet18", weights=str(path)))
    for said in (
        str(path),
        "1 missing: layer1.0.conv1.weight",
        "1 not in the network: layer9.weight",
        "conv1.weight (64, 3, 5, 5), expected (64, 3, 7, 7)",
    ):
        assert said in str(caught.value)


class Evil:
    """What a pickle can do: call anything when it is read."""


def test_a_file_of_weights_runs_no_code(tmp_path, monkeypatch):
    path, mark = tmp_path / "net.pt", tmp_path / "evil"
    monkeypatch.setattr(Evil, "__reduce__", lambda self: (open, (str(mark), "w")), raising=False)
    torch.save({"conv1.weight": Evil()}, path)
    with pytest.raises(ModelError, match="cannot be read as a state dict"):
        build_backbone(spec_of("resnet18", weights=str(path)))
    assert not mark.exists()


@pytest.mark.parametrize("content", [b"", b"<html></html>"])
@pytest.mark.parametrize("suffix", ["safetensors", "pt"])
def test_a_damaged_file_is_named(tmp_path, content, suffix):
    path = tmp_path / f"net.{suffix}"
    path.write_bytes(content)
    with pytest.raises(ModelError, match=f"net.{suffix}: cannot be read as a state dict"):
        build_backbone(spec_of("resnet18", weights=str(path)))


@pytest.mark.parametrize("name", TORCH)
def test_imagenet_without_a_network_is_a_clear_error_and_never_random(monkeypatch, tmp_path, name):
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(ModelError) as caught:
        build_backbone(spec_of(name, weights="imagenet"))
    assert "model.safetensors of https://huggingface.co/timm/" in str(caught.value)
    assert "`weights:`" in str(caught.value)


def test_a_backbone_and_its_batches_go_to_the_device_of_the_machine(monkeypatch):
    """A job that got a GPU computed on the processor. PyTorch's device without memory stands for one: nothing comes back from it."""
    monkeypatch.setattr(torch_backbones, "device_of_this_machine", lambda: torch.device("meta"))
    monkeypatch.setattr(torch, "autocast", lambda *_, **__: nullcontext())
    encoder = load_encoder(spec_of("efficientnet_lite0", weights="none"), threads=1, bfloat16=False)
    assert {parameter.device.type for parameter in encoder.network.parameters()} == {"meta"}
    with pytest.raises(NotImplementedError, match="Cannot copy out of meta tensor"):
        encoder.encode(np.zeros((1, 3, 64, 64), np.float32))
