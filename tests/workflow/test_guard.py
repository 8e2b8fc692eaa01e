"""Results that are damaged behind Snakemake's back are made again, and one workflow at a time works in a folder."""

import os
import re
import shlex
import shutil
import signal
import socket
import time
from contextlib import suppress

import psutil
import pytest

from tests.workflow.mini import MADE_BY, Mini, cut, flip, loop


def test_a_finished_run_has_nothing_to_do_and_nothing_to_say(mini):
    said = mini.run()
    assert "Nothing to be done" in said
    assert "results/" not in said


@pytest.mark.parametrize("damage", [flip, cut, os.unlink], ids=["flipped", "cut", "deleted"])
def test_a_plain_rerun_heals_every_file(mini, damage):
    """All at once: each is named, and the results are those of an undisturbed run."""
    before = mini.results()
    for name in MADE_BY:
        damage(mini.folder / name)
    told = mini.run("-n")
    assert all(name in told for name in MADE_BY)
    assert mini.results() != before, "a dry-run touches nothing"
    said = mini.run()
    assert all(name in said for name in MADE_BY)
    assert mini.results() == before
    assert "Nothing to be done" in mini.run()


@pytest.mark.parametrize("name", ["results/runs/r1/model/seed0.bin", "results/events/e1/wrapped.zarr/samples/c/1"])
@pytest.mark.parametrize("damage", [flip, loop], ids=["flipped", "looping"])
def test_what_no_rule_declares_is_healed_alone(mini, name, damage):
    before, trained = mini.results(), mini.text("trained")
    damage(mini.folder / name)
    mini.run()
    assert mini.results() == before
    assert (mini.text("trained") == trained) == (MADE_BY[name] == "store"), "a store that came out the same trains nothing"


def test_a_file_that_was_put_into_a_store_is_found(mini):
    before = mini.results()
    (mini.folder / "results/events/e1/wrapped.zarr/samples/c/9").write_bytes(b"stray")
    assert "c/9: a file that does not belong" in mini.run()
    assert mini.results() == before


def test_a_touched_or_copied_result_is_looked_at_and_kept(mini):
    for name in MADE_BY:
        os.utime(mini.folder / name)
    assert "Nothing to be done" in mini.run()


def test_intermediate_data_that_was_removed_with_its_folder_stays_away_until_it_is_needed(mini):
    shutil.rmtree(mini.folder / "results/events")
    assert "Nothing to be done" in mini.run()
    (mini.folder / "labels.txt").write_text("b\n")
    mini.run()
    assert (mini.folder / "results/events/e1/wrapped.zarr/samples/c/1").exists()


FAILS, DIES = "raise SystemExit(1)", "import os; os.kill(os.getpid(), 9)"


@pytest.mark.parametrize(
    ("rule", "end", "name", "content", "removed"),
    [
        ("weights", DIES, "config.yaml", "size: 3000\ncode: c9\nseed: 7\n", False),
        ("weights", FAILS, "labels.txt", "b\n", False),
        ("store", FAILS, "config.yaml", "size: 4000\ncode: c2\nseed: 7\n", True),
    ],
    ids=["settings", "input", "settings of what was removed"],
)
def test_after_a_job_failed_a_plain_rerun_does_not_take_what_was_there_before_for_its_result(
    mini, tmp_path, rule, end, name, content, removed
):
    """It leaves what a run leaves in which nothing failed."""
    trained, script = mini.text("trained"), mini.text(f"{rule}.py")
    if removed:
        shutil.rmtree(mini.folder / "results/events")
    (mini.folder / name).write_text(content)
    shutil.copytree(mini.folder, tmp_path / "undisturbed")
    undisturbed = Mini(tmp_path / "undisturbed")
    undisturbed.run()
    (mini.folder / f"{rule}.py").write_text(f"{end}\n{script}")
    mini.run(fails=True)
    (mini.folder / f"{rule}.py").write_text(script)
    mini.run()
    assert mini.text("trained") == undisturbed.text("trained") != trained
    assert mini.results() == undisturbed.results()
    assert "Nothing to be done" in mini.run()


def test_damage_that_a_run_does_not_need_is_told_and_left(mini):
    flip(mini.folder / "results/table.tsv")
    damaged = mini.results()
    said = mini.run("--cores", "1", "results/runs/r1/run.json")
    assert "results/table.tsv" in said
    assert "does not need it" in said
    assert mini.results() == damaged


def waiting(mini: Mini, rule: str = "weights"):
    """Start a run in which a job, the training if nothing else is damaged, waits; return the run and the process of that job."""
    if rule == "weights":
        (mini.folder / "labels.txt").write_text(f"{time.time()}\n")
    (mini.folder / "wait").touch()
    process = mini.start()
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with suppress(psutil.Error):  # one that has just ended
            for child in psutil.Process(process.pid).children(recursive=True):
                if f".{rule}.py" in " ".join(child.cmdline()) and (mini.folder / "waits").exists():
                    return process, child
        time.sleep(0.05)
    raise AssertionError("no job came")


