"""The configuration of studies beside the comparison: doubted tiles, learning curves, study A's table, galleries."""

from typing import Annotated, Literal

from pydantic import Field

from fringeflow.config.strict import Name, Once, Strict


class Curation(Strict):
    """Which training tiles strategies of kind `curate` doubt: those whose score stands out from the tiles that overlap them."""

    model: Name | None = Field(
        None,
        description="Name from `models` that scores the tiles, fitted on other earthquakes; null means the dataset's first model. It is "
        "not tuned: one with `tune` is refused.",
    )
    folds: int = Field(3, ge=2, le=20, description="Folds of training earthquakes: each is scored by fits on the others.")
    threshold: Annotated[float, Field(gt=0, le=2)] = Field(
        0.7,
        description="Smallest disagreement that is doubted: how far a tile's score less its label is from that of the tiles around it, 0 to 2. "
        "At the rim of the deformation, a model that knows nothing reaches about 0.6.",
    )
    share: Annotated[float, Field(gt=0, le=0.5)] = Field(
        0.05, description="At most this share of a class's training tiles is doubted, rounded down: of a rare class with few tiles, none."
    )
    weight: Annotated[float, Field(gt=0, lt=1)] = Field(0.25, description="Weight of a doubted tile where `how` is `downweight`.")


class LearningCurve(Strict):
    """The score by the number of training groups (events, recordings or originals), for every dataset and view: whether more data still help."""

    fractions: list[Annotated[float, Field(gt=0, le=1)]] = Field(
        [], description="Shares of the training groups to train on, for example [0.125, 0.25, 0.5, 1]; none by default."
    )
    repeats: int = Field(
        3,
        ge=1,
        le=100,
        description="Random nested orders of the groups; the whole is trained once. How much fits differ by luck shows in the scatter of the "
        "subsets of one size: with 1, nothing is decided, and with 2 only what is plain.",
    )
    seed: int = Field(0, ge=0, description="Seed of these orders.")
    model: Name | None = Field(
        None,
        description="Name from `models`; null means the dataset's first model. One with `tune` has, on every subset, the hyper-parameters "
        "that were chosen on all training groups.",
    )
    strategy: Name = Field("none", description="Name from `strategies`.")


class Study(Strict):
    """Study A's table, and its three claims put to the test, from runs of a dataset."""

    datasets: Annotated[list[Name], Once] = Field([], description="Datasets to make it of; none by default.")
    models: Annotated[list[Name], Once] = Field(
        [], description="Names from `models`, a row each; none: the dataset's models of the study's three architectures."
    )
    strategy: Name = Field("focal", description="The strategy of the table of models.")
    against: Name = Field("augmentation", description="The strategy that the best model is compared with.")


class Gallery(Strict):
    """Pictures of test tiles that a run got right and wrong, with where it looked."""

    runs: Literal["best", "all", "none"] = Field(
        "best", description="Of which runs: of each view the one that validation chooses, of all, or of none."
    )
    columns: int = Field(6, ge=1, le=20, description="Tiles of each kind: hits, false alarms, misses, and quiet tiles taken for quiet.")


class Detect(Strict):
    """Scanning of whole interferograms for fringes with a trained run: `snakemake detect`."""

    events: list[str] = Field([], description="Events whose interferograms are scanned; none by default. `folder` adds to them.")
    folder: str | None = Field(
        None, description="Folder in LiCSAR layout (`{track}/{frame}/interferograms/{pair}`): every interferogram in it is scanned."
    )
    quiet: list[str] = Field(
        [],
        description="Interferograms of `folder` as `frame/pair`, or whole frames, that hold no deformation. Pairs of the tables are known to be "
        "quiet unless an earthquake of the tables falls into their days that is listed with their frame, or that where the frame lies (by the places of "
        "its events, or else the latitude in its name) does not rule out.",
    )
    run: str = Field(
        "best",
        description="A run as `dataset/view/model/strategy`; `best`: the one that validation chooses; `fringeflow-base`: the pretrained model that "
        "comes with Fringeflow, which needs no training; or the folder of a model that `snakemake pretrain` packaged.",
    )
    stride: int = Field(64, ge=1, le=2048, description="Step between windows, in pixels; the windows have the size of the run's tiles.")
    min_valid: Annotated[float, Field(gt=0, le=1)] = Field(
        0.5, description="Smallest fraction of pixels with data in a window that is scored."
    )
    false_alarm_rate: Annotated[float, Field(gt=0, lt=1)] = Field(
        0.01,
        description="Share of a quiet interferogram's area that may be called fringes, on average; the threshold comes from the real quiet "
        "pairs among those scanned.",
    )
    min_area_km2: float = Field(4.0, ge=0, description="Smallest area of a detection, in square kilometres.")
    near_km: Annotated[float, Field(gt=0)] = Field(
        100.0, description="An earthquake of the tables within this distance of a detection is named."
    )
