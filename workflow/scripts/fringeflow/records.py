"""What made each result: a record of every job, written when it succeeds, in results/provenance/{rule}/.

A record names the job's parameters and their digest, its code, libraries and seeds, the SHA-256 of every input, and
what the job left: its outputs and the files beside them, each with its digest, size and time. A Zarr store is known to
the workflow by its zarr.json; its other files belong to the record as well.
"""

import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import xxhash
from pydantic import AfterValidator, ConfigDict, Field, TypeAdapter, ValidationError, with_config

from fringeflow.files import canonical_json, remove, sha256_file, sha256_text, write_json

RESULTS = "results"
FOLDER = Path(RESULTS, "provenance")
LONGEST = 200
"""Characters of a record's name; file systems take 255 bytes."""
LOADED = re.compile("[0-9a-f]{16}")
"""The digest of a job's code where no parameter holds it, see `provenance.loaded_digest`."""
LONGEST_PART, LONGEST_PATH = 255, 4000
"""Bytes of a name, and of a path, that file systems take."""


def _result_path(path: str) -> str:
    """Return the path of a job's file: plain, and below the results' folder, since what is damaged there is removed."""
    parts = path.split("/")
    plain = not any(part in ("", ".", "..") for part in parts) and min(path) >= " "
    if parts[0] != RESULTS or len(parts) == 1 or not plain:
        raise ValueError(f"expected a plain path below {RESULTS}/")
    if len(path.encode()) > LONGEST_PATH or max(len(part.encode()) for part in parts) > LONGEST_PART:
        raise ValueError("expected a path that a file system takes")
    return path


ResultPath = Annotated[str, AfterValidator(_result_path)]
STRICT = ConfigDict(extra="forbid", strict=True)


@with_config(STRICT)
@dataclass(frozen=True)
class Left:
    """A file as a job left it.

    Attributes
    ----------
    digest : str
        `sha256:` or, for the members of a store, `xxh3:` (128 bits, forty times as fast; nobody forges pixels) and hexadecimal digits.
    bytes : int
    mtime_ns : int
        Time of the last change: as long as it and the size are the same, nobody has written to the file.
    """

    digest: Annotated[str, Field(pattern="^(sha256|xxh3):[0-9a-f]+$")]
    bytes: Annotated[int, Field(ge=0)]
    mtime_ns: int

    @classmethod
    def of(cls, path: str | Path, *, member: bool = False) -> "Left":
        """Measure a file; `member` of a store or not."""
        about = os.stat(path)
        return cls(digest_of(path, "xxh3" if member else "sha256"), about.st_size, about.st_mtime_ns)

    @property
    def kind(self) -> str:
        """Which digest it is."""
        return self.digest.partition(":")[0]


@with_config(STRICT)
@dataclass(frozen=True)
class Record:
    """What a job was made of and what it left. Paths are as the workflow names them.

    Attributes
    ----------
    rule : str
    wildcards : dict of str
    inputs : dict of str
        SHA-256 by path: of those that decide the outcome.
    params : dict
        All parameters of the rule, the digest of its code among them.
    config : str
        SHA-256 of the parameters without the code's digest: of all settings that decide this result.
    code : str
    seeds : dict
        Whatever the parameters call a seed; else that of the workflow.
    versions : dict of str
        Of Python and the libraries that the job has loaded.
    outputs, beside : dict of Left
        By path: what the rule declares, and what else the job left.
    made : str
        When, in UTC.
    asked : list of str
        Inputs that only told which others decide.
    """

    rule: str
    wildcards: dict[str, str]
    inputs: dict[str, str]
    params: dict[str, Any]
    config: str
    code: str
    seeds: dict[str, Any]
    versions: dict[str, str]
    outputs: Annotated[dict[ResultPath, Left], Field(min_length=1)] = field(default_factory=dict)
    beside: dict[ResultPath, Left] = field(default_factory=dict)
    made: str = ""
    asked: list[str] = field(default_factory=list)

    @property
    def path(self) -> Path:
        """Where it is kept."""
        return record_path(self.rule, self.wildcards)

    @property
    def files(self) -> dict[str, Left]:
        """All that the job left."""
        return {**self.outputs, **self.beside}

    @property
    def stores(self) -> list[Path]:
        """Folders of Zarr stores among the outputs."""
        return [folder for path in self.outputs if (folder := store_of(path))]

    @property
    def job(self) -> str:
        """The job in words for people."""
        return f"{self.rule} ({', '.join(self.wildcards.values())})" if self.wildcards else self.rule

    def contradictions(self) -> list[str]:
        """Return which fields cannot be what a job wrote: the parameters, or Python's presence, say otherwise."""
        settings = _settings(self.params)
        try:
            seeds = dict(find_seeds(settings))
        except RecursionError:
            return ["params"]
        code = self.params.get("code")
        wrong = {
            "config": self.config != sha256_text(canonical_json(settings)),
            "code": self.code != code if code else not LOADED.fullmatch(self.code),
            "seeds": self.seeds != seeds if seeds else not self.seeds.keys() <= {"workflow"},
            "versions": "python" not in self.versions,
        }
        return [name for name, is_wrong in wrong.items() if is_wrong]

    def write(self) -> None:
        """Keep it."""
        write_json(self.path, asdict(self))

    @classmethod
    def read(cls, path: str | Path) -> "Record":
        """Read a record, and believe nothing: by its paths files are judged, and removed.

        Raises
        ------
        ValueError
            If it is no record, tells of another job than its name does, or of files outside the results.
        OSError
            If it is missing.
        """
        path = Path(path)
        try:
            found = _RECORD.validate_json(path.read_bytes())
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            raise ValueError(" ".join(f"{'.'.join(map(str, first['loc']))[:LONGEST]}: {first['msg']}".split())) from None
        if (found.rule, found.path.name) != (path.parent.name, path.name):
            raise ValueError(f"it tells of another job, {found.job}")
        return found


