"""Tile: cut an event's interferograms into overlapping labelled tiles."""

import logging
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import dask
import dask.threaded
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from threadpoolctl import threadpool_limits

from fringeflow.config.interferograms import Tiling
from fringeflow.config.tables import Event, Interferogram
from fringeflow.crew import Crew
from fringeflow.errors import DatasetError, ProductError
from fringeflow.files import atomic
from fringeflow.insar.labels import Label, Outline, beside, gather_evidence, judge, read_outlines
from fringeflow.insar.prepared import open_interferogram, read_index
from fringeflow.insar.reach import distance_km
from fringeflow.insar.tiling import Bounds, GeoGrid, Tile, TileGrid
from fringeflow.progress import track
from fringeflow.store import write_samples
from fringeflow.store_shared import Target, runs, write_shared

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Cut:
    """One interferogram and the tiles kept from it, in order."""

    interferogram: Interferogram
    tiles: list[Tile]


@dataclass(frozen=True)
class Quake:
    """An event, and the outlines that a person drew of its deformation, None if nobody did."""

    event: Event
    outlines: list[Outline] | None = None


@dataclass(frozen=True)
class Survey:
    """The tiles of one interferogram that are kept, their rows of the index, and how many were dropped why."""

    tiles: list[Tile]
    rows: list[dict[str, Any]]
    dropped: Counter[str]


def tile_event(
    event: Event,
    interferograms: list[Interferogram],
    store: Path,
    tiling: Tiling,
    polygons: Mapping[str, Path] | None,
    *,
    index: Path,
    wrapped: Path,
    unwrapped: Path,
    others: Mapping[str, Sequence[Event]] | None = None,
    threads: int = 2,
    crew: Crew | None = None,
) -> None:
    """Cut, label and store the tiles of one event.

    Memory is bounded by `threads` interferograms and a few shards, whatever the number of either. With a crew, each of
    its members holds an interferogram or two and a shard.

    Parameters
    ----------
    event : Event
    interferograms : list of Interferogram
        Those of `store` to use.
    store : Path
        `interferograms.zarr` of the event.
    tiling : Tiling
        Size, stride, area and label rule. A tile is kept if enough of its pixels have wrapped phase,
        and, for an event with an epicentre, if its centre lies within `radius_km` of it.
    polygons : mapping of str to Path, or None
        By event, GeoJSON of the deformation's outlines: of those for which a person drew any.
    index : Path
        `tiles.parquet` to write: one row a tile, in the order of the stores. Written last. Its `coseismic` tells whether the interferogram
        spans any of these earthquakes.
    wrapped, unwrapped : Path
        Sample stores to write.
    others : mapping of str to sequence of Event, optional
        By `frame/pair`, other earthquakes that fall into its days: what they may have deformed is ambiguous.
    threads : int
        Of dask and of compression, where there is no crew.
    crew : Crew, optional
        Who shares the interferograms and then the shards; the result is the same.

    Raises
    ------
    ProductError
        If an interferogram is smaller than a tile.
    DatasetError
        If no tile is left (says how many fell to which rule), or an interferogram was not prepared.
    """
    outlines = {name: read_outlines(Path(path)) for name, path in (polygons or {}).items()}
    quakes = {row.key: [Quake(one, outlines.get(one.event)) for one in (event, *(others or {}).get(row.key, ()))] for row in interferograms}
    store = Path(store) if crew is None else Path(store).absolute()
    prepared = {entry["group"] for entry in read_index(store)["interferograms"]}
    for interferogram in interferograms:
        if interferogram.key not in prepared:
            raise DatasetError(
                f"{store}: holds {', '.join(sorted(prepared))}, but not {interferogram.key}; run `prepare` for {event.event} again"
            )
    ordered = sorted(interferograms, key=lambda row: row.key)
    pieces = [(quakes[row.key], row, store, tiling) for row in ordered]
    # How BLAS rounds depends on its threads: with one, labels are the same wherever they are made.
    with dask.config.set(scheduler=dask.threaded.get, num_workers=threads), threadpool_limits(1, user_api="blas"):
        if crew is None:
            with ThreadPoolExecutor(threads) as pool:
                found = pool.map(lambda piece: _survey(*piece), pieces)
                surveys = list(track(found, desc=f"label {event.event}", total=len(pieces), unit="pair"))
        else:
            surveys = crew.each(_survey, pieces, desc=f"label {event.event}", unit="pair")
        rows = [row for survey in surveys for row in survey.rows]
        dropped = sum((survey.dropped for survey in surveys), Counter[str]())
        if not rows:
            counts = "; ".join(f"{count} {reason}" for reason, count in sorted(dropped.items()))
            raise DatasetError(
                f"event '{event.event}': no tile is left of {sum(dropped.values())}: {counts or 'it has no interferogram'}. "
                "Lower min_valid, widen radius_km, or remove the event"
            )
        logger.info("%s: %d tiles kept, dropped: %s", event.event, len(rows), dict(dropped))
        cuts = [Cut(row, survey.tiles) for row, survey in zip(ordered, surveys, strict=True)]
        for view, path in (("wrapped", wrapped), ("unwrapped", unwrapped)):
            known = _write_view(cuts, store, view, event.event, path, tiling.size, threads, crew)
        for row, fraction in zip(rows, known, strict=True):
            row["unwrapped_fraction"] = fraction
    with atomic(index) as part:
        pq.write_table(pa.Table.from_pylist(rows), part)


