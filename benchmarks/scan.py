"""Scanning a whole frame against the bare forward passes of the same batches: their ratio, and the peak memory.

    python benchmarks/scan.py [--models efficientnet_lite0 lite0_stride16] [--view wrapped] [--input-size 128] [--stride 64] [--threads 2]
                              [--repeat 3]

Writes a frame of noisy phase (the worst to decompress) without data beyond a slanted edge, and for each model a run with an untrained
head, then times in turns, so that all see the same machine: (a) the forward passes alone of timm's network as it comes, on encoded
batches in memory, each batch one thread's and as many at a time as there are threads; (b) the same of the network with its batch
normalisation folded, as we use it; (c) `detection.scan`, from the prepared interferogram on disk to the map and the table on disk.
Prints medians over the turns, of seconds that passed and of the processor's, which tell more where others work on the machine too.
Peak memory is that of a process of its own that does (c) once. Bars: (c) takes at most 1.2 times as long as (a), and at most 1.5 GB.
What (c) does beside costs the same whatever the network: a larger one comes nearer.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import rioxarray  # noqa: F401  (registers the `rio` accessor)
import torch
import xarray as xr
import zarr

from fringeflow.config.interferograms import Spectrogram
from fringeflow.config.models import Model
from fringeflow.config.studies import Detect
from fringeflow.detection.detector import open_detector
from fringeflow.detection.scan import scan_interferogram
from fringeflow.detection.windows import read_windows
from fringeflow.files import write_json
from fringeflow.insar.deposit import write_interferogram
from fringeflow.insar.spectrum import spectrogram
from fringeflow.models.registry import ARCHITECTURES, resolve_model
from fringeflow.models.torch_backbones import TorchEncoder, build_backbone, load_encoder
from fringeflow.models.torch_networks import build_network
from fringeflow.training.embed import BATCH
from fringeflow.training.fit_torch import TorchFit

TIME_BAR, MEMORY_BAR_GB = 1.2, 1.5
KEY = "102A_05000_131313/20210101_20210113"
SIDE = 256
CLASSES = ["no_deformation", "deformation"]


def write_frame(root: Path, rows: int, columns: int) -> None:
    """Write a prepared interferogram of noise without data beyond a slanted edge."""
    rng = np.random.default_rng(0)
    phase = rng.uniform(-np.pi, np.pi, (rows, columns)).astype("f4")
    y, x = np.mgrid[:rows, :columns]
    phase[x < (rows - y) // 8] = np.nan
    arrays = {"wrapped": phase, "unwrapped": 3 * phase, "valid": np.isfinite(phase)}
    coordinates = {"y": 40 - 0.001 * np.arange(rows), "x": 20 + 0.001 * np.arange(columns)}
    dataset = xr.Dataset({name: (("y", "x"), values) for name, values in arrays.items()}, coordinates)
    zarr.create_group(root, zarr_format=3)
    write_interferogram(root, KEY, dataset.rio.write_crs("EPSG:4326"))


def write_run(folder: Path, name: str, view: str, size: int) -> None:
    """Write a run whose head has not learnt anything."""
    weights = "packaged" if "packaged" in ARCHITECTURES[name].weights else None
    spec = resolve_model(name, Model(input_size=size, weights=weights), view)
    encoder = load_encoder(spec.encoder_spec, threads=1)
    fitted = TorchFit(build_network(spec, encoder.shape[0], len(CLASSES), seed=0, normalised=False, bfloat16=True))
    fits = [{"seed": 0, "stem": "seed0", "load": fitted.save(folder / "model", "seed0")}]
    about = {"view": view, "model": spec.as_dict(), "classes": CLASSES, "positive": CLASSES[1], "fits": fits}
    write_json(folder / "run.json", {**about, "training": {"bfloat16": True}})


def scan(root: Path, run: Path, stride: int, threads: int) -> None:
    torch.set_num_threads(1)
    scan_interferogram(
        root / "interferograms.zarr",
        KEY,
        run,
        Detect(stride=stride),
        size=SIDE,
        spectrogram=Spectrogram(),
        out=root / "probability.tif",
        windows=root / "windows.parquet",
        threads=threads,
    )


def seconds(job: Callable[[], object]) -> tuple[float, float]:
    """Return what passed while a job was done, and what this process worked."""
    begin, worked = time.perf_counter(), time.process_time()
    job()
    return time.perf_counter() - begin, time.process_time() - worked


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", nargs="+", default=["efficientnet_lite0", "lite0_stride16"], metavar="MODEL")
    parser.add_argument("--view", default="wrapped", choices=["wrapped", "unwrapped", "spectrogram"])
    parser.add_argument("--rows", type=int, default=2700)
    parser.add_argument("--columns", type=int, default=3000)
    parser.add_argument("--input-size", type=int, default=128)
    parser.add_argument("--stride", type=int, default=64)
    parser.add_argument("--threads", type=int, default=min(2, os.cpu_count() or 1))
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--once", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.once:
        scan(Path(given.once), Path(given.once) / run_of(given, given.models[0]), given.stride, given.threads)
        # Not getrusage: its peak is also that of the process which started this one.
        print(re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())[1])  # type: ignore[index]
        return
    with tempfile.TemporaryDirectory() as name:
        write_frame(Path(name) / "interferograms.zarr", given.rows, given.columns)
        for model in given.models:
            measure(Path(name), model, given)


def run_of(given: argparse.Namespace, model: str) -> Path:
    return Path("runs/benchmark", given.view, model, "none")


def measure(root: Path, model: str, given: argparse.Namespace) -> None:
    """Time one model and print what was found."""
    run = root / run_of(given, model)
    write_run(run, model, given.view, given.input_size)
    detector = open_detector(run, Spectrogram())
    scan(root, run, given.stride, given.threads)
    count = len(read_windows(root / "windows.parquet")[0])
    tile = np.random.default_rng(1).uniform(-np.pi, np.pi, (BATCH, SIDE, SIDE)).astype("f4")
    encoded = detector.embedder.images(spectrogram(tile, Spectrogram()) if given.view == "spectrogram" else tile)
    batches = [encoded[: min(BATCH, count - first)] for first in range(0, count, BATCH)]
    folded, stock = detector.embedder.network, TorchEncoder(build_backbone(detector.run.model.encoder_spec), bfloat16=detector.run.bfloat16)

    def forward(encoder: TorchEncoder) -> None:
        torch.set_num_threads(1)
        with ThreadPoolExecutor(given.threads) as pool:
            list(pool.map(encoder.encode, batches))

    jobs = {
        "timm forward": lambda: forward(stock),
        "folded forward": lambda: forward(folded),
        "scan": lambda: scan(root, run, given.stride, given.threads),
    }
    for job in list(jobs.values())[:2]:
        job()
    turns = np.array([[seconds(job) for job in jobs.values()] for _ in range(given.repeat)])
    command = [sys.executable, __file__, "--once", str(root), "--models", model, "--view", given.view]
    command += ["--stride", str(given.stride), "--threads", str(given.threads)]
    memory = float(subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()[-1]) / 1e6
    passed, worked = np.median(turns[:, 2:] / turns, axis=0).T
    size = f"{given.rows} x {given.columns} pixels"
    print(f"{count} windows of {size}, {model} at {given.input_size} on {given.view}, {given.threads} threads")
    for label, times in zip(jobs, np.median(turns, axis=0), strict=True):
        print(f"{label:16s} {times[0]:6.1f} s, of the processor {times[1]:6.1f} s")
    for label, ratio in (("time", passed), ("processor", worked)):
        print(
            f"{label:16s} of the scan {ratio[0]:.2f} times that of timm's forward passes (bar {TIME_BAR}), {ratio[1]:.2f} times the folded network's"
        )
    print(f"peak memory {memory:.2f} GB (bar {MEMORY_BAR_GB})", flush=True)


if __name__ == "__main__":
    main()
