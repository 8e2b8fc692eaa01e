"""The interferograms that a folder in LiCSAR layout holds."""

from pathlib import Path

from pydantic import ValidationError

from fringeflow.config.models import Config, Mirror
from fringeflow.config.tables import Event, Interferogram, Tables
from fringeflow.errors import ConfigError


def find_interferograms(root: str | Path) -> list[tuple[str, str]]:
    """Return frame and pair of every interferogram in a folder, sorted.

    Parameters
    ----------
    root : path of `LiCSAR_products`
        Laid out as `{track}/{frame}/interferograms/{pair}/`.

    Raises
    ------
    ConfigError
        If it is no folder, or holds no interferogram.
    """
    root = Path(root)
    if not root.is_dir():
        raise ConfigError([f"detect.folder: '{root}' is not a folder; expected one in LiCSAR layout"])
    found = sorted(
        (path.parts[-3], path.name)
        for path in root.glob("*/*/interferograms/*")
        if path.is_dir() and _is_interferogram(path.parts[-3], path.name)
    )
    if not found:
        raise ConfigError([f"detect.folder: no interferogram in '{root}'; expected {{track}}/{{frame}}/interferograms/{{pair}}/ in it"])
    return found


def _is_interferogram(frame: str, pair: str) -> bool:
    """Whether two folders have the names of a frame and of two dates in their order."""
    try:
        Interferogram(event=frame, frame=frame, pair=pair)
    except ValidationError:
        return False
    return True


def mirrors_for(config: Config, source: str, frame: str, pair: str) -> list[Mirror]:
    """Return the mirrors of an interferogram: the folder that is scanned alone if it holds it, else those of its source.

    A product that the folder lacks is then absent; no portal is asked to complete it.
    """
    folder = config.detect.folder
    if source != "simulated" and folder is not None and any(Path(folder).glob(f"*/{frame}/interferograms/{pair}")):
        return [Mirror(layout="jasmin", root=folder)]
    return config.mirrors_of(source)


def with_folder(tables: Tables, root: str | Path) -> Tables:
    """Add the interferograms of a folder to the tables: those that no event has yet, as areas named after their frames.

    Parameters
    ----------
    tables : Tables
    root : path of `LiCSAR_products`

    Returns
    -------
    Tables

    Raises
    ------
    ConfigError
        See `find_interferograms`.
    """
    owners = {row.key: event for event, rows in tables.interferograms.items() for row in rows}
    events, pairs = dict(tables.events), {event: list(rows) for event, rows in tables.interferograms.items()}
    for frame, pair in find_interferograms(root):
        if f"{frame}/{pair}" not in owners:
            events.setdefault(frame, Event(event=frame))
            pairs.setdefault(frame, []).append(Interferogram(event=frame, frame=frame, pair=pair))
    return Tables(dict(sorted(events.items())), dict(sorted(pairs.items())), tables.gaps)
