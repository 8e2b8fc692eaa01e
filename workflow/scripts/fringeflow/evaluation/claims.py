"""Study A's three claims: what is compared for each, and what the comparisons say."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from fringeflow.config.models import Evaluation
from fringeflow.evaluation.paired import BETTER, WORSE, Difference, Drawn, difference
from fringeflow.evaluation.published import BEST, ROWS
from fringeflow.evaluation.summary import chosen_run

SUPPORTED, CONTRADICTED, UNDECIDED, UNTESTED = "supported", "contradicted", "undecided", "not tested"
DECIDING = "pr_auc"
"""The score that decides: with a rare class, accuracy and ROC-AUC are high whatever is found."""
BESIDE = {"roc_auc": "ROC-AUC", "default/f1": "F1 at 0.5"}
"""The study's own scores, told beside it."""
Key = tuple[str, ...]
"""View, model and strategy of a run."""


@dataclass(frozen=True)
class StudyRuns:
    """Which runs of a dataset form the study.

    Attributes
    ----------
    architectures : dict of str to str
        By name of the model, in the order of the table's rows.
    strategy, against : str
    trained : dict of str to list of str
        By name of the model, of those that have weights: which, and its mode.
    """

    architectures: dict[str, str]
    strategy: str
    against: str
    trained: dict[str, list[str]] = field(default_factory=dict)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "StudyRuns":
        """Build from plain values; `architectures` as a list of pairs, since the order of a mapping in JSON means nothing."""
        return cls(dict(map(tuple, values["architectures"])), values["strategy"], values["against"], values["trained"])


@dataclass(frozen=True)
class Scored:
    """A run's scores under the draws, and how many groups hold some of its rarest class."""

    drawn: Drawn
    groups: int


@dataclass(frozen=True)
class Compared:
    """One side less the other, in every score."""

    what: str
    differences: Mapping[str, Difference]

    @property
    def verdict(self) -> str:
        """What the deciding score says."""
        return self.differences[DECIDING].verdict


@dataclass(frozen=True)
class Claim:
    """A claim with what decides it.

    Attributes
    ----------
    text : str
        The claim itself.
    verdict : str
        `supported`, `contradicted`, `undecided`, or `not tested`.
    deciding : tuple of Compared
        What the verdict rests on.
    beside : tuple of Compared
        Parts of it, told but not deciding.
    reason : str
        Why it is not tested; or how the two sides were chosen.
    """

    text: str
    verdict: str
    deciding: tuple[Compared, ...] = ()
    beside: tuple[Compared, ...] = field(default=())
    reason: str = ""

    def rows(self) -> Iterator[dict[str, Any]]:
        """Yield a row for each comparison and score; of a claim that is not tested one row without numbers."""
        for compared in (*self.deciding, *self.beside):
            for name, found in compared.differences.items():
                about = {"claim": self.text, "verdict": self.verdict, "comparison": compared.what, "score": name.split("/")[-1]}
                yield {**about, "difference": found.value, "lower": found.lower, "upper": found.upper}
        if not self.deciding:
            yield {"claim": self.text, "verdict": self.verdict, "comparison": self.reason, "score": "", "difference": np.nan}


def decide_claims(runs: Mapping[Key, Scored], table: pd.DataFrame, study: StudyRuns, settings: Evaluation) -> list[Claim]:
    """Decide the three claims.

    Parameters
    ----------
    runs : mapping of (view, model, strategy) to Scored
    table : DataFrame
        Of `study.make_study`; validation's PR-AUC chooses the model of the third claim.
    study : StudyRuns
    settings : Evaluation
        Level of the intervals.

    Returns
    -------
    list of Claim
    """
    return [_views(runs, study, settings), _models(runs, study, settings), _strategies(runs, table, study, settings)]


def together(verdicts: Sequence[str]) -> str:
    """Return what several comparisons say together: supported if all are better, contradicted if any is worse.

    Examples
    --------
    >>> together(["better", "better"]), together(["better", "undecided"]), together(["better", "worse"])
    ('supported', 'undecided', 'contradicted')
    """
    if WORSE in verdicts:
        return CONTRADICTED
    return SUPPORTED if verdicts and all(verdict == BETTER for verdict in verdicts) else UNDECIDED


