"""Scenes to pretrain on, each another place and another day: an earthquake, a volcano, or nothing but weather.

They are wider than the embedded archive, whose noise and weather have one setting: what a network must not take for an
earthquake is drawn from the mild to the extreme. Nothing is written; a seed and a number make the same scene again.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from fringeflow.deformation.draw import draw_fault, resolved
from fringeflow.deformation.line_of_sight import towards_satellite
from fringeflow.deformation.local import KM_PER_DEG
from fringeflow.deformation.model import phase_at, phase_of_fault
from fringeflow.deformation.volcanic import PointSource, Sill, volcanic_phase
from fringeflow.simulate.fields import Field, power_law_field
from fringeflow.simulate.noise import gradient_coherence, noise_coherence, speckle
from fringeflow.simulate.streams import stream
from fringeflow.simulate.unwrapping import TWO_PI, trusted_where, unwrapped_phase, wrong_patch
from fringeflow.simulate.varied_ground import VariedGround, draw_ground

KINDS = {"earthquake": 0.6, "volcano": 0.12, "quiet": 0.28}
"""Share of each kind of scene."""
PIXEL_DEG = 0.001
MAGNITUDE = (5.0, 7.5)
DEPTH_KM = (1.0, 40.0)
MARGIN = 0.15
"""How far outside a scene an epicentre may lie, in sides of the scene."""
SEEN = 0.012
"""Least share of an earthquake's scene that is deformed by a fringe: what shows less teaches nothing."""
TRIES = 60
FILTERED = 0.5
"""Probability that a product was smoothed, as LiCSAR's filtered phase is."""
MASKED = 0.15
"""Probability that incoherent pixels were masked."""
WAVES, STEPS = 0.06, 0.06
"""Probability of lee waves, and of a step between bursts."""
PATCHES = (0.55, 0.3, 0.15)
"""Probability of none, one and two patches that are whole fringes off, in an unwrapped scene."""
LINED = 0.5
"""Probability that such a patch is bounded by a line without data: a river or a fault, across which the unwrapper lost count."""
ADRIFT = 0.3
"""Probability that land which no data joins to the rest is whole fringes off: an island, or the far side of a river."""
LEAST_PIECE = 100
"""Pixels; unwrappers trust no smaller piece."""


@dataclass(frozen=True)
class VariedScene:
    """One simulated interferogram.

    Attributes
    ----------
    kind : str
        One of `KINDS`.
    phase : ndarray of float32, shape (size, size), radians
        Of the view; NaN where there is no data.
    fringes : ndarray of float32
        What the earthquake alone left, in cycles, without sign; 0 in other kinds.
    seen : ndarray of bool
        Where the phase has data, and coherence enough to see a fringe.
    """

    kind: str
    phase: NDArray[np.float32]
    fringes: NDArray[np.float32]
    seen: NDArray[np.bool_]


