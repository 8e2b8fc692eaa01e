"""Waveforms that ObsPy ships, and recordings written with a truth by construction."""

import warnings
from pathlib import Path

import numpy as np
import obspy
import pytest
from obspy import Stream, Trace, UTCDateTime
from obspy.io.segy.segy import SEGYTraceHeader

WAVEFORMS = Path(obspy.__path__[0])
START = UTCDateTime("2024-02-29T12:00:00Z")


def shipped(where: str) -> Path:
    """A waveform of ObsPy's own tests."""
    room, name = where.split("/", 1)
    path = WAVEFORMS / ("core" if room == "core" else f"io/{room}") / "tests/data" / name
    if not path.is_file():
        pytest.skip(f"this ObsPy does not ship {path}")
    return path


def trace(data, *, id="XX.AAA..HHZ", rate=100.0, start=START) -> Trace:
    made = Trace(np.asarray(data), {"sampling_rate": rate, "starttime": start})
    made.id = id
    return made


def mseed(tmp_path: Path, *traces: Trace) -> Path:
    path = tmp_path / "recording.mseed"
    Stream(list(traces)).write(str(path), format="MSEED")
    return path


def segy(path: Path, traces: np.ndarray, interval_s=0.004, delays_ms=None, seconds=None) -> Path:
    stream = Stream()
    for number, data in enumerate(traces):
        one = Trace(data.astype(np.float32), {"delta": interval_s})
        header = SEGYTraceHeader()
        header.delay_recording_time = 0 if delays_ms is None else delays_ms[number]
        one.stats.segy = {"trace_header": header}
        if seconds is not None:
            one.stats.starttime = START + seconds[number]
        stream.append(one)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        stream.write(str(path), format="SEGY", data_encoding=5)
    return path
