"""The threshold of detection for an interferogram, from real quiet ones, and all that it rests on.

What is outlined are pixels of the map, so the rate is one of pixels: the share of a quiet interferogram's area that reaches the
threshold. A threshold for single windows, which scatter more than their weighted means do, is given beside it. Both come
from `risk.control_risk`, which says what is promised. What could break the promise: pairs of another frame have another
atmosphere, so those of the frame itself are used alone where they suffice, and otherwise a whole frame counts once; pairs that share
an acquisition share its atmosphere, so that only those count that share none (`units`). Where so few are known that the rate cannot be
kept, the threshold is not lower than even odds.
"""

import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from fringeflow.config.studies import Detect
from fringeflow.detection.risk import DEFAULT, EDGES, RiskControl, control_risk, count_values, shares_of
from fringeflow.detection.units import Units, choose_units
from fringeflow.detection.windows import read_windows
from fringeflow.errors import DatasetError
from fringeflow.files import read_json, write_json
from fringeflow.models.base import run_digest

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Quiet:
    """What quiet interferograms show: shares that reach each possible threshold, shape (len(EDGES),) each.

    Attributes
    ----------
    pixels, windows : ndarray
        Of the map's pixels, and of the windows.
    count : int
        Of windows.
    """

    pixels: np.ndarray
    windows: np.ndarray
    count: int


def operating_point(
    key: str, quiet: Sequence[Path], rate: float, run: Path, out: Path, *, fitted: Collection[str] = (), like: Detect | None = None
) -> dict[str, Any]:
    """Choose the threshold for one interferogram and write it down with all that it rests on.

    Quiet pairs of its own frame are used alone where they are enough for the rate, and of those that share an acquisition one; otherwise
    all frames, each of which counts once (see `choose_units`). Neither the interferogram itself counts nor pairs of its frame that share
    days with it: if it is not as quiet as it is held to be, they show the same.

    Parameters
    ----------
    key : str
        `frame/pair` of the interferogram that is to be judged.
    quiet : sequence of Path
        Tables of windows (see `scan_interferogram`) of interferograms that hold no deformation, real ones. A file may hold
        several; of one interferogram in two files the later one counts.
    rate : float
        See `control_risk`.
    run : Path
        Folder of the run that they were all scanned with.
    out : Path
        JSON to write.
    fitted : collection of str
        Interferograms that the run was fitted or chosen on: they are not exchangeable with a new one and do not count.
    like : Detect, optional
        How the interferogram was scanned: tables that were scanned with another `stride` or `min_valid` do not count either.

    Returns
    -------
    dict
        What was written: `threshold` (of the map) and `window_threshold`, `rate_asked`, `rate_promised`, `attained`,
        `share_above` and `window_share_above` (mean over the units), `scope` and `units` (the n that the promise rests on:
        interferograms of this `frame` that share no acquisition, `all` frames, or `none`), `interferograms` (in them), `windows`,
        `rests_on` (keys), `sharing` (keys of this frame that do not count, since they share an acquisition with one of these),
        `left_out` (keys of `fitted`), `overlapping` (keys that share days with it), `run`, `run_digest` and `says`, a sentence for
        people.

    Raises
    ------
    DatasetError
        If a table is none, or was made with another run.
    """
    known, about = _read(quiet, Path(run), like)
    known.pop(key, None)
    seen = sorted(set(known) & set(fitted))
    together = sorted(name for name in set(known) - set(seen) if _together(name, key))
    for name in (*seen, *together):
        del known[name]
    frame = key.split("/")[0]
    units = choose_units(known, frame, rate)
    pixels, windows = (control_risk(_losses(units, known, what), rate) for what in ("pixels", "windows"))
    result = {
        "frame": frame,
        "pair": key.split("/")[1],
        "threshold": _at_least_even(pixels),
        "window_threshold": _at_least_even(windows),
        "rate_asked": rate,
        "rate_promised": pixels.promised,
        "attained": pixels.attained,
        "share_above": pixels.share if units.groups else None,
        "window_share_above": windows.share if units.groups else None,
        "scope": units.scope,
        "units": len(units.groups),
        "interferograms": len(units.keys),
        "windows": sum(known[name].count for name in units.keys),
        "rests_on": units.keys,
        "sharing": sorted(name for name in set(known) - set(units.keys) if name.split("/")[0] == frame),
        "left_out": seen,
        "overlapping": together,
        **about,
    }
    result["says"] = _say(result)
    logger.log(logging.INFO if pixels.attained else logging.WARNING, "%s: %s", key, result["says"])
    write_json(out, result)
    return result