@pytest.mark.parametrize("kills", ["job", "all"])
def test_a_job_that_is_killed_while_it_heals_is_begun_again(mini, kills):
    """Its output is gone, all that follows is there: Snakemake alone would miss nothing."""
    before = mini.results()
    flip(mini.folder / "results/events/e1/wrapped.zarr/samples/c/1")
    run, job = waiting(mini, "store")
    assert not (mini.folder / "results/events/e1/wrapped.zarr/zarr.json").exists()
    job.kill()
    if kills == "all":
        run.kill()
    run.communicate(timeout=120)
    (mini.folder / "wait").unlink()
    mini.run()
    assert mini.results() == before


KILLS = """
import os
from pathlib import Path

def rename(self, to, first=Path.rename):
    first(self, to)
    os.kill(os.getppid(), 9)
    os.kill(os.getpid(), 9)

Path.rename = rename
"""
"""A job that kills its run and itself once the folder that was there has been moved away."""


def test_a_store_that_a_kill_caught_while_it_was_replaced_is_made_again(mini):
    """Between the two renames nothing stands under its name, as if somebody had removed it."""
    before, script = mini.results(), mini.text("store.py")
    flip(mini.folder / "results/events/e1/wrapped.zarr/samples/c/1")
    (mini.folder / "store.py").write_text(KILLS + script)
    run = mini.start()
    run.communicate(timeout=120)
    assert run.returncode == -signal.SIGKILL
    assert not (mini.folder / "results/events/e1/wrapped.zarr").exists()
    (mini.folder / "store.py").write_text(script)
    mini.run()
    assert mini.results() == before


def test_a_run_that_is_told_to_end_while_it_waits_for_a_file_ends_with_that_job(mini):
    """Twice, as from a terminal and a batch system at once: Snakemake alone sleeps for ever, or begins the next job."""
    marker = mini.text("results/events/e1/wrapped.zarr/zarr.json")
    (mini.folder / "store.py").write_text("")  # its output comes late, as on a shared file system
    process = mini.start("--cores", "1", "--forcerun", "store", "--latency-wait", "20")
    try:
        said = next(line for line in process.stdout if "Waiting at most 20 seconds for missing files" in line)
        for _ in range(2):
            process.terminate()
        path = mini.folder / "results/events/e1/wrapped.zarr/zarr.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(marker)
        said, _ = process.communicate(timeout=60)
    finally:
        process.kill()
    assert re.search(r"Finished jobid: \d+ \(Rule: store\)", said), said
    assert "Will exit after finishing currently running jobs" in said
    assert "weights" not in said


def test_a_second_workflow_is_refused_and_the_first_goes_on(mini):
    first, _ = waiting(mini)
    said = mini.run(fails=True)
    assert f"process {first.pid}" in said
    assert "runs a workflow in this folder" in said
    assert "Traceback" not in said
    assert "runs a workflow in this folder" in mini.run("-n")
    (mini.folder / "wait").unlink()
    said, _ = first.communicate(timeout=120)
    assert first.returncode == 0, said
    assert "Nothing to be done" in mini.run()


def test_without_locks_on_request_nobody_is_refused_and_nothing_is_looked_through(mini):
    first, _ = waiting(mini)
    said = mini.run("--cores", "1", "--nolock", "results/events/e1/wrapped.zarr/zarr.json")
    assert "results are not looked through" in said
    assert mini.text(".snakemake/fringeflow.lock").split()[1] == str(first.pid)
    (mini.folder / "wait").unlink()
    said, _ = first.communicate(timeout=120)
    assert first.returncode == 0, said


def test_a_run_led_from_another_machine_is_not_disturbed_until_it_is_unlocked(mini):
    """As on a file system where flock holds on one machine only. The second try is refused like the first one."""
    lock = mini.folder / ".snakemake/fringeflow.lock"
    lock.write_text("login7 4711 123")
    (mini.folder / ".snakemake/locks").mkdir(exist_ok=True)
    (mini.folder / ".snakemake/locks/0.output.lock").write_text("results/table.tsv\n")
    for _ in range(2):
        said = mini.run(fails=True)
        assert "4711 on login7" in said
        assert "snakemake --unlock" in said
    assert lock.read_text() == "login7 4711 123"
    mini.run("--unlock")
    assert "Nothing to be done" in mini.run()
    assert socket.gethostname() in lock.read_text()


