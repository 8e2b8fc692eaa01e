"""Where something is computed is not what: `dask` runs nothing again."""


def test_another_cluster_runs_nothing_again(copied):
    copied.configure(dask={"cluster": "slurm", "workers": 9, "partition": "short", "min_pairs": 1})
    assert copied.planned() == []


def test_small_events_are_made_without_any_cluster(copied):
    """There is no SLURM here, or none that has such a partition: asking it would fail."""
    copied.configure(dask={"cluster": "slurm", "partition": "none-of-that-name"}, tilings={"standard": {"min_valid": 0.6}})
    event = copied.rows("events")[0]["event"]
    targets = [f"results/events/{event}/standard/{name}" for name in ("tiles.parquet", "spectrogram.zarr/zarr.json")]
    assert {job.split()[0] for job in copied.planned(*targets)} == {"tile", "spectrogram"}
    copied.snakemake("--cores", "1", *targets)
    assert copied.planned(*targets) == []


def test_large_ones_fail_with_what_is_missing(copied):
    """As on a workstation that took a cluster's configuration."""
    copied.configure(dask={"cluster": "slurm", "min_pairs": 1, "interface": "ib7"}, tilings={"standard": {"min_valid": 0.6}})
    event = copied.rows("events")[0]["event"]
    done = copied.snakemake("--cores", "1", f"results/events/{event}/standard/tiles.parquet", check=False)
    assert done.returncode
    log = (copied.folder / f"logs/tile/{event}_standard.log").read_text()
    assert "no command 'sbatch'" in log or "no network interface 'ib7'" in log
    assert "Traceback" not in log
