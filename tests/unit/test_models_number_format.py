"""Where bfloat16 is used: decided by descriptions of processors, written as Linux writes them."""

from pathlib import Path

import pytest
import torch

from fringeflow.config.models import Model
from fringeflow.models import number_format, torch_backbones
from fringeflow.models.number_format import cpu_gains, in_bfloat16
from fringeflow.models.registry import resolve_model
from fringeflow.training.predict import Run

AVX2 = "fpu sse4_2 fma avx avx2"
AVX512 = f"{AVX2} avx512f avx512bw avx512vl"
PROCESSORS = {
    "AVX2 alone": ("GenuineIntel", AVX2, False),
    "AVX-512 without bfloat16": ("GenuineIntel", AVX512, False),
    "Intel's AVX512-BF16 alone": ("GenuineIntel", f"{AVX512} avx512_bf16", False),
    "AMX without bfloat16": ("GenuineIntel", f"{AVX512} avx512_bf16 amx_tile amx_int8", False),
    "AMX": ("GenuineIntel", f"{AVX512} avx512_bf16 amx_bf16 amx_tile", True),
    "AMD's AVX512-BF16": ("AuthenticAMD", f"{AVX512} avx512_bf16", True),
    "AMD with AVX2": ("AuthenticAMD", AVX2, False),
}
LITE = resolve_model("efficientnet_lite0", Model(), "wrapped")


def describe(monkeypatch, folder: Path, vendor: str, flags: str) -> None:
    """Put this process on another processor, of two cores."""
    core = f"processor\t: 0\nvendor_id\t: {vendor}\nmodel name\t: Some: Processor\nflags\t\t: {flags}\npower management:\n"
    path = folder / "cpuinfo"
    path.write_text(f"{core}\n{core}\n")
    monkeypatch.setattr(number_format, "CPUINFO", path)


@pytest.mark.parametrize("name", PROCESSORS)
def test_a_processor_gains_or_does_not(monkeypatch, tmp_path, name):
    vendor, flags, gains = PROCESSORS[name]
    describe(monkeypatch, tmp_path, vendor, flags)
    assert cpu_gains() == gains


@pytest.mark.parametrize("told", [None, "", "processor\t: 0\nFeatures\t: fp asimd bf16\nCPU implementer\t: 0x41\n"])
def test_what_is_not_known_to_gain_computes_in_float32(monkeypatch, tmp_path, told):
    path = tmp_path / "cpuinfo"
    if told is not None:
        path.write_text(told)
    monkeypatch.setattr(number_format, "CPUINFO", path)
    assert not cpu_gains()


@pytest.mark.parametrize("name", PROCESSORS)
def test_a_frozen_backbone_is_in_bfloat16_where_it_is_wanted_and_gains(monkeypatch, tmp_path, name):
    vendor, flags, gains = PROCESSORS[name]
    describe(monkeypatch, tmp_path, vendor, flags)
    monkeypatch.setattr(number_format, "GPUS", [])
    assert in_bfloat16(LITE.encoder_spec, True) == gains
    assert not in_bfloat16(LITE.encoder_spec, False)
    for without in (resolve_model("hog_svm", Model(), "wrapped"), resolve_model("resnet18", Model(mode="full"), "wrapped")):
        assert not in_bfloat16(without.encoder_spec, True), "nothing that bfloat16 could change is forwarded"


@pytest.mark.parametrize("own", [True, False])
def test_a_gpu_decides_by_its_own_format_and_not_by_emulation(monkeypatch, tmp_path, own):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation=True: own or including_emulation)
    monkeypatch.setattr(number_format, "GPUS", [tmp_path])
    monkeypatch.setattr(torch_backbones, "cpu_gains", lambda: not own)
    assert in_bfloat16(LITE.encoder_spec, True) == own


@pytest.mark.parametrize("gains", [True, False])
def test_a_gpu_that_the_framework_cannot_use_leaves_it_to_the_processor(monkeypatch, tmp_path, gains):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(number_format, "GPUS", [tmp_path])
    monkeypatch.setattr(torch_backbones, "cpu_gains", lambda: gains)
    assert in_bfloat16(LITE.encoder_spec, True) == gains


@pytest.mark.parametrize("gains", [True, False])
def test_a_run_scores_in_bfloat16_only_if_its_features_were_made_so(monkeypatch, gains):
    monkeypatch.setattr(number_format, "cpu_gains", lambda: gains)
    monkeypatch.setattr(number_format, "GPUS", [])
    about = {"model": LITE.as_dict(), "training": {"bfloat16": True}}
    assert Run(Path("run"), {**about, "bfloat16": True}).bfloat16 == gains
    assert not Run(Path("run"), {**about, "bfloat16": False}).bfloat16
    assert Run(Path("run"), about).bfloat16 == gains, "the network that comes with Fringeflow has no embeddings"
