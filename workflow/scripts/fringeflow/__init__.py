"""Fringeflow: earthquake fringes in LiCSAR interferograms, from download to honest statistics."""

__version__ = "0.1.0"
