"""Does more data still help? The score by the number of training groups, and what a doubling of them adds.

A fit is lucky or not in the groups it was given and in its seeds. Few fits cannot be resampled (the whole is fitted once, and no
draw of its one fit shows its luck), so luck is estimated: by the scatter of the fits of one size, each the mean of its
seeds, pooled over the sizes that the slope is fitted to. It widens the intervals over test groups, with Student's quantile for the few
fits it comes from (`bootstrap.widened`). With one fit of every size nothing shows luck, and nothing is decided, as with one seed in
`paired`.

Taken for granted: fits of different subsets are independent, and all sizes equally lucky. Both are rather too careful: the larger
subsets of an order hold the smaller, scatter less, and the whole leaves no choice of groups. Subsets overlap, so their scatter is that of
other subsets of these groups, less than that of other groups (Nadeau and Bengio); what these groups add to all sizes alike, the slope is
free of. How a fit and test groups get on is counted twice, in the scatter and in the draws.

Measured on 400 simulated curves of 3, 5 and 10 training and 12 test earthquakes, nominal 5 %. Before, subsets were resampled and the whole
had no luck. "Nested" is luck that is the mean of what each training earthquake brings (3 to 20 of them), the others that of each fit.

| a doubling adds, PR-AUC | luck (standard deviation) | subsets | decided | before |
|---|---|---|---|---|
| 0 | 0.06 | 3 | 1 % | 15 % |
| 0 | 0.1 | 3 | 2 % | 28 % |
| 0 | 0.1 | 2 | 2 % | 33 % |
| 0 | 0.1 | 1 | 0 % | 46 % |
| 0 | 0.08, nested | 3 | 1 % | 5 % |
| 0.14 | 0.04 | 3 | 90 % | 100 % |
| 0.14 | 0.03 | 2 | 59 % | 100 % |
| 0.14 | 0.1 | 3 | 25 % | 87 % |

References
----------
Bouthillier et al. (2021), Proceedings of Machine Learning and Systems 3, 747-769 (choice of data and seeds as sources of variance).
Nadeau and Bengio (2003), Machine Learning 52, 239-281 (overlapping training sets).
"""

from dataclasses import dataclass
from pathlib import Path
from textwrap import fill
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.ticker import NullLocator

from fringeflow.config.models import Evaluation
from fringeflow.datasets.pictures import FAINT, INK, PALETTE, new_figure, save_picture, styled
from fringeflow.evaluation.bootstrap import FEW_GROUPS, ROUNDING, bootstrap, interval, widened
from fringeflow.evaluation.metrics import Ranking, average_precision
from fringeflow.evaluation.words import Words, signed
from fringeflow.files import atomic, read_json

SEED = 0
LAST = 4
"""The slope is fitted to subsets of at least the whole over this: the last two doublings."""


@dataclass(frozen=True)
class Curve:
    """A learning curve.

    Attributes
    ----------
    table : DataFrame
        One row a number of training groups.
    repeats : DataFrame
        `groups`, `repeat`, `pr_auc`.
    line : tuple of ndarray or None
        Ends of the fitted line: numbers of groups and scores.
    verdict : str
    words : Words
        What samples and groups are.
    lucky : bool
        Whether the intervals hold the luck of fits: whether some number of groups has several subsets.
    """

    table: pd.DataFrame
    repeats: pd.DataFrame
    line: tuple[np.ndarray, np.ndarray] | None
    verdict: str
    words: Words
    lucky: bool


def evaluate_curve(
    predictions: str | Path, dataset: str | Path, settings: Evaluation, *, title: str, out: str | Path, figure: str | Path
) -> Curve:
    """Score fits on subsets of the training groups on the test part, and picture that.

    Parameters
    ----------
    predictions : path of the table of `fit_subsets`
    dataset : path of `dataset.json`
    settings : Evaluation
        Draws and level of the intervals.
    title : str
        Model, strategy and view.
    out : path of the table to write, tab-separated
        By number of training `groups`: `repeats`, `training_tiles` and `training_positives` (means over repeats), `pr_auc`
        (mean over seeds and repeats) with its interval, `pr_auc_lowest` and `pr_auc_highest` of the repeats, `prevalence`, and
        the same on every row: `gain_per_doubling` with its interval, the `verdict` in words, and `sample_word` and `group_word`:
        what samples and groups are called.
    figure : path of the PNG to write

    Returns
    -------
    Curve
    """
    about = read_json(dataset)
    curve = learning_curve(pd.read_parquet(predictions), list(about["classes"]), about.get("positive"), settings, Words.of(about))
    with atomic(out) as part:
        curve.table.to_csv(part, sep="\t", index=False, float_format="%.6g", lineterminator="\n")
    _draw(curve, f"{about['name']}: {title}", settings, figure)
    return curve


