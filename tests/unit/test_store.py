"""The sample store keeps what it is given, whatever the blocks, and says when something is missing."""

import json
import shutil
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from fringeflow.errors import DatasetError
from fringeflow.store import content_digest, open_samples, write_samples


def phases(count: int, side: int = 24, seed: int = 0) -> np.ndarray:
    samples = np.random.default_rng(seed).uniform(-np.pi, np.pi, (count, side, side)).astype("f4")
    samples[:, :3] = np.nan
    return samples


def write(path: Path, samples: np.ndarray, sizes: list[int] | None = None, **attrs: object) -> str:
    edges = np.cumsum([0, *(sizes or [len(samples)])])
    blocks = (samples[a:b] for a, b in pairwise(edges))
    return write_samples(path, blocks, count=len(samples), shape=samples.shape[1:], attrs=attrs, units="rad")


def test_what_is_written_is_read_back(tmp_path):
    samples = phases(70, 256)[:70]
    digest = write(tmp_path / "a.zarr", samples, [1, 0, 63, 6], view="wrapped")
    store = open_samples(tmp_path / "a.zarr")
    assert (store.count, store.shape, store.digest) == (70, (256, 256), digest)
    assert store.attrs["view"] == "wrapped"
    assert store.attrs["units"] == "rad"
    np.testing.assert_array_equal(store.read(slice(None)), samples)
    np.testing.assert_array_equal(store.read(slice(60, 67)), samples[60:67])
    for rows in ([69, 0, 0, 33], [5], [], [3, 4, 5]):
        np.testing.assert_array_equal(store.read(np.array(rows, dtype=int)), samples[rows])
    assert store.read(slice(0, 2)).dtype == np.float32


def test_shards_hold_many_samples_and_xarray_reads_them(tmp_path):
    samples = phases(130, 256)
    write(tmp_path / "a.zarr", samples)
    assert sum(path.is_file() for path in (tmp_path / "a.zarr/samples/c").rglob("*")) == 3
    with xr.open_zarr(tmp_path / "a.zarr", consolidated=False) as data:
        assert data.samples.dims == ("sample", "y", "x")
        np.testing.assert_array_equal(data.samples[128].values, samples[128])


@settings(max_examples=15, deadline=None)
@given(st.lists(st.integers(0, 9), min_size=1, max_size=8), st.integers(0, 3))
def test_digest_does_not_depend_on_the_blocks(tmp_path_factory, sizes, seed):
    count = sum(sizes)
    if count == 0:
        return
    samples = phases(count, 16, seed)
    path = tmp_path_factory.mktemp("store") / "a.zarr"
    assert write(path, samples, sizes) == content_digest(samples)
    np.testing.assert_array_equal(open_samples(path).read(slice(None)), samples)


def test_digest_follows_the_content_alone(tmp_path):
    samples = phases(5)
    digest = content_digest(samples)
    other_nan = samples.copy()
    other_nan.view("u4")[np.isnan(other_nan)] = 0xFFC00001
    assert content_digest(other_nan) == digest
    assert write(tmp_path / "a.zarr", other_nan, view="x") == digest
    changed = samples.copy()
    changed[4, 20, 20] = np.nextafter(changed[4, 20, 20], 9)
    assert content_digest(changed) != digest
    assert content_digest(samples[::-1]) != digest
    assert content_digest(samples.reshape(5, 12, 48)) != digest


def test_other_number_types_are_converted(tmp_path):
    write_samples(tmp_path / "a", [np.arange(8.0).reshape(2, 2, 2)], count=2, shape=(2, 2), attrs={}, units="rad")
    np.testing.assert_array_equal(open_samples(tmp_path / "a").read(slice(None)), np.arange(8, dtype="f4").reshape(2, 2, 2))


def test_root_metadata_is_small_and_the_same_for_the_same_content(tmp_path):
    for name, order in (("a", 1), ("b", -1)):
        write(tmp_path / name, phases(9), **dict([("event", "e"), ("view", "wrapped")][::order]))
    first, second = ((tmp_path / name / "zarr.json").read_bytes() for name in "ab")
    assert first == second
    assert len(first) < 10_000
    assert json.loads(first)["zarr_format"] == 3


