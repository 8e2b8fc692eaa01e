"""With 200 earthquakes, too, only what changed is made again: how many jobs of which rule a dry-run lists.

No job runs here: `benchmarks/stubs/stub_run.py` has Snakemake plan, choose and write down all of them as in a real run, and writes empty
results. That dry-runs then list what they list after a real run is a test of its own, on the small real run of this session.
"""

import json
import shutil
import subprocess
import sys
from collections import Counter

import pytest

from benchmarks.dry_run import tables

EARTHQUAKES, PAIRS, RUNS = 200, 3, 4
"""Runs: two views, one model, two strategies."""

COMPARED = {"compare": 1, "strategies": 1, "best_gallery": 2, "report": 1}
TRAINED = {"train": RUNS, "evaluate": RUNS, **COMPARED}
"""What follows features that changed."""
EMBEDDED = {"dataset": 1, "examples": 2, "embed": 2, **TRAINED}
"""What follows tiles that changed."""
POLYGON = {
    "type": "FeatureCollection",
    "features": [
        {
            "type": "Feature",
            "properties": {},
            "geometry": {"type": "Polygon", "coordinates": [[[20, 10], [20.1, 10], [20, 10.1], [20, 10]]]},
        }
    ],
}


def stub(workspace):
    """Let every job of a workspace write empty results."""
    command = [sys.executable, "benchmarks/stubs/stub_run.py", "--configfile", "config/tiny.yaml", "--cores", "2", "--quiet", "all"]
    done = subprocess.run(command, cwd=workspace.folder, capture_output=True, text=True, env=workspace.environment(), timeout=600)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    return workspace


def counts(workspace):
    return dict(Counter(job.split()[0] for job in workspace.planned()))


@pytest.fixture(scope="module")
def many(fresh):
    """200 earthquakes with all results, which are empty. A test changes it and takes its change back."""
    workspace = fresh("many")
    tables(workspace.folder / "config", EARTHQUAKES, PAIRS)
    return stub(workspace)


@pytest.fixture
def changing(many):
    """The same; the configuration, the tables and the package are as before after the test."""
    kept = {path: path.read_bytes() for folder in ("config", "workflow") for path in (many.folder / folder).rglob("*") if path.is_file()}
    yield many
    for path, content in kept.items():
        if path.read_bytes() != content:
            path.write_bytes(content)
    shutil.rmtree(many.folder / "outlines", ignore_errors=True)


def edit(workspace, module):
    path = workspace.folder / "workflow/scripts/fringeflow" / module
    path.write_text(path.read_text() + "\nCHANGED = True\n")


def test_nothing_is_done_twice(many):
    assert counts(many) == {}


def test_an_added_pair_touches_its_earthquake_alone(changing):
    rows = changing.rows("interferograms")
    changing.write_rows("interferograms", [*rows, {**rows[0], "pair": "20210101_20210113"}])
    planned = changing.planned()
    assert Counter(job.split()[0] for job in planned) == {"simulate": 1, "fetch": 1, "prepare": 1, "tile": 1, "spectrogram": 1, **EMBEDDED}
    assert all("event=e00000" in job for job in planned if job.split()[0] not in EMBEDDED)


def test_an_outline_touches_its_earthquake_from_its_tiles_on(changing):
    (changing.folder / "outlines").mkdir()
    changing.configure(catalogue={"polygons": "outlines"})
    assert counts(changing) == {"report": 1}, "which shows the configuration"
    (changing.folder / "outlines/e00007.geojson").write_text(json.dumps(POLYGON))
    assert counts(changing) == {"tile": 1, "spectrogram": 1, **EMBEDDED}


def test_a_threshold_of_labels_tiles_all_earthquakes(changing):
    changing.configure(tilings={"standard": {"label": {"min_area": 0.2}}})
    assert counts(changing) == {"tile": EARTHQUAKES, "spectrogram": EARTHQUAKES, **EMBEDDED}


def test_a_threshold_of_evaluation_trains_nothing(changing):
    changing.configure(evaluation={"threshold": "mcc"})
    assert counts(changing) == {"evaluate": RUNS, **COMPARED}


def test_a_model_trains_its_own_runs(changing):
    changing.configure(
        models={"wide_svm": {"architecture": "hog_svm", "input_size": 96}}, datasets={"fringes": {"models": ["hog_svm", "wide_svm"]}}
    )
    assert counts(changing) == {"embed": 2, "train": RUNS, "evaluate": RUNS, **COMPARED}


def test_a_strategy_trains_its_own_runs(changing):
    changing.configure(datasets={"fringes": {"strategies": ["none", "class_weights", "oversample"]}})
    assert counts(changing) == {"train": 2, "evaluate": 2, **COMPARED}


@pytest.mark.parametrize(
    ("module", "expected"),
    [
        ("evaluation/bootstrap.py", {"evaluate": RUNS, **COMPARED}),
        ("insar/tiles.py", {"tile": EARTHQUAKES, "spectrogram": EARTHQUAKES, **EMBEDDED}),
        ("transfer/download.py", {}),
    ],
)
def test_a_module_runs_the_rules_that_import_it(changing, module, expected):
    """What was downloaded stays valid, whatever code brought it."""
    edit(changing, module)
    assert counts(changing) == expected


def test_after_a_real_run_the_same_jobs_are_planned(copied, fresh):
    """What lets the tests above speak of real runs."""
    stubbed = stub(fresh("stubbed"))
    for workspace in (copied, stubbed):
        assert workspace.planned() == []
        workspace.configure(
            tilings={"standard": {"label": {"min_area": 0.2}}}, datasets={"fringes": {"strategies": ["none", "oversample"]}}
        )
        first, *others = workspace.rows("events")
        workspace.write_rows("events", [{**first, "depth_km": "9.5"}, *others])
    planned = copied.planned()
    assert len(planned) > 30
    assert planned == stubbed.planned()
