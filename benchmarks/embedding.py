"""Embedding a store from disk against the bare forward pass of the same backbone: images a second, and their ratio.

    python benchmarks/embedding.py [--model efficientnet_lite0] [--view wrapped] [--tiles 512] [--threads 2] [--repeat 5]

Writes one store of noisy tiles (the worst to decompress) with some no-data, then times in turns, so that
all see the same machine: (a) the forward pass alone of timm's network as it comes, on all threads, on batches
that are already encoded, in memory and in the backbone's own memory layout (32 images are its best batch), (b) the
same of the network with its batch normalisation folded, as we use it, and (c) `training.embed` from the store on
disk to the shard on disk. Prints medians over the turns. Bar: (c) reaches at least 85 % of (a).
"""

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from fringeflow.config.models import Model
from fringeflow.encoding.views import VIEWS
from fringeflow.models.number_format import in_bfloat16
from fringeflow.models.registry import resolve_model
from fringeflow.models.torch_backbones import build_backbone
from fringeflow.store import open_samples, write_samples
from fringeflow.training.embed import Embedder

BAR = 0.85


def write_tiles(folder: Path, view: str, count: int, side: int) -> None:
    """Write tiles of noise whose first rows have no data."""
    rng = np.random.default_rng(0)
    tiles = rng.uniform(VIEWS[view].low, VIEWS[view].high, (count, side, side)).astype("f4")
    tiles[::3, : side // 8] = np.nan
    write_samples(folder / f"{view}.zarr", [tiles], count=count, shape=(side, side), attrs={"view": view}, units=VIEWS[view].units)


def forward(network: torch.nn.Module, batches: list[torch.Tensor], threads: int, rough: bool) -> Callable[[], None]:
    """Return the bare pass over batches."""

    def run() -> None:
        torch.set_num_threads(threads)
        with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=rough):
            for batch in batches:
                network(batch)

    return run


def seconds(job: Callable[[], object]) -> float:
    begin = time.perf_counter()
    job()
    return time.perf_counter() - begin


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="efficientnet_lite0")
    parser.add_argument("--view", default="wrapped", choices=list(VIEWS))
    parser.add_argument("--tiles", type=int, default=512)
    parser.add_argument("--side", type=int, default=256)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--threads", type=int, default=min(2, os.cpu_count() or 1))
    parser.add_argument("--repeat", type=int, default=5)
    given = parser.parse_args()
    spec = resolve_model(given.model, Model(), given.view).encoder_spec
    rough = in_bfloat16(spec, True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_tiles(folder, given.view, given.tiles, given.side)
        samples = open_samples(folder / f"{given.view}.zarr")
        embedder = Embedder(spec, given.view, folder / "cache", batch=given.batch, bfloat16=rough, threads=given.threads)
        images = embedder.images(samples.read(slice(0, given.tiles)))
        batches = [
            torch.from_numpy(images[start : start + given.batch]).to(memory_format=torch.channels_last)
            for start in range(0, given.tiles, given.batch)
        ]
        stock = build_backbone(spec).eval().to(memory_format=torch.channels_last)
        bare, plain = (forward(network, batches, given.threads, rough) for network in (embedder.network.network, stock))  # type: ignore[attr-defined]

        def embed() -> None:
            torch.set_num_threads(1)
            embedder.path(samples).unlink(missing_ok=True)
            embedder.shard(samples)

        jobs = {"timm forward": plain, "folded forward": bare, "embedding": embed}
        for job in jobs.values():
            job()
        turns = [{label: seconds(job) for label, job in jobs.items()} for _ in range(given.repeat)]
    rates = {label: given.tiles / np.median([turn[label] for turn in turns]) for label in jobs}
    ratio, harder = (np.median([turn[label] / turn["embedding"] for turn in turns]) for label in ("timm forward", "folded forward"))
    for label, rate in rates.items():
        print(f"{label:20s} {rate:7.0f} images/s")
    print(
        f"{spec.key} on {given.view}, {given.threads} threads: embedding reaches {ratio:.0%} of timm's forward pass (bar {BAR:.0%}), "
        f"{harder:.0%} of the folded network's"
    )


if __name__ == "__main__":
    main()
