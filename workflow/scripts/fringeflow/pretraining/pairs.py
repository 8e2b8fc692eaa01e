"""Real interferograms that pretraining knows, whether it learns from them or is judged on them."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fringeflow.config.classes import NO_DEFORMATION
from fringeflow.config.tables import Event, Interferogram
from fringeflow.insar.labels import gather_evidence
from fringeflow.insar.prepared import open_interferogram


@dataclass(frozen=True)
class RealPair:
    """A real interferogram.

    Attributes
    ----------
    path : Path
        interferograms.zarr of its event.
    event : Event
    interferogram : Interferogram
    outlines : Path or None
        Polygons of the deformation that a person drew.
    untouched : bool
        Whether no other earthquake that is known falls into it either.
    """

    path: Path
    event: Event
    interferogram: Interferogram
    outlines: Path | None = None
    untouched: bool = True

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "RealPair":
        """Build from plain values."""
        event, row = Event.model_validate(values["event"]), Interferogram.model_validate(values["interferogram"])
        return cls(Path(values["path"]), event, row, Path(values["outlines"]) if values["outlines"] else None, bool(values["untouched"]))

    @property
    def is_quiet(self) -> bool:
        """Whether it is real, and no earthquake falls into it."""
        if not self.untouched or self.event.source != "portal":
            return False
        data = open_interferogram(self.path, self.interferogram.key)
        return gather_evidence(self.event, self.interferogram, None, data.latitude, data.longitude).verdict == NO_DEFORMATION
