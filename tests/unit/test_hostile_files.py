"""Files that mean harm: nothing that they hold is run, no other file is read for them, and what they declare is not believed."""

import json
import struct
import time
import wave
import zipfile
import zlib

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
import rasterio
from affine import Affine

from fringeflow.errors import DatasetError, ProductError
from fringeflow.insar.labels import MAX_POINTS, read_outlines
from fringeflow.licsar.products import MAX_PIXELS, check_product
from fringeflow.seismic.labels import read_labels
from fringeflow.seismic.pictures import read_picture
from fringeflow.seismic.reader import read_recording
from fringeflow.seismic.responses import read_stations
from fringeflow.training.checkpoint import Checkpoint
from fringeflow.training.embed import _rows
from fringeflow.transfer.content import ContentError
from tests.unit.toy_waveforms import shipped


def sparse(path, rows, columns, **options):
    """Write a TIFF that declares pixels and holds none."""
    grid = Affine(1e-6, 0, 21, 0, -1e-6, 40)
    profile = {"driver": "GTiff", "dtype": "float32", "count": 1, "crs": "EPSG:4326", "transform": grid, "compress": "deflate", **options}
    with rasterio.open(path, "w", width=columns, height=rows, sparse_ok=True, **profile):
        pass
    return path


@pytest.mark.parametrize(
    ("rows", "columns", "tile", "told"),
    [
        (100_000, 100_000, 512, "declared size of 100000 x 100000"),
        (MAX_PIXELS // 1000, 1001, 256, "declared size"),
        (256, 1_500_000, 256, "blocks of 256 rows over 1500000 columns"),
    ],
    ids=["too many pixels", "just too many", "a row of blocks that fits no memory"],
)
def test_a_bomb_of_a_tiff_is_refused_unread(tmp_path, rows, columns, tile, told):
    path = sparse(tmp_path / "a.tif", rows, columns, tiled=True, blockxsize=tile, blockysize=tile)
    assert path.stat().st_size < 1_000_000
    begin = time.monotonic()
    with pytest.raises(ProductError, match=told):
        check_product(path, "unw")
    assert time.monotonic() - begin < 10


def png(width: int, height: int) -> bytes:
    """Return a picture that declares its size and holds one row of black."""
    parts = [(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)), (b"IDAT", zlib.compress(bytes(width + 1))), (b"IEND", b"")]
    chunks = (struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in parts)
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def test_a_bomb_of_a_picture_is_refused_unread(tmp_path):
    (tmp_path / "bomb.png").write_bytes(png(100_000, 100_000))
    with pytest.raises(DatasetError, match=r"bomb\.png: too large a picture"):
        read_picture(tmp_path / "bomb.png")


RING = [[0, 0], [1, 0], [1, 1], [0, 0]]


def polygon(ring):
    return {"type": "Polygon", "coordinates": [ring]}


def zigzag(points):
    angle = np.linspace(0, 2 * np.pi, points)
    size = 1 + 0.1 * (np.arange(points) % 2)
    ring = np.column_stack([size * np.cos(angle), size * np.sin(angle)]).tolist()
    return [*ring[:-1], ring[0]]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("[" * 200_000, "RecursionError"),
        ('{"type": "FeatureCollection", "features": ' + "[" * 50_000 + "]" * 50_000 + "}", "RecursionError"),
        (json.dumps(polygon([[float("nan"), 0], *RING[1:]])), "cannot be read"),
        (json.dumps(polygon([[0, 0], [float("inf"), 0], [1, 1], [0, 0]])), "not a valid polygon"),
        (json.dumps(polygon([[0, 0], [1e308, 0], [1, 1], [0, 0]])), "not degrees"),
        (json.dumps(polygon([[0, 0], [10**400, 0], [1, 1], [0, 0]])), "OverflowError"),
        ('{"type": "Polygon", "coordinates": [[[' + "9" * 5000 + ", 0], [1, 0], [1, 1], [0, 0]]]}", "ValueError"),
        (json.dumps(polygon(zigzag(MAX_POINTS + 1))), "points, more than"),
        (json.dumps({"type": "Blob", "coordinates": []}), "cannot be read"),
        (json.dumps({"type": "FeatureCollection", "features": [], "crs": []}), None),
        (json.dumps({"type": "FeatureCollection", "features": [], "crs": {"properties": 5}}), "cannot be read"),
        (json.dumps({"type": "Feature", "geometry": polygon(RING), "properties": {"frame": 5}}), "the property 'frame' is 5"),
        ("\ufeff", "cannot be read"),
        (" " * 20_000_001, "20,000,001 bytes, more than 20,000,000"),
    ],
)
def test_outlines_of_absurd_size_or_kind_are_told(tmp_path, content, told):
    path = tmp_path / "a.geojson"
    path.write_text(content)
    begin = time.monotonic()
    if told is None:
        assert read_outlines(path) == []
        return
    with pytest.raises(DatasetError, match=told):
        read_outlines(path)
    assert time.monotonic() - begin < 20


