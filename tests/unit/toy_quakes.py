"""Four earthquakes prepared, tiled and built into a dataset by the workflow's own functions, at a size fit for a test."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from fringeflow.config.classes import CLASSES
from fringeflow.config.interferograms import Prepare, Tiling
from fringeflow.config.models import Dataset, GivenSplit
from fringeflow.config.tables import Event, Interferogram
from fringeflow.datasets.build import build_dataset
from fringeflow.insar.prepare import prepare_event
from fringeflow.insar.tiles import tile_event
from tests.unit.toy_raw import products_of, smooth_phase, write_raw

COSEISMIC, QUIET = "20210218_20210315", ("20210101_20210201", "20201101_20201201")
SPLIT = {"train": ["a", "b"], "validation": ["c"], "test": ["d"]}
TILING = Tiling(size=32, stride=32)
HEADINGS = {"a": -13.0, "b": 193.0, "c": -13.0, "d": 193.0}


@dataclass(frozen=True)
class ToyQuakes:
    """Where they lie."""

    root: Path
    interferograms: list[Interferogram]

    @property
    def samples(self) -> Path:
        return self.root / "samples.parquet"

    @property
    def dataset(self) -> Path:
        return self.root / "dataset.json"

    @property
    def table(self) -> pd.DataFrame:
        return pd.read_parquet(self.samples)

    def store(self, event: str) -> Path:
        return self.root / "events" / event / "standard"

    def prepared(self, event: str) -> Path:
        return self.root / "events" / event / "interferograms.zarr"


def quake(name: str) -> Event:
    facts = {"time": "2021-03-03T10:16:08", "latitude": 39.96, "longitude": 22.06, "depth_km": 4, "magnitude": 5.6}
    return Event(event=name, **facts, strike_deg=314, dip_deg=36, rake_deg=-88)


def toy_quakes(root: Path) -> ToyQuakes:
    """Make them: the corner of every interferogram has no data, and a spot of each is not unwrapped."""
    pairs: list[Interferogram] = []
    indexes = {}
    for number, name in enumerate(HEADINGS):
        mine = []
        for place, pair in enumerate((COSEISMIC, *QUIET)):
            frame = f"{101 + number:03d}{'AD'[HEADINGS[name] > 0]}_05000_131313"
            rng = np.random.default_rng([number, place])
            phase = smooth_phase(96, 128, 0.4) + rng.normal(0, 0.2, (96, 128)).astype("f4")
            phase[:12, :20] = np.nan
            products = products_of(phase)
            products["unw"][40:46, 70:80] = 0
            write_raw(root / "raw", pair, products, frame=frame)
            mine.append(Interferogram(event=name, frame=frame, pair=pair, heading_deg=HEADINGS[name], incidence_deg=35.0 + number))
        toy = ToyQuakes(root, pairs)
        prepare_event(quake(name), mine, root / "raw", Prepare(), toy.prepared(name))
        folder = toy.store(name)
        indexes[name] = folder / "tiles.parquet"
        stores = {view: folder / f"{view}.zarr" for view in ("wrapped", "unwrapped")}
        tile_event(quake(name), mine, toy.prepared(name), TILING, None, index=indexes[name], **stores)
        pairs += mine
    settings = Dataset(events=sorted(indexes), views=["wrapped", "unwrapped"], split=GivenSplit(method="given", **SPLIT))
    paths = {"samples": toy.samples, "dataset": toy.dataset, "summary": root / "summary.tsv"}
    build_dataset("toy", settings, indexes, CLASSES, **paths)
    return toy
