"""What caching the frozen part of a Keras backbone saves, and what streaming its activations costs in memory.

    python benchmarks/frozen_prefix.py [--model vgg19] [--tiles 600] [--size 128] [--epochs 10] [--strategies 11] [--streamed 15000]

Times, each in turn on all threads: embedding a store of noisy tiles up to the last map's means (`frozen`) and up to
the first trained layer (`partial`), then one fit a mode on the cached activations. Prints

- an epoch of frozen training from the cache against one that forwards its images first, as the study's reference
  does (bar: at least 20 times faster);
- what one more strategy costs against the first full run of a study: its embedding and a fit for each of
  `--strategies` (bar: at most 5 %);
- the peak memory of a process that trains an epoch on `--streamed` tiles' activations, and their size on disk
  (bar: 4 GB at 15,000 tiles).
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

STREAM = "--stream-only"


def write_tiles(folder: Path, count: int, side: int) -> None:
    """Write tiles of noise, every twelfth with fringes in it."""
    from fringeflow.store import write_samples

    rng = np.random.default_rng(0)
    tiles = rng.uniform(-np.pi, np.pi, (count, side, side)).astype("f4")
    x = np.arange(side, dtype="f4")
    tiles[::12] = np.angle(np.exp(1j * (0.3 * x + rng.normal(0, 0.3, tiles[::12].shape)))).astype("f4")
    write_samples(folder / "wrapped.zarr", [tiles], count=count, shape=(side, side), attrs={"view": "wrapped"}, units="rad")


def spec_of(model: str, mode: str, size: int):
    from fringeflow.config.models import Model
    from fringeflow.models.registry import resolve_model

    return resolve_model(model, Model(weights="none", input_size=size, head="linear", mode=mode), "wrapped")


def fold_of(array: np.ndarray, count: int | None = None):
    """Return the activations as a training or validation fold; every twelfth sample is rare, and `count` may repeat them."""
    from fringeflow.training.features import Features
    from fringeflow.training.folds import Fold

    rows = np.arange(count or len(array)) % len(array)
    features = Features([array], np.zeros(len(rows), dtype=int), rows)
    return Fold(features, (rows % 12 == 0).astype(np.int64), checked=True)


def fit_seconds(spec, fold, epochs: int, threads: int) -> float:
    """Return the seconds of a fit, without the second that building and tracing a network takes."""
    from fringeflow.config.models import Strategy, Training
    from fringeflow.imbalance.strategies import resolve_strategy
    from fringeflow.training import fit_keras
    from fringeflow.training.folds import Task

    task, held = Task(("no_deformation", "deformation"), "deformation"), fold.select(np.arange(0, len(fold), 5))

    def run(number: int) -> float:
        settings = Training(seeds=[0], epochs=number, patience=number, learning_rate=1e-4)
        begin = time.perf_counter()
        fit_keras.fit(fold, held, task, spec, resolve_strategy("focal", Strategy()), settings, seed=0, threads=threads)
        return time.perf_counter() - begin

    if not epochs:
        return run(1)
    run(1)
    once = run(1)
    return run(1 + epochs) - once


def measure(given: argparse.Namespace) -> None:
    from fringeflow.models.number_format import in_bfloat16
    from fringeflow.store import open_samples
    from fringeflow.training.embed import Embedder

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_tiles(folder, given.tiles, given.side)
        samples = open_samples(folder / "wrapped.zarr")
        for mode in ("frozen", "partial"):
            spec = spec_of(given.model, mode, given.size)
            rough = in_bfloat16(spec.encoder_spec, True)
            embedder = Embedder(spec.encoder_spec, "wrapped", folder / "cache", bfloat16=rough, threads=given.threads)
            _ = embedder.network
            begin = time.perf_counter()
            path = embedder.shard(samples)
            embedding = time.perf_counter() - begin
            # A head's epoch takes milliseconds: many of them are timed.
            many = 50 if mode == "frozen" else 1
            fit = fit_seconds(spec, fold_of(np.load(path, mmap_mode="r")), many * given.epochs, given.threads) / many
            epoch, study = fit / given.epochs, embedding + given.strategies * fit
            print(f"\n{mode}: embedding {given.tiles} tiles {embedding:.1f} s, an epoch on what is cached {epoch:.3f} s")
            print(f"  an epoch that forwards its images first is {(embedding + epoch) / epoch:.0f} times as long", end="")
            print(" (bar: 20)" if mode == "frozen" else "")
            print(
                f"  one more strategy ({given.epochs} epochs, one seed) costs {fit / study:.1%} of a study of {given.strategies} (bar: 5 %), "
                f"{fit / (embedding + fit):.1%} of its first run"
            )
    sys.stdout.flush()
    subprocess.run([sys.executable, __file__, *sys.argv[1:], STREAM], check=True)


def stream(given: argparse.Namespace) -> None:
    """Train one epoch on activations that lie in one file, and say how much memory that took."""
    from fringeflow.models.keras_backbones import load_encoder

    spec = spec_of(given.model, "partial", given.size)
    shape = load_encoder(spec.encoder_spec, threads=given.threads).shape
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "activations.npy"
        array = np.lib.format.open_memmap(path, "w+", np.float16, (given.streamed, *shape))
        rng = np.random.default_rng(0)
        for first in range(0, given.streamed, 500):
            part = array[first : first + 500]
            part[...] = rng.normal(size=part.shape).astype(np.float16)
        array.flush()
        del array
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
        seconds = fit_seconds(spec, fold_of(np.load(path, mmap_mode="r")), 0, given.threads)
        peak, size = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6, path.stat().st_size / 1e9
    print(
        f"{given.streamed} tiles streamed from {size:.1f} GB: peak memory {peak:.1f} GB (bar 4), {before:.1f} GB before; {seconds:.0f} s an epoch"
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="vgg19")
    parser.add_argument("--tiles", type=int, default=600)
    parser.add_argument("--side", type=int, default=256)
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--strategies", type=int, default=11)
    parser.add_argument("--streamed", type=int, default=15_000)
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument(STREAM, action="store_true", help="only the last measurement, in a process of its own")
    arguments = parser.parse_args()
    if arguments.stream_only:
        stream(arguments)
    else:
        measure(arguments)
