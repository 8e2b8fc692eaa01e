"""The embedded default as it stands, through SLURM and without it: `make test-slurm SLURM=default` (about half an hour)."""

import os
import shutil
import time

import pytest

from tests.slurm.conftest import CALLED, Cluster, SlurmWorkspace

MOSTLY_LATER = 20
"""Jobs that are submitted at least, beside one an earthquake: runs, embeddings, statistics, galleries."""


@pytest.mark.skipif(os.environ.get(CALLED) != "default", reason="the whole default twice takes half an hour: make test-slurm SLURM=default")
def test_the_embedded_default_gives_the_same_bytes_through_slurm(cluster: Cluster, fresh, root):
    local, through = (SlurmWorkspace(fresh(name).folder) for name in ("default_local", "default_slurm"))
    for workspace in (local, through):
        for table in ("events", "interferograms"):
            shutil.copy2(root / f"config/{table}.tsv", workspace.folder / f"config/{table}.tsv")
        (workspace.folder / "config/tiny.yaml").write_text("{}\n")
    through.is_here()
    seconds = {}
    begin = time.monotonic()
    local.snakemake("--cores", "2", timeout=7200)
    seconds["local"] = time.monotonic() - begin
    before, begin = cluster.last(), time.monotonic()
    through.succeed(through.submit(), 7200)
    seconds["SLURM"] = time.monotonic() - begin
    jobs = cluster.jobs(before)
    print(f"\n{len(jobs)} jobs submitted; " + ", ".join(f"{name}: {value:.0f} s" for name, value in seconds.items()))
    assert {job["JobState"] for job in jobs} == {"COMPLETED"}
    assert {job["NodeList"] for job in jobs} == {"n1", "n2", "n3"}
    assert len(jobs) >= len(through.rows("events")) + MOSTLY_LATER
    ours, theirs = through.digests(), local.digests()
    assert ours.keys() == theirs.keys()
    assert [name for name in theirs if ours[name] != theirs[name]] == []
