"""The model that comes with Fringeflow: where its files lie.

It is a trained run like any other, whose backbone's weights can be a start for others (`weights: fringeflow-base`).
`pretraining.package` makes these files; card.md tells what they are made of and what they can do.
"""

from pathlib import Path

from fringeflow.files import canonical_json, sha256_file, sha256_text

NAME = "fringeflow-base"
ARCHITECTURE = "lite0_stride16"
BACKBONE = "tf_efficientnet_lite0:5"
ENCODER = "fringeflow.models.torch_backbones"
FITTER = "fringeflow.training.fit_torch"
SCALE = ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
"""As they are registered (a test compares). Pretraining takes them from here, so that another model in the registry trains nothing again."""
FOLDER = Path(__file__).with_name("base")
"""Holds run.json, model/, metrics.json, quiet.parquet, card.md."""
WEIGHTS = FOLDER / "backbone.safetensors"
CARD = "card.md"
"""In the folder of a packaged model: what it is, and what it can and cannot do."""
QUIET = "quiet.parquet"
"""In the folder of a packaged model: the windows of quiet interferograms that it has scanned, for thresholds."""


def packaged_folder(name: str) -> Path:
    """Return where a packaged model lies."""
    return FOLDER if name == NAME else Path(name)


def run_digest(folder: Path) -> str:
    """Return the SHA-256 of what a trained run scores with: its run.json, and safetensors of a head and of a backbone of its own.

    Files of scikit-learn and Keras hold addresses of memory and times, so that the same fit has another digest: for them run.json tells.
    """
    files = [folder / "run.json", folder / WEIGHTS.name, *sorted((folder / "model").rglob("*.safetensors"))]
    return sha256_text(canonical_json({path.relative_to(folder).as_posix(): sha256_file(path) for path in files if path.is_file()}))


def is_packaged(name: str) -> bool:
    """Tell whether a name is that of a packaged model: of the one that comes with Fringeflow, or the folder of another."""
    return name == NAME or Path(name, CARD).is_file()
