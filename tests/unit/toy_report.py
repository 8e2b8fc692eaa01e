"""What a small run of the workflow leaves for its report: two datasets' worth of tables by the workflow's own code, pictures of noise."""

from html.parser import HTMLParser
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
from fringeflow.files import read_json, write_json
from fringeflow.models.base import CARD
from fringeflow.models.base import FOLDER as BASE
from fringeflow.report.inputs import About, ReportInputs
from fringeflow.report.page import build_report
from tests.unit.toy_predictions import CLASSES, write_run

SKILLS = {"wrapped/net/none": 1.5, "wrapped/net/focal": 3.5, "wrapped/svm/none": 0.5, "unwrapped/net/none": 1.0}
EVENTS = [
    {"event": "val00", "place": "Evia", "latitude": 38.6, "longitude": 23.3, "magnitude": 5.9, "depth_km": 8.0, "time": "2016-11-09T05:12:40Z"},
    {"event": "test00", "place": "Bad <script>alert(1)</script> & \"place\"", "latitude": -24.2, "longitude": -69.0, "magnitude": 6.8, "depth_km": 9.0},
    {"event": "train00", "place": "Fars", "latitude": 28.1, "longitude": 53.4, "magnitude": 5.9, "depth_km": 6.0},
    {"event": "later", "place": "Elsewhere", "latitude": 10.0, "longitude": 10.0},
    {"event": "nowhere", "place": "A quiet area"},
]  # fmt: skip
EVIL = "- </pre><script>alert(2)</script><img src=x onerror=\"document.title='taken'\">"
"""What stands in the card of a packaged model that means harm."""
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
        {
            "rank": rank, "frame": frame, "pair": pair, "score": 1 / rank, "peak": 1 / rank, "detections": 2 - rank, "run": "a/b/c/d",
            "scope": "frame", "units": 9,
        }
        for rank, (frame, pair) in enumerate(PAIRS, 1)
    ]  # fmt: skip
    root.mkdir(parents=True, exist_ok=True)
    pd.DataFrame(rows, columns=COLUMNS).to_csv(root / "summary.tsv", sep="\t", index=False)
    return {"detections": [root / "summary.tsv"], "quicklooks": [draw(root / frame / pair / "quicklook.png") for frame, pair in PAIRS]}


def package(folder: Path, *said: str, **changes) -> Path:
    """Write what a packaged model tells of itself: what Fringeflow's own tells, with lines more in its card and changes of run.json."""
    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / "run.json", read_json(BASE / "run.json") | changes)
    write_json(folder / "metrics.json", read_json(BASE / "metrics.json"))
    text = (BASE / CARD).read_text(encoding="utf-8")
    (folder / CARD).write_text(text.replace("## What it cannot do\n", "\n".join(["## What it cannot do", *said, ""])), encoding="utf-8")
    return folder


def pretrain(folder: Path, real: bool = True) -> Path:
    """Write what `snakemake pretrain` leaves of networks on two numbers of scenes, the second of them packaged; return the table."""
    package(folder / "package")
    about = read_json(BASE / "run.json")
    rows = [
        {"scenes": scenes, "simulated_roc_auc": auc, "simulated_pr_auc": auc - 0.1, "simulated_prevalence": 0.37, "simulated_volcano_alarms": 0.1}
        | ({"real_deformation": 14, "real_quiet": 127, "real_roc_auc": auc - 0.05, "deformation_lowest": 0.1, "quiet_highest": 0.2} if real else {})
        for scenes, auc in ((256, 0.8), (about["made_of"]["scenes"], 0.95))
    ]  # fmt: skip
    pd.DataFrame(rows).to_csv(folder / "transfer.tsv", sep="\t", index=False)
    tiles = pd.DataFrame([(*pair, scenes) for pair in PAIRS for scenes in (256, 4096)] if real else [], columns=["frame", "pair", "scenes"])
    (tiles if real else pd.DataFrame()).to_parquet(folder / "real_tiles.parquet", index=False)
    draw(folder / "transfer.png", 1430, 546)
    return folder / "transfer.tsv"


def scanner(path: Path, run: str, packaged: bool) -> Path:
    """Write which model scanned."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_json(path, {"run": run, "folder": run if packaged else f"results/runs/{run}", "packaged": packaged, "size": 256})
    return path


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
        "curves": [draw(root / "learning_curves/fringes/wrapped/net/none/curve.png")],
        "detector": [scanner(root / "detections/detector.json", str(package(root / "foreign", EVIL, trained_on=[EVIL])), packaged=True)],
        "pretrained": [pretrain(root / "pretraining/small")],
        "benchmarks": benchmarks(root / "benchmarks"),
        **scan(root / "detections"),
    }


def make_inputs(root: Path) -> tuple[ReportInputs, About]:
    """Return what a report of such a run is made from."""
    pairs = [{"event": "val00", "frame": PAIRS[0][0], "pair": PAIRS[0][1]}]
    config = {"seed": 7, "training": {"seeds": [0, 1]}, "mirrors": [{"layout": "jasmin", "root": "somewhere/LiCSAR_products"}]}
    about = About(config=config, events=EVENTS, interferograms=pairs, versions={"python": "3.11"}, code="0.1")
    return ReportInputs.of(make_results(root)), about


class Parsed(HTMLParser):
    """The page as elements with their attributes and text, in order."""

    def __init__(self, text: str):
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.text = ""
        self.rows: dict[str, list[list[str]]] = {}
        self.marked: list[list[str]] = []
        self._table, self._open = "", False
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        found = {name: value or "" for name, value in attrs}
        self.elements.append((tag, found))
        if found.get("class") == "table":
            self._table = found["id"]
            self.rows[self._table] = []
        if tag == "tr" and self._table:
            self.rows[self._table].append([])
            if found.get("class") == "marked":
                self.marked.append(self.rows[self._table][-1])
        if tag in ("td", "th") and self._table:
            self.rows[self._table][-1].append("")
            self._open = True

    def handle_endtag(self, tag):
        if tag in ("td", "th") and self._open:
            self._open = False
            self.rows[self._table][-1][-1] = " ".join(self.rows[self._table][-1][-1].split())
        if tag == "table":
            self._table = ""

    def handle_data(self, data):
        self.text += data
        if self._open:
            self.rows[self._table][-1][-1] += data

    def named(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.elements if name == tag]


def page_of(inputs: ReportInputs, out: Path, about: About | None = None) -> Parsed:
    """Build a page and read it."""
    build_report(inputs, about or About(), out)
    return Parsed(out.read_text(encoding="utf-8"))
