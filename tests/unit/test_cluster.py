"""What several processes make of an event together is, byte for byte, what one process makes of it."""

import json
import os
import pickle
import stat
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from fringeflow import cluster
from fringeflow.cluster import hire
from fringeflow.config.cluster import Dask
from fringeflow.config.interferograms import Prepare, Spectrogram, Tiling
from fringeflow.config.load import parse_config
from fringeflow.config.tables import Event, Interferogram
from fringeflow.errors import ClusterError, ConfigError, ProductError
from fringeflow.insar.prepare import prepare_event
from fringeflow.insar.prepared import open_interferogram
from fringeflow.insar.spectrum import spectrogram_event
from fringeflow.insar.tiles import tile_event
from fringeflow.plan import Plan
from tests.unit.toy_cluster import Mortal, crew_of, files_of
from tests.unit.toy_raw import FRAME, products_of, smooth_phase, write_raw

QUAKE = Event(
    event="quake",
    time="2021-03-03T10:16:08",
    latitude=39.9,
    longitude=22.06,
    depth_km=4,
    magnitude=5.6,
    strike_deg=314,
    dip_deg=36,
    rake_deg=-88,
)
PAIRS = [
    Interferogram(event="quake", frame=frame, pair=f"20210218_202103{day}")
    for frame, day in ((FRAME, 15), (FRAME, 21), ("080D_05000_131313", 27), (FRAME, 27))
]
SETTINGS = Spectrogram(window=16, hop=16, bins=16, max_wavenumber=0.25)


@pytest.fixture(scope="module")
def raw(tmp_path_factory) -> Path:
    """Four interferograms on two frames: one to unwrap, one south up, one with a hole; more rows than a chunk has."""
    folder = tmp_path_factory.mktemp("raw")
    kinds = [(), ("diff_pha", "cc"), ("unw",), ()]
    for number, (pair, names) in enumerate(zip(PAIRS, kinds, strict=True)):
        phase = smooth_phase(560, 96, 1.0 + number)
        phase[: 40 * number, :50] = float("nan")
        write_raw(folder, pair.pair, products_of(phase, *names), frame=pair.frame, **({"cc": {"south_up": True}} if number == 3 else {}))
    return folder


def make(raw: Path, out: Path, crew=None, size: int = 32) -> dict[str, bytes]:
    """Run the three stages; tiles of 32 pixels make shards of 1,024, of 64 pixels of 1,024 // 4."""
    prepare_event(QUAKE, PAIRS, raw, Prepare(), out / "interferograms.zarr", crew=crew)
    paths = {"index": out / "tiles.parquet", "wrapped": out / "wrapped.zarr", "unwrapped": out / "unwrapped.zarr"}
    tile_event(QUAKE, PAIRS, out / "interferograms.zarr", Tiling(size=size, stride=8), None, **paths, crew=crew)
    spectrogram_event(paths["wrapped"], SETTINGS, out / "spectrogram.zarr", crew=crew)
    return files_of(out)


@pytest.fixture(scope="module")
def alone(raw, tmp_path_factory) -> dict[str, bytes]:
    """What threads of this process make."""
    return make(raw, tmp_path_factory.mktemp("alone"))


def test_processes_make_the_bytes_that_threads_make(raw, alone, client, tmp_path):
    assert sum(name.startswith("wrapped.zarr/samples/c/") for name in alone) > 2, "shards"
    assert make(raw, tmp_path, crew_of(client)) == alone


def test_a_worker_that_dies_in_the_middle_of_a_file_changes_nothing(raw, alone, client, tmp_path):
    marks = tmp_path / "marks"
    marks.mkdir()
    assert make(raw, tmp_path / "out", Mortal(crew_of(client), marks)) == alone
    assert len(list(marks.iterdir())) == 5, "prepare, label, both phases and spectrogram lost a worker each"


