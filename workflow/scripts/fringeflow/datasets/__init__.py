"""Datasets: an index over the tiles of events, split by group, checked for leaks, and pictured."""
