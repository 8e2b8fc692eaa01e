"""Attention points to where a network looks, known by construction, and both frameworks agree on it."""

import subprocess
import sys

import numpy as np
import pytest
import torch
from timm.models.vision_transformer import VisionTransformer
from torch import nn

from fringeflow.config.models import Model
from fringeflow.models import torch_attention
from fringeflow.models.architectures import ARCHITECTURES
from fringeflow.models.attention import attention_map
from fringeflow.models.registry import resolve_model
from fringeflow.models.torch_attention import attention, attention_of, relevance, token_attention_of
from fringeflow.models.torch_heads import build_head
from fringeflow.models.torch_networks import build_network
from fringeflow.models.torch_prompts import Prompted
from fringeflow.training.fit_torch import TorchFit


class Strided(nn.Module):
    """One convolution and the means over its map, with timm's names; `mask` blinds it to parts of the map."""

    def __init__(self, kernel: np.ndarray, mask: np.ndarray | None = None):
        super().__init__()
        self.convolution = nn.Conv2d(3, kernel.shape[-1], 3, stride=4, bias=False)
        self.convolution.weight.data = torch.from_numpy(np.transpose(kernel, (3, 2, 0, 1)).copy())
        self.mask = None if mask is None else torch.from_numpy(mask)

    def forward_features(self, images):
        maps = torch.relu(self.convolution(images))
        return maps if self.mask is None else maps * self.mask

    def forward_head(self, maps, pre_logits):
        assert pre_logits
        return maps.mean(dim=(2, 3))


def linear(weights: np.ndarray) -> nn.Module:
    head = nn.Linear(weights.shape[0], weights.shape[1], bias=False)
    head.weight.data = torch.from_numpy(weights.T.copy())
    return head


@pytest.fixture(scope="module")
def toy():
    rng = np.random.default_rng(0)
    images = rng.normal(size=(5, 3, 19, 19)).astype("f4")
    return {"images": images, "kernel": rng.normal(size=(3, 3, 3, 8)).astype("f4"), "linear": rng.normal(size=(8, 2)).astype("f4")}


def test_a_network_blind_but_in_a_corner_points_to_that_corner(toy):
    mask = np.zeros((5, 5), "f4")
    mask[4, 0] = 1
    found = attention_of(Strided(np.abs(toy["kernel"]), mask), linear(np.tile(np.float32([0, 1]), (8, 1))), 1.0, np.abs(toy["images"]), 1)
    assert found.shape == (5, 5, 5)
    assert (found[:, 4, 0] == 1).all()
    assert found.sum() == 5


def test_attention_follows_what_is_in_the_image(toy):
    """A network that sums brightness looks at the bright spot, wherever it is."""
    images = np.zeros((2, 3, 19, 19), "f4")
    images[0, :, 0:3, 16:19] = images[1, :, 16:19, 0:3] = 1
    bright = np.ones((3, 3, 3, 1), "f4")
    found = attention_of(Strided(bright), linear(np.array([[-1.0, 1.0]], "f4")), 1.0, images, 1)
    assert np.unravel_index(found[0].argmax(), (5, 5)) == (0, 4)
    assert np.unravel_index(found[1].argmax(), (5, 5)) == (4, 0)


def test_what_speaks_against_a_class_gets_no_attention(toy):
    images = np.ones((1, 3, 19, 19), "f4")
    found = attention_of(Strided(np.ones((3, 3, 3, 1), "f4")), linear(np.array([[1.0, -1.0]], "f4")), 1.0, images, 1)
    assert (found == 0).all()


def test_a_constant_in_all_logits_changes_nothing(toy):
    """The score is the class's odds: of softmax outputs, a common shift is nobody's evidence."""
    shifted = toy["linear"] + np.random.default_rng(1).normal(size=(8, 1)).astype("f4")
    one, other = (attention_of(Strided(toy["kernel"]), linear(weights), 1.0, toy["images"], 1) for weights in (toy["linear"], shifted))
    np.testing.assert_allclose(one, other, atol=1e-4)


def test_the_map_of_a_linear_head_is_its_weights_times_the_map(toy):
    """For pooled features and a linear head it is the class activation map: Zhou et al. (2016), arXiv:1512.04150."""
    network = Strided(toy["kernel"])
    maps = np.moveaxis(network.forward_features(torch.from_numpy(toy["images"])).detach().numpy(), 1, -1)
    expected = np.maximum(maps @ (toy["linear"][:, 1] - toy["linear"][:, 0]), 0)
    expected /= expected.max(axis=(1, 2), keepdims=True)
    np.testing.assert_allclose(attention_of(network, linear(toy["linear"]), 1.0, toy["images"], 1), expected, atol=1e-5)


def test_equal_networks_of_both_frameworks_look_at_the_same(toy, root, tmp_path):
    np.savez(tmp_path / "in.npz", **toy)
    command = [sys.executable, "-m", "tests.unit.run_keras_attention", str(tmp_path / "in.npz"), str(tmp_path / "out.npz")]
    subprocess.run(command, cwd=root, check=True, capture_output=True, text=True)
    found = np.load(tmp_path / "out.npz")
    expected = attention_of(Strided(toy["kernel"]), linear(toy["linear"]), 1.0, toy["images"], 1)
    np.testing.assert_allclose(found["frozen"], expected, atol=1e-4)
    np.testing.assert_allclose(found["whole"], expected, atol=1e-4, err_msg="the same network, trained whole")
    corner = found["corner"]  # a head that reads one cell of the whole map: nowhere else is looked at, for either class
    assert corner[:, 0, 0].max() == 1
    corner[:, 0, 0] = 0
    assert (corner == 0).all()


