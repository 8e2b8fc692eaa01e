"""What happens to results behind Snakemake's back: deleted, truncated, one bit flipped."""

import json
import random
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

FAULTS = ("deleted", "truncated", "emptied", "flipped")


def spoil(path: Path, fault: str, rng: random.Random) -> None:
    """Do something to a file."""
    content = bytearray(path.read_bytes())
    if fault == "deleted":
        path.unlink()
    elif fault == "truncated":
        path.write_bytes(content[: rng.randrange(1, max(2, len(content)))])
    elif fault == "emptied":
        path.write_bytes(b"")
    elif fault == "flipped":
        content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
        path.write_bytes(content)
    else:
        raise ValueError(fault)


def kind_of(name: str) -> str:
    """Return what kind of file a result is.

    >>> [kind_of(name) for name in ("events/a/x.zarr/zarr.json", "events/a/x.zarr/samples/c/0/0/0", "runs/metrics.json", "a/manifest.json")]
    ['zarr.json', 'chunk', 'json', 'manifest.json']
    """
    path = Path(name)
    if ".zarr/" in name:
        return path.name if path.name == "zarr.json" else "chunk"
    return path.name if path.name in ("manifest.json", "zarr.json") else path.suffix.lstrip(".")


def by_kind(names: Iterable[str]) -> dict[str, list[str]]:
    """Sort results by kind."""
    found = defaultdict(list)
    for name in sorted(names):
        found[kind_of(name)].append(name)
    return dict(found)


def outputs_by_rule(results: Path) -> dict[str, list[list[str]]]:
    """Return the outputs of every job, by rule, below results/, as the records tell them."""
    found = defaultdict(list)
    for path in sorted(results.glob("provenance/*/*.json")):
        outputs = json.loads(path.read_text())["outputs"]
        found[path.parent.name].append([name.removeprefix("results/") for name in outputs])
    return dict(found)
