"""The loss against closed forms and published numbers; PyTorch mirrors NumPy."""

import numpy as np
import pytest

from fringeflow.config.models import Strategy
from fringeflow.errors import DatasetError
from fringeflow.imbalance import losses
from fringeflow.imbalance.objective import Objective, objective_of
from fringeflow.imbalance.strategies import resolve_strategy
from tests.unit.toy_losses import COUNT, case, extreme

CLASSES = ("no_deformation", "deformation")
TENTH = np.array([0] * 90 + [1] * 10)


def plain(weights=(1.0, 1.0), gamma: float = 0.0, **rest) -> Objective:
    flat = np.zeros(len(weights))
    return Objective(np.array(weights, float), gamma, **{"shift": flat, "margins": flat, "scale": 1.0, **rest})


def one(logits, label: int, objective: Objective, progress: float = 0.0, weight: float = 1.0) -> float:
    return losses.loss(np.array([logits], float), np.array([label]), np.array([weight]), objective, progress)


def objective(kind: str, labels=TENTH, classes=CLASSES, **settings) -> Objective:
    return objective_of(resolve_strategy(kind, Strategy(**settings)), labels, classes)


def odds(p: float) -> tuple[float, float]:
    """Logits whose softmax gives the second class the probability p."""
    return 0.0, np.log(p / (1 - p))


@pytest.mark.parametrize("p", [0.01, 0.3, 0.5, 0.9, 0.999])
@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0, 5.0])
def test_focal_is_the_formula_of_study_a(p, gamma):
    for alpha in (0.25, 1.0):
        expected = -alpha * (1 - p) ** gamma * np.log(p)
        assert one(odds(p), 1, plain((1.0, alpha), gamma)) == pytest.approx(expected, rel=1e-9)


def test_focal_numbers_of_the_paper():
    """Lin et al., section 3.2: with gamma 2, p = 0.9 counts 100 times less than in cross-entropy, p = 0.968 about 1000 times."""
    for p, times in ((0.9, 100), (0.968, 1000)):
        assert one(odds(p), 1, plain()) / one(odds(p), 1, plain(gamma=2)) == pytest.approx(times, rel=0.05)
    assert one(odds(0.9), 1, plain((0.25, 0.25), 2)) == pytest.approx(2.634e-4, rel=1e-3)


def test_cross_entropy_of_equal_logits_is_the_logarithm_of_the_number_of_classes():
    labels = np.array([0, 1, 2, 3, 0])
    assert losses.loss(np.zeros((5, 4)), labels, np.ones(5), plain((1.0,) * 4)) == pytest.approx(np.log(4))


def test_the_mean_is_over_samples_not_over_weights():
    """A batch of doubted samples moves the weights less than one of certain samples."""
    labels = np.array([0, 1])
    assert losses.loss(np.zeros((2, 2)), labels, np.array([0.5, 0.5]), plain()) == pytest.approx(np.log(2) / 2)
    assert losses.loss(np.zeros((2, 2)), labels, np.array([1.0, 0.0]), plain((3.0, 9.0))) == pytest.approx(3 * np.log(2) / 2)


def test_logit_adjustment_of_equal_logits_predicts_the_prior():
    """Menon et al., equation 10: with tau 1 the loss of a blind model is that of the classes' shares, 0.9 and 0.1."""
    adjusted = objective("logit_adjustment")
    assert one((0, 0), 1, adjusted) == pytest.approx(np.log(10))
    assert one((0, 0), 0, adjusted) == pytest.approx(np.log(10 / 9))
    assert one((0, 0), 1, objective("logit_adjustment", tau=2)) == pytest.approx(np.log(82)), "0.1^2 / (0.9^2 + 0.1^2) = 1 / 82"
    assert one((0, np.log(9)), 1, adjusted) == pytest.approx(np.log(2)), "the rare class has to lead by its odds"


def test_logit_adjustment_after_training_leaves_the_loss_alone_and_divides_by_the_prior():
    strategy = resolve_strategy("logit_adjustment", Strategy(when="post_hoc"))
    assert not objective_of(strategy, TENTH, CLASSES).shift.any()
    assert strategy.adjustment(TENTH, 2) == pytest.approx([np.log(0.9), np.log(0.1)])
    assert resolve_strategy("logit_adjustment", Strategy()).adjustment(TENTH, 2) is None
    with pytest.raises(DatasetError, match="class number 2 has no training sample"):
        strategy.adjustment(TENTH, 3)


