"""The real interferograms beside the checkout, prepared once for all tests that scan them."""

import csv
import hashlib
import json
from pathlib import Path

import pytest

from fringeflow.config.interferograms import Prepare
from fringeflow.config.tables import Event, Interferogram
from fringeflow.insar.prepare import prepare_event

EVENTS = ("us7000df40", "galapagos")


@pytest.fixture(scope="session")
def tables(root) -> tuple[list[Event], list[Interferogram]]:
    """The rows of the real events in the configuration."""

    def rows(name: str) -> list[dict[str, str]]:
        with open(root / "config" / name, encoding="utf-8") as file:
            return [{key: value for key, value in row.items() if value} for row in csv.DictReader(file, delimiter="\t")]

    events = [Event.model_validate(row) for row in rows("events_real.tsv")]
    pairs = [Interferogram.model_validate(row) for row in rows("interferograms_real.tsv")]
    return [event for event in events if event.event in EVENTS], [pair for pair in pairs if pair.event in EVENTS]


@pytest.fixture(scope="session")
def prepared(real_archive, tables, tmp_path_factory) -> Path:
    """A folder with `{event}.zarr` of every event."""
    root = tmp_path_factory.mktemp("prepared")
    events, pairs = tables
    for pair in pairs:
        target = root / "raw" / pair.key
        target.mkdir(parents=True)
        listed = {}
        for path in (real_archive / str(int(pair.frame[:3])) / pair.frame / "interferograms" / pair.pair).glob("*.tif"):
            (target / path.name).symlink_to(path)
            listed[path.name.split(".")[2]] = {"sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
        (target / "manifest.json").write_text(json.dumps({"frame": pair.frame, "pair": pair.pair, "products": listed}))
    for event in events:
        own = [pair for pair in pairs if pair.event == event.event]
        prepare_event(event, own, root / "raw", Prepare(), root / f"{event.event}.zarr")
    return root
