"""Scanning a whole frame against the bare forward passes of the same batches: their ratio, and the peak memory.

    python benchmarks/scan.py [--model efficientnet_lite0] [--view wrapped] [--input-size 128] [--stride 64] [--threads 2] [--repeat 3]

Writes a frame of noisy phase (the worst to decompress) without data beyond a slanted edge, and a run with an untrained head, then times
in turns, so that all see the same machine: (a) the forward passes alone of timm's network as it comes, on encoded batches in
memory, each batch one thread's and as many at a time as there are threads; (b) the same of the network with its batch
normalisation folded, as we use it; (c) `detection.scan`, from the prepared interferogram on disk to the map and the table on disk.
Prints medians over the turns. Peak memory is that of a process of its own that does (c) once. Bars: (c) takes at most 1.2 times as
long as (a), and at most 1.5 GB. What (c) does beside costs the same whatever the network: a larger one comes nearer.
"""

import argparse
import os
import resource
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
from fringeflow.models.registry import resolve_model
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
    spec = resolve_model(name, Model(input_size=size), view)
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


def seconds(job: Callable[[], object]) -> float:
    begin = time.perf_counter()
    job()
    return time.perf_counter() - begin


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="efficientnet_lite0")
    parser.add_argument("--view", default="wrapped", choices=["wrapped", "unwrapped", "spectrogram"])
    parser.add_argument("--rows", type=int, default=2700)
    parser.add_argument("--columns", type=int, default=3000)
    parser.add_argument("--input-size", type=int, default=128)
    parser.add_argument("--stride", type=int, default=64)
    parser.add_argument("--threads", type=int, default=min(2, os.cpu_count() or 1))
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--once", help=argparse.SUPPRESS)
    given = parser.parse_args()
    run = Path("runs/benchmark", given.view, given.model, "none")
    if given.once:
        root = Path(given.once)
        scan(root, root / run, given.stride, given.threads)
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6)
        return
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        write_frame(root / "interferograms.zarr", given.rows, given.columns)
        write_run(root / run, given.model, given.view, given.input_size)
        detector = open_detector(root / run, Spectrogram())
        scan(root, root / run, given.stride, given.threads)
        count = len(read_windows(root / "windows.parquet")[0])
        network = detector.embedder.network
        tile = np.random.default_rng(1).uniform(-np.pi, np.pi, (BATCH, SIDE, SIDE)).astype("f4")
        encoded = detector.embedder.images(spectrogram(tile, Spectrogram()) if given.view == "spectrogram" else tile)
        batches = [encoded[: min(BATCH, count - first)] for first in range(0, count, BATCH)]

        stock = TorchEncoder(build_backbone(detector.run.model.encoder_spec), bfloat16=True)

        def forward(encoder: TorchEncoder) -> None:
            torch.set_num_threads(1)
            with ThreadPoolExecutor(given.threads) as pool:
                list(pool.map(encoder.encode, batches))

        jobs = {
            "timm forward": lambda: forward(stock),
            "folded forward": lambda: forward(network),
            "scan": lambda: scan(root, root / run, given.stride, given.threads),
        }
        for job in jobs.values():
            job()
        turns = [{label: seconds(job) for label, job in jobs.items()} for _ in range(given.repeat)]
        command = [sys.executable, __file__, "--once", name, "--model", given.model, "--view", given.view]
        command += ["--stride", str(given.stride), "--threads", str(given.threads)]
        memory = float(subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()[-1])
    ratio, harder = (float(np.median([turn["scan"] / turn[label] for turn in turns])) for label in ("timm forward", "folded forward"))
    print(
        f"{count} windows of {given.rows} x {given.columns} pixels, {given.model} at {given.input_size} on {given.view}, {given.threads} threads"
    )
    for label in jobs:
        print(f"{label:16s} {np.median([turn[label] for turn in turns]):6.1f} s")
    print(f"scan takes {ratio:.2f} times timm's forward passes (bar {TIME_BAR}), {harder:.2f} times the folded network's")
    print(f"peak memory {memory:.2f} GB (bar {MEMORY_BAR_GB})")


if __name__ == "__main__":
    main()
