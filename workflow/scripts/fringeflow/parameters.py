"""What a configuration asks for, as the parameters of rules: canonical JSON, narrowed to what a stage reads.

Nothing else then reruns a stage: not a key that it does not read, not the order of keys, not words for people.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from fringeflow.config.models import ARCHIVE, Config
from fringeflow.config.tables import Event, Tables
from fringeflow.errors import ConfigError, nearest
from fringeflow.files import canonical_json
from fringeflow.imbalance.strategies import StrategySpec, resolve_strategy
from fringeflow.models.registry import ARCHITECTURES, ModelSpec, encoder_key, resolve_model


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


@dataclass(frozen=True)
class Parameters:
    """A configuration with its tables; methods that take `wildcards` are parameter functions of rules."""

    config: Config
    tables: Tables
    archive: str = ARCHIVE

    def model(self, name: str, view: str) -> ModelSpec:
        """Return a configured model with every default filled in."""
        return resolve_model(name, self.config.models[name], view)

    def strategy(self, name: str) -> StrategySpec:
        """Return a configured strategy with every default filled in."""
        return resolve_strategy(name, self.config.strategies[name])

    def _strategies(self, dataset: str, model: str) -> list[str]:
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
            for strategy in sorted(self._strategies(dataset, model))
        ]

    def _encoder(self, key: str, dataset: str, view: str) -> ModelSpec:
        """Return a model of a dataset that uses an encoder."""
        specs = {encoder_key(spec): spec for spec in (self.model(name, view) for name in self.config.datasets[dataset].models)}
        if key not in specs:
            raise ConfigError([f"dataset '{dataset}' has no encoder '{key}' for the view '{view}'; {nearest(key, specs)}"])
        return specs[key]

    def _scoring(self) -> list[Run]:
        """Return the runs that may be applied: those given, or all of which one may be the best."""
        chosen = self.config.score.runs
        return [run for run in self.runs if chosen == "best" or run.name in chosen]

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
        plain = settings.model_dump(mode="json", exclude={"models", "strategies", "views"})
        return canonical_json({**plain, "views": sorted(settings.views), "event_names": self.tables.select(settings.events)})

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

    def strategy_json(self, wildcards: Any) -> str:
        """Return a strategy with every default filled in."""
        return canonical_json(self.strategy(wildcards.strategy).as_dict())

    def score_modules(self) -> tuple[str, ...]:
        """Return the modules that scoring may import by name."""
        specs = [self.model(run.model, run.view) for run in self._scoring()]
        return tuple(sorted({module for spec in specs for module in ARCHITECTURES[spec.architecture].modules}))
