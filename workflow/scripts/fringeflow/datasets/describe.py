"""What a dataset amounts to: counts of each part, and the digest of its index."""

from collections.abc import Sequence
from typing import Any

import pandas as pd

from fringeflow.config.classes import AMBIGUOUS
from fringeflow.datasets.splits import PARTS
from fringeflow.files import canonical_json, sha256_text

SAMPLE_COLUMNS = ["sample", "store", "row", "label", "group", "split", "event", "frame", "pair", "coseismic"]
TILES = {"sample": "tile", "group": "event", "source": "interferogram"}
"""What people call a sample, a group of samples and their source, where the dataset is of interferograms."""


def summarise(tiles: pd.DataFrame, shared: pd.DataFrame, classes: Sequence[str], positive: str | None) -> pd.DataFrame:
    """Count what each part holds.

    Parameters
    ----------
    tiles : DataFrame
        All tiles, ambiguous ones included: `event`, `group`, `frame`, `pair`, `label`, `split`.
    shared : DataFrame
        Tiles left out because another event's copy was kept: `split`.
    classes : sequence of str
    positive : str or None
        The class to be found; without one there is no prevalence.

    Returns
    -------
    DataFrame
        One row a part and one for `all`: `split`, `groups`, `events`, `interferograms`, `tiles`, one column a
        class, `prevalence` (of `positive`), `ambiguous_left_out`, `shared_left_out`.
    """
    rows = []
    for part in (*PARTS, "all"):
        inside = tiles if part == "all" else tiles[tiles["split"] == part]
        plain = inside[inside["label"] != AMBIGUOUS]
        count = {label: int((plain["label"] == label).sum()) for label in classes}
        rows.append(
            {
                "split": part,
                "groups": plain["group"].nunique(),
                "events": plain["event"].nunique(),
                "interferograms": len(plain[["frame", "pair"]].drop_duplicates()),
                "tiles": len(plain),
                **count,
                "prevalence": None if positive is None else count[positive] / len(plain),
                "ambiguous_left_out": len(inside) - len(plain),
                "shared_left_out": len(shared) if part == "all" else int((shared["split"] == part).sum()),
            }
        )
    return pd.DataFrame(rows)


def _digest(samples: pd.DataFrame, classes: Sequence[str], positive: str | None) -> str:
    """Return the digest of the index: samples, labels, groups and splits."""
    columns = ["sample", "row", "label", "group", "split", "coseismic"]
    rows = "\n".join("\t".join(map(str, row)) for row in samples[columns].itertuples(index=False, name=None))
    return sha256_text(canonical_json({"classes": list(classes), "positive": positive}) + "\n" + rows)


def describe(
    name: str, samples: pd.DataFrame, counts: pd.DataFrame, classes: Sequence[str], positive: str | None, **more: Any
) -> dict[str, Any]:
    """Return what `dataset.json` says.

    Parameters
    ----------
    name : str
    samples : DataFrame
        Columns `SAMPLE_COLUMNS`.
    counts : DataFrame
        From `summarise`.
    classes : sequence of str
    positive : str or None
    more
        Further entries.
    """
    rows = {row.pop("split"): row for row in counts.to_dict("records")}
    kept = ("groups", "events", "interferograms", "tiles", *classes)
    events = samples.groupby("split")["event"].unique()
    return {
        "name": name,
        "classes": list(classes),
        "positive": positive,
        "digest": _digest(samples, classes, positive),
        "counts": {part: {key: row[key] for key in kept} for part, row in rows.items()},
        "prevalence": {part: None if positive is None else round(row["prevalence"], 9) for part, row in rows.items()},
        "ambiguous_left_out": {part: row["ambiguous_left_out"] for part, row in rows.items()},
        "shared_left_out": rows["all"]["shared_left_out"],
        "events": {part: sorted(events[part]) for part in PARTS},
        **more,
    }