def _views(runs: Mapping[Key, Scored], study: StudyRuns, settings: Evaluation) -> Claim:
    """Test whether wrapped beats unwrapped, as the mean over the models; each is told beside it."""
    text = "wrapped beats unwrapped"
    names = [name for name in _of_study(study) if {(view, name, study.strategy) for view in ("wrapped", "unwrapped")} <= runs.keys()]
    if not names:
        return Claim(text, UNTESTED, reason="no model was trained on both views")
    each = {name: [runs[view, name, study.strategy] for view in ("wrapped", "unwrapped")] for name in names}
    parts = tuple(_compare(f"{name}: wrapped less unwrapped", sides, settings) for name, sides in each.items())
    if len(names) == 1:
        return Claim(text, together([parts[0].verdict]), parts)
    sides = [_mean([pair[side] for pair in each.values()]) for side in (0, 1)]
    whole = _compare(f"mean of {', '.join(names)}: wrapped less unwrapped", sides, settings)
    return Claim(text, together([whole.verdict]), (whole,), parts)


def _models(runs: Mapping[Key, Scored], study: StudyRuns, settings: Evaluation) -> Claim:
    """Test whether VGG19 is best: against each of the study's others, on wrapped phase."""
    text = f"{ROWS[BEST]} is best"
    names = [name for name in _of_study(study) if ("wrapped", name, study.strategy) in runs]
    best = [name for name in names if study.architectures[name] == BEST]
    others = [name for name in names if study.architectures[name] != BEST]
    if not best or not others:
        return Claim(text, UNTESTED, reason=f"needs {BEST} and another of the study's architectures on wrapped phase")
    sides = [(one, other) for one in best for other in others]
    found = tuple(
        _compare(f"{one} less {other}", [runs["wrapped", name, study.strategy] for name in (one, other)], settings) for one, other in sides
    )
    return Claim(text, together([compared.verdict for compared in found]), found)


def _strategies(runs: Mapping[Key, Scored], table: pd.DataFrame, study: StudyRuns, settings: Evaluation) -> Claim:
    """Test whether focal loss beats augmentation: with the model that validation chooses, on wrapped phase."""
    text = f"{study.strategy} beats {study.against}"
    model = best_model(table, study)
    both = [("wrapped", model or "", strategy) for strategy in (study.strategy, study.against)]
    if model is None or not set(both) <= runs.keys():
        missing = f"{model} was not trained under '{study.against}' on wrapped phase" if model else "no model was trained on wrapped phase"
        return Claim(text, UNTESTED, reason=missing)
    found = _compare(f"{model}: {study.strategy} less {study.against}", [runs[key] for key in both], settings)
    return Claim(text, together([found.verdict]), (found,), reason=f"{model} has the best PR-AUC on validation under {study.strategy}")


def best_model(table: pd.DataFrame, study: StudyRuns) -> str | None:
    """Return the model of the study that validation chooses on wrapped phase; None if there is none."""
    rows = table[(table["view"] == "wrapped") & (table["strategy"] == study.strategy) & table["model"].isin(_of_study(study))]
    return None if rows.empty else str(chosen_run(rows)["model"])


def _of_study(study: StudyRuns) -> list[str]:
    """Return the models of the study's architectures; if there are none, all."""
    return [name for name, kind in study.architectures.items() if kind in ROWS] or list(study.architectures)


def _mean(runs: Sequence[Scored]) -> Scored:
    """Return the mean of several runs' scores, draw by draw."""
    first = runs[0].drawn
    value = {name: np.mean([run.drawn.value[name] for run in runs], axis=0) for name in first.value}
    draws = {name: np.mean([run.drawn.draws[name] for run in runs], axis=0) for name in first.draws}
    return Scored(Drawn(value, draws), runs[0].groups)


def _compare(what: str, sides: Sequence[Scored], settings: Evaluation) -> Compared:
    """Return the first of two sides less the second in every score."""
    one, other = sides
    names = (DECIDING, *BESIDE)
    return Compared(
        what, {name: difference(one.drawn, other.drawn, name, confidence=settings.confidence, groups=one.groups) for name in names}
    )
