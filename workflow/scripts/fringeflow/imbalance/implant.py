"""Implants: the modelled deformation of earthquakes that never happened, in real interferograms where nothing did.

The rare class gets more samples with true atmosphere, decorrelation and coastlines behind the fringes. What is
implanted is labelled by the very rule that labels real tiles, from a model of the same kind.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fringeflow.config.classes import DEFORMATION
from fringeflow.config.interferograms import LabelRule
from fringeflow.deformation.draw import draw_fault as draw_in_box
from fringeflow.deformation.draw import resolved
from fringeflow.deformation.model import phase_of_fault
from fringeflow.deformation.source import Fault
from fringeflow.errors import DatasetError
from fringeflow.insar.labels import Evidence, Label, judge
from fringeflow.insar.phase import TWO_PI, rewrap

MAGNITUDE = (5.2, 6.8)
"""Mw: below, hardly a fringe reaches the surface; above, the fault alone is longer than several tiles."""
DEPTH_KM = (2.0, 15.0)
"""Depth of the centre: the brittle crust. Deep and small together show nothing, and the label rule drops them."""
MARGIN = 0.5
"""How far outside a tile an epicentre may lie, in sides of the tile: real fringes are cut by edges too."""
ALIASED = 0.02
"""Largest share of the pixels with data where the model turns by more than half a cycle from one to the next. A real
interferogram shows no fringes there, it decorrelates; an implant would show false ones."""
TRIES = 500
"""Draws for a tile before the label rule is taken to be impossible."""
SCREEN = 24
"""Points along each side of the coarse grid on which most draws are dropped before the model is evaluated in full."""


@dataclass(frozen=True)
class Ground:
    """Where something is implanted.

    Attributes
    ----------
    latitude : ndarray of float64, shape (rows,), degrees
        Pixel centres, descending.
    longitude : ndarray of float64, shape (columns,), degrees
    valid : ndarray of bool, shape (rows, columns)
        Where the wrapped phase has data.
    towards : ndarray of float64, shape (3,)
        From the ground to the satellite, as from `deformation.line_of_sight`.
    """

    latitude: NDArray[np.float64]
    longitude: NDArray[np.float64]
    valid: NDArray[np.bool_]
    towards: NDArray[np.float64]

    def thinned(self) -> "Ground":
        """Return every so manieth row and column; all of them if no data would be left."""
        rows, columns = (slice(None, None, max(1, size // SCREEN)) for size in self.valid.shape)
        valid = self.valid[rows, columns]
        return Ground(self.latitude[rows], self.longitude[columns], valid, self.towards) if valid.any() else self

    def phase(self, fault: Fault) -> NDArray[np.float32]:
        """Return the modelled phase of a fault, radians, not wrapped; the same everywhere that labels use."""
        return phase_of_fault(fault, self.towards, self.latitude, self.longitude)

    def judge(self, phase: NDArray[np.float32], rule: LabelRule) -> Label:
        """Label the ground as a tile of a coseismic pair with this modelled phase."""
        evidence = Evidence(coseismic=True, fringes=np.abs(phase) / np.float32(TWO_PI)).where(self.valid)
        return judge(evidence, (slice(None), slice(None)), int(np.count_nonzero(self.valid)), rule)

    def aliased(self, phase: NDArray[np.float32]) -> float:
        """Return the share of the pixels with data where the phase turns more than half a cycle a pixel."""
        steep = np.count_nonzero(~resolved(phase) & self.valid)
        return float(steep) / max(int(np.count_nonzero(self.valid)), 1)


def draw_fault(rng: np.random.Generator, ground: Ground) -> Fault:
    """Draw a dislocation about a tile: every mechanism, strike and magnitude in its range is as likely as any other."""
    latitude, longitude = ((float(axis[0]), float(axis[-1])) for axis in (ground.latitude, ground.longitude))
    return draw_in_box(rng, latitude, longitude, MAGNITUDE, DEPTH_KM, margin=MARGIN)


def draw_visible(rng: np.random.Generator, ground: Ground, rule: LabelRule) -> Fault:
    """Draw dislocations until one makes the tile `deformation` by the label rule, with fringes that can be resolved.

    Parameters
    ----------
    rng : Generator
    ground : Ground
        With data somewhere.
    rule : LabelRule
        Of the dataset's tiling.

    Returns
    -------
    Fault

    Raises
    ------
    DatasetError
        If none does so in `TRIES` draws, or the ground has no data.
    """
    if not ground.valid.any():
        raise DatasetError("a tile without any data was given to implant deformation in; raise min_valid of the tiling above 0")
    coarse = ground.thinned()
    for _ in range(TRIES):
        fault = draw_fault(rng, ground)
        if coarse.judge(coarse.phase(fault), rule).label != DEFORMATION:
            continue
        phase = ground.phase(fault)
        if ground.judge(phase, rule).label == DEFORMATION and ground.aliased(phase) <= ALIASED:
            return fault
    raise DatasetError(
        f"no earthquake of {TRIES} drawn (Mw {MAGNITUDE[0]:g} to {MAGNITUDE[1]:g}, {DEPTH_KM[0]:g} to {DEPTH_KM[1]:g} km deep) makes "
        f"a tile of {ground.valid.shape[0]} x {ground.valid.shape[1]} pixels `deformation`: {rule.min_fringes:g} fringes over "
        f"{rule.min_area:.0%} of what is seen; lower min_fringes or min_area of the tiling, or leave the strategy out"
    )


def implant(wrapped: np.ndarray, unwrapped: np.ndarray, phase: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Add a modelled phase to both phases of a tile.

    Parameters
    ----------
    wrapped, unwrapped : ndarrays of float32, shape (rows, columns), radians
        NaN marks no data and stays NaN.
    phase : ndarray of float32, same shape, radians
        Not wrapped.

    Returns
    -------
    wrapped, unwrapped : ndarrays of float32, same shape, radians
        The first in (-pi, pi]; congruent wherever the given ones were.
    """
    return rewrap(wrapped.astype(np.float64) + phase), (unwrapped.astype(np.float64) + phase).astype(np.float32)