def test_outlines_whose_reference_system_is_null_are_read(tmp_path):
    """As the GeoJSON of 2008 writes it where there is none."""
    (tmp_path / "a.geojson").write_text(json.dumps({"type": "FeatureCollection", "crs": None, "features": [polygon(RING)]}))
    assert len(read_outlines(tmp_path / "a.geojson")) == 1


STATIONS = (
    '<FDSNStationXML xmlns="http://www.fdsn.org/xml/station/1" schemaVersion="1.1">'
    "<Source>{}</Source><Created>2020-01-01T00:00:00</Created></FDSNStationXML>"
)
LAUGHS = '<!ENTITY a0 "' + "A" * 1000 + '">' + "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 8))


@pytest.mark.parametrize(
    "declared", ['<!ENTITY x SYSTEM "file://{}">', '<!ENTITY % x SYSTEM "file://{}"> %x;', LAUGHS + '<!ENTITY x "&a7;">'], ids=range(3)
)
def test_entities_of_stationxml_bring_in_no_file_and_do_not_explode(tmp_path, declared):
    (tmp_path / "secret").write_text("SECRET")
    (tmp_path / "a.xml").write_text(f"<!DOCTYPE x [{declared.replace('{}', str(tmp_path / 'secret'))}]>" + STATIONS.format("&x;"))
    with pytest.raises(ContentError, match="not StationXML that can be read") as error:
        read_stations(tmp_path / "a.xml")
    assert "SECRET" not in str(error.value)


def test_an_archive_is_no_stationxml_and_is_not_unpacked(tmp_path):
    """ObsPy unpacks zip, tar, gzip and bzip2 into memory, whatever comes of it."""
    with zipfile.ZipFile(tmp_path / "a.xml", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.xml", STATIONS.format("me"))
    with pytest.raises(ContentError, match="not StationXML"):
        read_stations(tmp_path / "a.xml")


def test_a_name_is_no_pattern(tmp_path):
    for name, source in (("a[1].xml", "mine"), ("a1.xml", "another")):
        (tmp_path / name).write_text(STATIONS.format(source))
    assert read_stations(tmp_path / "a[1].xml").source == "mine"


def test_a_dtd_of_stationxml_is_not_fetched(tmp_path):
    (tmp_path / "a.xml").write_text('<!DOCTYPE x SYSTEM "http://127.0.0.1:9/x.dtd">' + STATIONS.format("me"))
    assert read_stations(tmp_path / "a.xml").source == "me"


@pytest.mark.parametrize("samples", [32767, -1, -32768, 0])
@pytest.mark.parametrize("places", [(3220,), (3714,), (3220, 3714)], ids=["file", "trace", "both"])
def test_segy_that_declares_another_number_of_samples_is_refused(tmp_path, places, samples):
    """In the file's header, bytes 3221-3222, or that of its one trace, bytes 115-116."""
    content = bytearray(shipped("segy/00001034.sgy_first_trace").read_bytes())
    for place in places:
        struct.pack_into(">h", content, place, samples)
    (tmp_path / "a.sgy").write_bytes(content)
    try:
        found = read_recording(tmp_path / "a.sgy")
    except DatasetError:
        return
    assert found.traces.shape == (1, 2001)  # by the header that still tells the truth


def test_a_time_that_no_calendar_has_is_told(tmp_path):
    """A SAC file's year is four bytes of its header, and an offset of seconds a float."""
    content = bytearray(shipped("sac/test.sac").read_bytes())
    struct.pack_into("<i", content, 4 * 70, 2_000_000_000)
    struct.pack_into("<f", content, 4 * 5, 3e38)
    (tmp_path / "a.sac").write_bytes(content)
    with pytest.raises(DatasetError, match=r"the header may be damaged|cannot be read"):
        read_recording(tmp_path / "a.sac")


def test_wav_that_declares_more_than_it_holds_is_refused(tmp_path):
    """ObsPy keeps the declared number: 844 bytes became a gigabyte of nothing."""
    path = tmp_path / "a.wav"
    with wave.open(str(path), "wb") as sound:
        sound.setparams((1, 4, 7000, 0, "NONE", ""))
        sound.writeframes(np.arange(200, dtype="<i4").tobytes())
    assert read_recording(path).traces.shape == (1, 200)
    content = bytearray(path.read_bytes())
    struct.pack_into("<I", content, 40, 1 << 30)
    path.write_bytes(content)
    with pytest.raises(DatasetError, match=r"declares 268,435,456 samples .* holds 200"):
        read_recording(path)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda text: text[:300] + b"\x80" + text[301:], r"the byte b'\\x80'"),
        (lambda text: text[:300] + b"J" * 5000 + text[300:], "50.. characters"),
        (lambda text: text[:300] + b"\xff" * 60 + text[360:], "the byte"),
    ],
)
def test_gse_that_would_overrun_its_reader_in_c_never_reaches_it(tmp_path, change, told):
    """Each of these is a segmentation fault of libgse2, or a write beyond its buffer."""
    path = tmp_path / "a.gse2"
    path.write_bytes(change(shipped("gse2/loc_RNON20040609200559.z").read_bytes()))
    with pytest.raises(DatasetError, match=f"looks like GSE2, but its line .* holds {told}"):
        read_recording(path)


