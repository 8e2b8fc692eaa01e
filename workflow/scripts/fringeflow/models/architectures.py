"""The architectures that are registered: one entry each, with what is valid for it and its defaults.

Metadata only: the Snakefile's process imports this module. The modules that an entry names are
imported when they are used, one framework a process.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from fringeflow.config.learning import Range
from fringeflow.models.cuts import INCEPTION_V3, RESNET50_V2, VGG19
from fringeflow.models.spec import Scalar

IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
HALF = ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
PLAIN = ((0.0, 0.0, 0.0), (1.0, 1.0, 1.0))
CAFFE = ((123.68 / 255, 116.779 / 255, 103.939 / 255), (1 / 255, 1 / 255, 1 / 255))
"""Values of 0 to 255 less the means of ImageNet's pictures; the backbone's module puts blue first."""


@dataclass(frozen=True)
class Option:
    """A hyper-parameter of an architecture: its default, its range, and what it means."""

    default: Scalar
    help: str
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()

    def problem(self, value: Scalar) -> str:
        """Say what is wrong with a value; an empty text if nothing is."""
        if isinstance(value, str) or (isinstance(self.default, str) and self.low is None):
            return "" if value in self.choices else f"found '{value}', expected {self._expected}"
        if isinstance(value, bool) or isinstance(self.default, bool):
            return "" if isinstance(value, bool) and isinstance(self.default, bool) else f"found {value}, expected {self._expected}"
        whole = isinstance(self.default, int) and value != int(value)
        outside = (self.low is not None and value < self.low) or (self.high is not None and value > self.high)
        return f"found {value}, expected {self._expected}" if whole or outside else ""

    def plain(self, value: Scalar) -> Scalar:
        """Return a sound value in the default's type, so that 1 and 1.0 are the same setting."""
        if isinstance(value, str | bool):
            return value
        return int(value) if isinstance(self.default, int) else float(value)

    @property
    def _expected(self) -> str:
        if isinstance(self.default, bool):
            return "true or false"
        if isinstance(self.default, str) and self.low is None:
            return " or ".join(f"'{choice}'" for choice in self.choices)
        kind = "a whole number" if isinstance(self.default, int) else "a number"
        limits = [f"at least {self.low:g}" if self.low is not None else "", f"at most {self.high:g}" if self.high is not None else ""]
        text = " and ".join(limit for limit in limits if limit)
        return " or ".join([f"{kind} {text}".strip(), *(f"'{choice}'" for choice in self.choices)])


@dataclass(frozen=True)
class Architecture:
    """One registered architecture.

    Attributes
    ----------
    name : str
    summary : str
    framework : {"torch", "sklearn", "keras"}
        Never two in a process.
    encoder : str
        Dotted name of the module with `load_encoder`.
    backbone : str
        What that module calls it.
    fitter : str
        Dotted name of the module with `fit` and `load`.
    capabilities : frozenset of str
        From `imbalance.strategies.CAPABILITIES`.
    input_size, min_input_size : int
        Default and smallest, pixels.
    weights : tuple of str
        Valid names, the default first; none for an architecture without weights.
    weights_file : bool
        Whether a file of weights may be given instead.
    heads : tuple of str
        Valid heads, the default first.
    modes : tuple of str
        Valid training modes, the default first.
    from_layer : str
        First trained layer of the mode ``partial`` by default.
    cuts : tuple of str
        All layers that may be the first.
    map_heads : tuple of str
        Heads that take the last feature map, not its means, where all of the backbone is frozen.
    scale : pair of triples of float
        Mean and standard deviation of the pictures it was trained on.
    encoder_options, options : mappings of Option
        Hyper-parameters of the frozen and of the fitted part.
    space : mapping of Range
        Where tuning looks by default: for `options`, for settings of training, and for `gamma` of a focal loss.
    multiple : int
        What an input's side must be a multiple of, pixels.
    attention : str
        Dotted name of the module with `attention`; empty where there is no feature map to look at.
    licence, citation : str
    """

    name: str
    summary: str
    framework: str
    encoder: str
    backbone: str
    fitter: str
    capabilities: frozenset[str]
    input_size: int
    weights: tuple[str, ...] = ()
    weights_file: bool = False
    heads: tuple[str, ...] = ("linear", "silva")
    modes: tuple[str, ...] = ("frozen",)
    min_input_size: int = 16
    from_layer: str = ""
    cuts: tuple[str, ...] = ()
    map_heads: tuple[str, ...] = ()
    scale: tuple[tuple[float, ...], tuple[float, ...]] = IMAGENET
    encoder_options: Mapping[str, Option] = field(default_factory=dict)
    options: Mapping[str, Option] = field(default_factory=dict)
    space: Mapping[str, Range] = field(default_factory=dict)
    multiple: int = 1
    attention: str = ""
    licence: str = ""
    citation: str = ""

    @property
    def modules(self) -> tuple[str, ...]:
        """Modules of the package that are imported by name."""
        return (self.encoder, self.fitter)


