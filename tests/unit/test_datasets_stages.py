"""A cascade as configured: which classes each stage tells apart, and every mistake told by name."""

import subprocess
import sys

import pytest

from fringeflow.datasets.stages import Stage, resolve_stages

CLASSES = ("brak_Empty zone", "brak_Station", "noise_DNS", "noise_Tip-off")
NOISE = {"noise": ("noise_DNS", "noise_Tip-off")}
STUDY = (Stage("kinds", NOISE), Stage("noise", split="noise"))


def test_the_cascade_of_study_b():
    kinds, noise = resolve_stages(STUDY, CLASSES)
    assert kinds.classes == ("brak_Empty zone", "brak_Station", "noise") and kinds.split == ""
    assert kinds.members["noise"] == ("noise_DNS", "noise_Tip-off") and kinds.leaves == CLASSES
    assert noise.classes == noise.leaves == ("noise_DNS", "noise_Tip-off") and noise.split == "noise"


def test_classes_stand_in_the_order_of_the_dataset_whatever_that_of_the_merge():
    stages = (Stage("first", {"x": ("d", "a")}), Stage("second", split="x"))
    first, second = resolve_stages(stages, "abcd")
    assert first.classes == ("x", "b", "c") and first.members["x"] == ("a", "d") and second.classes == ("a", "d")


def test_a_merged_class_may_be_merged_again_and_split_later():
    stages = (Stage("one", {"x": ("b", "c", "d", "e")}), Stage("two", {"y": ("d", "e")}, split="x"), Stage("three", split="y"))
    levels = resolve_stages(stages, "abcde")
    assert [level.classes for level in levels] == [("a", "x"), ("b", "c", "y"), ("d", "e")]


def test_two_merged_classes_are_split_by_a_stage_each():
    stages = (Stage("one", {"x": ("a", "b"), "y": ("c", "d")}), Stage("two", split="y"), Stage("three", split="x"))
    assert [level.classes for level in resolve_stages(stages, "abcd")] == [("x", "y"), ("c", "d"), ("a", "b")]


def test_without_stages_there_is_no_cascade():
    assert resolve_stages((), CLASSES) == ()


@pytest.mark.parametrize(
    ("stages", "told"),
    [
        ([Stage("one", {"x": ("a", "bb")}), Stage("two", split="x")], "merges the unknown class 'bb'; did you mean 'b'?"),
        ([Stage("one", {"x": ("a", "b"), "y": ("b", "c")}), Stage("two", split="x"), Stage("three", split="y")], "'b' is merged twice"),
        ([Stage("one", {"c": ("a", "b")}), Stage("two", split="c")], "'c' has the name of a class of the dataset"),
        ([Stage("one", {"x": ("a", "b")}), Stage("two", {"x": ("a", "b")}, split="x")], "'x' has the name of an earlier one"),
        ([Stage("one", {"x": ("a", "b"), "y": ("c", "d")}), Stage("two", split="x")], "the merged class 'y' is never split"),
        ([Stage("one", {"x": ("a", "b")}), Stage("two", split="x"), Stage("three", split="x")], "'x' is split by an earlier stage already"),
        ([Stage("one", {"x": ("a", "b", "c", "d")}), Stage("two", split="x")], "'one' is left with one class, x"),
        ([Stage("one", {"x": ("a", "b"), "y": ("c",)}), Stage("two", split="x")], "'y' merges c; name two classes or more"),
        ([Stage("one", {"x": ("a", "b")}, split="x"), Stage("two", split="x")], "the first stage sees all classes and splits none"),
        ([Stage("one", {"x": ("a", "b")}), Stage("two")], "say which merged class this one splits"),
        ([Stage("one", {"noise": ("a", "b")}), Stage("two", split="nose")], "'nose' is no merged class .*; did you mean 'noise'?"),
        ([Stage("one"), Stage("two", split="x")], "no earlier stage merges classes"),
        ([Stage("one", {"x": ("a", "b")}), Stage("one", split="x")], "stage 'one': the name is used twice"),
        ([Stage("one", {"x": ("a", "b")})], "'one' is the only one"),
        ([Stage("one", {"x": ("a", "b", "c")}), Stage("two", {"y": ("a", "d")}, split="x"), Stage("three", split="y")], "'d', which is no part of 'x'"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_with_the_stage_and_what_would_do(stages, told):
    with pytest.raises(ValueError, match=told):
        resolve_stages(stages, "abcd")


def test_all_mistakes_are_told_at_once():
    with pytest.raises(ValueError, match=r"unknown class 'z'.*never split") as error:
        resolve_stages([Stage("one", {"x": ("a", "z")}), Stage("one", split="q")], "abcd")
    assert str(error.value).count(";") >= 3


def test_a_stage_survives_json():
    import json

    for stage in STUDY:
        assert Stage.from_dict(json.loads(json.dumps(stage.as_dict()))) == stage


def test_reading_a_configuration_imports_no_array_library():
    code = (
        "import sys, fringeflow.datasets.stages, fringeflow.imbalance.stages; sys.exit(any(x in sys.modules for x in ('numpy', 'pandas')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
