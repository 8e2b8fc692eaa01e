"""Nothing half-written stands under a final name."""

import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from fringeflow.files import atomic, canonical_json, is_cut_short, part_of, sweep, write_json
from fringeflow.provenance import SCRIPTS
from tests.unit.toy_killed import kill_in


def test_a_failed_write_leaves_what_was_there(tmp_path):
    path = tmp_path / "result.txt"
    path.write_text("old")
    with pytest.raises(RuntimeError), atomic(path) as part:
        part.write_text("half")
        raise RuntimeError
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["result.txt"]


def test_a_directory_replaces_the_old_one_whole(tmp_path):
    path = tmp_path / "store.zarr"
    path.mkdir()
    (path / "stale").write_text("x")
    with atomic(path) as part:
        part.mkdir()
        (part / "fresh").write_text("y")
    assert os.listdir(path) == ["fresh"]
    assert os.listdir(tmp_path) == ["store.zarr"]


def test_a_killed_write_is_cleaned_up_by_the_next(tmp_path):
    path = tmp_path / "result.txt"
    kill_in(f"from fringeflow.files import atomic\nwith atomic({str(path)!r}) as part", 'part.write_text("half")')
    assert not path.exists()
    with atomic(path) as part:
        part.write_text("whole")
    assert path.read_text() == "whole"
    assert os.listdir(tmp_path) == ["result.txt"]


RENAMED = """import os
from pathlib import Path
from fringeflow.files import atomic

def rename(self, to, first=Path.rename):
    first(self, to)
    os.kill(os.getpid(), 9)

Path.rename = rename
with atomic({path!r}) as part:
    part.mkdir()
"""
"""A writer that is killed once the folder that was there has been moved away."""


def test_a_folder_that_a_kill_left_moved_away_tells_so_until_the_new_one_stands(tmp_path):
    """Removed any earlier, a second kill would leave no trace that anything is to be made there."""
    path = tmp_path / "store.zarr"
    path.mkdir()
    assert subprocess.run([sys.executable, "-c", RENAMED.format(path=str(path))], cwd=SCRIPTS).returncode == -9
    assert is_cut_short(path)
    assert not is_cut_short(tmp_path / "other.zarr")
    kill_in(f"from fringeflow.files import atomic\nwith atomic({str(path)!r}) as part", "pass")
    assert is_cut_short(path)
    with atomic(path) as part:
        part.mkdir()
    assert not is_cut_short(path)
    with atomic(path) as part:
        part.mkdir()
    assert os.listdir(tmp_path) == ["store.zarr"]


def test_two_writers_of_one_path_do_not_meet(tmp_path):
    """Else the slower one's half would be renamed by the faster one."""
    path = tmp_path / "result.txt"
    code = f"""
from fringeflow.files import atomic
with atomic({str(path)!r}) as part:
    part.write_text("ha")
    print("writing", flush=True)
    input()
    part.write_text("half and half")
"""
    process = subprocess.Popen([sys.executable, "-c", code], cwd=SCRIPTS, stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True)
    assert process.stdout.readline()
    with atomic(path) as part:
        part.write_text("whole")
    assert path.read_text() == "whole"
    process.communicate("\n")
    assert process.returncode == 0
    assert path.read_text() == "half and half"
    assert os.listdir(tmp_path) == ["result.txt"]


@pytest.mark.parametrize("was_there", [True, False])
@pytest.mark.parametrize("at", [".part-", "store.zarr"], ids=["came", "went"])
def test_of_two_writers_of_one_folder_who_meet_at_the_end_one_comes_last(tmp_path, monkeypatch, at, was_there):
    """As when a job that was given up as lost still runs: the other's folder comes, or what was there is gone, between two steps."""
    path, met = tmp_path / "store.zarr", []
    if was_there:
        path.mkdir()

    def rename(self, to, first=Path.rename):
        if self.name.startswith(at) and not met:
            met.append(self)
            if path.exists():
                first(path, tmp_path / "away")
            if at == ".part-":
                path.mkdir()
                (path / "theirs").touch()
        first(self, to)

    monkeypatch.setattr(Path, "rename", rename)
    with atomic(path) as part:
        part.mkdir()
        (part / "mine").touch()
    assert len(met) == (was_there or at == ".part-")
    assert os.listdir(path) == ["mine"]
    assert {*os.listdir(tmp_path)} <= {"store.zarr", "away"}


def test_a_folder_that_cannot_be_put_in_place_leaves_no_part(tmp_path):
    with pytest.raises(FileNotFoundError), atomic(tmp_path / "away/store.zarr") as part:
        part.mkdir()
        (tmp_path / "away").rename(tmp_path / "moved")
    with pytest.raises(IsADirectoryError), atomic(tmp_path / "moved") as part:
        part.touch()
    assert os.listdir(tmp_path) == ["moved"]


def parts(root, monkeypatch, host, pid=None):
    """Leave a half-made file and a half-made store of a process below a folder; return their paths."""
    with monkeypatch.context() as patched:
        patched.setattr(socket, "gethostname", lambda: host)
        patched.setattr(os, "getpid", lambda: pid)
        made = [part_of(root / name) for name in ("runs/r/run.json", "events/e/new.zarr")]
    made[0].write_text("half")
    (made[1] / "c").mkdir(parents=True)
    (made[1] / "c/0").write_text("half")
    return made


def test_after_a_run_nothing_is_left_of_jobs_that_earlier_runs_had_on_other_nodes(tmp_path, monkeypatch):
    earlier = parts(tmp_path, monkeypatch, "node7", 1)
    began = time.time() - 60
    for path in earlier:
        os.utime(path, (began - 1, began - 1))
    own = parts(tmp_path, monkeypatch, "node8", 1)
    killed, alive = (parts(tmp_path, monkeypatch, socket.gethostname(), pid) for pid in (2**22 + 1, os.getppid()))
    kept = [tmp_path / name for name in ("runs/r/a.tif.part", "runs/r/.part-mine", "events/e/old.zarr/zarr.json")]
    kept[2].parent.mkdir()
    for path in kept:
        path.write_text("whole")
    outside = tmp_path.with_name(f"{tmp_path.name}-outside")
    outside.mkdir()
    theirs = parts(outside, monkeypatch, "node7", 1)
    for path in theirs:
        os.utime(path, (0, 0))
    (tmp_path / "linked").symlink_to(outside)
    sweep(tmp_path, began)
    assert not any(path.exists() for path in (*earlier, *killed))
    assert all(path.exists() for path in kept)
    assert all(path.exists() for path in theirs), "what lies behind a link is not this workflow's"
    assert all(path.exists() for path in (*own, *alive)), "a job lost with its node may put its part in place until the next run begins"
    sweep(tmp_path, time.time() + 1)
    assert not any(path.exists() for path in own)


def test_equal_values_give_equal_text_and_bytes(tmp_path):
    assert canonical_json({"a": 1, "b": {"d": 1, "c": 2}}) == canonical_json({"b": {"c": 2, "d": 1}, "a": 1})
    write_json(tmp_path / "a", {"x": 1, "y": [1, 2]})
    time.sleep(0.01)
    write_json(tmp_path / "b", {"y": [1, 2], "x": 1})
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
