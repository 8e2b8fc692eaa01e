"""What a run left, by content: the same for every run of the same settings, however often it was killed."""

import csv
import hashlib
import io
import json
import os
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path

DURATIONS = ("seconds", "train_seconds", "predict_ms", "embed_seconds")
UNTOLD = {
    "benchmarks/": "durations, and no result",
    "provenance/": "times and versions; which jobs have a record is compared instead",
    "report.html": "durations and benchmarks",
    "cache/pictures/": "what the page keeps of pictures, durations in some; each is held against its own digest when it is used",
    "timing.json": "durations",
    "tuning.png": "durations",
    "journal.log": "times of trials, those that were killed among them",
}
"""Files whose bytes differ from run to run, and why."""
LEFTOVER = re.compile(r"\.(part|old)-|.*\.part(\.json)?$")
"""Parts of results, hidden; and what a download goes on with after a kill, in the open."""


def contents(results: Path) -> dict[str, str]:
    """Return the digest of every result by path, and of every record its name."""
    return {name: digest(path) for name, path in named(results)}


def named(results: Path) -> Iterator[tuple[str, Path]]:
    """Yield every file under a final name, those of `UNTOLD`, hidden ones and leftovers left out."""
    for folder, folders, names in os.walk(results):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            path = Path(folder) / name
            short = path.relative_to(results).as_posix()
            if (
                name.startswith(".")
                or LEFTOVER.match(name)
                or any(short.startswith(told) if told.endswith("/") else name == told for told in UNTOLD)
            ):
                continue
            yield short, path


def digest(path: Path) -> str:
    """Return the SHA-256 of a file's content, without what is told in seconds, and of a skops file's without addresses of memory."""
    content = path.read_bytes()
    if path.suffix == ".skops":
        content = _skops(content)
    elif path.suffix == ".tsv":
        content = _table(content)
    return hashlib.sha256(content).hexdigest()


def leftovers(results: Path) -> list[str]:
    """Return all parts that killed jobs have left, or live ones write: folders may vanish under it, at which `rglob` would fail."""
    found = (Path(place, name) for place, folders, names in os.walk(results) for name in (*folders, *names) if LEFTOVER.match(name))
    return [str(path.relative_to(results)) for path in found]


def records(results: Path) -> list[str]:
    """Return the names of all records of jobs."""
    return sorted(path.relative_to(results).as_posix() for path in results.glob("provenance/*/*.json"))


def _table(content: bytes) -> bytes:
    rows = csv.DictReader(io.StringIO(content.decode()), delimiter="\t")
    return json.dumps([{name: value for name, value in row.items() if name not in DURATIONS} for row in rows]).encode()


def _skops(content: bytes) -> bytes:
    """Put numbers in the order of their appearance in the place of the objects' addresses."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        schema = archive.read("schema.json").decode()
        seen: dict[str, str] = {}
        told = re.sub(r"\d{9,}", lambda match: seen.setdefault(match[0], f"object{len(seen)}"), schema)
        arrays = sorted(
            seen.get(name.split(".")[0], name) + hashlib.sha256(archive.read(name)).hexdigest() for name in archive.namelist()[:-1]
        )
    return (told + "\n".join(arrays)).encode()
