"""What a configuration asks for, as the parameters of rules: canonical JSON, narrowed to what a stage reads.

Nothing else then reruns a stage: not a key that it does not read, not the order of keys, not words for people.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from fringeflow.config.collections import Pictures
from fringeflow.config.learning import Tune
from fringeflow.config.models import ARCHIVE, Config
from fringeflow.config.tables import Event, Tables
from fringeflow.errors import ConfigError, nearest
from fringeflow.evaluation.published import ROWS
from fringeflow.files import canonical_json
from fringeflow.imbalance.strategies import StrategySpec, resolve_strategy
from fringeflow.models.registry import ARCHITECTURES, ModelSpec, encoder_key, resolve_model
from fringeflow.training.tune_space import resolved


@dataclass(frozen=True)
class Run:
    """One model under one strategy on one view of a dataset."""

    dataset: str
    view: str
    model: str
    strategy: str

    @property
    def name(self) -> str:
        """`dataset/view/model/strategy`."""
        return f"{self.dataset}/{self.view}/{self.model}/{self.strategy}"

    @property
    def folder(self) -> str:
        """Where its results lie."""
        return f"results/runs/{self.name}"

    @property
    def curve(self) -> str:
        """The table of its learning curve."""
        return f"results/learning_curves/{self.name}/curve.tsv"


@dataclass(frozen=True)
class Parameters:
    """A configuration with its tables; methods that take `wildcards` are parameter functions of rules."""

    config: Config
    tables: Tables
    archive: str = ARCHIVE

    def model(self, name: str, view: str) -> ModelSpec:
        """Return a configured model with every default filled in.

        Raises
        ------
        ConfigError
            If there is none of that name.
        """
        if name not in self.config.models:
            raise ConfigError([f"no model '{name}' in this configuration; {nearest(name, self.config.models)}. Is --configfile missing?"])
        return resolve_model(name, self.config.models[name], view)

    def strategy(self, name: str) -> StrategySpec:
        """Return a configured strategy with every default filled in."""
        return resolve_strategy(name, self.config.strategies[name])

    def strategies_of(self, dataset: str, model: str) -> list[str]:
        """Return the strategies that a model of a dataset is trained with."""
        chosen = self.config.models[model].strategies
        return [name for name in self.config.datasets[dataset].strategies if chosen is None or name in chosen]

    @cached_property
    def runs(self) -> list[Run]:
        """Every run of every dataset, in an order that the configuration's does not change."""
        return [
            Run(dataset, view, model, strategy)
            for dataset, settings in sorted(self.config.datasets.items())
            for view in sorted(settings.views)
            for model in sorted(settings.models)
            for strategy in sorted(self.strategies_of(dataset, model))
        ]

    def _encoder(self, key: str, dataset: str, view: str) -> ModelSpec:
        """Return a model of a dataset that uses an encoder."""
        names = {*self.config.datasets[dataset].models, self.config.curation.model, self.config.learning_curve.model}
        specs = {encoder_key(spec): spec for spec in (self.model(name, view) for name in names if name)}
        if key not in specs:
            raise ConfigError([f"dataset '{dataset}' has no encoder '{key}' for the view '{view}'; {nearest(key, specs)}"])
        return specs[key]

    def _scoring(self) -> list[Run]:
        """Return the runs that may be applied to interferograms: those given, or all of which one may be the best."""
        chosen = self.config.score.runs
        runs = [run for run in self.runs if self.config.datasets[run.dataset].collection is None]
        return [run for run in runs if chosen == "best" or run.name in chosen]

    def json(self, section: str) -> Callable[[Any], str]:
        """Return a parameter function: one section of the configuration."""
        text = canonical_json(getattr(self.config, section).model_dump(mode="json"))
        return lambda wildcards: text

    def event(self, name: str) -> Event:
        """Return an event of the tables.

        Raises
        ------
        ConfigError
            If there is none of that name.
        """
        if name not in self.tables.events:
            raise ConfigError([f"unknown event '{name}'; {nearest(name, self.tables.events)}"])
        return self.tables.events[name]

    def event_json(self, wildcards: Any) -> str:
        """Return an event's row, without what is only for people."""
        return canonical_json(self.event(wildcards.event).model_dump(mode="json", exclude={"place"}))

    def interferograms_json(self, wildcards: Any) -> str:
        """Return the rows of an event's interferograms."""
        self.event(wildcards.event)
        return canonical_json([row.model_dump(mode="json") for row in self.tables.interferograms[wildcards.event]])

    def pairs_json(self, wildcards: Any) -> str:
        """Return frame and pair of an event's interferograms: all that fetching them depends on."""
        return canonical_json([[row.frame, row.pair] for row in self.tables.interferograms[wildcards.event]])

    def portal_events_json(self, wildcards: Any) -> str:
        """Return the rows of all events that the portal may know."""
        rows = [row for row in self.tables.events.values() if row.source == "portal"]
        return canonical_json([row.model_dump(mode="json", exclude={"place"}) for row in rows])

    def tiling_json(self, wildcards: Any) -> str:
        """Return a tiling."""
        return canonical_json(self.config.tilings[wildcards.tiling].model_dump(mode="json"))

    def dataset_json(self, wildcards: Any) -> str:
        """Return what the index of a dataset depends on: not the models trained on it."""
        settings = self.config.datasets[wildcards.dataset]
        left_out = {"models", "strategies", "views"} | ({"events", "tiling"} if settings.collection else {"collection"})
        plain = {**settings.model_dump(mode="json", exclude=left_out), "views": sorted(settings.views)}
        classes, positive = self.config.classes_of(wildcards.dataset)
        about: dict[str, Any] = {"settings": plain, "classes": classes, "positive": positive}
        about |= {"kind": self.kind_of(wildcards.dataset)}
        if settings.collection is None:
            about["events"] = self.tables.select(settings.events)
        return canonical_json(about)

    def kind_of(self, dataset: str) -> str:
        """Return what a dataset is of: interferograms, recordings or pictures."""
        collection = self.config.datasets[dataset].collection
        if collection is None:
            return "interferograms"
        return "pictures" if isinstance(self.config.collections[collection], Pictures) else "recordings"

    def training_json(self, wildcards: Any) -> str:
        """Return how a model is trained: the common settings with its own in their place."""
        return self._training_json(wildcards.model)

    def _training_json(self, model: str) -> str:
        return canonical_json(self.config.training.changed(self.config.models[model].training).model_dump(mode="json"))

    def encoder_json(self, wildcards: Any) -> str:
        """Return the encoder that an embedding's name stands for."""
        return canonical_json(self._encoder(wildcards.encoder, wildcards.dataset, wildcards.view).encoder)

    def encoder_modules(self, wildcards: Any) -> tuple[str, ...]:
        """Return the module that an encoder is imported from by name."""
        spec = self._encoder(wildcards.encoder, wildcards.dataset, wildcards.view)
        return (spec.encoder_spec.module,)

    def model_json(self, wildcards: Any) -> str:
        """Return a model with every default filled in."""
        return canonical_json(self.model(wildcards.model, wildcards.view).as_dict())

    def model_modules(self, wildcards: Any) -> tuple[str, ...]:
        """Return the modules that a model's architecture imports by name."""
        return ARCHITECTURES[self.model(wildcards.model, wildcards.view).architecture].modules

    def trains_network(self, wildcards: Any) -> bool:
        """Tell whether a run fits layers of a network, and not only a head on features: it gains from a GPU."""
        spec = self.model(wildcards.model, wildcards.view)
        return spec.mode != "frozen" or spec.encoder_spec.cut != "pooled"

    def embeds_by_network(self, wildcards: Any) -> bool:
        """Tell whether an encoder is a network; one that is cut at its input only resizes."""
        spec = self._encoder(wildcards.encoder, wildcards.dataset, wildcards.view)
        return ARCHITECTURES[spec.architecture].framework != "sklearn" and spec.encoder_spec.cut != "input"

    def stages_json(self, wildcards: Any) -> str:
        """Return the stages that runs without any are scored at as well: those of the first cascade of the dataset."""
        models = [self.config.models[name] for name in self.config.datasets[wildcards.dataset].models]
        stages = next((model.stages for model in models if model.stages), [])
        return canonical_json([stage.model_dump(mode="json") for stage in stages])

    def tune_json(self, wildcards: Any) -> str:
        """Return how a model is tuned, with all ranges in which is looked."""
        spec = self.model(wildcards.model, wildcards.view)
        tune = self._tuning(wildcards)
        found = resolved(tune, ARCHITECTURES[spec.architecture], self.strategy(wildcards.strategy), spec.mode)
        return canonical_json(found.model_dump(mode="json"))

    def trials(self, wildcards: Any) -> int:
        """Return how many trials a study has."""
        return self._tuning(wildcards).trials

    def _tuning(self, wildcards: Any) -> Tune:
        tune = self.config.models[wildcards.model].tune
        if tune is None:
            raise ConfigError([f"models.{wildcards.model} is not tuned; give it a key `tune`"])
        return tune

    def strategy_json(self, wildcards: Any) -> str:
        """Return a strategy with every default filled in."""
        return canonical_json(self.strategy(wildcards.strategy).as_dict())

    def extra_json(self, wildcards: Any) -> str:
        """Return how extra samples are made, with what of the configuration that reads."""
        settings = self.config.datasets[wildcards.dataset]
        specs = {spec.recipe: spec for spec in map(self.strategy, settings.strategies) if spec.recipe}
        if wildcards.recipe not in specs:
            raise ConfigError(
                [
                    f"dataset '{wildcards.dataset}' has no strategy with extra samples '{wildcards.recipe}'; {nearest(wildcards.recipe, specs)}"
                ]
            )
        spec = specs[wildcards.recipe]
        recipe: dict[str, Any] = {"name": spec.recipe, "extra": spec.extra, "ratio": spec.ratio, "seed": self.config.seed}
        if spec.extra == "implant":  # of interferograms only: checked when the configuration was read
            rows = [row for event in self.tables.select(settings.events) for row in self.tables.interferograms[event]]
            read = {"event", "frame", "pair", "heading_deg", "incidence_deg"}
            recipe["interferograms"] = [row.model_dump(mode="json", include=read) for row in rows]
            recipe["rule"] = self.config.tilings[settings.tiling].label.model_dump(mode="json")
        return canonical_json(recipe)

    def curator(self, dataset: str, view: str) -> ModelSpec:
        """Return the model whose scores tell which training tiles of a dataset to doubt."""
        return self.model(self.config.curation.model or self.config.datasets[dataset].models[0], view)

    def curator_json(self, wildcards: Any) -> str:
        """Return that model with every default filled in."""
        return canonical_json(self.curator(wildcards.dataset, wildcards.view).as_dict())

    def curator_training_json(self, wildcards: Any) -> str:
        """Return how it is trained: as in its runs."""
        return self._training_json(self.curator(wildcards.dataset, wildcards.view).name)

    def curator_modules(self, wildcards: Any) -> tuple[str, ...]:
        """Return the modules that it imports by name."""
        return ARCHITECTURES[self.curator(wildcards.dataset, wildcards.view).architecture].modules

    def tile_size(self, wildcards: Any) -> int:
        """Return the side of a dataset's tiles, in pixels."""
        return self.config.tilings[self.config.datasets[wildcards.dataset].tiling].size

    @cached_property
    def curves(self) -> list[Run]:
        """What a learning curve is wanted of: one model and strategy on every view of every dataset."""
        wanted = self.config.learning_curve
        return [
            Run(dataset, view, wanted.model or settings.models[0], wanted.strategy)
            for dataset, settings in sorted(self.config.datasets.items())
            for view in sorted(settings.views if wanted.fractions else [])
        ]

    def study_models(self, dataset: str) -> dict[str, str]:
        """Return the models of study A's table with their architectures: those named, or a dataset's of its architectures."""
        kinds = {name: self.config.models[name].architecture or name for name in self.config.datasets[dataset].models}
        chosen = self.config.study.models or [name for kind in ROWS for name in kinds if kinds[name] == kind]
        return {name: kinds[name] for name in chosen}

    def study_json(self, wildcards: Any) -> str:
        """Return which runs of a dataset form study A's table."""
        wanted = self.config.study
        models = list(self.study_models(wildcards.dataset).items())
        specs = [self.model(name, self.config.datasets[wildcards.dataset].views[0]) for name, _ in models]
        trained = {spec.name: [spec.encoder_spec.weights, spec.mode] for spec in specs if spec.encoder_spec.weights}
        return canonical_json({"architectures": models, "trained": trained, "strategy": wanted.strategy, "against": wanted.against})

    def study_runs(self, dataset: str) -> list[Run]:
        """Return the runs that form study A's table."""
        models, strategies = self.study_models(dataset), (self.config.study.strategy, self.config.study.against)
        return [run for run in self.runs if run.dataset == dataset and run.model in models and run.strategy in strategies]

    def gallery_modules(self, wildcards: Any) -> tuple[str, ...]:
        """Return the modules that a gallery may import by name: of one model, or of all that may be a view's best."""
        model = getattr(wildcards, "model", None)
        names = [model] if model else self.config.datasets[wildcards.dataset].models
        entries = [ARCHITECTURES[self.model(name, wildcards.view).architecture] for name in names]
        return tuple(sorted({name for entry in entries for name in (*entry.modules, entry.attention) if name}))

    def score_modules(self) -> tuple[str, ...]:
        """Return the modules that scoring may import by name."""
        return self._modules(self._scoring())

    def _modules(self, runs: Sequence[Run]) -> tuple[str, ...]:
        specs = [self.model(run.model, run.view) for run in runs]
        return tuple(sorted({module for spec in specs for module in ARCHITECTURES[spec.architecture].modules}))
