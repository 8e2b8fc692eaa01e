"""What rules of pretraining need: which networks, and which real interferograms they are trained or scored on."""

from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any

from fringeflow.collection_plan import CollectionPlan
from fringeflow.config.pretraining import Pretraining
from fringeflow.config.tables import Event, Interferogram
from fringeflow.errors import ConfigError, nearest
from fringeflow.files import canonical_json
from fringeflow.insar.reach import may_reach
from fringeflow.models.registry import ARCHITECTURES

FOLDER = "results/pretraining"


@dataclass(frozen=True)
class PretrainingPlan(CollectionPlan):
    """The part of the plan that is about pretraining."""

    def pretraining(self, name: str) -> Pretraining:
        """Return one network's settings.

        Raises
        ------
        ConfigError
            If there is none of that name.
        """
        if name not in self.config.pretraining:
            raise ConfigError(
                [f"no pretraining '{name}' in this configuration; {nearest(name, self.config.pretraining)}. Is --configfile missing?"]
            )
        return self.config.pretraining[name]

    def pretraining_json(self, *left_out: str) -> Callable[[Any], str]:
        """Return a parameter function: the settings of a network, but for some keys."""
        return lambda wildcards: canonical_json(self.pretraining(wildcards.name).model_dump(mode="json", exclude=set(left_out)))

    def pretraining_fit_json(self, wildcards: Any) -> str:
        """Return the settings of a network that its training reads."""
        return canonical_json(self.pretraining(wildcards.name).of_training())

    def pretrained(self, name: str) -> Callable[[Any], list[str]]:
        """Return an input function: a file of every run of a network, by the number of scenes."""
        return lambda wildcards: [f"{FOLDER}/{wildcards.name}/{scenes}/{name}" for scenes in self.pretraining(wildcards.name).scenes]

    def pretraining_pairs(self, key: str) -> Callable[[Any], list[str]]:
        """Return an input function: prepared interferograms and polygons of the events in `implant` or `real`."""

        def files(wildcards: Any) -> list[str]:
            events = sorted(set(getattr(self.pretraining(wildcards.name), key)))
            drawn = events if key == "real" else []  # what is trained on is quiet: nobody outlines that
            return [self._prepared(event) for event in events] + [path for event in drawn if (path := self.outlines(event))]

        return files

    def pretraining_pairs_json(self, key: str) -> Callable[[Any], str]:
        """Return a parameter function: every interferogram of those events, with its event and where both lie."""

        def text(wildcards: Any) -> str:
            rows = []
            for event in sorted(set(getattr(self.pretraining(wildcards.name), key))):
                about: dict[str, Any] = {
                    "path": self._prepared(event).removesuffix("/zarr.json"),
                    "outlines": self.outlines(event) if key == "real" else None,
                }
                about["event"] = self.event(event).model_dump(mode="json", exclude={"place"})
                for row in self.tables.interferograms[event]:
                    rows.append({**about, "interferogram": row.model_dump(mode="json"), "untouched": self.is_untouched(row)})
            return canonical_json(rows)

        return text

    def pretraining_modules(self) -> tuple[str, ...]:
        """Return the modules that a pretrained network is imported from by name."""
        return ARCHITECTURES["lite0_stride16"].modules

    def pretraining_targets(self, wildcards: Any = None) -> list[str]:
        """Return the files of `snakemake pretrain`.

        Raises
        ------
        ConfigError
            If no network is configured.
        """
        if not self.config.pretraining:
            raise ConfigError(["pretraining: nothing to pretrain; name a network there, as config/pretrain.yaml does"])
        return [f"{FOLDER}/{name}/package/card.md" for name in sorted(self.config.pretraining)]

    @cached_property
    def _seen_in(self) -> dict[str, list[Event]]:
        """The real events with interferograms of a frame, by frame."""
        found: dict[str, list[Event]] = {}
        for name, rows in self.tables.interferograms.items():
            for frame in sorted({row.frame for row in rows} if self.tables.events[name].source == "portal" else ()):
                found.setdefault(frame, []).append(self.tables.events[name])
        return found

    def _quakes_about(self, dates: tuple[date, date], days: int = 0) -> list[str]:
        """Return the real earthquakes from some days before the first of two dates to as many after the second."""
        first, second = dates[0].toordinal() - days, dates[1].toordinal() + days
        known = self._days
        return [name for _, name in known[bisect_left(known, (first, "")) : bisect_left(known, (second + 1, ""))]]

    @cached_property
    def _days(self) -> list[tuple[int, str]]:
        """Day and name of every real earthquake, in order."""
        rows = [event for event in self.tables.events.values() if event.is_earthquake and event.source == "portal"]
        return sorted((event.time.date().toordinal(), event.event) for event in rows if event.time is not None)

    def quakes_within(self, row: Interferogram) -> list[Event]:
        """Return the real earthquakes that may reach into an interferogram's frame and fall into its days.

        One may that has interferograms of the frame, and one that is too near to be ruled out (`may_reach`), whatever frames its own are
        of. The first and the last day count: without the time of the acquisitions it may lie on either side.
        """
        known = self._seen_in.get(row.frame, [])
        listed = {event.event for event in known}
        about = [self.tables.events[name] for name in self._quakes_about(row.dates)]
        return [quake for quake in about if quake.event in listed or may_reach(quake, row.frame, known)]

    def is_untouched(self, row: Interferogram) -> bool:
        """Whether no earthquake falls into the days of an interferogram."""
        return not self.quakes_within(row)

    def outlines(self, event: str) -> str | None:
        """Return the file of polygons that a person drew for an event, None if nobody did."""
        folder = self.config.catalogue.polygons
        path = Path(folder or "") / f"{event}.geojson"
        return str(path) if folder and path.is_file() else None

    def _prepared(self, event: str) -> str:
        self.event(event)
        return f"results/events/{event}/interferograms.zarr/zarr.json"
