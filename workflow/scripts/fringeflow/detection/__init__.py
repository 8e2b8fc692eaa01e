"""Trained runs applied to interferograms outside any split."""
