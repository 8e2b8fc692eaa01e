"""How a run was trained: loss and validation score by epoch, a line a seed, of a cascade a line a seed and stage."""

from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import Locator, LogLocator, MaxNLocator, NullLocator

from fringeflow.datasets.pictures import FAINT, INK, PALETTE, new_figure, save_picture, styled
from fringeflow.files import read_json

PANELS = {"loss": "training loss", "validation_loss": "validation loss", "validation_pr_auc": "validation PR-AUC"}


def draw_history(history: str | Path, run: str | Path, path: str | Path) -> None:
    """Picture the history of a run.

    Parameters
    ----------
    history : path of `history.parquet`
        `seed`, `epoch`, `loss`, `validation_loss`, `validation_pr_auc`, and of a cascade `stage`.
    run : path of `run.json`
        Names the model, strategy and view, and the epoch that each seed kept; for a fit that has no choice of
        epochs, the best of its history is marked.
    path : path of the PNG
    """
    table, about = pd.read_parquet(history), read_json(run)
    lines = _lines(table, about)
    title = f"{about['model']['name']}, {about['strategy']['name']}, {about['view']}: training curves"
    figure = new_figure(11, 3.6)
    with styled():
        axes = figure.subplots(1, 3, gridspec_kw={"left": 0.055, "right": 0.99, "bottom": 0.135, "top": 0.8, "wspace": 0.2})
        for axis, (column, name) in zip(axes, PANELS.items(), strict=True):
            for number, (label, (rows, epoch)) in enumerate(lines.items()):
                _line(axis, rows, column, PALETTE[number % len(PALETTE)], epoch, label)
            axis.set(title=name, xlabel="epoch", xlim=(0.5, max(table["epoch"].max() + 0.5, 2)))
            axis.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
            axis.grid(axis="y", color="#e4e4e4", lw=0.6)
            if column.endswith("loss") and (table[column] > 0).all():
                axis.set_yscale("log")
                axis.yaxis.set_major_locator(log_ticks(*axis.get_ylim()))
                axis.yaxis.set_major_formatter("{x:g}")
                axis.yaxis.set_minor_locator(NullLocator())
        axes[2].set(ylim=(0, 1.04), yticks=[0, 0.2, 0.4, 0.6, 0.8, 1.0])
        axes[2].legend(loc="lower right", ncols=2 if len(lines) > 3 else 1)
        shown = ", ".join(f"{epoch} ({label})" for label, (_, epoch) in list(lines.items())[:6]) + (" …" if len(lines) > 6 else "")
        figure.text(0.01, 0.97, title, va="top", fontsize=11, weight="bold", color=INK)
        figure.text(0.01, 0.9, f"ring: the epoch whose weights were kept: {shown}", va="top", color=FAINT)
    save_picture(figure, path)


def _lines(table: pd.DataFrame, about: dict[str, Any]) -> dict[str, tuple[pd.DataFrame, int]]:
    """Return, by its name, what each line shows and the epoch that was kept: the fit's own word, or else the best."""
    stages = list(dict.fromkeys(table["stage"])) if "stage" in table else [""]
    lines = {}
    for fit in sorted(about["fits"], key=lambda fit: fit["seed"]):
        for number, stage in enumerate(stages):
            rows = table[table["seed"] == fit["seed"]]
            rows = rows[rows["stage"] == stage] if stage else rows
            if rows.empty:
                continue
            told = fit["load"]["stages"][number] if stage else fit["load"]
            epoch = told.get("best_epoch") or best_epochs(rows)[fit["seed"]]
            lines[f"seed {fit['seed']}" + (f", {stage}" if stage else "")] = (rows, epoch)
    return lines


def log_ticks(low: float, high: float) -> Locator:
    """Return what puts some four to nine round numbers on a logarithmic axis.

    Parameters
    ----------
    low, high : float
        Limits of the axis, positive.
    """
    ratio = high / low
    if ratio < 4:
        return MaxNLocator(5, steps=[1, 2, 2.5, 5, 10])
    for most, digits in ((20, (1, 2, 3, 5, 7)), (200, (1, 2, 5)), (3000, (1, 3))):
        if ratio < most:
            return LogLocator(subs=digits, numticks=12)
    return LogLocator(numticks=8)


def best_epochs(table: pd.DataFrame) -> dict[int, int]:
    """Return, by seed, the epoch with the highest validation PR-AUC; of equal ones, that of the lowest validation loss.

    Examples
    --------
    >>> best_epochs(pd.DataFrame({"seed": 0, "epoch": [1, 2, 3], "validation_pr_auc": [0.5, 0.7, 0.7], "validation_loss": [1, 3, 2]}))
    {0: 3}
    """
    ordered = table.sort_values(["validation_pr_auc", "validation_loss", "epoch"], ascending=[False, True, True], kind="stable")
    first = ordered.drop_duplicates("seed").sort_values("seed")
    return dict(zip(first["seed"].tolist(), first["epoch"].tolist(), strict=True))


def _line(axes: Axes, rows: pd.DataFrame, column: str, colour: str, best: int, label: str) -> None:
    """Draw one seed's line, with a ring at the epoch that was kept."""
    rows = rows.sort_values("epoch")
    axes.plot(rows["epoch"], rows[column], color=colour, lw=1.3, marker="o" if len(rows) == 1 else None, ms=4, label=label)
    kept = rows[rows["epoch"] == best]
    axes.plot(kept["epoch"], kept[column], "o", mfc="none", mec=colour, mew=1.6, ms=9, clip_on=False, zorder=3)
