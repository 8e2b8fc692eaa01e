"""What a file must be to be taken, and the errors that say it is something else."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


class ContentError(Exception):
    """A whole answer that is not the file: a page, an empty body, a corrupt file."""


class PageError(ContentError):
    """The head of an answer already says that a page comes; what was downloaded before stays."""


@dataclass(frozen=True)
class Content:
    """How a kind of file is recognised.

    Attributes
    ----------
    sniff : callable
        Takes the first bytes that come, at least one; raises `ContentError` if no such file begins so.
    check : callable
        Takes the path of the whole file; raises `ContentError` if it is not usable. Another error of Fringeflow's
        says that the file is sound and of no use: it is not asked for again, and the error reaches the caller.
    """

    sniff: Callable[[bytes], None]
    check: Callable[[Path], object]


def refuse_page(start: bytes) -> None:
    """Refuse a body that begins as a page does.

    Raises
    ------
    ContentError

    Examples
    --------
    >>> refuse_page(b"II*")
    """
    if start.lstrip()[:1] == b"<":
        raise ContentError("an HTML page came instead of a file")
