"""How a message lists several problems."""

from collections.abc import Iterable


def bullets(problems: Iterable[str], most: int = 50) -> str:
    r"""Put each problem on a line of its own, at most so many of them.

    >>> bullets(["a", "b", "c"], most=2)
    '\n  - a\n  - b\n  - and 1 more'
    """
    problems = list(problems)
    shown = problems[:most] + ([f"and {len(problems) - most} more"] if len(problems) > most else [])
    return "".join(f"\n  - {problem}" for problem in shown)