def learning_curve(table: pd.DataFrame, classes: list[str], positive: str | None, settings: Evaluation, words: Words) -> Curve:
    """Score subsets, and fit what a doubling adds.

    Intervals are over test groups, which all subsets share in each draw, and the luck of fits.

    Parameters
    ----------
    table : DataFrame
        From `fit_subsets`.
    classes : list of str
    positive : str or None
    settings : Evaluation
    words : Words
        What samples and groups are.

    Returns
    -------
    Curve
    """
    wanted = [positive] if positive is not None and len(classes) == 2 else classes
    rankings: dict[tuple[int, int], list[Ranking]] = {}
    key: Any
    for key, part in table.groupby(["groups", "repeat", "seed"], sort=True):
        part = part.sort_values("sample", kind="stable")
        rankings.setdefault(key[:2], []).extend(
            Ranking.of((part["label"] == name).to_numpy(), part[f"p_{name}"].to_numpy()) for name in wanted
        )
    samples = table.drop_duplicates("sample").sort_values("sample", kind="stable")
    groups = np.unique(samples["group"].to_numpy(), return_inverse=True)[1]
    holding = min(samples.loc[samples["label"] == name, "group"].nunique() for name in classes)

    def score(weights: np.ndarray) -> dict[str, np.ndarray]:
        return {
            f"{size}/{repeat}": np.mean([average_precision(*ranking.curves(weights)) for ranking in found], axis=0)
            for (size, repeat), found in rankings.items()
        }

    once = {name: float(values[0]) for name, values in score(np.ones((1, len(samples)))).items()}
    draws = bootstrap(score, groups, draws=settings.bootstrap, seed=SEED)
    sizes = sorted({size for size, _ in rankings})
    repeats = {size: [repeat for found, repeat in rankings if found == size] for size in sizes}
    scores = [np.array([once[f"{size}/{repeat}"] for repeat in repeats[size]]) for size in sizes]
    means = np.array([found.mean() for found in scores])
    by_draw = np.stack([np.mean([draws[f"{size}/{repeat}"] for repeat in repeats[size]], axis=0) for size in sizes])
    used = np.array(sizes) * LAST >= sizes[-1]
    errors, degrees = _luck(scores, used)

    def bounded(values: np.ndarray, value: float, error: float, degrees: int, **limits: tuple[float, float]) -> tuple[float, float]:
        bounds = interval(values, settings.confidence, holding)
        return widened(bounds, value, error, degrees, settings.confidence, **limits) if degrees else bounds

    gain, bounds, line = np.nan, (np.nan, np.nan), None
    if used.sum() > 1:
        x = np.log2(sizes) - np.log2(sizes)[used].mean()
        slope = np.where(used, x, 0) / (x[used] ** 2).sum()
        gain = float(slope @ means)
        bounds = bounded(slope @ by_draw, gain, float(np.linalg.norm(slope * errors)), degrees[-1])
        line = np.array(sizes)[used][[0, -1]], means[used].mean() + gain * x[used][[0, -1]]
    verdict = _verdict(gain, bounds, list(np.array(sizes)[used]), degrees[-1], holding, words)
    counts: Any = (
        table.drop_duplicates(["groups", "repeat"]).groupby("groups")[["training_tiles", "training_positives"]].mean().to_dict("index")
    )
    rows: list[dict[str, Any]] = []
    for number, size in enumerate(sizes):
        here = scores[number]
        lower, upper = bounded(by_draw[number], means[number], errors[number], degrees[number], limits=(0.0, 1.0))
        rows.append(
            {
                "groups": size,
                "repeats": len(here),
                **counts[size],
                "pr_auc": means[number],
                "pr_auc_lower": lower,
                "pr_auc_upper": upper,
                "pr_auc_lowest": here.min(),
                "pr_auc_highest": here.max(),
                "prevalence": np.mean([(samples["label"] == name).mean() for name in wanted]),
                "n_test": len(samples),
                "n_groups": int(groups.max()) + 1,
                "few_groups": holding < FEW_GROUPS,
                "gain_per_doubling": gain,
                "gain_per_doubling_lower": bounds[0],
                "gain_per_doubling_upper": bounds[1],
                "verdict": verdict,
                "sample_word": words.sample,
                "group_word": words.group,
            }
        )
    single = pd.DataFrame([(size, repeat, once[f"{size}/{repeat}"]) for size, repeat in rankings], columns=["groups", "repeat", "pr_auc"])
    return Curve(pd.DataFrame(rows), single, line, verdict, words, bool(degrees.any()))


