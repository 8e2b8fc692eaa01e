"""What lies beside a downloaded file: the record of a finished one, the bytes and the note of an unfinished one.

While a file comes in, `{name}.part` holds its bytes and `{name}.part.json` says of which URL and which version;
both survive a kill, and the next run goes on where this one stopped. `.{name}.json` keeps the record of the
finished file, so that a later run can ask the server whether it has changed.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from fringeflow.files import read_json, remove, sha256_file, write_json


@dataclass(frozen=True)
class Record:
    """Where a finished file came from and what it holds."""

    url: str
    bytes: int
    sha256: str
    etag: str | None = None
    last_modified: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return it as the manifest stores it."""
        return asdict(self)

    @property
    def conditions(self) -> dict[str, str]:
        """Headers that ask for the file only if it has changed."""
        found = {"If-None-Match": self.etag, "If-Modified-Since": self.last_modified}
        return {name: value for name, value in found.items() if value}

    def describes(self, headers: Mapping[str, str]) -> bool:
        """Whether an answer offers this very version: some servers ignore conditions. One that names no version may have changed it."""
        told = {"etag": self.etag, "last_modified": self.last_modified}
        return headers.get("Content-Length") == str(self.bytes) and any(told.values()) and versions(headers) == told


def versions(headers: Mapping[str, str]) -> dict[str, str | None]:
    """Return what an answer says of its version, as far as it can be sent back."""
    told = {"etag": headers.get("ETag"), "last_modified": headers.get("Last-Modified")}
    return {name: value if _plain(value) else None for name, value in told.items()}


def _plain(value: Any) -> bool:
    """Whether a value may stand in a header."""
    return isinstance(value, str) and value.isascii() and value.isprintable()


def record_path(out: Path) -> Path:
    """Return where the record of a finished file lies."""
    return out.with_name(f".{out.name}.json")


def read_record(value: Any) -> Record | None:
    """Read a record from JSON; None if it is none."""
    try:
        record = Record(**value)
    except TypeError:
        return None
    sound = all(value is None or _plain(value) for value in (record.etag, record.last_modified))
    return record if sound and isinstance(record.url, str) and isinstance(record.sha256, str) else None


def kept_record(out: Path, fallback: Any = None) -> Record | None:
    """Return the record of a finished file if the file still is what it says, else None.

    Parameters
    ----------
    out : Path
        The file.
    fallback : optional
        Its entry in a manifest, for a file whose own record is gone.
    """
    if not out.is_file():
        return None
    try:
        value = read_json(record_path(out))
    except (OSError, ValueError, RecursionError):
        value = fallback
    record = read_record(value)
    if record is None or out.stat().st_size != record.bytes or sha256_file(out) != record.sha256:
        return None
    return record


def _note(path: Path) -> dict[str, Any]:
    """Read the note of an unfinished download; empty if it is none."""
    try:
        found = read_json(path)
    except (OSError, ValueError, RecursionError):
        return {}
    if not isinstance(found, dict) or type(found.get("total", 0)) not in (int, type(None)):
        return {}
    return found if all(found.get(name) is None or _plain(found[name]) for name in ("etag", "last_modified")) else {}


class Part:
    """The bytes of an unfinished download, and what they are the beginning of."""

    def __init__(self, out: Path):
        self.path = out.with_name(f"{out.name}.part")
        self.note = out.with_name(f"{out.name}.part.json")
        self.state: dict[str, Any] = _note(self.note)

    @property
    def size(self) -> int:
        """Bytes that are here."""
        return self.path.stat().st_size if self.path.is_file() else 0

    @property
    def total(self) -> int | None:
        """Bytes that the whole file has, if the server said so."""
        return self.state.get("total")

    @property
    def validator(self) -> str | None:
        """What names this version exactly; a weak ETag does not (RFC 9110, 13.1.5)."""
        etag = self.state.get("etag")
        return etag if etag and not etag.startswith("W/") else self.state.get("last_modified")

    def resumable(self, url: str) -> bool:
        """Whether a server can be asked to go on behind the bytes that are here."""
        return self.size > 0 and self.state.get("url") == url and self.validator is not None

    def begin(self, url: str, headers: Mapping[str, str], total: int | None) -> None:
        """Forget what was here; note what comes now before its first byte does."""
        remove(self.path)
        self.state = {"url": url, "total": total, **versions(headers)}
        write_json(self.note, self.state)

    def continues(self, headers: Mapping[str, str]) -> bool:
        """Whether an answer is of the same version as the bytes that are here."""
        return all(value is None or self.state.get(name) in (None, value) for name, value in versions(headers).items())

    def set_total(self, total: int) -> None:
        """Note the size of the whole file."""
        self.state["total"] = total
        write_json(self.note, self.state)

    def discard(self) -> None:
        """Forget what was here."""
        remove(self.path)
        remove(self.note)
        self.state = {}
