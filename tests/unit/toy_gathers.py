"""Small recordings whose content is known, in memory and as SEG-Y files with an index."""

from pathlib import Path

import numpy as np
import pandas as pd

from fringeflow.config.collections import Gather, SimulatedGathers, Stft
from fringeflow.seismic.gather import gather_maker
from fringeflow.seismic.recording import Recording
from fringeflow.seismic.stft import spectrogram_maker
from fringeflow.seismic.stores import Maker
from fringeflow.seismic.windows import Reading
from fringeflow.simulate.gather_waves import Spread
from fringeflow.simulate.gathers import write_segy

SMALL = SimulatedGathers(
    kind="simulated",
    originals={"brak_Empty zone": 3, "brak_Station": 2, "noise_DNS": 2, "noise_Tip-off": 2},
    traces=24,
    samples=128,
    interval_ms=4,
)
INTERVAL_S = 0.004


def recording(traces: np.ndarray, interval_s: float = INTERVAL_S) -> Recording:
    traces = np.atleast_2d(np.asarray(traces, np.float32))
    return Recording(traces, interval_s, None, tuple(map(str, range(len(traces)))), "toy.sgy")


def maker(view: str, settings: Gather | Stft, reading: Reading | None = None) -> Maker:
    makers = {"gather": gather_maker, "spectrogram": spectrogram_maker}
    return makers[view](settings, reading or Reading())


def write_collection(folder: Path, count: int = 5, shape: tuple[int, int] = (12, 200)) -> tuple[Path, dict[str, np.ndarray]]:
    """Write gathers of noise, and an index of each one whole, group and label included; return it and their samples by name."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(3)
    spread = Spread(np.arange(shape[0]) * 25.0, 140.0, 10.0, np.arange(shape[1], dtype=np.float32) * np.float32(INTERVAL_S))
    rows, contents = [], {}
    for number in range(count):
        name = f"shot{number}"
        contents[name] = rng.integers(-1000, 1000, shape).astype(np.float32)
        write_segy(folder / f"{name}.sgy", contents[name], spread, shot=number + 1, ibm=number % 2 == 0)
        rows.append({"sample": name, "file": str(folder / f"{name}.sgy"), "recording": name, "label": "ab"[number % 2], "group": name})
    index = pd.DataFrame(rows).assign(begin_s=np.nan, end_s=np.nan, first_trace=-1, last_trace=-1, split="")
    index.to_parquet(folder / "index.parquet", index=False)
    return folder / "index.parquet", contents
