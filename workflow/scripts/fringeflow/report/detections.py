"""Scanned interferograms, those most likely to hold fringes first, and interferograms that were scored tile by tile."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from fringeflow.models.base import packaged_folder
from fringeflow.report.captions import QUICKLOOK, SCORES
from fringeflow.report.comparison import run_anchor
from fringeflow.report.images import Album, Picture
from fringeflow.report.inputs import ReportInputs, read_object
from fringeflow.report.model_card import ModelCard, model_card
from fringeflow.report.tables import Table, plain_table, read_table

QUICKLOOKS = 40
"""Most pictures of scanned interferograms: of thousands the page would not open; the ranked table has them all."""
TITLES = {
    "rank": "Rank", "frame": "Frame", "pair": "Pair", "event": "Event", "score": "Score", "peak": "Peak", "peak_longitude": "Peak at (°E)",
    "peak_latitude": "Peak at (°N)", "detections": "Detections", "area_above_km2": "Area above (km²)", "threshold": "Threshold",
    "rate_promised": "False alarms promised", "earthquake": "Earthquake near", "magnitude": "Mw", "distance_km": "Distance (km)",
    "days": "Days after",
}  # fmt: skip


@dataclass(frozen=True)
class Detections:
    """What the page shows of interferograms outside any split.

    Attributes
    ----------
    lead : str
        What was scanned, with which run, and what the threshold rests on.
    href : str
        Where the panel of that run stands; empty without one.
    card : ModelCard or None
        Of the packaged model that scanned.
    left_out : int
        Quicklooks beyond `QUICKLOOKS`.
    """

    lead: str
    href: str
    card: ModelCard | None
    table: Table | None
    quicklooks: Sequence[Picture]
    left_out: int
    scores: Sequence[Picture]


def detections(inputs: ReportInputs, known: set[str], album: Album) -> Detections | None:
    """Return the ranked table, the pictures of what ranks first, and scored tiles; None if there is nothing of it.

    Parameters
    ----------
    inputs : ReportInputs
    known : set of str
        Anchors of the runs that have a panel.
    album : Album
    """
    scores = [album.embed(path, SCORES, path.parent.name) for path in inputs.scores]
    if not inputs.detections:
        return Detections("", "", None, None, [], 0, scores) if scores else None
    path = inputs.detections[0]
    frame = read_table(path)
    table = plain_table(path, "detections", "Interferograms most likely to hold fringes first", titles=TITLES)
    ranked = _ranked(frame, inputs.quicklooks)
    pictures = [album.embed(found, QUICKLOOK, about) for about, found in ranked[:QUICKLOOKS]]
    run, href, card = _model(inputs, frame, known)
    return Detections(_lead(frame, run), href, card, table, pictures, max(0, len(ranked) - QUICKLOOKS), scores)


def _model(inputs: ReportInputs, frame: pd.DataFrame, known: set[str]) -> tuple[str, str, ModelCard | None]:
    """Return what scanned in words, where its panel stands, and its card if it is a packaged model."""
    found = read_object(inputs.detector[0], "run", "folder", "packaged") if inputs.detector else {}
    if found.get("packaged"):
        name = str(found["run"])
        return f"the packaged model {name}", "", model_card(packaged_folder(str(found["folder"])), name, "card-detector")
    run = str(found.get("run") or ("" if frame.empty else frame["run"].iloc[0]))
    anchor = run_anchor(*run.split("/"))
    return f"the run {run}", f"#{anchor}" if anchor in known else "", None


def _lead(frame: pd.DataFrame, run: str) -> str:
    """Say what was scanned, with which run, and what the threshold rests on."""
    if frame.empty:
        return "No interferogram was scanned."
    first, several = frame.iloc[0], len(frame) > 1
    found = int((frame["detections"].fillna(0) > 0).sum())
    said = [
        f"{len(frame):,} interferogram{'s were' if several else ' was'} scanned with {run}; {found:,} of them "
        f"{'hold' if found != 1 else 'holds'} something above the threshold."
    ]
    if "units" in frame and pd.notna(first["units"]):
        said.append(f"The threshold of the first rests on {_basis(int(first['units']), str(first['scope']))}.")
    unsure = int((frame["attained"].astype(str) == "False").sum()) if "attained" in frame else 0
    if unsure:
        said.append(
            f"Too few quiet interferograms are known to promise the rate of false alarms that was asked for, of {unsure:,} of {len(frame):,}."
        )
    return " ".join(said)


def _basis(units: int, scope: str) -> str:
    """Say how many units of which kind a threshold rests on."""
    several = "s" * (units != 1)
    if scope == "all":
        return f"quiet interferograms of {units:,} frame{several}, each of which counts once"
    return f"{units:,} quiet interferogram{several}{' of its frame' * (units > 0)}{' that share no acquisition' * (units > 1)}"


def _ranked(frame: pd.DataFrame, quicklooks: Sequence[Path]) -> list[tuple[str, Path]]:
    """Return the pictures in the order of the table, each with what it is of."""
    files = {path.parts[-3:-1]: path for path in quicklooks}
    rows = frame[["rank", "frame", "pair"]].itertuples(index=False)
    return [(f"{rank}: {name} {pair}", files[name, pair]) for rank, name, pair in rows if (name, pair) in files]
