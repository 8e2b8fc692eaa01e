"""Training: the embedding cache, fit loops, and predictions."""
