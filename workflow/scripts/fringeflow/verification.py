"""Verifying: every recorded file read again and held against its record, and every record against the workflow of now."""

import logging
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from fringeflow.errors import DamageError, bullets
from fringeflow.files import atomic, canonical_json, sha256_file, sha256_text
from fringeflow.healing import SPACIOUS, Damage, inspect, is_removed, settle, tidied
from fringeflow.progress import track
from fringeflow.provenance import other_versions
from fringeflow.record_index import record_names
from fringeflow.records import FOLDER, RESULTS, Record

LOGGER = logging.getLogger(__name__)
COLUMNS = ("status", "path", "why", "rule", "wildcards", "bytes", "digest", "config", "code", "made")
BLANKS = str.maketrans("\t\r\n", "   ")
"""What would break a line of the table, in names and in records that somebody wrote to."""
NO_JOB = "the configuration has no such job any more"
NO_RECORD = "no record names it: made before there were records, or by hand"
LINK = "a link to a folder: of what lies there, only what records name was looked at"
UNRECORDED = ("benchmarks", "cache", "provenance", "verify.tsv")
"""What lies in the results and is no job's result of its own: features that runs share are listed by those who asked for them."""


@dataclass(frozen=True)
class Row:
    """A line of the table.

    Attributes
    ----------
    status : str
        ok; damaged: not as its job left it; stale: the workflow of now would make it from something else; differs: made with
        other versions or another seed of the workflow than those of now, for which no run makes it again;
        removed: its folder was deleted to save space, or it is not wanted any more; unrecorded: no record names it.
    path, why : str
    record : Record, optional
    digest : str
    bytes : int, optional
    """

    status: str
    path: str
    why: str = ""
    record: Record | None = None
    digest: str = ""
    bytes: int | None = None

    def cells(self) -> list[str]:
        """Return the text of each column."""
        made = self.record
        about = [made.rule, ",".join(made.wildcards.values())] if made else ["", ""]
        size = "" if self.bytes is None else str(self.bytes)
        origin = [made.config, made.code, made.made] if made else ["", "", ""]
        return [self.status, self.path, self.why, *about, size, self.digest, *origin]


@dataclass
class Contents:
    """What inputs hold now: as their own records say, or else as their bytes do."""

    left: Mapping[str, str]
    _read: dict[str, str] = field(default_factory=dict)

    def digest(self, path: str) -> str:
        """Return the SHA-256 of an input, nothing if it is missing."""
        if path in self.left:
            return self.left[path]
        if path not in self._read:
            self._read[path] = sha256_file(path) if os.path.isfile(path) else ""
        return self._read[path]


def settings_now(
    rules: Mapping[str, Mapping[str, Any]], inputs: Callable[[str, dict[str, str]], Iterable[str]], folder: Path = FOLDER
) -> str:
    """Return what the workflow of now would hand to each recorded job.

    Parameters
    ----------
    rules : mapping
        Parameters by name, by rule; a function of wildcards stands for its value.
    inputs : function
        Of a rule's name and wildcards: the paths of a job's inputs.
    folder : Path
        Of the records.

    Returns
    -------
    str
        Canonical JSON: for each record's name its `params`, digests by name, and its `inputs`, a list of paths or null if that
        cannot be told; or null if there is no such job.
    """
    found: dict[str, dict[str, Any] | None] = {}
    for name in record_names(folder):
        try:
            record = Record.read(folder / name)
        except (OSError, ValueError):
            continue
        try:
            wildcards = SimpleNamespace(**record.wildcards)
            params = rules[record.rule]
            given = _digests({key: value(wildcards) if callable(value) else value for key, value in params.items()})
        except Exception:  # whatever says that the configuration knows no such event, dataset, run...
            found[name] = None
            continue
        try:
            paths = sorted(map(str, inputs(record.rule, record.wildcards)))
        except Exception:  # a folder of somebody's pictures is gone, for example
            paths = None
        found[name] = {"params": given, "inputs": paths}
    return canonical_json(found)


