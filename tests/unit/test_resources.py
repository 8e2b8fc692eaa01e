"""What jobs ask a cluster for."""

import json
from types import SimpleNamespace

import numpy as np
import pytest

from fringeflow.errors import ConfigError
from fringeflow.resources import PACKED, Site, fetched_of, growing, held_mb, largest_and_total, samples_of
from fringeflow.store import write_samples


def fetched(folder, *interferograms):
    """What rule fetch leaves, in a version that told no rows and columns, for interferograms of products of some megabytes each
    when unpacked."""
    (folder / "raw").mkdir(parents=True)
    products = [
        {name: {"bytes": int(size * 1e6 / PACKED)} for name, size in zip(("unw", "cc"), sizes, strict=False)} for sizes in interferograms
    ]
    path = folder / "raw/quake.json"
    path.write_text(json.dumps({"event": "quake", "interferograms": [{"products": one} for one in products]}))
    return path


def test_a_list_of_what_was_fetched_stands_for_each_interferogram(tmp_path):
    assert held_mb(fetched(tmp_path, [2, 1], [5])) == pytest.approx([3, 5])


def test_an_interferogram_counts_by_its_pixels_and_not_by_how_well_it_is_compressed(tmp_path):
    """22,000 x 22,000 pixels without data are a file of 16 kB."""
    path = fetched(tmp_path, [0.016])
    told = json.loads(path.read_text())
    told["interferograms"][0] |= {"rows": 22_000, "columns": 22_000}
    path.write_text(json.dumps(told))
    assert held_mb(path) == pytest.approx([7744])
    assert Site().memory(2000, per_largest_mb=20)(None, input=[path], attempt=1) > 100_000


def test_rules_in_one_job_with_what_makes_their_input_are_sized_by_what_is_there_before(tmp_path, monkeypatch):
    """When the job is submitted the input of the later ones is still to be made."""
    monkeypatch.chdir(tmp_path)
    path = fetched(tmp_path / "results", [1])
    told = json.loads(path.read_text())
    told["interferograms"] = [{**told["interferograms"][0], "rows": 3000, "columns": 2700}] * 10
    path.write_text(json.dumps(told))
    event = SimpleNamespace(event="quake", tiling="standard")
    assert Site().memory(1500, per_largest_mb=6, of=fetched_of)(event, attempt=1) == 1500 + 778
    assert Site().minutes(20, per_mb=0.02, of=fetched_of)(event, attempt=2) == 92
    assert Site().minutes(20, per_mb=0.02, of=fetched_of)(SimpleNamespace(event="other"), attempt=1) == 20
    (tmp_path / "results/datasets/fringes").mkdir(parents=True)
    (tmp_path / "results/datasets/fringes/samples.parquet").write_bytes(bytes(5_000_000))
    run = SimpleNamespace(dataset="fringes", view="wrapped")
    assert Site().memory(2000, per_mb=100, of=samples_of)(run, attempt=1) == 2500


def test_a_store_stands_for_its_samples_and_not_for_its_small_file(tmp_path):
    write_samples(tmp_path / "a.zarr", iter([np.zeros((100, 50, 40), np.float32)]), count=100, shape=(50, 40), attrs={}, units="rad")
    assert (tmp_path / "a.zarr/zarr.json").stat().st_size < 2000
    assert held_mb(tmp_path / "a.zarr/zarr.json") == pytest.approx([100 * 50 * 40 * 4 / 1e6])


def test_prepared_interferograms_stand_each_for_itself(tmp_path):
    entries = [{"rows": 1000, "columns": 2000}, {"rows": 10, "columns": 10}]
    (tmp_path / "zarr.json").write_text(json.dumps({"attributes": {"interferograms": entries}}))
    assert held_mb(tmp_path / "zarr.json") == pytest.approx([32, 0.0016])


@pytest.mark.parametrize(
    "content", [None, "", "[]", "{}", '{"attributes": {"shape": 3}}', '{"interferograms": [{"products": {"unw": {}}}]}']
)
def test_what_is_missing_or_broken_counts_nothing(tmp_path, content):
    """A dry-run asks before anything is made; a job with a broken input shall say so itself."""
    (tmp_path / "raw").mkdir()
    for name in ("zarr.json", "raw/quake.json"):
        if content is not None:
            (tmp_path / name).write_text(content)
        assert held_mb(tmp_path / name) == []
    assert growing(1000, per_mb=5)(None, input=[tmp_path / "zarr.json"], attempt=1) == 1000


def test_thousands_of_inputs_are_judged_by_a_few(tmp_path, monkeypatch):
    paths = [fetched(tmp_path / str(number), [1]) for number in range(1000)]
    opened = []
    monkeypatch.setattr("fringeflow.resources.held_mb", lambda path: opened.append(path) or held_mb(path))
    assert largest_and_total(paths) == pytest.approx((1, 1000))
    assert len(opened) <= 64


def test_requests_grow_with_the_input_and_double_with_every_attempt(tmp_path):
    inputs = [fetched(tmp_path / "a", [10]), fetched(tmp_path / "b", [30])]
    memory = Site().memory(2000, per_largest_mb=100, per_mb=1)
    assert [memory(None, input=inputs, attempt=attempt) for attempt in (1, 2, 3)] == [5040, 10080, 20160]
    assert [Site().minutes(30)(None, attempt=attempt) for attempt in (1, 2, 3)] == [30, 60, 120]


def test_nothing_is_asked_for_that_no_partition_gives():
    site = Site.described({"most_memory_mb": "5000", "most_minutes": "'90'"})
    assert [site.memory(2000)(None, attempt=attempt) for attempt in (1, 2, 3)] == [2000, 4000, 5000]
    assert [site.minutes(60)(None, attempt=attempt) for attempt in (1, 2, 3)] == [60, 90, 90]
    assert [site.minutes(40, share=0.5)(None, attempt=attempt) for attempt in (1, 2, 3)] == [40, 45, 45]


def test_without_a_gpu_partition_rules_have_no_further_resource():
    site = Site.described({"slurm_partition": "batch", "mem_mb": None, "tmpdir": "system_tmpdir"})
    assert site.on_gpu(lambda wildcards: True) == {}
    assert site.downloads == {}
    assert Site.described({}) == Site()


def test_jobs_that_want_a_gpu_get_its_partition_and_account_and_the_others_the_usual_ones():
    site = Site.described({"slurm_partition": "batch", "gpu_partition": "gpu", "gpu_account": "'0815'", "qos": "short"})
    chosen = site.on_gpu(lambda wildcards: wildcards == "network")
    assert {name: choose("network") for name, choose in chosen.items()} == {"gpu": 1, "slurm_partition": "gpu", "slurm_account": "0815"}
    assert {name: choose("svm") for name, choose in chosen.items()} == {"gpu": 0, "slurm_partition": "batch", "slurm_account": None}


def test_downloads_can_have_a_partition_of_their_own():
    assert Site.described({"download_partition": "transfer"}).downloads == {"slurm_partition": "transfer"}


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({"gpu_partitoin": "gpu"}, "did you mean 'gpu_partition'"),
        ({"most_minutes": "24h"}, "most_minutes is '24h', expected a number"),
        ({"gpu_qos": "gpu"}, "no gpu_partition"),
    ],
)
def test_a_slip_in_the_profile_is_named(said, expected):
    with pytest.raises(ConfigError, match=expected):
        Site.described(said)
