"""What rules of detection need: which interferograms are scanned, with which run, and which of them are quiet."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from fringeflow.collection_plan import CollectionPlan
from fringeflow.config.tables import Event, Interferogram
from fringeflow.errors import ConfigError, nearest
from fringeflow.files import canonical_json
from fringeflow.licsar.folder import find_interferograms

FOLDER = "results/detections"


@dataclass(frozen=True)
class DetectionPlan(CollectionPlan):
    """The part of the plan that is about scanning interferograms."""

    @cached_property
    def scanned(self) -> dict[str, tuple[Event, Interferogram]]:
        """Every interferogram to scan by `frame/pair`, with its event (any of them, if several share it)."""
        wanted = self.config.detect
        inside = {"/".join(key) for key in find_interferograms(wanted.folder)} if wanted.folder else set()
        found: dict[str, tuple[Event, Interferogram]] = {}
        for name, rows in self.tables.interferograms.items():
            for row in rows:
                if name in wanted.events or row.key in inside:
                    found.setdefault(row.key, (self.tables.events[name], row))
        return dict(sorted(found.items()))

    def detector_runs(self, wildcards: Any) -> list[str]:
        """Return the trained runs of which one scans."""
        return [f"{run.folder}/run.json" for run in self._scanning()]

    def detector_metrics(self, wildcards: Any) -> list[str]:
        """Return the scores of those runs, which hold their temperatures."""
        return [f"{run.folder}/metrics.json" for run in self._scanning()]

    def detector_comparisons(self, wildcards: Any) -> list[str]:
        """Return the comparisons that decide which run scans."""
        if self.config.detect.run != "best":
            return []
        return [f"results/comparison/{name}.tsv" for name in sorted({run.dataset for run in self._scanning()})]

    def _scanning(self) -> list[Any]:
        chosen = self.config.detect.run
        runs = [run for run in self.runs if self.config.datasets[run.dataset].collection is None]
        return [run for run in runs if chosen == "best" or run.name == chosen]

    def sizes_json(self, wildcards: Any) -> str:
        """Return the side of the tiles of every dataset of which a run may scan, in pixels."""
        datasets = sorted({run.dataset for run in self._scanning()})
        return canonical_json({name: self.config.tilings[self.config.datasets[name].tiling].size for name in datasets})

    def detector_modules(self) -> tuple[str, ...]:
        """Return the modules that scanning may import by name."""
        return self._modules(self._scanning())

    def scanned_interferograms(self, wildcards: Any) -> str:
        """Return the prepared interferograms that hold the one to scan."""
        event, _ = self._scanned(wildcards)
        return f"results/events/{event.event}/interferograms.zarr/zarr.json"

    def quiet_windows(self, wildcards: Any) -> list[str]:
        """Return the scanned windows of every real interferogram that no earthquake can have touched."""
        return [f"{FOLDER}/{key}/windows.parquet" for key in self.scanned if self.is_quiet(key)]

    def is_quiet(self, key: str) -> bool:
        """Whether a real interferogram is known to show no deformation.

        It stands in a table, or in `detect.quiet`; and no earthquake of the tables with interferograms of its frame falls into its
        days, the first and the last included, since without the time of the acquisitions it may lie on either side.
        """
        frame, event = key.split("/")[0], self.scanned[key][0]
        if event.source != "portal":
            return False
        if {key, frame} & set(self.config.detect.quiet):
            return True
        if event.event == frame:  # found in the folder alone: nobody has said what it shows
            return False
        first, second = self.scanned[key][1].dates
        near = [self.tables.events[name] for name, rows in self.tables.interferograms.items() if any(row.frame == frame for row in rows)]
        return not any(quake.time is not None and first <= quake.time.date() <= second for quake in near)

    def detector_samples(self, wildcards: Any) -> list[str]:
        """Return the indexes of the datasets of which a run may scan: what it was fitted on is no measure of quiet."""
        return [f"results/datasets/{name}/samples.parquet" for name in sorted({run.dataset for run in self._scanning()})]

    def detect_json(self, *keys: str) -> Callable[[Any], str]:
        """Return a parameter function: some keys of `detect`, those that a stage reads."""
        text = canonical_json(self.config.detect.model_dump(mode="json", include=set(keys)))
        return lambda wildcards: text

    def detection_events_json(self, wildcards: Any) -> str:
        """Return the earthquakes that a detection may be near to."""
        rows = [event for event in self.tables.events.values() if event.is_earthquake and event.source == "portal"]
        return canonical_json([row.model_dump(mode="json", exclude={"place"}) for row in rows])

    def detection_files(self, name: str) -> list[str]:
        """Return a file of every scanned interferogram."""
        return [f"{FOLDER}/{key}/{name}" for key in self.scanned]

    def detection_targets(self, wildcards: Any = None) -> list[str]:
        """Return the files of `snakemake detect`.

        Raises
        ------
        ConfigError
            If there is nothing to scan.
        """
        if not self.scanned:
            raise ConfigError(
                [
                    "detect: nothing to scan; name events in detect.events or a folder in LiCSAR layout in detect.folder, as config/detect.yaml does"
                ]
            )
        return [f"{FOLDER}/summary.tsv", *self.detection_files("quicklook.png")]

    @property
    def detection_owners(self) -> list[str]:
        """The event of every scanned interferogram, in their order."""
        return [event.event for event, _ in self.scanned.values()]

    def _scanned(self, wildcards: Any) -> tuple[Event, Interferogram]:
        key = f"{wildcards.frame}/{wildcards.pair}"
        if key not in self.scanned:
            raise ConfigError(
                [f"the interferogram {key} is not to be scanned; {nearest(key, self.scanned)}. See detect.events, detect.folder"]
            )
        return self.scanned[key]
