"""Opening a recording's file: which format it is in, and no format that can run code."""

import glob
import warnings
from collections.abc import Callable
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path
from threading import Lock
from typing import Any

import obspy
from obspy import Stream, Trace
from obspy.io.segy.header import DATA_SAMPLE_FORMAT_SAMPLE_SIZE

from fringeflow.errors import DatasetError
from fringeflow.seismic.harmless import check_harmless
from fringeflow.seismic.segy import FILE_HEADER, IEEE, TRACE_HEADER

SAFE = (
    "MSEED", "SAC", "GSE2", "SEISAN", "SACXY", "GSE1", "Q", "SH_ASC", "SLIST", "TSPAIR", "Y", "SEGY", "SEG2", "WAV", "WIN", "CSS",
    "NNSA_KB_CORE", "AH", "PDAS", "KINEMETRICS_EVT", "GCF", "DMX", "ALSEP_PSE", "ALSEP_WTN", "ALSEP_WTH", "CYBERSHAKE", "KNET",
    "REFTEK130", "RG16", "SU",
)  # fmt: skip
"""ObsPy's formats in the order in which they are tried: all but PICKLE, since whoever opens a pickle runs what it holds.

SU comes last: it has no mark of its own, and its test is a guess."""
SUFFIXES = {".sgy": "SEGY", ".segy": "SEGY", ".su": "SU", ".mseed": "MSEED", ".sac": "SAC", ".sg2": "SEG2"}
"""What is tried first for a name that ends so; the content decides all the same."""
UNPACKED = {b"\x1f\x8b": "gzip", b"PK\x03\x04": "zip", b"BZh": "bzip2", b"\xfd7zXZ": "xz"}
ONE_AT_A_TIME = Lock()
"""Held while ObsPy's C libraries run: libmseed and evalresp keep global state, and two threads in them end in a segmentation fault."""
PICKLES = (b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")


def open_stream(path: Path) -> tuple[Stream, str]:
    """Read a file with ObsPy.

    Parameters
    ----------
    path : Path

    Returns
    -------
    obspy.Stream
        Its traces with numbers and a sampling rate, at least one; channels of text (LOG) are left out.
    str
        The name of its format, one of `SAFE`.

    Raises
    ------
    DatasetError
        If there is no such file, it is empty, in no format that is read, damaged, or holds no trace with samples.
    """
    quiet()
    if not path.is_file():
        raise DatasetError(f"{path}: there is no such file; expected a recording")
    if path.stat().st_size == 0:
        raise DatasetError(f"{path}: the file is empty (0 bytes); expected a recording. Copy it again, or take it out of the label table")
    with ONE_AT_A_TIME:
        name = _detect(path)
    check_harmless(path, name)
    try:
        with ONE_AT_A_TIME:
            stream = obspy.read(glob.escape(str(path)), format=name, check_compression=False)
    except Exception as error:  # ObsPy's readers raise whatever their parsers raise
        told = " ".join(str(error).split())
        raise DatasetError(
            f"{path}: looks like {name} but cannot be read ({type(error).__name__}: {told}); it may be cut off: copy it again"
        ) from error
    if name in ("SEGY", "SU"):
        _check_traces(path, name, stream)
    _repair_intervals(path, stream)
    _check_lengths(path, name, stream)
    found = len(stream)
    stream.traces = [trace for trace in stream if trace.data.dtype.kind in "iuf" and len(trace.data) and trace.stats.sampling_rate > 0]
    if not stream.traces:
        raise DatasetError(
            f"{path}: {name} file with {found} trace{'s' * (found != 1)}, none of which holds samples at a sampling rate; "
            "expected at least one. Take it out of the label table"
        )
    return stream, name


def quiet() -> None:
    """Keep what ObsPy's readers warn of out of the log: they tell every odd header of every record.

    A filter that stays, not `warnings.catch_warnings`: that one undoes what other threads have set meanwhile.
    """
    warnings.filterwarnings("ignore", module=r"(obspy|fringeflow\.seismic)")


@cache
def _tester(name: str) -> Callable[[str], bool]:
    """Return the function by which ObsPy tells whether a file is in a format."""
    (found,) = entry_points(group=f"obspy.plugin.waveform.{name}", name="isFormat")
    return found.load()


def _detect(path: Path) -> str:
    """Return the format of a file, judged by its content."""
    hint = SUFFIXES.get(path.suffix.lower())
    for name in sorted(SAFE, key=lambda known: known != hint):
        try:
            if _tester(name)(str(path)):
                return name
        except Exception:
            continue  # a test that stumbles over a file has told that it is none of its own
    with path.open("rb") as handle:
        head = handle.read(8)
    packed = next((what for mark, what in UNPACKED.items() if head.startswith(mark)), None)
    if packed:
        raise DatasetError(f"{path}: a file packed by {packed}; unpack it, recordings are read as they are")
    if head.startswith(PICKLES):
        raise DatasetError(
            f"{path}: a Python pickle, which runs what it holds when it is opened: never read. "
            "Where you trust it, open it in ObsPy and write it as miniSEED"
        )
    if hint == "SU":
        raise DatasetError(
            f"{path}: in no format that ObsPy reads; a SU file has to hold whole traces of one length, so it may be cut off "
            f"({path.stat().st_size} bytes): copy it again, or take it out of the label table"
        )
    raise DatasetError(
        f"{path}: in no format that ObsPy reads (it begins with {head!r}); expected SEG-Y, SU, miniSEED, SAC or another of "
        "https://docs.obspy.org/packages/autogen/obspy.core.stream.read.html"
    )


def shot_header(trace: Trace) -> Any:
    """Return a trace's SEG-Y or SU header, or None where it comes from another format."""
    stats = trace.stats.get("segy") or trace.stats.get("su")
    return stats.trace_header if stats else None


def _check_traces(path: Path, name: str, stream: Stream) -> None:
    """Refuse a SEG-Y or SU file with bytes left over behind its last trace; ObsPy leaves them out without a word.

    A file cut off between two traces is whole as far as anyone can tell: no header counts the traces.
    """
    code = stream.stats.binary_file_header.data_sample_format_code if name == "SEGY" else IEEE
    end = FILE_HEADER * (name == "SEGY") + sum(TRACE_HEADER + DATA_SAMPLE_FORMAT_SAMPLE_SIZE[code] * len(trace) for trace in stream)
    left = path.stat().st_size - end
    if left:
        raise DatasetError(
            f"{path}: {name} file whose last trace is cut off: {left} bytes are left over from byte {end} on, behind {len(stream)} "
            f"whole traces, fewer than the {TRACE_HEADER} of a trace's header. Copy it again, or take it out of the label table"
        )


def _check_lengths(path: Path, name: str, stream: Stream) -> None:
    """Refuse a file that declares more samples than it holds: ObsPy keeps the declared number beside the few that came (WAV)."""
    for trace in stream:
        if trace.stats.npts != len(trace.data):
            raise DatasetError(
                f"{path}: {name} file that declares {trace.stats.npts:,} samples of {trace.id} and holds {len(trace.data):,}; "
                "it may be cut off: copy it again, or take it out of the label table"
            )


def _repair_intervals(path: Path, stream: Stream) -> None:
    """Take SEG-Y's sampling interval from the file's header where a trace's own header has none.

    ObsPy leaves such a trace at one sample a second.
    """
    whole = getattr(stream, "stats", {}).get("binary_file_header", {}).get("sample_interval_in_microseconds", 0)
    for number, trace in enumerate(stream):
        header = shot_header(trace)
        if header is None or header.sample_interval_in_ms_for_this_trace > 0:
            continue
        if whole <= 0:
            raise DatasetError(
                f"{path}: neither the file's header nor that of trace {number} gives a sampling interval; write it in microseconds "
                "into bytes 117-118 of the trace headers"
            )
        trace.stats.delta = whole * 1e-6
