"""The configuration of what is learnt: models, cascades, tuning, strategies, training."""

from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from fringeflow.config.strict import Fraction, Name, Once, Positive, Strict

Value = float | int | str | bool


class Range(Strict):
    """Where a hyper-parameter is looked for: between two bounds, or among some values."""

    low: float | None = Field(None, description="Smallest value.")
    high: float | None = Field(None, description="Largest value.")
    log: bool = Field(False, description="Whether steps are equal on a logarithmic scale.")
    choices: list[Value] | None = Field(None, min_length=1, description="The values, in place of bounds.")

    @model_validator(mode="after")
    def _one_way(self) -> "Range":
        bounds = (self.low, self.high)
        if self.choices is not None:
            if bounds != (None, None) or self.log:
                raise ValueError("give either choices, or low and high")
            return self
        if self.low is None or self.high is None:
            raise ValueError("give low and high, or choices")
        if self.low >= self.high:
            raise ValueError(f"low ({self.low}) must lie below high ({self.high})")
        if self.log and self.low <= 0:
            raise ValueError(f"a logarithmic range begins above 0, found low: {self.low}")
        return self


class Tune(Strict):
    """Hyper-parameters chosen by Optuna before training; the test split plays no part."""

    trials: int = Field(20, ge=1, le=10_000, description="Trials; the first has the untuned values.")
    folds: int = Field(5, ge=0, le=20, description="Grouped stratified folds of the training split; 0 scores on the validation split.")
    metric: Literal["macro_f1", "pr_auc"] = Field("macro_f1", description="What is maximised: the mean over the folds.")
    seed: int = Field(0, ge=0, description="Seed of the sampler and of the folds.")
    workers: int = Field(1, ge=1, le=1000, description="Jobs that share the trials; with more than one, their order is not reproducible.")
    prune: bool = Field(True, description="Give trials up that fall behind the median after some folds.")
    space: dict[Name, Range] = Field({}, description="Ranges by hyper-parameter, in place of the architecture's own of the same name.")


class Stage(Strict):
    """One step of a cascade: the first merges classes, each further one splits a merged class again."""

    name: Name = Field(description="Name of the step.")
    merge: dict[str, list[str]] = Field({}, description="Merged classes by name, with the classes that each stands for.")
    split: str = Field("", description="The merged class of an earlier step that this one splits; empty in the first.")


class TrainingChanges(Strict):
    """What of `training` a model has otherwise."""

    epochs: int | None = Field(None, ge=1, description="As in `training`.")
    patience: int | None = Field(None, ge=1, description="As in `training`.")
    watch: Literal["pr_auc", "loss", "macro_f1"] | None = Field(None, description="As in `training`.")
    batch: int | None = Field(None, ge=2, description="As in `training`.")
    learning_rate: Positive | None = Field(None, description="As in `training`.")
    weight_decay: float | None = Field(None, ge=0, description="As in `training`.")
    schedule: Literal["constant", "cosine"] | None = Field(None, description="As in `training`.")
    warmup: Annotated[float, Field(ge=0, lt=1)] | None = Field(None, description="As in `training`.")


class Model(Strict):
    """One model to train; its name in the config is its folder in the results."""

    architecture: str | None = Field(None, description="Registered architecture; null means the model's own name.")
    weights: str | None = Field(None, description="`packaged`, `imagenet`, `none`, or a file; null means the architecture's default.")
    head: str | None = Field(None, description="`linear` or `silva`; null means the architecture's default.")
    mode: str | None = Field(
        None,
        description="`frozen` trains the head on cached features, `partial` also the layers from `from_layer` on, `full` all layers, `prompt` "
        "prompts put before a frozen transformer's patches; "
        "null means `frozen`. What is frozen is computed once for all strategies and seeds.",
    )
    from_layer: str | None = Field(
        None,
        description="First trained layer in the mode `partial`, by its name in Keras; none inside a branch or that a shortcut passes by. Null "
        "means the last block of the architecture (`block5_conv1` of VGG19).",
    )
    input_size: int | None = Field(
        None, ge=16, le=1024, description="Side of the model's input, in pixels; null means the architecture's default."
    )
    encodings: dict[str, str] = Field({}, description="Encoding by view, where it is not the view's default.")
    strategies: list[str] | None = Field(
        None,
        description="Of a dataset's strategies, those to train it with; null means all. A strategy that is not defined for the architecture is refused.",
    )
    options: dict[str, Value] = Field({}, description="Hyper-parameters of the architecture, where they are not its defaults.")
    training: TrainingChanges = Field(TrainingChanges(), description="What of `training` differs for this model.")
    stages: list[Stage] = Field(
        [], description="A cascade: first told apart with some classes merged, then the merged ones split; empty: all classes at once."
    )
    tune: Tune | None = Field(None, description="Choose its hyper-parameters by Optuna; null trains it as it is given here.")


