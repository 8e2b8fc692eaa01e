"""The four defects of study B, as they look in a shot gather.

The study defines its classes by pictures in folders, not in words. `brak` is Polish for a lack: an empty zone, or
stations that fail. What its noises `DNS` and `Tip-off` are is told nowhere; we model two disturbances that are easily taken
for one another, as the study's are:

- `noise_DNS`: a machine stands beside a part of the spread. Its noise was there before the shot and stays to the
  end, in bursts, each geophone shaking in its own way, often with the hum of mains above it.
- `noise_Tip-off`: the shot itself sets something loose on one side (spoil that slips, a geophone string that tips over). A
  slow, low wave train begins after the shot has passed, grows, dies away, and runs along the spread.

Both fill a part of the spread with noise of about the same band and strength. They differ in when it begins, and in
whether neighbouring traces agree.
"""

from collections.abc import Callable

import numpy as np

from fringeflow.simulate.gather_waves import Spread, Traces, band_noise

MAINS_HZ = 50.0


def draw_defect(rng: np.random.Generator, label: str, traces: Traces, spread: Spread) -> Traces:
    """Return the traces of a sound gather with a defect of a class, drawn anew each time.

    Parameters
    ----------
    rng : Generator
    label : str
        One of `DEFECTS`.
    traces : ndarray of float32, shape (traces, samples)
    spread : Spread

    Returns
    -------
    ndarray of float32, same shape
        A dead trace is exactly 0.
    """
    traces = traces.copy()
    if rng.random() < 0.3:  # hardly a spread is without a geophone that is off, whatever else is wrong with it
        traces[rng.integers(len(traces))] *= np.float32(rng.choice([0.0, 0.05]))
    return DEFECTS[label](rng, traces, spread)


def _empty_zone(rng: np.random.Generator, traces: Traces, spread: Spread) -> Traces:
    """Silence a block of traces; at times only after or before some moment, or not quite."""
    first, last = _block(rng, len(traces), 0.15, 0.45)
    begin, end = 0, spread.shape[1]
    partial = rng.random()
    if partial < 0.15:
        begin = int(end * rng.uniform(0.1, 0.5))
    elif partial < 0.3:
        end = int(end * rng.uniform(0.5, 0.9))
    traces[first:last, begin:end] *= np.float32(rng.choice([0.0, 0.0, 0.0, 0.02]))
    return traces


