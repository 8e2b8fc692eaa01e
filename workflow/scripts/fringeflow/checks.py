"""Names that a configuration uses: each must exist, and the nearest valid one is told."""

from collections.abc import Collection, Iterator
from pathlib import Path

from fringeflow.config.collections import Fdsn, Pictures, Recordings
from fringeflow.config.load import Key, dotted
from fringeflow.config.models import Config, GivenSplit
from fringeflow.config.tables import Tables
from fringeflow.encoding.views import VIEWS
from fringeflow.errors import nearest
from fringeflow.licsar.mirrors import LAYOUTS

Problem = tuple[Key, str]


def _unknown(key: Key, what: str, found: str, valid: Collection[str], remedy: str = "") -> Iterator[Problem]:
    """Yield a problem if a name is not a valid one."""
    if found not in valid:
        yield key, f"{dotted(key)}: unknown {what} '{found}'; {nearest(found, valid) if valid else remedy}"


def check_names(config: Config, tables: Tables) -> list[Problem]:
    """Return every name that points nowhere, with its key."""
    return [
        *_mirror_names(config),
        *_collection_files(config),
        *_dataset_names(config, tables),
        *_model_names(config),
        *_score_names(config, tables),
        *_pretraining_names(config, tables),
    ]


def _mirror_names(config: Config) -> Iterator[Problem]:
    for number, mirror in enumerate(config.mirrors):
        yield from _unknown(("mirrors", number, "layout"), "layout", mirror.layout, LAYOUTS)


def _collection_files(config: Config) -> Iterator[Problem]:
    """Yield files and folders of collections that are not there: Snakemake would not miss them once there is a result."""
    for name, found in config.collections.items():
        wanted = {"folder": Path.is_dir} if isinstance(found, Recordings | Pictures) else {}
        wanted |= {"labels": Path.is_file} if isinstance(found, Recordings | Fdsn) else {}
        wanted |= {"requests": Path.is_file} if isinstance(found, Fdsn) else {}
        wanted |= {"inventory": Path.is_file} if isinstance(found, Recordings | Fdsn) and found.inventory else {}
        for key, is_there in wanted.items():
            path = Path(getattr(found, key))
            if not is_there(path):
                what = "folder" if key == "folder" else "file"
                yield (
                    ("collections", name, key),
                    f"collections.{name}.{key}: '{path}' is no {what}; give one that exists, relative to where you run",
                )


COMPARISONS = ("strategies", "classes", "cascades", "events", "heatmap", "curves", "reliability", "confusion", "study", "study_claims")
"""What follows a dataset's name in `results/comparison`."""


def _dataset_names(config: Config, tables: Tables) -> Iterator[Problem]:
    taken = {f"{name}_{suffix}": name for name in config.datasets for suffix in COMPARISONS}
    for name, dataset in config.datasets.items():
        base: Key = ("datasets", name)
        if name in taken:
            yield base, f"datasets.{name}: its comparison would have the name of a file of the dataset '{taken[name]}'; rename one of them"
        yield from _unknown((*base, "tiling"), "tiling", dataset.tiling, config.tilings)
        kind = "interferograms"
        if dataset.collection is not None:
            yield from _unknown(
                (*base, "collection"), "collection", dataset.collection, config.collections, "the section `collections` is empty"
            )
            found = config.collections.get(dataset.collection)
            kind = "pictures" if isinstance(found, Pictures) else "recordings"
        for view in dataset.views:
            yield from _unknown((*base, "views"), f"view of {kind}", view, [name for name in VIEWS if kind in VIEWS[name].of])
        for model in dataset.models:
            yield from _unknown((*base, "models"), "model", model, config.models, "the section `models` is empty")
        for strategy in dataset.strategies:
            yield from _unknown((*base, "strategies"), "strategy", strategy, config.strategies, "the section `strategies` is empty")
        if dataset.collection is not None:
            continue
        if isinstance(dataset.events, list):
            for event in dataset.events:
                yield from _unknown((*base, "events"), "event", event, tables.events, "the events tables are empty")
        elif not tables.select(dataset.events):
            yield (
                (*base, "events"),
                f"datasets.{name}.events: no event has the source '{dataset.events}'; see {', '.join(config.catalogue.events)}",
            )