def test_ldam_by_hand():
    """Cao et al., equation 13: margins by n^(-1/4), here 1/2 : 1 for 16 : 1 samples; logits are scaled after them."""
    labels = np.array([0] * 16 + [1])
    found = objective("ldam_drw", labels)
    np.testing.assert_allclose(found.margins, [0.25, 0.5], rtol=1e-6)
    assert one((0.2, 0.1), 1, found) == pytest.approx(np.log1p(np.exp(30 * (0.2 - (0.1 - 0.5)))))
    assert one((0.2, 0.1), 0, found) == pytest.approx(np.log1p(np.exp(30 * (0.1 - (0.2 - 0.25)))))
    soft = objective("ldam_drw", labels, max_margin=0.2, scale=10)
    assert one((0.2, 0.1), 1, soft) == pytest.approx(np.log1p(np.exp(10 * (0.2 - (0.1 - 0.2)))), rel=1e-6)


def test_deferred_weights_begin_after_their_share_of_the_epochs():
    """For beta 0.5, effective numbers of 3 and 1 samples are 1.75 and 1; a sample weighs 1 on average."""
    labels = np.array([0, 0, 0, 1])
    found = objective("ldam_drw", labels, beta=0.5)
    for progress, weights in ((0.0, [1, 1]), (0.79, [1, 1]), (0.8, [4 / 4.75, 7 / 4.75]), (1.0, [4 / 4.75, 7 / 4.75])):
        np.testing.assert_allclose(found.weights_at(progress), weights, rtol=1e-6)
        assert one((0, 0.5), 1, found, progress) == pytest.approx(weights[1] * one((0, 0.5), 1, found), rel=1e-6)
    assert objective("ldam_drw", labels, deferred=1).late_weights is None
    np.testing.assert_allclose(objective("ldam_drw", labels, beta=0.5, deferred=0).weights_at(0.0), [4 / 4.75, 7 / 4.75], rtol=1e-6)


@pytest.mark.parametrize("classes", [CLASSES, CLASSES[::-1]])
@pytest.mark.parametrize("kind", ["focal", "weighted_focal", "focal+class_weights"])
def test_alpha_goes_to_the_class_it_names_whatever_the_order(classes, kind):
    """Folders sort alphabetically, and the reference gave alpha to the wrong class."""
    found = objective(kind, np.array([0, 1]), classes, gamma=0, alpha={"deformation": 3, "no_deformation": 1})
    rare = classes.index("deformation")
    assert one((0, 0), rare, found) == pytest.approx(3 * np.log(2))
    assert one((0, 0), 1 - rare, found) == pytest.approx(np.log(2))


def test_weighted_focal_balances_and_focuses():
    """N / (K n) is 5/9 and 5 for 90 and 10 samples; (1 - 0.5)^2 is 0.25."""
    found = objective("weighted_focal")
    assert one((0, 0), 0, found) == pytest.approx(5 / 9 * 0.25 * np.log(2))
    assert one((0, 0), 1, found) == pytest.approx(5 * 0.25 * np.log(2))


def test_strategies_that_leave_the_loss_alone_do():
    for kind in ("none", "oversample", "undersample", "smote", "augmentation", "implant", "curate"):
        assert one((0.3, -1), 1, objective(kind)) == one((0.3, -1), 1, plain())


@pytest.mark.parametrize("gamma", [0.0, 0.5, 1.0, 2.0])
def test_no_logit_is_too_large(gamma):
    certain = extreme(gamma)
    found = [one(logits, label, certain.objective) for logits, label in zip(certain.logits, certain.labels, strict=True)]
    assert found == pytest.approx([0, 0, 2e4])


@pytest.mark.parametrize("seed", range(COUNT))
def test_pytorch_mirrors_numpy(seed):
    torch = pytest.importorskip("torch")
    from fringeflow.imbalance import losses_torch

    drawn = case(seed)
    arguments = drawn.labels, drawn.sample_weights
    logits = torch.tensor(drawn.logits, requires_grad=True)
    mirrored = losses_torch.loss(logits, *(torch.tensor(part) for part in arguments), drawn.objective, drawn.progress)
    expected = losses.loss(drawn.logits, *arguments, drawn.objective, drawn.progress)
    assert float(mirrored.detach()) == pytest.approx(expected, rel=1e-9, abs=1e-12)
    mirrored.backward()
    assert torch.isfinite(logits.grad).all()


@pytest.mark.parametrize("gamma", [0.0, 0.5, 1.0, 2.0])
def test_gradients_stay_finite_where_the_answer_is_certain(gamma):
    torch = pytest.importorskip("torch")
    from fringeflow.imbalance import losses_torch

    certain = extreme(gamma)
    logits = torch.tensor(certain.logits, dtype=torch.float32, requires_grad=True)
    losses_torch.loss(logits, torch.tensor(certain.labels), torch.ones(3), certain.objective).backward()
    assert torch.isfinite(logits.grad).all()
    assert logits.grad[2, 0] == pytest.approx(-1 / 3), "a wrong answer pulls with its full weight"
