"""The small workspace of the crash tests, and what an undisturbed run of it gives."""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.crash.contents import contents, records
from tests.crash.world import TARGETS, lay_out
from tests.workflow.conftest import Workspace, fresh, once  # noqa: F401  fixtures

MADE = {"results", "logs", ".snakemake"}


@dataclass(frozen=True)
class Undisturbed:
    """A run that nothing happened to; copy its workspace before changing anything."""

    workspace: Workspace
    contents: dict[str, str]
    records: list[str]


@pytest.fixture(scope="session")
def undisturbed(fresh, once) -> Undisturbed:  # noqa: F811
    """An undisturbed run. $FRINGEFLOW_UNDISTURBED names the workspace of one that is there already."""

    def make() -> Path:
        workspace = lay_out(fresh("undisturbed"))
        workspace.snakemake("--cores", "2", *TARGETS)
        return workspace.folder

    workspace = Workspace(Path(os.environ.get("FRINGEFLOW_UNDISTURBED") or once("undisturbed", make)))
    results = workspace.folder / "results"
    return Undisturbed(workspace, contents(results), records(results))


@pytest.fixture
def begun(undisturbed, tmp_path) -> Workspace:
    """The same workspace before its run: the same code even if somebody edits the checkout meanwhile."""
    folder = tmp_path / "begun"
    shutil.copytree(
        undisturbed.workspace.folder, folder, ignore=lambda path, names: MADE if path == str(undisturbed.workspace.folder) else ()
    )
    return Workspace(folder)