def check_splits(config: Config, tables: Tables) -> list[Problem]:
    """Return what is wrong with splits given by hand: unknown, doubled and forgotten events."""
    problems: list[Problem] = []
    for name, dataset in config.datasets.items():
        if not isinstance(dataset.split, GivenSplit) or dataset.collection is not None:
            continue  # the recordings of a collection are known only when it has been read
        events = set(tables.select(dataset.events))
        seen: dict[str, str] = {}
        for part in ("train", "validation", "test"):
            key: Key = ("datasets", name, "split", part)
            for event in getattr(dataset.split, part):
                problems += _unknown(key, "event of this dataset", event, events, "the dataset has no events")
                if seen.setdefault(event, part) != part:
                    problems.append((key, f"datasets.{name}.split.{part}: event '{event}' also stands in {seen[event]}; keep it in one"))
        forgotten = sorted(events - set(seen))
        if forgotten:
            text = (
                f"datasets.{name}.split: no part is given for {', '.join(forgotten)}; add them, or leave them out of datasets.{name}.events"
            )
            problems.append((("datasets", name, "split"), text))
    return problems


def _model_names(config: Config) -> Iterator[Problem]:
    for name, model in config.models.items():
        base: Key = ("models", name)
        for strategy in model.strategies or []:
            yield from _unknown((*base, "strategies"), "strategy", strategy, config.strategies)
        for view in model.encodings:
            yield from _unknown((*base, "encodings"), "view", view, VIEWS)


def check_studies(config: Config) -> Iterator[Problem]:
    """Yield every name in the sections of studies that points nowhere: they bear on no run, so that runs are checked all the same."""
    for section in ("curation", "learning_curve"):
        model = getattr(config, section).model
        if model is not None:
            yield from _unknown((section, "model"), "model", model, config.models, "the section `models` is empty")
    if config.learning_curve.fractions:
        yield from _unknown(("learning_curve", "strategy"), "strategy", config.learning_curve.strategy, config.strategies)

    for name in config.study.datasets:
        if name in config.datasets and config.datasets[name].collection is not None:
            yield ("study", "datasets"), f"study.datasets: '{name}' is of a collection; study A's table is of interferograms"
            continue
        yield from _unknown(("study", "datasets"), "dataset", name, config.datasets, "the section `datasets` is empty")
        models = config.datasets[name].models if name in config.datasets else []
        for model in config.study.models if models else []:
            yield from _unknown(("study", "models"), f"model of the dataset '{name}'", model, models)
        for key in ("strategy", "against") if models else ():
            yield from _unknown(
                ("study", key), f"strategy of the dataset '{name}'", getattr(config.study, key), config.datasets[name].strategies
            )


def _pretraining_names(config: Config, tables: Tables) -> Iterator[Problem]:
    """Yield unknown events, and those that a network would be trained on and scored on."""
    for name, settings in config.pretraining.items():
        for part in ("implant", "real"):
            key: Key = ("pretraining", name, part)
            for event in getattr(settings, part):
                yield from _unknown(key, "event", event, tables.events, "the events tables are empty")
        trained = {row.key: event for event in settings.implant for row in tables.interferograms.get(event, [])}
        for event in settings.real:
            shared = [row.key for row in tables.interferograms.get(event, []) if row.key in trained]
            if event in settings.implant or shared:
                what = f"the interferogram {shared[0]} of '{event}'" if shared else f"the event '{event}'"
                text = f"pretraining.{name}.real: {what} would be trained on too, through `implant`; keep its event in one of the two"
                yield ("pretraining", name, "real"), text


def _score_names(config: Config, tables: Tables) -> Iterator[Problem]:
    for event in config.detect.events:
        yield from _unknown(("detect", "events"), "event", event, tables.events, "the events tables are empty")
    for event in config.score.events:
        yield from _unknown(("score", "events"), "event", event, tables.events, "the events tables are empty")
    yield from _unknown(("score", "tiling"), "tiling", config.score.tiling, config.tilings)
