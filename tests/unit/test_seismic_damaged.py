"""Recordings that are damaged, cut off or none at all are refused by name, and nothing they hold is run."""

import pickle
import shutil
import warnings
from pathlib import Path

import numpy as np
import obspy
import pytest
from obspy import Stream

from fringeflow.errors import DatasetError
from fringeflow.seismic.formats import SAFE
from fringeflow.seismic.reader import read_recording
from tests.unit.toy_waveforms import START, mseed, segy, shipped, trace


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", r"the file is empty \(0 bytes\)"),
        (b"<html><body>503 Service Unavailable</body></html>" * 50, "in no format that ObsPy reads"),
        (b"\x1f\x8b\x08\0" * 100, "packed by gzip; unpack it"),
        (b"PK\x03\x04" * 100, "packed by zip; unpack it"),
    ],
)
def test_files_that_are_no_recordings(tmp_path, content, told):
    path = tmp_path / "shot.sgy"
    path.write_bytes(content)
    with pytest.raises(DatasetError, match=rf"shot\.sgy.*{told}"):
        read_recording(path)


def test_a_missing_and_a_truncated_file(tmp_path):
    with pytest.raises(DatasetError, match=r"gone\.sgy: there is no such file"):
        read_recording(tmp_path / "gone.sgy")
    path = segy(tmp_path / "shot.sgy", np.ones((20, 100)))
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(DatasetError, match=r"shot\.sgy: looks like SEGY but cannot be read .* copy it again") as told:
        read_recording(path)
    assert "\n" not in str(told.value)


def cut(path: Path, size: int) -> Path:
    path.write_bytes(path.read_bytes()[:size])
    return path


def many(tmp_path: Path) -> Path:
    """A miniSEED file of 24 channels."""
    data = np.random.default_rng(5).integers(-(10**6), 10**6, (24, 1000), dtype=np.int32)
    return mseed(tmp_path, *(trace(row, id=f"XX.A{number:02d}..HHZ") for number, row in enumerate(data)))


