"""The registry of strategies: what each changes in training and what it needs from a model.

Metadata only: the Snakefile's process imports this module, so it imports no array library.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from fringeflow.errors import ModelError, nearest

if TYPE_CHECKING:
    from fringeflow.config.models import Strategy

CAPABILITIES = {
    "sample_weights": "weights of samples in its loss",
    "loss": "a choice of its loss",
    "resample": "training on repeated or left-out samples",
}
PARAMETERS = ("gamma", "alpha", "ratio")
"""Parameters of the config's `Strategy`; each kind takes some of them."""


@dataclass(frozen=True)
class StrategyKind:
    """One registered kind of strategy.

    Attributes
    ----------
    name : str
    summary : str
    needs : frozenset of str
        From `CAPABILITIES`: what a model must be able to do.
    sets : mapping
        The fields of `StrategySpec` that it sets, for example ``{"loss": "focal"}``.
    defaults : mapping
        Its parameters, from `PARAMETERS`, with their defaults.
    citation : str
    """

    name: str
    summary: str
    needs: frozenset[str] = frozenset()
    sets: Mapping[str, str] = field(default_factory=dict)
    defaults: Mapping[str, Any] = field(default_factory=dict)
    citation: str = ""


STRATEGIES = {
    kind.name: kind
    for kind in (
        StrategyKind("none", "cross-entropy, every sample alike"),
        StrategyKind(
            "class_weights",
            "samples weighted by N / (K n_class)",
            needs=frozenset({"sample_weights"}),
            sets={"weights": "balanced"},
            citation="King and Zeng (2001), Political Analysis 9(2)",
        ),
        StrategyKind(
            "focal",
            "focal loss: easy samples count less; `gamma`, and `alpha` for each class by name",
            needs=frozenset({"loss"}),
            sets={"loss": "focal"},
            defaults={"gamma": 2.0, "alpha": None},
            citation="Lin et al. (2017), arXiv:1708.02002",
        ),
        StrategyKind(
            "oversample",
            "rarer classes repeated at random until they reach `ratio` of the largest",
            needs=frozenset({"resample"}),
            sets={"sampler": "oversample"},
            defaults={"ratio": 1.0},
            citation="Batista et al. (2004), SIGKDD Explorations 6(1)",
        ),
    )
}


@dataclass(frozen=True)
class StrategySpec:
    """A strategy with every default filled in: what training reads.

    Attributes
    ----------
    name, kind : str
        The name in the config and the registered kind, or several joined by ``+``.
    loss : {"cross_entropy", "focal"}
    weights : {"none", "balanced"}
        ``balanced``: N / (K n_class) from the training split.
    sampler : str
        ``none``, or a sampler of `imbalance.sampling`.
    gamma : float or None
    alpha : dict or None
        Weight of each class by name in the focal loss; None weighs all by 1.
    ratio : float or None
    """

    name: str
    kind: str
    loss: str = "cross_entropy"
    weights: str = "none"
    sampler: str = "none"
    gamma: float | None = None
    alpha: dict[str, float] | None = None
    ratio: float | None = None

    @property
    def needs(self) -> frozenset[str]:
        """What a model must be able to do."""
        return frozenset().union(*(STRATEGIES[part].needs for part in self.kind.split("+")))

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


def resolve_strategy(name: str, strategy: "Strategy") -> StrategySpec:
    """Return a configured strategy with every default filled in.

    Parameters
    ----------
    name : str
        Its name in the config; also its kind if the config gives none.
    strategy : Strategy

    Raises
    ------
    ValueError
        With every problem: an unknown kind (the nearest is suggested), a parameter that the kind does not take,
        or kinds joined by ``+`` that set the same thing.

    Examples
    --------
    >>> from fringeflow.config.models import Strategy
    >>> resolve_strategy("soft", Strategy(kind="focal", gamma=1)).gamma
    1.0
    """
    kind = strategy.kind or name
    parts = kind.split("+")
    unknown = [part for part in parts if part not in STRATEGIES]
    if unknown:
        raise ValueError("; ".join(f"unknown kind of strategy '{part}'; {nearest(part, STRATEGIES)}" for part in unknown))
    problems = []
    values: dict[str, Any] = {}
    taken: dict[str, Any] = {}
    for part in parts:
        doubled = sorted(values.keys() & STRATEGIES[part].sets)
        if doubled:
            problems.append(f"'{kind}' sets its {' and '.join(doubled)} twice; join kinds that change different things")
        values.update(STRATEGIES[part].sets)
        taken.update(STRATEGIES[part].defaults)
    for parameter in PARAMETERS:
        given = getattr(strategy, parameter)
        if given is None:
            continue
        if parameter not in taken:
            valid = f"it takes {', '.join(sorted(taken))}" if taken else "it takes none"
            problems.append(f"'{parameter}' means nothing to '{kind}'; {valid}")
        elif isinstance(given, dict):
            taken[parameter] = dict(sorted(given.items()))
        else:
            taken[parameter] = float(given)
    if problems:
        raise ValueError("; ".join(problems))
    return StrategySpec(name=name, kind=kind, **values, **taken)
