"""Where bfloat16 gains time: told by what a machine is, never by a clock, so that the same machine always does the same."""

import importlib
from pathlib import Path

from fringeflow.models.spec import EncoderSpec

GPUS = (Path("/dev/nvidiactl"), Path("/dev/kfd"), Path("/dev/dxg"))
"""Some of these is there if a GPU of NVIDIA or AMD, or Windows' own under WSL, can be computed on."""
CPUINFO = Path("/proc/cpuinfo")
"""Linux's description of the processor; where there is none, bfloat16 gains nothing."""


def in_bfloat16(encoder: EncoderSpec, wanted: bool) -> bool:
    """Whether a frozen backbone forwards in bfloat16 on this machine: where that is wanted and gains.

    Where there is a GPU the encoder's module tells whether it computes on that, and what it gains; else no framework is imported.
    Histograms, and images that are cached as they are, know no number format.
    """
    if not wanted or not encoder.weights or encoder.cut == "input":
        return False
    return bool(importlib.import_module(encoder.module).gains_from_bfloat16()) if any(path.exists() for path in GPUS) else cpu_gains()


def cpu_gains() -> bool:
    """Whether a CPU computes faster in bfloat16 than in float32: with AMX, or AVX512-BF16 as AMD builds it.

    Images in bfloat16 for one in float32, one thread, in turns. On an AMD EPYC with AVX512-BF16: VGG19 1.9, ResNet50V2 1.5,
    InceptionV3 1.3; training ResNet-18 1.7, DeiT-Small 2.2. On an Intel Xeon whose AVX512-BF16 comes without AMX: VGG19, ResNet50V2 and
    InceptionV3 0.6 to 0.7, ResNet-18 0.7, EfficientNet-Lite0 1.0; training ResNet-18 0.7, DeiT-Small and EfficientNet-Lite0 0.6.
    What has neither emulates bfloat16: EfficientNet-Lite0 0.07 and ResNet-18 0.16 with AVX2. AMX was not measured here: TensorFlow's
    guide to mixed precision tells of more than twice the speed.
    """
    try:
        told = CPUINFO.read_text()
    except OSError:
        return False
    entries = dict(line.split(":", 1) for line in told.split("\n\n")[0].splitlines() if ":" in line)
    about = {name.strip(): value.split() for name, value in entries.items()}
    flags = about.get("flags", [])
    return "amx_bf16" in flags or ("avx512_bf16" in flags and about.get("vendor_id") == ["AuthenticAMD"])
