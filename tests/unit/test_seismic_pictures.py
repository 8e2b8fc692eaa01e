"""Pictures of any kind become three planes, and folders of them an index."""

import logging

import numpy as np
import pandas as pd
import pytest
import skimage
from PIL import Image
from toy_pictures import save, texture

from fringeflow.config.collections import Pictures
from fringeflow.errors import DatasetError
from fringeflow.seismic.index import COLUMNS
from fringeflow.seismic.picture_index import index_pictures
from fringeflow.seismic.pictures import is_grey, read_picture

CLASSES = ["brak_Station", "noise_DNS"]


def settings(folder, **more) -> Pictures:
    return Pictures(kind="pictures", folder=str(folder), classes=CLASSES, **more)


def index(folder, tmp_path, **more) -> tuple[pd.DataFrame, pd.DataFrame]:
    out, duplicates = tmp_path / "index.parquet", tmp_path / "duplicates.tsv"
    index_pictures(settings(folder, **more), out, duplicates)
    return pd.read_parquet(out), pd.read_csv(duplicates, sep="\t")


@pytest.fixture
def parts(tmp_path):
    """A folder with parts, 2 pictures a class in each."""
    seed = 0
    for part in ("train", "val", "test"):
        for label in CLASSES:
            for number in (1, 2):
                seed += 1
                save(tmp_path / "pictures" / part / label / f"{number}.png", texture(seed))
    return tmp_path / "pictures"


# --- One picture


def test_colours_come_in_the_order_red_green_blue(tmp_path):
    picture = np.zeros((4, 6, 3))
    picture[:, :, 0], picture[1, :, 1], picture[:, 5, 2] = 1, 0.2, 0.4
    planes = read_picture(save(tmp_path / "a.png", picture, "RGB"))
    assert (planes.shape, planes.dtype) == ((3, 4, 6), np.float32)
    np.testing.assert_allclose(np.moveaxis(planes, 0, -1), picture, atol=1e-6)
    assert planes.flags.c_contiguous and not is_grey(planes)


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "LA", "P", "1", "CMYK"])
def test_grey_is_grey_in_every_mode(tmp_path, mode):
    grey = np.repeat(np.repeat([[0.0, 1.0]], 3, axis=0), 3, axis=1)
    path = tmp_path / ("a.tif" if mode == "CMYK" else "a.png")
    planes = read_picture(save(path, grey, mode))
    assert is_grey(planes)
    np.testing.assert_allclose(planes, np.broadcast_to(grey, (3, 3, 6)), atol=1e-6)


def test_sixteen_bits_and_grey_jpegs(tmp_path):
    deep = np.array([[0, 65535, 13107]], dtype=np.uint16)
    Image.fromarray(deep).save(tmp_path / "deep.png")
    Image.fromarray(deep).save(tmp_path / "deep.tif")
    for name in ("deep.png", "deep.tif"):
        np.testing.assert_allclose(read_picture(tmp_path / name)[1], [[0, 1, 0.2]], atol=1e-6)
    assert is_grey(read_picture(save(tmp_path / "a.jpg", texture(1), "RGB", quality=60)))
    assert is_grey(read_picture(save(tmp_path / "a.webp", texture(1), "RGB", quality=60)))


def test_transparent_is_white(tmp_path):
    black = Image.new("RGBA", (2, 1), (0, 0, 0, 0))
    black.putpixel((1, 0), (0, 0, 0, 255))
    black.save(tmp_path / "a.png")
    np.testing.assert_array_equal(read_picture(tmp_path / "a.png"), np.broadcast_to(np.float32([[1, 0]]), (3, 1, 2)))


def test_a_rotation_noted_by_a_camera_is_applied(tmp_path):
    image = Image.new("L", (3, 1))
    image.putdata([0, 100, 200])
    exif = Image.Exif()
    exif[0x0112] = 6  # turn clockwise by 90 degrees
    image.save(tmp_path / "a.png", exif=exif)
    assert read_picture(tmp_path / "a.png").shape == (3, 3, 1)


