"""Tiles of one simulated scene, encoded as training and detection encode them."""

from dataclasses import dataclass

import numpy as np

from fringeflow.config.interferograms import LabelRule
from fringeflow.encoding.encodings import encode
from fringeflow.simulate.streams import stream
from fringeflow.simulate.varied_scene import VariedScene, varied_scene

SCENE_SIDES = 1.75
"""Side of a scene, in sides of a tile: room for tiles with and without the earthquake."""
ENCODING = "sincos"
"""Of every view: sine and cosine, and of an unwrapped phase its level too."""
LEAST_DATA = 0.25
"""Least share of a tile with data."""


@dataclass(frozen=True)
class Tiles:
    """Samples to train on.

    Attributes
    ----------
    images : ndarray of float16, shape (n, 3, size, size)
        From `encode`.
    targets : ndarray of float32, shape (n,)
        From 0, no deformation, to 1, deformation by the label rule; between them how much of the least area is deformed.
    kinds : ndarray of str, shape (n,)
        Of the scenes.
    """

    images: np.ndarray
    targets: np.ndarray
    kinds: np.ndarray

    def __len__(self) -> int:
        return len(self.targets)

    @classmethod
    def joined(cls, parts: list["Tiles"]) -> "Tiles":
        """Return all of some tiles, in order."""
        return cls(*(np.concatenate([getattr(part, name) for part in parts]) for name in ("images", "targets", "kinds")))


def scene_tiles(seed: int, number: int, *, tile: int, count: int, input_size: int, rule: LabelRule, view: str) -> Tiles:
    """Simulate a scene and cut tiles from it at random places.

    Parameters
    ----------
    seed, number : int
        Of the scene.
    tile : int
        Side of a tile, pixels.
    count : int
        Tiles; fewer where the scene has little data.
    input_size : int
        Side of an encoded tile.
    rule : LabelRule
        Its `min_fringes` and `min_area`, as for tiles of interferograms.
    view : {"wrapped", "unwrapped"}
        The phase that tiles show.

    Returns
    -------
    Tiles
    """
    scene = varied_scene(seed, number, round(SCENE_SIDES * tile), view)
    places = _places(scene, tile, count, stream(seed, "tiles", str(number)))
    windows = [np.s_[row : row + tile, column : column + tile] for row, column in places]
    phase = np.stack([scene.phase[window] for window in windows]) if windows else np.empty((0, tile, tile), np.float32)
    images = encode(phase, view, ENCODING, input_size).astype(np.float16)
    targets = np.array([_target(scene, window, rule) for window in windows], np.float32)
    return Tiles(images, targets, np.full(len(windows), scene.kind))


def _places(scene: VariedScene, tile: int, count: int, rng: np.random.Generator) -> list[tuple[int, int]]:
    """Draw where tiles lie: anywhere with data."""
    room = len(scene.phase) - tile + 1
    found: list[tuple[int, int]] = []
    for _ in range(4 * count):
        row, column = (int(place) for place in rng.integers(0, room, 2))
        if np.isfinite(scene.phase[row : row + tile : 4, column : column + tile : 4]).mean() >= LEAST_DATA:
            found.append((row, column))
            if len(found) == count:
                break
    return found


def _target(scene: VariedScene, window: tuple[slice, slice], rule: LabelRule) -> float:
    """Return how much of the least deformed area a tile shows, at most 1."""
    data = int(np.count_nonzero(np.isfinite(scene.phase[window])))
    deformed = int(np.count_nonzero((scene.fringes[window] >= rule.min_fringes) & scene.seen[window]))
    return min(1.0, deformed / max(data, 1) / rule.min_area)
