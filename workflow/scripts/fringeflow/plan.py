"""The Snakefile's one partner: a checked configuration, and the files that its rules need.

Rules ask the plan for inputs and parameters, and hold no Python themselves.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from fringeflow.checks import Problem, check_names, check_splits, check_studies
from fringeflow.config.classes import CLASSES
from fringeflow.config.load import Sources, parse_config
from fringeflow.config.tables import read_tables
from fringeflow.errors import ConfigError, ModelError, nearest
from fringeflow.models.registry import check, encoder_key
from fringeflow.parameters import Parameters


@dataclass(frozen=True)
class Plan(Parameters):
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
        plan = cls(config, tables)
        found = check_names(config, tables) + check_splits(config, tables)
        astray = list(check_studies(config))
        found = [*(found or plan._impossible(studies=not astray)), *astray]
        sources = Sources.read(files)
        problems += [f"{sources.where(key)}: {text}" for key, text in found]
        if problems:
            raise ConfigError(problems)
        return plan

    def _impossible(self, *, studies: bool) -> Iterator[Problem]:
        """Yield models, strategies and combinations that do not exist; those of `studies` only if their names are known."""
        sound = set()
        for strategy in self.config.strategies:
            try:
                self.strategy(strategy).alpha_of(CLASSES)
                sound.add(strategy)
            except ValueError as error:
                yield ("strategies", strategy), f"strategies.{strategy}: {error}"
            except ModelError as error:
                yield ("strategies", strategy, "alpha"), str(error)
        for dataset, model, view in self._wanted():
            try:
                spec = self.model(model, view)
            except ValueError as error:
                yield ("models", model), f"models.{model} on {view}: {error}"
                continue
            for strategy in self._strategies(dataset, model) if dataset else []:
                if strategy in sound:
                    for problem in check(spec, self.strategy(strategy), view):
                        yield (
                            ("models", model),
                            f"datasets.{dataset}: {model} x {strategy} on {view}: {problem}; see models.{model}.strategies",
                        )
        if studies and sound == set(self.config.strategies):
            yield from self._impossible_studies()
            yield from self._impossible_tables()
        runs = {run.name for run in self.runs}
        for run in self.config.score.runs if isinstance(self.config.score.runs, list) else []:
            if run not in runs:
                yield ("score", "runs"), f"score.runs: unknown run '{run}'; {nearest(run, runs)}"

    def _impossible_studies(self) -> Iterator[Problem]:
        """Yield what stands against doubting tiles and against learning curves."""
        curated = {(run.dataset, run.view) for run in self.runs if self.strategy(run.strategy).curate != "none"}
        for dataset, view in sorted(curated):
            tiling = self.config.datasets[dataset].tiling
            if self.config.tilings[tiling].stride >= self.config.tilings[tiling].size:
                yield (
                    ("datasets", dataset, "tiling"),
                    f"datasets.{dataset}.tiling: '{tiling}' has no overlapping tiles, which strategies of kind 'curate' compare; "
                    f"set tilings.{tiling}.stride below its size",
                )
            try:
                self.curator(dataset, view)
            except ValueError as error:
                yield ("curation", "model"), f"curation.model on {view}: {error}"
        for curve in self.curves:
            strategy = self.strategy(curve.strategy)
            if strategy.extra != "none" or strategy.curate != "none":
                yield (
                    ("learning_curve", "strategy"),
                    f"learning_curve.strategy: '{curve.strategy}' is made from all training earthquakes; choose one without extra or doubted samples",
                )
            try:
                problems = check(self.model(curve.model, curve.view), strategy, curve.view)
            except ValueError as error:
                problems = [str(error)]
            for problem in problems:
                yield ("learning_curve",), f"learning_curve: {curve.model} x {curve.strategy} on {curve.view}: {problem}"

    def _impossible_tables(self) -> Iterator[Problem]:
        """Yield datasets of whose runs none could stand in study A's table."""
        for dataset in self.config.study.datasets:
            if not any(run.strategy == self.config.study.strategy for run in self.study_runs(dataset)):
                yield (
                    ("study", "datasets"),
                    f"study.datasets: '{dataset}' has no run of inception_v3, vgg19 or resnet50_v2 under '{self.config.study.strategy}'; add "
                    f"one to datasets.{dataset}.models, or name its models in study.models",
                )

    def _wanted(self) -> list[tuple[str, str, str]]:
        """Return every dataset, model and view that belong together; models of no dataset with the view `wrapped`."""
        used = [
            (dataset, model, view)
            for dataset, settings in self.config.datasets.items()
            for model in settings.models
            for view in sorted(settings.views)
        ]
        idle = self.config.models.keys() - {model for _, model, _ in used}
        return used + [("", model, "wrapped") for model in sorted(idle)]

    def targets(self, wildcards: Any = None) -> list[str]:
        """Return the files of `rule all`.

        Raises
        ------
        ConfigError
            If an event still lacks the interferograms that a run needs.
        """
        if self.tables.gaps:
            raise ConfigError(self.tables.gaps)
        files = []
        for dataset, settings in self.config.datasets.items():
            files += [f"results/comparison/{dataset}{name}.tsv" for name in ("", "_strategies")]
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
            [*(summarise(table) for table in tables if table.exists()), *(f"Scores: {path}" for path in scores if path.exists())]
        )

    @cached_property
    def _owners(self) -> dict[str, str]:
        """The event that each interferogram belongs to (any of them, if several share it)."""
        return {row.key: event for event, rows in self.tables.interferograms.items() for row in rows}

    def archive_of(self, wildcards: Any) -> list[str]:
        """Return the archive file that an interferogram waits for: none from a portal."""
        key = f"{wildcards.frame}/{wildcards.pair}"
        if key not in self._owners:
            raise ConfigError([f"no event has the interferogram {key}; {nearest(key, self._owners)}"])
        owner = self._owners[key]
        return [f"results/archive/{owner}.json"] if self.tables.events[owner].source == "simulated" else []

    def manifests(self, wildcards: Any) -> list[str]:
        """Return the manifests of an event's interferograms."""
        self.event(wildcards.event)
        return [f"results/raw/{row.key}/manifest.json" for row in self.tables.interferograms[wildcards.event]]

    def polygons_of(self, wildcards: Any) -> list[str]:
        """Return the polygon file of an event, if a person drew one."""
        folder = self.config.catalogue.polygons
        path = Path(folder or "") / f"{wildcards.event}.geojson"
        return [str(path)] if folder and path.is_file() else []

    def _store(self, event: str, tiling: str, name: str) -> str:
        return f"results/events/{event}/{tiling}/{name}"

    def dataset_indexes(self, wildcards: Any) -> list[str]:
        """Return the tile indexes of a dataset's events."""
        settings = self.config.datasets[wildcards.dataset]
        return [self._store(event, settings.tiling, "tiles.parquet") for event in self.tables.select(settings.events)]

    def dataset_stores(self, wildcards: Any) -> list[str]:
        """Return the stores of a dataset's events in every view."""
        settings = self.config.datasets[wildcards.dataset]
        return [
            self._store(event, settings.tiling, f"{view}.zarr/zarr.json")
            for event in self.tables.select(settings.events)
            for view in sorted(settings.views)
        ]

    def view_stores(self, wildcards: Any) -> list[str]:
        """Return the stores of a dataset's events in one view."""
        settings = self.config.datasets[wildcards.dataset]
        events = self.tables.select(settings.events)
        return [self._store(event, settings.tiling, f"{wildcards.view}.zarr/zarr.json") for event in events]

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
        return [f"results/comparison/{name}.tsv" for name in self.config.datasets]
