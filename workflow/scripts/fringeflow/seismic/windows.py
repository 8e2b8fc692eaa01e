"""The part of a recording that a row of an index means."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from fringeflow.seismic.reader import read_recording
from fringeflow.seismic.recording import Recording
from fringeflow.seismic.stores import VARIANT
from fringeflow.seismic.vary import vary_recording


@dataclass(frozen=True)
class Reading:
    """How recordings are read: the arguments of `seismic.reader.read_recording`."""

    interval_ms: float | None = None
    inventory: str | None = None
    response: str = "none"

    @property
    def reader(self) -> Callable[[str], Recording]:
        """The function that reads a file so."""
        return partial(read_recording, interval_ms=self.interval_ms, inventory=self.inventory, response=self.response)


def cut(recording: Recording, row: Any) -> Recording:
    """Return the part of a recording that a row of an index names, varied if it says so.

    Parameters
    ----------
    recording : Recording
    row : named tuple
        `begin_s`, `end_s`, `first_trace`, `last_trace`, and at times `variant`.

    Raises
    ------
    DatasetError
        If the part lies outside the recording, or cannot be varied.
    """
    part = recording.window(row.begin_s, row.end_s, row.first_trace, row.last_trace)
    variant = getattr(row, VARIANT, None)
    return vary_recording(part, variant) if variant else part


def begin_of(row: Any) -> float:
    """Return where the part of a row begins, in seconds from the recording's first sample."""
    return 0.0 if np.isnan(row.begin_s) else float(row.begin_s)
