"""Wrong input ends in a message that says what, where and what to do; what was made before stays."""

import shutil

import numpy as np
import pytest
import rasterio


def failing(workspace, *arguments: str) -> str:
    """Run, expect failure, and return everything that was said."""
    done = workspace.snakemake(*(arguments or ("--cores", "2")), check=False)
    assert done.returncode != 0
    return done.stdout + done.stderr


def portal(workspace, source) -> tuple[str, str]:
    """Turn the first event into one of the portal, served from a folder; return its first frame and pair."""
    rows = workspace.rows("events")
    rows[0]["source"] = "portal"
    workspace.write_rows("events", rows)
    workspace.configure(mirrors=[{"layout": "jasmin", "root": str(source)}], datasets={"fringes": {"events": "all"}})
    row = next(row for row in workspace.rows("interferograms") if row["event"] == rows[0]["event"])
    return row["frame"], row["pair"]


def product(mirror, frame: str, pair: str, name: str):
    return mirror / str(int(frame[:3])) / frame / "interferograms" / pair / f"{pair}.geo.{name}.tif"


@pytest.fixture
def mirror(copied, tmp_path):
    """A mirror of its own, to break: a copy of the embedded archive; nothing of it is fetched yet."""
    folder = shutil.copytree(copied.folder / "results/archive/LiCSAR_products", tmp_path / "mirror")
    shutil.rmtree(copied.folder / "results/raw")
    return folder


def test_a_missing_mirror_is_named_for_every_interferogram_that_wants_it(copied, tmp_path):
    """One failure does not keep the next from being tried."""
    frame, _ = portal(copied, tmp_path / "nowhere")
    shutil.rmtree(copied.folder / "results/raw")
    said = failing(copied, "--cores", "2", "--until", "fetch")
    assert f"{tmp_path / 'nowhere'}: no such folder" in said
    pairs = [row["pair"] for row in copied.rows("interferograms") if row["frame"] == frame]
    assert all(f"{frame}/{pair}: could not get" in said for pair in pairs)
    assert not list((copied.folder / "results/raw" / frame).rglob("manifest.json"))


def test_a_corrupt_raster_is_refused_by_name(copied, mirror):
    frame, pair = portal(copied, mirror)
    path = product(mirror, frame, pair, "diff_pha")
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    said = failing(copied, "--cores", "1", "--until", "fetch")
    assert path.name in said
    assert not (copied.folder / "results/raw" / frame / pair / "manifest.json").exists()
    assert not (copied.folder / "results/raw" / frame / pair / path.name).exists()


def test_an_error_page_saved_as_a_raster_is_refused(copied, mirror):
    frame, pair = portal(copied, mirror)
    product(mirror, frame, pair, "diff_pha").write_text("<html><body>503 Service Unavailable</body></html>")
    said = failing(copied, "--cores", "1", "--until", "fetch")
    assert "HTML" in said or "html" in said


def rewrite(path, change):
    """Change a raster's pixels or grid in place."""
    with rasterio.open(path) as source:
        data, profile = source.read(1), source.profile
    data, profile = change(data, profile)
    with rasterio.open(path, "w", **profile) as sink:
        sink.write(data, 1)


def test_a_raster_without_data_is_refused_by_name(copied, mirror):
    frame, pair = portal(copied, mirror)
    event = copied.rows("events")[0]["event"]
    for name in ("diff_pha", "unw"):
        path = product(mirror, frame, pair, name)
        if path.exists():
            rewrite(path, lambda data, profile: (np.zeros_like(data), profile))
    said = failing(copied, "--cores", "1", f"results/events/{event}/interferograms.zarr/zarr.json")
    assert pair in said
    assert "not one of its pixels holds data" in said
    assert not (copied.folder / "results/raw" / frame / pair / "manifest.json").exists()
    assert (copied.folder / "results/events" / event / "interferograms.zarr/zarr.json").exists(), "what was made before stays"


def test_grids_that_do_not_match_are_named_both(copied, mirror):
    frame, pair = portal(copied, mirror)
    event = copied.rows("events")[0]["event"]

    def shift(data, profile):
        return data, profile | {"transform": profile["transform"] * rasterio.Affine.translation(3, 0)}

    rewrite(product(mirror, frame, pair, "cc"), shift)
    said = failing(copied, "--cores", "1", f"results/events/{event}/interferograms.zarr/zarr.json")
    assert f"{pair}.geo.cc.tif" in said
    assert f"{pair}.geo.diff_pha.tif" in said


def test_an_event_without_a_coseismic_pair_stops_before_any_job(copied):
    rows = copied.rows("events")
    rows[0]["time"] = "2001-01-01T00:00:00"
    copied.write_rows("events", rows)
    said = failing(copied, "-n")
    assert rows[0]["event"] in said
    assert "no coseismic pair" in said


def test_a_wrong_frame_name_stops_before_any_job(copied):
    rows = copied.rows("interferograms")
    rows[0]["frame"] = "1A_05000"
    copied.write_rows("interferograms", rows)
    said = failing(copied, "-n")
    assert "interferograms.tsv line 2" in said
    assert "1A_05000" in said


def test_a_dataset_with_one_class_says_which_is_missing(copied):
    copied.configure(tilings={"standard": {"label": {"min_fringes": 500.0}}})
    said = failing(copied, "--cores", "2", "results/datasets/fringes/dataset.json")
    assert "deformation" in said
    assert "fringes" in said
    assert not (copied.folder / "results/datasets/fringes/dataset.json").exists()


def test_a_split_left_empty_is_told(copied):
    copied.keep_events([row["event"] for row in copied.rows("events")][:2])
    said = failing(copied, "--cores", "2", "results/datasets/fringes/dataset.json")
    assert "split" in said
    assert any(name in said for name in ("train", "validation", "test"))


def test_an_unknown_key_exits_before_any_job_and_suggests_the_right_one(copied):
    copied.configure(traning={"epochs": 2})
    said = failing(copied, "-n")
    assert "did you mean 'training'" in said
    assert "tiny.yaml" in said
