"""How scores on real interferograms change with the number of simulated scenes: a table and a picture."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from sklearn.metrics import roc_auc_score

from fringeflow.config.pretraining import Pretraining
from fringeflow.detection.detector import Detector
from fringeflow.files import atomic, read_json
from fringeflow.pretraining.implants import QuietGround, implanted
from fringeflow.pretraining.pairs import RealPair
from fringeflow.pretraining.prevalence import open_pretrained
from fringeflow.pretraining.real import score_pair
from fringeflow.progress import track

IMPLANTS = 400
"""Windows of real quiet interferograms that networks are scored on, half of them with an implant."""


def compare_transfer(
    runs: Mapping[int, Path], pairs: Sequence[RealPair], settings: Pretraining, *, table: Path, tiles: Path, picture: Path, threads: int = 1
) -> None:
    """Score every network on every real interferogram.

    Parameters
    ----------
    runs : mapping of int to Path
        Folders of runs by the number of scenes.
    pairs : sequence of RealPair
    settings : Pretraining
    table : Path
        Tab-separated, a row a network: scores on held-out simulated tiles, and on real ones.
    tiles : Path
        Parquet: every real tile under every network.
    picture : Path
        PNG.
    threads : int
    """
    detectors = {scenes: open_pretrained(run, settings.prevalence) for scenes, run in sorted(runs.items())}
    parts = []
    for (scenes, detector), pair in track(
        [(detector, pair) for detector in detectors.items() for pair in pairs], desc="real interferograms", unit="scan"
    ):
        found = score_pair(detector, pair, stride=settings.real_stride, rule=settings.label, threads=threads)
        parts.append(found.assign(scenes=scenes, coseismic=pair.interferogram.is_coseismic(pair.event)))
    scored = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()
    quiet = [QuietGround(pair.path, pair.interferogram, settings.view) for pair in pairs if pair.is_quiet]
    rows = []
    for scenes, detector in detectors.items():
        row = _row(scenes, read_json(runs[scenes] / "metrics.json")["held_out"], scored)
        rows.append({**row, **(implant_scores(detector, quiet, settings, threads=threads) if quiet else {})})
    result = pd.DataFrame(rows)
    with atomic(tiles) as part:
        scored.to_parquet(part, index=False)
    with atomic(picture) as part:
        picture_transfer(result, scored, part)
    with atomic(table) as part:
        result.to_csv(part, sep="\t", index=False, float_format="%.6g")


def _row(scenes: int, held_out: Mapping[str, float], scored: pd.DataFrame) -> dict[str, float]:
    """Return what one network reaches."""
    row: dict[str, float] = {"scenes": scenes, **{f"simulated_{name}": value for name, value in held_out.items()}}
    if scored.empty:
        return row
    mine = scored[(scored["scenes"] == scenes) & scored["truth"].notna()]
    return {**row, **real_scores(mine["truth"].to_numpy(), mine["p"].to_numpy())}


def implant_scores(detector: Detector, quiet: Sequence[QuietGround], settings: Pretraining, *, threads: int = 1) -> dict[str, float]:
    """Score windows of real quiet interferograms, half of them with modelled deformation: many earthquakes where there are few real ones.

    Parameters
    ----------
    detector : Detector
    quiet : sequence of QuietGround
        At least one.
    settings : Pretraining
        The same windows and earthquakes for every network.
    threads : int

    Returns
    -------
    dict
        `implants_roc_auc`; `implants_seen` and `implants_false_alarms`: shares of windows with and without that reach 0.5.
    """
    phase, truth = implanted(quiet, IMPLANTS, settings.tile, settings.label, np.random.default_rng([settings.seed, 11]))
    score = detector.scores(np.array_split(phase, -(-IMPLANTS // 16)), threads=threads)
    return {
        "implants_roc_auc": float(roc_auc_score(truth, score)),
        "implants_seen": float((score[truth == 1] >= 0.5).mean()),
        "implants_false_alarms": float((score[truth == 0] >= 0.5).mean()),
    }


def real_scores(truth: np.ndarray, score: np.ndarray) -> dict[str, float]:
    """Return how well scores of real tiles part deformation (1) from the rest (0).

    Returns
    -------
    dict
        `real_deformation` and `real_quiet`: numbers of tiles; `real_roc_auc`, NaN where there is but one kind; `deformation_lowest`,
        `deformation_10pc`: the least score and the tenth percentile of deformation; `quiet_95pc`, `quiet_highest`: of the rest.
    """
    there, quiet = score[truth == 1], score[truth == 0]
    both = len(there) > 0 and len(quiet) > 0
    return {
        "real_deformation": len(there),
        "real_quiet": len(quiet),
        "real_roc_auc": float(roc_auc_score(truth, score)) if both else float("nan"),
        "deformation_lowest": float(there.min()) if len(there) else float("nan"),
        "deformation_10pc": float(np.quantile(there, 0.1)) if len(there) else float("nan"),
        "quiet_95pc": float(np.quantile(quiet, 0.95)) if len(quiet) else float("nan"),
        "quiet_highest": float(quiet.max()) if len(quiet) else float("nan"),
    }


def picture_transfer(result: pd.DataFrame, scored: pd.DataFrame, out: Path) -> None:
    """Draw the area under the curve, and the scores of real tiles, by the number of scenes.

    Parameters
    ----------
    result : DataFrame
        The table.
    scored : DataFrame
        Its real tiles; may be empty.
    out : Path
    """
    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4.2), width_ratios=[1, 1.6], layout="constrained")
    left.plot(result["scenes"], result["simulated_roc_auc"], "o-", color="tab:gray", label="held-out simulated tiles")
    if "real_roc_auc" in result:
        left.plot(result["scenes"], result["real_roc_auc"], "s-", color="tab:red", label="real tiles")
    if "implants_roc_auc" in result:
        left.plot(result["scenes"], result["implants_roc_auc"], "^-", color="tab:orange", label="real quiet tiles with implants")
    left.set(xscale="log", xlabel="simulated scenes", ylabel="ROC-AUC")
    left.set_xticks(result["scenes"], [f"{scenes:,}" for scenes in result["scenes"]], minor=False)
    left.minorticks_off()
    left.legend(loc="lower right", fontsize=8)
    left.grid(alpha=0.3)
    kinds = {1.0: ("deformation", "tab:red"), 0.0: ("no deformation", "tab:blue")}
    rng = np.random.default_rng(0)
    names = [] if scored.empty else sorted((scored["frame"] + " " + scored["pair"]).unique())
    for place, scenes in enumerate(result["scenes"]):
        for number, name in enumerate(names):
            mine = scored[(scored["scenes"] == scenes) & (scored["frame"] + " " + scored["pair"] == name)]
            for truth, (_, colour) in kinds.items():
                part = mine.loc[mine["truth"] == truth, "p"]
                centre = place + 0.8 * ((number + 0.5) / len(names) - 0.5)
                right.scatter(centre + rng.uniform(-0.3, 0.3, len(part)) / len(names), part, s=5, alpha=0.5, color=colour, linewidths=0)
            right.text(place + 0.8 * ((number + 0.5) / len(names) - 0.5), 1.03, str(number + 1), ha="center", fontsize=8, color="0.3")
    right.set_xticks(range(len(result)), [f"{scenes:,} scenes" for scenes in result["scenes"]])
    right.set(ylim=(-0.03, 1.09), ylabel="score of a real tile")
    right.grid(axis="y", alpha=0.3)
    if names:
        handles = [plt.Line2D([], [], marker="o", linestyle="", color=colour, label=label) for label, colour in kinds.values()]
        handles += [plt.Line2D([], [], linestyle="", label=f"{number + 1}: {name}") for number, name in enumerate(names)]
        figure.legend(handles=handles, loc="outside lower center", ncols=3, fontsize=8, frameon=False)
    else:
        right.text(0.5, 0.5, "no real interferograms: name events in `real`", transform=right.transAxes, ha="center", color="0.4")
    figure.savefig(out, dpi=130, format="png")
    plt.close(figure)
