"""Files that are no models, where one is expected: nothing that they hold is run, and what they declare is not believed."""

import io
import json
import pickle
import zipfile
from types import SimpleNamespace

import h5py
import numpy as np
import pytest
import skops.io

from fringeflow.errors import ModelError
from fringeflow.models.classical import build_svm, calibrate, load_model, save_model
from fringeflow.models.keras_weights import load_stored

KERNEL = (3, 3, 3, 4)


class Trap:
    """What a pickle can do: call anything when it is read."""

    def __init__(self, mark):
        self.mark = mark

    def __reduce__(self):
        return open, (str(self.mark), "w")


def archive(path, **members):
    """Write a zip whose members may have any name."""
    with zipfile.ZipFile(path, "w") as target:
        for name, content in members.items():
            target.writestr(name.replace("__", "../"), content)
    return path


# --- skops


@pytest.fixture
def fitted(tmp_path):
    rng = np.random.default_rng(0)
    features, labels = rng.normal(size=(40, 6)), np.arange(40) % 2
    model = calibrate(build_svm({"c": 1.0, "gamma": 0.1, "pca": 0.9}, seed=0).fit(features, labels), features, labels)
    save_model(tmp_path / "model.skops", model)
    return tmp_path / "model.skops"


def rewritten(path, change):
    """Rewrite the schema of a skops file."""
    with zipfile.ZipFile(path) as source:
        members = {name: source.read(name) for name in source.namelist()}
    schema = json.loads(members["schema.json"])
    change(schema)
    with zipfile.ZipFile(path, "w") as target:
        for name, content in members.items():
            target.writestr(name, json.dumps(schema) if name == "schema.json" else content)


def test_a_sound_model_is_read(fitted):
    assert load_model(fitted).predict_proba(np.zeros((2, 6))).shape == (2, 2)


def test_a_pickle_in_the_guise_of_a_model_is_not_opened(tmp_path):
    (tmp_path / "model.skops").write_bytes(pickle.dumps(Trap(tmp_path / "evil")))
    with pytest.raises(ModelError, match="cannot be read as a skops model"):
        load_model(tmp_path / "model.skops")
    assert not (tmp_path / "evil").exists()


@pytest.mark.parametrize(
    ("module", "name", "loader"),
    [
        ("os", "system", "FunctionNode"),
        ("builtins", "eval", "FunctionNode"),
        ("subprocess", "Popen", "ObjectNode"),
        ("os", "system", "TypeNode"),
        ("builtins", "exec", "ObjectNode"),
        ("os", "system", "MethodNode"),
        ("os", "system", "OperatorFuncNode"),
        ("os", "system", "ReduceNode"),
    ],
)
def test_a_model_that_names_code_is_refused(fitted, module, name, loader):
    """Whatever the node is called: some of them were once believed without a look (CVE-2025-54412, -54413, -54886)."""

    def change(schema):
        argument = {
            "__class__": "str",
            "__module__": "builtins",
            "__loader__": "JsonNode",
            "__id__": 7,
            "content": json.dumps("touch evil"),
        }
        tuple_of = {"__class__": "tuple", "__module__": "builtins", "__loader__": "TupleNode", "__id__": 8, "content": [argument]}
        schema["content"] = {
            "__class__": name, "__module__": module, "__loader__": loader, "__id__": 9, "content": tuple_of, "args": tuple_of,
            "reduce": tuple_of, "attrs": tuple_of,
        }  # fmt: skip

    rewritten(fitted, change)
    with pytest.raises(ModelError, match=r"not trusted|cannot be read"):
        load_model(fitted)


def test_members_that_climb_out_are_written_nowhere(fitted, tmp_path):
    with zipfile.ZipFile(fitted, "a") as target:
        target.writestr("../../evil", "x")
        target.writestr(str(tmp_path / "evil"), "x")
    before = sorted(path.name for path in tmp_path.parent.iterdir())
    load_model(fitted)
    assert sorted(path.name for path in tmp_path.parent.iterdir()) == before
    assert not (tmp_path / "evil").exists()


