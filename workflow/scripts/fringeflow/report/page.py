"""The page itself: sections put into one file that needs nothing else."""

import logging
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from fringeflow.files import atomic
from fringeflow.report.comparison import comparisons
from fringeflow.report.data import describe_data
from fringeflow.report.detections import detections
from fringeflow.report.images import Album
from fringeflow.report.inputs import About, ReportInputs, read_described
from fringeflow.report.looks import TEMPLATES
from fringeflow.report.pretraining import pretrained
from fringeflow.report.provenance import provenance
from fringeflow.report.runs import run_panels
from fringeflow.report.summary import headlines

LOGGER = logging.getLogger(__name__)
LIBRARIES = (
    "snakemake", "numpy", "pandas", "scipy", "scikit-learn", "scikit-image", "torch", "timm", "tensorflow", "keras", "rasterio", "xarray", "zarr",
    "dask", "obspy", "snaphu", "whirlwind-insar", "optuna", "matplotlib", "pillow", "jinja2",
)  # fmt: skip
"""Whose versions the page tells."""


def build_report(inputs: ReportInputs, about: About, out: Path, *, kept: Path | None = None) -> int:
    """Write everything into one HTML file that opens offline; the same bytes for the same inputs.

    Parameters
    ----------
    inputs : ReportInputs
        A section whose files are not there is left out.
    about : About
    out : Path
        HTML to write. It asks for nothing from any network, and its Content-Security-Policy forbids that.
    kept : Path, optional
        Folder of pictures as the last page held them: only new ones are made small.

    Returns
    -------
    int
        Its size in bytes.

    Raises
    ------
    DatasetError
        If a file is not what it should be.
    """
    described = read_described(inputs.datasets)
    album = Album(kept)
    panels = run_panels(inputs, album)
    known = {panel.anchor for panel in panels}
    shown = {
        "headlines": headlines(inputs, described, known),
        "data": describe_data(described, inputs, about, album),
        "comparisons": comparisons(inputs, known, album),
        "panels": panels,
        "pretrained": pretrained(inputs, about, album),
        "detections": detections(inputs, known, album),
        "provenance": provenance(described, about, inputs.benchmarks),
    }
    text = _environment().get_template("page.html").render(shown)
    with atomic(out) as part:
        part.write_text(text, encoding="utf-8", newline="\n")
    album.tidy()
    size = out.stat().st_size
    LOGGER.info("%s: %.1f MB, %d runs", out, size / 1e6, len(panels))
    return size


def _environment() -> Environment:
    """Return the templates; everything that comes from a table is escaped, style and code of the page alone are not."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.globals["asset"] = lambda name: Markup((TEMPLATES / name).read_text(encoding="utf-8"))
    return environment