def test_a_copy_without_times_is_read_once_though_there_is_nothing_to_do(mini):
    index = mini.folder / "results/provenance/index.json"
    before = index.read_text()
    for name in MADE_BY:
        os.utime(mini.folder / name)
    mini.run("-n")
    assert index.read_text() == before, "a dry-run writes nothing"
    assert "Nothing to be done" in mini.run()
    assert index.read_text() != before
    about = (mini.folder / "results/table.tsv").stat()
    flip(mini.folder / "results/table.tsv")
    os.utime(mini.folder / "results/table.tsv", ns=(about.st_atime_ns, about.st_mtime_ns))
    assert "results/table.tsv" not in mini.run("-n"), "same size and time as at the last look: not opened"


@pytest.mark.parametrize(("limit", "stands"), [((), None), (("--max-jobs-per-timespan", "7/2s"), 7)], ids=["default", "own"])
def test_only_snakemakes_own_limit_of_the_rate_is_taken_off(mini, limit, stands):
    with open(mini.folder / "Snakefile", "a") as handle:
        handle.write("\nonstart:\n    print('LIMIT', getattr(workflow.scheduling_settings.max_jobs_per_timespan, 'max_jobs', None))\n")
    assert f"LIMIT {stands}\n" in mini.run("--cores", "1", "--forcerun", "table", *limit)


LOCKLESS = """
import errno, fcntl

def flock(*_):
    raise OSError(errno.ENOSYS, "Function not implemented")

fcntl.flock = flock
"""
"""What every Python reads first, as if the file system were Lustre without `flock`."""


@pytest.mark.parametrize("locks", [True, False], ids=["locks", "lockless"])
def test_after_kill_9_a_rerun_works_and_no_job_is_left_over(mini, tmp_path, monkeypatch, locks):
    """Without locks nobody can tell Snakemake's own one, which stays, from one that is in use: `--unlock` comes first."""
    if not locks:
        (tmp_path / "sitecustomize.py").write_text(LOCKLESS)
        monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)
    before = mini.results()
    first, job = waiting(mini)
    os.kill(first.pid, signal.SIGKILL)
    first.wait()
    assert list((mini.folder / ".snakemake/locks").iterdir()), "Snakemake's own lock stays"
    job.wait(timeout=10)
    (mini.folder / "wait").unlink()
    (mini.folder / "labels.txt").write_text("a\n")
    if not locks:
        assert f"process {first.pid} on {socket.gethostname()} runs a workflow in this folder, or was killed" in mini.run(fails=True)
        mini.run("--unlock")
    mini.run()
    assert mini.results() == before


@pytest.mark.parametrize("more", [("--forcerun", "table"), ()], ids=["work", "nothing"])
def test_what_jobs_of_killed_runs_left_on_other_nodes_goes_when_a_run_has_done_its_work_or_had_none(mini, more):
    """Nobody writes to the same path again, as after the removal of an event. A run that holds no lock removes nothing."""
    part = mini.folder / "results/events/e9/.part-0a1b2c.4711-wrapped.zarr"
    (part / "samples").mkdir(parents=True)
    os.utime(part, (0, 0))
    before = mini.results()
    for options, stays in (("-n",), True), (("--cores", "1", "--nolock"), True), (("--cores", "1"), False):
        said = mini.run(*options, *more)
        assert part.exists() == stays
        assert ("Nothing to be done" in said) == (not more)
    assert mini.results() == before


NESTED = shlex.split(
    "--mode subprocess --target-jobs store: --allowed-rules store --force --target-files-omit-workdir-adjustment "
    "--nolock --ignore-incomplete --no-hooks --cores 1"
)
"""What a job on a node calls for its rule."""


@pytest.mark.parametrize("later", ["before", "meanwhile"])
def test_a_job_on_a_node_whose_run_has_ended_removes_nothing(mini, later):
    """Snakemake there removes outputs before a job begins and after it failed: by then they are the later run's."""
    before, lock = mini.results(), mini.folder / ".snakemake/fringeflow.lock"
    lock.write_text("login2 4711 123" if later == "before" else "login1 17 5")
    (mini.folder / "wait").touch()
    job = mini.start(*NESTED, env=os.environ | {"FRINGEFLOW_RUN": "login1 17 5"})
    if later == "meanwhile":
        while not (mini.folder / "waits").exists():
            assert job.poll() is None, job.communicate()
            time.sleep(0.05)
        (mini.folder / "results/events/e1/wrapped.zarr/zarr.json").write_bytes(before["events/e1/wrapped.zarr/zarr.json"])
        lock.write_text("login2 4711 123")
    (mini.folder / "wait").unlink()
    said, _ = job.communicate(timeout=120)
    assert job.returncode and "17 on login1) has ended, so its results are not wanted" in said, said
    assert mini.results() == before
