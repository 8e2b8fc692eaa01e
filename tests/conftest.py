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