def test_crop_box_is_left_top_right_bottom(tmp_path):
    picture = texture(3, (20, 30))
    path = save(tmp_path / "a.png", picture)
    np.testing.assert_allclose(read_picture(path, (5, 2, 30, 12))[0], picture[2:12, 5:30], atol=1 / 255)
    with pytest.raises(DatasetError, match=r"a\.png: the crop box \[5, 2, 31, 12\] .* reaches outside the picture of 30 x 20 pixels"):
        read_picture(path, (5, 2, 31, 12))


def test_real_pictures():
    folder = skimage.__path__[0] + "/data/"
    camera, astronaut = read_picture(folder + "camera.png"), read_picture(folder + "astronaut.png")
    assert is_grey(camera) and not is_grey(astronaut)
    assert camera.shape == astronaut.shape == (3, 512, 512)
    assert 0 <= camera.min() < 0.05 < 0.95 < camera.max() <= 1


@pytest.mark.parametrize("suffix", ["png", "jpg", "tif"])
def test_a_truncated_picture_is_refused(tmp_path, suffix):
    path = save(tmp_path / f"a.{suffix}", texture(1))
    path.write_bytes(path.read_bytes()[:-3000])
    with pytest.raises(DatasetError, match=rf"a\.{suffix}"):
        read_picture(path)


def test_what_is_no_picture_is_refused(tmp_path, monkeypatch):
    (tmp_path / "empty.png").touch()
    (tmp_path / "page.png").write_text("<html>404</html>")
    (tmp_path / "program.png").write_text("%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n%%EndComments\nshowpage\n")
    for name in ("empty.png", "page.png", "program.png"):
        with pytest.raises(DatasetError, match=rf"{name}: not a picture \(\d+ bytes\)"):
            read_picture(tmp_path / name)
    with pytest.raises(DatasetError, match=r"gone\.png"):
        read_picture(tmp_path / "gone.png")
    Image.fromarray(np.ones((3, 3), np.float32)).save(tmp_path / "float.tif")
    with pytest.raises(DatasetError, match=r"float\.tif: holds floating-point values"):
        read_picture(tmp_path / "float.tif")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    for shape in ((11, 10), (50, 50)):
        with pytest.raises(DatasetError, match=r"bomb\.png: too large a picture .* at most 100 pixels"):
            read_picture(save(tmp_path / "bomb.png", texture(1, shape)))


# --- A folder


def test_index_of_a_folder_with_parts(parts, tmp_path):
    (parts / "train" / "noise_DNS" / "Thumbs.db").touch()
    (parts / ".cache").mkdir()
    table, duplicates = index(parts, tmp_path)
    assert list(table) == list(COLUMNS)
    assert table["sample"].tolist() == sorted(table["sample"])
    assert table["split"].value_counts().to_dict() == {"train": 4, "validation": 4, "test": 4}
    row = table.set_index("sample").loc["val/noise_DNS/2.png"]
    assert (row["label"], row["split"], row["group"]) == ("noise_DNS", "validation", "val/noise_DNS/2.png")
    assert np.isnan(row["begin_s"]) and row["last_trace"] == -1
    assert duplicates.empty and list(duplicates) == ["sample", "part", "other", "other_part", "distance", "how"]


def test_index_of_a_folder_without_parts_and_its_originals(tmp_path):
    names = [(label, number, suffix) for label in CLASSES for number in (1, 2) for suffix in ("", "_mirror")]
    for seed, (label, number, suffix) in enumerate(names):
        save(tmp_path / "p" / label / f"{label}{number}{suffix}.png", texture(seed))
    table, _ = index(tmp_path / "p", tmp_path, source="^(.*?)(_mirror|_left|_right)?$")
    assert set(table["split"]) == {""}
    assert table.set_index("sample")["group"].to_dict() == {
        f"{label}/{label}{number}{suffix}.png": f"{label}{number}" for label, number, suffix in names
    }
    with pytest.raises(DatasetError, match=r"noise_DNS1\.png: 'noise_DNS1' does not match"):
        index(tmp_path / "p", tmp_path, source="^(.*)_mirror$")