_RECORD = TypeAdapter(Record)


def begin_record(
    rule: str, wildcards: Mapping[str, str], inputs: Iterable[str], params: Mapping[str, Any], *, code: str, seed: Any
) -> Record:
    """Return the record of a job that begins: of what it will be made."""
    plain = json.loads(canonical_json(dict(params)))
    settings = _settings(plain)
    return Record(
        rule=rule,
        wildcards=dict(wildcards),
        inputs={str(path): sha256_file(path) for path in inputs},
        params=plain,
        config=sha256_text(canonical_json(settings)),
        code=code,
        seeds=dict(find_seeds(settings)) or ({} if seed is None else {"workflow": seed}),
        versions={},
    )


def _settings(params: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in params.items() if name != "code"}


def left_by(outputs: Iterable[str], beside: Iterable[str | Path]) -> tuple[dict[str, Left], dict[str, Left]]:
    """Measure what a job has left: its outputs, and what lies beside them, the members of stores included."""
    declared = [str(path) for path in outputs]
    others = {path: Left.of(path) for named in beside for path in files_below(named) if path not in declared}
    for path in declared:
        for member in members(store_of(path)):
            if member not in declared:
                others[member] = Left.of(member, member=True)
    return {path: Left.of(path) for path in declared}, dict(sorted(others.items()))


def now() -> str:
    """Return the time in UTC to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def record_path(rule: str, wildcards: Mapping[str, str]) -> Path:
    """Return where a job's record is kept: its wildcards by their names' order make the name.

    >>> record_path("tile", {"tiling": "x,y", "event": "a/b"}).as_posix()
    'results/provenance/tile/a%2Fb,x%2Cy.json'
    """
    name = ",".join(quote(str(value), safe="") for _, value in sorted(wildcards.items())) or rule
    if len(name) > LONGEST:
        name = f"{name[: LONGEST - 17]}-{sha256_text(name)[:16]}"
    return FOLDER / rule / f"{name}.json"


def find_seeds(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """Yield what parameters call a seed, canonical JSON among them opened.

    >>> dict(find_seeds({"seed": 7, "settings": '{"training":{"seeds":[0,1]}}'}))
    {'seed': 7, 'settings.training.seeds': [0, 1]}
    """
    if isinstance(value, str) and value[:1] in "{[" and value:
        try:
            value = json.loads(value)
        except ValueError:
            return
    for key, inner in value.items() if isinstance(value, Mapping) else ():
        place = f"{name}.{key}" if name else key
        if key in ("seed", "seeds"):
            yield place, inner
        else:
            yield from find_seeds(inner, place)


def is_whole(path: str | Path, left: Left) -> bool:
    """Tell whether a file still has the content that a job left."""
    try:
        return os.stat(path).st_size == left.bytes and digest_of(path, left.kind) == left.digest
    except OSError:
        return False


def digest_of(path: str | Path, kind: str) -> str:
    """Return the digest of a file with its kind in front: `sha256` or `xxh3`."""
    if kind == "sha256":
        return f"sha256:{sha256_file(path)}"
    digest = xxhash.xxh3_128()
    with open(path, "rb", buffering=0) as handle:
        while block := handle.read(1 << 20):
            digest.update(block)
    return f"xxh3:{digest.hexdigest()}"


def store_of(path: str | Path) -> Path | None:
    """Return the folder of a store, if a path is the file that stands for one."""
    path = Path(path)
    return path.parent if path.name == "zarr.json" else None


def members(store: Path | None) -> list[str]:
    """Return all files of a store's folder, those of other programs (`.nfs…`, `.DS_Store`) left out."""
    return [path for path in files_below(store) if not os.path.basename(path).startswith(".")] if store else []


def files_below(path: str | Path) -> list[str]:
    """Return the files in a folder and below, sorted; a file is its own."""
    if not os.path.isdir(path):
        return [str(path)] if os.path.isfile(path) else []
    return sorted(os.path.join(folder, name) for folder, _, names in os.walk(path) for name in names)


def is_inside(path: str | Path) -> bool:
    """Tell whether a file lies among the results also when links among its folders are followed."""
    return Path(os.path.realpath(os.path.dirname(path))).is_relative_to(os.path.realpath(RESULTS))


def forget(rule: str, wildcards: Mapping[str, str]) -> None:
    """Remove a job's record, since what it describes is about to change."""
    remove(record_path(rule, wildcards))