def _survey(quakes: list[Quake], interferogram: Interferogram, store: Path, tiling: Tiling) -> Survey:
    """Choose and label the tiles of one interferogram; the first earthquake is the one that they are cut for."""
    event = quakes[0].event
    data = open_interferogram(store, interferogram.key)
    geo = GeoGrid.from_centres(data.latitude, data.longitude)
    try:
        grid = TileGrid(geo.rows, geo.columns, tiling.size, tiling.stride)
    except ProductError as error:
        raise ProductError(f"{store}, {interferogram.key}: {error}") from error
    valid = data.read("valid")
    chosen: list[tuple[Tile, Bounds, int]] = []
    dropped: Counter[str] = Counter()
    for tile in grid:
        bounds = geo.bounds(tile)
        seen = int(np.count_nonzero(valid[tile.window]))
        fraction = seen / tiling.size**2
        if tiling.radius_km is not None and _distance_km(event, bounds) > tiling.radius_km:
            dropped[f"farther than {tiling.radius_km:g} km from the epicentre"] += 1
        elif fraction < tiling.min_valid or fraction == 0.0:
            dropped[f"with data in less than {tiling.min_valid:.0%} of their pixels"] += 1
        else:
            chosen.append((tile, bounds, seen))
    if not chosen:
        return Survey([], [], dropped)
    coherence = data.read("coherence") if "coherence" in data else None
    if coherence is not None:
        np.copyto(coherence, np.float32(0), where=~valid)
    labels: list[Label] = []
    for quake in quakes:
        evidence = gather_evidence(quake.event, interferogram, quake.outlines, data.latitude, data.longitude).where(valid)
        judged = [judge(evidence, tile.window, seen, tiling.label) for tile, _, seen in chosen]
        labels = [beside(own, quake.event.event, other) for own, other in zip(labels, judged, strict=True)] if labels else judged
    rows = [
        _describe(quakes, interferogram, tile, bounds, seen, coherence, label)
        for (tile, bounds, seen), label in zip(chosen, labels, strict=True)
    ]
    return Survey([tile for tile, _, _ in chosen], rows, dropped)


def _describe(
    quakes: Sequence[Quake],
    interferogram: Interferogram,
    tile: Tile,
    bounds: Bounds,
    seen: int,
    coherence: np.ndarray | None,
    label: Label,
) -> dict[str, Any]:
    """Return the row of a tile in which `seen` pixels have data, without what only the cutting of the unwrapped phase shows."""
    event = quakes[0].event
    mean_coherence = np.nan if coherence is None else round(float(coherence[tile.window].sum()) / seen, 5)
    return {
        "sample": f"{event.event}/{interferogram.key}/{tile.name}",
        "event": event.event,
        "frame": interferogram.frame,
        "pair": interferogram.pair,
        "row": tile.row,
        "column": tile.column,
        "west": bounds.west,
        "south": bounds.south,
        "east": bounds.east,
        "north": bounds.north,
        "pixel_deg": round((bounds.east - bounds.west) / tile.size, 9),
        "valid_fraction": seen / tile.size**2,
        "unwrapped_fraction": np.nan,
        "mean_coherence": mean_coherence,
        "fringes": label.fringes,
        "deformed_fraction": label.deformed_fraction,
        "coseismic": any(interferogram.is_coseismic(quake.event) for quake in quakes),  # of whichever: it is no example of quiet ground
        "label": label.label,
        "why": label.why,
    }


def _distance_km(event: Event, bounds: Bounds) -> float:
    """Return how far a tile's centre lies from the epicentre; 0 for an area that has none."""
    if event.latitude is None or event.longitude is None:
        return 0.0
    return distance_km((event.latitude, event.longitude), bounds.centre)


def _write_view(cuts: list[Cut], store: Path, view: str, event: str, path: Path, size: int, threads: int, crew: Crew | None) -> list[float]:
    """Write the store of one view, and return the fraction of each tile with data."""
    count, shape, attrs = sum(len(cut.tiles) for cut in cuts), (size, size), {"event": event, "view": view}
    known: list[float] = []
    if crew is None:
        watched = track(cuts, desc=f"tile {event} {view}", unit="pair")
        write_samples(path, _cut(watched, store, view, known), count=count, shape=shape, attrs=attrs, units="rad", threads=threads)
        return known
    pieces = [(run, _part(cuts, run), store, view) for run in runs(count, shape, 1, count // len(cuts))]
    _, parts = write_shared(path, crew, _write_run, pieces, count=count, shape=shape, attrs=attrs, units="rad", desc=f"tile {event} {view}")
    return [fraction for part in parts for fraction in part]


def _write_run(target: Target, run: range, cuts: list[Cut], store: Path, view: str) -> tuple[list[bytes], list[float]]:
    """Write a run of tiles, as one of a crew."""
    known: list[float] = []
    return target.write(run, _cut(cuts, store, view, known)), known


def _part(cuts: list[Cut], run: range) -> list[Cut]:
    """Return the tiles of a run, counted over all interferograms."""
    part, first = [], 0
    for cut in cuts:
        tiles = cut.tiles[max(0, run.start - first) : max(0, run.stop - first)]
        part += [Cut(cut.interferogram, tiles)] if tiles else []
        first += len(cut.tiles)
    return part


def _cut(cuts: Iterable[Cut], store: Path, view: str, known: list[float]) -> Iterator[np.ndarray]:
    """Yield tiles, each as a block of one, shape (1, size, size), and note in `known` the fraction of each with data."""
    for cut in cuts:
        if cut.tiles:
            top, bottom = min(tile.row for tile in cut.tiles), max(tile.row + tile.size for tile in cut.tiles)
            raster = open_interferogram(store, cut.interferogram.key).read(view, slice(top, bottom))
            finite = np.isfinite(raster)
            for tile in cut.tiles:
                window = replace(tile, row=tile.row - top).window
                known.append(int(np.count_nonzero(finite[window])) / tile.size**2)
                yield raster[window][None]
