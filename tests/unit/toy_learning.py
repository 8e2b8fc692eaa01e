"""A small separable dataset on disk, with three splits of events, in the layout of the results tree."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from fringeflow.config.interferograms import Spectrogram
from fringeflow.config.models import Model, Strategy, Training
from fringeflow.encoding.views import VIEWS
from fringeflow.files import write_json
from fringeflow.imbalance.strategies import StrategySpec, resolve_strategy
from fringeflow.insar.spectrum import spectrogram
from fringeflow.models.registry import resolve_model
from fringeflow.models.spec import ModelSpec
from fringeflow.store import write_samples
from fringeflow.training.embed import embed_dataset
from fringeflow.training.folds import Fold, Task
from tests.unit.toy_events import tiles_of

CLASSES = ("no_deformation", "deformation")
SIZE = 64
FRINGES = 7.0
SPLITS = {"train": ("a", "b"), "validation": ("c",), "test": ("d",)}
QUICK = Training(seeds=[0], epochs=15, patience=15, batch=32, learning_rate=3e-3)


@dataclass(frozen=True)
class ToyDataset:
    """Paths of a dataset."""

    root: Path
    samples: Path
    dataset: Path

    @property
    def cache(self) -> Path:
        return self.root / "cache"

    def store(self, event: str) -> str:
        return str(self.root / "events" / event / "standard")

    def embeddings(self, model: ModelSpec, view: str) -> Path:
        out = self.root / "embeddings" / view / f"{model.encoder_spec.key}.json"
        embed_dataset(self.samples, view, model.encoder_spec, self.cache, out, batch=32)
        return out


def toy_dataset(root: Path, *, quiet: int = 24, deformed: int = 8, views: tuple[str, ...] = tuple(VIEWS)) -> ToyDataset:
    """Write four events with stores and an index; one tile of each is ambiguous and not in the index."""
    toy = ToyDataset(root, root / "samples.parquet", root / "dataset.json")
    rows = []
    for split, events in SPLITS.items():
        for event in events:
            write_event(toy, event, quiet, deformed, views)
            labels = ["no_deformation"] * quiet + ["deformation"] * deformed
            rows += [
                {
                    "sample": f"{event}/100A_05000_131313/20210101_20210113/{row}_0",
                    "store": toy.store(event),
                    "row": row,
                    "label": label,
                    "group": event,
                    "split": split,
                    "event": event,
                    "frame": "100A_05000_131313",
                    "pair": "20210101_20210113",
                    "coseismic": True,
                }
                for row, label in enumerate(labels)
            ]
    pd.DataFrame(rows).to_parquet(toy.samples, index=False)
    write_json(toy.dataset, {"name": "toy", "classes": list(CLASSES), "positive": "deformation", "digest": "0" * 64, "pixel_deg": 0.001})
    return toy


def write_event(toy: ToyDataset, event: str, quiet: int, deformed: int, views: tuple[str, ...], *, seed: int | None = None) -> None:
    rng = np.random.default_rng(ord(event) if seed is None else seed)
    tiles = [tiles_of(rng, SIZE, fringes) for fringes in [0.0] * quiet + [FRINGES] * deformed + [0.5]]
    for view in views:
        samples = np.stack([tile["unwrapped" if view == "unwrapped" else "wrapped"] for tile in tiles])
        if view == "spectrogram":
            samples = spectrogram(samples, Spectrogram(window=SIZE // 2, hop=SIZE // 2, bins=SIZE // 2, max_wavenumber=0.5))
        elif view == "gather":
            samples = np.sin(samples)
        elif view == "images":
            samples = np.concatenate([(1 + np.sin(samples + shift)) / 2 for shift in (0, 2, 4)], axis=1)
        attrs = {"event": event, "view": view}
        shape = samples.shape[1:]
        write_samples(
            Path(toy.store(event)) / f"{view}.zarr", [samples], count=len(samples), shape=shape, attrs=attrs, units=VIEWS[view].units
        )


def model(name: str, view: str = "wrapped", **settings) -> ModelSpec:
    """Resolve a model whose input is small enough for a test."""
    return resolve_model(name, Model(input_size=SIZE, **settings), view)


def strategy(name: str, **settings) -> StrategySpec:
    return resolve_strategy(name, Strategy(**settings))


def blobs(counts: tuple[int, ...], *, dim: int = 12, distance: float = 2.5, seed: int = 0) -> Fold:
    """Make a fold of one Gaussian cloud a class, in no order."""
    rng = np.random.default_rng(seed)
    centres = np.random.default_rng(99).normal(size=(len(counts), dim))
    centres *= distance / np.linalg.norm(centres, axis=1, keepdims=True)
    labels = rng.permutation(np.repeat(np.arange(len(counts)), counts))
    return Fold((centres[labels] + rng.normal(size=(len(labels), dim)) + 5).astype("f4"), labels)


def hardly_lit() -> tuple[Fold, Fold]:
    """Make training and held-out clouds whose first two features are dark but in one row: 1e-3 and 0 in training, 1 and 1 held out."""
    train, held = blobs((800, 200)), blobs((60, 20), seed=1)
    for fold, lit in ((train, (1e-3, 0)), (held, (1, 1))):
        values = fold.features.arrays[0]
        values[:, :2] = 0
        values[5, :2] = lit
    return train, held


def handed(fold: Fold, spec: StrategySpec) -> Fold:
    """Return a training split as a run hands it to a fitter: with altered copies of rare samples, without doubted ones."""
    counts = fold.counts(int(fold.labels.max()) + 1)
    if spec.extra != "none":
        rare = np.flatnonzero(fold.labels != np.argmax(counts))
        noise = np.random.default_rng(7).normal(0, 0.3, (len(rare), *fold.features.shape))
        fold = fold.joined(Fold((fold.features.take(rare) + noise).astype("f4"), fold.labels[rare]))
    if spec.curate == "drop":
        return fold.select(np.flatnonzero(np.arange(len(fold)) % 10 != 0))
    weights = np.where(np.arange(len(fold)) % 10 == 0, 0.2, 1.0) if spec.curate == "downweight" else fold.weights
    return Fold(fold.features, fold.labels, weights.astype("f4"))


TWO = Task(CLASSES, "deformation")
FOUR = Task(("Empty zone", "Station", "DNS", "Tip-off"))
