"""Where a killed fit goes on: arrays and a history after each epoch, in one file that runs no code when read."""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from fringeflow.files import atomic

ABOUT = "about"


@dataclass
class Checkpoint:
    """The state of one fit.

    Attributes
    ----------
    path : Path
        An ``.npz`` file.
    key : str
        Digest of all that decides the fit; a file of another key is not used.
    every_s : float
        Seconds between two states that are kept: a short fit keeps none.
    """

    path: Path
    key: str
    every_s: float = 30.0
    _last: float = field(default_factory=time.monotonic, repr=False)

    @property
    def due(self) -> bool:
        """Whether it is time to keep a state."""
        return time.monotonic() - self._last >= self.every_s

    def save(self, arrays: Mapping[str, np.ndarray], about: Mapping[str, Any]) -> None:
        """Keep a state.

        Parameters
        ----------
        arrays : mapping of str to ndarray
            Weights, the optimiser's variables, the best weights so far.
        about : mapping
            Plain values: epoch, history, best scores.
        """
        self._last = time.monotonic()
        text = np.frombuffer(json.dumps({**about, "key": self.key}).encode(), np.uint8)
        stored: dict[str, Any] = {ABOUT: text, **{f"_{name}": array for name, array in arrays.items()}}
        with atomic(self.path) as part:
            np.savez(part, **stored)

    def load(self) -> tuple[dict[str, np.ndarray], dict[str, Any]] | None:
        """Return the kept arrays and values, None if there are none of this key."""
        try:
            with np.load(self.path, allow_pickle=False) as stored:
                about = dict(json.loads(bytes(stored[ABOUT])))
                if about.pop("key") != self.key:
                    return None
                return {name[1:]: stored[name] for name in stored.files if name != ABOUT}, about
        except Exception:  # of zipfile, zlib and numpy, for a damaged file: the fit starts anew then
            return None

    def remove(self) -> None:
        """Forget the state."""
        self.path.unlink(missing_ok=True)
