"""What every test may use."""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
KERAS_PROCESS = "FRINGEFLOW_KERAS_PROCESS"
"""Set in the process of `keras_process`: TensorFlow cannot share one with PyTorch, which other tests import."""
collect_ignore = [] if os.environ.get(KERAS_PROCESS) else ["keras_process"]


@pytest.fixture(scope="session")
def root() -> Path:
    """The checkout."""
    return ROOT


@pytest.fixture(scope="session")
def real_archive() -> Path:
    """A mirror of real interferograms; tests that need it are skipped, saying so, where it is absent."""
    folder = Path(os.environ.get("FRINGEFLOW_REAL", ROOT.parent / "shared" / "real"))
    if not (folder / "LiCSAR_products").is_dir():
        pytest.skip(f"no real interferograms in {folder}; set FRINGEFLOW_REAL to a folder that holds LiCSAR_products")
    return folder / "LiCSAR_products"


@pytest.fixture(scope="module")
def client():
    """A dask client of two processes with two threads each. `distributed` takes a second to import: only who asks for it waits."""
    from distributed import Client, LocalCluster

    with (
        LocalCluster(n_workers=2, threads_per_worker=2, processes=True, dashboard_address=None) as nodes,
        Client(nodes, set_as_default=False) as client,
    ):
        yield client
