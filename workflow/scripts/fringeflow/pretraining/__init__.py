"""Pretraining for transfer: thousands of simulated scenes, streamed; how well that carries over to real ones; the packaged model."""