NETWORK = {"learning_rate": Range(low=1e-5, high=1e-3, log=True), "weight_decay": Range(low=1e-6, high=1e-2, log=True)}
FOCUS = {"gamma": Range(low=0, high=5)}

TORCH: dict[str, Any] = {
    "framework": "torch",
    "encoder": "fringeflow.models.torch_backbones",
    "fitter": "fringeflow.training.fit_torch",
    "attention": "fringeflow.models.torch_attention",
    "capabilities": frozenset({"sample_weights", "loss", "resample", "features"}),
    "weights_file": True,
    "modes": ("frozen", "full"),
    "options": {"dropout": Option(0.0, "Share of the features dropped in a training step.", low=0, high=0.9)},
    "space": {**NETWORK, **FOCUS, "batch": Range(choices=[8, 16, 32]), "dropout": Range(low=0, high=0.5)},
}

KERAS: dict[str, Any] = {
    "framework": "keras",
    "encoder": "fringeflow.models.keras_backbones",
    "fitter": "fringeflow.training.fit_keras",
    "attention": "fringeflow.models.keras_attention",
    "capabilities": frozenset({"sample_weights", "loss", "resample", "features"}),
    "input_size": 128,
    "weights": ("none", "imagenet"),
    "weights_file": True,
    "modes": ("frozen", "partial", "full"),
    "space": {**NETWORK, **FOCUS, "batch": Range(choices=[8, 16, 32])},
    "map_heads": ("silva",),
}

