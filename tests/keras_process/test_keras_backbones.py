"""Backbones of keras.applications: preprocessing, weights, cuts and caching are those of the library, to the number."""

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import h5py
import numpy as np
import pytest
from keras.src.legacy.saving import legacy_h5_format

from fringeflow.config.models import Model
from fringeflow.encoding.encodings import normalise
from fringeflow.errors import ModelError
from fringeflow.keras_runtime import keras
from fringeflow.models import keras_backbones
from fringeflow.models.keras_backbones import build_backbone, load_encoder, network_input, renumber
from fringeflow.models.keras_split import cut_layers, split
from fringeflow.models.keras_weights import load_stored
from fringeflow.models.registry import ARCHITECTURES, resolve_model
from tests.keras_process.tiny import SIZE, tiny_backbone

KERAS = [name for name, entry in ARCHITECTURES.items() if entry.framework == "keras"]
SIDE = 75
MODULES = {"vgg19": "vgg19", "resnet50_v2": "resnet_v2", "inception_v3": "inception_v3"}


def spec_of(name: str, view: str = "wrapped", **settings):
    return resolve_model(name, Model(input_size=SIDE, **settings), view).encoder_spec


@pytest.fixture(scope="module")
def networks() -> dict:
    return {name: build_backbone(spec_of(name)) for name in KERAS}


@pytest.fixture(scope="module")
def images() -> np.ndarray:
    return np.random.default_rng(0).uniform(-1, 1, (3, 3, SIDE, SIDE)).astype("f4")


@pytest.mark.parametrize("name", KERAS)
def test_pictures_are_prepared_as_the_library_prepares_them(name):
    pictures = np.random.default_rng(1).random((2, 3, 9, 9), dtype="f4")
    library = getattr(keras.applications, MODULES[name]).preprocess_input(255 * np.moveaxis(pictures, 1, -1).copy())
    spec = spec_of(name, encodings={"wrapped": "gray"})
    given = network_input(normalise(pictures.copy(), "gray", spec.mean, spec.std), spec)
    np.testing.assert_allclose(given, library, atol=2e-5 * abs(library).max())
    assert given.dtype == np.float32 and given.flags["C_CONTIGUOUS"]


def test_signed_channels_span_what_a_network_expects():
    signed = np.stack([np.full((9, 9), value, "f4") for value in (-1, 0.5, 1)])[None]
    for name in ("inception_v3", "resnet50_v2"):
        np.testing.assert_array_equal(network_input(signed, spec_of(name))[0, 0, 0], [-1, 0.5, 1])
    np.testing.assert_array_equal(network_input(signed, spec_of("vgg19"))[0, 0, 0], [127.5, 63.75, -127.5])


@pytest.mark.parametrize("name", KERAS)
def test_frozen_features_are_the_library_networks(name, networks, images):
    spec = spec_of(name)
    network = networks[name]
    expected = network(network_input(images, spec), training=False).numpy()
    pooled = load_encoder(spec, threads=1, bfloat16=False)
    np.testing.assert_allclose(pooled.encode(images), expected.mean(axis=(1, 2)), rtol=1e-3, atol=1e-5 * abs(expected).max())
    assert pooled.shape == expected.shape[-1:]
    if name == "vgg19":
        whole = load_encoder(replace(spec, cut="map"), threads=1, bfloat16=False)
        np.testing.assert_allclose(whole.encode(images), expected, rtol=1e-3, atol=1e-5 * abs(expected).max())
        assert whole.shape == expected.shape[1:]


@pytest.mark.parametrize("name", ["vgg19", "resnet50_v2"])
def test_bfloat16_features_are_close_and_the_same_from_several_threads(name, images):
    spec = spec_of(name, mode="partial")
    rough = load_encoder(spec, threads=1, bfloat16=True)
    parts = [images[:2], images[1:], images[:1]] * 3
    alone = [rough.encode(part) for part in parts]
    with ThreadPoolExecutor(3) as pool:
        for found, expected in zip(pool.map(rough.encode, parts), alone, strict=True):
            np.testing.assert_array_equal(found, expected)
    exact = load_encoder(spec, threads=1, bfloat16=False).encode(images)
    found = rough.encode(images)
    assert found.dtype == np.float32 and found.shape == (3, *rough.shape)
    assert np.corrcoef(found.ravel(), exact.ravel())[0, 1] > 0.999
    assert np.isfinite(found.astype(np.float16)).all(), "the cache keeps half precision"
    assert 0 < abs(found - exact).max() < 0.1 * abs(exact).max()


