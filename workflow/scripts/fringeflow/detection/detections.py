"""All scanned interferograms in one table, those most likely to hold fringes first."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from fringeflow.detection.operating_point import read_operating_point
from fringeflow.detection.windows import read_windows
from fringeflow.errors import DatasetError
from fringeflow.files import atomic

COLUMNS = [
    "rank",
    "frame",
    "pair",
    "event",
    "score",
    "peak",
    "peak_longitude",
    "peak_latitude",
    "area_above_km2",
    "detections",
    "windows",
    "windows_above",
    "threshold",
    "rate_promised",
    "attained",
    "scope",
    "units",
    "earthquake",
    "magnitude",
    "distance_km",
    "days",
    "run",
]


@dataclass(frozen=True)
class Scanned:
    """One scanned interferogram.

    Attributes
    ----------
    event : str
        Whose interferogram it is; empty if it belongs to none.
    folder : Path
        Holds windows.parquet of `scan_interferogram`, point.json of `operating_point` and detections.geojson of `outline`.
    """

    event: str
    folder: Path


def summary(scanned: Sequence[Scanned], out: Path) -> pd.DataFrame:
    """Write one row an interferogram, ranked by `interferogram_score`.

    Parameters
    ----------
    scanned : sequence of Scanned
        In any order.
    out : Path
        Tab-separated table to write: `COLUMNS`. Of equal scores the one with more area above its threshold comes first, then the
        one whose frame and pair do. `scope` and `units` tell what the threshold rests on (see `operating_point`); `peak` is the highest
        value of the map, and `windows_above` reach the threshold of windows.

    Returns
    -------
    DataFrame

    Raises
    ------
    DatasetError
        If a file is missing or is something else, or runs are mixed.
    """
    rows = [_row(one) for one in scanned]
    runs = sorted({f"{row['run']} {row.pop('run_digest')[:12]}" for row in rows})
    if len(runs) > 1:
        raise DatasetError(f"{out}: scans of {len(runs)} runs cannot be ranked together: {', '.join(runs)}; scan all with one")
    table = pd.DataFrame(rows, columns=COLUMNS[1:])
    table = table.sort_values(["score", "area_above_km2", "frame", "pair"], ascending=[False, False, True, True], kind="stable")
    table.insert(0, "rank", np.arange(1, len(table) + 1))
    for name in ("detections", "days", "windows", "windows_above", "units"):
        table[name] = table[name].astype("Int64")
    with atomic(out) as part:
        table.to_csv(part, sep="\t", index=False, float_format="%.6g", lineterminator="\n")
    return table


def interferogram_score(p: np.ndarray, size: int, stride: int) -> float:
    """Return how likely an interferogram is to hold fringes: the mean of its k most probable windows.

    k = (size / stride)^2 is the number of windows over a pixel, which all see a deformation that is smaller than they are. A single
    window may be wrong by chance and its maximum grows with the number of windows; a share of all windows would ask for more of
    them in a larger frame, though an earthquake is not larger there.

    Parameters
    ----------
    p : ndarray, shape (n,)
    size, stride : int
        Pixels.

    Examples
    --------
    >>> interferogram_score(np.array([0.0, 1.0, 0.75, 0.5, 0.25]), size=256, stride=128)
    0.625
    """
    k = min(len(p), max(1, round((size / stride) ** 2)))
    return float(np.sort(p)[-k:].mean())


def _row(one: Scanned) -> dict[str, Any]:
    """Return what there is to say about an interferogram."""
    table, about = read_windows(one.folder / "windows.parquet")
    point = read_operating_point(one.folder / "point.json")
    whole = _about(one.folder / "detections.geojson")
    p = table["p"].to_numpy()
    return {
        "event": one.event,
        "score": interferogram_score(p, int(about["size"]), int(about["stride"])),
        "windows": len(p),
        "windows_above": int(np.count_nonzero(p >= point["window_threshold"])),
        "peak_longitude": whole["peak_at"][0],
        "peak_latitude": whole["peak_at"][1],
        **{name: point[name] for name in ("threshold", "rate_promised", "attained", "scope", "units")},
        **{name: whole[name] for name in ("frame", "pair", "peak", "area_above_km2", "detections", "run", "run_digest")},
        **{name: whole[name] for name in ("earthquake", "magnitude", "distance_km", "days")},
    }


def _about(path: Path) -> Mapping[str, Any]:
    """Return what a GeoJSON of detections tells about the whole interferogram."""
    try:
        found = json.loads(Path(path).read_text(encoding="utf-8"))["interferogram"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DatasetError(f"{path}: expected detections of an interferogram, found none ({error}); draw its outlines again") from error
    return dict(found)
