"""Simulated shot gathers with the four defects of study B, written as SEG-Y files like a recorder's."""

import io
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fringeflow.config.collections import SimulatedGathers
from fringeflow.errors import ConfigError
from fringeflow.files import atomic, sha256_file, write_json
from fringeflow.progress import track
from fringeflow.simulate.gather_defects import draw_defect
from fringeflow.simulate.gather_waves import Spread, Traces, draw_background, draw_signal, draw_spread
from fringeflow.simulate.streams import stream

COUNTS = 2**18
"""What the recorder makes of the largest amplitude. It delivers whole numbers below 2**20, which both kinds of floats hold exactly."""
IBM, IEEE = 1, 5
"""SEG-Y's data sample formats."""
LONGEST_US = 2**15 - 1
"""Longest sampling interval that fits into its headers, in microseconds."""


def simulate_gather(settings: SimulatedGathers, seed: int, label: str, number: int) -> tuple[Traces, Spread]:
    """Simulate one shot gather.

    Parameters
    ----------
    settings : SimulatedGathers
        Its size, interval and spacing.
    seed : int
    label : str
        Its class.
    number : int
        Which of its class. Nothing but seed, class, number and size decides what it shows.

    Returns
    -------
    traces : ndarray of float32, shape (traces, samples)
        Counts, whole numbers; a dead trace is exactly 0.
    spread : Spread
    """
    rng = stream(seed, "gather", label, str(number))
    spread = draw_spread(rng, settings)
    sound = draw_signal(rng, spread) + draw_background(rng, spread)
    traces = draw_defect(rng, label, sound, spread)
    traces *= np.float32(COUNTS * np.exp(rng.uniform(-1, 0)) / np.abs(sound).max())
    return np.clip(np.rint(traces), -(2**20), 2**20).astype(np.float32), spread


def write_gathers(settings: SimulatedGathers, seed: int, folder: Path, labels: Path, files: Path) -> None:
    """Write the gathers of a collection and the table of their classes.

    Parameters
    ----------
    settings : SimulatedGathers
    seed : int
    folder : Path
        Replaced as a whole: one SEG-Y file a gather, `{class}_{number}.sgy` with blanks as underscores. A gather's bytes
        depend on the seed, its class, its number and the size of gathers only; one more changes no other.
    labels : Path
        TSV to write: `recording` (the file's name), `class`.
    files : Path
        JSON to write, last: the SHA-256 of every file by its name, on which what reads the gathers depends.

    Raises
    ------
    ConfigError
        If SEG-Y cannot tell the sampling interval.
    """
    if not 1 <= round(settings.interval_ms * 1000) <= LONGEST_US:
        raise ConfigError(
            [
                f"collections: interval_ms is {settings.interval_ms:g}, but SEG-Y tells intervals in whole microseconds from 1 to {LONGEST_US}"
            ]
        )
    todo = [(label, number) for label in settings.classes for number in range(1, settings.originals[label] + 1)]
    names = [f"{label.replace(' ', '_')}_{number:03d}.sgy" for label, number in todo]
    with atomic(folder) as part:
        part.mkdir()
        for name, (label, number) in track(list(zip(names, todo, strict=True)), desc="simulate", unit="gather"):
            traces, spread = simulate_gather(settings, seed, label, number)
            write_segy(part / name, traces, spread, shot=number, ibm=bool(stream(seed, "format", label, str(number)).random() < 0.5))
    with atomic(labels) as part:
        table = pd.DataFrame({"recording": names, "class": [label for label, _ in todo]})
        table.to_csv(part, sep="\t", index=False, lineterminator="\n")
    write_json(files, {name: sha256_file(folder / name) for name in names})


def write_segy(path: Path, traces: NDArray[np.float32], spread: Spread, *, shot: int, ibm: bool) -> None:
    """Write one gather as SEG-Y rev. 1, big-endian, with what a processor needs in its trace headers.

    Those are the offset from source to geophone (m, negative before the source), both positions (cm, with the scalar that
    says so), the shot and the trace's number in it, the number of samples, and the sampling interval. A dead trace is
    flagged as live, as recorders do.

    Parameters
    ----------
    path : Path
    traces : ndarray of float32, shape (traces, samples)
    spread : Spread
    shot : int
        Field record number.
    ibm : bool
        IBM floats (most of the world's files) instead of IEEE ones.

    References
    ----------
    SEG Technical Standards Committee (2002), SEG Y rev 1 Data Exchange format.
    """
    from obspy.io.segy.segy import SEGYBinaryFileHeader, SEGYFile, SEGYTrace

    interval_us = round(spread.interval_s * 1e6)
    offsets = np.rint(spread.offsets_m).astype(int)
    file = SEGYFile()
    lines = ["SIMULATED SHOT GATHER, SPLIT SPREAD", "WRITTEN BY FRINGEFLOW", f"SHOT {shot}, {len(traces)} TRACES, COUNTS"]
    lines += [""] * (40 - len(lines))  # ObsPy fills in the last two
    file.textual_header_encoding = "EBCDIC"
    file.textual_file_header = "".join(f"C{row:2d} {line}".ljust(80) for row, line in enumerate(lines, 1)).encode("ascii")
    header = file.binary_file_header = SEGYBinaryFileHeader(endian=">")
    header.number_of_data_traces_per_ensemble = len(traces)
    header.sample_interval_in_microseconds = interval_us
    header.number_of_samples_per_data_trace = traces.shape[1]
    header.data_sample_format_code = IBM if ibm else IEEE
    header.measurement_system = 1
    header.seg_y_format_revision_number = 256
    header.fixed_length_trace_flag = 1
    file.data_encoding, file.endian = (IBM if ibm else IEEE), ">"
    for place, samples in enumerate(traces):
        trace = SEGYTrace()
        trace.data, trace.endian, trace.data_encoding = np.ascontiguousarray(samples, np.float32), ">", file.data_encoding
        about = trace.header
        about.trace_sequence_number_within_line = about.trace_number_within_the_original_field_record = place + 1
        about.original_field_record_number = about.energy_source_point_number = shot
        about.trace_identification_code = 1
        about.distance_from_center_of_the_source_point_to_the_center_of_the_receiver_group = int(offsets[place])
        about.scalar_to_be_applied_to_all_coordinates = -100
        about.source_coordinate_x, about.source_coordinate_y = round(spread.source_m * 100), round(spread.aside_m * 100)
        about.group_coordinate_x = round(spread.geophones_m[place] * 100)
        about.number_of_samples_in_this_trace = len(samples)
        about.sample_interval_in_ms_for_this_trace = interval_us  # ObsPy's name; the field holds microseconds
        about.year_data_recorded, about.day_of_year = 2020, 1
        file.traces.append(trace)
    content = io.BytesIO()
    file.write(content, data_encoding=file.data_encoding, endian=">")
    path.write_bytes(content.getvalue())
