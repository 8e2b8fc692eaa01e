"""The configuration of interferograms: wrap and unwrap, tiles and their labels, the spectrogram of tiles.

Apart from the rest, since every job that prepares or tiles imports it.
"""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from fringeflow.config.strict import Fraction, Positive, Strict


class Prepare(Strict):
    """How an interferogram becomes aligned wrapped and unwrapped phase."""

    unwrapper: Literal["whirlwind", "snaphu"] = Field("whirlwind", description="What unwraps where the archive has no `unw`.")
    looks: float = Field(20.0, ge=1, description="Effective number of looks that the coherence was estimated with.")
    default_coherence: Fraction = Field(0.6, description="Coherence assumed by the unwrapper where the archive has no `cc`.")
    grid_tolerance_px: Fraction = Field(0.05, description="Largest offset between the grids of one interferogram's products, in pixels.")
    max_pixels: int = Field(
        100_000_000,
        gt=0,
        le=500_000_000,
        description="Largest interferogram accepted, in pixels: a job needs up to 320 bytes of memory for each. A frame of LiCSAR has about ten "
        "million.",
    )


class LabelRule(Strict):
    """When a tile of a coseismic pair counts as deformation."""

    min_fringes: Positive = Field(
        1.0, description="A pixel is deformed where the modelled line-of-sight phase reaches this many fringes (2 pi)."
    )
    min_area: Annotated[float, Field(gt=0, le=1)] = Field(
        0.05, description="A tile is `deformation` when at least this fraction of it is deformed."
    )
    quiet_fringes: Positive = Field(
        0.3,
        description="A tile is `no_deformation` when the modelled phase stays below this many fringes everywhere; between the two it is "
        "`ambiguous`, and so is one that another earthquake of the frame, between the same dates, may have deformed.",
    )

    @model_validator(mode="after")
    def _ordered(self) -> "LabelRule":
        if self.quiet_fringes > self.min_fringes:
            raise ValueError(f"quiet_fringes ({self.quiet_fringes}) must not exceed min_fringes ({self.min_fringes})")
        return self


class Tiling(Strict):
    """How an event's interferograms are cut into tiles, and how those are labelled."""

    size: int = Field(256, ge=16, le=2048, description="Side of a square tile, in pixels.")
    stride: int = Field(128, ge=1, description="Step between tiles, in pixels; smaller than `size` means overlap.")
    min_valid: Fraction = Field(0.5, description="Smallest fraction of pixels with data in a tile that is kept.")
    radius_km: Positive | None = Field(
        None, description="Keep only tiles whose centre lies within this distance of the epicentre; null keeps all."
    )
    label: LabelRule = Field(LabelRule(), description="The label rule.")


class Spectrogram(Strict):
    """The 2-D spectrogram of exp(i phase): a mosaic of local wavenumber spectra, zoomed to the wavenumbers of fringes."""

    window: int = Field(256, ge=8, description="Side of a window, in pixels; the tile's size gives one spectrum of the whole tile.")
    hop: int = Field(256, ge=1, description="Step between windows, in pixels.")
    max_wavenumber: Annotated[float, Field(gt=0, le=0.5)] = Field(
        0.0625, description="Largest wavenumber kept along each axis, in cycles a pixel: 0.0625 is a fringe in 16 pixels, 0.5 keeps all."
    )
    bins: int = Field(128, ge=8, le=1024, description="Wavenumbers along each axis of a window's spectrum.")
    taper: Literal["hann", "hamming", "boxcar"] = Field("hann", description="Window function along each axis.")
    floor_db: float = Field(
        -20.0,
        description="Lowest power kept, in dB over the mean of unit-amplitude white noise. Models see -20 as black whatever is kept.",
    )
    ceiling_db: float = Field(40.0, description="Highest power kept, in dB over the same. Models see 40 as white whatever is kept.")

    @model_validator(mode="after")
    def _ordered(self) -> "Spectrogram":
        if self.floor_db >= self.ceiling_db:
            raise ValueError(f"floor_db ({self.floor_db}) must lie below ceiling_db ({self.ceiling_db})")
        return self
