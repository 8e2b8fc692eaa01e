import numpy as np
import pytest
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st

from fringeflow.errors import ProductError
from fringeflow.licsar.products import EmptyProductError, check_product, read_product
from tests.licsar_files import GRID, coherence, phase, write_tif

SOUTH_UP = Affine(0.001, 0, 21.7, 0, 0.001, 40.1 - 60 * 0.001)


def test_a_sound_product_passes_and_tells_how_much_of_it_holds_data(tmp_path):
    info = check_product(write_tif(tmp_path / "a.tif", phase()), "diff_pha")
    assert (info.rows, info.columns) == (60, 80)
    assert info.valid_fraction == pytest.approx(75 / 80)


@pytest.mark.parametrize("compress", [None, "deflate", "lzw"])
def test_a_file_cut_anywhere_is_refused(tmp_path, compress):
    whole = write_tif(tmp_path / "whole.tif", phase(), compress=compress).read_bytes()
    for kept in np.linspace(1, len(whole) - 1, 25).astype(int):
        cut = tmp_path / "cut.tif"
        cut.write_bytes(whole[:kept])
        with pytest.raises(ProductError, match=r"cut\.tif"):
            check_product(cut, "unw")


def test_flipped_bytes_in_compressed_blocks_are_refused(tmp_path):
    path = write_tif(tmp_path / "a.tif", phase())
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 64] = bytes(255 - value for value in content[middle : middle + 64])
    path.write_bytes(content)
    with pytest.raises(ProductError, match=r"rows .* cannot be read"):
        check_product(path, "unw")


@pytest.mark.parametrize(
    ("product", "values", "options", "told"),
    [
        ("unw", np.stack([phase(), phase()]), {}, "2 bands; expected one band"),
        ("unw", phase().astype(np.int16), {}, "pixels of type int16; expected floating-point"),
        ("cc", coherence().astype(np.uint16), {}, "pixels of type uint16; expected uint8"),
        ("cc", phase(), {}, "expected 0..1"),
        ("unw", phase(), {"crs": None}, "no coordinate reference system; expected EPSG:4326"),
        ("unw", phase(), {"crs": "EPSG:32634"}, "EPSG:32634; expected EPSG:4326"),
        ("unw", phase(), {"crs": "EPSG:4230"}, "EPSG:4230; expected EPSG:4326"),
        ("unw", phase(), {"crs": "EPSG:4269"}, "EPSG:4269; expected EPSG:4326"),
        ("unw", phase(), {"crs": "+proj=longlat +ellps=WGS84 +pm=paris"}, "expected EPSG:4326"),
        ("unw", phase(), {"crs": "+proj=longlat +ellps=intl"}, "expected EPSG:4326"),
        ("unw", phase(), {"transform": Affine(90, 0, 21, 0, -90, 40)}, "the geotransform"),
        ("unw", phase(), {"transform": GRID @ Affine.rotation(10)}, "the geotransform"),
    ],
)
def test_what_is_no_licsar_product_is_refused_in_words(tmp_path, product, values, options, told):
    path = write_tif(tmp_path / "a.tif", values, **options)
    with pytest.raises(ProductError) as error:
        check_product(path, product)
    assert told in str(error.value)
    assert str(path) in str(error.value)
    assert "To do:" in str(error.value)


@pytest.mark.parametrize(
    "crs",
    [
        "EPSG:4326",
        "OGC:CRS84",
        "+proj=longlat +ellps=WGS84 +no_defs",
        'GEOGCS["WGS 84",DATUM["WGS_1984",SPHEROID["WGS 84",6378137,298.257223563]],PRIMEM["Greenwich",0],UNIT["degree",0.0174532925199433]]',
    ],
)
def test_wgs_84_counts_under_whatever_name_a_writer_gives_it(tmp_path, crs):
    assert check_product(write_tif(tmp_path / "a.tif", phase(), crs=crs), "unw").rows == 60


@pytest.mark.parametrize(
    ("product", "values"),
    [("diff_pha", np.zeros((8, 9), np.float32)), ("unw", np.full((8, 9), np.nan, np.float32)), ("cc", np.zeros((8, 9), np.uint8))],
)
def test_a_raster_without_data_is_refused(tmp_path, product, values):
    with pytest.raises(EmptyProductError, match="8 x 9 pixels without data"):
        check_product(write_tif(tmp_path / "a.tif", values), product)


def test_a_virtual_raster_in_the_guise_of_a_tif_is_not_followed(tmp_path):
    secret = write_tif(tmp_path / "secret.tif", phase())
    source = f"<SourceFilename>{secret}</SourceFilename><SourceBand>1</SourceBand>"
    band = f'<VRTRasterBand dataType="Float32" band="1"><SimpleSource>{source}</SimpleSource></VRTRasterBand>'
    (tmp_path / "a.tif").write_text(f'<VRTDataset rasterXSize="80" rasterYSize="60"><SRS>EPSG:4326</SRS>{band}</VRTDataset>')
    with pytest.raises(ProductError, match="cannot be opened"):
        check_product(tmp_path / "a.tif", "unw")


def test_a_declared_size_that_would_exhaust_memory_is_refused_unread(tmp_path):
    path = tmp_path / "bomb.tif"
    write_tif(path, np.ones((1, 1), np.float32), sparse_ok=True)
    write_bomb(path)
    with pytest.raises(ProductError, match=r"declared size of 200000 x 100000"):
        check_product(path, "unw")


