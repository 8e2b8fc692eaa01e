"""The layers of the Keras backbones that the trained part may begin with, as `keras_split.cut_layers` finds them in the networks.

Written down, since the Snakefile's process, which reads the config, imports no framework; a test compares them with Keras's own.
Inside a block that branches, or that a shortcut passes by, there is none.
"""


def _stem(number: int) -> tuple[str, ...]:
    """Return a convolution of InceptionV3's stem with what follows it."""
    tail = f"_{number}" if number else ""
    return tuple(f"{kind}{tail}" for kind in ("conv2d", "batch_normalization", "activation"))


def _block(stage: int, block: int) -> tuple[str, ...]:
    """Return where a block of ResNet50V2 begins and ends; only the first of a stage has its shortcut behind the activation."""
    first = ("preact_relu", "1_conv", "0_conv") if block == 1 else ()
    return tuple(f"conv{stage}_block{block}_{part}" for part in ("preact_bn", *first, "out"))


BRANCHES = ((5, 6, 8), (12, 13, 15), (19, 20, 22), (26, 27), (30, 31, 34), (40, 41, 44), (50, 51, 54), (60, 61, 64), (70, 72), (76, 77, 80))
"""Numbers of the convolutions that begin the branches of InceptionV3's blocks, all but those of the last block."""

INCEPTION_V3 = (
    *(name for number in (0, 1, 2) for name in _stem(number)),
    "max_pooling2d",
    *(name for number in (3, 4) for name in _stem(number)),
    "max_pooling2d_1",
    *(name for block, begin in enumerate(BRANCHES) for name in (*(f"conv2d_{number}" for number in begin), f"mixed{block}")),
    *("conv2d_85", "conv2d_86", "conv2d_89"),
)
VGG19 = tuple(
    f"block{block}_{part}"
    for block, convolutions in enumerate((2, 2, 4, 4, 4), 1)
    for part in (*(f"conv{number}" for number in range(1, convolutions + 1)), *(("pool",) if block < 5 else ()))
)
RESNET50_V2 = (
    *("conv1_pad", "conv1_conv", "pool1_pad", "pool1_pool"),
    *(name for stage, blocks in enumerate((3, 4, 6, 3), 2) for block in range(1, blocks + 1) for name in _block(stage, block)),
    "post_bn",
)
