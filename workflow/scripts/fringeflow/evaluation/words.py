"""What people call the samples of a dataset: tiles of earthquakes, gathers of recordings, pictures of sources.

Imports no array library: the Snakefile's process needs it for its summary.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


def signed(value: float) -> str:
    """Write a difference with three decimals; one that would look like 0 and is not, with its first digit.

    Examples
    --------
    >>> signed(-0.1024), signed(-0.0003), signed(0.0)
    ('-0.102', '-0.0003', '+0.000')
    """
    return f"{value:+.1g}" if 1e-6 < abs(value) < 5e-4 else f"{value:+.3f}"


@dataclass(frozen=True)
class Words:
    """The nouns of a dataset, in the singular.

    Attributes
    ----------
    sample : str
    group : str
        What stands or falls together: samples of one are drawn, split and counted as one.
    """

    sample: str = "tile"
    group: str = "event"

    @classmethod
    def of(cls, described: Mapping[str, Any]) -> "Words":
        """Read them from `dataset.json` or `metrics.json`; a dataset that has none is of tiles and events."""
        found = described.get("words") or {}
        return cls(found.get("sample", cls.sample), found.get("group", cls.group))

    def as_dict(self) -> dict[str, str]:
        """Return plain values for JSON."""
        return {"sample": self.sample, "group": self.group}

    @property
    def samples(self) -> str:
        """The plural of `sample`."""
        return f"{self.sample}s"

    @property
    def groups(self) -> str:
        """The plural of `group`."""
        return f"{self.group}s"

    def counted(self, groups: int) -> str:
        """Write a number of groups.

        Examples
        --------
        >>> Words("gather", "recording").counted(1), Words().counted(3)
        ('1 recording', '3 events')
        """
        return f"{groups} {self.group if groups == 1 else self.groups}"
