"""Ctrl-C at the worst moment: while Snakemake waits for the queue's answer."""

import os
import shutil

from tests.slurm.conftest import HERE, Cluster, interrupt, until

SLOW = """#!/bin/sh
touch {folder}/looking
sleep 20
exec {squeue} "$@"
"""


def test_ctrl_c_cancels_every_job_though_the_queue_is_being_asked_about_them(cluster: Cluster, lay, tmp_path):
    workspace = lay("cancel")
    (tmp_path / "squeue").write_text(SLOW.format(folder=tmp_path, squeue=shutil.which("squeue")))
    (tmp_path / "squeue").chmod(0o755)
    path = [str(HERE / "ballast"), str(workspace.folder / "workflow/scripts")]
    workspace.environ = {
        "FRINGEFLOW_TROUBLE": str(tmp_path),
        "PYTHONPATH": os.pathsep.join(path),
        "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}",
    }
    before = cluster.last()
    process = workspace.submit(*workspace.tiles()[:2])
    until(lambda: process.poll() is not None or len(list(tmp_path.glob("*.here"))) == 2, "both jobs stand in `prepare`")
    assert process.poll() is None, workspace.said[-4000:]
    (tmp_path / "looking").unlink(missing_ok=True)
    until((tmp_path / "looking").exists, "the queue is asked")
    interrupt(process)
    until(lambda: {job["JobState"] for job in cluster.jobs(before)} == {"CANCELLED"}, "cancelled jobs have ended", 60)
    assert len(cluster.jobs(before)) == 2
    assert process.returncode != 0
