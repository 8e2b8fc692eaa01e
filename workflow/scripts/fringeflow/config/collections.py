"""Collections: recordings and pictures as sources of samples, and how each becomes an array."""

import re
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from fringeflow.config.strict import Positive, Strict

STUDY_B = {"brak_Empty zone": 93, "brak_Station": 28, "noise_DNS": 9, "noise_Tip-off": 9}
"""Study B's classes with about the study's numbers of originals."""
Taper = Literal["hann", "hamming", "boxcar"]
Side = Annotated[int, Field(ge=16, le=2048)]


class Gather(Strict):
    """The view `gather` of a recording: amplitude as a picture, time down and traces across."""

    rows: Side = Field(224, description="Rows of the picture (time).")
    columns: Side = Field(224, description="Columns of the picture (traces).")
    gain: Literal["none", "time", "agc"] = Field(
        "time", description="`time`: amplitudes times a power of the time; `agc`: divided by their mean size in a sliding window."
    )
    time_power: float = Field(1.0, ge=0, le=4, description="That power, for the gain `time`.")
    agc_s: Positive = Field(0.25, description="Length of that window in seconds, for the gain `agc`.")
    clip_percentile: Annotated[float, Field(gt=50, le=100)] = Field(
        98.0, description="Percentile of the size of a recording's amplitudes that becomes 1; larger ones are clipped."
    )


class Stft(Strict):
    """The view `spectrogram` of a recording: power by frequency and time, in dB over the recording's own median."""

    window_s: Positive = Field(0.128, description="Length of a window in seconds.")
    overlap: Annotated[float, Field(ge=0, lt=1)] = Field(0.75, description="Share of a window that the next one repeats.")
    taper: Taper = Field("hann", description="Window function.")
    max_frequency_hz: Positive | None = Field(None, description="Largest frequency kept; null keeps all.")
    combine: Literal["mean", "median"] = Field("mean", description="How the power of several traces becomes one.")
    floor_db: float = Field(
        -20.0, description="Lowest power kept, in dB over the recording's median. Models see -20 as black whatever is kept."
    )
    ceiling_db: float = Field(40.0, description="Highest power kept, in dB over the same. Models see 40 as white whatever is kept.")
    rows: Side = Field(224, description="Rows of the picture (frequency).")
    columns: Side = Field(224, description="Columns of the picture (time).")

    @model_validator(mode="after")
    def _ordered(self) -> "Stft":
        if self.floor_db >= self.ceiling_db:
            raise ValueError(f"floor_db ({self.floor_db}) must lie below ceiling_db ({self.ceiling_db})")
        return self


class _Classes(Strict):
    classes: list[str] = Field(min_length=2, description="Names of the classes; probabilities and tables keep this order.")
    positive: str | None = Field(
        None, description="The class to be found, of two; null: all classes matter alike, scores are means over them."
    )

    @model_validator(mode="after")
    def _sound_classes(self) -> "_Classes":
        twice = sorted({name for name in self.classes if self.classes.count(name) > 1})
        if twice:
            raise ValueError(f"classes: '{twice[0]}' stands twice; keep one")
        if self.positive is not None and self.positive not in self.classes:
            raise ValueError(f"positive: '{self.positive}' is not among the classes {', '.join(self.classes)}")
        return self


class _Waveforms(_Classes):
    gather: Gather = Field(Gather(), description="The view `gather`.")
    spectrogram: Stft = Field(Stft(), description="The view `spectrogram`.")


class SimulatedGathers(_Waveforms):
    """Simulated shot gathers with the four defects of study B, written as SEG-Y by the configuration's `seed`."""

    kind: Literal["simulated"]
    classes: list[str] = Field(list(STUDY_B), min_length=2, description="Names of the classes; probabilities and tables keep this order.")
    originals: dict[str, Annotated[int, Field(ge=1, le=100_000)]] = Field(STUDY_B, description="Recordings of each class.")
    traces: int = Field(96, ge=24, le=2000, description="Traces of a gather, half on each side of the source.")
    samples: int = Field(750, ge=64, le=20_000, description="Samples of a trace.")
    interval_ms: Annotated[float, Field(gt=0, le=32.767)] = Field(
        4.0, description="Sampling interval, in milliseconds; SEG-Y counts microseconds in 16 bits."
    )
    spacing_m: Positive = Field(25.0, description="Distance between geophones, in metres.")

    @field_validator("originals")
    @classmethod
    def _known(cls, originals: dict[str, int]) -> dict[str, int]:
        strangers = sorted(set(originals) - set(STUDY_B))
        if strangers:
            raise ValueError(f"'{strangers[0]}' cannot be simulated; valid: {', '.join(STUDY_B)}")
        return originals

    @model_validator(mode="before")
    @classmethod
    def _classes_of_originals(cls, value: object) -> object:
        if isinstance(value, dict) and isinstance(value.get("originals"), dict) and "classes" not in value:
            return {**value, "classes": [name for name in STUDY_B if name in value["originals"]]}
        return value

    @model_validator(mode="after")
    def _same_classes(self) -> "SimulatedGathers":
        if set(self.originals) != set(self.classes):
            raise ValueError(f"originals names {', '.join(self.originals)}, classes {', '.join(self.classes)}; expected the same names")
        return self