def verify(
    now: Mapping[str, Mapping[str, Any] | None], table: Path, *, seed: Any = None, threads: int = 1, folder: Path = FOLDER
) -> Counter[str]:
    """Hold every recorded file against its record, and every record against the workflow of now.

    Parameters
    ----------
    now : mapping
        As `settings_now` gives it, parsed.
    table : Path
        The table to write: `COLUMNS`, a line a result, damaged ones first.
    seed : optional
        Of the workflow of now.
    threads : int
        Files read at a time.
    folder : Path
        Of the records. The working directory is that of the workflow.

    Returns
    -------
    Counter
        Results by status.

    Raises
    ------
    DamageError
        If a file is missing or is not as its job left it, or a record cannot be read or contradicts itself. The table is there all the same.
    """
    records: dict[str, Record] = {}
    rows: list[Row] = []
    for name in record_names(folder):
        try:
            records[name] = Record.read(folder / name)
        except (OSError, ValueError) as error:
            rows.append(Row("damaged", str(folder / name), f"this record cannot be read ({error}){_mending(name)}"))
    by_age = sorted(records.values(), key=lambda record: record.made)  # of jobs that share a file, the last one has written it
    left = {path: one.digest.removeprefix("sha256:") for record in by_age for path, one in record.files.items()}
    contents = Contents(left)
    with ThreadPoolExecutor(threads) as pool:
        looked = pool.map(lambda record: inspect(record, thorough=True), records.values())
        found = dict(zip(records, track(looked, total=len(records), desc="verify", unit="job"), strict=True))
    names = {name: record.files for name, record in records.items()}
    found = settle(found, names, lambda name: records[name].made)
    unwanted = _unwanted(records, now)
    named: set[str] = set()
    for name, record in records.items():
        if wrong := record.contradictions():
            told = f"this record was changed: {', '.join(wrong)} cannot be what {record.job} wrote"
            rows.append(Row("damaged", str(folder / name), f"{told}{_mending(name)}", record))
        why = _why_stale(record, now.get(name), contents)
        damage = [one for one in found.get(name, ()) if not one.foreign]  # nobody's file in a store is `unrecorded`
        if damage and unwanted.issuperset(record.outputs) and is_removed(record):
            rows += [
                Row("removed", path, f"removed, and {NO_JOB}", record, left.digest, left.bytes) for path, left in record.outputs.items()
            ]
            continue
        rows += _rows(record, damage, why, _why_differs(record, seed))
        named.update(record.files)
    named.update(row.path for row in rows)
    rows += [Row("unrecorded", path, LINK if os.path.isdir(path) else NO_RECORD) for path in _others(named)]
    order = {name: place for place, name in enumerate(("damaged", "stale", "unrecorded", "differs", "removed", "ok"))}
    rows.sort(key=lambda row: (order[row.status], row.path))
    _write(table, rows)
    counts = Counter(row.status for row in rows)
    LOGGER.info("%d jobs: %s; %s says more", len(records), ", ".join(f"{counts[name]} {name}" for name in order if counts[name]), table)
    for row in rows:
        if row.status in ("stale", "unrecorded"):
            LOGGER.info("%s: %s (%s)", row.status, row.path, row.why)
    damaged = [f"{row.path}: {row.why}" for row in rows if row.status == "damaged"]
    if damaged:
        head = f"{len(damaged)} of {len(rows)} results are not as their jobs left them:"
        raise DamageError(f"{head}{bullets(damaged)}\nTo do: look at {table}; a plain run of the workflow makes again what is configured.")
    return counts


def _mending(name: str) -> str:
    """Say what to do about a record that is not as it was written."""
    rule = name.partition("/")[0]
    return f", and a plain run does not mend that: remove it and make again what it told of (`snakemake --forcerun {rule}`)"


def _unwanted(records: Mapping[str, Record], now: Mapping[str, Mapping[str, Any] | None]) -> set[str]:
    """Return the outputs of jobs that the configuration does not have any more, and of those that were made from them."""
    unwanted = {path for name, record in records.items() if now.get(name) is None for path in record.outputs}
    more = unwanted
    while more:
        more = {path for record in records.values() if not more.isdisjoint(record.inputs) for path in record.outputs} - unwanted
        unwanted |= more
    return unwanted


