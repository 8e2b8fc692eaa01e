"""What a strategy is, in plain values: the registry makes these, training reads them.

Apart from the registry, so that registering another strategy does not change the code behind the others. The
Snakefile's process imports this module, so it imports no array library.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from math import log
from typing import TYPE_CHECKING, Any

from fringeflow.errors import DatasetError, ModelError, nearest

if TYPE_CHECKING:
    import numpy as np

CAPABILITIES = {
    "sample_weights": "weights of samples in its loss",
    "loss": "a choice of its loss",
    "resample": "training on repeated or left-out samples",
    "features": "training on features of a fixed length in memory",
}
NEEDS = {
    ("loss", "focal"): "loss",
    ("weights", "balanced"): "sample_weights",
    ("weights", "effective"): "sample_weights",
    ("sampler", "oversample"): "resample",
    ("sampler", "undersample"): "resample",
    ("sampler", "smote"): "features",
    ("prior", "trained"): "loss",
    ("margin", "ldam"): "loss",
    ("curate", "downweight"): "sample_weights",
}
"""What a model must be able to do for a value of a field of `StrategySpec`; from `CAPABILITIES`."""


@dataclass(frozen=True)
class StrategySpec:
    """A strategy with every default filled in: what training reads.

    Attributes
    ----------
    name, kind : str
        The name in the config and the registered kind, or several joined by ``+``.
    loss : {"cross_entropy", "focal"}
    gamma : float or None
    alpha : dict or None
        Weight of each class by name in the focal loss; None weighs all by 1.
    weights : {"none", "balanced", "effective"}
        Of the classes: N / (K n_class), or by the effective number with `beta`.
    beta : float or None
    sampler : str
        ``none``, or a sampler of `imbalance.sampling`.
    ratio : float or None
        Of rarer classes to the largest, after sampling or with the extra samples.
    prior : {"none", "trained", "post_hoc"}
        When logits are adjusted by `tau` times the log prior.
    tau : float or None
    margin : {"none", "ldam"}
        With `max_margin`, `scale`, and `deferred`: the share of the epochs before the weights hold.
    max_margin, scale, deferred : float or None
    extra : {"none", "augment", "implant"}
        How further samples are made from the training split.
    curate : {"none", "drop", "downweight"}
        What becomes of training samples whose label is doubted.
    """

    name: str
    kind: str
    loss: str = "cross_entropy"
    gamma: float | None = None
    alpha: dict[str, float] | None = None
    weights: str = "none"
    beta: float | None = None
    sampler: str = "none"
    ratio: float | None = None
    prior: str = "none"
    tau: float | None = None
    margin: str = "none"
    max_margin: float | None = None
    scale: float | None = None
    deferred: float | None = None
    extra: str = "none"
    curate: str = "none"

    @property
    def needs(self) -> frozenset[str]:
        """What a model must be able to do; from `CAPABILITIES`."""
        return frozenset(need for (name, value), need in NEEDS.items() if getattr(self, name) == value)

    @property
    def recipe(self) -> str:
        """The readable folder name of its extra samples, for example ``augment-0.5``; empty if it has none."""
        return "" if self.extra == "none" else f"{self.extra}-{self.ratio!r}".removesuffix(".0")

    @property
    def is_random(self) -> bool:
        """Whether two seeds give different training sets."""
        return self.sampler != "none"

    def as_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "StrategySpec":
        """Build from `as_dict`."""
        return cls(**values)

    def log_prior(self, labels: "np.ndarray", classes: int) -> list[float]:
        """Return tau times the logarithm of each class's share.

        Parameters
        ----------
        labels : ndarray of int, shape (n,)
            Of the samples whose shares the probabilities have: those trained on, or those calibrated on.
        classes : int

        Raises
        ------
        DatasetError
            If a class has no sample.
        """
        counts = Counter(labels.tolist())
        if missing := [number for number in range(classes) if not counts[number]]:
            raise DatasetError(f"strategies.{self.name}: class number {missing[0]} has no training sample, so its prior has no logarithm")
        return [(1.0 if self.tau is None else self.tau) * log(counts[number] / len(labels)) for number in range(classes)]

    def adjustment(self, labels: "np.ndarray", classes: int) -> list[float] | None:
        """Return what is taken off every log probability after training: `log_prior`, or None if nothing is."""
        return self.log_prior(labels, classes) if self.prior == "post_hoc" else None

    def alpha_of(self, classes: Sequence[str]) -> list[float]:
        """Return alpha in the order of `classes`: by name, so that no order can swap it.

        Raises
        ------
        ModelError
            If alpha names other classes than these.
        """
        if self.alpha is None:
            return [1.0] * len(classes)
        for name in self.alpha:
            if name not in classes:
                raise ModelError(f"strategies.{self.name}.alpha: unknown class '{name}'; {nearest(name, classes)}")
        missing = [name for name in classes if name not in self.alpha]
        if missing:
            text = f"strategies.{self.name}.alpha: no weight for {', '.join(missing)}"
            raise ModelError(f"{text}; name every class, 1 leaves a class as it is")
        return [float(self.alpha[name]) for name in classes]
