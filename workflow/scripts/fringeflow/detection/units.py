"""What counts as one observation among quiet interferograms: pairs that share an acquisition share its atmosphere.

The promise of `risk.control_risk` needs units that are exchangeable with a new one. A network of three or four pairs to an acquisition
is not as many units: in a bad acquisition all of them are bad. The interferogram that is judged shares none with them, so they
must share none with each other.
"""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Units:
    """What a threshold rests on.

    Attributes
    ----------
    scope : str
        `frame`: interferograms of the frame itself; `all`: of all frames; `none`: there is nothing.
    keys : tuple of str
        Interferograms, `frame/pair`: each is a unit.
    """

    scope: str
    keys: tuple[str, ...]


def choose_units(keys: Iterable[str], frame: str, rate: float) -> Units:
    """Choose what a threshold rests on: the frame itself where it has enough units for the rate, otherwise all frames.

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
    >>> choose_units(["102A_05000_131313/20210101_20210113", "102A_05000_131313/20210113_20210125"], "102A_05000_131313", 0.5)
    Units(scope='frame', keys=('102A_05000_131313/20210101_20210113',))
    """
    everything = disjoint(keys)
    own = tuple(key for key in everything if key.split("/")[0] == frame)
    if not everything:
        return Units("none", ())
    enough = bool(own) and (rate >= 1 / (len(own) + 1) or len(own) == len(everything))
    return Units("frame", own) if enough else Units("all", everything)


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
