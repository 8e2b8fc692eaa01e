"""Pictures of gathers, each with a truth by construction."""

from pathlib import Path

import numpy as np
from PIL import Image
from scipy.ndimage import gaussian_filter


def texture(seed: int, shape: tuple[int, int] = (120, 160)) -> np.ndarray:
    """Random stripes, shape (rows, columns), 0..1: no two seeds look alike."""
    noise = gaussian_filter(np.random.default_rng(seed).normal(size=shape), (2, 5))
    return np.clip(0.5 + noise / (4 * noise.std()), 0, 1).astype(np.float32)


def mirror(picture: np.ndarray) -> np.ndarray:
    return picture[:, ::-1]


def two_left_halves(picture: np.ndarray) -> np.ndarray:
    half = picture[:, : picture.shape[1] // 2]
    return np.concatenate([half, half[:, ::-1]], axis=1)


def two_right_halves(picture: np.ndarray) -> np.ndarray:
    half = picture[:, picture.shape[1] // 2 :]
    return np.concatenate([half[:, ::-1], half], axis=1)


def save(path: Path, picture: np.ndarray, mode: str = "L", **options) -> Path:
    """Save a picture of 0..1, shape (rows, columns) or (rows, columns, 3)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.rint(picture * 255).astype(np.uint8)).convert(mode).save(path, **options)
    return path