def test_the_same_pixels_are_one_group_where_no_parts_are_given(tmp_path):
    save(tmp_path / "p/noise_DNS/a.png", texture(1))
    save(tmp_path / "p/noise_DNS/b.tif", texture(1))
    save(tmp_path / "p/brak_Station/c.png", texture(2))
    table, duplicates = index(tmp_path / "p", tmp_path)
    assert table.set_index("sample")["group"].to_dict() == {
        "brak_Station/c.png": "brak_Station/c.png",
        "noise_DNS/a.png": "noise_DNS/a.png",
        "noise_DNS/b.tif": "noise_DNS/a.png",
    }
    assert duplicates.empty


def test_an_original_on_both_sides_of_a_split_is_refused(parts, tmp_path):
    with pytest.raises(DatasetError, match=r"group '1' stands in 3 splits: .*'train/brak_Station/1\.png' in train"):
        index(parts, tmp_path, source="^(.*)$")


def test_near_duplicates_across_parts_are_written_and_told(parts, tmp_path, caplog):
    save(parts / "test/noise_DNS/again.jpg", texture(1)[:, ::-1], quality=80)
    with caplog.at_level(logging.WARNING):
        table, duplicates = index(parts, tmp_path)
    assert len(table) == 13
    assert duplicates[["sample", "part", "other", "other_part", "how"]].to_numpy().tolist() == [
        ["test/noise_DNS/again.jpg", "test", "train/brak_Station/1.png", "train", "mirrored"]
    ]
    assert "1 pairs of pictures in different splits show the same: test/noise_DNS/again.jpg and train/brak_Station/1.png" in caplog.text


def test_unknown_classes_missing_classes_and_parts_among_classes(parts, tmp_path):
    (parts / "train/noise_DNS").rename(parts / "train/noise_DMS")
    with pytest.raises(DatasetError) as told:
        index(parts, tmp_path)
    assert "no class is called 'noise_DMS'; did you mean 'noise_DNS'?" in str(told.value)
    assert "class 'noise_DNS' has no picture in train" in str(told.value)
    (parts / "brak_Station").mkdir()
    with pytest.raises(DatasetError, match=r"stand beside 'brak_Station'; expected parts of the dataset only"):
        index(parts, tmp_path)
    with pytest.raises(DatasetError, match="there is no such folder"):
        index(parts / "nowhere", tmp_path)
    (tmp_path / "bare").mkdir()
    with pytest.raises(DatasetError, match=r"holds no folder; expected one a class \(brak_Station, noise_DNS\)"):
        index(tmp_path / "bare", tmp_path)


def test_every_bad_picture_is_told_at_once(parts, tmp_path):
    (parts / "train/noise_DNS/1.png").write_bytes(b"")
    save(parts / "val/noise_DNS/1.png", texture(1, (60, 60)))
    with pytest.raises(DatasetError) as told:
        index(parts, tmp_path, crop=(0, 0, 100, 100))
    assert "train/noise_DNS/1.png: not a picture (0 bytes)" in str(told.value)
    assert "val/noise_DNS/1.png: the crop box [0, 0, 100, 100]" in str(told.value)
    assert "60 x 60 pixels" in str(told.value)
    assert not (tmp_path / "index.parquet").exists()


def test_grey_and_coloured_pictures_are_not_mixed_but_grey_in_three_planes_is_grey(parts, tmp_path):
    save(parts / "train/noise_DNS/1.png", texture(90), "RGBA")
    assert len(index(parts, tmp_path)[0]) == 12
    coloured = np.stack([texture(91), texture(92), texture(93)], axis=-1)
    save(parts / "train/noise_DNS/2.png", coloured, "RGB")
    with pytest.raises(DatasetError, match=r"11 grey \(.*\) and 1 coloured \(train/noise_DNS/2\.png\) pictures are mixed"):
        index(parts, tmp_path)
