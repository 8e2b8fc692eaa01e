"""Pretrained networks: how scores on real interferograms grow with the number of simulated scenes, and the one that was packaged."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd

from fringeflow.config.pretraining import Pretraining
from fringeflow.errors import DatasetError
from fringeflow.report.captions import TRANSFER, TRANSFER_TITLES
from fringeflow.report.images import Album, Picture
from fringeflow.report.inputs import About, ReportInputs, read_object
from fringeflow.report.model_card import ModelCard, model_card
from fringeflow.report.packaged import PACKAGE
from fringeflow.report.tables import Column, Row, Table, number, plain_table, read_table


@dataclass(frozen=True)
class Pretrained:
    """What the page shows of one pretrained network.

    Attributes
    ----------
    lead : str
        What was trained, and how it does on real interferograms.
    warning : str
        That the configuration asks for something else now; empty if it does not.
    """

    name: str
    lead: str
    warning: str
    table: Table
    picture: Picture
    card: ModelCard


def pretrained(inputs: ReportInputs, about: About, album: Album) -> list[Pretrained]:
    """Return every pretrained network, by its name."""
    configured = about.config.get("pretraining") or {}
    return [_network(path, configured.get(path.parent.name), album) for path in inputs.pretrained]


def _network(path: Path, wanted: Mapping[str, Any] | None, album: Album) -> Pretrained:
    name, package = path.parent.name, path.parent / PACKAGE
    frame, made_of = read_table(path), read_object(package / "run.json", "made_of")["made_of"]
    chosen = int(made_of["scenes"])
    table = plain_table(path, f"transfer-{name}", f"Scores of {name}", titles={key: title for key, (title, _) in TRANSFER_TITLES.items()})
    if table is None:
        raise DatasetError(f"{path}: expected a row a number of scenes, found none; run `snakemake pretrain` to make it again")
    return Pretrained(
        name,
        _lead(frame, chosen, path.parent),
        _changed(frame, made_of, wanted),
        _explained(table, frame, chosen),
        album.embed(path.with_name("transfer.png"), TRANSFER, name),
        model_card(package, name, f"card-{name}"),
    )


def _lead(frame: pd.DataFrame, chosen: int, folder: Path) -> str:
    """Say what was trained, how scores on real interferograms go with the number of scenes, and what was packaged."""
    scenes = [f"{count:,}" for count in frame["scenes"]]
    said = [f"Trained on {_listed(scenes)} simulated scenes{', a network each' if len(scenes) > 1 else ''}."]
    if "real_quiet" in frame:
        pairs = pd.read_parquet(folder / "real_tiles.parquet", columns=["frame", "pair"]).drop_duplicates()
        said.append(f"Scored on {len(pairs)} real interferogram{'s' if len(pairs) != 1 else ''} that no network was trained on.")
        if frame["real_roc_auc"].notna().all():
            reached = [f"{number(float(value))} with {count}" for count, value in zip(scenes, frame["real_roc_auc"], strict=True)]
            said.append(f"ROC-AUC on real tiles: {_listed(reached)}.")
        else:
            said.append("There is but one kind of real tile, so that no ROC-AUC can be told.")
    else:
        said.append("No real interferogram was scored: name events in `real`.")
    if len(scenes) > 1:
        said.append(f"The network on {chosen:,} scenes did best on held-out simulated ones and was packaged; no real one had a say.")
    return " ".join(said)


def _listed(words: Sequence[str]) -> str:
    """Write a list.

    >>> _listed(["a"]), _listed(["a", "b", "c"])
    ('a', 'a, b and c')
    """
    return " and ".join([*([", ".join(words[:-1])] if len(words) > 1 else []), words[-1]])


def _changed(frame: pd.DataFrame, made_of: Mapping[str, Any], wanted: Mapping[str, Any] | None) -> str:
    """Say that the configuration asks for other networks than these."""
    if wanted is None:
        return ""
    same = list(frame["scenes"]) == list(wanted["scenes"])
    same &= made_of["settings"] == Pretraining.model_validate(wanted).of_training()
    return "" if same else "The configuration asks for something else than was made: `snakemake pretrain` makes it again."


def _explained(table: Table, frame: pd.DataFrame, chosen: int) -> Table:
    """Say in a table of transfer what its columns mean, and which network was packaged."""
    notes = dict(TRANSFER_TITLES.values())
    columns = [Column(column.title, notes[column.title], column.numeric) for column in table.columns]
    rows = [Row(row.cells, ["packaged"] if count == chosen else []) for row, count in zip(table.rows, frame["scenes"], strict=True)]
    return replace(table, columns=columns, rows=rows)
