"""The registry of views: what a sample holds, and the encodings that make a model's input of it.

Metadata only: the Snakefile's process imports this module, so it imports no array library.
"""

from dataclasses import dataclass
from typing import Literal

from fringeflow.errors import nearest

ENCODINGS = {
    "sincos": "sine and cosine of the phase as two signed channels; the third is the view's own",
    "gray": "one picture repeated over three channels",
    "colormap": "a picture in false colours, cyclic for a wrapped phase",
    "rgb": "a picture in its own colours",
}
PICTURES = frozenset({"gray", "colormap", "rgb"})
"""Encodings with values in [0, 1], which a backbone's own mean and standard deviation normalise."""


@dataclass(frozen=True)
class View:
    """One way to look at a sample.

    Attributes
    ----------
    name : str
    quantity : {"cyclic", "level", "power", "amplitude", "colour"}
        `cyclic`: an angle in radians; `level`: radians with an arbitrary constant; `power`: decibels; `amplitude`: of
        a wave, over what it is clipped at; `colour`: red, green and blue, three planes one below the other.
    units : str
        Of the stored samples.
    low, high : float
        Fixed constants, in `units`: what becomes black and white in a picture. A `level` is first
        centred on the sample's own median.
    no_data : float
        The picture's value where there is no data, 0 to 1.
    encodings : tuple of str
        Valid encodings, the default first.
    summary : str
    of : frozenset of str
        What has it: ``interferograms``, ``recordings``, ``pictures``.
    """

    name: str
    quantity: Literal["cyclic", "level", "power", "amplitude", "colour"]
    units: str
    low: float
    high: float
    no_data: float
    encodings: tuple[str, ...]
    summary: str
    of: frozenset[str] = frozenset({"interferograms"})

    @property
    def default_encoding(self) -> str:
        """The encoding of a model whose configuration names none."""
        return self.encodings[0]


_PI = 3.141592653589793

VIEWS = {
    view.name: view
    for view in (
        View("wrapped", "cyclic", "rad", -_PI, _PI, 0.5, ("sincos", "gray", "colormap"), "wrapped phase, (-pi, pi]"),
        View("unwrapped", "level", "rad", -20.0, 20.0, 0.5, ("gray", "sincos", "colormap"), "unwrapped phase"),
        View(
            "spectrogram",
            "power",
            "dB",
            -20.0,
            40.0,
            0.0,
            ("gray", "colormap"),
            "of a tile: a mosaic of local wavenumber spectra of exp(i phase); of a recording: power by frequency and time",
            of=frozenset({"interferograms", "recordings"}),
        ),
        View(
            "gather",
            "amplitude",
            "1",
            -1.0,
            1.0,
            0.5,
            ("gray", "colormap"),
            "amplitude of a recording, time down and traces across",
            of=frozenset({"recordings"}),
        ),
        View("images", "colour", "1", 0.0, 1.0, 0.0, ("rgb", "gray", "colormap"), "a picture as it is", of=frozenset({"pictures"})),
    )
}


def view_of(name: str) -> View:
    """Return a registered view.

    Raises
    ------
    ValueError
        If there is none of that name; the message suggests the nearest.
    """
    if name not in VIEWS:
        raise ValueError(f"unknown view '{name}'; {nearest(name, VIEWS)}")
    return VIEWS[name]


def resolve_encoding(view: str, encoding: str | None = None) -> str:
    """Return the encoding of a view: the one asked for, or the view's default.

    Raises
    ------
    ValueError
        If the view or the encoding is unknown, or the encoding is not defined for the view.

    Examples
    --------
    >>> resolve_encoding("wrapped")
    'sincos'
    """
    valid = view_of(view).encodings
    if encoding is None:
        return valid[0]
    if encoding not in ENCODINGS:
        raise ValueError(f"unknown encoding '{encoding}' for the view '{view}'; {nearest(encoding, valid)}")
    if encoding not in valid:
        raise ValueError(f"the encoding '{encoding}' is not defined for the view '{view}'; valid: {', '.join(valid)}")
    return encoding
