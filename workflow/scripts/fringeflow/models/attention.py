"""Where a convolutional network looked: gradients of its last feature map as a map of attention, whatever computed them.

Where a head takes the map's means, every place of a channel has the same gradient, and this is Grad-CAM. A head that takes the
whole map, as study A's does, reads places differently; Grad-CAM's mean gradient would light up places that it never reads, the
product with the gradient of each place (HiResCAM) does not.

References
----------
Selvaraju et al. (2017), arXiv:1610.02391 (Grad-CAM).
Draelos and Carin (2020), arXiv:2011.08891 (HiResCAM, and that it equals Grad-CAM behind pooling).
"""

import numpy as np

BATCH = 16
"""Images whose gradients are held at a time."""


def attention_map(maps: np.ndarray, gradients: np.ndarray) -> np.ndarray:
    """Return where the last feature map speaks for the score that was differentiated.

    Parameters
    ----------
    maps : ndarray, shape (n, rows, columns, channels)
        The last feature map.
    gradients : ndarray, same shape
        Of the score by the map.

    Returns
    -------
    ndarray of float64, shape (n, rows, columns)
        relu(sum over channels of gradient times map) over its largest value: in [0, 1]. All 0 where nothing speaks for the
        score.

    Examples
    --------
    >>> maps = np.zeros((1, 2, 2, 1)); maps[0, 0, 1, 0] = 5.0
    >>> attention_map(maps, np.ones_like(maps))[0].tolist(), attention_map(maps, -np.ones_like(maps))[0].tolist()
    ([[0.0, 1.0], [0.0, 0.0]], [[0.0, 0.0], [0.0, 0.0]])
    """
    found = np.maximum((gradients.astype(np.float64) * maps).sum(axis=-1), 0.0)
    peak = found.max(axis=(1, 2), keepdims=True)
    return np.divide(found, peak, out=np.zeros_like(found), where=peak > 0)