def test_miniseed_cut_off_within_a_record_is_refused_wherever_it_is_cut(tmp_path):
    content = many(tmp_path).read_bytes()
    path = tmp_path / "recording.mseed"
    assert len(content) % 4096 == 0  # whole records
    for size in (len(content) * 8 // 10, len(content) - 1, len(content) - 4096 + 60, len(content) - 4096 + 20):
        path.write_bytes(content[:size])
        begin = size - size % 4096
        assert begin < size
        with pytest.raises(DatasetError, match=rf"recording\.mseed: .* not whole: cut off: .* at byte {begin}; .*Copy it again"):
            read_recording(path)
        with pytest.raises(DatasetError, match="not whole"):
            read_recording(path, interval_ms=20)
    path.write_bytes(content)
    assert len(read_recording(path).names) == 24


def test_miniseed_with_something_else_between_its_records_is_refused(tmp_path):
    path = many(tmp_path)
    content = path.read_bytes()
    for place in (4096 * 3, len(content)):
        path.write_bytes(content[:place] + b"<p>gateway timeout</p>".ljust(512) + content[place:])
        with pytest.raises(DatasetError, match=rf"not whole: no miniSEED record at byte {place}: found b'<p>gatew'"):
            read_recording(path)
    with pytest.raises(DatasetError, match="no miniSEED record at byte 4096"):
        read_recording(shipped("mseed/brokenlastrecord.mseed"))


@pytest.mark.parametrize(
    "name",
    [
        "fullseed.mseed", "blockette008.mseed", "bizarre/mseed_no_blkt_1000.mseed", "mseed_not_a_single_blkt_48byte_data_offset.mseed",
        "single_record_plus_noise_record.mseed", "various_noise_records.mseed",
    ],
)  # fmt: skip
def test_control_headers_empty_records_and_records_that_tell_no_length_are_no_damage(name):
    path = shipped(f"mseed/{name}")
    assert np.isfinite(read_recording(path).traces).sum() == sum(len(one) for one in obspy.read(str(path)))


@pytest.mark.parametrize("suffix", [".sgy", ".dat"])
def test_segy_cut_off_is_refused_wherever_it_is_cut(tmp_path, suffix):
    """ObsPy drops fewer bytes than a trace's header without a word."""
    path = segy(tmp_path / f"shot{suffix}", np.ones((20, 100)))
    content, length = path.read_bytes(), 240 + 400
    for left in (1, 130, 239):
        path.write_bytes(content[: 3600 + 12 * length + left])
        told = rf"shot\{suffix}: SEGY file whose last trace is cut off: {left} bytes are left over from byte 11280 on, behind 12 whole"
        with pytest.raises(DatasetError, match=told):
            read_recording(path)
        with pytest.raises(DatasetError, match=told):
            read_recording(path, interval_ms=8)
    for left in (240, 250, length - 1):
        path.write_bytes(content[: 3600 + 12 * length + left])
        with pytest.raises(DatasetError, match=r"looks like SEGY but cannot be read .* it may be cut off"):
            read_recording(path)


def test_su_is_read_whole_or_not_at_all(tmp_path):
    path = tmp_path / "shot.su"
    shutil.copy(shipped("segy/1.su_first_trace"), path)
    content = path.read_bytes()
    path.write_bytes(content * 3)
    assert read_recording(path).traces.shape == (3, 8000)
    for size in (len(content) * 2 + 100, len(content) * 3 - 4, len(content) * 3 - 1):
        with pytest.raises(DatasetError, match=r"shot\.su: .*cut off"):
            read_recording(cut(path, size))
        path.write_bytes(content * 3)


def test_no_finite_sample_and_no_trace(tmp_path):
    with pytest.raises(DatasetError, match="none of the samples of its 1 trace is a finite number"):
        read_recording(mseed(tmp_path, trace(np.full(100, np.nan))))
    with pytest.raises(DatasetError, match="5 traces, none of which holds samples at a sampling rate"):
        read_recording(shipped("mseed/rt130_sr0_cropped.mseed"))


def test_a_gap_of_years_is_refused_before_it_is_filled(tmp_path):
    path = mseed(tmp_path, trace(np.ones(100)), trace(np.ones(100), start=START + 20 * 365 * 86400))
    with pytest.raises(DatasetError, match=r"gaps included.*Split the file"):
        read_recording(path)


class Trap:
    """What runs when it is unpickled."""

    def __reduce__(self):
        return (Path.touch, (Path(Trap.mark),))


@pytest.mark.parametrize("name", ["shot.pickle", "shot.mseed"])
def test_a_pickle_is_never_opened(tmp_path, name):
    """ObsPy unpickles any file that mentions its streams, to see whether it is one."""
    Trap.mark = str(tmp_path / "ran")
    content = pickle.dumps(("obspy.core.stream", Trap()))
    assert b"obspy.core.stream" in content[:100]
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DatasetError, match="a Python pickle"):
        read_recording(tmp_path / name)
    stream = Stream([trace(np.ones(10))])
    stream.write(str(tmp_path / name), format="PICKLE")
    with pytest.raises(DatasetError, match="a Python pickle"):
        read_recording(tmp_path / name)
    assert not (tmp_path / "ran").exists()
    assert "PICKLE" not in SAFE


def test_a_name_with_brackets_is_no_pattern(tmp_path):
    for name in ("shot[12].sgy", "shot1.sgy"):
        segy(tmp_path / name, np.full((1, 50), len(name)))
    assert np.unique(read_recording(tmp_path / "shot[12].sgy").traces) == len("shot[12].sgy")


def test_warnings_of_readers_stay_out_of_the_log():
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        with pytest.raises(DatasetError, match="no miniSEED record at byte 512"):
            read_recording(shipped("mseed/corrupt_one_extra_byte_at_end.mseed"))
        read_recording(shipped("mseed/single_record_plus_noise_record.mseed"))
    assert not told
