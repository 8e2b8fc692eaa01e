"""The registry of strategies: defaults, refusals, names."""

from dataclasses import fields

import numpy as np
import pytest
from pydantic import ValidationError

from fringeflow.config.models import Strategy
from fringeflow.errors import ModelError
from fringeflow.files import canonical_json
from fringeflow.imbalance.strategies import CAPABILITIES, PARAMETERS, STRATEGIES, StrategySpec, resolve_strategy


@pytest.mark.parametrize("name", STRATEGIES)
def test_every_strategy_resolves_by_its_name_and_survives_json(name):
    spec = resolve_strategy(name, Strategy())
    kind = STRATEGIES[name]
    assert spec.kind == name and spec.needs == kind.needs <= set(CAPABILITIES)
    assert set(kind.defaults) <= set(PARAMETERS) == set(Strategy.model_fields) - {"kind"}
    assert set(kind.sets) <= {entry.name for entry in fields(StrategySpec)}
    assert kind.summary and (kind.citation or name == "none")
    assert StrategySpec.from_dict(spec.as_dict()) == spec
    assert canonical_json(spec.as_dict()) == canonical_json(resolve_strategy(name, Strategy(kind=name)).as_dict())


def test_defaults_are_those_of_the_studies():
    assert resolve_strategy("focal", Strategy()).gamma == 2
    assert resolve_strategy("oversample", Strategy()).ratio == 1
    assert resolve_strategy("class_weights", Strategy()).weights == "balanced"
    weighted = resolve_strategy("weighted_focal", Strategy())
    assert (weighted.loss, weighted.gamma, weighted.weights) == ("focal", 2, "balanced")


def test_defaults_are_those_of_the_papers():
    effective = resolve_strategy("effective_number", Strategy())
    assert (effective.weights, effective.beta) == ("effective", 0.999)
    adjusted = resolve_strategy("logit_adjustment", Strategy())
    assert (adjusted.prior, adjusted.tau, adjusted.needs) == ("trained", 1, {"loss"})
    ldam = resolve_strategy("ldam_drw", Strategy())
    assert (ldam.margin, ldam.max_margin, ldam.scale, ldam.deferred, ldam.weights, ldam.beta) == ("ldam", 0.5, 30, 0.8, "effective", 0.999)


def test_a_parameter_can_choose_what_a_strategy_is():
    after = resolve_strategy("logit_adjustment", Strategy(when="post_hoc", tau=2))
    assert (after.prior, after.tau, after.needs) == ("post_hoc", 2.0, frozenset()), "any model can be adjusted after training"
    assert resolve_strategy("curate", Strategy()).curate == "drop"
    lighter = resolve_strategy("curate", Strategy(how="downweight"))
    assert (lighter.curate, lighter.needs) == ("downweight", {"sample_weights"})
    assert StrategySpec.from_dict(after.as_dict()) == after


def test_extra_samples_have_a_readable_folder():
    assert resolve_strategy("augmentation", Strategy()).recipe == "augment-0.5"
    assert resolve_strategy("implant", Strategy(ratio=0.25)).recipe == "implant-0.25"
    assert resolve_strategy("implant", Strategy(ratio=1)).recipe == "implant-1"
    near = {resolve_strategy("augmentation", Strategy(ratio=ratio)).recipe for ratio in (0.3333333, 0.33333331)}
    assert len(near) == 2, "two ratios never share one folder"
    assert resolve_strategy("oversample", Strategy(ratio=0.25)).recipe == ""
    assert resolve_strategy("focal+augmentation", Strategy(gamma=5)).recipe == resolve_strategy("augmentation", Strategy()).recipe


@pytest.mark.parametrize(
    "values",
    [{"beta": 1}, {"beta": -0.1}, {"tau": 0}, {"when": "later"}, {"max_margin": 1.5}, {"scale": 0}, {"deferred": 1.1}, {"how": "hide"}],
)
def test_values_out_of_bounds_are_refused(values):
    with pytest.raises(ValidationError, match=next(iter(values))):
        Strategy(**values)


def test_a_name_of_ones_own_needs_a_kind():
    spec = resolve_strategy("hard", Strategy(kind="focal", gamma=5, alpha={"b": 2, "a": 1}))
    assert (spec.name, spec.loss, spec.gamma) == ("hard", "focal", 5.0)
    assert list(spec.alpha) == ["a", "b"]
    with pytest.raises(ValueError, match="unknown kind of strategy 'focl'; did you mean 'focal'"):
        resolve_strategy("focl", Strategy())


def test_a_parameter_that_means_nothing_is_refused():
    with pytest.raises(ValueError, match="'gamma' means nothing to 'oversample'; it takes ratio"):
        resolve_strategy("oversample", Strategy(gamma=2))
    with pytest.raises(ValueError, match="'alpha' means nothing to 'none'; it takes none; 'ratio' means"):
        resolve_strategy("none", Strategy(alpha={"a": 1}, ratio=0.5))


def test_kinds_can_be_joined_when_they_change_different_things():
    spec = resolve_strategy("focal+oversample", Strategy(gamma=1, ratio=0.5))
    assert (spec.loss, spec.sampler, spec.gamma, spec.ratio) == ("focal", "oversample", 1.0, 0.5)
    assert spec.needs == {"loss", "resample"} and spec.is_random
    spec = resolve_strategy("weighted_focal+implant+curate", Strategy(how="downweight"))
    assert (spec.loss, spec.weights, spec.extra, spec.ratio, spec.curate) == ("focal", "balanced", "implant", 0.5, "downweight")
    assert resolve_strategy("focal+logit_adjustment", Strategy()).needs == {"loss"}


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("focal+focal", "both set the loss"),
        ("ldam_drw+focal", "ldam_drw and focal both set the loss"),
        ("weighted_focal+class_weights", "both set the weights of the classes"),
        ("ldam_drw+effective_number", "both set the weights of the classes"),
        ("oversample+smote", "both set the resampling"),
        ("augmentation+implant", "both set the extra samples"),
        ("oversample+augmentation", "would share one 'ratio'"),
        ("logit_adjustment+class_weights", "'logit_adjustment' corrects for the same imbalance as what sets the weights"),
        ("oversample+logit_adjustment", "what sets the sampler; leave one out"),
        ("ldam_drw+logit_adjustment", "what sets the margin and weights; leave one out"),
    ],
)
def test_kinds_that_set_the_same_thing_or_contradict_are_refused(kind, said):
    with pytest.raises(ValueError) as caught:
        resolve_strategy(kind, Strategy())
    assert said in str(caught.value)


def test_the_prior_is_that_of_the_labels():
    spec = resolve_strategy("logit_adjustment", Strategy(when="post_hoc", tau=0.5))
    assert spec.adjustment(np.array([0, 1, 1, 1]), 2) == pytest.approx([0.5 * np.log(0.25), 0.5 * np.log(0.75)])


def test_alpha_must_name_exactly_the_classes():
    spec = resolve_strategy("focal", Strategy(alpha={"deformation": 4}))
    with pytest.raises(ModelError, match="no weight for no_deformation"):
        spec.alpha_of(["no_deformation", "deformation"])
    spec = resolve_strategy("focal", Strategy(alpha={"deformatoin": 4, "no_deformation": 1}))
    with pytest.raises(ModelError, match="unknown class 'deformatoin'; did you mean 'deformation'"):
        spec.alpha_of(["no_deformation", "deformation"])
    assert resolve_strategy("focal", Strategy()).alpha_of(["a", "b", "c"]) == [1, 1, 1]
