"""Heads: small networks from features to one logit a class."""

import torch
from torch import nn
from torch.nn.functional import normalize

from fringeflow.models.standardise import scales

SILVA_WIDTHS = (1024, 512, 256, 128, 64, 32)


class Standardise(nn.Module):
    """Z-score with the mean and standard deviation of the training features, kept with the weights.

    A feature that is all but constant in training is divided by more than its deviation (see `scales`).
    """

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
        self.scale = torch.from_numpy(scales(spread.numpy()))

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Return the standardised features."""
        return (features - self.mean) / self.scale


class Cosine(nn.Module):
    """A last layer whose logits are the cosines between features and one direction a class.

    Margins mean something on cosines: on logits of any length a network could grow out of them.

    References
    ----------
    Cao et al. (2019), arXiv:1906.07413, section 3.2 (last layer and its inputs normalised to length 1).
    """

    def __init__(self, dim: int, classes: int):
        super().__init__()
        self.weight = nn.Parameter(nn.Linear(dim, classes, bias=False).weight.detach().clone())

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Return cosines, shape (n, classes)."""
        return normalize(features, dim=1) @ normalize(self.weight, dim=1).T


def build_head(
    name: str, dim: int, classes: int, *, dropout: float = 0.0, normalised: bool = False, standardised: bool = True
) -> nn.Sequential:
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
    normalised : bool
        Whether the last layer gives cosines, as margins need them.
    standardised : bool
        Whether the features are standardised first.

    Raises
    ------
    ValueError
        If the name is unknown.
    """
    layers: list[nn.Module] = [Standardise(dim)] if standardised else []
    if dropout:
        layers.append(nn.Dropout(dropout))
    if name == "silva":
        for width in SILVA_WIDTHS:
            layers += [nn.Linear(dim, width), nn.ReLU(), nn.BatchNorm1d(width)]
            dim = width
    elif name != "linear":
        raise ValueError(f"unknown head '{name}'; valid: linear, silva")
    layers.append(Cosine(dim, classes) if normalised else nn.Linear(dim, classes))
    return nn.Sequential(*layers)


def start_at(head: nn.Sequential, shares: torch.Tensor, shift: torch.Tensor) -> None:
    """Let an untrained head predict about the classes' shares in its loss, so that no epoch is spent on finding them.

    A head of cosines has no constant to put them into and starts from equal classes.

    Parameters
    ----------
    head : Sequential
        From `build_head`.
    shares : Tensor, shape (classes,)
        Of the classes in the loss, each above 0.
    shift : Tensor, shape (classes,)
        What the loss adds to the logits: that much of the shares is known to it already.

    References
    ----------
    Lin et al. (2017), arXiv:1708.02002, section 3.3 (the prior of a rare class).
    """
    last = head[-1]
    if not isinstance(last, nn.Linear):
        return
    with torch.no_grad():
        last.weight.mul_(0.1)
        last.bias.copy_(torch.log(shares / shares.sum()) - shift)
