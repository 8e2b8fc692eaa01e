"""Events with a grid of overlapping tiles and features drawn from two clouds: labels and scores are right by construction."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from fringeflow.files import sha256_file, write_json
from fringeflow.store import write_samples

SIZE, STRIDE, SIDE = 16, 8, 5
CLASSES = ["no_deformation", "deformation"]
SPLITS = {"train": ("a", "b", "c", "d", "e"), "validation": ("f", "g"), "test": ("h", "i")}


@dataclass(frozen=True)
class Toy:
    """Paths of a dataset with its embeddings."""

    root: Path

    @property
    def samples(self) -> Path:
        return self.root / "samples.parquet"

    @property
    def dataset(self) -> Path:
        return self.root / "dataset.json"

    @property
    def embeddings(self) -> Path:
        return self.root / "embeddings.json"

    @property
    def paths(self) -> tuple[Path, Path, Path]:
        return self.samples, self.dataset, self.embeddings

    def table(self) -> pd.DataFrame:
        return pd.read_parquet(self.samples)

    def relabel(self, change: dict[str, str]) -> None:
        """Give some samples other labels."""
        table = self.table()
        table["label"] = [change.get(name, label) for name, label in zip(table["sample"], table["label"], strict=True)]
        table.to_parquet(self.samples, index=False)

    def features(self, event: str) -> np.ndarray:
        return np.load(self.root / "cache" / f"{event}.npy")

    def write_features(self, features: dict[str, np.ndarray]) -> None:
        """Write the features of events, and list those of all."""
        (self.root / "cache").mkdir(exist_ok=True)
        for event, values in features.items():
            np.save(self.root / "cache" / f"{event}.npy", values.astype("f4"))
        shards = [
            {"store": store(self.root, path.stem), "path": str(path), "rows": SIDE**2, "samples": "", "sha256": sha256_file(path)}
            for path in sorted((self.root / "cache").glob("*.npy"))
        ]
        write_json(
            self.embeddings, {"view": "wrapped", "encoder": {}, "bfloat16": False, "cache": str(self.root / "cache"), "shards": shards}
        )


def store(root: Path, event: str) -> str:
    return str(root / "events" / event / "standard")


def name(event: str, row: int, column: int) -> str:
    """Name the tile of a row and a column of the grid."""
    return f"{event}/100A_05000_131313/20210101_20210113/{row * STRIDE}_{column * STRIDE}"


def toy(root: Path, *, dim: int = 6, distance: float = 6.0, seed: int = 0) -> Toy:
    """Write events of 5 x 5 overlapping tiles of which the middle 3 x 3 are deformed."""
    made = Toy(root)
    rng = np.random.default_rng(seed)
    rows, features = [], {}
    for split, events in SPLITS.items():
        for event in events:
            cells = [(row, column) for row in range(SIDE) for column in range(SIDE)]
            deformed = np.array([1 <= row <= 3 and 1 <= column <= 3 for row, column in cells])
            features[event] = rng.normal(size=(SIDE**2, dim)) + deformed[:, None] * distance / np.sqrt(dim)
            folder = Path(store(root, event))
            folder.mkdir(parents=True)
            places = pd.DataFrame([(row * STRIDE, column * STRIDE) for row, column in cells], columns=["row", "column"])
            places.to_parquet(folder / "tiles.parquet", index=False)
            phase = rng.uniform(-np.pi, np.pi, size=(SIDE**2, SIZE, SIZE)).astype("f4")
            write_samples(folder / "wrapped.zarr", [phase], count=len(phase), shape=(SIZE, SIZE), attrs={"view": "wrapped"}, units="rad")
            rows += [
                {
                    "sample": name(event, *cell),
                    "store": store(root, event),
                    "row": number,
                    "label": CLASSES[int(deformed[number])],
                    "group": event,
                    "split": split,
                    "event": event,
                    "frame": "100A_05000_131313",
                    "pair": "20210101_20210113",
                    "coseismic": True,
                }
                for number, cell in enumerate(cells)
            ]
    table = pd.DataFrame(rows)
    table["frame"] = [f"{100 + 'abcdefghi'.index(event)}A_05000_131313" for event in table["event"]]
    table.to_parquet(made.samples, index=False)
    write_json(made.dataset, {"name": "toy", "classes": CLASSES, "positive": "deformation", "digest": "0" * 64})
    made.write_features(features)
    return made
