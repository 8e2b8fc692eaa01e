"""Tiles cover the raster, stay inside it and know where they lie."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fringeflow.errors import ProductError
from fringeflow.insar.reach import distance_km
from fringeflow.insar.tiling import GeoGrid, Tile, TileGrid, starts


@given(st.integers(1, 3000), st.integers(1, 300), st.integers(1, 400))
def test_windows_stay_inside_and_ascend(length, size, stride):
    found = starts(length, size, stride)
    if length < size:
        assert found == ()
        return
    assert found[0] == 0
    assert found[-1] == length - size
    assert all(step >= 1 for step in np.diff(found))


@given(st.integers(16, 3000), st.integers(16, 300), st.integers(1, 300))
def test_windows_leave_no_pixel_out_unless_the_stride_says_so(length, size, stride):
    if length < size or stride > size:
        return
    covered = np.zeros(length, bool)
    for start in starts(length, size, stride):
        covered[start : start + size] = True
    assert covered.all()


@given(st.integers(256, 5000), st.sampled_from([32, 64, 128]))
def test_steps_are_near_the_stride_so_no_tile_repeats_another(length, stride):
    steps = np.diff(starts(length, 256, stride))
    if length - 256 >= stride:
        assert steps.min() >= 2 * stride / 3 - 1
        assert steps.max() <= 1.5 * stride + 1


def test_an_axis_that_fits_has_the_stride_exactly():
    assert starts(256 + 9 * 128, 256, 128) == tuple(range(0, 1153, 128))


def test_grid_yields_as_many_tiles_as_it_says():
    grid = TileGrid(rows=700, columns=900, size=256, stride=128)
    tiles = list(grid)
    assert len(tiles) == len(grid) == len({tile.name for tile in tiles})
    assert all(tile.row + 256 <= 700 and tile.column + 256 <= 900 for tile in tiles)


def test_a_raster_smaller_than_a_tile_is_refused():
    with pytest.raises(ProductError, match="200 x 300 pixels is smaller than a tile of 256 x 256"):
        TileGrid(rows=200, columns=300, size=256, stride=128)


def test_bounds_of_neighbours_meet():
    grid = GeoGrid.from_centres(40 - 0.001 * (np.arange(600) + 0.5), 22 + 0.001 * (np.arange(700) + 0.5))
    here, right, below = (grid.bounds(Tile(row, column, 64)) for row, column in ((0, 0), (0, 64), (64, 0)))
    assert (here.west, here.north) == (22, 40)
    assert here.east == right.west
    assert here.south == below.north
    assert grid.bounds(Tile(600 - 64, 700 - 64, 64)).east == pytest.approx(22.7)


@pytest.mark.parametrize(
    ("a", "b", "km"),
    [((0, 0), (0, 90), 10007.5), ((90, 0), (-90, 7), 20015.1), ((39.755, 22.176), (39.755, 22.176), 0), ((51.48, 0), (48.86, 2.35), 335.9)],
)
def test_great_circle_distances(a, b, km):
    assert distance_km(a, b) == pytest.approx(km, rel=2e-3)
