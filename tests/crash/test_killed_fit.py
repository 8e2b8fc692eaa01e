"""`kill -9` of a process that fits a network: it goes on from its last state, to the same weights."""

import random
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from tests.crash.fit_one import MODELS

KILLS = 2


def start(framework: str, checkpoint: Path, weights: Path, root: Path) -> subprocess.Popen:
    words = [sys.executable, "-m", "tests.crash.fit_one", framework, str(checkpoint), str(weights)]
    paths = f"{root}:{root / 'workflow/scripts'}"
    return subprocess.Popen(words, cwd=root, env={"PYTHONPATH": paths, "PATH": "/usr/bin:/bin", "TF_CPP_MIN_LOG_LEVEL": "2"})


@pytest.mark.parametrize("framework", sorted(MODELS))
def test_a_fit_killed_at_any_moment_ends_with_the_same_weights(framework, root, tmp_path):
    rng = random.Random(framework)
    assert start(framework, tmp_path / "undisturbed/state.npz", tmp_path / "undisturbed.npz", root).wait() == 0
    state, killed = tmp_path / "killed/state.npz", 0
    while killed < KILLS:
        before = state.stat().st_mtime_ns if state.exists() else 0
        process = start(framework, state, tmp_path / "killed.npz", root)
        while process.poll() is None and (not state.exists() or state.stat().st_mtime_ns == before):
            time.sleep(0.005)  # until it has kept a state of its own
        time.sleep(rng.uniform(0, 0.3))
        process.kill()
        assert process.wait() == -9, "the fit is long enough to be killed"
        killed += 1
        with np.load(state) as kept:
            assert kept["about"].size, "a kill leaves the last whole state"
    assert not (tmp_path / "killed.npz").exists()
    assert start(framework, state, tmp_path / "killed.npz", root).wait() == 0
    with np.load(tmp_path / "undisturbed.npz") as expected, np.load(tmp_path / "killed.npz") as found:
        assert sorted(found.files) == sorted(expected.files)
        for name in expected.files:
            np.testing.assert_array_equal(found[name], expected[name], err_msg=name)
