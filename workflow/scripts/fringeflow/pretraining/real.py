"""How a pretrained network does on real interferograms, which it has never seen: tiles of each, scored and told apart."""

import numpy as np
import pandas as pd

from fringeflow.config.classes import NO_DEFORMATION
from fringeflow.config.interferograms import LabelRule
from fringeflow.detection.detector import Detector
from fringeflow.detection.windows import Bands, WindowReader, window_table
from fringeflow.errors import DatasetError
from fringeflow.insar.labels import gather_evidence, read_outlines
from fringeflow.insar.prepared import open_interferogram
from fringeflow.insar.tiling import GeoGrid, TileGrid
from fringeflow.pretraining.pairs import RealPair

MOST, LEAST = 0.5, 0.1
"""A tile with this share of all deformation of its interferogram, or more, holds it; one with this share or less does not."""
COHERENT, COHERENT_SHARE = 0.4, 0.5
"""Coherence, and the least share of a tile that must have it, where the product has coherence: elsewhere there is nothing to see."""
MIN_VALID = 0.5


def score_pair(detector: Detector, pair: RealPair, *, stride: int, rule: LabelRule, threads: int = 1) -> pd.DataFrame:
    """Score the tiles of a real interferogram.

    Parameters
    ----------
    detector : Detector
        A pretrained network.
    pair : RealPair
    stride : int
        Between tiles, pixels.
    rule : LabelRule
        Its `min_fringes` tells what is deformed where there are no outlines.
    threads : int

    Returns
    -------
    DataFrame
        As `window_table`, and `share`: of the interferogram's deformation that lies in the tile, 0 where it has none; `truth`: 1 from
        `MOST`, 0 up to `LEAST`, NaN between, and up to `LEAST` too where the interferogram spans another earthquake instead of its own.
        Tiles that are not coherent are left out.

    Raises
    ------
    DatasetError
        If there is no tile with data, or nobody knows where the interferogram is deformed.
    """
    data = open_interferogram(pair.path, pair.interferogram.key)
    geo = GeoGrid.from_centres(data.latitude, data.longitude)
    size = int(detector.run.about["size"])
    reader = WindowReader(Bands(data, detector.source), TileGrid(geo.rows, geo.columns, size, stride), MIN_VALID, 16)
    scores = detector.scores(reader, threads=threads)
    table = window_table(pair.interferogram.key, reader.tiles, reader.valid_fractions, scores, geo)
    deformed = _deformed(pair, data.latitude, data.longitude, np.isfinite(data.read(detector.source)), rule)
    total = int(np.count_nonzero(deformed))
    inside = np.array([np.count_nonzero(deformed[tile.window]) for tile in reader.tiles])
    table["share"] = inside / total if total else 0.0
    # Of an interferogram that spans another earthquake alone nobody has said where that one has deformed the ground.
    known = pair.untouched or pair.interferogram.is_coseismic(pair.event)
    table["truth"] = np.select([table["share"] >= MOST, (table["share"] <= LEAST) & known], [1.0, 0.0], np.nan)
    if "coherence" in data:
        coherent = data.read("coherence") >= COHERENT
        table = table[[float(coherent[tile.window].mean()) >= COHERENT_SHARE for tile in reader.tiles]]
    if table.empty:
        raise DatasetError(
            f"{pair.path}: {pair.interferogram.key} has no coherent tile of {size} x {size} pixels; leave its event out of `real`"
        )
    return table.reset_index(drop=True)


def _deformed(pair: RealPair, latitude: np.ndarray, longitude: np.ndarray, valid: np.ndarray, rule: LabelRule) -> np.ndarray:
    """Return which pixels with data are deformed."""
    outlines = None if pair.outlines is None else read_outlines(pair.outlines)
    evidence = gather_evidence(pair.event, pair.interferogram, outlines, latitude, longitude).where(valid)
    if evidence.outlined is not None:
        return evidence.outlined
    if evidence.fringes is not None:
        return evidence.fringes >= rule.min_fringes
    if evidence.verdict != NO_DEFORMATION:
        raise DatasetError(
            f"{pair.interferogram.key}: {evidence.why}; draw polygons (catalogue.polygons), or leave the event '{pair.event.event}' out of `real`"
        )
    return np.zeros(valid.shape, bool)
