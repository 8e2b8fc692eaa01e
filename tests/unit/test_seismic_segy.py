"""The short cut for plain SEG-Y reads what ObsPy reads, bit by bit, and leaves all else to it."""

import struct
from pathlib import Path

import numpy as np
import obspy
import pytest

from fringeflow.seismic.segy import read_uniform_segy
from fringeflow.simulate.gathers import write_segy
from tests.unit.toy_gathers import SMALL, write_collection

OBSPY = sorted((Path(obspy.__file__).parent / "io/segy/tests/data").glob("*.sgy*"))


def by_obspy(path: Path) -> obspy.Stream:
    return obspy.read(str(path), format="SEGY")


def same(path: Path) -> bool:
    recording = read_uniform_segy(path)
    if recording is None:
        return False
    stream = by_obspy(path)
    np.testing.assert_array_equal(recording.traces, np.stack([trace.data for trace in stream]).astype("f4"))
    assert {trace.stats.delta for trace in stream} == {recording.interval_s}
    assert recording.names == tuple(str(number) for number in range(len(stream)))
    known = stream[0].stats.starttime != obspy.UTCDateTime(0)
    assert recording.start == (str(stream[0].stats.starttime) if known else None)
    return True


@pytest.fixture
def plain(tmp_path) -> Path:
    write_collection(tmp_path, 2)
    return tmp_path


def patched(path: Path, changes: dict[int, bytes], suffix: str = ".sgy") -> Path:
    """Return a copy of a file with other bytes at some offsets."""
    content = bytearray(path.read_bytes())
    for offset, new in changes.items():
        content[offset : offset + len(new)] = new
    copy = path.with_name(f"patched{suffix}")
    copy.write_bytes(bytes(content))
    return copy


def test_plain_gathers_are_what_obspy_reads(plain):
    assert same(plain / "shot0.sgy")  # IBM floats
    assert same(plain / "shot1.sgy")  # IEEE floats


@pytest.mark.parametrize("path", [path for path in OBSPY if path.suffix == ".sgy"] or [None], ids=str)
def test_real_files_are_what_obspy_reads_or_are_left_to_it(path):
    if path is None:
        pytest.skip("this ObsPy comes without its test files")
    same(path)


def test_every_pattern_of_bits_of_an_ibm_float_is_what_obspy_makes_of_it(plain):
    bits = np.random.default_rng(0).integers(0, 256, (12, 800), dtype=np.uint8)
    changes = {3600 + 240 + row * (240 + 800): bits[row].tobytes() for row in range(12)}
    path = patched(plain / "shot0.sgy", changes)
    recording = read_uniform_segy(path)
    expected = np.stack([trace.data for trace in by_obspy(path)])
    expected[~np.isfinite(expected)] = np.nan
    np.testing.assert_array_equal(recording.traces, expected)


def test_what_is_not_finite_is_no_data(plain):
    path = patched(plain / "shot1.sgy", {3840: struct.pack(">3f", np.nan, np.inf, 7.0)})
    recording = read_uniform_segy(path)
    assert np.isnan(recording.traces[0, :2]).all()
    assert recording.traces[0, 2] == 7
    assert np.isfinite(recording.traces[1:]).all()


@pytest.mark.parametrize(
    "changes",
    [
        {3224: struct.pack(">h", 3)},  # two-byte integers
        {3500: struct.pack(">h", 0x0200)},  # revision 2
        {3504: struct.pack(">h", 1)},  # an extended header
        {3216: struct.pack(">h", 0)},  # no sampling interval
        {3220: struct.pack(">h", 100)},  # another length than the traces'
        {3600 + 108: struct.pack(">h", 20)},  # one trace begins later
        {3600 + 114: struct.pack(">h", 199)},  # one trace is shorter
        {3600 + 116: struct.pack(">h", 2000)},  # one trace is sampled faster
        {3600 + 156: struct.pack(">h", 2021)},  # one trace is of another year
    ],
)
def test_what_is_not_plain_is_left_to_obspy(plain, changes):
    assert read_uniform_segy(plain / "shot0.sgy") is not None
    assert read_uniform_segy(patched(plain / "shot0.sgy", changes)) is None


def test_other_files_are_left_to_obspy(plain):
    whole = (plain / "shot0.sgy").read_bytes()
    for name, content in {"cut.sgy": whole[:-1], "empty.sgy": b"", "short.sgy": whole[:3600], "text.sgy": b"x" * 5000}.items():
        (plain / name).write_bytes(content)
        assert read_uniform_segy(plain / name) is None
    assert read_uniform_segy(patched(plain / "shot0.sgy", {}, ".dat")) is None
    assert read_uniform_segy(plain / "absent.sgy") is None


def test_a_late_hour_and_a_date_that_is_none(plain):
    when = struct.pack(">5h", 1999, 365, 23, 59, 58)
    header = 240 + 800
    dated = {3600 + row * header + 156: when for row in range(12)}
    assert same(patched(plain / "shot1.sgy", dated))
    undated = {3600 + row * header + 156: struct.pack(">5h", 0, 0, 0, 0, 0) for row in range(12)}
    path = patched(plain / "shot1.sgy", undated)
    assert read_uniform_segy(path).start is None
    wrong = {3600 + row * header + 156: struct.pack(">5h", 2021, 366, 0, 0, 0) for row in range(12)}
    assert read_uniform_segy(patched(plain / "shot1.sgy", wrong)) is None


def test_simulated_gathers_take_the_short_cut(tmp_path):
    from fringeflow.simulate.gathers import simulate_gather

    traces, spread = simulate_gather(SMALL, 0, "noise_DNS", 1)
    for ibm in (True, False):
        write_segy(tmp_path / "one.sgy", traces, spread, shot=1, ibm=ibm)
        np.testing.assert_array_equal(read_uniform_segy(tmp_path / "one.sgy").traces, traces)