def read_operating_point(path: Path) -> dict[str, Any]:
    """Read what `operating_point` wrote.

    Raises
    ------
    DatasetError
        If the file is none.
    """
    try:
        found = dict(read_json(path))
        float(found["threshold"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DatasetError(f"{path}: expected an operating point with a threshold, found none ({error}); make it again") from error
    return found


def _losses(units: Units, known: Mapping[str, Quiet], what: str) -> np.ndarray:
    """Return the loss of each unit, shape (units, len(EDGES)): the mean of its interferograms'."""
    means = [np.mean([getattr(known[name], what) for name in group], axis=0) for group in units.groups]
    return np.array(means).reshape(len(means), len(EDGES))


def _at_least_even(found: RiskControl) -> float:
    """Return the threshold; where too few quiet interferograms are known to keep the rate, not below even odds.

    The next quiet one may well show more than those few: what the run itself holds to be less likely than not is no alarm then.
    """
    return found.threshold if found.attained else max(found.threshold, DEFAULT)


def _together(name: str, key: str) -> bool:
    """Whether two interferograms of one frame share a day."""
    (frame, pair), (other, days) = (text.split("/") for text in (name, key))
    (first, second), (begin, end) = pair.split("_"), days.split("_")
    return frame == other and first <= end and begin <= second


def _read(quiet: Sequence[Path], run: Path, like: Detect | None) -> tuple[dict[str, Quiet], dict[str, str]]:
    """Return what every quiet interferogram shows by its key, and which run saw them."""
    name = read_json(run / "run.json").get("name", "/".join(run.parts[-4:]))
    wanted = {"run": name, "run_digest": run_digest(run)}
    known: dict[str, Quiet] = {}
    for path in map(Path, quiet):
        table, about = read_windows(path, ["frame", "pair", "p"])
        if about.get("run_digest") != wanted["run_digest"]:
            raise DatasetError(
                f"{path}: was scanned with {about.get('run')} ({str(about.get('run_digest'))[:12]}), expected {wanted['run']} "
                f"({wanted['run_digest'][:12]}): scores of two runs have no common threshold. Scan it again"
            )
        if like is not None and any(about.get(part) != getattr(like, part) for part in ("stride", "min_valid")):
            logger.warning(
                "%s: was scanned with stride %s and min_valid %s, not with %s and %s; it does not count",
                *(path, about.get("stride"), about.get("min_valid"), like.stride, like.min_valid),
            )
            continue
        for (frame, pair), part in table.groupby(["frame", "pair"], sort=True):
            counts = np.asarray(about.get("maps", {}).get(f"{frame}/{pair}", []))
            if len(counts) != len(EDGES) or not counts.sum():
                raise DatasetError(f"{path}: does not tell how the map of {frame}/{pair} is distributed; scan it again with this version")
            known[f"{frame}/{pair}"] = Quiet(shares_of(counts), shares_of(count_values(part["p"].to_numpy())), len(part))
    return known, wanted


def _say(found: Mapping[str, Any]) -> str:
    """Say what the threshold promises, and of how many units of which kind."""
    count, units = found["interferograms"], found["units"]
    if not count:
        return f"no quiet interferogram is known: the threshold is {DEFAULT:g} by habit, and no rate of false alarms is promised"
    ones = f"{count} quiet interferogram{'s' * (count > 1)}"
    if found["scope"] == "frame":
        basis = f"{ones} of this frame{' that share no acquisition' * (count > 1)}"
    else:
        basis = f"{units} frame{'s' * (units > 1)} with {ones}, of which a frame counts once"
    if found["threshold"] > 1:
        return f"the maps of {basis} reach a probability of 1, so that nothing can stand out: no alarm is given"
    if found["attained"]:
        return f"on average at most {found['rate_promised']:.3g} of a quiet interferogram reaches the threshold, from {basis}"
    return (
        f"a rate of {found['rate_asked']:.3g} cannot be promised from {basis}, only {found['rate_promised']:.3g}; the threshold lies above "
        f"everything in theirs, and not below {DEFAULT:g}"
    )