def test_an_array_of_objects_inside_a_model_is_not_unpickled(fitted, tmp_path):
    content = io.BytesIO()
    np.save(content, np.array([Trap(tmp_path / "evil")], dtype=object), allow_pickle=True)
    with zipfile.ZipFile(fitted) as source:
        members = {name: source.read(name) for name in source.namelist()}
    with zipfile.ZipFile(fitted, "w") as target:
        for name, old in members.items():
            target.writestr(name, content.getvalue() if name.endswith(".npy") else old)
    with pytest.raises(ModelError):
        load_model(fitted)
    assert not (tmp_path / "evil").exists()


def test_a_model_of_another_kind_is_no_model(tmp_path):
    skops.io.dump({"a": 1}, tmp_path / "model.skops")
    with pytest.raises(ModelError, match="holds a dict"):
        load_model(tmp_path / "model.skops")


# --- Weights of Keras


class Conv2D:
    """A layer as far as reading weights is concerned."""

    name = "c"
    weights = (SimpleNamespace(shape=KERNEL), SimpleNamespace(shape=(4,)))
    values = None

    def set_weights(self, values):
        self.values = values


def network():
    return SimpleNamespace(name="net", layers=[Conv2D()])


def weights(path, fill):
    with h5py.File(path, "w") as file:
        fill(file.create_group("layers/conv2d/vars"), file)
    return path


def good(group, _):
    group["0"], group["1"] = np.ones(KERNEL, np.float32), np.ones(4, np.float32)


def giant(group, _):
    group.create_dataset("0", shape=(100_000, 100_000, 100, 4), dtype="f4", chunks=(64, 64, 3, 4))
    group["1"] = np.ones(4)


def bytes_of_a_file(group, _):
    group.create_dataset("0", shape=KERNEL, dtype="f4", external=[("/etc/passwd", 0, 432)])
    group["1"] = np.ones(4)


def array_of_another_file(group, _):
    group["0"], group["1"] = h5py.ExternalLink("good.h5", "/layers/conv2d/vars/0"), np.ones(4)


def group_of_another_file(_, file):
    del file["layers/conv2d/vars"]
    file["layers/conv2d/vars"] = h5py.ExternalLink("good.h5", "/layers/conv2d/vars")


def view_of_another_file(group, _):
    layout = h5py.VirtualLayout((4,), "f4")
    layout[:] = h5py.VirtualSource("good.h5", "/layers/conv2d/vars/1", (4,))
    group["0"] = np.ones(KERNEL)
    group.create_virtual_dataset("1", layout)


def text_for_numbers(group, _):
    group["0"], group["1"] = np.ones(KERNEL), np.array([b"a"] * 4)


def group_for_an_array(group, _):
    group["0"] = np.ones(KERNEL)
    group.create_group("1")


def test_sound_weights_are_read(tmp_path):
    net = network()
    load_stored(net, weights(tmp_path / "good.h5", good))
    assert [value.shape for value in net.layers[0].values] == [KERNEL, (4,)]


@pytest.mark.parametrize(
    ("fill", "told"),
    [
        (giant, "another shape: c 100000x100000x100x4"),
        (bytes_of_a_file, "no array of numbers in this file"),
        (array_of_another_file, "refers to another file"),
        (group_of_another_file, "refers to another file"),
        (view_of_another_file, "no array of numbers in this file"),
        (text_for_numbers, "no array of numbers in this file"),
        (group_for_an_array, "no array of numbers in this file"),
    ],
)
def test_weights_that_are_giant_or_of_other_files_are_refused_unread(tmp_path, fill, told):
    """HDF5 can declare terabytes in a kilobyte, and take its numbers from any file that the user may read."""
    weights(tmp_path / "good.h5", good)
    net = network()
    with pytest.raises(ModelError, match=told):
        load_stored(net, weights(tmp_path / "a.weights.h5", fill))
    assert net.layers[0].values is None


def test_a_keras_archive_is_no_file_of_weights(tmp_path):
    """Its configuration can hold code (Lambda layers), and its members can have any name."""
    config = {
        "module": "keras.layers",
        "class_name": "Lambda",
        "config": {"function": {"class_name": "__lambda__", "config": {"code": "4wE="}}},
    }
    path = archive(tmp_path / "a.keras", **{"config.json": json.dumps(config), "__evil": "x", "model.weights.h5": b"x"})
    with pytest.raises(ModelError, match="cannot be read as weights of Keras"):
        load_stored(network(), path)
    assert [other.name for other in tmp_path.iterdir()] == ["a.keras"]
