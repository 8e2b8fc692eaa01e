"""The scores of every class in a panel: where all classes matter alike, there is no event to be found."""

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes

from fringeflow.datasets.pictures import INK, PALETTE

SCORES = (("f1", "F1", -0.22), ("precision", "precision", 0.0), ("recall", "recall", 0.22))
"""Each with its name and its place in the row of a class."""


def draw_class_scores(axes: Axes, test: Mapping[str, Any], classes: Sequence[str]) -> None:
    """Draw F1, precision and recall of every class with their intervals; below a class the number of its samples.

    Parameters
    ----------
    axes : Axes
    test : mapping
        The test part of `metrics.json`.
    classes : sequence of str
    """
    point, counts = test["operating_points"]["default"], test["class_counts"]
    for number, name in enumerate(classes):
        for (score, label, shift), colour in zip(SCORES, PALETTE, strict=False):
            found, y = point["per_class"][name][score], number + shift
            if found["lower"] is not None:
                axes.plot([found["lower"], found["upper"]], [y, y], color=colour, lw=1.5, alpha=0.75, solid_capstyle="butt")
            if found["value"] is not None:
                label = label if number == 0 else "_"
                axes.plot(found["value"], y, "o", color=colour, ms=5, mec="white", mew=0.5, label=label, zorder=3, clip_on=False)
    axes.axvline(test["baseline"]["majority"]["macro_f1"], color=INK, lw=1, ls="--")
    names = [name.replace("_", "\n") + f"\n({counts[name]})" for name in classes]
    axes.set_yticks(range(len(classes)), names)
    axes.set(xlim=(-0.01, 1.01), ylim=(len(classes) - 0.5, -0.5))
    axes.set_xlabel("score; dashed: macro F1 of the largest class alone")
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.16), ncols=3)
    axes.set_title(f"By class; macro F1 {shown_score(point['metrics']['macro_f1'])}")


def shown_score(score: Mapping[str, float | None], digits: int = 2) -> str:
    """Write a score with its interval.

    Examples
    --------
    >>> shown_score({"value": 0.5, "lower": 0.25, "upper": 0.75})
    '0.50 [0.25, 0.75]'
    """
    if score["lower"] is None:
        return "undefined" if score["value"] is None else f"{score['value']:.{digits}f}"
    return f"{score['value']:.{digits}f} [{score['lower']:.{digits}f}, {score['upper']:.{digits}f}]"
