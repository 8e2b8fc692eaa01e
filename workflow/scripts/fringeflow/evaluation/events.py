"""Each earthquake of a part: was it found, how much of it, and at what price in false alarms."""

from typing import Any

import numpy as np

from fringeflow.evaluation.scores import Scorer


def event_rows(scorer: Scorer) -> list[dict[str, Any]]:
    """Describe each event at every operating point.

    Parameters
    ----------
    scorer : Scorer

    Returns
    -------
    list of dict
        By event name: `event`, `group`, `tiles`, `positives`, `interferograms`, `max_score`, `max_score_on_positives`, and under
        the name of each operating point `detected` (share of seeds), `recall` and `false_alarms_per_interferogram`, means
        over seeds; None where the event has no positives. Empty without a positive class.
    """
    p = scorer.predictions
    if p.positive is None:
        return []
    actual = p.truth == p.positive
    scores = p.probability[:, :, p.positive]
    calls = {point: np.stack(decisions) == p.positive for point, decisions in scorer.decisions.items()}
    interferogram = p.samples.groupby(["frame", "pair"], dropna=False).ngroup().to_numpy()
    rows = []
    for event, index in p.samples.groupby("event", sort=True).indices.items():
        rare, quiet = index[actual[index]], index[~actual[index]]
        frames = len(np.unique(interferogram[index]))
        row: dict[str, Any] = {
            "event": event,
            "group": p.samples["group"].iloc[index[0]],
            "tiles": len(index),
            "positives": len(rare),
            "interferograms": frames,
            "max_score": scores[:, index].max(1).mean(),
            "max_score_on_positives": scores[:, rare].max(1).mean() if len(rare) else None,
        }
        for point, called in calls.items():
            row[point] = {
                "detected": called[:, rare].any(1).mean() if len(rare) else None,
                "recall": called[:, rare].mean() if len(rare) else None,
                "false_alarms_per_interferogram": called[:, quiet].sum(1).mean() / frames,
            }
        rows.append(row)
    return rows
