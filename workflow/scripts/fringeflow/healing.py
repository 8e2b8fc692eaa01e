"""Results that were changed, cut short or removed behind Snakemake's back: found when a run begins, and made again.

Snakemake takes a truncated file for a new one, and does not see what a rule does not declare: a chunk of a store, a
network's weights, a fetched product. Here every file is held against the record of the job that left it. A file of the
same size and time is taken for the same; `verify` reads everything.
"""

import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from fringeflow.files import is_cut_short, sweep, write_json
from fringeflow.lock import began
from fringeflow.record_index import INDEX, fingerprint, is_as_known, listed, read_index
from fringeflow.records import FOLDER, RESULTS, Left, Record, digest_of, forget, is_inside, members

SPACIOUS = ("results/archive/", "results/cache/", "results/events/", "results/raw/")
"""What people remove to save space: gone with its folder, it is made again only when something needs it."""
MISSING = "missing"
READ = re.compile(r"/(?:zarr\.json|c(?:[./]\d+)*)$")
"""Of the files below a store, what Zarr reads: descriptions of groups and arrays, and chunks."""


@dataclass(frozen=True)
class Damage:
    """A file that is not as its job left it.

    Attributes
    ----------
    path : str
    record : Record
    found, expected : str
        In words.
    foreign : bool
        Somebody's own file in a store, which nothing reads.
    """

    path: str
    record: Record
    found: str
    expected: str
    foreign: bool = False

    def __str__(self) -> str:
        if self.foreign:
            return f"{self.path}: {self.found}, which {self.record.job} left; nothing reads it"
        return f"{self.path}: {self.found}; {self.record.job} left {self.expected}"


def find_damage(folder: Path = FOLDER) -> list[Damage]:
    """Return every recorded file that is missing or has other content than its job left.

    Only what has another size or time than at the last look is opened.

    Parameters
    ----------
    folder : Path
        Of the records. The working directory is that of the workflow.
    """
    _, _, damage = _survey(folder)
    return [one for name in damage for one in damage[name]]


def update_index(folder: Path = FOLDER) -> list[Damage]:
    """Find damage, and note sizes and times of all files that are as their jobs left them: the next look opens none of these."""
    before, index, damage = _survey(folder)
    for name, found in damage.items():
        if not all(one.foreign for one in found):  # what belongs to no job is told of once
            del index[name]
    if index != before:
        write_json(folder / INDEX, index)
    return [one for name in damage for one in damage[name]]


def end_run() -> None:
    """End a run that went well: note sizes and times of its results, and clean up."""
    update_index()
    clean_up()


def clean_up() -> None:
    """Remove what killed jobs of earlier runs have left, in a run that has done its work or had none."""
    if (since := began(Path())) is not None:  # else others may be at work here
        sweep(RESULTS, since)


def inspect(record: Record, *, thorough: bool = False) -> list[Damage]:
    """Return the damaged files of one record.

    Parameters
    ----------
    record : Record
    thorough : bool
        Read every file, even those of unchanged size and time.
    """
    damage = []
    away = tidied(record)
    for path, left in record.files.items():
        found = "" if path in away else _fault(path, left, thorough=thorough)
        if found:
            expected = _short(left.digest) if found.startswith("other") else f"{left.bytes:,} bytes"
            damage.append(Damage(path, record, found, expected))
    known = record.files
    for store in record.stores:
        for path in members(store):
            if path not in known:
                foreign = READ.search(path.removeprefix(str(store))) is None
                damage.append(Damage(path, record, "a file that does not belong to the store", "none of that name", foreign))
    return damage


def settle(
    found: Mapping[str, Sequence[Damage]], files: Mapping[str, Iterable[str]], made: Callable[[str], str]
) -> dict[str, list[Damage]]:
    """Leave out what a record at least as young finds sound: of jobs that share a file, the last one has written it.

    Parameters
    ----------
    found : mapping of sequences of Damage
        By the name of the record that tells of it.
    files : mapping of iterables of str
        Paths that each record names.
    made : function of a record's name
        When it was made.

    Returns
    -------
    dict of lists of Damage
        What is left of `found`, records without any left out.
    """
    paths = {one.path for damage in found.values() for one in damage}
    sound: dict[str, str] = {}
    for name, named in files.items() if paths else ():
        shared = paths.intersection(named).difference(one.path for one in found.get(name, ()))
        if shared:
            when = made(name)
            sound |= {path: max(when, sound.get(path, "")) for path in shared}
    left = {
        name: [one for one in damage if one.found == MISSING or sound.get(one.path, "") < one.record.made] for name, damage in found.items()
    }
    return {name: damage for name, damage in left.items() if damage}


