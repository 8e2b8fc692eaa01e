"""Two workflows started in one folder at the same moment: one runs, the other is refused and told why, and nothing is lost."""

import shutil
import time

from tests.crash.contents import contents, leftovers
from tests.crash.killing import Running
from tests.crash.world import TARGETS


def test_of_two_workflows_in_one_folder_one_runs_and_the_other_is_refused(undisturbed, tmp_path):
    workspace = undisturbed.workspace.copy(tmp_path / "shared")
    for folder in ("comparison", "learning_curves", "detections"):
        shutil.rmtree(workspace.folder / "results" / folder)
    (workspace.folder / "results/report.html").unlink()
    both = [Running(workspace, tmp_path / f"said{number}.log") for number in range(2)]
    while all(not run.ended for run in both):
        time.sleep(0.1)
    refused, winner = sorted(both, key=lambda run: not run.ended)
    assert refused.wait() == 1
    said = refused.said.read_text()
    assert f"process {winner.process.pid}" in said and "in this folder" in said and "Traceback" not in said, said
    late = Running(workspace, tmp_path / "late.log")
    assert late.wait() == 1 and f"process {winner.process.pid}" in late.said.read_text()
    assert workspace.snakemake("-n", *TARGETS, check=False).returncode == 0, "a dry-run disturbs nobody"
    assert winner.wait() == 0, winner.tail()
    assert contents(workspace.folder / "results") == undisturbed.contents
    assert not leftovers(workspace.folder / "results")
