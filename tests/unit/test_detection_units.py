"""What counts as one observation: a promise of false alarms holds for a new interferogram only if the units are like it."""

from datetime import date, timedelta

import numpy as np

from fringeflow.detection.risk import EDGES, control_risk
from fringeflow.detection.units import choose_units

FRAME = "102A_05000_131313"


def whole(levels: np.ndarray) -> np.ndarray:
    """Losses of interferograms that reach one value everywhere, shape (..., len(EDGES)): all of it is an alarm, or nothing."""
    return (levels[..., None] >= EDGES).astype(float)


def network(frame: str, acquisitions: int, links: int) -> dict[str, tuple[int, int]]:
    """Return the pairs of a LiCSAR network, each acquisition with the next few, with their numbers."""
    days = [f"{date(2020, 1, 1) + timedelta(days=12 * number):%Y%m%d}" for number in range(acquisitions)]
    return {
        f"{frame}/{days[one]}_{days[two]}": (one, two)
        for one in range(acquisitions)
        for two in range(one + 1, min(acquisitions, one + 1 + links))
    }


def seen(weather: np.ndarray, one: int, two: int) -> float:
    """Return the value that a pair of two acquisitions reaches, from 0 to 1."""
    both = weather[one] + weather[two]
    return float(both / (1 + both))


def test_the_rate_holds_for_a_network_of_pairs_that_share_bad_acquisitions():
    """22 pairs of 8 acquisitions, now and then one of heavy weather: counted as 22 units they broke a rate of 0.05 threefold."""
    rng = np.random.default_rng(0)
    pairs = network(FRAME, 8, 4)
    assert len(pairs) == 22
    for rate in (0.05, 0.2, 0.3):
        units, alarms = choose_units(pairs, FRAME, rate), []
        assert len(units.keys) == 4
        for _ in range(1500):
            weather = rng.pareto(2, 10)
            found = control_risk(whole(np.array([seen(weather, *pairs[key]) for key in units.keys])), rate)
            assert found.attained == (rate >= 0.2)
            alarms.append(seen(weather, 8, 9) >= found.threshold)
        assert np.mean(alarms) <= max(rate, 0.2) + 3 * np.std(alarms) / np.sqrt(len(alarms))
        # Nor by never giving an alarm.
        assert np.mean(alarms) > 0.1