def test_a_table_of_waveforms_names_files_of_its_own_folder_only(tmp_path):
    """CSS keeps samples in files beside it, and says where: also in /etc."""
    table = shipped("css/test_css.wfdisc").read_bytes().splitlines(keepends=True)[0]
    folder, file = table[148:212].strip(), table[213:245].strip()
    home = tmp_path / "recordings"
    (home / folder.decode()).mkdir(parents=True)
    samples = shipped(f"css/{file.decode()}").read_bytes()
    (home / folder.decode() / file.decode()).write_bytes(samples)
    (home / "a.wfdisc").write_bytes(table)
    assert read_recording(home / "a.wfdisc").traces.size
    (tmp_path / file.decode()).write_bytes(samples)
    for place in (b"..", str(tmp_path).encode()[:64], b"./../recordings/.."):
        (home / "a.wfdisc").write_bytes(table[:148] + place.ljust(64) + table[212:])
        with pytest.raises(DatasetError, match="outside its folder"):
            read_recording(home / "a.wfdisc")


@pytest.mark.parametrize("place", range(0, 120, 3))
def test_a_damaged_header_of_features_is_no_shard_and_no_crash(tmp_path, place):
    np.save(tmp_path / "a.npy", np.ones((4, 3), np.float32))
    assert _rows(tmp_path / "a.npy") == 4
    content = bytearray((tmp_path / "a.npy").read_bytes())
    for byte in (0, 34, 40, 91, 123, 255):
        content[place] = byte
        (tmp_path / "a.npy").write_bytes(content)
        assert _rows(tmp_path / "a.npy") in range(-1, 5)


def test_objects_in_an_array_are_not_unpickled(tmp_path):
    class Trap:
        def __reduce__(self):
            return open, (str(tmp_path / "evil"), "w")

    np.save(tmp_path / "a.npy", np.array([[Trap()]], dtype=object), allow_pickle=True)
    assert _rows(tmp_path / "a.npy") == -1
    np.savez(tmp_path / "a.npz", about=np.array([Trap()], dtype=object))
    assert Checkpoint(tmp_path / "a.npz", "key").load() is None
    assert not (tmp_path / "evil").exists()


def test_a_damaged_checkpoint_is_none_and_no_crash(tmp_path):
    """Of zip and zlib come errors of every family."""
    whole = Checkpoint(tmp_path / "a.npz", "key")
    whole.save({"weights": np.arange(20.0)}, {"epoch": 3})
    content = whole.path.read_bytes()
    assert whole.load()[1] == {"epoch": 3}
    rng = np.random.default_rng(0)
    for _ in range(150):
        damaged = bytearray(content)
        for place in rng.integers(0, len(content), 2):
            damaged[place] = rng.integers(0, 256)
        whole.path.write_bytes(damaged[: rng.integers(1, len(content)) if rng.random() < 0.2 else None])
        whole.load()


@pytest.mark.parametrize(
    "change", [{"index_columns": [{"kind": "range"}]}, {"index_columns": 5}, {"columns": None}, {"column_indexes": [1]}]
)
def test_notes_of_pandas_in_a_table_are_not_believed(tmp_path, change):
    path = tmp_path / "labels.parquet"
    pd.DataFrame({"recording": ["a", "b"], "class": ["x", "y"]}).to_parquet(path)
    table = pq.read_table(path)
    notes = json.loads(table.schema.metadata[b"pandas"]) | change
    pq.write_table(table.replace_schema_metadata({b"pandas": json.dumps(notes).encode()}), path)
    try:
        assert list(read_labels(path, ["x", "y"])["recording"]) == ["a", "b"]
    except DatasetError as error:
        assert "cannot be read" in str(error)
