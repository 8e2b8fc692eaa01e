"""The card of a packaged model in short. It may come from anybody: whatever its files hold is text, and what they lack is left out."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fringeflow.errors import DatasetError
from fringeflow.files import sha256_file
from fringeflow.models.base import CARD
from fringeflow.report.captions import TRANSFER_TITLES
from fringeflow.report.inputs import read_object
from fringeflow.report.tables import Cell, Column, Row, Table, number, text_cell

LONGEST = 20_000
"""Characters of a card that are read: that of Fringeflow's own has 4,000."""
LONGEST_FACT, MOST = 500, 12
"""Characters of a fact, and interferograms that are named."""
LIMITS, SCORES = "What it cannot do", "Scores"
"""Headings of a card, as `pretraining.card` writes it."""


@dataclass(frozen=True)
class ModelCard:
    """What the page shows of a packaged model.

    Attributes
    ----------
    name : str
    facts : sequence of pairs
        What, and its value: what it is, what it learned from, its scores, its size and digest.
    limits : sequence of str
        What it cannot do, in the words of its card.
    scores : Table or None
        By the number of scenes, as far as its card has it.
    text : str
        The card as it was written.
    """

    name: str
    facts: Sequence[tuple[str, str]]
    limits: Sequence[str]
    scores: Table | None
    text: str


def model_card(folder: Path, name: str, anchor: str) -> ModelCard:
    """Read the card, run.json and metrics.json of a packaged model.

    Parameters
    ----------
    folder : Path
    name : str
        What it is called.
    anchor : str
        Identifier of its table in the page.

    Raises
    ------
    DatasetError
        If a file is missing or is no JSON object.
    """
    about, metrics = read_object(folder / "run.json"), read_object(folder / "metrics.json")
    try:
        with open(folder / CARD, encoding="utf-8", errors="replace") as handle:
            text = handle.read(LONGEST)
    except OSError as error:
        raise DatasetError(f"{folder / CARD}: expected the card of a packaged model, found {error}; package the model again") from error
    sections = _sections(text)
    scores = _rows(sections.get(SCORES, []))
    facts = [*_facts(about, metrics, scores), ("Size", _size(folder)), ("SHA-256 of run.json", sha256_file(folder / "run.json"))]
    told = [(title, _plain(said)) for title, said in facts if said]
    return ModelCard(name, told, _points(sections.get(LIMITS, [])), _table(scores, anchor), text)


def _facts(about: Mapping[str, Any], metrics: Mapping[str, Any], scores: Sequence[Mapping[str, str]]) -> list[tuple[str, str]]:
    """Say what a model is, what it learned from and how it scored; empty where its files do not tell."""
    made_of, model, held = (_object(of.get(key)) for of, key in ((about, "made_of"), (about, "model"), (metrics, "held_out")))
    settings, encoder = _object(made_of.get("settings")), _object(model.get("encoder"))
    scenes = _number(made_of.get("scenes"))
    simulated = [
        _said("{} simulated scenes", scenes),
        _said("up to {} tiles each", _number(settings.get("tiles"))),
        _said("each tile seen about {} times", _number(settings.get("passes"))),
    ]
    told = {key: value for row in scores if row.get("scenes") == scenes for key, value in row.items() if value != "nan"}
    return [
        ("Looks at", _joined([_said("{} phase", about.get("view")), _said("tiles of {} px", _number(about.get("size"))),
                              _said("seen as {} px", _number(encoder.get("input_size")))])),
        ("Network", _joined([encoder.get("backbone"), _said("{} head", model.get("head"))])),
        ("Trained on", _joined(simulated)),
        ("Real interferograms in training", _named(about.get("trained_on"))),
        ("Seed", _number(settings.get("seed"))),
        ("Held-out simulated tiles", _joined([
            _said("ROC-AUC {}", _number(held.get("roc_auc"))), _said("PR-AUC {}", _number(held.get("pr_auc"))),
            _said("prevalence {}", _number(held.get("prevalence"))),
        ])),
        ("Real tiles, not trained on", _joined([
            _said("ROC-AUC {}", told.get("real roc auc")), _said("{} with deformation", told.get("real deformation")),
            _said("{} quiet", told.get("real quiet")),
        ])),
    ]  # fmt: skip


