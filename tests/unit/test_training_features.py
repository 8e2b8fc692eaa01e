"""Features by number: what is taken is what lies there, and what is read does not pile up in memory."""

import subprocess
import sys

import numpy as np
import pytest

from fringeflow.training.features import Features


def stored(folder, count: int, shape: tuple[int, ...], start: float = 0.0) -> np.ndarray:
    path = folder / f"{start}.npy"
    np.save(path, (start + np.arange(count * np.prod(shape))).reshape(count, *shape).astype("f2"))
    return np.load(path, mmap_mode="r")


def test_samples_come_in_the_order_asked_for_from_whichever_array(tmp_path):
    arrays = [stored(tmp_path, 4, (2, 3)), stored(tmp_path, 5, (2, 3), start=500)]
    which, row = np.array([1, 0, 0, 1, 1]), np.array([4, 3, 3, 0, 4])
    features = Features(arrays, which, row)
    expected = np.stack([arrays[w][r] for w, r in zip(which, row, strict=True)]).astype("f4")
    assert features.shape == (2, 3) and len(features) == 5
    np.testing.assert_array_equal(features.all(), expected)
    np.testing.assert_array_equal(np.concatenate(list(features.blocks())), expected)
    chosen = np.array([3, 3, 0])
    np.testing.assert_array_equal(features.take(chosen), expected[chosen])
    np.testing.assert_array_equal(features.select(chosen).select(np.array([2, 0])).all(), expected[[0, 3]])
    assert features.all().dtype == np.float32


def test_joined_features_keep_their_order_and_must_have_one_shape(tmp_path):
    one, two = (
        Features.of(np.arange(6.0).reshape(3, 2)),
        Features([stored(tmp_path, 3, (2,), start=50)], np.zeros(2, int), np.array([2, 0])),
    )
    both = Features.join([one, two, one])
    np.testing.assert_array_equal(both.all(), np.concatenate([one.all(), two.all(), one.all()]))
    with pytest.raises(ValueError, match=r"different shapes.*\(2,\).*\(3,\)"):
        Features.join([one, Features.of(np.zeros((1, 3)))])


def test_reading_everything_keeps_no_more_than_a_block(tmp_path):
    """A process of its own reads 400 MB of a file block by block; what it read must not count as its memory."""
    np.lib.format.open_memmap(tmp_path / "big.npy", "w+", np.float16, (2000, 100_000)).flush()
    code = f"""
import numpy as np, resource
from fringeflow.training.features import Features
array = np.load({str(tmp_path / "big.npy")!r}, mmap_mode="r")
features = Features([array], np.zeros(2000, int), np.arange(2000))
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
total = sum(float(block.sum()) for block in features.blocks())
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""
    environment = {"PYTHONPATH": ":".join(sys.path)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert int(done.stdout) < 250_000, "in kB; a block is 64 MB of float32, 32 MB of the file, and temporaries"
