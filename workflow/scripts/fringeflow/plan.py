"""The Snakefile's one partner: a checked configuration, and the files that its rules need.

Rules ask the plan for inputs and parameters, and hold no Python themselves.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import prod
from pathlib import Path
from typing import Any

from fringeflow.checks import check_names, check_splits, check_studies
from fringeflow.combinations import impossible
from fringeflow.config.load import Sources, parse_config
from fringeflow.config.tables import Event, read_tables
from fringeflow.errors import ConfigError
from fringeflow.files import canonical_json
from fringeflow.licsar.folder import with_folder
from fringeflow.models.registry import encoder_key
from fringeflow.report_plan import ReportPlan
from fringeflow.resources import fetched_grids


@dataclass(frozen=True)
class Plan(ReportPlan):
    """A checked configuration with its tables; methods that take `wildcards` are input functions."""

    @classmethod
    def load(cls, raw: dict[str, Any], files: Sequence[str | Path] = ()) -> "Plan":
        """Check a merged configuration, its tables, and every combination it asks for.

        Parameters
        ----------
        raw : dict
            The configuration as Snakemake merged it.
        files : sequence of paths
            The files it came from, in order; only used to say where a key stands.

        Raises
        ------
        ConfigError
            With every problem found.
        """
        config, problems = parse_config(raw, files)
        if config is None:
            raise ConfigError(problems)
        tables, problems = read_tables(config.catalogue.events, config.catalogue.interferograms)
        if config.detect.folder is not None:
            tables = with_folder(tables, config.detect.folder)
        plan = cls(config, tables)
        found = check_names(config, tables) + check_splits(config, tables)
        astray = list(check_studies(config))
        found = [*(found or impossible(plan, studies=not astray)), *astray, *plan.unknown_quiet()]
        sources = Sources.read(files)
        problems += [f"{sources.where(key)}: {text}" for key, text in found]
        if problems:
            raise ConfigError(problems)
        return plan

    def targets(self, wildcards: Any = None) -> list[str]:
        """Return the files of `rule all`.

        Raises
        ------
        ConfigError
            If an event still lacks the interferograms that a run needs.
        """
        if self.tables.gaps:
            raise ConfigError(self.tables.gaps)
        files = ["results/report.html"]
        for dataset, settings in self.config.datasets.items():
            files += [f"results/comparison/{dataset}{name}.tsv" for name in ("", "_strategies")]
            files += [f"results/comparison/{dataset}_classes.tsv"] if self.config.classes_of(dataset)[1] is None else []
            files += [f"results/datasets/{dataset}/summary.tsv"]
            files += [f"results/datasets/{dataset}/examples_{view}.png" for view in settings.views]
        files += [curve.curve for curve in self.curves]
        files += [f"results/comparison/{dataset}_study.tsv" for dataset in self.config.study.datasets]
        if self.config.gallery.runs == "best":
            files += sorted({f"results/comparison/{run.dataset}/gallery_{run.view}.png" for run in self.runs})
        elif self.config.gallery.runs == "all":
            files += [f"{run.folder}/gallery.png" for run in self.runs]
        return files + [f"results/scores/{event}/tiles.tsv" for event in self.config.score.events]

    def summary(self) -> str:
        """Return the lines that end a run: what was compared, the best run, what to open."""
        from fringeflow.evaluation.summary import summarise

        tables = [Path(f"results/comparison/{name}.tsv") for name in self.config.datasets]
        scores = [Path(f"results/scores/{event}/tiles.png") for event in self.config.score.events]
        return "\n".join(
            [
                *(summarise(table) for table in tables if table.exists()),
                *(f"Scores: {path}" for path in scores if path.exists()),
                *(f"Detections: {path}" for path in [Path("results/detections/summary.tsv")] if self.scanned and path.exists()),
                *(f"Everything in one page: {path}" for path in [Path("results/report.html")] if path.exists()),
            ]
        )

    @cached_property
    def _owners(self) -> dict[str, str]:
        """The first of the events that each interferogram belongs to: it fetches before the others do."""
        owners: dict[str, str] = {}
        for event, rows in sorted(self.tables.interferograms.items()):
            for row in rows:
                owners.setdefault(row.key, event)
        return owners

    def archive_of(self, wildcards: Any) -> list[str]:
        """Return the archive file that an event's interferograms wait for: none from a portal."""
        return [f"results/archive/{wildcards.event}.json"] if self.event(wildcards.event).source == "simulated" else []

    def fetched_before(self, wildcards: Any) -> list[str]:
        """Return the lists of other events that fetch some of an event's interferograms."""
        owners = {self._owners[row.key] for row in self.tables.interferograms[wildcards.event]}
        return [f"results/raw/{owner}.json" for owner in sorted(owners - {wildcards.event})]

    def polygons_of(self, wildcards: Any) -> list[str]:
        """Return the polygon files of an event, and of others that fall into its interferograms, as far as a person drew them."""
        others = {other.event for found in self._others(wildcards.event).values() for other in found}
        return [path for event in [wildcards.event, *sorted(others)] if (path := self.outlines(event))]

    def others_json(self, wildcards: Any) -> str:
        """Return the other earthquakes that may show in an event's interferograms, by `frame/pair`, where there are any."""
        found = self._others(wildcards.event)
        return canonical_json({key: [row.model_dump(mode="json", exclude={"place"}) for row in rows] for key, rows in found.items()})

    def _others(self, name: str) -> dict[str, list[Event]]:
        """Return the other earthquakes that may reach into the frame and the days of an event's interferograms.

        Real ones only: a simulated interferogram shows its own earthquake and no other.
        """
        found: dict[str, list[Event]] = {}
        for row in self.tables.interferograms[name] if self.event(name).source == "portal" else ():
            others = [quake for quake in self.quakes_within(row) if quake.event != name]
            found |= {row.key: others} if others else {}
        return found

    def crews(self, wildcards: Any) -> int:
        """Return 1 if a crew of nodes works on an event, else 0: a profile says how many may be hired at the same time."""
        dask = self.config.dask
        return int(dask.cluster == "slurm" and len(self.tables.interferograms.get(wildcards.event, ())) >= dask.min_pairs)

    def spectrogram_crews(self, wildcards: Any) -> int:
        """Return 1 if a crew of nodes may compute an event's spectrograms, else 0.

        Judged by all tiles that fit into what was fetched: the job is submitted before they are cut, and no more than these are kept.
        Where that is not known it counts, since one that hires uncounted is the worse mistake.
        """
        dask = self.config.dask
        if dask.cluster != "slurm":
            return 0
        from fringeflow.insar.tiling import starts  # NumPy with it, which planning does without

        tiling, grids = self.config.tilings[wildcards.tiling], fetched_grids(wildcards)
        if grids is None:
            return 1
        return int(sum(prod(len(starts(side, tiling.size, tiling.stride)) for side in grid) for grid in grids) >= dask.min_tiles)

    @property
    def crew_wait_min(self) -> float:
        """Minutes that a job which hires a crew may wait for it, beside its own work."""
        return self.config.dask.wait_min if self.config.dask.cluster == "slurm" else 0.0

    def _store(self, event: str, tiling: str, name: str) -> str:
        return f"results/events/{event}/{tiling}/{name}"

    def dataset_indexes(self, wildcards: Any) -> list[str]:
        """Return the tile indexes of a dataset's events, or the index of its collection."""
        settings = self.config.datasets[wildcards.dataset]
        if settings.collection is not None:
            return [self.index_of(wildcards)]
        return [self._store(event, settings.tiling, "tiles.parquet") for event in self.tables.select(settings.events)]

    def dataset_stores(self, wildcards: Any) -> list[str]:
        """Return the stores of a dataset's samples in every view."""
        return [store for view in sorted(self.config.datasets[wildcards.dataset].views) for store in self._stores(wildcards.dataset, view)]

    def view_stores(self, wildcards: Any) -> list[str]:
        """Return the stores of a dataset's samples in one view."""
        return self._stores(wildcards.dataset, wildcards.view)

    def _stores(self, dataset: str, view: str) -> list[str]:
        settings = self.config.datasets[dataset]
        if settings.collection is not None:
            return [f"results/collections/{settings.collection}/{view}.zarr/zarr.json"]
        return [self._store(event, settings.tiling, f"{view}.zarr/zarr.json") for event in self.tables.select(settings.events)]

    def encoder_weights(self, wildcards: Any) -> list[str]:
        """Return the file that holds an encoder's weights, if a file was given."""
        return self._encoder(wildcards.encoder, wildcards.dataset, wildcards.view).weight_files

    def embeddings_of(self, wildcards: Any) -> str:
        """Return the embeddings that a run is trained on."""
        key = encoder_key(self.model(wildcards.model, wildcards.view))
        return f"results/datasets/{wildcards.dataset}/embeddings/{wildcards.view}/{key}.json"

    def extra_sources(self, wildcards: Any) -> list[str]:
        """Return the tiles that extra samples may be made from: both phases and the index of every event."""
        settings = self.config.datasets[wildcards.dataset]
        names = ("tiles.parquet", "wrapped.zarr/zarr.json", "unwrapped.zarr/zarr.json")
        return [self._store(event, settings.tiling, name) for event in self.tables.select(settings.events) for name in names]

    def extra_of(self, wildcards: Any) -> list[str]:
        """Return the extra samples of a run and their embeddings, if its strategy has any."""
        recipe = self.strategy(wildcards.strategy).recipe
        folder = f"results/datasets/{wildcards.dataset}/extra/{recipe}"
        key = encoder_key(self.model(wildcards.model, wildcards.view))
        return [f"{folder}/samples.parquet", f"{folder}/embeddings/{wildcards.view}/{key}.json"] if recipe else []

    def doubts_of(self, wildcards: Any) -> list[str]:
        """Return the doubted samples of a run's training split, if its strategy wants to know them."""
        curate = self.strategy(wildcards.strategy).curate
        return [] if curate == "none" else [f"results/datasets/{wildcards.dataset}/doubts/{wildcards.view}/{curate}.parquet"]

    def tuned_of(self, wildcards: Any) -> list[str]:
        """Return the hyper-parameters that were chosen for a run, if its model is tuned."""
        tuned = self.config.models[wildcards.model].tune is not None
        folder = f"results/tuning/{wildcards.dataset}/{wildcards.view}/{wildcards.model}/{wildcards.strategy}"
        return [f"{folder}/best.json"] if tuned else []

    def tune_workers(self, wildcards: Any) -> list[str]:
        """Return what the jobs of a study leave when all its trials are done."""
        folder = f"results/tuning/{wildcards.dataset}/{wildcards.view}/{wildcards.model}/{wildcards.strategy}"
        return [f"{folder}/worker{number}.json" for number in range(self._tuning(wildcards).workers)]

    def curator_embeddings(self, wildcards: Any) -> str:
        """Return the embeddings by which training samples are doubted."""
        key = encoder_key(self.curator(wildcards.dataset, wildcards.view))
        return f"results/datasets/{wildcards.dataset}/embeddings/{wildcards.view}/{key}.json"

    def wrapped_stores(self, wildcards: Any) -> list[str]:
        """Return the wrapped phase of a dataset's events, which people judge tiles by."""
        settings = self.config.datasets[wildcards.dataset]
        return [self._store(event, settings.tiling, "wrapped.zarr/zarr.json") for event in self.tables.select(settings.events)]

    def run_files(self, name: str) -> Callable[[Any], list[str]]:
        """Return an input function: a file of every run of a dataset."""
        return lambda wildcards: [f"{run.folder}/{name}" for run in self.runs if run.dataset == wildcards.dataset]

    def view_files(self, name: str) -> Callable[[Any], list[str]]:
        """Return an input function: a file of every run on one view of a dataset."""
        return lambda wildcards: [
            f"{run.folder}/{name}" for run in self.runs if (run.dataset, run.view) == (wildcards.dataset, wildcards.view)
        ]

    def study_predictions(self, wildcards: Any) -> list[str]:
        """Return the predictions of study A's runs."""
        return [f"{run.folder}/predictions.parquet" for run in self.study_runs(wildcards.dataset)]

    def score_index(self, wildcards: Any) -> str:
        """Return the tile index of an event to score."""
        return self._store(wildcards.event, self.config.score.tiling, "tiles.parquet")

    def score_stores(self, wildcards: Any) -> list[str]:
        """Return the stores of an event to score, in every view that a run may want."""
        views = sorted({run.view for run in self._scoring()} | {"wrapped"})
        return [self._store(wildcards.event, self.config.score.tiling, f"{view}.zarr/zarr.json") for view in views]

    def score_runs(self, wildcards: Any) -> list[str]:
        """Return the trained runs that may be applied."""
        return [f"{run.folder}/run.json" for run in self._scoring()]

    def score_comparisons(self, wildcards: Any) -> list[str]:
        """Return the comparisons that decide which run is the best."""
        if self.config.score.runs != "best":
            return []
        return [f"results/comparison/{name}.tsv" for name, settings in self.config.datasets.items() if settings.collection is None]
