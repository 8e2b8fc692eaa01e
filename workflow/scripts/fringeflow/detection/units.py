"""What counts as one observation among quiet interferograms.

The promise of `risk.control_risk` needs units that are exchangeable with a new one. Within a frame they are interferograms that share
no acquisition: of a network of three or four pairs to an acquisition all are bad when that is. Interferograms of other frames share
a frame's ground and climate, which are not those of the one that is judged; there the unit is the frame, with the mean of all its
interferograms: however many there are of one frame, they tell of one.
"""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Units:
    """What a threshold rests on.

    Attributes
    ----------
    scope : str
        `frame`: interferograms of the frame itself; `all`: frames, that of the judged one among them; `none`: there is nothing.
    groups : tuple of tuples of str
        The interferograms, `frame/pair`, of each unit: it is the mean of what they show.
    """

    scope: str
    groups: tuple[tuple[str, ...], ...]

    @property
    def keys(self) -> list[str]:
        """All these interferograms."""
        return [key for group in self.groups for key in group]


def choose_units(keys: Iterable[str], frame: str, rate: float) -> Units:
    """Choose what a threshold rests on: the frame itself where it has enough units for the rate or no fewer than there are frames.

    By names alone: what an interferogram shows has no say in whether it counts.

    Parameters
    ----------
    keys : iterable of str
        Quiet interferograms, `frame/pair`.
    frame : str
        Of the interferogram that is to be judged.
    rate : float
        Asked for: n units promise no less than 1 / (n + 1).

    Examples
    --------
    >>> quiet = ["A/20210101_20210113", "A/20210113_20210125", "B/20210101_20210113"]
    >>> choose_units(quiet, "A", 0.5)
    Units(scope='frame', groups=(('A/20210101_20210113',),))
    >>> choose_units(quiet, "A", 0.34)
    Units(scope='all', groups=(('A/20210101_20210113', 'A/20210113_20210125'), ('B/20210101_20210113',)))
    """
    frames: dict[str, list[str]] = {}
    for key in sorted(keys):
        frames.setdefault(key.split("/")[0], []).append(key)
    own = disjoint(frames.get(frame, []))
    if own and (rate >= 1 / (len(own) + 1) or len(own) >= len(frames)):
        return Units("frame", tuple((key,) for key in own))
    return Units("all" if frames else "none", tuple(map(tuple, frames.values())))


def disjoint(keys: Iterable[str]) -> tuple[str, ...]:
    """Return interferograms that share no acquisition, chosen one after the other in the order of their names.

    >>> disjoint(["102A_05000_131313/20210113_20210125", "102A_05000_131313/20210101_20210113"])
    ('102A_05000_131313/20210101_20210113',)
    """
    seen: set[tuple[str, str]] = set()
    chosen = []
    for key in sorted(keys):
        frame, pair = key.split("/")
        dates = {(frame, date) for date in pair.split("_")}
        if not dates & seen:
            seen |= dates
            chosen.append(key)
    return tuple(chosen)
