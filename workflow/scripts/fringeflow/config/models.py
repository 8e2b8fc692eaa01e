"""The configuration as pydantic models: one place for every key, its default and its meaning.

`config/config.schema.json` and `config/README.md` are generated from here (`make docs`).
"""

from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from fringeflow.config.classes import CLASSES, POSITIVE
from fringeflow.config.cluster import Dask
from fringeflow.config.collections import Collection
from fringeflow.config.interferograms import Prepare, Spectrogram, Tiling
from fringeflow.config.learning import Model, Strategy, Training
from fringeflow.config.pretraining import Pretraining
from fringeflow.config.strict import Fraction, Name, Once, Positive, Strict
from fringeflow.config.studies import Curation, Detect, Gallery, LearningCurve, Study

ARCHIVE = "results/archive/LiCSAR_products"
"""Where the simulator writes: a mirror in the layout `jasmin`."""


class Catalogue(Strict):
    """The tables that list what to work on; several files of a kind are read as one."""

    events: list[str] = Field(["config/events.tsv"], min_length=1, description="Tables of events (earthquakes, or areas without one).")
    interferograms: list[str] = Field(
        ["config/interferograms.tsv"], min_length=1, description="Tables of interferograms, one row an event, frame and pair."
    )
    polygons: str | None = Field(
        None, description="Folder of `{event}.geojson` files: outlines of deformation drawn by a person, trusted before any model."
    )
    coseismic_pairs: int = Field(2, ge=1, description="`snakemake catalogue`: coseismic pairs of each event and frame, the shortest first.")
    quiet_before: int = Field(3, ge=0, description="`snakemake catalogue`: pairs of each event and frame that end before the earthquake.")
    quiet_after: int = Field(1, ge=0, description="`snakemake catalogue`: pairs of each event and frame that begin after it.")
    max_span_days: int = Field(60, ge=1, description="`snakemake catalogue`: longest quiet pair, in days.")


class Mirror(Strict):
    """A place that holds LiCSAR products."""

    layout: Name = Field("jasmin", description="How folders are named there: `jasmin` or `ceda`, as registered in `licsar/mirrors.py`.")
    root: str = Field(description="URL or local folder of `LiCSAR_products` (jasmin) or `licsar_products` (ceda).")

    @field_validator("root")
    @classmethod
    def _known_scheme(cls, root: str) -> str:
        scheme = root.split("://")[0] if "://" in root else ""
        if scheme not in ("", "http", "https"):
            raise ValueError(f"a mirror is an http(s) URL or a folder, not {scheme}://")
        return root.rstrip("/")


class Download(Strict):
    """How patient fetching is."""

    timeout_s: Positive = Field(
        30.0,
        description="Longest silence of a server, in seconds, before a try is given up; fewer than 1,024 bytes a second over that time count as "
        "silence.",
    )
    attempts: int = Field(5, ge=1, le=50, description="Tries for each file and mirror; each resumes where the last one stopped.")
    longest_min: Positive = Field(
        120.0,
        description="Longest time for one file or page from one mirror, in minutes, with all tries and pauses; then the next mirror is "
        "tried, and for further files first. The next run goes on with what the last one sent. Raise it for a slow connection.",
    )
    backoff_s: float = Field(1.0, ge=0, description="Pause before the second try, in seconds; it doubles with each further one.")
    max_redirects: int = Field(5, ge=0, le=20, description="Redirects followed before a URL is given up.")
    max_bytes: int = Field(4_000_000_000, gt=0, description="Largest file accepted, in bytes.")


class Simulation(Strict):
    """The embedded archive: what is written for every event whose `source` is `simulated`."""

    rows: int = Field(640, ge=64, description="Rows of a simulated interferogram.")
    columns: int = Field(768, ge=64, description="Columns of a simulated interferogram.")
    pixel_deg: Positive = Field(0.001, description="Pixel size in degrees.")
    turbulence_rad: float = Field(1.5, ge=0, description="Standard deviation of the turbulent troposphere, in radians.")
    stratified_rad_per_km: float = Field(
        2.0, ge=0, description="Standard deviation over pairs of the stratified delay, in radians per km of height."
    )
    ramp_rad: float = Field(3.0, ge=0, description="Standard deviation of the orbital ramp across the scene, in radians.")
    coherence: Fraction = Field(0.75, description="Mean coherence on land.")
    looks: int = Field(20, ge=1, description="Independent looks of a pixel: the fewer, the more phase noise for a coherence.")
    water: Fraction = Field(0.4, description="Probability that a scene has sea.")
    jitter_km: float = Field(
        1.0, ge=0, description="Standard deviation of the difference between a catalogue's source position and the true one, in km."
    )


