"""Splits keep groups whole, give each part its share, and do not jump about when an event comes."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fringeflow.config.models import GivenSplit, StratifiedSplit
from fringeflow.datasets.splits import PARTS, given_split, group_events, stratified_split
from fringeflow.errors import DatasetError


def catalogue(rng: np.random.Generator, count: int) -> dict[str, dict[str, int]]:
    """Events whose rare tiles spread tenfold; one in five is a quiet area."""
    return {
        f"us{rng.integers(10**9)}": {
            "deformation": 1 + int(rng.lognormal(2.5, 1)) if rng.random() < 0.8 else 0,
            "no_deformation": int(rng.integers(50, 150)),
        }
        for _ in range(count)
    }


def share(counts, parts, part, label):
    return sum(row[label] for group, row in counts.items() if parts[group] == part) / sum(row[label] for row in counts.values())


def test_events_that_share_an_interferogram_in_a_chain_are_one_group():
    rows = [("c", "F", "3_4"), ("b", "F", "3_4"), ("b", "F", "1_2"), ("a", "F", "1_2"), ("d", "F", "9_10"), ("d", "G", "1_2")]
    assert group_events(rows) == group_events(rows[::-1]) == {"a": "a", "b": "a", "c": "a", "d": "d"}


@given(st.lists(st.tuples(st.sampled_from("abcdefgh"), st.sampled_from("FG"), st.sampled_from("123456")), max_size=20), st.randoms())
def test_groups_are_the_connected_components(rows, random):
    groups = group_events(rows)
    shuffled = list(rows)
    random.shuffle(shuffled)
    assert groups == group_events(shuffled)
    by_pair: dict = {}
    for event, *pair in rows:
        by_pair.setdefault(tuple(pair), set()).add(groups[event])
    assert all(len(found) == 1 for found in by_pair.values())
    assert len(set(groups.values())) >= len(groups) - (len(set(rows)) - len(by_pair))
    assert all(name == min(event for event in groups if groups[event] == name) for name in groups.values())


def test_a_given_split_is_taken_as_it_is():
    split = GivenSplit(method="given", train=["a", "b"], validation=["c"], test=["d"])
    assert given_split(split, {"a": "a", "b": "a", "c": "c", "d": "d"}) == {"a": "train", "c": "validation", "d": "test"}


def test_a_given_split_tells_every_problem_at_once():
    split = GivenSplit(method="given", train=["eq1", "eq2", "eqq9"], validation=["eq3", "eq2"], test=["eq5"])
    with pytest.raises(DatasetError) as caught:
        given_split(split, {"eq1": "eq1", "eq2": "eq2", "eq3": "eq3", "eq4": "eq4", "eq5": "eq1", "eq9": "eq9"})
    message = str(caught.value)
    assert "'eqq9', which the dataset does not have: did you mean 'eq9'?" in message
    assert "event 'eq2' is listed 2 times (train, validation)" in message
    assert "event 'eq4' of the dataset is in no part" in message
    assert "event 'eq9' of the dataset is in no part" in message
    assert "must be in one part: eq1 (train), eq5 (test)" in message
    assert message.count("\n") == 5


@given(seed=st.integers(0, 10**6), count=st.integers(6, 40), random=st.randoms())
@settings(max_examples=40, deadline=None)
def test_a_stratified_split_depends_on_seed_and_content_alone(seed, count, random):
    counts = catalogue(np.random.default_rng(seed), count)
    split = StratifiedSplit(seed=seed)
    names = list(counts)
    random.shuffle(names)
    assert stratified_split(split, counts) == stratified_split(split, {name: dict(reversed(counts[name].items())) for name in names})
    assert set(stratified_split(split, counts)) == set(counts)


def test_seeds_give_different_splits():
    counts = catalogue(np.random.default_rng(0), 20)
    assert len({tuple(stratified_split(StratifiedSplit(seed=seed), counts).values()) for seed in range(10)}) == 10


@pytest.mark.parametrize(("train", "validation"), [(0.5, 0.2), (0.6, 0.2), (1 / 3, 1 / 3), (0.8, 0.1)])
def test_every_part_gets_its_share_of_groups_and_of_the_rare_class(train, validation):
    """Groups to within rounding in each of the two strata; rare tiles within a third where exchanges can bring it."""
    shares = dict(zip(PARTS, (train, validation, 1 - train - validation), strict=True))
    off = []
    for seed in range(30):
        counts = catalogue(np.random.default_rng(seed), 30)
        parts = stratified_split(StratifiedSplit(train=train, validation=validation, seed=seed), counts)
        for part, wanted in shares.items():
            assert abs(sum(found == part for found in parts.values()) - 30 * wanted) <= 2
            assert any(counts[group]["deformation"] for group, found in parts.items() if found == part)
            off.append(abs(share(counts, parts, part, "deformation") / wanted - 1))
    assert np.mean(np.array(off) <= 1 / 3 + 1e-9) > 0.85
    assert np.median(off) < 0.25


@given(st.integers(0, 10**6), st.integers(3, 12))
@settings(max_examples=60, deadline=None)
def test_three_earthquakes_are_enough_for_a_rare_sample_in_every_part(seed, count):
    rng = np.random.default_rng(seed)
    counts = {f"eq{i}": {"deformation": 1 + int(rng.lognormal(2, 1.5)), "no_deformation": 30} for i in range(count)}
    assert set(stratified_split(StratifiedSplit(seed=seed), counts).values()) == set(PARTS)


def test_of_four_classes_each_reaches_every_part():
    """Recordings of one class each, as few as three of the rarest."""
    sizes = {"brak_Empty zone": 93, "brak_Station": 28, "noise_DNS": 9, "noise_Tip-off": 3}
    counts = {f"{label}{i}": {label: 1} for label, size in sizes.items() for i in range(size)}
    for seed in range(5):
        parts = stratified_split(StratifiedSplit(seed=seed), counts)
        for label in sizes:
            assert {part for group, part in parts.items() if label in counts[group]} == set(PARTS)


def test_one_more_event_moves_at_most_two_others_when_sizes_are_equal():
    rng = np.random.default_rng(0)
    for seed in range(60):
        names = [f"us{rng.integers(10**9)}" for _ in range(int(rng.integers(8, 40)))]
        counts = {name: {"deformation": 10, "no_deformation": 100} for name in names}
        before = stratified_split(StratifiedSplit(seed=seed), {name: counts[name] for name in names[1:]})
        after = stratified_split(StratifiedSplit(seed=seed), counts)
        assert sum(before[name] != after[name] for name in before) <= 2


def test_one_more_event_moves_few_others_when_sizes_differ_tenfold():
    moved = []
    for seed in range(60):
        counts = catalogue(np.random.default_rng(seed), 21)
        last = list(counts)[-1]
        after = stratified_split(StratifiedSplit(seed=seed), counts)
        before = stratified_split(StratifiedSplit(seed=seed), {name: row for name, row in counts.items() if name != last})
        moved.append(sum(before[name] != after[name] for name in before))
    assert np.mean(moved) < 3
    assert np.median(moved) <= 3


def test_too_few_groups_are_refused():
    with pytest.raises(DatasetError, match=r"at least 3 groups of events, found 2 \(a, b\)"):
        stratified_split(StratifiedSplit(), {"a": {"x": 1}, "b": {"x": 1}})
