"""What a Python file says, apart from comments, docstrings and layout, and the names that it imports.

To understand every module of the package takes a second, and every Snakemake asks for it as it starts, also the two in each job
on a cluster. So it is found once for each content of a file, and remembered in the user's cache folder.
"""

import ast
import hashlib
import json
import os
import re
import sys
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import NamedTuple

from fringeflow.errors import FringeflowError
from fringeflow.files import atomic

MOST = 1000
"""Contents that are remembered, the last ones."""
DIGEST = re.compile(r"[0-9a-f]{64}")
_new: list[str] = []


def memory() -> Path:
    """Return where it is remembered: `fringeflow/syntax.json` in $XDG_CACHE_HOME, which is ~/.cache unless it is set."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "fringeflow" / "syntax.json"


class Syntax(NamedTuple):
    """One file."""

    digest: str
    """SHA-256 of the syntax tree without docstrings; another version of Python may give another."""
    imports: tuple[str, ...]
    """Dotted names, lazily imported ones too; of `from a import b`, both `a` and `a.b`, since `b` may be a module."""


@cache
def syntax(path: Path) -> Syntax:
    """Return what a file says; `remember` keeps it for the next process.

    Raises
    ------
    OSError, SyntaxError
        If it cannot be read or is no Python.
    """
    source = path.read_bytes()
    key = hashlib.sha256(_reader() + source).hexdigest()
    known = _remembered()
    if key not in known:
        known[key] = _understand(source, path)
        _new.append(key)
    return known[key]


def _understand(source: bytes, path: Path) -> Syntax:
    """Read the syntax tree."""
    tree = ast.parse(source, filename=str(path))
    imports: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            imports.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            imports.add(node.module)
            imports.update(f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            first = node.body[0] if node.body else None
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
                node.body = node.body[1:]
    return Syntax(hashlib.sha256(ast.dump(tree).encode()).hexdigest(), tuple(sorted(imports)))


@cache
def _reader() -> bytes:
    """Return who reads: what another Python, or another version of this file, found is not what this one finds."""
    return repr(sys.version_info).encode() + Path(__file__).read_bytes()


@cache
def _remembered() -> dict[str, Syntax]:
    """Return what earlier processes found, nothing if that cannot be read."""
    with suppress(OSError, RuntimeError, ValueError, TypeError, AttributeError):
        found = {key: Syntax(digest, tuple(imports)) for key, (digest, imports) in json.loads(memory().read_bytes()).items()}
        if all(DIGEST.fullmatch(entry.digest) and all(isinstance(name, str) for name in entry.imports) for entry in found.values()):
            return found
    return {}


def remember() -> None:
    """Keep what was found for the next process; a folder that cannot be written to only costs time."""
    if not _new:
        return
    _new.clear()
    with suppress(OSError, RuntimeError, FringeflowError), atomic(memory()) as part:
        part.write_text(json.dumps(dict(list(_remembered().items())[-MOST:])))
