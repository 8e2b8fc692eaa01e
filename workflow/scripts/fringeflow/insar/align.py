"""One grid for the products of one interferogram, or an error that shows both."""

from pathlib import Path

import numpy as np
import xarray as xr

from fringeflow.errors import ProductError


def align(products: dict[str, xr.DataArray], paths: dict[str, Path], tolerance_px: float) -> dict[str, xr.DataArray]:
    """Put products on the first one's grid if theirs differ by last digits only.

    Nothing is resampled: products of one interferogram come from one geocoding, so grids that differ
    by more than rounding mean that files were mixed up.

    Parameters
    ----------
    products : dict of DataArray, dims (y, x)
        By product name; coordinates are pixel centres in degrees.
    paths : dict of Path
        Their files, for messages.
    tolerance_px : float
        Largest offset allowed at any corner, in pixels.

    Returns
    -------
    dict of DataArray
        The same data, all with the first one's coordinates.

    Raises
    ------
    ProductError
        If sizes, coordinate systems or corners differ; names both files and both grids.
    """
    names = list(products)
    first = products[names[0]]
    for name in names[1:]:
        other = products[name]
        if other.shape != first.shape or other.rio.crs != first.rio.crs or _offset_px(first, other) > tolerance_px:
            raise ProductError(
                f"the products of one interferogram are on different grids:\n"
                f"  {paths[names[0]]}: {_describe(first)}\n  {paths[name]}: {_describe(other)}\n"
                f"expected the same size and corners within {tolerance_px:g} pixel (prepare: grid_tolerance_px); "
                "remove the odd file and fetch the interferogram again, or drop it from the table"
            )
    return {name: data.assign_coords(y=first.y, x=first.x) for name, data in products.items()}


def _offset_px(a: xr.DataArray, b: xr.DataArray) -> float:
    """Return the largest distance between corners along either axis, in pixels of the first."""
    offsets = []
    for axis in ("y", "x"):
        one, two = a[axis].values, b[axis].values
        step = abs(one[-1] - one[0]) / max(1, one.size - 1) or 1.0
        offsets += [abs(one[end] - two[end]) / step for end in (0, -1)]
    return float(np.max(offsets))


def _describe(data: xr.DataArray) -> str:
    y, x = data.y.values, data.x.values
    return (
        f"{y.size} rows x {x.size} columns, latitude {y[0]:.9f} to {y[-1]:.9f}, "
        f"longitude {x[0]:.9f} to {x[-1]:.9f}, {data.rio.crs.to_string() if data.rio.crs else 'no CRS'}"
    )
