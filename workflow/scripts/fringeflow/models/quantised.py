"""Weights in eight bits: each output channel of a layer has its own scale, vectors stay in sixteen bits."""

from collections.abc import Mapping

import numpy as np

LEVELS = 127
SCALE = "::scale"
"""What the name of a tensor's scales ends with: no layer is called so."""


def quantised(state: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return a state in about a quarter of its bytes.

    Parameters
    ----------
    state : mapping of str to ndarray of float32 or integers
        Weights by name.

    Returns
    -------
    dict of str to ndarray
        Tensors of two axes and more as int8, beside them their scales, float32 of shape (channels,), so that
        ``value = int8 * scale`` is off by at most half a scale; vectors as float16; integers as they are.

    Raises
    ------
    ValueError
        If a value is not finite, or a vector's does not fit into float16.

    References
    ----------
    Krishnamoorthi (2018), arXiv:1806.08342, section 2.2 (per channel, symmetric).
    """
    result: dict[str, np.ndarray] = {}
    for name, values in state.items():
        if not np.issubdtype(values.dtype, np.floating):
            result[name] = values
        elif values.ndim < 2:
            with np.errstate(over="ignore"):
                result[name] = values.astype(np.float16)
            if not np.isfinite(result[name]).all():
                raise ValueError(f"'{name}': has values that are not finite in float16")
        else:
            flat = values.reshape(len(values), -1)
            if not np.isfinite(flat).all():
                raise ValueError(f"'{name}': has values that are not finite")
            scale = np.maximum(np.abs(flat).max(axis=1) / LEVELS, np.finfo(np.float32).tiny).astype(np.float32)
            result[name] = np.rint(flat / scale[:, None]).astype(np.int8).reshape(values.shape)
            result[name + SCALE] = scale
    return result


def restored(state: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return the state that `quantised` made smaller: float32 and integers; any other state as it is."""
    result: dict[str, np.ndarray] = {}
    for name, values in state.items():
        if name.endswith(SCALE):
            continue
        if name + SCALE in state:
            scale = state[name + SCALE].reshape(-1, *(1,) * (values.ndim - 1))
            result[name] = values.astype(np.float32) * scale
        else:
            result[name] = values.astype(np.float32) if values.dtype == np.float16 else values
    return result
