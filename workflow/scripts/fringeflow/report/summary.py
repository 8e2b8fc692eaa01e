"""What to read first: what was run, the run that validation chose against knowing nothing, and what to beware of."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from fringeflow.evaluation.summary import NAMES, chosen_run, ranked_by, summary_lines, words_of
from fringeflow.report.comparison import baseline_of, run_anchor, titled
from fringeflow.report.data import lead_of
from fringeflow.report.inputs import ReportInputs
from fringeflow.report.tables import Plot, bounds_text, number, read_table

CAVEATS = ("Few ", "Only ", "(")
"""How lines of a summary begin that say what to beware of."""


@dataclass(frozen=True)
class Headline:
    """The result of one dataset.

    Attributes
    ----------
    run, href : str
        The run that validation chose, and where its panel stands; no panel if empty.
    score, value, bounds, base : str
        What it is scored by, its score on the test part with its interval, and what knowing nothing gives.
    lead : str
        What was run.
    lines, caveats : sequence of str
        Further findings, and what to beware of.
    """

    dataset: str
    run: str
    href: str
    score: str
    value: str
    bounds: str
    base: str
    plot: Plot | None
    lead: str
    lines: Sequence[str]
    caveats: Sequence[str]


def headlines(inputs: ReportInputs, described: Mapping[str, Mapping[str, Any]], known: set[str]) -> list[Headline]:
    """Return the result of every dataset that has a comparison.

    Parameters
    ----------
    inputs : ReportInputs
    described : mapping
        `dataset.json` by the name of the dataset.
    known : set of str
        Anchors of the runs that have a panel.
    """
    return [_headline(path, described.get(path.stem), known) for path in inputs.comparisons]


def _headline(path: Path, described: Mapping[str, Any] | None, known: set[str]) -> Headline:
    frame = read_table(path)
    score, row = ranked_by(frame), chosen_run(frame)
    first, *rest = (line.strip() for line in summary_lines(path))
    anchor = run_anchor(*(str(row[name]) for name in NAMES))
    low, high, base = row[f"{score}_lower"], row[f"{score}_upper"], baseline_of(row)
    bounded = pd.notna(low) and pd.notna(high)
    beside = "always calling the largest class" if score == "macro_f1" else "guessing (the prevalence)"
    return Headline(
        path.stem,
        " / ".join(str(row[name]) for name in NAMES[1:]),
        f"#{anchor}" if anchor in known else "",
        titled(score),
        number(float(row[score])),
        bounds_text(low, high) if bounded else f"no interval from so few {words_of(frame).groups}",
        f"{base:.3f} of {beside}",
        Plot.of(float(row[score]), float(low), float(high), base, (0.0, 1.0)) if bounded else None,
        (f"{lead_of(path.stem, described)} " if described else "") + first.partition(": ")[2],
        [line for line in rest if not line.startswith(CAVEATS)],
        [line.strip("()") if line.startswith("(") else line for line in rest if line.startswith(CAVEATS)],
    )
