"""Weights in eight bits: how far off they are, what is refused, and that a backbone loads them."""

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file, save_file

from fringeflow.config.models import Model
from fringeflow.files import sha256_file
from fringeflow.models import registry
from fringeflow.models.quantised import LEVELS, SCALE, quantised, restored
from fringeflow.models.registry import resolve_model
from fringeflow.models.spec import EncoderSpec
from fringeflow.models.torch_backbones import build_backbone, load_encoder


def state() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    kernel = rng.normal(size=(8, 3, 3, 3)).astype("f4") * np.logspace(-6, 3, 8, dtype="f4")[:, None, None, None]
    kernel[5] = 0
    return {
        "conv.weight": kernel,
        "dense.weight": rng.normal(size=(4, 7)).astype("f4"),
        "norm.bias": rng.normal(size=16).astype("f4"),
        "norm.running_var": np.full(3, 1e3, "f4"),
        "norm.num_batches_tracked": np.array(123456789012, np.int64),
    }


def test_every_weight_is_off_by_at_most_half_a_step_of_its_channel():
    given = state()
    found = restored(quantised(given))
    assert list(found) == list(given)
    for name in ("conv.weight", "dense.weight"):
        channels = given[name].reshape(len(given[name]), -1)
        step = abs(channels).max(axis=1) / LEVELS
        error = abs(found[name].reshape(channels.shape) - channels)
        assert (error <= step[:, None] * (0.5 + 1e-4)).all(), name
        assert found[name].dtype == np.float32 and found[name].shape == given[name].shape
    assert (found["conv.weight"][5] == 0).all()
    np.testing.assert_allclose(found["norm.bias"], given["norm.bias"], rtol=2**-11)
    assert found["norm.num_batches_tracked"] == given["norm.num_batches_tracked"]


def test_a_small_state_is_kept_exactly_and_restoring_twice_changes_nothing():
    """What was in eight bits once stays what it is: a model that is packaged again is the same model."""
    once = restored(quantised(state()))
    again = restored(quantised(once))
    for name, values in once.items():
        np.testing.assert_allclose(again[name], values, rtol=1e-6, atol=0, err_msg=name)
    plain = state()
    assert all(restored(plain)[name] is plain[name] for name in plain), "what was never made smaller"


def test_it_takes_about_a_quarter_of_the_room():
    weights = {"w": np.random.default_rng(0).normal(size=(64, 320)).astype("f4")}
    small = quantised(weights)
    assert set(small) == {"w", "w" + SCALE} and small["w"].dtype == np.int8
    assert sum(part.nbytes for part in small.values()) < 0.27 * weights["w"].nbytes


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_what_is_not_finite_is_refused_by_name(value):
    for shape in ((3,), (3, 2)):
        values = np.ones(shape, "f4")
        values.flat[1] = value
        with pytest.raises(ValueError, match=r"'blocks\.0\.w': has values that are not finite"):
            quantised({"blocks.0.w": values})


def test_a_vector_beyond_sixteen_bits_is_refused_and_not_made_infinite():
    with pytest.raises(ValueError, match=r"'norm\.running_var': has values that are not finite in float16"):
        quantised({"norm.running_var": np.array([1.0, 70000.0], "f4")})


def spec(weights: str) -> EncoderSpec:
    half = (0.5, 0.5, 0.5)
    return EncoderSpec("k", "fringeflow.models.torch_backbones", "tf_efficientnet_lite0:5", weights, "", 64, "sincos", half, half)


def test_a_backbone_loads_a_file_in_eight_bits(tmp_path):
    network = build_backbone(spec("packaged"))
    given = {name: value.numpy() for name, value in network.state_dict().items()}
    save_file(quantised(given), tmp_path / "small.safetensors")
    loaded = build_backbone(spec(str(tmp_path / "small.safetensors")))
    expected = restored(load_file(tmp_path / "small.safetensors"))
    assert all(np.array_equal(value.numpy(), expected[name]) for name, value in loaded.state_dict().items())
    assert sum(value.numel() for value in loaded.parameters()) < 0.75e6, "its first five stages"
    assert (tmp_path / "small.safetensors").stat().st_size < 0.9e6
    images = np.random.default_rng(0).normal(size=(4, 3, 64, 64)).astype("f4")
    one, two = (
        load_encoder(spec(name), threads=1, bfloat16=False).encode(images) for name in ("packaged", str(tmp_path / "small.safetensors"))
    )
    assert one.shape == (4, 112)
    assert np.corrcoef(one.ravel(), two.ravel())[0, 1] > 0.98


def test_features_of_the_first_stages_are_means_over_a_map_of_every_sixteenth_pixel():
    network = build_backbone(spec("packaged")).eval()
    with torch.inference_mode():
        images = torch.randn(2, 3, 64, 64)
        maps = network.forward_features(images)
        torch.testing.assert_close(network(images), maps.mean(dim=(2, 3)))
    assert maps.shape == (2, 112, 4, 4)


def test_imagenets_weights_need_no_pretrained_file(tmp_path, monkeypatch):
    """And those of `fringeflow-base` are known by the content of theirs: another release is another encoder."""
    file = tmp_path / "backbone.safetensors"
    monkeypatch.setattr(registry, "WEIGHTS", file)
    assert resolve_model("lite0_stride16", Model(weights="packaged"), "wrapped").encoder_spec.key == "lite0_stride16-packaged-128-sincos"
    file.write_bytes(b"weights")
    spec = resolve_model("lite0_stride16", Model(), "wrapped")
    assert (spec.encoder_spec.weights, spec.encoder_spec.weights_digest) == ("fringeflow-base", sha256_file(file))
    assert spec.weight_files == [], "no input of a rule: it is a part of Fringeflow"
