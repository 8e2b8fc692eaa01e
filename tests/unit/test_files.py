"""Nothing half-written stands under a final name."""

import os
import signal
import subprocess
import sys
import time

import pytest

from fringeflow.files import atomic, canonical_json, write_json
from fringeflow.provenance import SCRIPTS


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
    code = f"""
import time
from fringeflow.files import atomic
with atomic({str(path)!r}) as part:
    part.write_text("half")
    print("writing", flush=True)
    time.sleep(60)
"""
    process = subprocess.Popen([sys.executable, "-c", code], cwd=SCRIPTS, stdout=subprocess.PIPE)
    assert process.stdout.readline()
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not path.exists()
    with atomic(path) as part:
        part.write_text("whole")
    assert path.read_text() == "whole"
    assert os.listdir(tmp_path) == ["result.txt"]


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


def test_equal_values_give_equal_text_and_bytes(tmp_path):
    assert canonical_json({"a": 1, "b": {"d": 1, "c": 2}}) == canonical_json({"b": {"c": 2, "d": 1}, "a": 1})
    write_json(tmp_path / "a", {"x": 1, "y": [1, 2]})
    time.sleep(0.01)
    write_json(tmp_path / "b", {"y": [1, 2], "x": 1})
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