class Strategy(Strict):
    """One way to meet the imbalance; its name in the config is its folder in the results."""

    kind: str | None = Field(None, description="Registered strategy; null means the strategy's own name.")
    gamma: float | None = Field(None, ge=0, le=10, description="Focusing parameter of the focal loss.")
    alpha: dict[str, Positive] | None = Field(
        None, description="Weight of each class by its *name* in the focal loss; null weighs all the same."
    )
    ratio: Annotated[float, Field(gt=0, le=1)] | None = Field(
        None, description="Size of each rarer class over the largest one, after resampling or with the extra samples."
    )
    beta: Annotated[float, Field(ge=0, lt=1)] | None = Field(
        None, description="Of the effective number of samples: 0 weighs every sample alike, towards 1 it balances the classes."
    )
    tau: Annotated[float, Field(gt=0, le=10)] | None = Field(None, description="Strength of the logit adjustment; 1 is the theory's.")
    when: Literal["trained", "post_hoc"] | None = Field(
        None,
        description="Logit adjustment inside the loss, or of the trained model. With two classes both do little more than move the "
        "threshold: the bias of the last layer takes up what `trained` adds, so that samples are ranked about as with `none`.",
    )
    max_margin: Annotated[float, Field(gt=0, le=1)] | None = Field(
        None, description="LDAM's margin of the rarest class, in units of a cosine; others have margins by n^(-1/4)."
    )
    scale: Annotated[float, Field(gt=0, le=1000)] | None = Field(None, description="LDAM's factor from cosines to logits.")
    deferred: Fraction | None = Field(None, description="LDAM-DRW's share of the epochs before the classes are weighed.")
    how: Literal["drop", "downweight"] | None = Field(None, description="What becomes of a doubted training sample.")

    @field_validator("alpha", mode="before")
    @classmethod
    def _by_name(cls, alpha: Any) -> Any:
        if isinstance(alpha, int | float):
            raise ValueError(f"give each class its own by name, for example {{deformation: {alpha}, no_deformation: {alpha}}}")
        return alpha


class Training(Strict):
    """How heads and networks are fitted."""

    seeds: Annotated[list[Annotated[int, Field(ge=0, lt=10**9)]], Once] = Field(
        [0, 1, 2], min_length=1, description="Each run is trained once a seed; scores are means over them."
    )
    epochs: int = Field(60, ge=1, description="Most epochs.")
    patience: int = Field(10, ge=1, description="Epochs without a better validation score (see `watch`) before training stops.")
    watch: Literal["pr_auc", "loss", "macro_f1"] = Field(
        "pr_auc", description="The validation score that stops training and chooses the epoch whose weights are kept."
    )
    batch: int = Field(64, ge=2, description="Samples in a step.")
    learning_rate: Positive = Field(1e-3, description="Adam's step.")
    weight_decay: float = Field(1e-4, ge=0, description="Decoupled weight decay.")
    schedule: Literal["constant", "cosine"] = Field(
        "constant", description="How the step goes on after the warm-up: as it is, or down to 0 by a cosine."
    )
    warmup: Annotated[float, Field(ge=0, lt=1)] = Field(0.0, description="Share of the epochs in which the step rises from 0.")
    embed_batch: int = Field(64, ge=1, description="Images in a forward pass of a frozen backbone.")
    bfloat16: bool = Field(
        True,
        description="Use bfloat16 where it is faster: on GPUs with bfloat16 of their own (compute capability 8.0 on), CPUs with AMX and "
        "AMD's with AVX512-BF16; float32 elsewhere. It is for backbones that are frozen, and for those that PyTorch trains; what Keras "
        "trains is always in float32. Embeddings list what their job's machine did.",
    )

    def changed(self, changes: TrainingChanges) -> "Training":
        """Return these settings with a model's own in their place."""
        return self.model_copy(update=changes.model_dump(exclude_none=True))