ARCHITECTURES = {
    entry.name: entry
    for entry in (
        Architecture(
            name="efficientnet_lite0",
            summary="EfficientNet-Lite0, 4.7 M parameters; ImageNet weights from a Python package, so it works offline",
            backbone="tf_efficientnet_lite0",
            input_size=128,
            weights=("packaged", "imagenet", "none"),
            scale=HALF,
            licence="Apache-2.0 (code and weights)",
            citation="Tan and Le (2019), arXiv:1905.11946; Lite: Google (2020)",
            **TORCH,
        ),
        Architecture(
            name="lite0_stride16",
            summary="the first five stages of EfficientNet-Lite0, 0.7 M parameters, a feature every 16 pixels; weights pretrained on simulated "
            "interferograms (`fringeflow-base`) or on ImageNet (`packaged`), both offline",
            backbone="tf_efficientnet_lite0:5",
            input_size=128,
            weights=("fringeflow-base", "packaged", "imagenet", "none"),
            scale=HALF,
            licence="Apache-2.0 (code and weights)",
            citation="Tan and Le (2019), arXiv:1905.11946; Lite: Google (2020)",
            **TORCH,
        ),
        Architecture(
            name="resnet18",
            summary="ResNet-18, 11.7 M parameters; random but fixed weights unless a file or `imagenet` is given",
            backbone="resnet18",
            input_size=128,
            weights=("none", "imagenet"),
            licence="Apache-2.0 (timm)",
            citation="He et al. (2016), arXiv:1512.03385",
            **TORCH,
        ),
        Architecture(
            name="deit_small_vpt",
            summary="DeiT-Small/16 with visual prompts, 21.7 M parameters of which the prompts and the head are trained; random but fixed "
            "weights unless a file or `imagenet` is given",
            backbone="deit_small_patch16_224",
            input_size=224,
            min_input_size=32,
            multiple=16,
            weights=("none", "imagenet"),
            heads=("linear",),
            licence="Apache-2.0 (timm; DeiT weights)",
            citation="Touvron et al. (2021), arXiv:2012.12877; Jia et al. (2022), arXiv:2203.12119",
            **{
                **TORCH,
                "modes": ("prompt", "frozen", "full"),
                "options": {
                    "prompts": Option(10, "Prompts at the input (shallow) or at every block's input (deep).", low=1, high=100),
                    "depth": Option("deep", "Where prompts enter: the first block, or every one.", choices=("shallow", "deep")),
                    "dropout": Option(0.0, "Share of the prompts' and the head's inputs dropped in a training step.", low=0, high=0.9),
                    "unfreeze": Option(0, "Last blocks that are trained as well.", low=0, high=12),
                },
                "space": {
                    "learning_rate": Range(low=1e-5, high=5e-4, log=True),
                    "weight_decay": Range(low=1e-6, high=1e-2, log=True),
                    "batch": Range(choices=[4, 8, 16]),
                    "prompts": Range(low=5, high=15),
                    "dropout": Range(low=0, high=0.5),
                    "depth": Range(choices=["shallow", "deep"]),
                    **FOCUS,
                },
            },
        ),
        Architecture(
            name="inception_v3",
            summary="InceptionV3, 21.8 M parameters; random but fixed weights unless a file or `imagenet` is given",
            backbone="InceptionV3",
            min_input_size=75,
            from_layer="mixed9",
            cuts=INCEPTION_V3,
            scale=HALF,
            licence="Apache-2.0 (Keras; code and weights)",
            citation="Szegedy et al. (2016), arXiv:1512.00567",
            **KERAS,
        ),
        Architecture(
            name="vgg19",
            summary="VGG19, 20.0 M parameters; random but fixed weights unless a file or `imagenet` is given",
            backbone="VGG19",
            min_input_size=32,
            from_layer="block5_conv1",
            cuts=VGG19,
            scale=CAFFE,
            licence="Apache-2.0 (Keras); weights CC BY 4.0 (Visual Geometry Group, Oxford)",
            citation="Simonyan and Zisserman (2015), arXiv:1409.1556",
            **KERAS,
        ),
        Architecture(
            name="resnet50_v2",
            summary="ResNet50V2, 23.6 M parameters; random but fixed weights unless a file or `imagenet` is given",
            backbone="ResNet50V2",
            min_input_size=32,
            from_layer="conv5_block1_preact_bn",
            cuts=RESNET50_V2,
            scale=HALF,
            licence="Apache-2.0 (Keras; code and weights)",
            citation="He et al. (2016), arXiv:1603.05027",
            **KERAS,
        ),
        Architecture(
            name="hog_svm",
            summary="histograms of oriented gradients, z-score, PCA, SVM with an RBF kernel, sigmoid-calibrated on validation",
            framework="sklearn",
            encoder="fringeflow.models.hog",
            backbone="hog",
            fitter="fringeflow.training.fit_sklearn",
            capabilities=frozenset({"sample_weights", "resample", "features"}),
            input_size=128,
            heads=("svm",),
            scale=PLAIN,
            encoder_options={
                "orientations": Option(9, "Bins of gradient direction.", low=2, high=36),
                "cell": Option(8, "Side of a cell, in pixels.", low=2, high=128),
                "block": Option(2, "Side of a normalisation block, in cells.", low=1, high=8),
            },
            options={
                "c": Option(1.0, "Penalty of the SVM.", low=1e-4, high=1e4),
                "gamma": Option("scale", "Width of the RBF kernel.", low=1e-6, high=1e2, choices=("scale", "auto")),
                "pca": Option(0.95, "Share of the variance that PCA keeps.", low=0.05, high=0.999),
            },
            space={
                "c": Range(low=1e-2, high=1e2, log=True),
                "gamma": Range(low=1e-4, high=1e-1, log=True),
                "pca": Range(low=0.90, high=0.99),
            },
            licence="BSD-3-Clause (scikit-image, scikit-learn)",
            citation="Dalal and Triggs (2005), CVPR; Platt (1999)",
        ),
    )
}
