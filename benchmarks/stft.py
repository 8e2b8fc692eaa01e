"""The spectrogram stage from recordings in files to the store on disk, against bare ShortTimeFFT on arrays in memory.

    python benchmarks/stft.py [--recordings 139] [--traces 96] [--samples 750] [--threads 2] [--repeat 5]

Writes simulated shot gathers as SEG-Y, then times in turns, so that both see the same machine: (a) `ShortTimeFFT.stft` of
the same traces, float32 in memory, on a pool of so many threads, its result thrown away, and (b) `seismic.stores.write_view`:
reading, transforming, averaging over traces, decibels, fitting to the picture, and writing the store. Both use the
default window. Prints medians over the turns. Bar: (b) reaches at least 60 % of (a).
"""

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd

from fringeflow.config.collections import SimulatedGathers, Stft
from fringeflow.job import limit_threads
from fringeflow.seismic.reader import read_recording
from fringeflow.seismic.stft import spectrogram_maker, transform_of
from fringeflow.seismic.stores import write_view
from fringeflow.seismic.windows import Reading
from fringeflow.simulate.gathers import write_gathers

BAR = 0.6


def write_index(folder: Path, settings: SimulatedGathers) -> Path:
    """Write gathers and an index of them whole."""
    write_gathers(settings, 0, folder / "recordings", folder / "labels.tsv", folder / "files.json")
    labels = pd.read_csv(folder / "labels.tsv", sep="\t")
    files = [str(folder / "recordings" / name) for name in labels["recording"]]
    index = labels.assign(sample=labels["recording"], file=files, begin_s=np.nan, end_s=np.nan, first_trace=-1, last_trace=-1)
    index.to_parquet(folder / "index.parquet", index=False)
    return folder / "index.parquet"


def seconds(job: Callable[[], object]) -> float:
    begin = time.perf_counter()
    job()
    return time.perf_counter() - begin


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recordings", type=int, default=139)
    parser.add_argument("--traces", type=int, default=96)
    parser.add_argument("--samples", type=int, default=750)
    parser.add_argument("--threads", type=int, default=min(2, os.cpu_count() or 1))
    parser.add_argument("--repeat", type=int, default=5)
    given = parser.parse_args()
    limit_threads(given.threads)
    share = -(-given.recordings // 4)
    originals = {"brak_Empty zone": given.recordings - 3 * share, "brak_Station": share, "noise_DNS": share, "noise_Tip-off": share}
    settings = SimulatedGathers(kind="simulated", originals=originals, traces=given.traces, samples=given.samples)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        index = write_index(folder, settings)
        gathers = [read_recording(path) for path in pd.read_parquet(index)["file"]]
        transform = transform_of(gathers[0].interval_s, Stft())

        def bare() -> None:
            with ThreadPoolExecutor(given.threads) as pool:
                for _ in pool.map(lambda gather: transform.stft(gather.traces) is None, gathers):
                    pass

        def read() -> None:
            with ThreadPoolExecutor(given.threads) as pool:
                for _ in pool.map(lambda path: read_recording(path) is None, pd.read_parquet(index)["file"]):
                    pass

        def stage() -> None:
            write_view(index, spectrogram_maker(Stft(), Reading()), folder / "spectrogram.zarr", threads=given.threads)

        jobs = {"bare ShortTimeFFT": bare, "reading alone": read, "spectrogram stage": stage}
        for job in jobs.values():
            job()
        turns = [{label: seconds(job) for label, job in jobs.items()} for _ in range(given.repeat)]
    for label in jobs:
        print(f"{label:20s} {given.recordings / np.median([turn[label] for turn in turns]):7.0f} recordings/s")
    ratio = np.median([turn["bare ShortTimeFFT"] / turn["spectrogram stage"] for turn in turns])
    print(
        f"{given.recordings} recordings of {given.traces} x {given.samples}, {given.threads} threads: the spectrogram stage reaches "
        f"{ratio:.0%} of bare ShortTimeFFT in memory (bar {BAR:.0%})"
    )


if __name__ == "__main__":
    main()
