"""The index of all records: what the sizes and times of their files were at the last look, so that nothing else is opened again.

Whatever it says, it only spares reading: what is not well-formed counts as not known.
"""

import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import xxhash

from fringeflow.records import FOLDER

INDEX = "index.json"


def record_names(folder: Path = FOLDER) -> list[str]:
    """Return the names of all records below their folder."""
    return [name for name, _ in listed(folder)]


def listed(folder: Path) -> Iterator[tuple[str, int | None]]:
    """Yield the records: their names below the folder, and the times of their last change, if there is one to a name."""
    if not folder.is_dir():
        return
    with os.scandir(folder) as rules:
        names = sorted(entry.name for entry in rules if os.path.isdir(entry.path))
    for rule in names:
        with os.scandir(folder / rule) as entries:
            yield from ((f"{rule}/{entry.name}", _changed(entry)) for entry in entries if not entry.name.startswith("."))


def _changed(entry: "os.DirEntry[str]") -> int | None:
    try:
        return entry.stat().st_mtime_ns
    except OSError:  # a link that leads nowhere
        return None


def read_index(folder: Path) -> dict[str, list[Any]]:
    """Return what is well-formed of the index: a record's time, fingerprint, files and stores by its name."""
    try:
        found = json.loads((folder / INDEX).read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    return {name: entry for name, entry in found.items() if _is_entry(entry)} if isinstance(found, dict) else {}


def _is_entry(found: Any) -> bool:
    match found:
        case [int(), str(), [*files], [*stores]]:
            return all(isinstance(path, str) for path in (*files, *stores))
    return False


def is_as_known(known: Sequence[Any], changed: int | None) -> bool:
    """Tell whether a record of that time, and the files it names, are as an entry of the index says."""
    try:
        return bool(known[0] == changed and known[1] == fingerprint(known[2], known[3]))
    except ValueError:  # no file has such a name
        return False


def fingerprint(files: Sequence[str], stores: Sequence[str]) -> str:
    """Return a digest of names, sizes and times of files, and of all that is in some folders."""
    digest = xxhash.xxh3_64()
    for path in files:
        try:
            about = os.stat(path)
        except OSError:  # with its folder or alone makes the difference, see `tidied`
            digest.update(b"missing %d\n" % os.path.isdir(os.path.dirname(path)))
            continue
        digest.update(b"%d %d\n" % (about.st_size, about.st_mtime_ns))
    for store in stores:
        digest.update(b"store %d\n" % os.path.isdir(store))
        digest.update(os.fsencode("\n".join(_described(store))))
    return digest.hexdigest()


def _described(folder: str) -> list[str]:
    """Return a line for each file below a folder, with its size and time; hidden ones are those of other programs."""
    lines, folders = [], [folder]
    while folders:
        try:
            entries = os.scandir(folders.pop())
        except OSError:
            continue
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                folders.append(entry.path)
            elif entry.name[0] != ".":
                try:
                    about = entry.stat()
                except OSError:  # a link that leads nowhere
                    lines.append(entry.path)
                else:
                    lines.append(f"{entry.path} {about.st_size} {about.st_mtime_ns}")
    lines.sort()
    return lines
