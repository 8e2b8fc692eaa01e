"""`kill -9` of the workflow and of each kind of job at random moments: nothing is lost, and nothing is half-written.

$FRINGEFLOW_CRASH_ROUNDS and $FRINGEFLOW_CRASH_SEED give other rounds: `make test-crash ROUNDS=500 SEED=7`.
"""

import os

from tests.crash.contents import records
from tests.crash.damage import outputs_by_rule
from tests.crash.rounds import Rounds
from tests.crash.world import TARGETS

ROUNDS = int(os.environ.get("FRINGEFLOW_CRASH_ROUNDS", "50"))
SEED = int(os.environ.get("FRINGEFLOW_CRASH_SEED", "6"))


def test_after_any_number_of_kills_a_plain_rerun_gives_what_an_undisturbed_run_gives(begun, undisturbed):
    jobs = outputs_by_rule(undisturbed.workspace.folder / "results")
    assert len(jobs) > 35, "the workspace runs a job of every rule that needs no network"
    rounds = Rounds(begun, undisturbed.contents, set(jobs), SEED)
    for _ in range(ROUNDS):
        rounds.play()
    for _ in range(ROUNDS):
        if not rounds.kinds:
            break
        rounds.play(jobs_only=True)
    rounds.finish()
    print(rounds.told())
    assert not rounds.kinds, f"of some kinds no job was killed:\n{rounds.told()}"
    assert records(begun.folder / "results") == undisturbed.records
    begun.snakemake("--cores", "1", "verify")
    assert "Nothing to be done" in begun.snakemake("-n", *TARGETS).stdout