class GivenSplit(Strict):
    """A split by hand: the events, recordings or originals of each part."""

    method: Literal["given"]
    train: list[str] = Field(min_length=1, description="What to train on.")
    validation: list[str] = Field(min_length=1, description="What to stop and to choose thresholds on.")
    test: list[str] = Field(min_length=1, description="What to report on.")


class StratifiedSplit(Strict):
    """A seeded split that gives every part its share of groups (events, recordings or originals) and of every class."""

    method: Literal["stratified"] = "stratified"
    train: Fraction = Field(0.5, description="Share of the groups to train on.")
    validation: Fraction = Field(0.2, description="Share of the groups to stop and to choose thresholds on; the rest is the test split.")
    seed: int = Field(0, ge=0, description="Seed of the split.")

    @model_validator(mode="after")
    def _leaves_test(self) -> "StratifiedSplit":
        if not 0 < self.train + self.validation < 1 or self.train == 0 or self.validation == 0:
            raise ValueError(f"train ({self.train}) and validation ({self.validation}) must be above 0 and leave a share for test")
        return self


class FolderSplit(Strict):
    """The split that a collection brings along: folders `train`, `val` and `test` of pictures, or a column `split` of a label table."""

    method: Literal["folders"]


class Dataset(Strict):
    """Samples of some events under one tiling, or of a collection, and what is trained on them."""

    collection: Name | None = Field(
        None, description="A name from `collections`; null: interferograms of `events`. With it, `events` and `tiling` mean nothing."
    )
    events: Literal["all", "simulated", "portal"] | list[str] = Field("all", description="Its events: all, those of one source, or a list.")
    tiling: Name = Field("standard", description="A name from `tilings`.")
    views: Annotated[list[str], Once] = Field(
        ["wrapped", "unwrapped", "spectrogram"],
        min_length=1,
        description="Views to train on. A collection's own by default: `gather` and `spectrogram` of recordings, `images` of pictures.",
    )
    split: Annotated[GivenSplit | StratifiedSplit | FolderSplit, Field(discriminator="method")] = Field(
        StratifiedSplit(), description="Train, validation and test, by event, or by source recording or picture."
    )
    models: Annotated[list[str], Once] = Field(["efficientnet_lite0"], min_length=1, description="Names from `models`.")
    strategies: Annotated[list[str], Once] = Field(["none"], min_length=1, description="Names from `strategies`.")

    @model_validator(mode="before")
    @classmethod
    def _default_method(cls, value: Any) -> Any:
        if isinstance(value, dict) and isinstance(value.get("split"), dict) and "method" not in value["split"]:
            return {**value, "split": {**value["split"], "method": "stratified"}}
        return value

    @model_validator(mode="after")
    def _of_one_kind(self) -> "Dataset":
        given = sorted({"events", "tiling"} & self.model_fields_set)
        if self.collection is not None and given:
            raise ValueError(f"'{given[0]}' is for interferograms, but the dataset is of the collection '{self.collection}'; leave one out")
        if self.collection is None and isinstance(self.split, FolderSplit):
            raise ValueError("split.method 'folders' is for a collection; valid here: given, stratified")
        return self


class Evaluation(Strict):
    """How scores and their uncertainty are computed."""

    bootstrap: int = Field(
        2000,
        ge=100,
        description="Bootstrap draws of groups (earthquakes, recordings or originals). A 95 % interval over 8 groups ends where 0.6 % "
        "of them are cut off: 11 of 2000, but 3 of 500, whose place differs so much from seed to seed that verdicts flip.",
    )
    confidence: Annotated[float, Field(gt=0, lt=1)] = Field(0.95, description="Level of the intervals.")
    false_alarms_per_frame: Positive = Field(
        1.0, description="Tolerated false alarms (tiles) a frame and interferogram, for the recall at that rate."
    )
    threshold: Literal["f1", "mcc"] = Field("f1", description="What the threshold that is chosen on validation maximises there.")


