"""Interferograms that several events share: fetched by one job at a time, and each event waits for its own alone."""

from types import SimpleNamespace

import pytest

from fringeflow.errors import ConfigError
from fringeflow.plan import Plan

FRAME = "102A_05000_131313"
PAIRS = {"a": ["20210218_20210303", "20210303_20210315"], "b": ["20210303_20210315", "20210315_20210327"], "c": ["20210315_20210327"]}


@pytest.fixture
def plan(root, tmp_path, monkeypatch):
    monkeypatch.chdir(root)
    (tmp_path / "events.tsv").write_text("event\tsource\n" + "".join(f"{name}\tportal\n" for name in PAIRS))
    rows = [f"{event}\t{FRAME}\t{pair}\n" for event, pairs in PAIRS.items() for pair in reversed(pairs)]
    (tmp_path / "pairs.tsv").write_text("event\tframe\tpair\n" + "".join(rows))
    catalogue = {"events": [str(tmp_path / "events.tsv")], "interferograms": [str(tmp_path / "pairs.tsv")]}
    return Plan.load({"catalogue": catalogue, "datasets": {"areas": {"events": "all"}}})


def test_who_shares_an_interferogram_waits_for_the_first_that_has_it(plan):
    """Always for an earlier one: they cannot wait for each other."""
    waits = {event: plan.fetched_before(SimpleNamespace(event=event)) for event in PAIRS}
    assert waits == {"a": [], "b": ["results/raw/a.json"], "c": ["results/raw/b.json"]}


def test_fetching_depends_on_names_alone(plan):
    assert plan.pairs_json(SimpleNamespace(event="a")) == f'[["{FRAME}","20210218_20210303"],["{FRAME}","20210303_20210315"]]'


def test_an_unknown_event_is_told(plan):
    with pytest.raises(ConfigError, match="unknown event 'd'"):
        plan.archive_of(SimpleNamespace(event="d"))
