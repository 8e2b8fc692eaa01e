"""Scores of a pretrained network where deformation is as rare as where it is used: moved after training, which knows nothing of it."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from fringeflow.config.interferograms import Spectrogram
from fringeflow.detection.detector import Detector, open_detector


def prior_shift(trained: float, expected: float) -> list[float]:
    """Return what to take off the log probabilities so that they hold at another prevalence of deformation.

    Parameters
    ----------
    trained, expected : float
        Share of deformation in training and where the network is used, between 0 and 1. The first is taken to lie between 1 % and
        99 %: it is known from some hundred tiles, which may all be of a kind.

    References
    ----------
    Saerens, Latinne and Decaestecker (2002), Neural Computation 14(1), equation 2.4.

    Examples
    --------
    >>> [round(float(np.exp(-value)), 3) for value in prior_shift(0.5, 0.05)]
    [1.9, 0.1]
    """
    trained = min(max(trained, 0.01), 0.99)
    return [float(np.log((1 - trained) / (1 - expected))), float(np.log(trained / expected))]


def at_prevalence(about: Mapping[str, Any], prevalence: float) -> dict[str, Any]:
    """Return the run.json of a run of `pretrain` with its scores moved to a prevalence."""
    return {**about, "prevalence": prevalence, "adjust": prior_shift(float(about["trained_prevalence"]), prevalence)}


def open_pretrained(run: Path, prevalence: float) -> Detector:
    """Open a run of `pretrain`, its scores moved to a prevalence; a packaged model is opened as it is, by `open_detector`.

    Parameters
    ----------
    run : Path
        Folder, as `pretrain` leaves it.
    prevalence : float
        Share of tiles with deformation, between 0 and 1.

    Raises
    ------
    ModelError
        If there is no run.
    """
    detector = open_detector(run, Spectrogram())
    return replace(detector, run=replace(detector.run, about=at_prevalence(detector.run.about, prevalence)))
