"""The templates, the style and the code of the page: where they lie, and a digest of them.

A rule carries the digest as a parameter beside `code_digest`, which sees Python alone. Imports nothing heavy for that.
"""

import hashlib
from pathlib import Path

TEMPLATES = Path(__file__).parent / "templates"


def looks_digest() -> str:
    """Return a short digest of every file that gives the page its looks."""
    digest = hashlib.sha256()
    for path in sorted(TEMPLATES.iterdir()):
        digest.update(f"{path.name} {hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return digest.hexdigest()[:16]
