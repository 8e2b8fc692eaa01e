"""Predictions of recordings as study B has them: four classes, one gather a recording, two classes that look alike."""

from pathlib import Path
from unittest.mock import patch

import numpy as np
import pandas as pd

from fringeflow.config.models import Evaluation
from fringeflow.datasets.stages import Stage
from fringeflow.evaluation import figures
from fringeflow.evaluation.evaluate import evaluate_run
from fringeflow.files import write_json

CLASSES = ["brak_Empty zone", "brak_Station", "noise_DNS", "noise_Tip-off"]
STAGES = (Stage("kinds", {"noise": ("noise_DNS", "noise_Tip-off")}), Stage("noise", split="noise"))
COUNTS = {"validation": (19, 6, 2, 2), "test": (19, 6, 3, 3)}
SETTINGS = Evaluation(bootstrap=200)
WORDS = {"sample": "gather", "group": "recording", "source": "recording"}


def write_run(
    folder: Path,
    *,
    skill: float = 2.5,
    pair_skill: float = 0.8,
    seeds: int = 2,
    draw: int = 0,
    architecture: str = "hog_svm",
    cascade: bool = False,
    counts: dict[str, tuple[int, ...]] = COUNTS,
) -> Path:
    """Write what a run leaves, and `dataset.json` beside it; the two noise classes are told apart by `pair_skill` alone."""
    rng = np.random.default_rng(draw)
    kind = np.array([0, 1, 2, 2])
    parts = []
    for part, numbers in counts.items():
        truth = np.repeat(np.arange(4), numbers)
        names = [f"{part}-{number:03d}" for number in range(len(truth))]
        table = pd.DataFrame({"sample": names, "event": names, "frame": "gathers", "pair": names, "group": names, "split": part})
        table["label"] = np.array(CLASSES)[truth]
        clear = rng.normal(size=(len(truth), 4))
        for seed in range(seeds):
            logits = clear + 0.4 * rng.normal(size=clear.shape)
            logits += skill * (kind[truth][:, None] == kind) + pair_skill * np.eye(4)[truth] * (truth >= 2)[:, None]
            p = np.exp(logits)
            p /= p.sum(1, keepdims=True)
            parts.append(table.assign(seed=seed, **{f"p_{name}": p[:, k] for k, name in enumerate(CLASSES)}))
    folder.mkdir(parents=True, exist_ok=True)
    pd.concat(parts, ignore_index=True).to_parquet(folder / "predictions.parquet", index=False)
    sizes = {part: {"tiles": sum(numbers)} for part, numbers in counts.items()}
    about = {"name": "gathers", "digest": "d", "classes": CLASSES, "positive": None, "words": WORDS, "counts": sizes}
    write_json(folder / "dataset.json", about)
    stages = [stage.as_dict() for stage in STAGES] if cascade else []
    model = {"name": folder.parent.name, "architecture": architecture, "stages": stages}
    write_json(folder / "run.json", {"dataset": {"digest": "d"}, "model": model, "view": folder.parents[1].name})
    write_json(folder / "timing.json", {"seconds": 10.0 + draw, "fit_seconds": 8.0})
    return folder


def evaluate(folder: Path, *, picture: bool = False, **options) -> dict:
    """Score a run; draw its picture on demand, since that takes most of the time."""
    with patch("fringeflow.evaluation.evaluate.draw_evaluation", **({"wraps": figures.draw_evaluation} if picture else {})):
        return evaluate_run(
            folder / "predictions.parquet", folder / "dataset.json", options.pop("settings", SETTINGS),
            out=folder / "metrics.json", figure=folder / "evaluation.png", run=folder / "run.json", **options,
        )  # fmt: skip
