"""The configuration of pretraining: networks trained on simulated scenes that are never stored."""

from typing import Annotated, Any, Literal

from pydantic import Field, field_validator

from fringeflow.config.interferograms import LabelRule
from fringeflow.config.strict import Positive, Strict


class Pretraining(Strict):
    """One network, pretrained on numbers of simulated scenes: `snakemake pretrain`."""

    scenes: list[Annotated[int, Field(ge=64)]] = Field(
        [2000], min_length=1, description="Numbers of simulated scenes, one network each: how scores on real interferograms grow with them."
    )
    view: Literal["wrapped", "unwrapped"] = Field(
        "wrapped", description="The phase that the network sees, in simulated tiles (`unwrapped`: with unwrapping errors) and in real ones."
    )
    seed: int = Field(0, ge=0, description="Seed of the scenes, the batches and the head.")
    tile: int = Field(256, ge=32, le=1024, description="Side of a tile, pixels; a scene is 1.75 tiles wide.")
    tiles: int = Field(8, ge=1, le=64, description="Tiles cut from a scene at random places.")
    input_size: int = Field(128, ge=32, le=512, description="Side of a tile as the network sees it, pixels.")
    passes: int = Field(
        2, ge=1, le=10, description="How often a tile is trained on, each time otherwise flipped, turned and shifted in phase."
    )
    batch: int = Field(64, ge=8, le=512, description="Tiles in a training step.")
    learning_rate: Positive = Field(1e-3, description="Highest step of AdamW; it rises over the first twentieth and falls as a cosine.")
    weight_decay: float = Field(0.02, ge=0, description="Of AdamW.")
    held_out: int = Field(128, ge=16, description="Further scenes that the network is judged on, which no network is trained on.")
    label: LabelRule = Field(
        LabelRule(),
        description="The label rule; between no deformation and `min_area` a target lies between 0 and 1, and `quiet_fringes` means nothing here.",
    )
    prevalence: Annotated[float, Field(gt=0, lt=1)] = Field(
        0.05,
        description="Share of tiles with deformation where the network is used: its scores are probabilities at this one, not at that of training.",
    )
    implant: list[str] = Field(
        [],
        description="Events whose real quiet interferograms are trained on too: as they are, and with modelled deformation implanted. None by default.",
    )
    implant_share: Annotated[float, Field(gt=0, lt=1)] = Field(
        0.3, description="Share of a training step from `implant`, where it names any."
    )
    real: list[str] = Field([], description="Events whose real interferograms every network is scored on, and never trained on.")
    real_stride: int = Field(64, ge=1, le=2048, description="Step between tiles of real interferograms, pixels.")

    @field_validator("scenes")
    @classmethod
    def _ascending(cls, scenes: list[int]) -> list[int]:
        if sorted(set(scenes)) != scenes:
            raise ValueError(f"expected different numbers in ascending order, found {scenes}")
        return scenes

    def of_training(self) -> dict[str, Any]:
        """Return what a training reads, in plain values: what is left out changes no network."""
        return self.model_dump(mode="json", exclude={"scenes", "real", "real_stride", "implant", "prevalence"})
