"""Two jobs that work on the same do not meet: one that a killed run has left on another node, and one of the run that goes on."""

import os
import socket
from contextlib import ExitStack

import pytest

from fringeflow.crew import attempt, settle, workshop
from fringeflow.seismic.stores import _scratch
from tests.unit.toy_killed import kill_in


@pytest.fixture
def elsewhere(monkeypatch):
    """Enter a context as a job on another node does; it is left when the test says so."""
    with ExitStack() as stack:

        def enter(context):
            with monkeypatch.context() as patched:
                patched.setattr(socket, "gethostname", lambda: "node7")
                return stack.enter_context(context)

        enter.leave = stack.close
        yield enter


def test_a_job_left_on_another_node_and_one_of_now_work_in_folders_of_their_own(tmp_path, elsewhere):
    out = tmp_path / "events/e.json"
    old = elsewhere(workshop(out))
    with workshop(out) as new, attempt(new) as own:
        (own / "map.tif").write_text("half")
        with attempt(old) as other:
            (other / "map.tif").write_text("old")
        elsewhere.leave()
        (own / "map.tif").write_text("whole")
        settle(own / "map.tif", tmp_path / "map.tif")
    assert (tmp_path / "map.tif").read_text() == "whole"
    assert os.listdir(tmp_path / "events") == []


def test_a_killed_jobs_folder_goes_when_the_same_work_is_begun_again(tmp_path):
    out = tmp_path / "e.json"
    begun = f"from pathlib import Path\nfrom fringeflow.crew import attempt, workshop\nwith workshop(Path({str(out)!r})) as folder, attempt(folder) as own"
    kill_in(begun, '(own / "map.tif").write_text("half")')
    assert len(os.listdir(tmp_path)) == 1
    with workshop(out) as folder:
        assert os.listdir(tmp_path) == [folder.name]
    assert os.listdir(tmp_path) == []


def test_samples_that_wait_for_their_turn_are_not_overwritten_by_another_job(tmp_path, elsewhere):
    """A long recording's samples lie on disk until those before them are written; a job left over opens its file later."""
    out = tmp_path / "gather.zarr"
    old = elsewhere(_scratch(out, (2, 3, 3)))
    with _scratch(out, (2, 3, 3)) as new:
        new()[:] = 1
        old()[:] = 2
        assert (new() == 1).all()
        elsewhere.leave()
        assert (new() == 1).all() and len(os.listdir(tmp_path)) == 1
    assert os.listdir(tmp_path) == []
