"""Extra training samples of rarer classes: altered copies (`augment`) or modelled deformation in quiet tiles (`implant`).

All are made from samples of the training split, each named as the `source` of its sample; no other sample is read.
"""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from fringeflow.config.tables import Interferogram
from fringeflow.deformation.line_of_sight import line_of_sight
from fringeflow.deformation.source import Fault
from fringeflow.encoding.augment import Change, augment, can_gain, draw_change
from fringeflow.errors import DatasetError
from fringeflow.files import atomic, canonical_json, read_json
from fringeflow.imbalance.implant import Ground, draw_visible, implant
from fringeflow.imbalance.recipes import Recipe, choose_sources
from fringeflow.progress import progress_bar
from fringeflow.store import open_samples, write_samples

BLOCK = 16
"""Tiles that a thread makes at once."""
VIEWS = ("wrapped", "unwrapped")
COLUMNS = ("sample", "store", "row", "label", "source", "group", "split", "event", "frame", "pair", "made")

Phases = tuple[np.ndarray, np.ndarray]
"""A tile twice, wrapped and unwrapped, shape (rows, columns), radians."""
Drawn = Change | Fault
"""What becomes of a sample."""


@dataclass(frozen=True)
class Maker:
    """Makes one sample of another. `source` is its row of the dataset, as `itertuples` gives it.

    Attributes
    ----------
    recipe : Recipe
    seed : list of int
        Words that every draw comes from.
    """

    recipe: Recipe
    seed: list[int]

    def draw(self, number: int, source: Any, phases: Phases) -> Drawn:
        """Draw what becomes of a sample; the outcome depends on the seed, its number and its source alone."""
        rng = np.random.default_rng([*self.seed, number])
        if self.recipe.extra == "augment":
            change = draw_change(rng)
            return change if can_gain(*phases) else replace(change, gain=1.0)
        assert self.recipe.rule is not None
        return draw_visible(rng, self.ground(source, phases[0]), self.recipe.rule)

    def make(self, drawn: Drawn, source: Any, phases: Phases) -> Phases:
        """Return both phases of the new sample."""
        if isinstance(drawn, Change):
            return augment(*phases, drawn)
        return implant(*phases, self.ground(source, phases[0]).phase(drawn))

    def ground(self, source: Any, wrapped: np.ndarray) -> Ground:
        """Return where a tile lies and how the satellite saw it.

        Raises
        ------
        DatasetError
            If the tile index or the interferograms table does not fit the dataset.
        """
        box = self._index(source.store).iloc[source.row]
        if box["sample"] != source.sample:
            found = f"row {source.row} is {box['sample']}, the dataset has {source.sample} there"
            raise DatasetError(f"{source.store}/tiles.parquet: {found}; build the dataset again")
        key = (source.event, f"{source.frame}/{source.pair}")
        if key not in self._interferograms:
            raise DatasetError(
                f"no interferogram {key[1]} of event '{key[0]}', from which {source.sample} was cut; add it to the table again"
            )
        rows, columns = wrapped.shape
        latitude = box["north"] - (np.arange(rows) + 0.5) * ((box["north"] - box["south"]) / rows)
        longitude = box["west"] + (np.arange(columns) + 0.5) * ((box["east"] - box["west"]) / columns)
        return Ground(latitude, longitude, np.isfinite(wrapped), line_of_sight(self._interferograms[key]))

    @cached_property
    def _interferograms(self) -> dict[tuple[str, str], Interferogram]:
        return {(row.event, row.key): row for row in self.recipe.interferograms}

    @cached_property
    def _index(self) -> Callable[[str], pd.DataFrame]:
        columns = ["sample", "west", "south", "east", "north"]
        return cache(lambda store: pd.read_parquet(f"{store}/tiles.parquet", columns=columns))


