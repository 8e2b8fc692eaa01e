"""The exceptions of Fringeflow, one family so that callers can catch them all.

Every message says which file or key, what was found, what was expected and what to do.
"""

from collections.abc import Iterable
from difflib import get_close_matches

SHOWN = 12
"""Most names that a message lists."""


class FringeflowError(Exception):
    """Base of every error that Fringeflow raises on purpose."""


class ConfigError(FringeflowError):
    """The configuration or one of its tables is wrong; the message lists every problem."""

    def __init__(self, problems: Iterable[str]):
        self.problems = list(problems)
        count = len(self.problems)
        head = f"{count} problem{'s' if count > 1 else ''} in the configuration:"
        super().__init__("\n".join([head, *(f"  - {problem}" for problem in self.problems)]))

    def __reduce__(self) -> tuple[type["ConfigError"], tuple[list[str]]]:
        """Travel between processes as the problems, not as the message made of them."""
        return type(self), (self.problems,)


class DownloadError(FringeflowError):
    """No mirror gave a usable file."""


class ProductError(FringeflowError):
    """A LiCSAR product cannot be used: corrupt, empty, or on the wrong grid."""


class DatasetError(FringeflowError):
    """A dataset cannot be built or used: a class or a split is empty, or groups leak."""


class ModelError(FringeflowError):
    """A model cannot be built, trained or applied: weights missing, NaN features, divergence."""


class ClusterError(FringeflowError):
    """Work cannot be shared out among nodes: no cluster, no workers, or they are lost again and again."""


class RunError(FringeflowError):
    """Another run works in this folder, or the run that a job belongs to has ended."""


class DiskFullError(FringeflowError):
    """There is no room for a result."""


class DamageError(FringeflowError):
    """A result is not as the job that made it left it."""


def nearest(name: str, valid: Iterable[str]) -> str:
    """Suggest the nearest valid names.

    >>> nearest("focl", ["focal", "none"])
    "did you mean 'focal'? Valid: focal, none"
    """
    valid = sorted(valid)
    close = get_close_matches(name, valid, n=1)
    hint = f"did you mean '{close[0]}'? " if close else ""
    more = f" and {len(valid) - SHOWN} more" if len(valid) > SHOWN else ""
    return f"{hint}Valid: {', '.join(valid[:SHOWN])}{more}"


def bullets(problems: Iterable[str], most: int = 50) -> str:
    r"""Put each problem on a line of its own, at most so many of them.

    >>> bullets(["a", "b", "c"], most=2)
    '\n  - a\n  - b\n  - and 1 more'
    """
    problems = list(problems)
    shown = problems[:most] + ([f"and {len(problems) - most} more"] if len(problems) > most else [])
    return "".join(f"\n  - {problem}" for problem in shown)