class Score(Strict):
    """Scoring of every tile of some events with trained runs, outside any split."""

    events: list[str] = Field([], description="Events to score; none by default.")
    runs: list[str] | Literal["best"] = Field(
        "best", description="Runs as `dataset/view/model/strategy`, or `best`: the one of each dataset that validation chooses."
    )
    tiling: Name = Field("standard", description="A name from `tilings`.")


class Config(Strict):
    """A whole run of the workflow."""

    seed: int = Field(20210303, ge=0, description="Seed of the simulated archive, and of extra training samples.")
    catalogue: Catalogue = Field(Catalogue(), description="What to work on.")
    mirrors: list[Mirror] = Field(
        [
            Mirror(layout="jasmin", root="https://gws-access.jasmin.ac.uk/public/nceo_geohazards/LiCSAR_products"),
            Mirror(layout="ceda", root="https://dap.ceda.ac.uk/neodc/comet/data/licsar_products"),
        ],
        min_length=1,
        description="Where interferograms of events with `source` `portal` are fetched from, tried in this order.",
    )
    download: Download = Field(Download(), description="Fetching.")
    simulation: Simulation = Field(Simulation(), description="The embedded archive.")
    prepare: Prepare = Field(Prepare(), description="Wrap and unwrap.")
    tilings: dict[Name, Tiling] = Field({"standard": Tiling()}, min_length=1, description="Tilings by name.")
    spectrogram: Spectrogram = Field(Spectrogram(), description="The spectrogram view.")
    collections: dict[Name, Collection] = Field({}, description="Collections of recordings and pictures by name.")
    datasets: dict[Name, Dataset] = Field(
        {"fringes": Dataset()},
        description="Datasets by name; here and in the other sections of names, null takes one of an earlier file out.",
    )
    models: dict[Name, Model] = Field({"efficientnet_lite0": Model()}, description="Models by name.")
    strategies: dict[Name, Strategy] = Field({"none": Strategy()}, description="Imbalance strategies by name.")
    training: Training = Field(Training(), description="Training.")
    evaluation: Evaluation = Field(Evaluation(), description="Statistics.")
    curation: Curation = Field(Curation(), description="Doubtful training tiles.")
    learning_curve: LearningCurve = Field(LearningCurve(), description="The score by the number of training groups.")
    study: Study = Field(Study(), description="Study A's table.")
    gallery: Gallery = Field(Gallery(), description="Galleries.")
    pretraining: dict[Name, Pretraining] = Field({}, description="Networks pretrained on simulated scenes, by name; none by default.")
    detect: Detect = Field(Detect(), description="Scanning of interferograms.")
    score: Score = Field(Score(), description="Scoring of further events.")
    dask: Dask = Field(Dask(), description="Where one event is worked on: a node or several.")

    @model_validator(mode="before")
    @classmethod
    def _completed(cls, value: Any) -> Any:
        """Leave out what a later file set to null, and give datasets the views of their collection."""
        if not isinstance(value, dict):
            return value
        named = ("tilings", "collections", "datasets", "models", "strategies", "pretraining")
        kept = {
            key: {name: item for name, item in value[key].items() if item is not None} for key in named if isinstance(value.get(key), dict)
        }
        collections, datasets = kept.get("collections", {}), kept.get("datasets", {})
        for name, dataset in datasets.items():
            chosen = collections.get(dataset.get("collection")) if isinstance(dataset, dict) else None
            if isinstance(chosen, dict) and "views" not in dataset:
                views = ["images"] if chosen.get("kind") == "pictures" else ["gather", "spectrogram"]
                datasets[name] = {**dataset, "views": views}
        return {**value, **kept}

    def classes_of(self, dataset: str) -> tuple[list[str], str | None]:
        """Return the classes of a dataset, and the one to be found, if there is one."""
        name = self.datasets[dataset].collection
        if name is None:
            return list(CLASSES), POSITIVE
        return self.collections[name].classes, self.collections[name].positive

    def mirrors_of(self, source: str) -> list[Mirror]:
        """Return the mirrors that serve events of a source (`simulated` or `portal`)."""
        return [Mirror(layout="jasmin", root=ARCHIVE)] if source == "simulated" else list(self.mirrors)


def is_url(root: str) -> bool:
    """Tell a URL from a folder.

    >>> is_url("https://example.org/x"), is_url("data/LiCSAR_products")
    (True, False)
    """
    return "://" in root
