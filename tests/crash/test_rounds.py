"""`kill -9` of the workflow and of each kind of job at random moments: nothing is lost, and nothing is half-written.

$FRINGEFLOW_CRASH_ROUNDS and $FRINGEFLOW_CRASH_SEED give other rounds: `make test-crash ROUNDS=500 SEED=7`.
"""

import os

import pytest

from tests.crash.contents import records
from tests.crash.damage import outputs_by_rule
from tests.crash.rounds import Rounds
from tests.crash.world import TARGETS

ROUNDS = int(os.environ.get("FRINGEFLOW_CRASH_ROUNDS", "50"))
SEED = int(os.environ.get("FRINGEFLOW_CRASH_SEED", "6"))


@pytest.mark.filterwarnings("ignore")
def test_after_any_number_of_kills_a_plain_rerun_gives_what_an_undisturbed_run_gives(begun, undisturbed):
    jobs = outputs_by_rule(undisturbed.workspace.folder / "results")
    assert len(jobs) > 35, "the workspace runs a job of every rule that needs no network"
    workspace = begun("rounds")
    rounds = Rounds(workspace, undisturbed.contents, set(jobs), SEED)
    for _ in range(ROUNDS):
        rounds.play()
    for _ in range(ROUNDS):
        if not rounds.kinds:
            break
        rounds.play(jobs_only=True)
    rounds.finish()
    print(rounds.told())
    assert not rounds.kinds, f"of some kinds no job was killed:\n{rounds.told()}"
    assert records(workspace.folder / "results") == undisturbed.records
    assert "Nothing to be done" in workspace.snakemake("-n", *TARGETS).stdout
