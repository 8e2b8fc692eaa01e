"""Study A's own figures, to stand beside ours: constants, never computed.

References
----------
Silva, Sousa, Lazecky and Cunha: Unbalanced Technics to Improve the Train for ML Models to Detect Earthquake Fringes.
"""

from dataclasses import dataclass

CITATION = "Silva, Sousa, Lazecky and Cunha: Unbalanced Technics to Improve the Train for ML Models to Detect Earthquake Fringes"
ROWS = {"inception_v3": "InceptionV3", "vgg19": "VGG19", "resnet50_v2": "ResNet50V2"}
"""Architectures as the study calls them, in the order of its table."""
BEST = "vgg19"
"""The architecture that it found best."""
COUNTS = {"train": (499, 14979), "validation": (380, 4051), "test": (252, 3826)}
"""Its patches with and without deformation."""


@dataclass(frozen=True)
class Published:
    """One cell of its table, on its test patches."""

    accuracy: float
    f1: float
    roc_auc: float


TABLE = {
    ("inception_v3", "wrapped"): Published(0.952, 0.371, 0.768),
    ("inception_v3", "unwrapped"): Published(0.938, 0.137, 0.651),
    ("vgg19", "wrapped"): Published(0.971, 0.691, 0.864),
    ("vgg19", "unwrapped"): Published(0.951, 0.330, 0.734),
    ("resnet50_v2", "wrapped"): Published(0.960, 0.526, 0.752),
    ("resnet50_v2", "unwrapped"): Published(0.943, 0.160, 0.669),
}


def prevalence(part: str) -> float:
    """Return the share of patches with deformation in a part of the study.

    >>> round(prevalence("test"), 3)
    0.062
    """
    rare, other = COUNTS[part]
    return rare / (rare + other)
