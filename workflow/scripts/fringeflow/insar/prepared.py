"""Reading the prepared interferograms of an event: a Zarr 3 group with one dataset a `frame/pair`.

The root `zarr.json` holds attributes only: event, digest of all content, and the list of
interferograms. What a dataset was made from and with stands in its own attributes, so that the root
changes only when pixels do.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dask
import numpy as np
import zarr

from fringeflow.chunks import read_rows
from fringeflow.errors import DatasetError

if TYPE_CHECKING:
    import xarray as xr


@dataclass(frozen=True)
class Prepared:
    """One prepared interferogram, opened.

    Attributes
    ----------
    path : Path
        The event's group.
    group : str
        `frame/pair`.
    arrays : zarr.Group
        `wrapped`, `unwrapped` (float32, rad, NaN for no data), `valid` (bool) and, if the archive has
        it, `coherence` (float32, 0..1); dims (y, x), north up.
    latitude, longitude : ndarray of float64
        Pixel centres, degrees; latitude descending.
    """

    path: Path
    group: str
    arrays: zarr.Group
    latitude: np.ndarray
    longitude: np.ndarray

    def __contains__(self, name: str) -> bool:
        return name in self.arrays

    def read(self, name: str, rows: slice | None = None) -> np.ndarray:
        """Read an array, its chunks in parallel as dask is configured to.

        Parameters
        ----------
        name : str
        rows : slice, optional
            Only these rows, start and stop given.

        Raises
        ------
        DatasetError
            If a chunk is missing or damaged.
        """
        array = self.arrays[name]
        assert isinstance(array, zarr.Array)
        start, stop = (0, array.shape[0]) if rows is None else (rows.start, rows.stop)
        result = np.empty((stop - start, array.shape[1]), array.dtype)
        step, columns = array.chunks

        def fill(number: int) -> None:
            top, bottom = number * step, min((number + 1) * step, array.shape[0])
            folder = self.path / self.group / name
            if start <= top and bottom <= stop:
                read_rows(folder, number, result[top - start : bottom - start], (step, columns))
            else:
                band = np.empty((bottom - top, columns), array.dtype)
                read_rows(folder, number, band, (step, columns))
                first, last = max(top, start), min(bottom, stop)
                result[first - start : last - start] = band[first - top : last - top]

        try:
            dask.compute(*(dask.delayed(fill)(number) for number in range(start // step, -(-stop // step))))
        except (OSError, RuntimeError) as error:
            raise DatasetError(f"{self.path}: {self.group}/{name} is damaged ({error}); run `prepare` for the event again") from error
        return result


def read_index(path: Path) -> dict[str, Any]:
    """Return the root attributes: event, digest, interferograms.

    Raises
    ------
    DatasetError
        If there is no prepared event under `path`.
    """
    try:
        attrs = dict(zarr.open_group(path, mode="r", zarr_format=3).attrs)
        return {"event": attrs["event"], "digest": attrs["digest"], "interferograms": attrs["interferograms"]}
    except (OSError, KeyError, ValueError) as error:
        raise DatasetError(
            f"{path}: expected prepared interferograms, found none ({type(error).__name__}: {error}); run `prepare` for the event"
        ) from error


def open_interferogram(path: Path, group: str) -> Prepared:
    """Open one prepared interferogram.

    Parameters
    ----------
    path : Path
        `.../interferograms.zarr`.
    group : str
        `frame/pair`.

    Raises
    ------
    DatasetError
        If it is not there.
    """
    try:
        arrays = zarr.open_group(path, path=group, mode="r", zarr_format=3)
        return Prepared(Path(path), group, arrays, np.asarray(arrays["y"][:]), np.asarray(arrays["x"][:]))  # type: ignore[index]
    except (OSError, KeyError, ValueError) as error:
        raise DatasetError(f"{path}: no prepared interferogram {group} ({error}); run `prepare` for the event again") from error


def open_dataset(path: Path, group: str) -> "xr.Dataset":
    """Open one prepared interferogram as an xarray dataset on dask, its coordinate system known to `rio`."""
    import rioxarray  # noqa: F401
    import xarray as xr

    dataset = xr.open_zarr(path, group=group, consolidated=False, chunks={}, decode_coords="all")
    return dataset[sorted(dataset.data_vars)]