@pytest.mark.parametrize(("capability", "expected"), [((8, 0), True), ((12, 0), True), ((7, 5), False), (None, False)])
def test_a_gpu_of_its_own_bfloat16_decides_and_not_the_processor_beside_it(monkeypatch, capability, expected):
    details = {} if capability is None else {"compute_capability": capability}
    for processor in (True, False):
        monkeypatch.setattr(keras_backbones, "cpu_gains", lambda gains=processor: gains)
        monkeypatch.setattr(keras_backbones, "GPUS", [])
        assert keras_backbones.gains_from_bfloat16() == processor
        monkeypatch.setattr(keras_backbones, "GPUS", ["gpu"])
        monkeypatch.setattr(keras_backbones.tf.config.experimental, "get_device_details", lambda device: details)
        assert keras_backbones.gains_from_bfloat16() == expected


@pytest.mark.parametrize("name", KERAS)
def test_both_sides_of_a_cut_make_the_whole(name, networks, images):
    network = networks[name]
    prefix, suffix = split(network, ARCHITECTURES[name].from_layer)
    given = network_input(images, spec_of(name))
    whole = network(given, training=False).numpy()
    np.testing.assert_allclose(suffix(prefix(given, training=False), training=False), whole, atol=1e-5 * abs(whole).max())
    held, trained = ({id(weight) for weight in part.trainable_weights} for part in (prefix, suffix))
    assert not held & trained and held | trained == {id(weight) for weight in network.trainable_weights}


def test_vgg19_is_trained_from_block_5_on_as_in_the_study(networks):
    _, suffix = split(networks["vgg19"], "block5_conv1")
    assert [layer.name for layer in suffix.layers if layer.weights] == [f"block5_conv{number}" for number in (1, 2, 3, 4)]
    _, suffix = split(networks["resnet50_v2"], "conv5_block1_preact_bn")
    assert all(layer.name.startswith(("conv5_", "post_bn")) for layer in suffix.layers if layer.weights)
    _, suffix = split(networks["inception_v3"], "mixed9")
    assert sum(type(layer).__name__ == "Conv2D" for layer in suffix.layers) == 9, "the last inception block"


def test_with_nothing_frozen_the_images_themselves_are_cached(images):
    spec = spec_of("vgg19", mode="full")
    encoder = load_encoder(spec, threads=1)
    assert encoder.shape == (SIDE, SIDE, 3)
    np.testing.assert_array_equal(encoder.encode(images), network_input(images, spec))


def test_a_layer_that_does_not_exist_is_told_with_the_nearest():
    with pytest.raises(ModelError, match=r"vgg19 has no layer 'block5_conv9'; did you mean 'block5_conv[1-4]'\? Valid: block1_conv1"):
        load_encoder(replace(spec_of("vgg19"), cut="block5_conv9"), threads=1)


@pytest.mark.parametrize("name", KERAS)
def test_the_config_allows_exactly_the_layers_that_the_network_can_be_cut_at(name, networks):
    allowed = ARCHITECTURES[name].cuts
    assert sorted(allowed) == sorted(cut_layers(networks[name]))
    assert ARCHITECTURES[name].from_layer in allowed


def test_a_cut_that_a_shortcut_passes_by_is_refused():
    network = tiny_backbone()
    assert cut_layers(network) == ["stem", "stem_bn", "stem_relu", "inner", "joined", "last", "last_bn"]
    with pytest.raises(
        ModelError, match=r"tiny has shortcuts past 'inner_relu', expected a single way; .*Valid: inner, joined, last, last_bn, stem"
    ):
        split(network, "inner_relu")
    with pytest.raises(ModelError, match="no layer with weights follows 'last_relu' in tiny"):
        split(network, "last_relu")
    prefix, suffix = split(network, "stem")
    assert prefix is None and suffix.input_shape == (None, SIZE, SIZE, 3)


def test_random_weights_are_the_same_every_time(networks):
    keras.utils.set_random_seed(77)
    again = build_backbone(spec_of("inception_v3"))
    assert [layer.name for layer in again.layers] == [layer.name for layer in networks["inception_v3"].layers]
    for one, two in zip(again.get_weights(), networks["inception_v3"].get_weights(), strict=True):
        np.testing.assert_array_equal(one, two)
    names = {layer.name for layer in again.layers}
    assert {"conv2d", "conv2d_93", "batch_normalization_93", "mixed9_1"} <= names and len(names) == len(again.layers)


def test_renumbering_keeps_given_names():
    network = tiny_backbone()
    names = [layer.name for layer in network.layers[1:]]
    renumber(network)
    assert [layer.name for layer in network.layers[1:]] == names


