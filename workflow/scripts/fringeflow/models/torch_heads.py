"""Heads: small networks from features to one logit a class."""

import torch
from torch import nn

SILVA_WIDTHS = (1024, 512, 256, 128, 64, 32)


class Standardise(nn.Module):
    """Z-score with the mean and standard deviation of the training features, kept with the weights."""

    mean: torch.Tensor
    scale: torch.Tensor

    def __init__(self, dim: int):
        super().__init__()
        self.register_buffer("mean", torch.zeros(dim))
        self.register_buffer("scale", torch.ones(dim))

    def fit(self, features: torch.Tensor) -> None:
        """Take mean and standard deviation from `features`; a constant feature is only centred."""
        self.mean = features.mean(dim=0)
        spread = features.std(dim=0, unbiased=False)
        self.scale = torch.where(spread > 1e-6, spread, torch.ones_like(spread))

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Return the standardised features."""
        return (features - self.mean) / self.scale


def build_head(name: str, dim: int, classes: int, *, dropout: float = 0.0) -> nn.Sequential:
    """Return a head: standardise, then the layers.

    Parameters
    ----------
    name : {"linear", "silva"}
        ``linear``: one layer. ``silva``: study A's dense layers of 1024, 512, 256, 128, 64 and 32, each
        with ReLU and batch normalisation, then one layer.
    dim : int
        Length of a feature vector.
    classes : int
        Logits; a softmax of two equals the study's sigmoid.
    dropout : float
        Share of the features dropped in training.

    Raises
    ------
    ValueError
        If the name is unknown.
    """
    layers: list[nn.Module] = [Standardise(dim)]
    if dropout:
        layers.append(nn.Dropout(dropout))
    if name == "silva":
        for width in SILVA_WIDTHS:
            layers += [nn.Linear(dim, width), nn.ReLU(), nn.BatchNorm1d(width)]
            dim = width
    elif name != "linear":
        raise ValueError(f"unknown head '{name}'; valid: linear, silva")
    layers.append(nn.Linear(dim, classes))
    return nn.Sequential(*layers)


def start_at(head: nn.Sequential, shares: torch.Tensor) -> None:
    """Let an untrained head predict about the classes' shares, so that no epoch is spent on finding them.

    Parameters
    ----------
    head : Sequential
        From `build_head`.
    shares : Tensor, shape (classes,)
        Of the classes in the loss, each above 0.

    References
    ----------
    Lin et al. (2017), arXiv:1708.02002, section 3.3 (the prior of a rare class).
    """
    last = head[-1]
    assert isinstance(last, nn.Linear)
    with torch.no_grad():
        last.weight.mul_(0.1)
        last.bias.copy_(torch.log(shares / shares.sum()))
