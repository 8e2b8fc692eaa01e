"""What the report is made from."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from fringeflow.detection_plan import FOLDER, DetectionPlan
from fringeflow.files import canonical_json
from fringeflow.models.base import packaged_folder
from fringeflow.pretraining_plan import FOLDER as PRETRAINING
from fringeflow.report.packaged import MODEL, NETWORK, told_digest

PICTURES = ("", "_heatmap", "_strategies", "_curves", "_reliability", "_confusion")
"""What stands in `results/comparison` of every dataset."""


@dataclass(frozen=True)
class ReportPlan(DetectionPlan):
    """The part of the plan that is about the page."""

    @cached_property
    def report_files(self) -> dict[str, list[str]]:
        """Files of the report by what they are, in the words of `report.inputs.ReportInputs`."""
        names, views = sorted(self.config.datasets), {name: found.views for name, found in self.config.datasets.items()}
        runs = [run.folder for run in self.runs]
        galleries = self.config.gallery.runs
        tuned = [run for run in self.runs if self.config.models[run.model].tune is not None]
        pictures = [f"{run}/{kind}.png" for run in runs for kind in ("evaluation", "history", *(["gallery"] if galleries == "all" else []))]
        return {
            "datasets": [f"results/datasets/{name}/dataset.json" for name in names],
            "examples": [f"results/datasets/{name}/examples_{view}.png" for name in names for view in views[name]],
            "comparisons": [f"results/comparison/{name}.tsv" for name in names],
            "tables": [f"results/comparison/{name}_{kind}.tsv" for name in names for kind in self._tables(name)],
            "pictures": [f"results/comparison/{name}{kind}.png" for name in names for kind in (*PICTURES, *self._pictures(name))],
            "galleries": [f"results/comparison/{name}/gallery_{view}.png" for name in names for view in views[name] if galleries == "best"],
            "curves": [curve.curve.removesuffix(".tsv") + ".png" for curve in self.curves],
            "metrics": [f"{run}/metrics.json" for run in runs],
            "runs": [f"{run}/run.json" for run in runs],
            "run_pictures": [*pictures, *(f"results/tuning/{run.name}/tuning.png" for run in tuned)],
            "scores": [f"results/scores/{event}/tiles.png" for event in self.config.score.events],
            "detector": [f"{FOLDER}/detector.json"] if self.scanned else [],
            "detections": [f"{FOLDER}/summary.tsv"] if self.scanned else [],
            "quicklooks": self.detection_files("quicklook.png"),
        }

    def _tables(self, dataset: str) -> list[str]:
        several = self.config.classes_of(dataset)[1] is None
        studied = dataset in self.config.study.datasets
        return ["strategies", *(["classes", "cascades"] if several else []), *(["study", "study_claims"] if studied else [])]

    def _pictures(self, dataset: str) -> list[str]:
        several = self.config.classes_of(dataset)[1] is None
        return [*(["_classes"] if several else []), *(["_study"] if dataset in self.config.study.datasets else [])]

    def card_digest(self, wildcards: Any) -> str:
        """Return what the packaged model that scans tells of itself, as a digest; empty if none scans."""
        return told_digest(packaged_folder(self.packaged), MODEL) if self.packaged and self.scanned else ""

    def pretrained_json(self, wildcards: Any) -> str:
        """Return digests of the pretrained networks that are there, by folder.

        They are no inputs: a page is no reason to pretrain for hours. `snakemake pretrain` is asked for by name, and the page then follows.
        """
        found = {f"{PRETRAINING}/{name}": told_digest(Path(PRETRAINING, name), NETWORK) for name in sorted(self.config.pretraining)}
        return canonical_json({folder: digest for folder, digest in found.items() if digest})

    def report_json(self, wildcards: Any) -> str:
        """Return what the page tells of the configuration, the events and the interferograms."""
        of_events = any(found.collection is None for found in self.config.datasets.values()) or self.config.score.events or self.scanned
        rows = [row for rows in self.tables.interferograms.values() for row in rows] if of_events else []
        return canonical_json(
            {
                "config": self.config.model_dump(mode="json", exclude={"dask"}),  # tells where, not what
                "events": [row.model_dump(mode="json") for row in self.tables.events.values() if of_events],
                "interferograms": [row.model_dump(mode="json", include={"event", "frame", "pair"}) for row in rows],
            }
        )
