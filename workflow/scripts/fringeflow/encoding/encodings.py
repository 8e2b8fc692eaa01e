"""The one place where a view's array becomes a model's input, for training and for detection alike.

A phase is never interpolated across its jump: exp(i phase) is averaged, and only then turned into a
picture where a picture is wanted. Scales are constants of the view, never fitted to data.
"""

from collections.abc import Callable, Sequence

import numpy as np

from fringeflow.encoding.colormaps import colour
from fringeflow.encoding.resize import resize
from fringeflow.encoding.views import PICTURES, View, resolve_encoding, view_of

BLOCK = 1 << 16
"""Pixels that are encoded at once: their temporaries stay in the processor's cache, which is worth a factor of two."""

LUMA = np.array([0.299, 0.587, 0.114], np.float32)
"""What red, green and blue add to brightness (ITU-R BT.601)."""


def encode(samples: np.ndarray, view: str, encoding: str | None, size: int) -> np.ndarray:
    """Encode samples as three-channel arrays.

    Parameters
    ----------
    samples : ndarray of float32, shape (batch, rows, columns)
        In the view's units; NaN marks no data. A picture's three planes stand one below the other.
    view : str
        A registered view.
    encoding : str or None
        ``sincos``: (sin, cos, third), where exp(i phase) is averaged by the resize, so that its length
        falls where fringes are dense or noisy, and is 0 without data. The third channel is 0 for a
        wrapped phase, and for an unwrapped one the phase about its median over the view's `high`,
        clipped to [-1, 1]: the absolute amount that sine and cosine cannot tell.
        ``gray``: a picture in [0, 1] repeated over the channels.
        ``colormap``: that picture in colours, cyclic (twilight) for a wrapped phase, viridis otherwise.
        ``rgb``: a picture in its own colours; ``gray`` is then its luma (ITU-R BT.601).
        None: the view's default.
    size : int
        Rows and columns of the result.

    Returns
    -------
    ndarray of float32, shape (batch, 3, size, size)
        Finite everywhere: in [-1, 1] for ``sincos``, in [0, 1] for pictures.

    Raises
    ------
    ValueError
        If view and encoding do not go together or the samples are not a batch of planes.
    """
    return _in_blocks(samples, view, resolve_encoding(view, encoding), size, lambda images: images)


def _in_blocks(samples: np.ndarray, view: str, encoding: str, size: int, finish: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """Encode samples a few at a time, and finish each few in place while they are in the processor's cache."""
    if samples.ndim != 3:
        raise ValueError(f"samples have the shape {samples.shape}; expected (batch, rows, columns)")
    samples = np.asarray(samples, dtype=np.float32)
    result = np.zeros((len(samples), 3, size, size), dtype=np.float32)
    step = max(1, BLOCK // max(1, samples[0].size if len(samples) else 1))
    for start in range(0, len(samples), step):
        images = result[start : start + step]
        _encode(samples[start : start + step], images, view_of(view), encoding)
        finish(images)
    return result


def _encode(samples: np.ndarray, result: np.ndarray, kind: View, encoding: str) -> None:
    """Encode a few samples into `result`, which is all zero."""
    size = result.shape[-1]
    if kind.quantity == "colour":
        planes = samples.reshape(len(samples), 3, -1, samples.shape[-1])
        if encoding == "rgb":
            seen = np.isfinite(planes)
            value, share = _average(planes if seen.all() else np.where(seen, planes, np.float32(0)), None if seen.all() else seen, size)
            result[:] = np.where(share > 0, np.clip(value, 0, 1), np.float32(kind.no_data))
            return
        samples = np.tensordot(planes, LUMA, axes=(1, 0))
    finite = np.isfinite(samples)
    valid = None if finite.all() else finite
    filled = samples
    if valid is not None:
        filled = samples.copy()
        np.copyto(filled, np.float32(0), where=~valid)
    if encoding == "sincos":
        result[:, 0], result[:, 1] = _phasor(filled, valid, size)
        if kind.quantity == "level":
            level, share = _average(filled, valid, size)
            result[:, 2] = np.where(share > 0, np.clip(_centred(level, share) / np.float32(kind.high), -1, 1), 0)
        return
    picture = _picture(filled, valid, kind, size)
    if encoding == "gray":
        result[:] = picture[:, None]
    else:
        result[:] = np.moveaxis(colour(picture, "twilight" if kind.quantity == "cyclic" else "viridis"), -1, 1)


def model_input(samples: np.ndarray, view: str, encoding: str, size: int, mean: Sequence[float], std: Sequence[float]) -> np.ndarray:
    """Return samples as a backbone wants them: `encode`, then `normalise`.

    Returns
    -------
    ndarray of float32, shape (batch, 3, size, size)
    """
    encoding = resolve_encoding(view, encoding)
    return _in_blocks(samples, view, encoding, size, lambda images: normalise(images, encoding, mean, std))


def normalise(images: np.ndarray, encoding: str, mean: Sequence[float], std: Sequence[float]) -> np.ndarray:
    """Put encoded samples on the scale a backbone was trained on.

    Pictures get the backbone's mean and standard deviation; signed channels are centred by their
    nature and stay as they are.

    Parameters
    ----------
    images : ndarray of float32, shape (batch, 3, size, size)
        From `encode`; changed in place.
    encoding : str
    mean, std : sequences of three floats
        Of the backbone's training pictures, for values in [0, 1].

    Returns
    -------
    ndarray of float32, same shape
        `images` itself.
    """
    if encoding in PICTURES:
        images -= np.asarray(mean, dtype=np.float32)[:, None, None]
        images /= np.asarray(std, dtype=np.float32)[:, None, None]
    return images


def _phasor(filled: np.ndarray, valid: np.ndarray | None, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the averages of sine and cosine; pixels without data count as 0."""
    sine, cosine = np.sin(filled), np.cos(filled)
    if valid is not None:
        cosine *= valid
    return resize(sine, size), resize(cosine, size)


def _average(filled: np.ndarray, valid: np.ndarray | None, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the average over the pixels with data, and their share of each result pixel."""
    total = resize(filled, size)
    if valid is None:
        return total, np.ones_like(total)
    share = resize(valid.astype(np.float32), size)
    return total / np.maximum(share, np.float32(1e-30)), share  # without data, 0 / 1e-30


def _centred(level: np.ndarray, share: np.ndarray) -> np.ndarray:
    """Take each sample's median away; an unwrapped phase has an arbitrary constant."""
    centre = [np.median(plane[part > 0]) if part.any() else 0.0 for plane, part in zip(level[:, ::2, ::2], share[:, ::2, ::2], strict=True)]
    return level - np.asarray(centre, dtype=np.float32)[:, None, None]


def _picture(filled: np.ndarray, valid: np.ndarray | None, kind: View, size: int) -> np.ndarray:
    """Return pictures in [0, 1], shape (batch, size, size)."""
    if kind.quantity == "cyclic":
        sine, cosine = _phasor(filled, valid, size)
        value, seen = np.arctan2(sine, cosine), (sine != 0) | (cosine != 0)
    else:
        value, share = _average(filled, valid, size)
        seen = share > 0
        if kind.quantity == "level":
            value = _centred(value, share)
    scaled = (value - np.float32(kind.low)) * np.float32(1 / (kind.high - kind.low))
    return np.where(seen, np.clip(scaled, 0, 1), np.float32(kind.no_data))
