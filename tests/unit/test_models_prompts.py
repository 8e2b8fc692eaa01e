"""Visual prompt tuning: prompts enter where they should, and nothing but them and the head moves."""

import numpy as np
import pytest
import timm
import torch
from safetensors.torch import save_file
from torch import nn

from fringeflow.config.models import Model
from fringeflow.errors import ModelError
from fringeflow.models.registry import resolve_model
from fringeflow.models.torch_backbones import build_backbone, load_encoder
from fringeflow.models.torch_networks import build_network, trained_state
from fringeflow.models.torch_prompts import Prompted

SIZE, WIDTH, BLOCKS = 64, 384, 12
PATCHES = (SIZE // 16) ** 2


def spec_of(mode: str = "prompt", weights: str | None = None, size: int = SIZE, **options):
    return resolve_model("deit_small_vpt", Model(input_size=size, mode=mode, weights=weights, options=options), "wrapped")


@pytest.fixture(scope="module")
def backbone():
    return build_backbone(spec_of().encoder_spec)


@pytest.fixture(scope="module")
def images():
    return torch.randn(2, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(0))


def outputs_of_blocks(body: Prompted, images: torch.Tensor) -> list[torch.Tensor]:
    """What leaves each block."""
    found: list[torch.Tensor] = []
    hooks = [block.register_forward_hook(lambda module, given, result: found.append(result)) for block in body.backbone.blocks]
    with torch.inference_mode():
        body.eval()(images)
    for hook in hooks:
        hook.remove()
    return found


@pytest.mark.parametrize(("depth", "blocks"), [("shallow", 1), ("deep", BLOCKS)])
@pytest.mark.parametrize("prompts", [1, 7])
def test_prompts_are_counted(backbone, images, depth, blocks, prompts):
    body = Prompted(backbone, prompts, depth)
    trained = [value for value in body.parameters() if value.requires_grad]
    assert [value.numel() for value in trained] == [blocks * prompts * WIDTH]
    assert {tuple(out.shape) for out in outputs_of_blocks(body, images)} == {(2, 1 + prompts + PATCHES, WIDTH)}


def test_prompts_begin_as_in_the_paper(backbone):
    """Uniform by Xavier over a patch's values and the width: +-sqrt(6 / (3 * 16 * 16 + 384))."""
    torch.manual_seed(0)
    values = Prompted(backbone, 50, "deep").prompts.detach()
    bound = (6 / (768 + 384)) ** 0.5
    assert values.abs().max() <= bound and values.abs().max() > 0.999 * bound
    assert values.std() == pytest.approx(bound / 3**0.5, rel=0.01)


@pytest.mark.parametrize("which", [0, 1, 5, 11])
def test_deep_prompts_enter_every_block(backbone, images, which):
    """A change of block j's prompts changes what leaves block j and those after it, and nothing before."""
    torch.manual_seed(1)
    body = Prompted(backbone, 4, "deep")
    before = outputs_of_blocks(body, images)
    with torch.no_grad():
        body.prompts[which] += 0.5
    after = outputs_of_blocks(body, images)
    changed = [not torch.equal(*pair) for pair in zip(before, after, strict=True)]
    assert changed == [number >= which for number in range(BLOCKS)]


def test_deep_prompts_replace_what_became_of_the_former_ones(backbone, images):
    """Each block gets class token, its own prompts, patches: the tokens of the block before, less its prompts'."""
    body = Prompted(backbone, 3, "deep")
    given: list[torch.Tensor] = []
    hooks = [block.register_forward_pre_hook(lambda module, given_: given.append(given_[0])) for block in backbone.blocks]
    left = outputs_of_blocks(body, images)
    for hook in hooks:
        hook.remove()
    for number in range(BLOCKS):
        torch.testing.assert_close(given[number][:, 1:4], body.prompts[number].detach().expand(2, -1, -1), rtol=0, atol=0)
        if number:
            torch.testing.assert_close(given[number][:, 0], left[number - 1][:, 0], rtol=0, atol=0)
            torch.testing.assert_close(given[number][:, 4:], left[number - 1][:, 4:], rtol=0, atol=0)


def test_shallow_prompts_go_on_through_the_blocks(backbone, images):
    body = Prompted(backbone, 3, "shallow")
    given: list[torch.Tensor] = []
    hooks = [block.register_forward_pre_hook(lambda module, given_: given.append(given_[0])) for block in backbone.blocks]
    left = outputs_of_blocks(body, images)
    for hook in hooks:
        hook.remove()
    assert all(torch.equal(given[number], left[number - 1]) for number in range(1, BLOCKS))
    torch.testing.assert_close(given[0][:, 1:4], body.prompts[0].detach().expand(2, -1, -1), rtol=0, atol=0)


def test_without_prompts_it_is_the_backbone(backbone, images):
    body = Prompted(backbone, 1, "shallow")
    body.prompts = nn.Parameter(torch.empty(1, 0, WIDTH))
    with torch.inference_mode():
        torch.testing.assert_close(body.eval()(images), backbone.eval()(images), rtol=0, atol=0)


def test_dropout_of_prompts_is_for_training_only(images):
    body = Prompted(build_backbone(spec_of().encoder_spec), 5, "deep", dropout=0.5)
    torch.manual_seed(0)
    one, two = (body.train()(images).detach() for _ in range(2))
    assert not torch.equal(one, two)
    one, two = (body.eval()(images).detach() for _ in range(2))
    assert torch.equal(one, two)


@pytest.mark.parametrize("unfreeze", [0, 2, BLOCKS])
def test_what_is_frozen_stays_in_evaluation_mode(unfreeze):
    body = Prompted(build_backbone(spec_of().encoder_spec), 2, "deep", unfreeze=unfreeze).train()
    free = BLOCKS - unfreeze
    assert [block.training for block in body.backbone.blocks] == [number >= free for number in range(BLOCKS)]
    assert not body.backbone.patch_embed.training and body.dropout.training
    assert not any(module.training for module in body.eval().modules())


@pytest.mark.parametrize("unfreeze", [0, 2])
def test_what_is_kept_is_what_was_trained(unfreeze):
    network = build_network(spec_of(prompts=6, unfreeze=unfreeze), 0, 4)
    names = set(trained_state(network))
    blocks = {f"body.backbone.blocks.{BLOCKS - 1 - number}." for number in range(unfreeze)}
    norm = {"body.backbone.norm.weight", "body.backbone.norm.bias"} if unfreeze else set()
    assert {"body.prompts", "head.0.weight", "head.0.bias"} | norm <= names
    others = names - {"body.prompts", "head.0.weight", "head.0.bias"} - norm
    assert all(any(name.startswith(block) for block in blocks) for name in others) and len(others) == 12 * unfreeze


def test_a_seed_changes_prompts_and_head_and_never_the_backbone():
    one, two, same = (build_network(spec_of(), 0, 2, seed=seed).state_dict() for seed in (0, 1, 0))
    changed = {name for name in one if not torch.equal(one[name], two[name])}
    assert changed == {"body.prompts", "head.0.weight", "head.0.bias"}
    assert all(torch.equal(one[name], same[name]) for name in one)


def test_what_cannot_be_is_refused(backbone):
    with pytest.raises(ValueError, match="depth 'middle' is unknown; valid: shallow, deep"):
        Prompted(backbone, 3, "middle")
    with pytest.raises(ValueError, match="unfreeze 13 is not between 0 and the 12 blocks"):
        Prompted(backbone, 3, "deep", unfreeze=13)


def test_positions_of_a_file_are_interpolated_to_the_input(tmp_path):
    """A field of positions that rises linearly from left to right still does after it was resized; the class token's stays."""
    torch.manual_seed(3)
    state = timm.create_model("deit_small_patch16_224", num_classes=0).state_dict()
    ramp = torch.linspace(0, 1, 14).expand(14, 14).reshape(1, 196, 1).expand(-1, -1, WIDTH)
    state["pos_embed"] = torch.cat([state["pos_embed"][:, :1] + 7, ramp], dim=1)
    path = tmp_path / "deit.safetensors"
    save_file({name: value.contiguous() for name, value in state.items()}, path)
    loaded = build_backbone(spec_of(weights=str(path), size=112).encoder_spec).state_dict()
    assert loaded["pos_embed"].shape == (1, 1 + 7 * 7, WIDTH)
    torch.testing.assert_close(loaded["pos_embed"][:, 0], state["pos_embed"][:, 0])
    columns = loaded["pos_embed"][0, 1:, 0].reshape(7, 7)
    np.testing.assert_allclose(columns.numpy(), np.tile((np.arange(7) + 0.5) / 7, (7, 1)), atol=0.06)
    assert all(torch.equal(loaded[name], state[name]) for name in loaded if name != "pos_embed")
    whole = build_backbone(spec_of(weights=str(path), size=224).encoder_spec).state_dict()
    assert torch.equal(whole["pos_embed"], state["pos_embed"])


def test_positions_of_no_square_are_told_by_name(tmp_path):
    state = dict(build_backbone(spec_of().encoder_spec).state_dict())
    state["pos_embed"] = torch.zeros(1, 1 + 15, WIDTH)
    path = tmp_path / "deit.safetensors"
    save_file(state, path)
    with pytest.raises(ModelError, match=r"1 of another shape: pos_embed \(1, 16, 384\), expected \(1, 17, 384\)"):
        build_backbone(spec_of(weights=str(path)).encoder_spec)


def test_frozen_it_is_an_encoder_of_class_tokens_like_any_other(images):
    encoder = load_encoder(spec_of("frozen").encoder_spec, threads=1, bfloat16=False)
    backbone = build_backbone(spec_of().encoder_spec).eval()
    with torch.inference_mode():
        expected = backbone.forward_features(images)[:, 0]
    assert encoder.shape == (WIDTH,)
    np.testing.assert_allclose(encoder.encode(images.numpy()), expected.numpy(), atol=1e-4)
