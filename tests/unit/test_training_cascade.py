"""Cascades: what each stage is shown, how the tree is multiplied, and that a cascade is a fitter like any other."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from fringeflow.datasets.stages import Stage, resolve_stages
from fringeflow.errors import DatasetError, ModelError
from fringeflow.files import read_json, sha256_file, write_json
from fringeflow.imbalance.stages import stage_alpha_problems
from fringeflow.training import fit_sklearn, fit_torch
from fringeflow.training.cascade import Cascade, fitter_of, multiplied, stage_fold, stage_seed
from fringeflow.training.checkpoint import Checkpoint
from fringeflow.training.folds import Fold
from fringeflow.training.predict import load_run
from fringeflow.training.train import fit_seeds, train_run
from tests.unit.toy_learning import FOUR, QUICK, blobs, model, strategy, toy_dataset

STAGES = (Stage("kinds", {"noise": ("DNS", "Tip-off")}), Stage("noise", split="noise"))
COUNTS = (30, 20, 14, 8)
TRAIN, HELD, SEEN = (blobs(COUNTS, seed=seed, distance=4) for seed in (1, 2, 3))
MODELS = ("resnet18", "hog_svm")


def cascade(name: str, stages=STAGES):
    return replace(model(name), stages=stages)


def fit(name: str, train: Fold = TRAIN, stages=STAGES, kind: str = "none", seed: int = 0, settings=QUICK, **options):
    spec = cascade(name, stages)
    return fitter_of(spec).fit(train, HELD, FOUR, spec, strategy(kind, **options), settings, seed=seed, threads=1)


class Family:
    """A fitter that remembers what it was given and answers with the shares of the classes."""

    IS_RANDOM = False

    def __init__(self) -> None:
        self.given: list = []

    def fit(self, train, validation, task, model, strategy, settings, *, seed, threads, checkpoint=None):
        self.given.append((train, validation, task, strategy, seed, checkpoint))
        share = train.counts(len(task.classes)) / len(train)

        class Shares:
            history = ()

            def probabilities(self, features):
                return np.tile(share, (len(features), 1))

        return Shares()


def test_a_stage_is_shown_its_own_samples_with_labels_of_its_own():
    family = Family()
    Cascade(family).fit(TRAIN, HELD, FOUR, cascade("hog_svm"), strategy("none"), QUICK, seed=0, threads=1)
    (kinds, _, kinds_task, *_), (noise, held, noise_task, *_) = family.given
    assert kinds_task.classes == ("Empty zone", "Station", "noise") and kinds_task.positive is None
    assert kinds.counts(3).tolist() == [30, 20, 22], "nobody is left out of the first stage"
    assert noise_task.classes == ("DNS", "Tip-off") and noise.counts(2).tolist() == held.counts(2).tolist() == [14, 8]
    for number, label in ((0, 2), (1, 3)):
        np.testing.assert_array_equal(noise.features.all()[noise.labels == number], TRAIN.features.all()[TRAIN.labels == label])


def test_probabilities_are_those_of_the_shares_when_every_stage_knows_only_its_shares():
    """Multiplying down the tree gives back n_k / n exactly; a mean or a hard decision on the way would not."""
    fitted = Cascade(Family()).fit(TRAIN, HELD, FOUR, cascade("hog_svm"), strategy("none"), QUICK, seed=0, threads=1)
    np.testing.assert_allclose(fitted.probabilities(SEEN.features), np.tile(np.array(COUNTS) / sum(COUNTS), (len(SEEN), 1)))


def test_a_tree_of_three_stages_multiplies_along_each_branch():
    stages = (Stage("one", {"x": ("b", "c", "d")}), Stage("two", {"y": ("c", "d")}, split="x"), Stage("three", split="y"))
    levels = resolve_stages(stages, "abcd")
    found = multiplied(levels, [np.array([[0.4, 0.6]]), np.array([[0.5, 0.5]]), np.array([[0.1, 0.9]])], "abcd")
    np.testing.assert_allclose(found, [[0.4, 0.3, 0.03, 0.27]])


def test_weights_and_extra_samples_go_with_their_labels_into_the_stage():
    extra = Fold(np.full((3, 12), 7, "f4"), np.array([3, 3, 0]), np.array([0.5, 0.25, 2], "f4"))
    level = resolve_stages(STAGES, FOUR.classes)[1]
    cut = stage_fold(TRAIN.joined(extra), level, FOUR, "train")
    assert len(cut) == 24 and cut.weights[-2:].tolist() == [0.5, 0.25] and cut.labels[-2:].tolist() == [1, 1]


def test_stages_have_seeds_of_their_own():
    family = Family()
    for seed in (0, 1):
        Cascade(family).fit(TRAIN, HELD, FOUR, cascade("hog_svm"), strategy("none"), QUICK, seed=seed, threads=1)
    assert len({given[4] for given in family.given}) == 4
    assert stage_seed(3, 1) == stage_seed(3, 1)


@pytest.mark.parametrize("name", MODELS)
def test_a_cascade_learns_and_is_the_same_when_read_back(name, tmp_path):
    fitted = fit(name, settings=QUICK.model_copy(update={"batch": 8}))
    found = fitted.probabilities(SEEN.features)
    np.testing.assert_allclose(found.sum(1), 1, atol=1e-9)
    assert np.mean(found.argmax(1) == SEEN.labels) > 0.9
    values = fitted.save(tmp_path, "seed0")
    assert len(list(tmp_path.iterdir())) == 2, "a file a stage"
    spec = cascade(name)
    again = fitter_of(spec).load(tmp_path, "seed0", spec, FOUR, **values)
    np.testing.assert_allclose(again.probabilities(SEEN.features), found, atol=1e-7)


@pytest.mark.parametrize("name", MODELS)
def test_the_last_stage_does_not_hang_on_samples_of_other_classes(name):
    """What tells the hard pair apart is learnt from the pair alone."""
    moved = Fold(np.where((TRAIN.labels < 2)[:, None], TRAIN.features.all() * 3, TRAIN.features.all()), TRAIN.labels)
    one, other = fit(name), fit(name, moved)
    pair = SEEN.select(np.flatnonzero(SEEN.labels >= 2)).features
    np.testing.assert_array_equal(one.fits[1].probabilities(pair), other.fits[1].probabilities(pair))
    assert not np.allclose(one.fits[0].probabilities(pair), other.fits[0].probabilities(pair))


def test_the_history_tells_the_stages_apart():
    history = pd.DataFrame(fit("resnet18", settings=QUICK.model_copy(update={"epochs": 3})).history)
    assert history["stage"].tolist() == ["kinds"] * 3 + ["noise"] * 3 and history["epoch"].tolist() == [1, 2, 3] * 2


def test_a_seed_makes_a_difference_where_it_does_for_the_family():
    assert fitter_of(cascade("resnet18")).IS_RANDOM and not fitter_of(cascade("hog_svm")).IS_RANDOM
    settings = QUICK.model_copy(update={"seeds": [0, 1], "epochs": 2})
    one, two = fit_seeds(TRAIN, HELD, FOUR, cascade("hog_svm"), strategy("none"), settings, threads=1)
    assert one is two
    one, two = fit_seeds(TRAIN, HELD, FOUR, cascade("resnet18"), strategy("none"), settings, threads=1)
    assert not np.array_equal(one.probabilities(SEEN.features), two.probabilities(SEEN.features))


def test_a_model_without_stages_is_fitted_by_its_family():
    assert fitter_of(model("resnet18")) is fit_torch and fitter_of(model("hog_svm")) is fit_sklearn


@pytest.mark.parametrize("split", ["train", "validation"])
def test_a_stage_without_a_class_is_told_by_stage_class_and_split(split):
    folds = {"train": TRAIN, "validation": HELD}
    folds[split] = folds[split].select(np.flatnonzero(folds[split].labels != 3))
    spec = cascade("resnet18")
    with pytest.raises(DatasetError, match=rf"stage 'noise': the {split} samples .* none of class 'Tip-off'"):
        fitter_of(spec).fit(folds["train"], folds["validation"], FOUR, spec, strategy("none"), QUICK, seed=0, threads=1)


def test_focal_weights_are_taken_by_name_in_every_stage():
    alpha = {"Empty zone": 1, "Station": 2, "noise": 3, "DNS": 4, "Tip-off": 5}
    family = Family()
    Cascade(family).fit(TRAIN, HELD, FOUR, cascade("resnet18"), strategy("focal", alpha=alpha), QUICK, seed=0, threads=1)
    taken = [given[3].alpha_of(given[2].classes) for given in family.given]
    assert taken == [[1, 2, 3], [4, 5]]
    assert stage_alpha_problems(strategy("focal", alpha=alpha), STAGES, FOUR.classes) == []
    fit("resnet18", kind="focal", alpha=alpha, settings=QUICK.model_copy(update={"epochs": 1}))


def test_missing_and_unknown_focal_weights_are_told_before_training():
    alpha = {"Empty zone": 1, "Station": 2, "DNS": 4, "Tip-of": 5}
    unknown, kinds, noise = stage_alpha_problems(strategy("focal", alpha=alpha), STAGES, FOUR.classes)
    assert "unknown class 'Tip-of'; did you mean 'Tip-off'?" in unknown
    assert "no weight for noise, which stage 'kinds'" in kinds and "no weight for Tip-off, which stage 'noise'" in noise
    with pytest.raises(ModelError, match=r"stage 'kinds' of seed 0: .*no weight for noise"):
        fit("resnet18", kind="focal", alpha=alpha)


def test_a_diverged_stage_is_named_and_keeps_the_history_of_those_before(monkeypatch):
    real = fit_torch.fit

    def wild(train, validation, task, model, *arguments, **options):
        if len(task.classes) == 2:
            error = ModelError("the loss diverged")
            error.history = [{"epoch": 1, "loss": float("inf")}]
            raise error
        return real(train, validation, task, model, *arguments, **options)

    monkeypatch.setattr(fit_torch, "fit", wild)
    with pytest.raises(ModelError, match="stage 'noise' of seed 0: the loss diverged") as caught:
        fit("resnet18", settings=QUICK.model_copy(update={"epochs": 2}))
    assert [entry["stage"] for entry in caught.value.history] == ["kinds", "kinds", "noise"]


def test_a_killed_cascade_goes_on_in_the_stage_where_it_was(tmp_path, monkeypatch):
    spec, settings = cascade("resnet18"), QUICK.model_copy(update={"epochs": 6})
    whole = fit("resnet18", settings=settings)
    checkpoint = Checkpoint(tmp_path / "seed0.npz", "key", every_s=0)
    keep, kept = Checkpoint.save, []

    def killed(self, arrays, about):
        keep(self, arrays, about)
        kept.append(self.path.name)
        if kept.count("seed0-stage2.npz") == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr(Checkpoint, "save", killed)
    with pytest.raises(KeyboardInterrupt):
        fitter_of(spec).fit(TRAIN, HELD, FOUR, spec, strategy("none"), settings, seed=0, threads=1, checkpoint=checkpoint)
    monkeypatch.setattr(Checkpoint, "save", keep)
    epochs = []
    torch_epoch = fit_torch._epoch
    monkeypatch.setattr(fit_torch, "_epoch", lambda *arguments, **options: epochs.append(1) or torch_epoch(*arguments, **options))
    resumed = fitter_of(spec).fit(TRAIN, HELD, FOUR, spec, strategy("none"), settings, seed=0, threads=1, checkpoint=checkpoint)
    assert len(epochs) == 3, "three epochs of the second stage were left"
    np.testing.assert_array_equal(resumed.probabilities(SEEN.features), whole.probabilities(SEEN.features))
    assert resumed.history == whole.history


# A run on disk

THREE = ("no_deformation", "deformation", "doubtful")
RUN_STAGES = (Stage("quiet", {"odd": ("deformation", "doubtful")}), Stage("odd", split="odd"))


@pytest.fixture
def toy(tmp_path):
    """Four events whose last quiet tiles are called doubtful, so that there are three classes."""
    toy = toy_dataset(tmp_path, quiet=14, deformed=6, views=("wrapped",))
    table = pd.read_parquet(toy.samples)
    table.loc[table["row"].between(10, 13), "label"] = "doubtful"
    table.to_parquet(toy.samples, index=False)
    write_json(toy.dataset, {"name": "toy", "classes": list(THREE), "positive": None, "digest": "0" * 64})
    return toy


def run(toy, spec, settings, **options):
    embeddings = toy.embeddings(spec, "wrapped")
    out = toy.root / "run"
    given = options.pop("strategy", strategy("class_weights"))
    train_run(toy.samples, toy.dataset, embeddings, out, view="wrapped", model=spec, strategy=given, settings=settings, **options)
    return out


SETTINGS = QUICK.model_copy(update={"seeds": [0, 1], "epochs": 3})


@pytest.mark.parametrize("name", MODELS)
def test_a_run_of_a_cascade_is_written_and_read_back_like_any_other(toy, name):
    out = run(toy, cascade(name, RUN_STAGES), SETTINGS)
    about = read_json(out / "run.json")
    assert about["model"]["stages"] == [stage.as_dict() for stage in RUN_STAGES]
    table = pd.read_parquet(out / "predictions.parquet")
    np.testing.assert_allclose(table[[f"p_{label}" for label in THREE]].sum(axis=1), 1, atol=1e-9)
    assert set(pd.read_parquet(out / "history.parquet")["stage"]) == {"quiet", "odd"}
    scored = load_run(out).score([toy.store("d")], toy.cache)
    written = table.query("split == 'test'").groupby("sample", sort=False)["p_doubtful"].mean()
    np.testing.assert_allclose(scored["p_doubtful"][:20], written.to_numpy(), atol=1e-7)
    assert not list(out.glob("*checkpoint*"))


def tuning(path, spec, way, settings):
    write_json(path, {"parameters": {}, "model": spec.as_dict(), "strategy": way.as_dict(), "training": settings.model_dump(mode="json")})
    return path


def test_a_tuned_run_is_trained_with_what_was_found_under_its_own_name(toy, tmp_path):
    spec = replace(model("hog_svm"), name="svm")
    best = replace(spec, name="other", options={**spec.options, "c": 3.5})
    found = tuning(tmp_path / "best.json", best, strategy("class_weights"), SETTINGS.model_copy(update={"seeds": [7], "batch": 16}))
    about = read_json(run(toy, spec, SETTINGS, tuned=found) / "run.json")
    assert about["model"]["name"] == "svm" and about["model"]["options"]["c"] == 3.5
    assert about["training"]["batch"] == 16 and about["training"]["seeds"] == [0, 1], "seeds pair runs, so they stay"
    assert about["tuned"] == sha256_file(found)


def test_a_tuning_of_another_model_is_refused(toy, tmp_path):
    spec = model("hog_svm")
    found = tuning(tmp_path / "best.json", replace(spec, stages=RUN_STAGES), strategy("class_weights"), SETTINGS)
    with pytest.raises(ModelError, match=r"best.json: was tuned with another stages than model"):
        run(toy, spec, SETTINGS, tuned=found)
    write_json(found, {"model": {}})
    with pytest.raises(ModelError, match=r"best.json: is no result of a tuning"):
        run(toy, spec, SETTINGS, tuned=found)
