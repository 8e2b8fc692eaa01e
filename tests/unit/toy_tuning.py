"""A dataset of clouds with many groups, its features already embedded, a tuning of it, and fits that score as they are told."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from fringeflow.config.learning import Training, Tune
from fringeflow.files import read_json, sha256_file, write_json
from fringeflow.models.architectures import ARCHITECTURES
from fringeflow.models.spec import ModelSpec
from fringeflow.training import tune as tuning
from fringeflow.training.tune import tune_worker
from fringeflow.training.tune_result import as_table, gather, trial_rows
from fringeflow.training.tune_space import resolved
from fringeflow.training.tune_study import open_study
from tests.unit.toy_learning import FOUR, blobs, model, strategy

STORE = "toy/store"
SVM = model("hog_svm", "gather")
BRIEF = Training(seeds=[0, 1], epochs=3, patience=3, batch=16, learning_rate=3e-3)


@dataclass(frozen=True)
class ToyTuning:
    """Paths of a dataset and of a tuning's folder."""

    root: Path

    samples = property(lambda self: self.root / "samples.parquet")
    dataset = property(lambda self: self.root / "dataset.json")
    embeddings = property(lambda self: self.root / "embeddings.json")
    folder = property(lambda self: self.root / "tuning")

    def work(self, model: ModelSpec, tune: Tune, *, kind: str = "none", worker: int = 0, settings: Training = BRIEF, **more) -> None:
        spec = strategy(kind)
        tune_worker(
            self.samples,
            self.dataset,
            self.embeddings,
            self.folder / f"worker{worker}.json",
            worker=worker,
            model=model,
            strategy=spec,
            settings=settings,
            tune=resolved(tune, ARCHITECTURES[model.architecture], spec, model.mode),
            **more,
        )

    def gather(self, trials: int, workers: int = 1) -> None:
        files = {name: self.folder / file for name, file in (("best", "best.json"), ("table", "trials.tsv"), ("picture", "tuning.png"))}
        gather([self.folder / f"worker{number}.json" for number in range(workers)], trials=trials, title="toy", **files)

    def trials(self, count: int | None = None) -> pd.DataFrame:
        """The first trials of the last study that a worker was at, without what the clock decides."""
        last = max(self.folder.glob("worker*.json"), key=lambda path: path.stat().st_mtime_ns)
        study = open_study(self.folder, read_json(last)["study"])
        rows = trial_rows(study)[:count]
        return as_table(rows, max(1, study.user_attrs["about"]["tune"]["folds"])).drop(columns="seconds")


def toy_tuning(root: Path, *, counts: tuple[int, ...] = (40, 16, 8, 6), held: tuple[int, ...] = (10, 6, 4, 4), seed: int = 0) -> ToyTuning:
    """Write clouds of four classes; two samples at most share a group."""
    toy = ToyTuning(root)
    rows, features = [], []
    for number, (split, sizes) in enumerate((("train", counts), ("validation", held), ("test", held))):
        fold = blobs(sizes, distance=3, seed=seed + number)
        features.append(fold.features.all())
        seen = dict.fromkeys(FOUR.classes, 0)
        for label in (FOUR.classes[number] for number in fold.labels):
            group = f"{split}-{label}-{seen[label] // (2 if sizes[FOUR.classes.index(label)] > 10 else 1)}"
            seen[label] += 1
            rows.append({"sample": f"s{len(rows)}", "store": STORE, "row": len(rows), "label": label, "group": group, "split": split})
    pd.DataFrame(rows).to_parquet(toy.samples, index=False)
    write_json(toy.dataset, {"name": "toy", "classes": list(FOUR.classes), "positive": None, "digest": "0" * 64})
    write_features(toy, np.concatenate(features))
    return toy


def write_features(toy: ToyTuning, features: np.ndarray, name: str = "embeddings", store: str = STORE) -> Path:
    """Write a shard and the file that lists it."""
    shard = toy.root / f"{name}.npy"
    np.save(shard, features.astype("f4"))
    about = {"view": "gather", "encoder": {}, "bfloat16": True, "batch": 1, "cache": "", "code": ""}
    listed = {"store": store, "path": str(shard), "sha256": sha256_file(shard), "rows": len(features)}
    write_json(toy.root / f"{name}.json", {**about, "shards": [listed]})
    return toy.root / f"{name}.json"


class Fits:
    """Stands in for `fit_seeds`: answers as well as `quality` says, and remembers what it was shown.

    A feature vector is (class, number of the sample), so that whatever is shown can be told.
    """

    def __init__(self, quality):
        self.quality, self.shown = quality, []

    def __call__(self, train, validation, task, model, strategy, settings, *, threads, checkpoints=None):
        share = self.quality(model, strategy, settings)
        scored: list = []
        self.shown.append((*(fold.features.all()[:, 1].astype(int) for fold in (train, validation)), scored, settings.seeds))
        return [Answer(share, scored)]


class Answer:
    def __init__(self, share, scored):
        self.share, self.scored = share, scored

    def probabilities(self, features):
        actual, number = features.all().T.astype(int)
        self.scored += number.tolist()
        right = np.random.default_rng(1).permuted(np.arange(1000))[number % 1000] < 1000 * self.share
        return np.eye(4)[np.where(right, actual, (actual + 1) % 4)]


def near_ten(spec, way, settings):
    """Best at c = 10, worse by the decade."""
    return 0.95 - 0.2 * abs(np.log10(spec.options["c"]) - 1)


@pytest.fixture
def toy(tmp_path) -> ToyTuning:
    made = toy_tuning(tmp_path)
    labels = FOUR.numbers(pd.read_parquet(made.samples)["label"])
    write_features(made, np.stack([labels, np.arange(len(labels))], axis=1))
    return made


@pytest.fixture
def fits(monkeypatch) -> Fits:
    made = Fits(near_ten)
    monkeypatch.setattr(tuning, "fit_seeds", made)
    return made
