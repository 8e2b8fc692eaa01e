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


def test_the_rate_holds_in_a_frame_of_its_own_kind():
    """Frames differ as much as their interferograms do: 38 of two other frames, counted as 38 units, broke a rate of 0.05."""
    rng = np.random.default_rng(1)
    for others, each, own in ((2, 19, 0), (4, 3, 0), (19, 2, 0), (19, 2, 1)):
        ground = {f"{number:03d}A_05000_131313": number for number in range(others)} | {FRAME: others}
        keys = [f"{name}/{key}" for name, number in ground.items() for key in days(each if number < others else own)]
        rate, alarms = 1 / (others + own + 1), []
        units = choose_units(keys, FRAME, rate)
        assert (units.scope, len(units.groups)) == ("all", others + own)
        for _ in range(1000):
            kind = rng.normal(size=others + 1)
            seen = [np.mean([level(rng, kind[ground[key.split("/")[0]]]) for key in group], axis=0) for group in units.groups]
            found = control_risk(np.array(seen), rate)
            assert found.attained and not control_risk(np.array(seen), 0.9 * rate).attained
            alarms.append(level(rng, kind[-1])[np.searchsorted(EDGES, found.threshold)])
        assert np.mean(alarms) <= rate + 3 * np.std(alarms) / np.sqrt(len(alarms))


def level(rng: np.random.Generator, kind: float) -> np.ndarray:
    """Losses of an interferogram of a frame of some kind."""
    return whole(np.array(1 / (1 + np.exp(-(kind + rng.normal())))))


def days(count: int) -> list[str]:
    """Return pairs that share no acquisition."""
    return [f"{2000 + number}0101_{2000 + number}0113" for number in range(count)]