class _Labelled(_Waveforms):
    labels: str = Field(
        description="Table (TSV or parquet) with the columns `recording` and `class`, and where only a part of a recording is meant `start`, "
        "`end` (seconds from the first sample, or ISO 8601 times), `first_trace`, `last_trace`; `group` names recordings that belong "
        "together (pieces of one always do), `split` the part of each (train, validation or test) for `split.method: folders`."
    )
    inventory: str | None = Field(None, description="StationXML file with the instruments' responses.")
    response: Literal["none", "VEL", "DISP", "ACC"] = Field("none", description="What amplitudes become when the response is removed.")
    interval_ms: Positive | None = Field(
        None, description="Sampling interval that recordings are resampled to, in milliseconds; null: the traces of a recording must agree."
    )


class Recordings(_Labelled):
    """Recordings in a folder: SEG-Y shot gathers, miniSEED, or whatever ObsPy reads."""

    kind: Literal["recordings"]
    folder: str = Field(description="Folder of the recordings; names in the table are relative to it.")

    @model_validator(mode="after")
    def _responses(self) -> "Recordings":
        if self.response != "none" and self.inventory is None:
            raise ValueError(f"response: {self.response} needs the instruments' responses; give their StationXML file as `inventory`")
        return self


class Fdsn(_Labelled):
    """Recordings from an FDSN data centre, fetched window by window."""

    kind: Literal["fdsn"]
    url: str = Field(description="Base of the data centre, for example `https://service.iris.edu`.")
    requests: str = Field(
        description="Table (TSV) of what to fetch: `network`, `station`, `location`, `channel`, `start`, `end` (ISO 8601, UTC), a recording a row."
    )

    @field_validator("url")
    @classmethod
    def _web(cls, url: str) -> str:
        if not url.startswith(("http://", "https://")):
            raise ValueError("a data centre is an http(s) URL")
        return url.rstrip("/")


class Pictures(_Classes):
    """A folder of pictures: `class/*.png`, or `train|val|test/class/*.png` with the parts given."""

    kind: Literal["pictures"]
    folder: str = Field(description="Folder of the pictures.")
    crop: tuple[int, int, int, int] | None = Field(
        None, description="Box that is kept: left, top, right, bottom, in pixels, right and bottom excluded; null keeps all."
    )
    size: Side = Field(224, description="Side of the stored picture, in pixels.")
    source: str | None = Field(
        None,
        description="Regular expression on a file's name without suffix whose first group names the original: pictures of one original never cross "
        "a split, for example `^(.*?)(_mirror|_left|_right)?$`. Null: every picture is an original.",
    )

    @field_validator("crop")
    @classmethod
    def _box(cls, crop: tuple[int, int, int, int] | None) -> tuple[int, int, int, int] | None:
        if crop is not None and not (0 <= crop[0] < crop[2] and 0 <= crop[1] < crop[3]):
            raise ValueError(
                f"a crop box is left, top, right, bottom with left < right and top < bottom, none negative; found {list(crop)}"
            )
        return crop

    @field_validator("source")
    @classmethod
    def _pattern(cls, source: str | None) -> str | None:
        if source is None:
            return None
        try:
            groups = re.compile(source).groups
        except re.error as error:
            raise ValueError(f"not a regular expression ({error})") from None
        if groups < 1:
            raise ValueError("the expression has no group; put the part that names the original into parentheses")
        return source


Collection = Annotated[SimulatedGathers | Recordings | Fdsn | Pictures, Field(discriminator="kind")]
