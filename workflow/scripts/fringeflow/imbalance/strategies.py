"""The registry of strategies: what each changes in training and what it needs from a model.

Metadata only: the Snakefile's process imports this module, so it imports no array library.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from fringeflow.errors import nearest
from fringeflow.imbalance.spec import CAPABILITIES, NEEDS, StrategySpec

if TYPE_CHECKING:
    from fringeflow.config.models import Strategy

__all__ = ["CAPABILITIES", "PARAMETERS", "STRATEGIES", "StrategyKind", "StrategySpec", "resolve_strategy"]

PARAMETERS = ("gamma", "alpha", "ratio", "beta", "tau", "when", "max_margin", "scale", "deferred", "how")
"""Parameters of the config's `Strategy`; each kind takes some of them."""


@dataclass(frozen=True)
class StrategyKind:
    """One registered kind of strategy.

    Attributes
    ----------
    name : str
    summary : str
    sets : mapping
        The fields of `StrategySpec` that it sets, for example ``{"loss": "focal"}``; two kinds that are joined set
        different ones.
    defaults : mapping
        Its parameters, from `PARAMETERS`, with their defaults.
    chosen : mapping
        Those of its parameters that choose the value of a field, and the field: ``{"how": "curate"}``.
    refuses : frozenset of str
        Fields that no kind joined to it may set, because both would correct for the same thing.
    citation : str
    """

    name: str
    summary: str
    sets: Mapping[str, str] = field(default_factory=dict)
    defaults: Mapping[str, Any] = field(default_factory=dict)
    chosen: Mapping[str, str] = field(default_factory=dict)
    refuses: frozenset[str] = frozenset()
    citation: str = ""

    @property
    def needs(self) -> frozenset[str]:
        """What a model must be able to do, with the defaults; from `CAPABILITIES`."""
        return frozenset(NEEDS[item] for item in self.sets.items() if item in NEEDS)


FOCAL = {"gamma": 2.0, "alpha": None}

