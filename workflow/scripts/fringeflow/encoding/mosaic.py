"""Overlapping windows of a raster, encoded together: a pixel once for each way that blocks of pixels fall, not once a window.

At a stride of a quarter of a window every pixel lies in sixteen. Where windows shrink by a whole factor f, an encoded pixel of a wrapped
phase is made of its own block of f x f pixels and of nothing else in the window. So a raster cut into squares that lie side by side,
each encoded as a window is, gives the encoded raster, and windows are slices of it: to the bit what each would be alone. Windows do not
all begin at multiples of f: the raster is encoded once for each of the at most f x f remainders of their first rows and columns.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from fringeflow.encoding.views import view_of

Encode = Callable[[np.ndarray, int], np.ndarray]
"""From samples, shape (n, rows, columns), and a size to pictures, shape (n, 3, size, size)."""


def factor_of(view: str, window: int, size: int, down: Sequence[int], across: Sequence[int]) -> int:
    """Return the factor by which windows shrink, if a mosaic gives them and encodes fewer pixels than they have; else 0.

    Parameters
    ----------
    view : str
        What the raster's pixels are, a registered view.
    window, size : int
        Sides of a window, before and after, pixels.
    down, across : sequences of int
        Where windows begin.

    Examples
    --------
    >>> factor_of("wrapped", 256, 128, range(0, 2000, 64), range(0, 2000, 64))
    2
    >>> factor_of("wrapped", 256, 100, range(0, 2000, 64), range(0, 2000, 64))
    0
    >>> factor_of("wrapped", 256, 128, range(0, 2000, 256), range(0, 2000, 255))
    0
    >>> factor_of("unwrapped", 256, 128, range(0, 2000, 64), range(0, 2000, 64))  # its median is that of the whole window
    0
    """
    if view_of(view).quantity != "cyclic" or window % size:
        return 0
    factor = window // size
    once = [len({begin % factor for begin in begins}) * (begins[-1] - begins[0] + window) for begins in (down, across)]
    return factor if once[0] * once[1] < len(down) * len(across) * window**2 else 0


@dataclass
class Mosaic:
    """The encoded raster, for windows that are taken from the top down.

    Attributes
    ----------
    encode : callable
        How a window alone is encoded.
    factor : int
        By which it shrinks, from `factor_of`.
    size : int
        Side of a window, pixels of the raster.
    across : sequence of int
        First columns of windows.
    """

    encode: Encode
    factor: int
    size: int
    across: Sequence[int]
    _strips: dict[int, list[tuple[int, dict[int, np.ndarray]]]] = field(default_factory=dict)

    def add(self, row: int, band: np.ndarray) -> None:
        """Encode what windows that begin at a row need and earlier ones did not; forget what no later one needs.

        Parameters
        ----------
        row : int
            Not above that of the call before.
        band : ndarray of float32, shape (size, columns)
            The raster from this row on; NaN marks no data.
        """
        for strips in self._strips.values():
            strips[:] = [(first, parts) for first, parts in strips if first + self._height(parts) > row]
        strips = self._strips.setdefault(row % self.factor, [])
        first = strips[-1][0] + self._height(strips[-1][1]) if strips else row
        if first < row + self.size:
            strips.append((first, self._encoded(band[first - row :])))

    def window(self, row: int, column: int) -> list[np.ndarray]:
        """Return the window that begins there, in parts one below the other, each of shape (rows, size / factor, 3); not to be changed."""
        remainder = column % self.factor
        columns = slice(column // self.factor, (column - remainder + self.size) // self.factor)
        return [parts[remainder][max(0, row - first) // self.factor :, columns] for first, parts in self._strips[row % self.factor]]

    def _height(self, parts: dict[int, np.ndarray]) -> int:
        """Return how many rows of the raster a strip is made of."""
        return len(next(iter(parts.values()))) * self.factor

    def _encoded(self, strip: np.ndarray) -> dict[int, np.ndarray]:
        """Encode a strip for each remainder of first columns: by it, shape (rows / factor, columns / factor, 3)."""
        side, found = len(strip), {}
        for remainder in {column % self.factor for column in self.across}:
            last = max(column for column in self.across if column % self.factor == remainder) + self.size
            squares = np.full((-(-(last - remainder) // side), side, side), np.nan, np.float32)
            for number, square in enumerate(squares):
                part = strip[:, remainder + number * side : min(remainder + (number + 1) * side, last)]
                square[:, : part.shape[1]] = part
            pictures = self.encode(squares, side // self.factor)
            # Channels last, as networks take them: a window is then copied in long runs, and never turned round.
            found[remainder] = pictures.transpose(2, 0, 3, 1).reshape(side // self.factor, -1, 3)
        return found