def _failed_stations(rng: np.random.Generator, traces: Traces, spread: Spread) -> Traces:
    """Let a few stations fail, now and then neighbours: they are dead, spike, ring at one frequency, or drift."""
    count = int(rng.integers(len(traces) // 16, len(traces) // 6))
    chosen = rng.choice(len(traces), count, replace=False)
    if rng.random() < 0.35:
        start = int(rng.integers(len(traces) - 3))
        chosen = np.union1d(chosen, np.arange(start, start + int(rng.integers(2, 4))))
    size = float(np.abs(traces).max())
    habits = rng.choice(["dead", "spikes", "ring", "drift"], len(chosen), p=[0.5, 0.2, 0.2, 0.1])
    for place, habit in zip(chosen, habits, strict=True):
        if habit == "dead":
            traces[place] = 0
        elif habit == "spikes":
            at = rng.choice(spread.shape[1], int(rng.integers(3, 15)), replace=False)
            traces[place, at] += (rng.choice([-1, 1], len(at)) * size * rng.uniform(0.3, 1.0, len(at))).astype(np.float32)
        elif habit == "ring":
            tone = rng.choice([MAINS_HZ, rng.uniform(8, 40)])
            traces[place] += np.float32(size * rng.uniform(0.05, 0.4)) * _tone(rng, spread, float(tone))
        else:
            traces[place] += np.float32(size * rng.uniform(0.2, 0.6)) * _tone(rng, spread, float(rng.uniform(0.2, 1.0)))
    return traces


def _machine(rng: np.random.Generator, traces: Traces, spread: Spread) -> Traces:
    """Add `noise_DNS`: noise that knows nothing of the shot, in bursts, over a part of the spread."""
    middle = float(rng.uniform(9, 24))
    noise = band_noise(rng, spread, (0.7 * middle, 1.4 * middle))
    if rng.random() < 0.4:  # what the machine shakes reaches all of its neighbours: they agree a little
        shared = band_noise(rng, spread, (0.7 * middle, 1.4 * middle), slowness_s_m=_slowness(rng))
        noise = noise + np.float32(rng.uniform(0.3, 1.0)) * shared
    period, depth = rng.uniform(0.25, 0.9), rng.uniform(0.2, 0.9)
    phase = rng.uniform(0, 2 * np.pi)
    beat = 1 - depth * (0.5 + 0.5 * np.cos(2 * np.pi * spread.times_s / period + phase))
    noise = noise * beat.astype(np.float32)
    if rng.random() < 0.5:
        noise += np.float32(rng.uniform(0.2, 0.7)) * _tone(rng, spread, MAINS_HZ)
    width = rng.uniform(0.4, 0.7)
    return traces + noise * _strength(rng, traces) * _reach(rng, spread, width, at_edge=rng.random() < 0.25)


def _slide(rng: np.random.Generator, traces: Traces, spread: Spread) -> Traces:
    """Add `noise_Tip-off`: a late wave train that the shot sets off on one side of the spread, and that dies away."""
    middle = float(rng.uniform(7, 20))
    train = band_noise(rng, spread, (0.7 * middle, 1.4 * middle), slowness_s_m=_slowness(rng))
    train = train + np.float32(rng.uniform(0.2, 1.0)) * band_noise(rng, spread, (0.7 * middle, 1.4 * middle))
    total = float(spread.times_s[-1])
    begin = total * rng.uniform(0.05, 0.25) + spread.distances_m / rng.uniform(900, 2500)
    rise, fall = total * rng.uniform(0.03, 0.12), total * rng.uniform(0.3, 1.2)
    since = spread.times_s[None, :] - begin[:, None]
    envelope = np.clip(since / rise, 0, 1) * np.exp(-np.maximum(since, 0) / fall)
    width = rng.uniform(0.45, 0.75)
    return traces + train * envelope.astype(np.float32) * _strength(rng, traces) * _reach(rng, spread, width, at_edge=rng.random() < 0.85)


DEFECTS: dict[str, Callable[[np.random.Generator, Traces, Spread], Traces]] = {
    "brak_Empty zone": _empty_zone,
    "brak_Station": _failed_stations,
    "noise_DNS": _machine,
    "noise_Tip-off": _slide,
}
"""What each class of study B does to a gather."""


def _block(rng: np.random.Generator, count: int, smallest: float, largest: float) -> tuple[int, int]:
    """Draw a run of traces, a share of all between two shares."""
    width = max(3, round(count * rng.uniform(smallest, largest)))
    first = int(rng.integers(count - width + 1))
    return first, first + width


def _slowness(rng: np.random.Generator) -> float:
    """Draw the slowness of a slow wave along the spread, either way, s/m."""
    return float(rng.choice([-1, 1]) / rng.uniform(350, 1200))


def _strength(rng: np.random.Generator, traces: Traces) -> np.float32:
    """Draw the strength of a disturbance: that of what the later half of the gather shows, and a few times as much."""
    late = traces[:, traces.shape[1] // 2 :]
    return np.float32(np.sqrt(np.mean(late.astype(np.float64) ** 2)) * np.exp(rng.uniform(np.log(5.0), np.log(15.0))))


def _reach(rng: np.random.Generator, spread: Spread, width: float, *, at_edge: bool) -> Traces:
    """Draw how strong a disturbance is at each geophone, at most 1, shape (traces, 1): a hump of a width, a share of the spread."""
    count = spread.shape[0]
    centre = rng.choice([0.0, 1.0]) if at_edge else rng.uniform(0.2, 0.8)
    place = (np.arange(count) / (count - 1) - centre) / width
    uneven = np.exp(rng.normal(0, 0.2, count))
    return (np.exp(-(np.abs(place * 1.6) ** 4)) * uneven)[:, None].astype(np.float32)


def _tone(rng: np.random.Generator, spread: Spread, hertz: float) -> Traces:
    """Return a sine, shape (samples,), at a phase drawn at random."""
    return np.sin(2 * np.pi * hertz * spread.times_s + rng.uniform(0, 2 * np.pi)).astype(np.float32)
