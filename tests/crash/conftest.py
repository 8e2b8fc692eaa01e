"""The small workspace of the crash tests, and what an undisturbed run of it gives."""

import os
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.crash.contents import contents, records
from tests.crash.world import TARGETS, lay_out
from tests.workflow.conftest import Workspace, fresh  # noqa: F401  a fixture


@dataclass(frozen=True)
class Undisturbed:
    """A run that nothing happened to; copy its workspace before changing anything."""

    workspace: Workspace
    contents: dict[str, str]
    records: list[str]


@pytest.fixture(scope="session")
def begun(fresh):  # noqa: F811
    """Give a function that makes an empty workspace."""
    return lambda name: lay_out(fresh(name))


@pytest.fixture(scope="session")
def undisturbed(begun) -> Undisturbed:
    """An undisturbed run. $FRINGEFLOW_UNDISTURBED names the workspace of one that is there already."""
    if "FRINGEFLOW_UNDISTURBED" in os.environ:
        workspace = Workspace(Path(os.environ["FRINGEFLOW_UNDISTURBED"]))
    else:
        workspace = begun("undisturbed")
        workspace.snakemake("--cores", "2", *TARGETS)
    results = workspace.folder / "results"
    return Undisturbed(workspace, contents(results), records(results))