def _luck(scores: list[np.ndarray], sloped: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the standard error that luck gives the mean score of each size, and its degrees of freedom.

    Scatter is pooled over the sizes of the slope, and apart over those too small for it: these may all be blind alike.
    """
    errors, degrees = np.zeros(len(scores)), np.zeros(len(scores), dtype=int)
    for part in map(np.flatnonzero, (sloped, ~sloped)):
        degrees[part] = free = sum(len(scores[size]) - 1 for size in part)
        squares = sum(((scores[size] - scores[size].mean()) ** 2).sum() for size in part)
        errors[part] = [np.sqrt(squares / max(free, 1) / len(scores[size])) for size in part]
    return errors, degrees


def _verdict(gain: float, bounds: tuple[float, float], used: list[int], degrees: int, holding: int, words: Words) -> str:
    """Say in words whether more groups still help."""
    if len(used) < 2:
        return f"One number of training {words.groups} ({used[0]}): no slope to fit."
    measured = f"from {used[0]} to {used[-1]} {words.groups} a doubling adds {signed(gain)} PR-AUC"
    if np.isnan(bounds[0]):
        return f"No interval from so few test {words.groups}: {measured}."
    measured += f" [{signed(bounds[0])}, {signed(bounds[1])}]"
    if not degrees:
        return f"Whether more {words.groups} help cannot be told from one subset of each size (raise learning_curve.repeats): {measured}."
    if holding < FEW_GROUPS:
        measured += f" (rather too sure: only {holding} test {words.groups} hold the rarest class)"
    if bounds[0] > ROUNDING:
        return f"More {words.groups} still help: {measured}."
    if bounds[1] < -ROUNDING:
        return f"More {words.groups} do harm: {measured}."
    return f"Whether more {words.groups} help cannot be told: {measured}."


def _draw(curve: Curve, title: str, settings: Evaluation, path: str | Path) -> None:
    """Picture a curve: repeats, their mean with its interval, the fitted line, and the prevalence."""
    table, single, words = curve.table, curve.repeats, curve.words
    first, rarest = table.iloc[0], "those" if words.sample == words.group else f"their {words.samples}"
    figure = new_figure(7.4, 5.0)
    with styled():
        axes = figure.add_axes((0.085, 0.115, 0.895, 0.65))
        for number, (_, rows) in enumerate(single.groupby("repeat")):
            axes.plot(rows["groups"], rows["pr_auc"], "o", color=INK, ms=3, alpha=0.6, zorder=4, label=None if number else "one subset")
        x, y = table["groups"].to_numpy(), table["pr_auc"].to_numpy()
        axes.fill_between(
            x, table["pr_auc_lower"], table["pr_auc_upper"], color=PALETTE[0], alpha=0.18, lw=0, label=_level(settings, curve)
        )
        axes.plot(x, y, "o-", color=PALETTE[0], lw=1.8, ms=5, label="mean over subsets and seeds")
        if curve.line is not None:
            axes.plot(*curve.line, color=PALETTE[1], lw=1.4, ls="--", label="fit over the last doublings")
        axes.axhline(first["prevalence"], color=INK, lw=1, ls=":", label=f"prevalence {first['prevalence']:.3f}")
        axes.set_xscale("log", base=2)
        axes.xaxis.set_minor_locator(NullLocator())
        axes.set_xticks(x, [f"{size}\n{positives:.0f}" for size, positives in zip(x, table["training_positives"], strict=True)])
        highest = max(table["pr_auc_upper"].max(), single["pr_auc"].max())
        axes.set(
            ylim=(0, min(1.02, max(0.3, 1.3 * highest))),
            ylabel="PR-AUC on test",
            xlabel=f"training {words.groups}; below: {rarest} of the rarest class",
        )
        axes.legend(loc="best")
        figure.text(0.015, 0.965, title, va="top", fontsize=11, weight="bold")
        figure.text(0.015, 0.91, fill(curve.verdict, 105), va="top", fontsize=9, linespacing=1.3)
        tested = f"test: {first['n_test']} {words.samples} of {words.counted(first['n_groups'])}"
        figure.text(0.015, 0.825, tested, va="top", fontsize=8.5, color=FAINT)
    save_picture(figure, path)


def _level(settings: Evaluation, curve: Curve) -> str:
    return f"{100 * settings.confidence:g} % interval over {curve.words.groups}{' and subsets' if curve.lucky else ' alone'}"
