"""Progress bars: live on a terminal, a line every few seconds in a log file."""

import sys
from collections.abc import Iterable, Iterator
from typing import Any, TypeVar

from tqdm import tqdm

T = TypeVar("T")


def progress_bar(total: int | None = None, *, desc: str, unit: str = "it", **options: Any) -> tqdm:
    """Return a tqdm bar on stderr that a log file can hold: there it writes every ten seconds only."""
    live = sys.stderr.isatty()
    return tqdm(
        total=total,
        desc=desc,
        unit=unit,
        file=sys.stderr,
        mininterval=0.2 if live else 10.0,
        ascii=not live,
        leave=live,
        dynamic_ncols=live,
        **options,
    )


def track(items: Iterable[T], *, desc: str, total: int | None = None, unit: str = "it") -> Iterator[T]:
    """Yield `items` while a bar advances."""
    if total is None and hasattr(items, "__len__"):
        total = len(items)  # type: ignore[arg-type]
    with progress_bar(total, desc=desc, unit=unit) as bar:
        for item in items:
            yield item
            bar.update()
