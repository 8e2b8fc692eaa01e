"""What classifiers that look at nothing score."""

from collections.abc import Mapping
from math import log


def baselines(counts: Mapping[str, int], prevalence: float | None) -> dict[str, dict[str, float]]:
    """Return what classifiers that look at nothing score.

    Parameters
    ----------
    counts : mapping of class to samples
    prevalence : float or None
        Share of the positive class, if there is one.

    Returns
    -------
    dict
        `majority`: always the most frequent class. With a positive class also `always_positive`, and
        `prevalence`: the probability of every sample is the prevalence (ranks at random).
    """
    total, most = sum(counts.values()), max(counts.values())
    macro = 2 * most / (total + most) / len(counts)
    # Without a positive class, F1 is the mean over classes wherever it stands.
    found = {"majority": {"accuracy": most / total, "mcc": 0.0, "f1": macro if prevalence is None else 0.0, "macro_f1": macro}}
    if prevalence is not None and 0 < prevalence < 1:
        entropy = -prevalence * log(prevalence) - (1 - prevalence) * log(1 - prevalence)
        if prevalence > 0.5:
            found["majority"]["f1"] = 2 * prevalence / (1 + prevalence)
        found["always_positive"] = {"accuracy": prevalence, "mcc": 0.0, "f1": 2 * prevalence / (1 + prevalence), "recall": 1.0}
        found["prevalence"] = {"pr_auc": prevalence, "roc_auc": 0.5, "brier": prevalence * (1 - prevalence), "log_loss": entropy}
    return found
