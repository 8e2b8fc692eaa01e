"""How pictures look: one ink, one palette that colour-blind readers can use, no state between figures."""

from pathlib import Path
from typing import Any

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from fringeflow.files import atomic

INK = "#222222"
FAINT = "#8a8a8a"
NO_DATA = "#b4b4b4"
PALETTE = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7f3c8d", "#5c5c5c")
"""Okabe and Ito's colours, the yellow (too pale on white) replaced."""
MARKERS = ("o", "s", "^", "D", "v", "P", "X")

STYLE: Any = {
    "font.size": 9,
    "font.family": "DejaVu Sans",
    "axes.titlesize": 10,
    "axes.titlelocation": "left",
    "axes.labelsize": 9,
    "axes.edgecolor": FAINT,
    "axes.labelcolor": INK,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "legend.frameon": False,
    "legend.fontsize": 8,
}


def new_figure(width: float, height: float, **options: Any) -> Figure:
    """Return an empty figure of so many inches; it belongs to no window."""
    with rc_context(STYLE):
        figure = Figure(figsize=(width, height), **options)
        FigureCanvasAgg(figure)
    return figure


def styled() -> Any:
    """Return the context in which axes are made and drawn into."""
    return rc_context(STYLE)


def save_picture(figure: Figure, path: str | Path, dpi: int = 130) -> None:
    """Write a PNG, the same bytes for the same figure."""
    with rc_context(STYLE), atomic(path) as part:
        figure.savefig(part, format="png", dpi=dpi, facecolor="white", metadata={"Software": None})


def frame(axes: Axes) -> None:
    """Show all four sides of axes, as around an image."""
    for spine in axes.spines.values():
        spine.set_visible(True)
        spine.set_linewidth(0.6)
