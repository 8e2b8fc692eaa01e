"""What the page tells of packaged models and of pretraining: where it lies, and digests of it. Imports nothing heavy: the plan needs it.

No file of these is an input of the page. Those of a packaged model need no rule, and rules that pretrain would run for hours on behalf of a
page. So the page reads what is there, and a rule carries the digests as parameters.
"""

from collections.abc import Sequence
from pathlib import Path

from fringeflow.files import canonical_json, sha256_file, sha256_text
from fringeflow.models.base import CARD

MODEL = (CARD, "run.json", "metrics.json")
"""In the folder of a packaged model: what its card on the page is made from."""
PACKAGE = "package"
NETWORK = ("transfer.tsv", "transfer.png", "real_tiles.parquet", *(f"{PACKAGE}/{name}" for name in MODEL))
"""In the folder of a pretrained network: what its part of the page is made from. The first stands for all of them."""


def told_digest(folder: Path, names: Sequence[str]) -> str:
    """Return a digest of files in a folder, wherever it lies; empty if one of them is missing."""
    if not all((folder / name).is_file() for name in names):
        return ""
    return sha256_text(canonical_json({name: sha256_file(folder / name) for name in names}))