def write_bomb(path):
    import rasterio

    profile = {"driver": "GTiff", "dtype": "float32", "count": 1, "crs": "EPSG:4326", "transform": GRID}
    with rasterio.open(path, "w", width=100_000, height=200_000, sparse_ok=True, tiled=True, bigtiff="YES", **profile):
        pass
    assert path.stat().st_size < 50_000_000


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ProductError, match=r"gone\.tif: found no such file"):
        read_product(tmp_path / "gone.tif", "unw")


def test_wrapped_phase_zero_is_no_data_and_everything_else_stays(tmp_path):
    values = phase()
    values[3, 40] = np.inf
    array = read_product(write_tif(tmp_path / "a.tif", values), "diff_pha")
    expected = np.where((values == 0) | ~np.isfinite(values), np.nan, values)
    np.testing.assert_array_equal(array.values, expected)
    assert array.dtype == np.float32
    assert array.dims == ("y", "x")
    assert array.attrs["units"] == "radian"


def test_unwrapped_phase_of_either_vintage_gives_the_same(tmp_path):
    zeros, nans = phase(), phase()
    nans[nans == 0] = np.nan
    one = read_product(write_tif(tmp_path / "a.tif", zeros), "unw")
    other = read_product(write_tif(tmp_path / "b.tif", nans, nodata=np.nan), "unw")
    np.testing.assert_array_equal(one.values, other.values)


def test_a_declared_nodata_value_counts(tmp_path):
    values = phase()
    values[10, 20:30] = -9999
    array = read_product(write_tif(tmp_path / "a.tif", values, nodata=-9999), "unw").values
    assert np.isnan(array[10, 20:30]).all()
    assert np.isfinite(array[11, 20:30]).all()


def test_coherence_is_a_fraction_and_keeps_its_zeros(tmp_path):
    values = coherence()
    values[0, :3] = [0, 255, 51]
    array = read_product(write_tif(tmp_path / "a.tif", values), "cc").values
    np.testing.assert_allclose(array, values / 255, rtol=1e-6)
    np.testing.assert_allclose(array[0, :3], [0, 1, 0.2], rtol=1e-6)


def test_coherence_stored_as_a_fraction_stays(tmp_path):
    values = (coherence() / 255).astype(np.float32)
    path = write_tif(tmp_path / "a.tif", values)
    check_product(path, "cc")
    np.testing.assert_array_equal(read_product(path, "cc").values, values)


def test_coordinates_are_pixel_centres(tmp_path):
    array = read_product(write_tif(tmp_path / "a.tif", phase()), "unw")
    assert float(array.x[0]) == pytest.approx(21.7005)
    assert float(array.y[0]) == pytest.approx(40.0995)
    assert float(array.y[-1]) == pytest.approx(40.0995 - 59 * 0.001)
    assert array.rio.crs.to_epsg() == 4326
    assert array.rio.transform() == pytest.approx(GRID)


@settings(max_examples=25, deadline=None)
@given(
    south_up=st.booleans(),
    east_first=st.booleans(),
    rows=st.integers(1, 30),
    columns=st.integers(2, 30),
    chunks=st.tuples(st.integers(1, 31), st.integers(1, 31)),
)
def test_every_pixel_keeps_its_place_on_earth_whatever_the_order_of_rows_and_the_chunks(
    tmp_path_factory, south_up, east_first, rows, columns, chunks
):
    values = np.arange(1, rows * columns + 1, dtype=np.float32).reshape(rows, columns)
    stored = values[:: -1 if south_up else 1, :: -1 if east_first else 1]
    dy = 0.001 if south_up else -0.001
    dx = -0.001 if east_first else 0.001
    grid = Affine(dx, 0, 21.7 + east_first * columns * 0.001, 0, dy, 40.1 - south_up * rows * 0.001)
    path = write_tif(tmp_path_factory.mktemp("grid") / "a.tif", stored, transform=grid)
    array = read_product(path, "unw", chunks=chunks)
    np.testing.assert_array_equal(array.values, values)
    assert (np.diff(array.y) < 0).all()
    assert (np.diff(array.x) > 0).all()
    assert array.rio.transform() == pytest.approx(GRID)
    assert array.rio.transform(recalc=True) == pytest.approx(GRID)


def test_reading_is_lazy_and_a_block_that_breaks_later_is_named(tmp_path):
    path = write_tif(tmp_path / "a.tif", phase(), compress=None)
    array = read_product(path, "unw", chunks={"y": 20, "x": 80})
    assert array.data.numblocks == (3, 1)
    path.write_bytes(path.read_bytes()[:-100])
    array[:20].compute()
    with pytest.raises(ProductError, match=r"a\.tif: found rows 40 to 59 that cannot be read"):
        array.compute()


def test_an_unknown_product_is_a_mistake_of_the_caller(tmp_path):
    with pytest.raises(ValueError, match="unw, diff_pha, cc"):
        read_product(tmp_path / "a.tif", "dem")


def test_a_south_up_grid_is_flipped(tmp_path):
    values = phase()
    array = read_product(write_tif(tmp_path / "a.tif", values[::-1], transform=SOUTH_UP), "diff_pha")
    np.testing.assert_array_equal(np.nan_to_num(array.values), values)
    assert float(array.y[0]) == pytest.approx(40.0995)
