"""Predictions as a run leaves them: earthquakes of unequal difficulty, interferograms with false fringes of their own."""

from pathlib import Path

import numpy as np
import pandas as pd

from fringeflow.files import write_json

CLASSES = ["no_deformation", "deformation"]


def tiles(rng: np.random.Generator, events: int, prefix: str, pairs: int = 3, count: int = 30) -> pd.DataFrame:
    """List the tiles of some earthquakes; the first pair of each is coseismic and holds a few deformed tiles.

    `ease` is what a perfect observer could not know: how clear the earthquake is, and how loud the interferogram.
    """
    rows = []
    for number in range(events):
        effect, event = rng.normal(0, 0.9), f"{prefix}{number:02d}"
        for pair in range(pairs):
            level = rng.normal(0, 0.6)
            rare = 1 + rng.poisson(4) if pair == 0 else 0
            frame, name = f"{100 + number:03d}A_05000_131313", f"2021{pair + 1:02d}01_2021{pair + 1:02d}13"
            for tile in range(count):
                positive = tile < rare
                sample = f"{event}/{frame}/{name}/{tile}_0"
                rows.append((sample, event, frame, name, event, CLASSES[positive], level - 3 + positive * effect))
    return pd.DataFrame(rows, columns=["sample", "event", "frame", "pair", "group", "label", "ease"])


def score(rng: np.random.Generator, table: pd.DataFrame, skill: float, seeds: int) -> pd.DataFrame:
    """Let a model of some skill score tiles, once a seed."""
    logit = table["ease"] + skill * (table["label"] == "deformation") + rng.normal(size=len(table))
    parts = []
    for seed in range(seeds):
        p = 1 / (1 + np.exp(-(logit + rng.normal(0, 0.4, len(table)))))
        parts.append(table.drop(columns="ease").assign(seed=seed, p_no_deformation=1 - p, p_deformation=p))
    return pd.concat(parts, ignore_index=True)


def write_run(
    folder: Path,
    *,
    test: int = 12,
    validation: int = 6,
    skill: float = 2.5,
    seeds: int = 3,
    draw: int = 0,
    digest: str = "d",
    **options: int,
) -> Path:
    """Write what a run leaves, and the dataset's `dataset.json` beside it; `draw` changes the scores alone."""
    rng = np.random.default_rng(0)
    parts = {"test": tiles(rng, test, "test", **options), "validation": tiles(rng, validation, "val", **options)}
    rng = np.random.default_rng(draw)
    table = pd.concat([score(rng, rows, skill, seeds).assign(split=part) for part, rows in parts.items()])
    folder.mkdir(parents=True, exist_ok=True)
    table.to_parquet(folder / "predictions.parquet", index=False)
    counts = {part: {"tiles": len(rows)} for part, rows in parts.items()}
    write_json(
        folder / "dataset.json", {"name": "fringes", "digest": digest, "classes": CLASSES, "positive": "deformation", "counts": counts}
    )
    write_json(folder / "run.json", {"dataset": {"digest": digest}, "model": {"name": "net"}})
    write_json(folder / "timing.json", {"seconds": 10.0 + draw, "fit_seconds": 8.0})
    return folder
