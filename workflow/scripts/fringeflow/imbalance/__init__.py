"""Strategies against imbalance: weights, losses (defined once in NumPy, mirrored by frameworks) and sampling."""
