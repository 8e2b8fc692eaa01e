"""Evaluation: metrics that imbalance does not flatter, with intervals over earthquakes."""
