"""A disk that is full at different stages: it is told in the system's words, and after making room a plain rerun finishes."""

import os
import subprocess

import pytest

from tests.crash.contents import contents, digest, leftovers, named
from tests.crash.killing import Running
from tests.workflow.mini import Mini

SHARES = (0.1, 0.6)
"""Of what all results take: the room that there is at first, and after making some."""


@pytest.fixture
def small_disk(tmp_path):
    """Give a function that mounts a disk of some bytes at a folder, or makes the one there larger."""
    if os.geteuid() != 0:
        pytest.skip("mounting a small disk (tmpfs) takes root")
    mounted = []

    def mount(folder, size: int) -> None:
        again = "remount," if folder in mounted else ""
        done = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"{again}size={size}", "tmpfs", str(folder)], capture_output=True, text=True, check=False
        )
        if done.returncode:
            pytest.skip(f"no small disk (tmpfs) can be mounted here: {done.stderr.strip()}")
        if not again:
            mounted.append(folder)

    yield mount
    for folder in mounted:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_a_full_disk_is_told_and_after_making_room_a_plain_rerun_finishes(begun, undisturbed, small_disk, tmp_path):
    used = sum(-(-path.stat().st_size // 4096) * 4096 for path in (undisturbed.workspace.folder / "results").rglob("*") if path.is_file())
    results = begun.folder / "results"
    results.mkdir()
    for share in SHARES:
        small_disk(results, int(used * share))
        run = Running(begun, tmp_path / "said.log")
        assert run.wait() == 1, f"everything fits into {share:.0%} of {used:,} bytes"
        assert "No space left on device" in (said := run.said.read_text()), said[-4000:]
        for name, path in named(results):
            assert digest(path) == undisturbed.contents.get(name), f"{name} is half-written with {share:.0%} of the room"
    small_disk(results, 4 * used)
    run = Running(begun, tmp_path / "said.log")
    assert run.wait() == 0, run.tail()
    assert contents(results) == undisturbed.contents
    assert not leftovers(results)


@pytest.mark.parametrize("pages", [1, 3, 6], ids=["own lock", "lock of Snakemake", "metadata"])
def test_a_full_disk_under_the_files_of_snakemake_is_told_and_after_making_room_a_plain_rerun_finishes(root, small_disk, tmp_path, pages):
    """Results lie elsewhere and have room. The log takes the first page, then come our lock, two of Snakemake's, and what it notes of jobs."""
    minis = []
    for name in ("disturbed", "undisturbed"):
        (tmp_path / name).mkdir()
        minis.append(Mini.lay(tmp_path / name, root))
    disturbed, undisturbed = minis
    (disturbed.folder / ".snakemake").mkdir()
    small_disk(disturbed.folder / ".snakemake", pages * 4096)
    assert "No space left on device" in disturbed.run(fails=True)
    small_disk(disturbed.folder / ".snakemake", 1 << 24)
    disturbed.run()
    undisturbed.run()
    assert disturbed.results() == undisturbed.results()
    assert "Nothing to be done" in disturbed.run()