def test_errors_of_the_data_come_back_as_they_are_and_leave_nothing(raw, client, tmp_path):
    more = [*PAIRS, Interferogram(event="quake", frame=FRAME, pair="20220101_20220113")]
    with pytest.raises(ProductError, match=r"20220101_20220113/manifest\.json: cannot be read as a manifest"):
        prepare_event(QUAKE, more, raw, Prepare(), tmp_path / "interferograms.zarr", crew=crew_of(client))
    assert not list(tmp_path.iterdir())


def test_a_piece_that_kills_every_worker_is_told(client, tmp_path):
    with pytest.raises(ClusterError, match=r"draw: a pair lost its worker 4 times.*raise dask\.memory_gb or dask\.walltime_min"):
        crew_of(client, wait_s=600).each(os._exit, [(1,)], desc="draw", unit="pair")


def test_workers_that_do_not_come_are_told_in_time(tmp_path, monkeypatch):
    from distributed import Client, LocalCluster

    monkeypatch.setattr(cluster, "PEEK_S", 0.1)
    asked = []
    with LocalCluster(n_workers=0, processes=True, dashboard_address=None) as nodes, Client(nodes, set_as_default=False) as idle:
        crew = cluster.Nodes(idle, wait_s=0.5, renew=lambda: asked.append(1), explain=lambda: "The queue is long")
        begin = time.monotonic()
        with pytest.raises(ClusterError, match=r"label: no worker in 0\.00833 minutes\. The queue is long"):
            crew.each(abs, [(1,)], desc="label", unit="pair")
    assert 0.5 <= time.monotonic() - begin < 5
    assert len(asked) > 1, "workers are asked for again and again"


def test_rows_are_read_alone(raw, tmp_path):
    prepare_event(QUAKE, PAIRS[:1], raw, Prepare(), tmp_path / "i.zarr")
    data = open_interferogram(tmp_path / "i.zarr", PAIRS[0].key)
    whole = data.read("unwrapped")
    for rows in (slice(0, 560), slice(3, 9), slice(500, 530), slice(512, 560), slice(0, 512)):
        assert data.read("unwrapped", rows).tobytes() == whole[rows].tobytes()


def commands(folder: Path, **texts: str) -> None:
    for name, text in texts.items():
        path = folder / name
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)


