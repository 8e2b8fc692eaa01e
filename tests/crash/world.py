"""The workspace of the crash tests: a job of every kind of rule, each as small as it can be."""

import numpy as np
from PIL import Image

from tests.workflow.conftest import Workspace

SETTINGS = {
    "simulation": {"rows": 160, "columns": 192, "pixel_deg": 0.004},
    "tilings": {"standard": {"size": 64, "stride": 32}},
    "spectrogram": {"window": 64, "hop": 64, "max_wavenumber": 0.25, "bins": 32},
    "collections": {
        "shots": {
            "kind": "simulated",
            "originals": {"brak_Empty zone": 6, "brak_Station": 6, "noise_DNS": 6, "noise_Tip-off": 6},
            "traces": 24,
            "samples": 200,
            "gather": {"rows": 48, "columns": 48},
            "spectrogram": {"rows": 48, "columns": 48},
        },
        "stripes": {"kind": "pictures", "folder": "data/stripes", "classes": ["narrow", "wide"], "size": 48},
    },
    "datasets": {
        "fringes": {"views": ["spectrogram"], "models": ["hog_svm", "net"], "strategies": ["none", "augmentation", "curate"]},
        "shots": {"collection": "shots", "views": ["spectrogram"], "models": ["tuned"], "strategies": ["augmentation"]},
    },
    "models": {
        "efficientnet_lite0": None,
        "net": {"architecture": "efficientnet_lite0", "input_size": 32, "strategies": ["none"]},
        "hog_svm": {"input_size": 48, "strategies": ["none", "augmentation", "curate"]},
        "tuned": {"architecture": "hog_svm", "input_size": 48, "tune": {"trials": 3, "folds": 2}},
    },
    "strategies": {"augmentation": {"ratio": 0.7}, "curate": {"how": "drop"}},
    "training": {"seeds": [0], "epochs": 3},
    "evaluation": {"bootstrap": 100},
    "learning_curve": {"fractions": [1], "repeats": 1, "model": "hog_svm"},
    "curation": {"folds": 2},
    "gallery": {"columns": 1},
    "study": {"datasets": ["fringes"], "models": ["hog_svm"], "strategy": "none", "against": "augmentation"},
    "score": {"events": ["sim001_evia"]},
    "detect": {"events": ["sim001_evia"], "run": "fringes/spectrogram/hog_svm/none", "stride": 32},
}
TARGETS = [
    "all",
    "detect",
    "results/collections/shots/gather.zarr/zarr.json",
    "results/collections/stripes/images.zarr/zarr.json",
    "results/runs/fringes/spectrogram/hog_svm/none/gallery.png",
]
"""With these, every rule runs that needs no network nor, as `quiet`, real interferograms; `fdsn` and `catalogue` have servers and tests of
their own."""
EVENTS = 4


def lay_out(workspace: Workspace) -> Workspace:
    """Make a fresh workspace one of the crash tests: four events of two interferograms, recordings, pictures."""
    workspace.configure(**SETTINGS)
    rows = workspace.rows("interferograms")
    kept = [[row for row in rows if row["event"] == event["event"]][:2] for event in workspace.rows("events")[:EVENTS]]
    workspace.write_rows("interferograms", [row for few in kept for row in few])
    workspace.keep_events([few[0]["event"] for few in kept])
    rng = np.random.default_rng(0)
    for label, period in (("wide", 16), ("narrow", 5)):
        folder = workspace.folder / "data/stripes" / label
        folder.mkdir(parents=True)
        for number in range(4):
            wave = 127 + 90 * np.sin(2 * np.pi * (np.arange(60) + rng.uniform(0, 60)) / period) + rng.normal(0, 25, (60, 60))
            Image.fromarray(np.clip(wave, 0, 255).astype("u1")).save(folder / f"{number}.png")
    return workspace
