"""What is done to gap-free pieces of a recording before they are put together: response and sampling rate."""

from collections.abc import Iterable
from fractions import Fraction
from functools import lru_cache
from pathlib import Path

import numpy as np
import obspy
from obspy import Stream, Trace
from obspy.core.inventory import Inventory
from scipy.signal import resample_poly

from fringeflow.errors import DatasetError
from fringeflow.seismic.formats import ONE_AT_A_TIME

WATER_LEVEL_DB = 60.0
"""How far below its largest value the response's spectrum is let fall before it divides the data's; ObsPy's own default."""
LOWEST_CYCLES = 4.0
"""Periods that the longest piece of a recording must hold of the lowest frequency that is kept whole."""
HIGHEST = (0.8, 0.95)
"""Shares of the Nyquist frequency between which the highest frequencies fade."""
SHORTEST = 64
"""Samples that a piece needs for its response to be removed; shorter ones are all taper, and become no data."""
LARGEST_DENOMINATOR = 10_000
"""Of the ratio of two sampling intervals: less than half a sample is lost over 10^7 of them."""


def remove_response(source: str, pieces: Stream, inventory: Path, output: str) -> Stream:
    """Turn counts into ground motion.

    Each gap-free piece is deconvolved in the frequency domain, its mean taken off and 5 % of it tapered at each end.
    Frequencies fade below `LOWEST_CYCLES` a recording and near Nyquist, so that the division by a small response does not
    blow up what the instrument never saw.

    Parameters
    ----------
    source : str
        The file, for messages.
    pieces : obspy.Stream
        Traces without gaps, named by SEED ids.
    inventory : Path
        StationXML file.
    output : {"VEL", "DISP", "ACC"}
        m/s, m or m/s^2.

    Returns
    -------
    obspy.Stream
        The same traces, changed in place, without those shorter than `SHORTEST`.

    Raises
    ------
    DatasetError
        If the inventory cannot be read or lacks the response of a trace (all of them are named), or a piece cannot be deconvolved.
    """
    known = _read_inventory(str(inventory), inventory.stat().st_mtime_ns if inventory.is_file() else 0)
    missing = sorted({f"{trace.id} at {trace.stats.starttime}" for trace in pieces if not _has_response(known, trace)})
    if missing:
        more = f" and {len(missing) - 5} more" if len(missing) > 5 else ""
        raise DatasetError(
            f"{source}: {inventory} has no response of {', '.join(missing[:5])}{more}; "
            "add it to the inventory, or set response to none to keep the recorded amplitudes"
        )
    pieces.traces = [trace for trace in pieces if trace.stats.npts >= SHORTEST]
    longest = max((trace.stats.npts * trace.stats.delta for trace in pieces), default=1.0)
    for trace in pieces:
        nyquist = trace.stats.sampling_rate / 2
        low = min(LOWEST_CYCLES / longest, 0.1 * nyquist)
        band = (low / 2, low, HIGHEST[0] * nyquist, HIGHEST[1] * nyquist)
        try:
            with ONE_AT_A_TIME:
                trace.remove_response(inventory=known, output=output, water_level=WATER_LEVEL_DB, pre_filt=band)
        except Exception as error:  # evalresp's errors are of many kinds
            raise DatasetError(
                f"{source}: the response of {trace.id} in {inventory} cannot be removed ({type(error).__name__}: {error}); "
                "correct the inventory, or set response to none"
            ) from error
        trace.data = trace.data.astype(np.float32)
    return pieces


def resample(trace: Trace, interval_s: float) -> None:
    """Resample a gap-free trace in place, with a filter against aliasing; its first sample keeps its time.

    The filter is a linear-phase low-pass below both Nyquist frequencies (`scipy.signal.resample_poly`). The straight line
    through the first and the last sample is kept aside meanwhile, so that an offset does not ring at the ends.
    """
    ratio = Fraction(trace.stats.delta / interval_s).limit_denominator(LARGEST_DENOMINATOR)
    if ratio != 1:
        data = resample_poly(trace.data.astype(np.float64), ratio.numerator, ratio.denominator, padtype="line")
        trace.data = data.astype(np.float32)
    trace.stats.delta = interval_s


def common_interval(source: str, traces: Iterable[Trace]) -> float:
    """Return the sampling interval of all traces, in seconds.

    Raises
    ------
    DatasetError
        If they differ by half a sample or more over a trace, which is more than a clock's drift; names them.
    """
    groups: dict[float, list[str]] = {}
    for trace in traces:
        delta = float(trace.stats.delta)
        same = next((known for known in groups if abs(known - delta) * trace.stats.npts < 0.5 * known), delta)
        groups.setdefault(same, []).append(trace.id)
    if len(groups) > 1:
        shown = "; ".join(
            f"{1 / delta:g} Hz (every {delta * 1000:g} ms): {len(names)} trace{'s' * (len(names) > 1)}, e.g. {sorted(names)[0]}"
            for delta, names in sorted(groups.items())
        )
        raise DatasetError(f"{source}: its traces differ in their sampling rate: {shown}; set interval_ms to resample all of them")
    return next(iter(groups))


@lru_cache(maxsize=4)
def _read_inventory(path: str, changed: int) -> Inventory:
    """Read a StationXML file once, and again when it has changed."""
    try:
        with open(path, "rb") as handle:  # a name would be a pattern or a URL to ObsPy, and an archive be unpacked whatever its size
            return obspy.read_inventory(handle, format="STATIONXML")
    except Exception as error:  # lxml's errors are of many kinds
        raise DatasetError(
            f"{path}: cannot be read as an inventory ({type(error).__name__}: {error}); expected a StationXML file with responses"
        ) from error


def _has_response(inventory: Inventory, trace: Trace) -> bool:
    try:
        inventory.get_response(trace.id, trace.stats.starttime)
    except Exception:  # ObsPy raises a bare Exception for a response that is not there
        return False
    return True