def _rows(record: Record, damage: Sequence[Damage], stale: str, differs: str) -> Iterator[Row]:
    """Yield a line for each output of a job, and one for each other file of it that is damaged."""
    bad = {one.path: one for one in damage}
    away = tidied(record)
    for path, left in record.outputs.items():
        if path in bad:
            continue
        status = "removed" if path in away else "stale" if stale else "differs" if differs else "ok"
        why = "removed with its folder, to save space" if path in away else stale or differs
        yield Row(status, path, why, record, left.digest, left.bytes)
    for path, one in bad.items():
        known = record.files.get(path)
        yield Row(
            "damaged",
            path,
            f"{one.found}; its job left {one.expected}{f'; {NO_JOB}: remove what is left' if stale == NO_JOB else ''}",
            record,
            known.digest if known else "",
            known.bytes if known else None,
        )


def _why_stale(record: Record, now: Mapping[str, Any] | None, contents: Contents) -> str:
    """Say what the workflow of now would make a result from that it was not made from."""
    if now is None:
        return NO_JOB
    before, given = _digests(record.params), now["params"]
    changed = sorted(name for name in before.keys() | given.keys() if before.get(name) != given.get(name))
    told = ["made by other code"] if "code" in changed else []
    settings = [name for name in changed if name != "code"]
    told += [f"made with other settings ({', '.join(settings)})"] if settings else []
    others = [path for path, digest in record.inputs.items() if contents.digest(path) not in ("", digest)]
    told += [f"made from other inputs ({_few(others)})"] if others else []
    gone = [path for path in record.inputs if not contents.digest(path) and not path.startswith(SPACIOUS)]
    told += [f"made from inputs that are missing now ({_few(gone)})"] if gone else []
    if now["inputs"] is None:
        return "; ".join([*told, "its inputs cannot be listed any more"])
    known = {*record.inputs, *record.asked}
    added = [path for path in now["inputs"] if path not in known]
    told += [f"made without inputs that it has now ({_few(added)})"] if added else []
    dropped = sorted(known - set(now["inputs"]))
    told += [f"made from inputs that it has no more ({_few(dropped)})"] if dropped else []
    return "; ".join(told)


def _why_differs(record: Record, seed: Any) -> str:
    """Say what was other when a result was made, and is no reason to make it again."""
    others = [f"{name} {record.versions[name]}" for name in other_versions(record.versions) if name in record.versions]
    told = [f"made with other versions than are installed here ({_few(others)})"] if others else []
    before = record.seeds.get("workflow", seed)
    told += [f"made when the workflow's seed was {before}, of which it takes nothing"] if before != seed else []
    return "; ".join(told)


def _few(names: Sequence[str]) -> str:
    return ", ".join([*names[:3], *(["..."] if len(names) > 3 else [])])


def _digests(params: Mapping[str, Any]) -> dict[str, str]:
    return {name: sha256_text(canonical_json(value))[:16] for name, value in params.items()}


def _others(named: set[str]) -> Iterator[str]:
    """Yield the files among the results that no record names, hidden ones apart, and links to folders, which are not followed."""
    for place, folders, names in os.walk(RESULTS):
        aside = UNRECORDED if place == RESULTS else ()
        folders[:] = [name for name in folders if name not in aside and not name.startswith(".")]
        links = [name for name in folders if os.path.islink(os.path.join(place, name))]
        for name in (*names, *links):
            path = os.path.join(place, name)
            if path not in named and name not in aside and not name.startswith("."):
                yield path


def _write(table: Path, rows: Sequence[Row]) -> None:
    with atomic(table) as part:
        lines = ["\t".join(COLUMNS), *("\t".join(cell.translate(BLANKS) for cell in row.cells()) for row in rows)]
        part.write_text("\n".join(lines) + "\n", encoding="utf-8", errors="surrogateescape")
