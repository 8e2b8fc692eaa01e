"""The registry of strategies: defaults, refusals, names."""

import pytest

from fringeflow.config.models import Strategy
from fringeflow.errors import ModelError
from fringeflow.files import canonical_json
from fringeflow.imbalance.strategies import CAPABILITIES, PARAMETERS, STRATEGIES, StrategySpec, resolve_strategy


@pytest.mark.parametrize("name", STRATEGIES)
def test_every_strategy_resolves_by_its_name_and_survives_json(name):
    spec = resolve_strategy(name, Strategy())
    kind = STRATEGIES[name]
    assert spec.kind == name and spec.needs == kind.needs <= set(CAPABILITIES)
    assert set(kind.defaults) <= set(PARAMETERS) <= set(Strategy.model_fields)
    assert StrategySpec.from_dict(spec.as_dict()) == spec
    assert canonical_json(spec.as_dict()) == canonical_json(resolve_strategy(name, Strategy(kind=name)).as_dict())


def test_defaults_are_those_of_the_studies():
    assert resolve_strategy("focal", Strategy()).gamma == 2
    assert resolve_strategy("oversample", Strategy()).ratio == 1
    assert resolve_strategy("class_weights", Strategy()).weights == "balanced"


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
    with pytest.raises(ValueError, match="sets its loss twice"):
        resolve_strategy("focal+focal", Strategy())


def test_alpha_must_name_exactly_the_classes():
    spec = resolve_strategy("focal", Strategy(alpha={"deformation": 4}))
    with pytest.raises(ModelError, match="no weight for no_deformation"):
        spec.alpha_of(["no_deformation", "deformation"])
    spec = resolve_strategy("focal", Strategy(alpha={"deformatoin": 4, "no_deformation": 1}))
    with pytest.raises(ModelError, match="unknown class 'deformatoin'; did you mean 'deformation'"):
        spec.alpha_of(["no_deformation", "deformation"])
    assert resolve_strategy("focal", Strategy()).alpha_of(["a", "b", "c"]) == [1, 1, 1]
