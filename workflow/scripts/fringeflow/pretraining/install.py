"""Make a packaged model the one that comes with Fringeflow: `python -m fringeflow.pretraining.install FOLDER`."""

import argparse
import shutil
from pathlib import Path

from fringeflow.errors import ModelError
from fringeflow.files import sha256_file
from fringeflow.models.base import CARD, FOLDER, NAME, QUIET, WEIGHTS
from fringeflow.pretraining.package import renamed

FILES = ("backbone.safetensors", "metrics.json", "run.json", CARD)


def install(source: Path, folder: Path = FOLDER) -> None:
    """Copy a packaged model into the package.

    Parameters
    ----------
    source : Path
        From `package_model`.
    folder : Path
        Replaced as a whole.

    Raises
    ------
    ModelError
        If a file is missing.
    """
    missing = [name for name in (*FILES, "model") if not (source / name).exists()]
    if missing:
        raise ModelError(f"{source}: has no {', '.join(missing)}; expected a packaged model, from `snakemake pretrain`")
    fresh = folder.with_name(f"{folder.name}.new")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir()
    for name in FILES:
        shutil.copyfile(source / name, fresh / name)
    if (source / QUIET).is_file():
        shutil.copyfile(source / QUIET, fresh / QUIET)
    shutil.copytree(source / "model", fresh / "model", copy_function=shutil.copyfile)
    renamed(fresh, NAME, sha256_file(fresh / WEIGHTS.name))
    shutil.rmtree(folder, ignore_errors=True)
    fresh.rename(folder)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m fringeflow.pretraining.install", description=__doc__)
    parser.add_argument("folder", type=Path, help="results/pretraining/NAME/package")
    install(parser.parse_args().folder)