STRATEGIES = {
    kind.name: kind
    for kind in (
        StrategyKind("none", "cross-entropy, every sample alike"),
        StrategyKind(
            "class_weights",
            "samples weighted by N / (K n_class)",
            sets={"weights": "balanced"},
            citation="King and Zeng (2001), Political Analysis 9(2)",
        ),
        StrategyKind(
            "focal",
            "focal loss: easy samples count less; `gamma`, and `alpha` for each class by name",
            sets={"loss": "focal"},
            defaults=FOCAL,
            citation="Lin et al. (2017), arXiv:1708.02002",
        ),
        StrategyKind(
            "weighted_focal",
            "focal loss, samples weighted by N / (K n_class) as well",
            sets={"loss": "focal", "weights": "balanced"},
            defaults=FOCAL,
            citation="Lin et al. (2017), arXiv:1708.02002",
        ),
        StrategyKind(
            "augmentation",
            "altered copies of training samples of rarer classes until they reach `ratio` of the largest",
            sets={"extra": "augment"},
            defaults={"ratio": 0.5},
            citation="Shorten and Khoshgoftaar (2019), Journal of Big Data 6:60",
        ),
        StrategyKind(
            "oversample",
            "rarer classes repeated at random until they reach `ratio` of the largest",
            sets={"sampler": "oversample"},
            defaults={"ratio": 1.0},
            citation="Batista et al. (2004), SIGKDD Explorations 6(1)",
        ),
        StrategyKind(
            "undersample",
            "samples of larger classes left out at random until the rarest reaches `ratio` of each",
            sets={"sampler": "undersample"},
            defaults={"ratio": 1.0},
            citation="Batista et al. (2004), SIGKDD Explorations 6(1)",
        ),
        StrategyKind(
            "smote",
            "features between neighbours of a rarer class until it reaches `ratio` of the largest",
            sets={"sampler": "smote"},
            defaults={"ratio": 1.0},
            citation="Chawla et al. (2002), JAIR 16",
        ),
        StrategyKind(
            "effective_number",
            "samples weighted by the inverse effective number of their class, (1 - beta) / (1 - beta^n)",
            sets={"weights": "effective"},
            defaults={"beta": 0.999},
            citation="Cui et al. (2019), arXiv:1901.05555",
        ),
        StrategyKind(
            "logit_adjustment",
            "logits moved by `tau` times the log prior of the classes, in training or after it (`when`)",
            sets={"prior": "trained"},
            defaults={"tau": 1.0, "when": "trained"},
            chosen={"when": "prior"},
            refuses=frozenset({"weights", "sampler", "margin"}),
            citation="Menon et al. (2021), arXiv:2007.07314",
        ),
        StrategyKind(
            "ldam_drw",
            "larger margins for rarer classes on cosine logits; weights by the effective number in the last epochs only",
            sets={"loss": "cross_entropy", "margin": "ldam", "weights": "effective"},
            defaults={"max_margin": 0.5, "scale": 30.0, "deferred": 0.8, "beta": 0.999},
            citation="Cao et al. (2019), arXiv:1906.07413",
        ),
        StrategyKind(
            "implant",
            "modelled deformation added to quiet interferograms of training events until it reaches `ratio` of the largest class",
            sets={"extra": "implant"},
            defaults={"ratio": 0.5},
            citation="Fringeflow; after Anantrasirichai et al. (2019), arXiv:1909.02321 (synthetic interferograms)",
        ),
        StrategyKind(
            "curate",
            "training samples whose score disagrees with those that overlap them are dropped or weigh less (`how`)",
            sets={"curate": "drop"},
            defaults={"how": "drop"},
            chosen={"how": "curate"},
            citation="Fringeflow; after Northcutt et al. (2021), arXiv:1911.00068 (confident learning)",
        ),
    )
}


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
        or kinds joined by ``+`` that set the same thing or contradict each other.

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
    kinds = [STRATEGIES[part] for part in parts]
    problems = [*_contradictions(kind, kinds)]
    values: dict[str, Any] = {}
    taken: dict[str, Any] = {}
    chosen: dict[str, str] = {}
    for entry in kinds:
        values.update(entry.sets)
        taken.update(entry.defaults)
        chosen.update(entry.chosen)
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
            taken[parameter] = given if isinstance(given, str) else float(given)
    if problems:
        raise ValueError("; ".join(problems))
    values.update({place: taken.pop(parameter) for parameter, place in chosen.items()})
    return StrategySpec(name=name, kind=kind, **values, **taken)


SAID = {"extra": "extra samples", "sampler": "resampling", "weights": "weights of the classes", "curate": "treatment of doubtful tiles"}
"""Fields of `StrategySpec` in the words of a user."""


def _contradictions(kind: str, kinds: Sequence[StrategyKind]) -> Iterator[str]:
    """Yield why kinds cannot be joined."""
    fields = Counter(name for entry in kinds for name in entry.sets)
    parameters = Counter(name for entry in kinds for name in entry.defaults)
    doubled = sorted(name for name in fields if fields[name] > 1)
    shared = sorted(name for name in parameters if parameters[name] > 1)
    if doubled:
        both = " and ".join(entry.name for entry in kinds if doubled[0] in entry.sets)
        yield f"'{kind}': {both} both set the {SAID.get(doubled[0], doubled[0])}; join kinds that change different things"
    elif shared:
        both = " and ".join(entry.name for entry in kinds if shared[0] in entry.defaults)
        yield f"'{kind}': {both} would share one '{shared[0]}'; leave one out"
    for entry in kinds:
        others = {name for other in kinds if other is not entry for name in other.sets}
        if clash := sorted(entry.refuses & others):
            yield f"'{kind}': '{entry.name}' corrects for the same imbalance as what sets the {' and '.join(clash)}; leave one out"