def _object(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _named(interferograms: Any) -> str:
    """Name the first of some interferograms; empty if nobody says which.

    >>> _named([]), _named(["a", "b"]), _named(["a"] * 14)[-10:], _named(None)
    ('none', 'a, b', 'and 2 more', '')
    """
    if not isinstance(interferograms, list):
        return ""
    rest = len(interferograms) - MOST
    return (_joined(interferograms[:MOST]) or "none") + (f" and {rest} more" if rest > 0 else "")


def _plain(text: str) -> str:
    """Return text that can be written: JSON may hold half a character, and words without end."""
    return text[:LONGEST_FACT].encode("utf-8", "replace").decode("utf-8")


def _number(value: Any) -> str:
    """Write a number; empty if it is none.

    >>> _number(4096), _number(0.94999), _number("4096"), _number(True), _number(float("nan"))
    ('4,096', '0.950', '', '', '')
    """
    if isinstance(value, bool) or not (isinstance(value, int) or (isinstance(value, float) and math.isfinite(value))):
        return ""
    return number(value)


def _said(words: str, value: Any) -> str:
    """Put a value into words; empty if there is none."""
    return words.format(value) if value not in (None, "") else ""


def _joined(parts: Sequence[Any]) -> str:
    return ", ".join(str(part) for part in parts if part)


def _size(folder: Path) -> str:
    """Return how large the files of a model are together."""
    files = [path for place in (folder, folder / "model") if place.is_dir() for path in place.iterdir() if path.is_file()]
    return f"{sum(path.stat().st_size for path in files) / 1e6:.1f} MB"


def _sections(text: str) -> dict[str, list[str]]:
    r"""Return the lines under every heading of Markdown.

    >>> _sections("# A\n## B\n- one\n  more\n## C")
    {'A': [], 'B': ['- one', '  more'], 'C': []}
    """
    found: dict[str, list[str]] = {}
    lines: list[str] = []
    for line in text.splitlines():
        if line.startswith("#"):
            lines = found.setdefault(line.strip("# "), [])
        else:
            lines.append(line)
    return found


def _points(lines: Sequence[str]) -> list[str]:
    """Return the points of a list, each in one line.

    >>> _points(["- one `x`", "  more", "", "- two"])
    ['one x more', 'two']
    """
    points: list[str] = []
    for line in lines:
        if line.startswith("- "):
            points.append(line[2:])
        elif points and line.strip():
            points[-1] += f" {line.strip()}"
    return [point.replace("`", "") for point in points]


def _rows(lines: Sequence[str]) -> list[dict[str, str]]:
    """Return the first table among lines of Markdown, a mapping a row.

    >>> _rows(["words", "| a | b |", "| --- | --- |", "| 1 | x |"])
    [{'a': '1', 'b': 'x'}]
    """
    cells = [[cell.strip() for cell in line.strip().strip("|").split("|")] for line in lines if line.lstrip().startswith("|")]
    return [dict(zip(cells[0], row, strict=False)) for row in cells[2:]]


def _table(rows: Sequence[Mapping[str, str]], anchor: str) -> Table | None:
    """Show the columns of a card that the page knows; None if there is none."""
    titles = {name.replace("_", " "): column for name, column in TRANSFER_TITLES.items()}
    shown = [name for name in titles if any(row.get(name) for row in rows)]
    cells = [Row([_cell(row.get(name, "")) for name in shown]) for row in rows]
    return Table(anchor, "Scores by the number of simulated scenes", [Column(*titles[name]) for name in shown], cells) if shown else None


def _cell(text: str) -> Cell:
    """Return a cell with a number as it was written, sorted as one; nothing for what is no number."""
    try:
        value = float(text.replace(",", ""))
    except ValueError:
        return text_cell(text)
    return Cell(text, repr(value)) if math.isfinite(value) else Cell("")