@pytest.fixture
def bare(tmp_path, monkeypatch) -> Path:
    """An empty folder to work in, with commands of its own and no others but the system's."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.chdir(tmp_path)
    return folder


def start(**settings) -> None:
    with hire(Dask(cluster="slurm", **settings), size=1, least=1, name="prepare-quake"):
        pass


def test_a_machine_without_slurm_is_named(bare):
    with pytest.raises(ClusterError, match=rf"no command 'sbatch' on {os.uname().nodename}.*dask\.cluster to local"):
        start()


def test_an_unknown_interface_is_refused_with_those_there_are(bare):
    commands(bare, sbatch="", squeue="", scancel="")
    with pytest.raises(ClusterError, match=r"no network interface 'ib7', it has .*\blo\b"):
        start(interface="ib7")


def test_what_slurm_refuses_is_told_in_its_words(bare):
    commands(bare, sbatch="echo 'sbatch: error: invalid partition specified: nope' >&2; exit 1", squeue="", scancel="")
    with pytest.raises(ClusterError, match=r"(?s)invalid partition specified: nope.*#SBATCH -p nope.*#SBATCH --qos=short"):
        start(partition="nope", sbatch=["--qos=short"], interface="lo")


def test_jobs_that_wait_are_shown(bare):
    commands(bare, squeue="echo 'JOBID STATE NODELIST(REASON)'; echo '17 PENDING (QOSMaxJobsPerUserLimit)'")
    logs = bare.parent / "logs/dask"
    logs.mkdir(parents=True)
    (logs / "prepare-quake-17.err").write_text("No module named distributed\n")
    shown = cluster._what_squeue_shows("prepare-quake")
    assert "17 PENDING (QOSMaxJobsPerUserLimit)" in shown
    assert "prepare-quake-17.err:\nNo module named distributed" in shown


@pytest.mark.parametrize("settings", [{"cluster": "local"}, {"cluster": "slurm"}])
def test_small_events_and_local_ones_need_no_cluster(settings):
    """No import either: distributed takes as long as tiling a small event."""
    code = (
        "import sys\nfrom fringeflow.cluster import hire\nfrom fringeflow.config.cluster import Dask\n"
        "import fringeflow.insar.prepare, fringeflow.insar.tiles, fringeflow.insar.spectrum\n"
        f"with hire(Dask(**{settings}), size=19, least=20, name='x') as crew: assert crew is None\n"
        "assert not {'distributed', 'dask_jobqueue'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)})


def test_settings_are_checked(tmp_path):
    _, problems = parse_config({"dask": {"cluster": "pbs", "partition": "a b", "sbatch": ["--qos=a\n#SBATCH x", "qos"], "workers": 0}})
    assert [problem.split(": ")[1] for problem in problems] == [
        "dask.cluster",
        "dask.workers",
        "dask.partition",
        "dask.sbatch[0]",
        "dask.sbatch[1]",
    ]


def test_errors_of_the_configuration_survive_the_way_back_from_a_worker():
    error = pickle.loads(pickle.dumps(ConfigError(["a is wrong", "b as well"])))
    assert error.problems == ["a is wrong", "b as well"]
    assert str(error).startswith("2 problems")


def test_only_events_that_hire_count_as_crews_and_their_jobs_may_wait(root, monkeypatch):
    """A profile limits how many hire at the same time; with threads alone nothing is limited and nobody waits."""
    monkeypatch.chdir(root)
    tables = {"events": ["config/events.tsv"], "interferograms": ["config/interferograms.tsv"]}
    alone = Plan.load({"catalogue": tables})
    event, rows = next(iter(alone.tables.interferograms.items()))
    wildcards = SimpleNamespace(event=event)
    assert (alone.crews(wildcards), alone.crew_wait_min) == (0, 0)
    for least, expected in ((len(rows), 1), (len(rows) + 1, 0)):
        shared = Plan.load({"catalogue": tables, "dask": {"cluster": "slurm", "min_pairs": least, "wait_min": 45}})
        assert (shared.crews(wildcards), shared.crew_wait_min) == (expected, 45)


def test_spectrograms_count_as_a_crew_by_their_tiles_and_not_by_their_interferograms(root, tmp_path, monkeypatch):
    """A LiCSAR frame of 3,000 x 2,700 pixels has 22 x 20 tiles: 12 interferograms hire at 5,000 tiles, and prepare alone below 20."""
    monkeypatch.chdir(root)
    tables = {"events": ["config/events.tsv"], "interferograms": ["config/interferograms.tsv"]}
    alone, shared = (Plan.load({"catalogue": tables, "dask": {"cluster": name}}) for name in ("local", "slurm"))
    wildcards = SimpleNamespace(event=next(iter(alone.tables.events)), tiling="standard")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "results/raw").mkdir(parents=True)

    def fetched(count: int, **grid: int) -> Plan:
        text = json.dumps({"interferograms": [{"products": {}} | grid] * count})
        (tmp_path / f"results/raw/{wildcards.event}.json").write_text(text)
        return shared

    assert shared.spectrogram_crews(wildcards) == 1, "nobody knows yet"
    assert fetched(1).spectrogram_crews(wildcards) == 1, "a list of a version that told no rows and columns"
    assert [fetched(count, rows=3000, columns=2700).spectrogram_crews(wildcards) for count in (11, 12)] == [0, 1]
    assert fetched(5000, rows=3000, columns=255).spectrogram_crews(wildcards) == 0, "no tile fits"
    assert alone.spectrogram_crews(wildcards) == 0
