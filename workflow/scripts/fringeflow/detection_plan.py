"""What rules of detection need: which interferograms are scanned, with which run, and which of them are quiet."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from fringeflow.config.tables import DAYS, Event, Interferogram
from fringeflow.errors import ConfigError, nearest
from fringeflow.files import canonical_json, sha256_file, sha256_text
from fringeflow.licsar.folder import find_interferograms
from fringeflow.models.base import QUIET, is_packaged, packaged_folder, run_digest
from fringeflow.pretraining_plan import PretrainingPlan

FOLDER = "results/detections"


def _scan_list(event: str) -> str:
    return f"{FOLDER}/scans/{event}.json"


@dataclass(frozen=True)
class DetectionPlan(PretrainingPlan):
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
        if self.packaged:
            return []
        chosen = self.config.detect.run
        runs = [run for run in self.runs if self.config.datasets[run.dataset].collection is None]
        return [run for run in runs if chosen == "best" or run.name == chosen]

    @property
    def packaged(self) -> str:
        """The packaged model that scans, empty if a run of this workflow does."""
        chosen = self.config.detect.run
        return chosen if is_packaged(chosen) else ""

    @cached_property
    def packaged_digest(self) -> str:
        """What a packaged model holds, empty if none scans.

        Its files are no inputs: some are part of Fringeflow, and the rule that made others needs the configuration that it was made with.
        """
        if not self.packaged:
            return ""
        folder = packaged_folder(self.packaged)
        files = [folder / name for name in ("metrics.json", QUIET)]
        return sha256_text(canonical_json({"run": run_digest(folder)} | {path.name: sha256_file(path) for path in files if path.is_file()}))

    def sizes_json(self, wildcards: Any) -> str:
        """Return the side of the tiles of every dataset of which a run may scan, in pixels."""
        datasets = sorted({run.dataset for run in self._scanning()})
        return canonical_json({name: self.config.tilings[self.config.datasets[name].tiling].size for name in datasets})

    def detector_modules(self) -> tuple[str, ...]:
        """Return the modules that scanning may import by name."""
        return self.pretraining_modules() if self.packaged else self._modules(self._scanning())

    def scanned_interferograms(self, wildcards: Any) -> str:
        """Return the prepared interferograms that hold the one to scan."""
        event, _ = self._scanned(wildcards)
        return f"results/events/{event.event}/interferograms.zarr/zarr.json"

    def scan_keys(self, wildcards: Any) -> list[str]:
        """Return the interferograms of an event that are scanned, as `frame/pair`.

        Raises
        ------
        ConfigError
            If there is none.
        """
        if wildcards.event not in self._scanned_by_event:
            raise ConfigError(
                [
                    f"no interferogram of the event {wildcards.event} is to be scanned; {nearest(wildcards.event, self._scanned_by_event)}. "
                    "See detect.events, detect.folder"
                ]
            )
        return self._scanned_by_event[wildcards.event]

    @cached_property
    def _scanned_by_event(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for key, (event, _) in self.scanned.items():
            found.setdefault(event.event, []).append(key)
        return found

    def scan_of(self, wildcards: Any) -> str:
        """Return the list of the scan that an interferogram is part of."""
        return _scan_list(self._scanned(wildcards)[0].event)

    @property
    def scans(self) -> list[str]:
        """The lists of all scans."""
        return [_scan_list(name) for name in self._scanned_by_event]

    def quiet_keys(self, wildcards: Any) -> list[str]:
        """Return every real interferogram that no earthquake can have touched, as `frame/pair`."""
        return self._quiet

    def quiet_scans(self, wildcards: Any) -> list[str]:
        """Return the lists of the scans that these are part of."""
        return [_scan_list(name) for name in dict.fromkeys(self.scanned[key][0].event for key in self._quiet)]

    def quiet_table(self, wildcards: Any) -> list[str]:
        """Return the table of what all these show, none if there is none: thresholds wait for it, not each for all of them."""
        return [f"{FOLDER}/{QUIET}"] if self._quiet else []

    @cached_property
    def _quiet(self) -> list[str]:
        return [key for key in self.scanned if self.is_quiet(key)]

    def is_quiet(self, key: str) -> bool:
        """Whether a real interferogram is known to show no deformation.

        It stands in a table, or its frame in `detect.quiet`, and no earthquake of the tables may have touched it (`is_untouched`). Or it
        is named in `detect.quiet` itself: then a person has looked.
        """
        frame, event = key.split("/")[0], self.scanned[key][0]
        if event.source != "portal":
            return False
        if key in self.config.detect.quiet:
            return True
        if event.event == frame and frame not in self.config.detect.quiet:  # found in the folder alone: nobody has said what it shows
            return False
        return self.is_untouched(self.scanned[key][1])

    def unknown_quiet(self) -> list[tuple[tuple[str, ...], str]]:
        """Return what is named in `detect.quiet` and not scanned, as problems of the configuration."""
        known = {*self.scanned, *(key.split("/")[0] for key in self.scanned)}
        wrong = [name for name in self.config.detect.quiet if name not in known]
        return [
            (("detect", "quiet"), f"detect.quiet: '{name}' is no interferogram or frame that is scanned; {nearest(name, known)}")
            for name in wrong
        ]

    def detector_samples(self, wildcards: Any) -> list[str]:
        """Return the indexes of the datasets of which a run may scan: what it was fitted on is no measure of quiet."""
        return [f"results/datasets/{name}/samples.parquet" for name in sorted({run.dataset for run in self._scanning()})]

    def detect_json(self, *keys: str) -> Callable[[Any], str]:
        """Return a parameter function: some keys of `detect`, those that a stage reads."""
        text = canonical_json(self.config.detect.model_dump(mode="json", include=set(keys)))
        return lambda wildcards: text

    def detection_events_json(self, wildcards: Any) -> str:
        """Return the earthquakes that a detection may be near to: those of its frame, and all of about its time.

        Not all there are: every one that is added would then draw all outlines again, and 10,000 would be told to 10,000 jobs. A simulated
        interferogram shows its own earthquake and no other.
        """
        event, row = self._scanned(wildcards)
        if event.source != "portal":
            return canonical_json([event.model_dump(mode="json", exclude={"place"})] if event.is_earthquake else [])
        names = {event.event for event in self._seen_in.get(row.frame, []) if event.is_earthquake}
        around = sorted({*names, *self._quakes_about(row.dates, DAYS)})
        return canonical_json([self.tables.events[name].model_dump(mode="json", exclude={"place"}) for name in around])

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