def make_extra(samples: Path, dataset: Path, recipe: Recipe, *, out: Path, wrapped: Path, unwrapped: Path, threads: int = 2) -> None:
    """Make the extra samples of a recipe.

    Memory is bounded by a few blocks of tiles for each thread, whatever the number of samples. The same training
    samples, recipe and seed give the same bytes, with any number of threads.

    Parameters
    ----------
    samples, dataset : Path
        samples.parquet and dataset.json of a dataset; stores and tile indexes lie where the first says.
    recipe : Recipe
    out : Path
        samples.parquet to write, last: `sample`, `store` (its own folder), `row`, `label`, `source` (the training
        sample it was made from), `group`, `split` (train), `event`, `frame`, `pair`, and `made` (JSON: what was drawn).
    wrapped, unwrapped : Path
        Sample stores to write, beside it, under the names of their views.
    threads : int
        Blocks made at once.

    Raises
    ------
    DatasetError
        If there is nothing to make samples from, no deformation can be implanted, or files do not fit together.
    """
    about = read_json(dataset)
    table = pd.read_parquet(samples)
    train = table[table["split"] == "train"]
    picks = choose_sources(train, recipe, about, source=str(samples))
    maker = Maker(recipe, recipe.seed_words(train))
    shapes = {open_samples(f"{store}/wrapped.zarr").shape for store in picks["store"].unique()}
    if len(shapes) > 1:
        raise DatasetError(f"{samples}: its tiles differ in shape ({', '.join(map(str, sorted(shapes)))}); tile its events again")
    drawn: list[Drawn] = []
    # A store is written in one go, so the sources are walked once a view; what was drawn the first time is kept.
    for view, path in zip(VIEWS, (wrapped, unwrapped), strict=True):
        write_samples(
            path,
            _made(picks, maker, view, drawn, threads),
            count=len(picks),
            shape=next(iter(shapes)),
            attrs={"recipe": recipe.name, "view": view},
            units="rad",
            threads=threads,
        )
    result = picks.assign(
        sample=[f"{recipe.name}/{number:06d}" for number in range(len(picks))],
        source=picks["sample"],
        store=Path(out).parent.as_posix(),
        row=np.arange(len(picks)),
        label=picks["becomes"],
        made=[canonical_json(_plain(one)) for one in drawn],
    )
    with atomic(out) as part:
        result[list(COLUMNS)].to_parquet(part, index=False)


def _made(picks: pd.DataFrame, maker: Maker, view: str, drawn: list[Drawn], threads: int) -> Iterator[np.ndarray]:
    """Yield one phase of the new samples in order, a few blocks ahead, shape (b, rows, columns).

    Parameters
    ----------
    picks : DataFrame
        From `choose_sources`.
    maker : Maker
    view : str
    drawn : list
        What becomes of each sample; if it is empty, that is drawn here and kept there.
    threads : int
    """
    opened = cache(open_samples)
    known = list(drawn)

    def work(rows: Sequence[Any]) -> tuple[np.ndarray, list[Drawn]]:
        numbers = np.array([row.row for row in rows])
        tiles = [opened(f"{rows[0].store}/{name}.zarr").read(numbers) for name in VIEWS]
        made, new = np.empty(tiles[0].shape, np.float32), []
        for here, (row, wrapped, unwrapped) in enumerate(zip(rows, *tiles, strict=True)):
            phases = (wrapped, unwrapped)
            new.append(known[row.Index] if known else maker.draw(row.Index, row, phases))
            made[here] = maker.make(new[-1], row, phases)[VIEWS.index(view)]
        return made, new

    groups: list[Sequence[Any]] = []
    for _, part in picks.groupby("store", sort=False):
        groups += [list(part.iloc[start : start + BLOCK].itertuples()) for start in range(0, len(part), BLOCK)]
    with ThreadPoolExecutor(max(1, threads)) as pool, progress_bar(len(picks), desc=f"{maker.recipe.name} {view}", unit="tile") as bar:
        running: deque[Future[tuple[np.ndarray, list[Drawn]]]] = deque()
        for place, group in enumerate(groups):
            running.append(pool.submit(work, group))
            while running and (len(running) > threads or place == len(groups) - 1):
                made, new = running.popleft().result()
                if not known:
                    drawn += new
                bar.update(len(made))
                yield made


def _plain(drawn: Drawn) -> dict[str, Any]:
    """Return what was drawn in plain values, a fault with its magnitude."""
    return {**asdict(drawn), "magnitude": drawn.magnitude} if isinstance(drawn, Fault) else asdict(drawn)
