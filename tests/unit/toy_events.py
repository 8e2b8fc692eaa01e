"""Events on disk with tiles that look a little like the real ones: what the dataset and its pictures stand on."""

from pathlib import Path

import numpy as np
import pandas as pd

from fringeflow.store import write_samples

FRAMES = ("102A_05000_131313", "080D_05100_131313")
UNITS = {"wrapped": "rad", "unwrapped": "rad", "spectrogram": "dB"}


def phase(rng: np.random.Generator, size: int, fringes: float) -> np.ndarray:
    """Make an unwrapped phase in radians: atmosphere, a ramp, and a bowl of so many fringes."""
    y, x = np.mgrid[:size, :size] / size
    noise = np.fft.ifft2(np.fft.fft2(rng.normal(size=(size, size))) / (1e-3 + np.hypot(*np.meshgrid(*[np.fft.fftfreq(size)] * 2))) ** 1.7)
    noise = noise.real / noise.real.std()
    cy, cx = rng.uniform(0.3, 0.7, 2)
    bowl = np.exp(-(((y - cy) / 0.25) ** 2 + ((x - cx) / 0.2) ** 2))
    return (1.2 * noise + rng.normal(0, 2) * x + rng.normal(0, 2) * y + 2 * np.pi * fringes * bowl).astype("f4")


def spectrogram(wrapped: np.ndarray, window: int) -> np.ndarray:
    """Put the spectra of windows side by side, in dB."""
    size = len(wrapped)
    signal = np.where(np.isnan(wrapped), 0, np.exp(1j * np.nan_to_num(wrapped)))
    blocks = signal.reshape(size // window, window, size // window, window).transpose(0, 2, 1, 3) * np.outer(*[np.hanning(window)] * 2)
    power = np.abs(np.fft.fftshift(np.fft.fft2(blocks), axes=(-2, -1))) ** 2 / (np.hanning(window) ** 2).sum() ** 2
    return np.clip(10 * np.log10(power.transpose(0, 2, 1, 3).reshape(size, size) + 1e-9), -20, 40).astype("f4")


def tiles_of(rng: np.random.Generator, size: int, fringes: float) -> dict[str, np.ndarray]:
    unwrapped = phase(rng, size, fringes)
    wrapped = np.angle(np.exp(1j * (unwrapped + rng.normal(0, 0.35, unwrapped.shape)))).astype("f4")
    slant = rng.integers(0, size // 2)
    y, x = np.mgrid[:size, :size]
    hidden = x + y // 4 < slant
    wrapped[hidden] = unwrapped[hidden] = np.nan
    return {"wrapped": wrapped, "unwrapped": unwrapped, "spectrogram": spectrogram(wrapped, size // 4)}


def write_event(
    root: Path,
    event: str,
    labels: dict[str, list[str]],
    *,
    frame: str = FRAMES[0],
    views: tuple[str, ...] = ("wrapped",),
    size: int = 16,
    seed: int | None = None,
) -> Path:
    """Write the tiles of an event; `labels` gives the labels of the tiles of every pair, in order."""
    folder = root / "events" / event / "standard"
    rng = np.random.default_rng(sum(map(ord, event)) if seed is None else seed)
    rows, tiles = [], []
    for pair, names in labels.items():
        for number, label in enumerate(names):
            row, column = divmod(number, 4)
            rows.append(
                {
                    "sample": f"{event}/{frame}/{pair}/{row * size}_{column * size}",
                    "event": event,
                    "frame": frame,
                    "pair": pair,
                    "row": row * size,
                    "column": column * size,
                    "pixel_deg": 0.001,
                    "coseismic": label != "no_deformation",
                    "label": label,
                    "valid_fraction": 1.0,
                }
            )
            tiles.append(tiles_of(rng, size, {"deformation": 4.0, "ambiguous": 0.5}.get(label, 0.0)))
    columns = ["sample", "event", "frame", "pair", "row", "column", "pixel_deg", "coseismic", "label", "valid_fraction"]
    folder.mkdir(parents=True)
    pd.DataFrame(rows, columns=columns).to_parquet(folder / "tiles.parquet", index=False)
    for view in views if tiles else ():
        attrs = {"event": event, "view": view}
        if view == "spectrogram":
            attrs |= {"window": size // 4, "hop": size // 4, "bins": size // 4, "max_wavenumber": 0.5, "pixel_deg": 0.001}
        write_samples(
            folder / f"{view}.zarr",
            [np.stack([tile[view] for tile in tiles])],
            count=len(tiles),
            shape=(size, size),
            attrs=attrs,
            units=UNITS[view],
        )
    return folder / "tiles.parquet"


def some_events(root: Path, count: int = 8, **options) -> dict[str, Path]:
    """Write events of which each has a coseismic pair with 1-4 deformed tiles and two quiet pairs."""
    indexes = {}
    for number in range(count):
        event = f"eq{number:02d}"
        rare = 1 + number % 4
        labels = {
            "20210101_20210113": ["deformation"] * rare + ["ambiguous"] + ["no_deformation"] * (7 - rare),
            "20201201_20201213": ["no_deformation"] * 6,
            "20201001_20201013": ["no_deformation"] * 6,
        }
        indexes[event] = write_event(root, event, labels, frame=f"{100 + number:03d}A_05000_131313", **options)
    return indexes