@pytest.mark.parametrize("head", ["linear", "silva"])
def test_a_registered_backbone_gives_a_map_a_tile_that_changes_with_the_tile(head):
    model = resolve_model("efficientnet_lite0", Model(input_size=96, weights="none", head=head), "wrapped")
    torch.manual_seed(0)
    fits = [TorchFit(build_head(head, 1280, 2)) for _ in range(2)]
    images = np.random.default_rng(0).normal(size=(3, 3, 96, 96)).astype("f4")
    both = attention(model, fits, images, 1)
    assert both.shape == (3, 3, 3)
    assert ((both >= 0) & (both <= 1)).all()
    assert not np.allclose(both[0], both[1])
    each = [attention(model, [fit], images, 1) for fit in fits]
    np.testing.assert_allclose(both, np.mean(each, axis=0), atol=1e-6)


def one_block(prompts: int = 0) -> nn.Module:
    """A transformer whose tokens look at all others alike and take over what they hold; dark patches hold nothing."""
    network = VisionTransformer(img_size=32, patch_size=8, embed_dim=4, depth=1, num_heads=1, num_classes=0, mlp_ratio=1, qkv_bias=False)
    for value in network.parameters():
        value.data.zero_()
    block = network.blocks[0]
    block.norm1.weight.data.fill_(1)
    block.attn.qkv.weight.data[8:] = torch.eye(4)  # queries and keys are 0, values are the tokens
    block.attn.proj.weight.data = torch.eye(4)
    network.patch_embed.proj.weight.data[0] = 1  # brightness is the first of four channels
    network.norm = nn.Identity()
    return Prompted(network, prompts, "deep") if prompts else network


@pytest.mark.parametrize("prompts", [0, 3])
def test_the_class_token_is_followed_back_to_the_bright_patch(prompts):
    images = np.zeros((2, 3, 32, 32), "f4")
    images[0, :, 8:16, 24:32] = images[1, :, 24:32, 0:8] = 1
    weights = np.zeros((4, 2), "f4")
    weights[0] = [-1, 1]
    found = token_attention_of(one_block(prompts), linear(weights), 1.0, images, 1)
    expected = np.zeros((2, 4, 4))
    expected[0, 1, 3] = expected[1, 3, 0] = 1
    np.testing.assert_allclose(found, expected, atol=1e-6)
    against = token_attention_of(one_block(prompts), linear(-weights), 1.0, images, 1)
    assert (against == 0).all(), "what speaks against the class is no reason to have looked"


def test_what_a_prompt_read_is_counted_until_it_is_replaced():
    """By hand: the prompt reads the patch in the first block, the class token reads the prompt in the second."""
    first, second = np.zeros((2, 1, 4, 4), "f4")
    first[0, 1, 3] = 0.5
    second[0, 0, 1] = 0.4
    matrices = [torch.from_numpy(first), torch.from_numpy(second)]
    shallow, deep = (relevance(matrices, front=1, prompts=1, renewed=blocks)[0] for blocks in (1, 2))
    np.testing.assert_allclose(shallow, [[0, 0.2], [0, 0.5], [1, 0], [0, 1]])
    np.testing.assert_allclose(deep, [[0, 0], [0, 0], [1, 0], [0, 1]])


@pytest.mark.parametrize(
    ("name", "mode", "side"), [("resnet18", "full", 2), ("deit_small_vpt", "prompt", 4), ("deit_small_vpt", "full", 4)]
)
def test_of_a_trained_network_it_is_that_one_which_is_asked(monkeypatch, name, mode, side):
    """Not the backbone as it was before training: none is built."""
    model = resolve_model(name, Model(input_size=64, mode=mode), "wrapped")
    network = build_network(model, 0, 2, seed=0)
    images = np.random.default_rng(0).normal(size=(2, 3, 64, 64)).astype("f4")
    monkeypatch.setattr(torch_attention, "build_backbone", lambda spec: pytest.fail("the backbone as it began"))
    before = attention(model, [TorchFit(network)], images, 1)
    assert before.shape == (2, side, side) and ((before >= 0) & (before <= 1)).all() and before.max() == 1
    assert not np.allclose(before[0], before[1])
    with torch.no_grad():
        for value in network.body.parameters():
            value += 0.05 * torch.randn(value.shape, generator=torch.Generator().manual_seed(1))
    assert not np.allclose(attention(model, [TorchFit(network)], images, 1), before)


def test_a_frozen_transformer_has_attention_and_is_fused_again_afterwards():
    model = resolve_model("deit_small_vpt", Model(input_size=64, mode="frozen"), "wrapped")
    images = np.random.default_rng(0).normal(size=(2, 3, 64, 64)).astype("f4")
    assert attention(model, [TorchFit(build_head("linear", 384, 3))], images, 2).shape == (2, 4, 4)
    network = one_block()
    token_attention_of(network, linear(np.eye(4, 2, dtype="f4")), 1.0, images[:, :, :32, :32], 0)
    assert network.blocks[0].attn.fused_attn and not network.blocks[0].attn.attn_drop._forward_hooks


def test_every_network_has_attention_and_nothing_else_does():
    for architecture in ARCHITECTURES.values():
        assert bool(architecture.attention) == (architecture.framework in ("torch", "keras"))


def test_a_flat_map_is_no_division_by_zero():
    assert (attention_map(np.zeros((1, 2, 2, 3)), np.ones((1, 2, 2, 3))) == 0).all()
