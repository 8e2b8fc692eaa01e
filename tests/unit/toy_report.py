"""What a small run of the workflow leaves for its report: two datasets' worth of tables by the workflow's own code, pictures of noise."""

from pathlib import Path
from unittest.mock import patch

import numpy as np
import pandas as pd
from PIL import Image

from fringeflow.config.models import Evaluation
from fringeflow.detection.detections import COLUMNS
from fringeflow.evaluation.compare import compare_runs
from fringeflow.evaluation.evaluate import evaluate_run
from fringeflow.evaluation.strategies import PICTURES, compare_strategies
from fringeflow.files import write_json
from fringeflow.report.inputs import About, ReportInputs
from tests.unit.toy_predictions import CLASSES, write_run

SKILLS = {"wrapped/net/none": 1.5, "wrapped/net/focal": 3.5, "wrapped/svm/none": 0.5, "unwrapped/net/none": 1.0}
EVENTS = [
    {"event": "val00", "place": "Evia", "latitude": 38.6, "longitude": 23.3, "magnitude": 5.9, "depth_km": 8.0, "time": "2016-11-09T05:12:40Z"},
    {"event": "test00", "place": "Bad <script>alert(1)</script> & \"place\"", "latitude": -24.2, "longitude": -69.0, "magnitude": 6.8, "depth_km": 9.0},
    {"event": "train00", "place": "Fars", "latitude": 28.1, "longitude": 53.4, "magnitude": 5.9, "depth_km": 6.0},
    {"event": "later", "place": "Elsewhere", "latitude": 10.0, "longitude": 10.0},
    {"event": "nowhere", "place": "A quiet area"},
]  # fmt: skip
PAIRS = [("102A_05000_131313", "20210218_20210303"), ("106A_09048_000909", "20240106_20240118")]


def draw(path: Path, width: int = 640, height: int = 360) -> Path:
    """Write a picture of smooth noise that depends on nothing but its size."""
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(0).integers(0, 255, (9, 16, 3), dtype=np.uint8)
    Image.fromarray(noise).resize((width, height), Image.Resampling.BICUBIC).save(path)
    return path


def describe(path: Path, **changes) -> Path:
    """Write the `dataset.json` of the toy dataset."""
    counts = {
        part: {"groups": groups, "events": groups, "interferograms": 3 * groups, "tiles": 90 * groups, CLASSES[0]: 85 * groups, CLASSES[1]: 5 * groups}
        for part, groups in {"train": 20, "validation": 6, "test": 12, "all": 38}.items()
    }  # fmt: skip
    events = {
        part: [f"{short}{n:02d}" for n in range(2)] for part, short in {"train": "train", "validation": "val", "test": "test"}.items()
    }
    described = {
        "name": "fringes", "digest": "d" * 64, "classes": CLASSES, "positive": CLASSES[1], "counts": counts, "events": events,
        "prevalence": dict.fromkeys(counts, 5 / 90), "ambiguous_left_out": {"all": 163}, "shared_left_out": 0,
    }  # fmt: skip
    write_json(path, described | changes)
    return path


def scan(root: Path) -> dict[str, list[Path]]:
    """Write a ranked table of two scanned interferograms, and their pictures."""
    rows = [
        {"rank": rank, "frame": frame, "pair": pair, "score": 1 / rank, "peak": 1 / rank, "detections": 2 - rank, "run": "a/b/c/d", "interferograms": 9}
        for rank, (frame, pair) in enumerate(PAIRS, 1)
    ]  # fmt: skip
    root.mkdir(parents=True, exist_ok=True)
    pd.DataFrame(rows, columns=COLUMNS).to_csv(root / "summary.tsv", sep="\t", index=False)
    return {"detections": [root / "summary.tsv"], "quicklooks": [draw(root / frame / pair / "quicklook.png") for frame, pair in PAIRS]}


def benchmarks(root: Path) -> list[Path]:
    """Write what three jobs of two rules took."""
    jobs = {"train/a.tsv": (60.0, "900.5"), "train/b.tsv": (15.0, "300"), "fetch/x.tsv": (0.5, "-")}
    for name, (seconds, memory) in jobs.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(f"s\th:m:s\tmax_rss\n{seconds}\t0:00:01\t{memory}\n")
    return [root / name for name in jobs]


def make_results(root: Path) -> dict[str, list[Path]]:
    """Write the results of a run, and return them as the lists of `ReportInputs`."""
    settings, folders = Evaluation(bootstrap=100), []
    for number, (name, skill) in enumerate(SKILLS.items()):
        folder = write_run(root / "runs/fringes" / name, skill=skill, draw=number + 1, seeds=2)
        with patch("fringeflow.evaluation.evaluate.draw_evaluation"):
            evaluate_run(
                folder / "predictions.parquet", folder / "dataset.json", settings, out=folder / "metrics.json", figure=draw(folder / "evaluation.png")
            )  # fmt: skip
        draw(folder / "history.png", 900, 300)
        folders.append(folder)
    comparison = root / "comparison"
    pictures = {name: draw(comparison / f"fringes_{name}.png") for name in ("strategies", "heatmap", "curves", "reliability", "confusion")}
    with patch("fringeflow.evaluation.compare.draw_comparison"):
        compare_runs(folders, out=comparison / "fringes.tsv", figure=draw(comparison / "fringes.png", 1600, 500))
    with (
        patch.multiple("fringeflow.evaluation.strategies", draw_differences=lambda *a, **k: None, draw_heatmap=lambda *a, **k: None),
        patch.dict(PICTURES, {name: lambda *a, **k: None for name in PICTURES}),
    ):
        compare_strategies(
            [folder / "predictions.parquet" for folder in folders], folders[0] / "dataset.json", settings,
            out=comparison / "fringes_strategies.tsv", events=comparison / "fringes_events.tsv",
            pictures={"differences": pictures["strategies"], **pictures},
        )  # fmt: skip
    return {
        "datasets": [describe(root / "datasets/fringes/dataset.json")],
        "examples": [draw(root / "datasets/fringes/examples_wrapped.png")],
        "comparisons": [comparison / "fringes.tsv"],
        "tables": [comparison / "fringes_strategies.tsv", comparison / "fringes_events.tsv"],
        "pictures": [comparison / "fringes.png", *pictures.values()],
        "galleries": [draw(comparison / "fringes/gallery_wrapped.png")],
        "metrics": [folder / "metrics.json" for folder in folders],
        "runs": [folder / "run.json" for folder in folders],
        "run_pictures": [folder / name for folder in folders for name in ("evaluation.png", "history.png")],
        "scores": [draw(root / "scores/later/tiles.png")],
        "benchmarks": benchmarks(root / "benchmarks"),
        **scan(root / "detections"),
    }


def make_inputs(root: Path) -> tuple[ReportInputs, About]:
    """Return what a report of such a run is made from."""
    pairs = [{"event": "val00", "frame": PAIRS[0][0], "pair": PAIRS[0][1]}]
    config = {"seed": 7, "training": {"seeds": [0, 1]}, "mirrors": [{"layout": "jasmin", "root": "somewhere/LiCSAR_products"}]}
    about = About(config=config, events=EVENTS, interferograms=pairs, versions={"python": "3.11"}, code="0.1")
    return ReportInputs.of(make_results(root)), about
