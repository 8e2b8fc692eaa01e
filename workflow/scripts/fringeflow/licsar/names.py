"""Names and constants of LiCSAR interferograms from Sentinel-1."""

import re

from fringeflow.config.tables import FRAME_PATTERN, PAIR_PATTERN
from fringeflow.errors import ConfigError

PRODUCTS = ("unw", "diff_pha", "cc")
"""Unwrapped phase, wrapped phase, coherence."""

PHASES = ("unw", "diff_pha")
"""An interferogram needs at least one of these."""

WAVELENGTH_M = 0.05546576
"""Sentinel-1's radar wavelength."""

INCIDENCE_DEG = 39.0
"""Typical incidence angle at the centre of a frame."""

HEADING_DEG = {"A": -13.0, "D": 193.0}
"""Typical flight direction of an ascending and a descending pass, degrees clockwise from north."""


def product_file(pair: str, product: str) -> str:
    """Return a product's file name.

    >>> product_file("20210218_20210303", "unw")
    '20210218_20210303.geo.unw.tif'
    """
    return f"{pair}.geo.{product}.tif"


def track_number(frame: str) -> int:
    """Return a frame's track (relative orbit).

    >>> track_number("006D_05509_131313")
    6
    """
    return int(frame[:3])


def heading_deg(frame: str) -> float:
    """Return the typical flight direction of a frame's pass, degrees clockwise from north.

    >>> heading_deg("102A_05000_131313"), heading_deg("006D_05509_131313")
    (-13.0, 193.0)
    """
    return HEADING_DEG[frame[3]]


def check_names(frame: str, pair: str) -> None:
    """Refuse names that are none before they become paths or URLs.

    Raises
    ------
    ConfigError
        If `frame` or `pair` does not have LiCSAR's form.
    """
    problems = []
    if not re.fullmatch(FRAME_PATTERN, frame):
        problems.append(f"frame: found {frame!r}; expected a LiCSAR frame such as 102A_05000_131313")
    if not re.fullmatch(PAIR_PATTERN, pair):
        problems.append(f"pair: found {pair!r}; expected two dates such as 20210218_20210303")
    if problems:
        raise ConfigError(problems)
