"""The tests of Keras code, all in one process of their own: TensorFlow and PyTorch cannot share one."""

import os
import subprocess
import sys
from importlib.util import find_spec

import pytest


@pytest.mark.skipif(find_spec("keras") is None, reason="Keras is not installed; pip install '.[learning]'")
def test_keras_in_a_process_of_its_own(root):
    environment = {**os.environ, "FRINGEFLOW_KERAS_PROCESS": "1", "KERAS_BACKEND": "tensorflow", "TF_CPP_MIN_LOG_LEVEL": "2"}
    environment = {name: value for name, value in environment.items() if not name.startswith("PYTEST_")}
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-p", "no:xdist", "tests/keras_process"]
    found = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True)
    assert found.returncode == 0, f"{found.stdout}\n{found.stderr[-3000:]}"