def varied_scene(seed: int, number: int, size: int, view: str = "wrapped") -> VariedScene:
    """Simulate one scene.

    Parameters
    ----------
    seed : int
    number : int
        Which one; nothing but these decides what it shows.
    size : int
        Rows and columns.
    view : {"wrapped", "unwrapped"}
        Which phase of the same scene.

    Returns
    -------
    VariedScene
    """
    rng = stream(seed, "varied", str(number))
    kind = str(rng.choice(list(KINDS), p=list(KINDS.values())))
    ascending = rng.random() < 0.5
    heading = float((-11.0 if ascending else -169.0) + rng.uniform(-4, 4))
    towards = towards_satellite(heading, float(rng.uniform(29.0, 46.0)))
    north_deg = float(rng.uniform(-58.0, 58.0))
    pixel_km = (PIXEL_DEG * KM_PER_DEG, PIXEL_DEG * KM_PER_DEG * float(np.cos(np.radians(north_deg))))
    latitude = north_deg - PIXEL_DEG * np.arange(size, dtype=np.float64)
    longitude = PIXEL_DEG * np.arange(size, dtype=np.float64)
    ground = draw_ground(rng, (size, size), pixel_km, heading)
    deformation = np.zeros((size, size), np.float32)
    if kind == "earthquake":
        deformation = _earthquake(rng, towards, latitude, longitude)
        if not deformation.any():
            kind = "quiet"
    fringes = (np.abs(deformation) / TWO_PI).astype(np.float32)
    if kind == "volcano":
        deformation = _volcano(rng, ground, towards, latitude, longitude)
    signal = deformation + _delays(rng, ground, pixel_km)
    coherence = ground.coherence * gradient_coherence(deformation)
    looks = float(rng.choice([5.0, 10.0, 20.0, 40.0]))
    phasor, estimate = speckle(rng, coherence, looks)
    phasor *= np.exp(1j * signal)
    if rng.random() < FILTERED:
        sigma = float(rng.uniform(0.4, 1.8))
        phasor = ndimage.gaussian_filter(phasor.real, sigma) + 1j * ndimage.gaussian_filter(phasor.imag, sigma)
    covered = ground.covered
    if rng.random() < MASKED:
        covered = covered & (ndimage.uniform_filter(estimate, 3) > rng.uniform(0.2, 0.5))
    phase = np.where(covered, np.angle(phasor), np.nan).astype(np.float32)
    if view == "unwrapped":
        rng = stream(seed, "unwrapping", str(number))  # of its own: the wrapped scene stays what it is
        trusted = trusted_where(covered, ground.water, estimate, noise_coherence(looks) + rng.uniform(0.05, 0.25))
        trusted, error = _miscounted(rng, trusted, pixel_km)
        phase = unwrapped_phase(phase, signal, trusted, error)
    return VariedScene(kind, phase, fringes, np.isfinite(phase) & (coherence > 0.2))


def _miscounted(rng: np.random.Generator, trusted: NDArray[np.bool_], pixel_km: tuple[float, float]) -> tuple[NDArray[np.bool_], Field]:
    """Return where an unwrapped scene holds data, given where it is coherent, and the fringes that were miscounted, radians."""
    error = np.zeros(trusted.shape, np.float32)
    for _ in range(int(rng.choice(len(PATCHES), p=PATCHES))):
        patch = wrong_patch(rng, trusted.shape, pixel_km)
        error[patch] += _fringes_off(rng)
        if rng.random() < LINED:
            trusted = trusted & ~(ndimage.binary_dilation(patch, iterations=int(rng.integers(1, 4))) & ~ndimage.binary_erosion(patch))
    pieces, count = ndimage.label(trusted)
    sizes = np.bincount(pieces.ravel(), minlength=count + 1)
    sizes[0] = 0
    largest = int(np.argmax(sizes))
    for piece in np.flatnonzero(sizes >= LEAST_PIECE):
        if piece != largest and rng.random() < ADRIFT:
            error[pieces == piece] += _fringes_off(rng)
    return sizes[pieces] >= LEAST_PIECE, error


def _fringes_off(rng: np.random.Generator) -> np.float32:
    """Return by how much an unwrapper is off, radians: mostly one fringe."""
    return np.float32(TWO_PI * rng.choice([-2, -1, 1, 2], p=[0.1, 0.4, 0.4, 0.1]))