def is_removed(record: Record) -> bool:
    """Tell whether nothing is left of what a job declares, and nothing else of it is damaged."""
    return not any(os.path.exists(path) for path in record.outputs) and all(one.found == MISSING or one.foreign for one in inspect(record))


def tidied(record: Record) -> set[str]:
    """Return the files of a record that somebody removed with their folder, from where people save space.

    If nothing else is left of that record, that is what became of its other files, too. A folder that a killed job was about to
    replace is not among them.
    """
    stores = {f"{store}/": store for store in record.stores}
    away = set()
    is_away = cache(lambda home: not home.exists() and not is_cut_short(home))
    for path in record.files:
        home = next((store for prefix, store in stores.items() if path.startswith(prefix)), Path(path).parent)
        if path.startswith(SPACIOUS) and is_away(home):
            away.add(path)
    return set(record.files) if away and not any(os.path.exists(path) for path in record.files) else away


def heal(damage: Sequence[Damage], planned: set[str], *, touch: bool) -> tuple[set[str], list[str]]:
    """Return the outputs whose jobs must run again, and what to tell.

    Parameters
    ----------
    damage : sequence of Damage
    planned : set of str
        All outputs of the jobs that this run may run.
    touch : bool
        Remove what is damaged and no output, so that no job takes it for sound; outputs are removed by Snakemake. Forget the jobs
        whose results were removed and are not wanted. Not in a dry-run.
    """
    forced: set[str] = set()
    told = []
    removed: dict[Path, bool] = {}
    for one in damage:
        if one.foreign:
            told.append(f"{one}. It is left where it is")
            continue
        again = planned & set(one.record.outputs)
        forced |= again
        place = one.record.path
        if not again and place not in removed:
            removed[place] = is_removed(one.record)
            if removed[place]:
                told.append(f"The results of {one.record.job} were removed, and this run does not need them: their record goes, too")
                if touch:
                    forget(one.record.rule, one.record.wildcards)
        if removed.get(place):
            continue
        if not again:
            told.append(f"{one}. This run does not need it; remove it, or run `snakemake {next(iter(one.record.outputs))}`")
            continue
        is_output = one.path in one.record.outputs
        if not is_output and not is_inside(one.path):
            told.append(f"{one}. Its job runs again; the file lies outside the results, through a link, and is left: remove it")
            continue
        told.append(f"{one}. It is made again")
        if touch and not is_output and os.path.isfile(one.path):
            os.unlink(one.path)
    return forced, told


def _survey(folder: Path) -> tuple[dict[str, list[Any]], dict[str, list[Any]], dict[str, list[Damage]]]:
    """Return the index as it was, an entry for every record that can be read, and the damage by record."""
    before = read_index(folder)
    index: dict[str, list[Any]] = {}
    made: dict[str, str] = {}
    found: dict[str, list[Damage]] = {}
    for name, changed in listed(folder):
        known = before.get(name)
        if known and is_as_known(known, changed):
            index[name] = known
            continue
        try:
            record = Record.read(folder / name)
        except (OSError, ValueError):
            continue  # a record that cannot be read tells nothing; `verify` says so
        stores = [str(store) for store in record.stores]
        files = [path for path in record.files if not any(path.startswith(f"{store}/") for store in stores)]
        seen = fingerprint(files, stores)  # before looking: what changes meanwhile is looked at again
        index[name] = [changed, seen, files, stores]
        made[name] = record.made
        if damage := inspect(record):
            found[name] = damage
    names = {name: entry[2] for name, entry in index.items()}
    return before, index, settle(found, names, lambda name: made.get(name) or _made(folder / name))


def _made(path: Path) -> str:
    try:
        return Record.read(path).made
    except (OSError, ValueError):
        return ""


def _fault(path: str, left: Left, *, thorough: bool) -> str:
    """Say what is wrong with a file, nothing if it is as it was left."""
    try:
        about = os.stat(path)
        if about.st_size != left.bytes:
            return f"{about.st_size:,} bytes"
        if thorough or about.st_mtime_ns != left.mtime_ns:
            digest = digest_of(path, left.kind)
            return f"other content ({_short(digest)})" if digest != left.digest else ""
    except (FileNotFoundError, NotADirectoryError):
        return MISSING
    except OSError as error:  # a link that leads to itself, for example
        return f"a file that cannot be read ({error.strerror})"
    return ""


def _short(digest: str) -> str:
    """Return enough of a digest for people to compare."""
    kind, _, digits = digest.partition(":")
    return f"{kind} {digits[:12]}…"
