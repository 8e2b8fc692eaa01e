"""Where runs stand in a dot plot: a row a run, grouped by view and model, coloured by strategy."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from zlib import crc32

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from fringeflow.datasets.pictures import FAINT, MARKERS, PALETTE, new_figure

ROW, LEFT, LONG = 0.17, 2.75, 20
"""Inches that a run takes, and those that names take if no model has more letters than these."""


KINDS = (
    "none", "class_weights", "focal", "weighted_focal", "augmentation", "oversample", "undersample", "smote",
    "effective_number", "logit_adjustment", "ldam_drw", "implant", "curate",
)  # fmt: skip
"""The registered kinds in the order of their looks. A new one goes to the end: the place decides colour and marker."""
OTHER_MARKERS = ("*", "<", ">", "d")
"""Of strategies that are no single kind, so that none looks like a kind; told apart when hollow, too."""


def look_of(strategy: str) -> tuple[str, str]:
    """Return the colour and marker of a strategy, which depend on its name alone.

    Each kind has a pair of its own. Kinds joined by ``+`` have the colour of the first and a marker by the rest; a name that is
    no kind has both by its checksum. Two of these may look alike: the names beside the rows tell them apart.

    Examples
    --------
    >>> look_of("none"), look_of("focal")
    (('#0072b2', 'o'), ('#009e73', '^'))
    >>> look_of("focal+augmentation")
    ('#009e73', '*')
    """
    if strategy in KINDS:
        i = KINDS.index(strategy)
        return PALETTE[i % len(PALETTE)], MARKERS[(i + i // len(PALETTE)) % len(MARKERS)]
    first, _, rest = strategy.partition("+")
    if rest:
        place = KINDS.index(rest) if rest in KINDS else crc32(rest.encode())
        return look_of(first)[0], OTHER_MARKERS[place % len(OTHER_MARKERS)]
    number = crc32(strategy.encode())
    return PALETTE[number % len(PALETTE)], OTHER_MARKERS[number // len(PALETTE) % len(OTHER_MARKERS)]


def looks_of(strategies: Sequence[str]) -> dict[str, tuple[str, str]]:
    """Return the colour and marker of each strategy, by name and `none` first."""
    return {name: look_of(name) for name in sorted(set(strategies), key=lambda name: (name != "none", name))}


def marker_size(marker: str) -> float:
    """Return the size in points at which a marker looks as large as the others."""
    return {"P": 5.8, "X": 5.8, "*": 7.5, "d": 5.4}.get(marker, 4.6)


@dataclass(frozen=True)
class DotRows:
    """The rows of a plot from top to bottom.

    Attributes
    ----------
    runs : list of (float, Series)
        Height of each row, and the run it shows.
    models, views : list of (float, str)
        Height of each heading.
    bands : list of (float, float)
        Rows of one model.
    looks : dict
        Colour and marker by strategy.
    bottom : float
    """

    runs: list[tuple[float, pd.Series]]
    models: list[tuple[float, str]]
    views: list[tuple[float, str]]
    bands: list[tuple[float, float]]
    looks: dict[str, tuple[str, str]]
    bottom: float

    @classmethod
    def of(cls, table: pd.DataFrame, strategies: Sequence[str], by: str = "pr_auc") -> "DotRows":
        """Lay out runs, views and models with the best first.

        Parameters
        ----------
        table : DataFrame
            `view`, `model`, `strategy`, and the score `by`.
        strategies : sequence of str
            All strategies of the dataset, also those without a row.
        by : str
        """
        looks = looks_of(strategies)
        place = {name: number for number, name in enumerate(looks)}
        runs, models, views, bands = [], [], [], []
        y = 0.0
        for view in by_best(table, "view", by):
            y += 1.6
            views.append((y - 0.5, view))
            mine = table[table["view"] == view]
            for model in by_best(mine, "model", by):
                own = mine[mine["model"] == model].sort_values("strategy", key=lambda names: names.map(place))
                models.append((y + len(own) / 2, model))
                bands.append((y, y + len(own)))
                runs += [(y + i + 0.5, run) for i, (_, run) in enumerate(own.iterrows())]
                y += len(own) + 0.35
        return cls(runs, models, views, bands, looks, y)

    def figure(self, panels: int) -> tuple[Figure, list[Axes]]:
        """Return a figure of this height with panels side by side, names at their left and bands behind."""
        height = self.bottom * ROW + 1.2
        names = LEFT + room_beyond(name for _, name in self.models)
        figure = new_figure(3.6 * panels + names + 0.2, height)
        left = names / figure.get_figwidth()
        axes = figure.subplots(
            1, panels, sharey=True, squeeze=False,
            gridspec_kw={"left": left, "right": 0.985, "bottom": 0.35 / height, "top": 1 - 0.85 / height, "wspace": 0.07},
        )[0]  # fmt: skip
        for axis in axes:
            for number, (low, high) in enumerate(self.bands):
                axis.axhspan(low, high, color="#f3f3f3" if number % 2 == 0 else "#fafafa", lw=0, zorder=0)
            axis.grid(axis="x", color="#dddddd", lw=0.6)
            axis.set_axisbelow(True)
            axis.tick_params(axis="y", length=0)
            axis.spines["left"].set_visible(False)
        self._names(axes[0])
        return figure, list(axes)

    def _names(self, axis: Axes) -> None:
        """Write views, models and strategies at the left of a panel."""
        axis.set_ylim(self.bottom + 0.2, 0)
        axis.set_yticks([place for place, _ in self.runs], [short(run["strategy"], 18) for _, run in self.runs], fontsize=7)
        for tick, (_, run) in zip(axis.get_yticklabels(), self.runs, strict=True):
            tick.set_color(self.looks[run["strategy"]][0])
        for names, offset, weight in ((self.models, 22, "normal"), (self.views, 8, "bold")):
            for place, name in names:
                axis.annotate(
                    short(name), (0, place), xycoords=("figure fraction", "data"), xytext=(offset, 0),
                    textcoords="offset points", weight=weight, va="center",
                )  # fmt: skip

    def dots(self, axis: Axes, column: str) -> None:
        """Draw a score with its bounds."""
        for place, run in self.runs:
            colour, marker = self.looks[run["strategy"]]
            lower, upper = run[f"{column}_lower"], run[f"{column}_upper"]
            if pd.notna(lower):
                axis.plot([lower, upper], [place, place], color=colour, lw=1.5, alpha=0.75, solid_capstyle="butt", zorder=2)
            axis.plot(run[column], place, marker, color=colour, ms=marker_size(marker), mec="white", mew=0.5, zorder=3)

    def decided(self, axis: Axes, column: str, open_column: str) -> None:
        """Draw a difference with its bounds: strong and filled, or faint and hollow where the column `open_column` is true."""
        for place, run in self.runs:
            (colour, marker), hollow = self.looks[run["strategy"]], run[open_column]
            lower, upper = run[f"{column}_lower"], run[f"{column}_upper"]
            width, alpha, face = (1.1, 0.7, "white") if hollow else (2.2, 1.0, colour)
            if pd.notna(lower):
                axis.plot([lower, upper], [place, place], color=colour, lw=width, alpha=alpha, solid_capstyle="butt", zorder=2)
            axis.plot(run[column], place, marker, color=face, ms=marker_size(marker) + (0 if hollow else 1), mec=colour, mew=1.1, zorder=3)


def title(figure: Figure, first: str, second: str) -> None:
    """Write a bold line and a faint one above everything."""
    height = figure.get_figheight()
    figure.text(0.01, 1 - 0.14 / height, first, va="top", fontsize=11, weight="bold")
    figure.text(0.01, 1 - 0.36 / height, second, va="top", color=FAINT)


def by_best(table: pd.DataFrame, column: str, by: str = "pr_auc") -> list[str]:
    """Return the values of a column, the one with the best score first."""
    return list(table.groupby(column)[by].max().sort_values(ascending=False, kind="stable").index)


def room_beyond(names: Iterable[str]) -> float:
    """Return the inches that labels need beyond those for `LONG` letters."""
    return 0.075 * max(0, max(len(short(name)) for name in names) - LONG)


def short(name: str, most: int = 30) -> str:
    """Shorten a name for a label."""
    return name if len(name) <= most else name[: most - 1] + "…"
