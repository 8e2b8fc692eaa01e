"""What rules of collections need: the recordings and pictures they read, and where their samples lie."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fringeflow.config.collections import Fdsn, Pictures, Recordings, SimulatedGathers
from fringeflow.errors import ConfigError, nearest
from fringeflow.files import canonical_json
from fringeflow.parameters import Parameters

NOTHING = r"(?!)"
"""A pattern that no name has."""
WORDS = (".md", ".txt", ".tsv", ".csv", ".parquet", ".xml", ".json", ".yaml")
"""Suffixes of what lies beside recordings and pictures and is none."""


@dataclass(frozen=True)
class _Named:
    """Wildcards of a rule that knows a collection by its dataset."""

    collection: str


@dataclass(frozen=True)
class CollectionPlan(Parameters):
    """The part of the plan that is about recordings and pictures."""

    def collections(self, *kinds: str) -> str:
        """Return a pattern of the names of collections of some kinds, for the constraint of a wildcard."""
        return "|".join(re.escape(name) for name, found in sorted(self.config.collections.items()) if found.kind in kinds) or NOTHING

    def datasets(self, *kinds: str) -> str:
        """Return a pattern of the names of datasets of interferograms, recordings or pictures."""
        return "|".join(re.escape(name) for name in sorted(self.config.datasets) if self.kind_of(name) in kinds) or NOTHING

    def collection(self, name: str) -> SimulatedGathers | Recordings | Fdsn | Pictures:
        """Return a configured collection.

        Raises
        ------
        ConfigError
            If there is none of that name.
        """
        if name not in self.config.collections:
            raise ConfigError(
                [f"no collection '{name}' in this configuration; {nearest(name, self.config.collections)}. Is --configfile missing?"]
            )
        return self.config.collections[name]

    def simulated_json(self, wildcards: Any) -> str:
        """Return what simulated gathers depend on."""
        views = {"gather", "spectrogram", "positive"}
        return canonical_json(self.collection(wildcards.collection).model_dump(mode="json", exclude=views))

    def pictures_json(self, wildcards: Any) -> str:
        """Return how a collection of pictures is read."""
        return canonical_json(self.collection(wildcards.collection).model_dump(mode="json", exclude={"positive"}))

    def collection_classes(self, wildcards: Any) -> str:
        """Return the classes of a collection."""
        return canonical_json(self.collection(wildcards.collection).classes)

    def reading_json(self, wildcards: Any) -> str:
        """Return how the recordings of a collection are read."""
        return self._reading(wildcards.collection)

    def waveform_view(self, view: str) -> Callable[[Any], str]:
        """Return a parameter function: how a view of a collection's recordings is computed."""
        return lambda wildcards: canonical_json(getattr(self.collection(wildcards.collection), view).model_dump(mode="json"))

    def variant_view_json(self, wildcards: Any) -> str:
        """Return how a view of the variants of a dataset's samples is computed."""
        found = self.collection(str(self.config.datasets[wildcards.dataset].collection))
        if isinstance(found, Pictures):
            return canonical_json(found.model_dump(mode="json", exclude={"positive"}))
        return canonical_json(getattr(found, wildcards.view).model_dump(mode="json"))

    def variant_reading_json(self, wildcards: Any) -> str:
        """Return how the recordings are read that variants of a dataset's samples are made from."""
        return self._reading(str(self.config.datasets[wildcards.dataset].collection))

    def _reading(self, name: str) -> str:
        found = self.collection(name)
        if not isinstance(found, Recordings | Fdsn):
            return canonical_json({})
        inventory = found.inventory if found.response != "none" else None
        if isinstance(found, Fdsn) and found.response != "none" and inventory is None:
            inventory = f"results/recordings/{name}/inventory.xml"
        return canonical_json({"interval_ms": found.interval_ms, "inventory": inventory, "response": found.response})

    def waveform_folder(self, wildcards: Any) -> str:
        """Return the folder of a collection's recordings: the user's, or where they were simulated or fetched."""
        found = self.collection(wildcards.collection)
        return found.folder if isinstance(found, Recordings) else f"results/recordings/{wildcards.collection}"

    def waveform_labels(self, wildcards: Any) -> str:
        """Return the table of a collection's labels."""
        found = self.collection(wildcards.collection)
        return found.labels if isinstance(found, Recordings | Fdsn) else f"results/recordings/{wildcards.collection}/labels.tsv"

    def waveforms(self, wildcards: Any) -> list[str]:
        """Return what a collection's recordings wait for: the user's files, or the list of those simulated or fetched."""
        found = self.collection(wildcards.collection)
        if isinstance(found, Recordings):
            return [*self._files(found.folder, f"collections.{wildcards.collection}.folder"), *self.inventory_of(wildcards)]
        name = "manifest.json" if isinstance(found, Fdsn) else "files.json"
        return [f"results/recordings/{wildcards.collection}/{name}", *self.inventory_of(wildcards)]

    def fdsn_requests(self, wildcards: Any) -> str:
        """Return the table of what is fetched from a data centre."""
        found = self.collection(wildcards.collection)
        assert isinstance(found, Fdsn)
        return found.requests

    def inventory_of(self, wildcards: Any) -> list[str]:
        """Return the file of a collection's instrument responses, if they are to be removed and a file was given."""
        found = self.collection(wildcards.collection)
        given = isinstance(found, Recordings | Fdsn) and found.response != "none" and found.inventory
        return [str(given)] if given else []

    def pictures(self, wildcards: Any) -> list[str]:
        """Return the pictures of a collection."""
        found = self.collection(wildcards.collection)
        assert isinstance(found, Pictures)
        return self._files(found.folder, f"collections.{wildcards.collection}.folder")

    @staticmethod
    def _files(folder: str, key: str) -> list[str]:
        if not Path(folder).is_dir():
            raise ConfigError([f"{key}: '{folder}' is not a folder; expected one with recordings or pictures (relative to where you run)"])
        paths = [path for path in Path(folder).rglob("*") if path.is_file() and path.suffix.lower() not in WORDS]
        files = sorted(str(path) for path in paths if not any(part.startswith(".") for part in path.relative_to(folder).parts))
        if not files:
            raise ConfigError([f"{key}: there is no file in '{folder}'; expected recordings or pictures"])
        return files

    def index_of(self, wildcards: Any) -> str:
        """Return the index of a dataset's collection."""
        return f"results/collections/{self.config.datasets[wildcards.dataset].collection}/index.parquet"

    def duplicates_of(self, wildcards: Any) -> list[str]:
        """Return the table of pictures that look alike, if a dataset is of pictures."""
        name = self.config.datasets[wildcards.dataset].collection
        return [f"results/collections/{name}/duplicates.tsv"] if self.kind_of(wildcards.dataset) == "pictures" else []

    def fetches_responses(self, wildcards: Any) -> bool:
        """Return whether the responses of instruments are fetched along with their waveforms."""
        found = self.collection(wildcards.collection)
        return isinstance(found, Fdsn) and found.response != "none" and found.inventory is None

    def variant_files(self, wildcards: Any) -> list[str]:
        """Return what variants of a dataset's samples are made from, besides their index."""
        chosen = _Named(str(self.config.datasets[wildcards.dataset].collection))
        return self.pictures(chosen) if self.kind_of(wildcards.dataset) == "pictures" else self.waveforms(chosen)