@pytest.mark.parametrize("form", ["weights.h5", "h5"])
def test_weights_from_a_file(tmp_path, networks, form):
    network = networks["resnet50_v2"]
    path = tmp_path / f"net.{form}"
    write(path, network)
    other = keras.applications.ResNet50V2(include_top=False, weights=None, input_shape=(32, 32, 3))
    assert not np.array_equal(other.get_weights()[0], network.get_weights()[0])
    load_stored(other, path)
    for found, expected in zip(other.get_weights(), network.get_weights(), strict=True):
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("form", ["weights.h5", "h5"])
def test_the_classifier_of_a_file_is_left_out(tmp_path, form):
    network = tiny_backbone(3)
    path = tmp_path / f"net.{form}"
    write(path, keras.Model(network.input, keras.layers.Dense(5)(keras.layers.Flatten()(network.output))))
    other = tiny_backbone()
    load_stored(other, path)
    for found, expected in zip(other.get_weights(), network.get_weights(), strict=True):
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("form", ["weights.h5", "h5"])
def test_a_file_that_does_not_fit_says_what_differs(tmp_path, networks, form):
    path = tmp_path / f"net.{form}"
    write(path, tiny_backbone())
    with pytest.raises(ModelError, match=rf"net\.{form} does not fit vgg19: 5 layers with weights besides dense ones, expected 16"):
        load_stored(networks["vgg19"], path)
    wider = keras.Sequential([keras.Input((SIZE, SIZE, 3)), keras.layers.Conv2D(6, 5), keras.layers.BatchNormalization()], name="wider")
    narrow = keras.Sequential([keras.Input((SIZE, SIZE, 3)), keras.layers.Conv2D(6, 3), keras.layers.BatchNormalization()], name="narrow")
    write(path, wider)
    with pytest.raises(
        ModelError, match=r"does not fit narrow: 1 of 2 layers have another shape: conv2d\S* 5x5x3x6 and 6 .*expected 3x3x3x6 and 6"
    ):
        load_stored(narrow, path)


def test_a_file_is_taken_by_the_config(tmp_path, networks):
    path = tmp_path / "mine.weights.h5"
    keras.utils.set_random_seed(9)
    network = keras.applications.VGG19(include_top=False, weights=None, input_shape=(32, 32, 3))
    network.save_weights(path)
    loaded = build_backbone(spec_of("vgg19", weights=str(path)))
    np.testing.assert_array_equal(loaded.get_weights()[0], network.get_weights()[0])
    assert not np.array_equal(loaded.get_weights()[0], networks["vgg19"].get_weights()[0])


@pytest.mark.parametrize("content", [b"", b"<html></html>"])
def test_a_damaged_file_is_named(tmp_path, content):
    path = tmp_path / "net.weights.h5"
    path.write_bytes(content)
    with pytest.raises(ModelError, match=r"net\.weights\.h5: cannot be read as weights of Keras"):
        load_stored(tiny_backbone(), path)


def test_another_hdf5_file_is_named(tmp_path):
    path = tmp_path / "net.h5"
    with h5py.File(path, "w") as file:
        file["velocity"] = np.zeros(3)
    with pytest.raises(ModelError, match=r"net\.h5: cannot be read as weights of Keras"):
        load_stored(tiny_backbone(), path)


@pytest.mark.parametrize("name", KERAS)
def test_imagenet_without_a_network_is_a_clear_error_and_never_random(monkeypatch, tmp_path, name):
    def unreachable(*_, **__):
        raise OSError("URL fetch failure")

    spec = spec_of(name, weights="imagenet")
    construct = keras_backbones._construct
    monkeypatch.setattr(keras_backbones, "_construct", lambda spec, weights: unreachable() if weights else construct(spec, weights))
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    with pytest.raises(ModelError) as caught:
        build_backbone(spec)
    told = str(caught.value)
    assert str(tmp_path / "models") in told and "give its path as `weights:`" in told
    assert told.split("Download ")[1].split(" ")[0] == LIBRARY_URLS[name]


def library_urls() -> dict[str, str]:
    from keras.src.applications import inception_v3, resnet, vgg19

    stem = "weights_tf_dim_ordering_tf_kernels_notop.h5"
    return {
        "inception_v3": inception_v3.WEIGHTS_PATH_NO_TOP,
        "vgg19": vgg19.WEIGHTS_PATH_NO_TOP,
        "resnet50_v2": f"{resnet.BASE_WEIGHTS_PATH}resnet50v2_{stem}",
    }


LIBRARY_URLS = library_urls()


def write(path, network) -> None:
    """In Keras 3's format, or in that of keras.applications."""
    if path.name.endswith(".weights.h5"):
        network.save_weights(path)
    else:
        with h5py.File(path, "w") as file:
            legacy_h5_format.save_weights_to_hdf5_group(file, network)


def test_a_user_who_prefers_another_layout_gets_this_one():
    assert os.environ["KERAS_BACKEND"] == "tensorflow"
    keras.config.set_image_data_format("channels_first")
    assert load_encoder(spec_of("vgg19", mode="full"), threads=1).shape == (SIDE, SIDE, 3)
    assert keras.config.image_data_format() == "channels_last"