def _earthquake(
    rng: np.random.Generator, towards: NDArray[np.float64], latitude: NDArray[np.float64], longitude: NDArray[np.float64]
) -> Field:
    """Return the phase of an earthquake that shows, radians; all 0 if none of many drawn does."""
    step = max(1, len(latitude) // 24)
    coarse = latitude[::step][:, None], longitude[::step][None, :]
    size = float(rng.uniform(*MAGNITUDE))  # once: if the small that do not show were drawn anew, most would be great
    for _ in range(TRIES):
        fault = draw_fault(rng, (latitude[0], latitude[-1]), (longitude[0], longitude[-1]), (size, size), DEPTH_KM, margin=MARGIN)
        if (np.abs(phase_at(fault, towards, *coarse)) >= TWO_PI).mean() < SEEN:
            continue
        phase = phase_of_fault(fault, towards, latitude, longitude)
        if resolved(phase).mean() >= 0.4:  # of great shallow ones little but noise is left
            return phase
    return np.zeros((len(latitude), len(longitude)), np.float32)


def _volcano(
    rng: np.random.Generator,
    ground: VariedGround,
    towards: NDArray[np.float64],
    latitude: NDArray[np.float64],
    longitude: NDArray[np.float64],
) -> Field:
    """Return the phase of a chamber or a sill, half of them under the scene's highest ground, radians."""
    size = len(latitude)
    row, column = rng.integers(0, size, 2)
    if rng.random() < 0.5:
        row, column = np.unravel_index(int(np.argmax(ground.height_km)), ground.height_km.shape)
    where = float(latitude[row]), float(longitude[column])
    depth = float(rng.uniform(1.0, 8.0))
    source: PointSource | Sill = PointSource(*where, depth, 1e6)
    if rng.random() < 0.4:
        length, width, dip = *rng.uniform(1.0, 6.0, 2), rng.uniform(0.0, 15.0)
        deep = max(depth, 0.6 + 0.5 * width * float(np.sin(np.radians(dip))))
        source = Sill(*where, deep, float(rng.uniform(0, 360)), float(dip), float(length), float(width), 0.1)
    phase = volcanic_phase(source, towards, latitude[:, None], longitude[None, :])
    peak = float(rng.lognormal(np.log(1.2), 0.6))  # fringes; both models are linear in their source
    return (phase * np.float32(rng.choice([-1, 1]) * peak * 2 * np.pi / max(float(np.abs(phase).max()), 1e-9))).astype(np.float32)


def _delays(rng: np.random.Generator, ground: VariedGround, pixel_km: tuple[float, float]) -> Field:
    """Return the weather and the orbit of a pair, radians: turbulence (Hanssen 2001), stratification, a ramp, a constant."""
    shape = ground.height_km.shape
    turbulent = power_law_field(
        rng,
        shape,
        pixel_km,
        exponents=(8 / 3, float(rng.uniform(3.2, 4.0))),
        breaks_km=[float(rng.uniform(1.5, 8.0))],
        outer_km=float(rng.uniform(15.0, 90.0)),
    )
    strength = rng.lognormal(np.log(1.5), 0.7)
    per_km = 2.5 * rng.standard_t(4)
    power = rng.uniform(0.7, 1.5)
    stratified = per_km * ground.height_km**power
    if rng.random() < 0.3:  # the layers differ from place to place
        stratified = stratified * (1.0 + 0.5 * power_law_field(rng, shape, pixel_km, exponents=[3.5], outer_km=60.0))
    rows, columns = np.linspace(-0.5, 0.5, shape[0])[:, None], np.linspace(-0.5, 0.5, shape[1])[None, :]
    slope, direction = rng.normal(0.0, 4.0), rng.uniform(0.0, 2.0 * np.pi)
    ramp = slope * (np.cos(direction) * columns + np.sin(direction) * rows)
    phase = strength * turbulent + stratified + ramp + rng.uniform(-np.pi, np.pi)
    if rng.random() < WAVES:
        phase = phase + _waves(rng, shape, pixel_km)
    if rng.random() < STEPS:  # between bursts or swaths that do not quite fit
        side = np.cos(direction) * rows + np.sin(direction) * columns > rng.uniform(-0.4, 0.4)
        phase = phase + rng.uniform(0.3, np.pi) * side
    return phase.astype(np.float32)


def _waves(rng: np.random.Generator, shape: tuple[int, int], pixel_km: tuple[float, float]) -> Field:
    """Return lee waves: a train of parallel waves in the lower atmosphere that fades to its sides, radians."""
    down = np.arange(shape[0], dtype=np.float32)[:, None] * np.float32(pixel_km[0])
    across = np.arange(shape[1], dtype=np.float32)[None, :] * np.float32(pixel_km[1])
    direction, length_km = rng.uniform(0.0, 2.0 * np.pi), rng.uniform(4.0, 15.0)
    along = np.cos(direction) * down + np.sin(direction) * across
    fade = np.hypot(down - rng.uniform(0, down[-1, 0]), across - rng.uniform(0, across[0, -1])) / rng.uniform(8.0, 25.0)
    return (rng.uniform(0.5, 3.0) * np.sin(2 * np.pi * along / length_km) * np.exp(-0.5 * fade**2)).astype(np.float32)
