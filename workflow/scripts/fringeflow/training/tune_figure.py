"""Picture of a tuning: values by trial, which hyper-parameters matter, and the value over each of them."""

import warnings
from collections.abc import Mapping, Sequence
from math import ceil
from pathlib import Path
from typing import Any

import numpy as np
import optuna
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution
from optuna.importance import FanovaImportanceEvaluator, get_param_importances
from optuna.trial import create_trial

from fringeflow.datasets.pictures import FAINT, INK, PALETTE, new_figure, save_picture, styled

BLUE, ORANGE, GREEN = PALETTE[0], PALETTE[1], PALETTE[2]
METRICS = {"macro_f1": "macro F1", "pr_auc": "PR-AUC"}
ENOUGH = 8
"""Complete trials from which on importances are estimated."""
ACROSS = 4
"""Most slices in a row."""


def draw_tuning(rows: Sequence[Mapping[str, Any]], tune: Mapping[str, Any], path: str | Path, *, title: str) -> None:
    """Picture the trials of a tuning.

    Parameters
    ----------
    rows : sequence of mapping
        From `tune_result.trial_rows`; one of them complete at least.
    tune : mapping
        `Tune` in plain values, with all ranges in `space`.
    path : path of the PNG
    title : str
    """
    names = sorted(tune["space"])
    down = ceil(len(names) / ACROSS)
    across = ceil(len(names) / down)
    height = 3.8 + 2.3 * down
    figure = new_figure(11, height)
    metric = METRICS[tune["metric"]]
    complete = [row for row in rows if row["state"] == "complete"]
    best = max(complete, key=lambda row: row["value"])
    untuned = next((row["value"] for row in rows if row["untuned"]), None)
    before = "the settings as configured diverged" if untuned is None else f"{untuned:.3f} as configured"
    where = f"{tune['folds']} grouped folds of the training split" if tune["folds"] else "the validation split"
    with styled():
        top, bottom = 1 - 0.95 / height, 1 - 3.1 / height
        _history(figure.add_axes((0.06, bottom, 0.6, top - bottom)), rows, best, untuned, metric)
        _importance(figure.add_axes((0.77, bottom, 0.215, top - bottom)), rows, tune)
        edges = {"left": 0.06, "right": 0.985, "top": 1 - 3.85 / height, "bottom": 0.35 / height}
        lower = figure.add_gridspec(down, across, hspace=0.45, wspace=0.2, **edges)
        limits = _limits(rows)
        for number, name in enumerate(names):
            axes = figure.add_subplot(lower[number // across, number % across])
            _slice(axes, rows, name, tune["space"][name], best, untuned)
            axes.set(ylim=limits, ylabel=metric if number % across == 0 else "")
        figure.text(0.01, 1 - 0.12 / height, f"{title}: tuning", va="top", fontsize=11, weight="bold", color=INK)
        text = (
            f"best mean {metric} {best['value']:.3f} over {where} (trial {best['number']}), {before}. Ring: the best. Below, darker: later"
        )
        figure.text(0.01, 1 - 0.38 / height, text, va="top", color=FAINT)
    save_picture(figure, path)


def importances(rows: Sequence[Mapping[str, Any]], space: Mapping[str, Mapping[str, Any]], *, seed: int) -> dict[str, float]:
    """Return the share of the values' variance that each hyper-parameter explains, by Optuna's fANOVA.

    Parameters
    ----------
    rows : sequence of mapping
        Trials.
    space : mapping
        Ranges by name, in plain values.
    seed : int
        Of the forest behind it.

    Returns
    -------
    dict of str to float
        Adding up to 1, the largest first; empty with fewer than `ENOUGH` complete trials inside the ranges, or equal values.

    References
    ----------
    Hutter, Hoos and Leyton-Brown (2014), "An efficient approach for assessing hyperparameter importance", ICML.
    """
    used = _usable(rows, space)
    if len(used) < ENOUGH or np.ptp([row["value"] for row in used]) == 0:
        return {}
    distributions = {name: _distribution(given) for name, given in space.items()}
    study = optuna.create_study(direction="maximize")
    for row in used:
        study.add_trial(create_trial(params=row["parameters"], distributions=distributions, value=row["value"]))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return get_param_importances(study, evaluator=FanovaImportanceEvaluator(seed=seed), params=sorted(space))


def _usable(rows: Sequence[Mapping[str, Any]], space: Mapping[str, Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return the complete trials all of whose values lie in their ranges."""
    return [row for row in rows if row["state"] == "complete" and all(_inside(space[name], row["parameters"][name]) for name in space)]


def _distribution(given: Mapping[str, Any]) -> BaseDistribution:
    if given["choices"] is not None:
        return CategoricalDistribution(given["choices"])
    return FloatDistribution(given["low"], given["high"], log=given["log"])


def _inside(given: Mapping[str, Any], value: Any) -> bool:
    if given["choices"] is not None:
        return value in given["choices"]
    return not isinstance(value, str) and given["low"] <= value <= given["high"]


def _limits(rows: Sequence[Mapping[str, Any]]) -> tuple[float, float]:
    """Return limits of the axis of values, with some room at both ends."""
    values = [row["value"] for row in rows if row["value"] is not None]
    room = max(0.02, 0.08 * (max(values) - min(values)))
    return min(values) - room, max(values) + room


def _history(axes: Axes, rows: Sequence[Mapping[str, Any]], best: Mapping[str, Any], untuned: float | None, metric: str) -> None:
    """Draw every trial's value, its folds faintly behind it, and the best so far."""
    complete = [row for row in rows if row["state"] == "complete"]
    pruned = [row for row in rows if row["state"] == "pruned"]
    failed = [row["number"] for row in rows if row["state"] == "failed"]
    spread = [(row["number"], value) for row in rows for value in row["folds"] if len(row["folds"]) > 1]
    if spread:
        axes.plot(*zip(*spread, strict=True), ".", color="#c9c9c9", ms=4, label="one fold", zorder=1)
    running = np.maximum.accumulate([row["value"] if row["state"] == "complete" else -np.inf for row in rows])
    shown = np.isfinite(running)
    axes.step(np.arange(len(rows))[shown], running[shown], where="post", color=ORANGE, lw=1.4, label="best so far", zorder=2)
    if untuned is not None:
        axes.axhline(untuned, color=GREEN, lw=1, ls="--", label="as configured", zorder=2)
    axes.plot(
        [row["number"] for row in complete], [row["value"] for row in complete], "o", color=BLUE, ms=5, label="mean of a trial", zorder=3
    )
    if pruned:
        numbers, values = [row["number"] for row in pruned], [row["value"] for row in pruned]
        axes.plot(numbers, values, "o", mfc="white", mec=BLUE, ms=5, label="given up (pruned)", zorder=3)
    axes.plot(best["number"], best["value"], "o", mfc="none", mec=ORANGE, mew=1.8, ms=11, zorder=4)
    if failed:
        bottom = axes.get_ylim()[0]
        axes.plot(failed, [bottom] * len(failed), "x", color=INK, ms=6, label="diverged", clip_on=False, zorder=4)
    axes.set(title="trials", xlabel="trial", ylabel=metric, xlim=(-0.5, max(len(rows) - 0.5, 1.5)))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    axes.grid(axis="y", color="#ececec", lw=0.6)
    axes.set_axisbelow(True)
    axes.legend(loc="lower right", bbox_to_anchor=(1.01, 0.98), ncols=6, columnspacing=1.0, handlelength=1.4, handletextpad=0.5)


def _importance(axes: Axes, rows: Sequence[Mapping[str, Any]], tune: Mapping[str, Any]) -> None:
    """Draw the importances as bars, or say why there are none."""
    found = importances(rows, tune["space"], seed=tune["seed"])
    axes.set_title("share of the variance (fANOVA)")
    if not found:
        text = f"not estimated: {len(_usable(rows, tune['space']))} complete trials\ninside the ranges; it takes {ENOUGH} that differ"
        axes.text(0.0, 0.9, text, va="top", transform=axes.transAxes, color=FAINT)
        axes.set_axis_off()
        return
    names = list(found)[::-1]
    axes.barh(range(len(names)), [found[name] for name in names], color=BLUE, height=0.62)
    for place, name in enumerate(names):
        axes.text(found[name] + 0.02, place, f"{found[name]:.2f}", va="center", fontsize=8)
    axes.set(
        xlim=(0, 1.15 * max(found.values()) + 0.05),
        ylim=(-max(0.6, 4.4 - len(names)), len(names) - 0.4),
        yticks=range(len(names)),
        yticklabels=names,
        xticks=[],
    )
    axes.tick_params(axis="y", length=0)
    axes.spines[["bottom", "left"]].set_visible(False)


def _slice(
    axes: Axes, rows: Sequence[Mapping[str, Any]], name: str, given: Mapping[str, Any], best: Mapping[str, Any], untuned: float | None
) -> None:
    """Draw the values over one hyper-parameter: later trials darker, pruned ones hollow, the best with a ring."""
    inside = [row for row in rows if row["value"] is not None and _inside(given, row["parameters"][name])]
    choices = given["choices"]
    places = [_place(given, row["parameters"][name], row["number"]) for row in inside]
    values = [row["value"] for row in inside]
    shades = np.array([0.3 + 0.7 * row["number"] / max(1, len(rows) - 1) for row in inside])
    full = np.array([row["state"] == "complete" for row in inside], dtype=bool)
    colours = 1 - shades[:, None] * (1 - np.array([0.0, 0.447, 0.698]))
    if untuned is not None:
        axes.axhline(untuned, color=GREEN, lw=1, ls="--", zorder=1)
    axes.scatter(places, values, s=26, facecolors=np.where(full[:, None], colours, 1.0), edgecolors=colours, linewidths=1.1, zorder=2)
    if _inside(given, best["parameters"][name]):
        place = _place(given, best["parameters"][name], best["number"])
        axes.plot(place, best["value"], "o", mfc="none", mec=ORANGE, mew=1.6, ms=9, zorder=3)
    if choices is not None:
        axes.set(xlim=(-0.6, len(choices) - 0.4), xticks=range(len(choices)), xticklabels=[str(choice) for choice in choices])
    elif given["log"]:
        axes.set(xscale="log", xlim=(given["low"] / 1.3, given["high"] * 1.3))
    else:
        room = 0.04 * (given["high"] - given["low"])
        axes.set(xlim=(given["low"] - room, given["high"] + room))
    axes.set_title(name)


def _place(given: Mapping[str, Any], value: Any, number: int) -> float:
    """Return where a trial stands on an axis; trials of one choice side by side, by a fixed shuffle of their numbers."""
    if given["choices"] is None:
        return float(value)
    return given["choices"].index(value) + 0.5 * ((number * 0.618034) % 1 - 0.5)