def test_replacing_leaves_no_sample_of_the_old(tmp_path):
    write(tmp_path / "a.zarr", phases(200, 256))
    write(tmp_path / "a.zarr", phases(3, 256, seed=1))
    assert open_samples(tmp_path / "a.zarr").count == 3
    assert [path.name for path in tmp_path.iterdir()] == ["a.zarr"]


@pytest.mark.parametrize("announced", [4, 6])
def test_wrong_count_leaves_nothing(tmp_path, announced):
    samples = phases(5)
    with pytest.raises(DatasetError, match=f"{announced}"):
        write_samples(tmp_path / "a.zarr", [samples], count=announced, shape=(24, 24), attrs={}, units="rad")
    assert not list(tmp_path.iterdir())


def test_an_error_of_the_source_leaves_what_was_there(tmp_path):
    write(tmp_path / "a.zarr", phases(5))

    def broken():
        yield phases(3)
        raise OSError("disk gone")

    with pytest.raises(OSError, match="disk gone"):
        write_samples(tmp_path / "a.zarr", broken(), count=5, shape=(24, 24), attrs={}, units="rad")
    assert open_samples(tmp_path / "a.zarr").count == 5
    assert [path.name for path in tmp_path.iterdir()] == ["a.zarr"]


def test_wrong_shape_names_both(tmp_path):
    with pytest.raises(DatasetError, match=r"\(5, 24, 24\).*25, 24"):
        write_samples(tmp_path / "a.zarr", [phases(5)], count=5, shape=(25, 24), attrs={}, units="rad")


def test_no_sample_is_refused(tmp_path):
    with pytest.raises(DatasetError, match="at least one sample"):
        write_samples(tmp_path / "a.zarr", [], count=0, shape=(24, 24), attrs={}, units="rad")


def test_missing_and_damaged_stores_are_named(tmp_path):
    with pytest.raises(DatasetError, match=r"a\.zarr: expected a sample store, found nothing"):
        open_samples(tmp_path / "a.zarr")
    (tmp_path / "a.zarr").mkdir()
    with pytest.raises(DatasetError, match=r"no zarr\.json"):
        open_samples(tmp_path / "a.zarr")
    (tmp_path / "a.zarr/zarr.json").write_text("{}")
    with pytest.raises(DatasetError, match="not a sample store"):
        open_samples(tmp_path / "a.zarr")
    write(tmp_path / "a.zarr", phases(70, 256))
    shutil.rmtree(tmp_path / "a.zarr/samples/c/1")
    with pytest.raises(DatasetError, match="1 of 2 shards are missing"):
        open_samples(tmp_path / "a.zarr")


def test_rows_outside_are_refused(tmp_path):
    write(tmp_path / "a.zarr", phases(5))
    store = open_samples(tmp_path / "a.zarr")
    for rows in ([0, 5], [-1]):
        with pytest.raises(DatasetError, match="holds rows 0 to 4"):
            store.read(np.array(rows))


@pytest.mark.parametrize(("where", "found"), [(-10, "its index is damaged"), (16, "decompression")])
def test_a_damaged_shard_is_named_and_never_read_as_samples(tmp_path, where, found):
    """The index has a checksum; in a chunk Blosc's header no longer fits what follows."""
    write(tmp_path / "a.zarr", phases(5))
    shard = next(path for path in (tmp_path / "a.zarr/samples/c").rglob("*") if path.is_file())
    content = bytearray(shard.read_bytes())
    content[where : where + 8] = bytes(byte ^ 0xFF for byte in content[where : where + 8])
    shard.write_bytes(content)
    with pytest.raises(DatasetError, match=rf"samples 0 to \d+ are damaged \(.*{found}"):
        open_samples(tmp_path / "a.zarr").read(slice(0, 5))
