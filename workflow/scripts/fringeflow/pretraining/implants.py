"""Real quiet interferograms to pretrain on: as they are, and with the modelled deformation of earthquakes that never happened."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import dask
import numpy as np

from fringeflow.config.interferograms import LabelRule
from fringeflow.config.pretraining import Pretraining
from fringeflow.config.tables import Interferogram
from fringeflow.deformation.line_of_sight import line_of_sight
from fringeflow.encoding.encodings import encode
from fringeflow.errors import DatasetError
from fringeflow.files import sha256_file
from fringeflow.imbalance.implant import Ground, draw_visible
from fringeflow.insar.phase import rewrap
from fringeflow.insar.prepared import Prepared, open_interferogram
from fringeflow.pretraining.pairs import RealPair
from fringeflow.pretraining.tiles import ENCODING, Tiles

LEAST_DATA = 0.5
TRIES = 200


@dataclass(frozen=True)
class QuietGround:
    """A real interferogram in which nothing deformed.

    Attributes
    ----------
    path : Path
        interferograms.zarr of its event.
    interferogram : Interferogram
    view : {"wrapped", "unwrapped"}
        The phase that its windows show.
    """

    path: Path
    interferogram: Interferogram
    view: str

    @cached_property
    def digest(self) -> str:
        """Of what it holds."""
        return sha256_file(self.path / "zarr.json") + self.interferogram.key

    @cached_property
    def axes(self) -> tuple[np.ndarray, np.ndarray]:
        """Latitude and longitude of pixel centres, degrees."""
        return np.asarray(self._data.latitude), np.asarray(self._data.longitude)

    @cached_property
    def _data(self) -> Prepared:
        return open_interferogram(self.path, self.interferogram.key)

    def window(self, size: int, rng: np.random.Generator) -> tuple[Ground, np.ndarray]:
        """Draw a window with data in half of it; return where it lies, and its phase.

        Its rows are read anew each time, and nothing is kept: memory does not grow with the interferograms that are drawn from.

        Raises
        ------
        DatasetError
            If there is hardly any.
        """
        latitude, longitude = self.axes
        room = [len(axis) - size + 1 for axis in self.axes]
        for _ in range(TRIES if min(room) > 0 else 0):
            row, column = (int(rng.integers(0, length)) for length in room)
            with dask.config.set(scheduler="synchronous"):  # in parallel, a window across two chunks would hold both, compressed too
                phase = self._data.read(self.view, slice(row, row + size))[:, column : column + size]
            valid = np.isfinite(phase)
            if valid.mean() >= LEAST_DATA:
                where = latitude[row : row + size], longitude[column : column + size]
                return Ground(*where, valid, line_of_sight(self.interferogram)), phase.copy()
        share = np.isfinite(self._data.read(self.view)).mean()
        found = f"{len(latitude)} x {len(longitude)} pixels, {share:.0%} of them with data"
        raise DatasetError(
            f"{self.path}: {self.interferogram.key} has {found}; expected a window of {size} x {size} with data in {LEAST_DATA:.0%} of it. "
            "Leave its event out of `implant`"
        )


def quiet_grounds(pairs: Sequence[RealPair], view: str) -> list[QuietGround]:
    """Return the quiet ones among the interferograms of the events in `implant`.

    Raises
    ------
    DatasetError
        If there are interferograms, and none is quiet.
    """
    found = [QuietGround(pair.path, pair.interferogram, view) for pair in pairs if pair.is_quiet]
    if pairs and not found:
        names = ", ".join(sorted({pair.event.event for pair in pairs}))
        raise DatasetError(
            f"pretraining: all {len(pairs)} interferograms of the events in `implant` ({names}) may show an earthquake; expected quiet ones. "
            "Add pairs from before it to the interferograms table, or leave these events out of `implant`"
        )
    return found


def implants(quiet: Sequence[QuietGround], count: int, settings: Pretraining, rng: np.random.Generator) -> Tiles:
    """Cut tiles from quiet interferograms, implant deformation in every second one, and encode them; see `implanted`.

    Returns
    -------
    Tiles
        Targets 0 and 1 in turn.
    """
    phase, truth = implanted(quiet, count, settings.tile, settings.label, rng)
    images = encode(phase, settings.view, ENCODING, settings.input_size).astype(np.float16)
    return Tiles(images, truth.astype(np.float32), np.where(truth > 0, "implant", "real"))


def implanted(
    quiet: Sequence[QuietGround], count: int, size: int, rule: LabelRule, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Cut windows from quiet interferograms, and implant deformation in every second one.

    Parameters
    ----------
    quiet : sequence of QuietGround
        At least one.
    count : int
    size : int
        Side of a window, pixels.
    rule : LabelRule
        What is implanted makes the window `deformation` by it.
    rng : Generator

    Returns
    -------
    phase : ndarray of float32, shape (count, size, size), radians
        Of the view of the interferograms; NaN marks no data.
    truth : ndarray of int, shape (count,)
        0 and 1 in turn.
    """
    phases = []
    for number in range(count):
        ground = quiet[int(rng.integers(len(quiet)))]
        where, phase = ground.window(size, rng)
        if number % 2:
            phase = phase.astype(np.float64) + where.phase(draw_visible(rng, where, rule))
            phase = rewrap(phase) if ground.view == "wrapped" else phase
        phases.append(phase.astype(np.float32))
    return np.stack(phases), np.arange(count) % 2
