"""A pretraining of seconds, and prepared interferograms to try it on: one with an earthquake, one without."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fringeflow.config.interferograms import LabelRule, Prepare
from fringeflow.config.pretraining import Pretraining
from fringeflow.config.tables import Event, Interferogram
from fringeflow.files import write_json
from fringeflow.insar.prepare import prepare_event
from fringeflow.pretraining import pretrain as module
from fringeflow.pretraining.pairs import RealPair
from fringeflow.pretraining.stream import CHUNK, chunk_of
from fringeflow.pretraining.tiles import Tiles
from tests.unit.toy_raw import FRAME, NORTH, PIXEL, WEST, products_of, smooth_phase, write_raw

ROWS, COLUMNS = 96, 128
COSEISMIC, QUIET = "20210218_20210315", "20210101_20210201"
TINY = Pretraining(
    scenes=[64], tile=32, tiles=2, input_size=32, passes=2, batch=16, held_out=24, label=LabelRule(min_fringes=0.5), real_stride=16, seed=3
)
BLOCK = (slice(32, 64), slice(32, 64))
"""The pixels that are outlined as deformed."""


def simulated_here(seed: int, scenes: int, *, processes: int, first: int = 0, **cut) -> Iterator[Tiles]:
    """What `stream_chunks` yields, without a process: starting one takes longer than the tiles."""
    for start in range(first, scenes, CHUNK):
        yield chunk_of(seed, start, min(CHUNK, scenes - start), *cut.values())


def tiny_run(folder: Path, patch, *, settings: Pretraining = TINY, scenes: int = 64, quiet=(), name: str = "tiny/64") -> Path:
    """Pretrain, and return the folder of the run."""
    patch.setattr(module, "stream_chunks", simulated_here)
    patch.setattr(module, "POOL", 2)  # so that a training that goes on in the middle has scenes that it no longer needs
    module.pretrain(settings, scenes, folder, name=name, quiet=quiet, code="0123abcd", threads=1)
    return folder


@dataclass(frozen=True)
class ToyReal:
    """Interferograms of one event, in one prepared store."""

    path: Path
    event: Event
    rows: dict[str, Interferogram]
    polygons: Path

    def pair(self, name: str, *, polygons: bool = True, untouched: bool = True) -> RealPair:
        """One of them, with or without the outline of `BLOCK`."""
        return RealPair(self.path, self.event, self.rows[name], self.polygons if polygons else None, untouched)


def toy_real(root: Path, *, hidden: bool = False) -> ToyReal:
    """Write them. The right half of the coseismic one is not coherent; `hidden`: the left half of `BLOCK` has no data."""
    event = Event(event="quake", source="portal", time="2021-03-03T10:16:08", latitude=39.96, longitude=22.06, depth_km=4, magnitude=5.6)
    rows = {}
    for number, pair in enumerate((COSEISMIC, QUIET)):
        phase = smooth_phase(ROWS, COLUMNS, 3.0 if pair == COSEISMIC else 0.2)
        phase += np.random.default_rng(number).normal(0, 0.2, phase.shape).astype("f4")
        if hidden:
            phase[32:64, 32:48] = np.nan
        products = products_of(phase)
        if pair == COSEISMIC:
            products["cc"][:, 64:] = np.where(products["cc"][:, 64:] > 0, 50, 0)
        write_raw(root / "raw", pair, products)
        rows[pair] = Interferogram(event="quake", frame=FRAME, pair=pair, heading_deg=-13.0, incidence_deg=35.0)
    prepare_event(event, list(rows.values()), root / "raw", Prepare(), root / "interferograms.zarr", threads=1)
    (north, south), (west, east) = ((first * PIXEL, last * PIXEL) for first, last in ((s.start, s.stop) for s in BLOCK))
    corners = [(west, north), (east, north), (east, south), (west, south), (west, north)]
    ring = [[WEST + x, NORTH - y] for x, y in corners]
    write_json(root / "quake.geojson", {"type": "Feature", "properties": {}, "geometry": {"type": "Polygon", "coordinates": [ring]}})
    return ToyReal(root / "interferograms.zarr", event, rows, root / "quake.geojson")
