"""Rounds of kill -9 on one workspace: each goes on where the last was killed; a finished run is compared, spoilt and gone on with."""

import random
import time
from dataclasses import dataclass, field

from tests.crash.contents import contents, digest, leftovers, named
from tests.crash.damage import FAULTS, outputs_by_rule, spoil
from tests.crash.killing import Running, kill
from tests.workflow.conftest import Workspace

LONGEST = 1.0
"""After the first job has begun, the workflow is killed within this time, in units of what it takes from the start to the first job."""
MOST = 0.4
"""After a job has begun, it is killed within this time, in the same units."""
QUIET = 1.5
"""A round that waits for a kind of job to kill is over this long after the last, in the same units."""
MOST_KILLS = 4
"""Jobs killed in one round."""
SPOILT = 6
"""Results that are spoilt once a run is complete, besides those of jobs that were not killed yet."""


@dataclass
class Rounds:
    """The rounds of one seed.

    Attributes
    ----------
    workspace : Workspace
    expected : dict of str
        Contents of an undisturbed run.
    kinds : set of str
        Rules of which no job was killed yet.
    story : list of str
        What happened, a line a round.
    completed : int
        How often the run was complete, and equal to the undisturbed one.
    """

    workspace: Workspace
    expected: dict[str, str]
    kinds: set[str]
    seed: int
    story: list[str] = field(default_factory=list)
    completed: int = 0
    _spoilt: set[str] = field(default_factory=set)
    _rounds: int = 0
    _pace: float = 2.0  # from the start of a run to its first job: two seconds on an idle machine
    _longer: float = 1.0  # doubled by a round in which no job was done: else a long one never would be

    def __post_init__(self):
        self._rng = random.Random(self.seed)
        self._results = self.workspace.folder / "results"

    def play(self, *, jobs_only: bool = False) -> None:
        """Play one round, and look at every file that stands under its final name."""
        how = "jobs" if jobs_only else self._rng.choice(["workflow", "everything", "jobs", "jobs"])
        run = Running(self.workspace, self.workspace.folder / "said.log")
        try:
            told = self._kill_jobs(run) if how == "jobs" else self._kill_run(run, how)
        finally:
            if how != "workflow":
                run.kill_all()
        self._rounds += 1
        done = run.said.read_text(errors="replace").count("Finished jobid")
        self._longer = max(1.0, self._longer / 2) if done else 2 * self._longer
        self.story.append(f"round {self._rounds}: {how}, {told}; {done} jobs done")
        if run.process.returncode == 0:
            self.compare()
            self.spoil()
        else:
            self.check_names()
        refused = "in this folder" in run.tail()
        assert not refused, f"a plain rerun was refused:\n{run.tail()}\n{self.told()}"

    def finish(self) -> None:
        """Run once more, undisturbed."""
        run = Running(self.workspace, self.workspace.folder / "said.log")
        status = run.wait()
        assert status == 0, f"a plain rerun failed:\n{run.tail()}\n{self.told()}"
        self.compare()

    def compare(self) -> None:
        """Hold all results against those of an undisturbed run."""
        found = contents(self._results)
        lost, more = sorted(self.expected.keys() - found.keys()), sorted(found.keys() - self.expected.keys())
        other = sorted(name for name in found.keys() & self.expected.keys() if found[name] != self.expected[name])
        assert not (lost or more or other), f"lost: {lost}\nnot expected: {more}\nother content: {other}\n{self.told()}"
        assert not leftovers(self._results), f"{leftovers(self._results)}\n{self.told()}"
        self.completed += 1
        self._spoilt.clear()

    def check_names(self) -> None:
        """Assert that whatever stands under a final name is whole, apart from what a test itself has spoilt."""
        for name, path in named(self._results):
            if name not in self._spoilt:
                try:
                    found = digest(path)
                except FileNotFoundError:
                    continue  # a job that lives on a moment longer has replaced it
                assert found == self.expected.get(name), f"{name} is half-written or of nobody:\n{self.told()}"

    def spoil(self) -> None:
        """Delete, truncate or flip some results; remove those of a job of every kind that was not killed yet."""
        jobs = outputs_by_rule(self._results)
        for rule in sorted(self.kinds):
            self._spoil("deleted", self._rng.choice(jobs[rule]))
        for name in self._rng.sample(sorted(self.expected), SPOILT):
            if (self._results / name).is_file():
                self._spoil(self._rng.choice(FAULTS), [name])

    def told(self) -> str:
        """Return what happened so far."""
        return "\n".join([f"seed {self.seed}, not killed yet: {sorted(self.kinds)}", *self.story])

    def _spoil(self, fault: str, names: list[str]) -> None:
        for name in names:
            if (self._results / name).is_file():
                spoil(self._results / name, fault, self._rng)
                self._spoilt.add(name)
        self.story.append(f"  {fault}: {', '.join(names)}")

    def _kill_run(self, run: Running, how: str) -> str:
        """Kill Snakemake alone, or with all its jobs: at any moment from its start on, or while a result is being written."""
        moment = self._rng.choice(["its start", "its first job", "its first job", "a part was begun"])
        before = set(leftovers(self._results))
        if moment != "its start":
            self._pace = run.wait_for_job() * self._longer
        longest = LONGEST * self._pace
        pause = self._rng.uniform(0, longest)
        if moment == "a part was begun":
            until, pause = time.monotonic() + longest, 0.0
            while not (run.ended or set(leftovers(self._results)) - before or time.monotonic() > until):
                time.sleep(0.002)
        time.sleep(pause)
        if run.ended:
            return f"had ended with {run.process.returncode}"
        jobs = sorted(run.jobs().values())
        if how == "workflow":
            run.kill_workflow()
        else:
            run.kill_all()
        return f"{pause:.2f} s after {moment}, with {jobs}"

    def _kill_jobs(self, run: Running) -> str:
        """Kill jobs of kinds that were not killed yet, or any once there are none, each at any moment; the run goes on until no more come."""
        killed: list[str] = []
        self._pace = run.wait_for_job() * self._longer
        until = time.monotonic() + QUIET * self._pace
        while not run.ended and len(killed) < MOST_KILLS and time.monotonic() < until:
            jobs = run.jobs()
            wanted = sorted(pid for pid, rule in jobs.items() if rule in self.kinds or not self.kinds)
            if not wanted:
                time.sleep(0.03)
                continue
            pid = self._rng.choice(wanted)
            time.sleep(self._rng.uniform(0, MOST * self._pace))
            if run.jobs().get(pid) == jobs[pid] and kill(pid):
                killed.append(jobs[pid])
                self.kinds.discard(jobs[pid])
                until = time.monotonic() + QUIET * self._pace
        return f"killed {killed}, ended with {run.process.returncode}" if run.ended else f"killed {killed}, then everything"
