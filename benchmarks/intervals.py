"""What the statistics cost, and how often their intervals hold the truth.

    python benchmarks/intervals.py [--repetitions 200] [--tiles 4000]

First: every score of a run with intervals (2000 draws, 3 seeds, test and validation of so many tiles each), in
seconds and MB, against scoring the same tiles once with scikit-learn; the ratio is per draw and seed. Then:
the share of nominal 95 % intervals that hold the truth, on simulated earthquakes whose tiles have a
difficulty in common: drawn over earthquakes with Hesterberg's expansion (what Fringeflow does), over
earthquakes with plain percentiles, and over tiles.
"""

import argparse
import resource
import time

import numpy as np
import pandas as pd
from sklearn.metrics import average_precision_score, roc_auc_score

from fringeflow.config.models import Evaluation
from fringeflow.evaluation.bootstrap import bootstrap, interval
from fringeflow.evaluation.evaluate import _evaluate_part
from fringeflow.evaluation.metrics import Ranking, average_precision, roc_auc
from fringeflow.evaluation.predictions import Predictions
from fringeflow.evaluation.scores import Scorer

CLASSES = ["no_deformation", "deformation"]


def earthquakes(rng: np.random.Generator, count: int, low: int = 30, high: int = 90) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Draw labels, scores and earthquakes of tiles; earthquakes differ in size, clarity and background."""
    sizes = rng.integers(low, high, count)
    group = np.repeat(np.arange(count), sizes)
    place = np.arange(sizes.sum()) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    y = place < np.repeat(1 + rng.poisson(4, count), sizes)
    score = rng.normal(size=len(y)) + rng.normal(0, 0.7, count)[group] + y * (2 + rng.normal(size=count)[group])
    return y, score, group


def cost(tiles: int) -> None:
    """Print the time and memory of evaluating one run."""
    rng = np.random.default_rng(0)
    y, score, group = earthquakes(rng, 40, tiles // 40, tiles // 40 + 1)
    p = 1 / (1 + np.exp(2 - score + rng.normal(0, 0.3, (3, len(y)))))
    names = np.char.add("eq", group.astype(str))
    pair = np.char.add("pair", (np.arange(len(y)) // 25).astype(str))
    samples = pd.DataFrame(
        {"sample": np.arange(len(y)).astype(str), "event": names, "frame": "F", "pair": pair, "group": names, "label": ""}
    )
    predictions = Predictions(samples, y.astype(int), np.stack([1 - p, p], axis=-1), [0, 1, 2], CLASSES, 1)
    settings = Evaluation()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    begin = time.perf_counter()
    for part in ("validation", "test"):
        _evaluate_part(part, Scorer(predictions, {"default": [0.5] * 3, "validation": [0.4] * 3}, 1.0), [1.2] * 3, (), settings)
    spent = time.perf_counter() - begin
    begin = time.perf_counter()
    for values in p:
        average_precision_score(y, values)
        roc_auc_score(y, values)
    once = (time.perf_counter() - begin) / 3
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024 - before
    per_draw = spent / (2 * 3 * settings.bootstrap)
    print(f"{len(y)} tiles x 3 seeds x {settings.bootstrap} draws, validation and test: {spent:.1f} s, {memory:.0f} MB more than before")
    print(
        f"all scores of one draw: {1e3 * per_draw:.2f} ms; PR-AUC and ROC-AUC alone by scikit-learn: {1e3 * once:.2f} ms; ratio {per_draw / once:.2f}"
    )


def coverage(repetitions: int) -> None:
    """Print how often intervals hold the truth."""
    rng = np.random.default_rng(0)
    y, score, _ = earthquakes(rng, 8000)
    curves = Ranking.of(y, score).curves(np.ones(len(y)))
    truth = {"pr_auc": float(average_precision(*curves)), "roc_auc": float(roc_auc(*curves))}
    print(
        f"{'earthquakes':>11} {'expanded':>9} {'plain':>9} {'tiles':>9}   share of 95 % intervals that hold the truth (PR-AUC and ROC-AUC)"
    )
    for count in (3, 5, 8, 12, 20, 40):
        held = np.zeros(3)
        for _ in range(repetitions):
            y, score, group = earthquakes(rng, count)
            ranking = Ranking.of(y, score)

            def statistic(weights: np.ndarray, ranking: Ranking = ranking) -> dict[str, np.ndarray]:
                true, false = ranking.curves(weights)
                return {"pr_auc": average_precision(true, false), "roc_auc": roc_auc(true, false)}

            by_group = bootstrap(statistic, group, draws=500)
            by_tile = bootstrap(statistic, np.arange(len(y)), draws=200)
            for name, value in truth.items():
                bounds = [
                    interval(by_group[name], 0.95, count),
                    np.nanquantile(by_group[name], [0.025, 0.975]),
                    np.nanquantile(by_tile[name], [0.025, 0.975]),
                ]
                held += [lower <= value <= upper for lower, upper in bounds]
        print(f"{count:>11} " + " ".join(f"{share:>9.2f}" for share in held / (2 * repetitions)), flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repetitions", type=int, default=200)
    parser.add_argument("--tiles", type=int, default=4000)
    arguments = parser.parse_args()
    cost(arguments.tiles)
    coverage(arguments.repetitions)
