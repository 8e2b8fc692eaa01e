"""Pictures of examples show every class, many events, the same tiles in every view, and missing data as such."""

import numpy as np
import pandas as pd
import pytest
from matplotlib import colormaps

from fringeflow.config.models import Dataset
from fringeflow.datasets.build import build_dataset
from fringeflow.datasets.figures import LOOKS, choose_examples, draw_examples
from fringeflow.errors import DatasetError
from tests.unit.toy_events import some_events

VIEWS = ("wrapped", "unwrapped", "spectrogram")


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    root = tmp_path_factory.mktemp("examples")
    indexes = some_events(root, 6, size=32, views=VIEWS)
    paths = {name: root / f"{name}.file" for name in ("samples", "dataset", "summary")}
    build_dataset("fringes", Dataset(views=list(VIEWS)), indexes, ["no_deformation", "deformation"], **paths)
    return root, paths


@pytest.mark.parametrize("view", VIEWS)
def test_each_view_has_a_picture_and_a_rerun_gives_the_same_bytes(dataset, view, tmp_path):
    _, paths = dataset
    for name in "ab":
        draw_examples(paths["samples"], paths["dataset"], view, out=tmp_path / f"{name}.png", columns=3)
    assert (tmp_path / "a.png").read_bytes()[:4] == b"\x89PNG"
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


def test_a_missing_store_is_told_and_leaves_nothing(dataset, tmp_path):
    _, paths = dataset
    with pytest.raises(DatasetError, match=r"gather\.zarr: expected a sample store"):
        draw_examples(paths["samples"], paths["dataset"], "gather", out=tmp_path / "a.png")
    assert not list(tmp_path.iterdir())


def test_examples_come_from_as_many_events_as_there_are():
    samples = pd.DataFrame({"sample": [f"{event}/{i}" for event in "abc" for i in range(20)], "event": np.repeat(list("abc"), 20)})
    chosen = choose_examples(samples, 5, seed=0)
    assert chosen["event"].iloc[:3].nunique() == 3
    assert len(chosen) == 5
    shuffled = choose_examples(samples.sample(frac=1, random_state=1), 5, seed=0)
    assert list(shuffled["sample"]) == list(chosen["sample"])
    assert list(choose_examples(samples, 5, seed=1)["sample"]) != list(chosen["sample"])
    assert len(choose_examples(samples.iloc[:2], 5, seed=0)) == 2


def test_the_colours_of_wrapped_phase_meet_at_pi_and_no_data_is_none_of_them():
    colours = LOOKS["wrapped"].colours
    np.testing.assert_allclose(colours(0.0), colours(1.0), atol=0.01)
    ring = colours(np.linspace(0, 1, 513))
    assert np.abs(np.diff(ring, axis=0)).max() < 0.02, "no jump within a fringe"
    grey = colormaps["gray"](0.7)
    assert np.abs(ring[:, :3] - grey[:3]).max(1).min() > 0.1


def test_unwrapped_phase_is_drawn_about_its_median_with_zero_in_the_middle():
    look = LOOKS["unwrapped"]
    tile = np.array([[10.0, 12.0], [11.0, np.nan]], "f4")
    np.testing.assert_array_equal(look.prepare(tile), [[-1, 1], [0, np.nan]])
    low, high = look.limits(np.array([-3.0, 1.0, np.nan]))
    assert low == -high
    assert np.isnan(look.prepare(np.full((2, 2), np.nan))).all()
