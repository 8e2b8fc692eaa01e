"""Cubic splines as matrices, by NumPy alone: importing SciPy's takes longer than many an event takes to tile."""

import numpy as np
from numpy.typing import NDArray


def spline_matrix(nodes: NDArray[np.intp], size: int) -> NDArray[np.float64]:
    """Return the matrix that takes values at nodes to every index, by the cubic spline through them.

    The spline has two continuous derivatives, and its third is continuous at the second node from either end too ("not
    a knot"). Through three nodes it is a parabola, through two a line.

    Parameters
    ----------
    nodes : ndarray of int, shape (n,)
        Strictly ascending from 0 to `size` - 1, two at least.
    size : int

    Returns
    -------
    ndarray, shape (size, n)

    Examples
    --------
    >>> nodes = np.array([0, 2, 3, 7, 9])
    >>> cubes = spline_matrix(nodes, 10) @ nodes**3
    >>> cubes.round(6).tolist()
    [0.0, 1.0, 8.0, 27.0, 64.0, 125.0, 216.0, 343.0, 512.0, 729.0]

    References
    ----------
    de Boor (1978), A Practical Guide to Splines, chapter IV.
    """
    steps = np.diff(nodes).astype(np.float64)
    values, slopes = np.eye(nodes.size), _slopes(steps)
    index = np.arange(size)
    left = np.minimum(np.searchsorted(nodes, index, "right") - 1, nodes.size - 2)
    step = steps[left, None]
    t = (index - nodes[left])[:, None] / step
    u = 1 - t
    return (
        (1 + 2 * t) * u**2 * values[left] + (1 + 2 * u) * t**2 * values[left + 1] + step * t * u * (u * slopes[left] - t * slopes[left + 1])
    )


def _slopes(steps: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the matrix, shape (n, n), that takes values at nodes to the spline's slopes there."""
    size = steps.size + 1
    rises = np.diff(np.eye(size), axis=0) / steps[:, None]
    if size == 2:
        return np.repeat(rises, 2, axis=0)
    lower, middle, upper, wanted = np.empty(size), np.empty(size), np.empty(size), np.empty((size, size))
    # The second derivative is continuous at each inner node.
    lower[1:-1], middle[1:-1], upper[1:-1] = steps[1:], 2 * (steps[:-1] + steps[1:]), steps[:-1]
    wanted[1:-1] = 3 * (steps[1:, None] * rises[:-1] + steps[:-1, None] * rises[1:])
    if size == 3:
        middle[0] = upper[0] = lower[-1] = middle[-1] = 1
        wanted[0], wanted[-1] = 2 * rises[0], 2 * rises[-1]
    else:
        middle[0], upper[0], wanted[0] = _not_a_knot(steps[0], steps[1], rises[0], rises[1])
        middle[-1], lower[-1], wanted[-1] = _not_a_knot(steps[-1], steps[-2], rises[-1], rises[-2])
    # A tridiagonal system whose pivots stay positive.
    for row in range(1, size):
        factor = lower[row] / middle[row - 1]
        middle[row] -= factor * upper[row - 1]
        wanted[row] -= factor * wanted[row - 1]
    wanted[-1] /= middle[-1]
    for row in range(size - 2, -1, -1):
        wanted[row] = (wanted[row] - upper[row] * wanted[row + 1]) / middle[row]
    return wanted


def _not_a_knot(
    step: float, inner: float, rise: NDArray[np.float64], inner_rise: NDArray[np.float64]
) -> tuple[float, float, NDArray[np.float64]]:
    """Return the equation of the outermost slope: its factor, that of its neighbour, and the right-hand side."""
    both = step + inner
    return inner, both, ((step + 2 * both) * inner * rise + step**2 * inner_rise) / both
