"""Samples of a fold as tensors on the device that trains on them."""

from collections.abc import Iterator, Sequence

import numpy as np
import torch

from fringeflow.training.ahead import read_ahead
from fringeflow.training.folds import Fold

Batch = tuple[torch.Tensor, torch.Tensor, torch.Tensor]


class Batches:
    """Samples of a fold as tensors on the device: features of a frozen backbone stay there, images are read by the batch."""

    def __init__(self, fold: Fold, device: torch.device, *, resident: bool):
        self.fold, self.device = fold, device
        self.labels, self.weights = self._tensor(fold.labels.astype(np.int64)), self._tensor(fold.weights.astype(np.float32))
        self.features = self._tensor(fold.features.all()) if resident else None

    def _tensor(self, array: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(array).to(self.device)

    def __call__(self, parts: Sequence[np.ndarray]) -> Iterator[Batch]:
        """Yield features, labels and weights of some rows at a time."""
        if self.features is None:
            for rows, images in read_ahead(self.fold.features, parts):
                chosen = self._tensor(rows)
                yield self._tensor(images), self.labels[chosen], self.weights[chosen]
            return
        for rows in parts:
            chosen = self._tensor(rows)
            yield self.features[chosen], self.labels[chosen], self.weights[chosen]
