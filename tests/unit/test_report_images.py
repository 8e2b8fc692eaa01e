"""Pictures of the page: small, true to their colours, and made once for as long as they stay the same."""

import io
from base64 import b64decode

import numpy as np
import pytest
from PIL import Image

from fringeflow.report import images
from fringeflow.report.captions import Caption
from fringeflow.report.images import WIDEST, Album
from tests.unit.toy_report import draw


@pytest.mark.parametrize("size, wanted", [((2800, 1000), (WIDEST, 500)), ((600, 400), (600, 400)), ((5000, 1), (WIDEST, 1))])
def test_wide_pictures_are_reduced_and_others_are_not(tmp_path, size, wanted):
    path = draw(tmp_path / "picture.png", *size)
    picture = Album().embed(path, Caption("A", "B"))
    image = Image.open(io.BytesIO(b64decode(picture.source.split(",", 1)[1])))
    assert image.size == wanted == (picture.width, picture.height)


def test_colours_survive_and_what_is_transparent_is_white(tmp_path):
    pixels = np.zeros((40, 80, 4), np.uint8)
    pixels[:, :40] = (0, 114, 178, 255)
    Image.fromarray(pixels).save(tmp_path / "picture.png")
    picture = Album().embed(tmp_path / "picture.png", Caption("A", "B"))
    found = np.asarray(Image.open(io.BytesIO(b64decode(picture.source.split(",", 1)[1]))).convert("RGB"), int)
    assert np.abs(found[:, :30] - (0, 114, 178)).max() <= 8
    assert (found[:, 50:] >= 250).all()


def test_only_pictures_that_are_new_are_made_small_again(tmp_path, monkeypatch):
    old, new, gone = draw(tmp_path / "old.png"), draw(tmp_path / "new.png", 320), draw(tmp_path / "gone.png", 160)
    folder = tmp_path / "kept"
    album = Album(folder)
    before = [album.embed(path, Caption("A", "B")) for path in (old, gone)]
    assert before == [Album().embed(path, Caption("A", "B")) for path in (old, gone)]
    album.tidy()
    made = []
    monkeypatch.setattr(images, "_encode", lambda path, encode=images._encode: (made.append(path), encode(path))[1])
    draw(old)  # again, with a new time: its content decides
    album = Album(folder)
    assert album.embed(old, Caption("C", "D")).source == before[0].source
    album.embed(new, Caption("A", "B"))
    assert made == [new]
    album.tidy()
    assert len(list(folder.iterdir())) == 2  # what the page no longer shows is not kept


@pytest.mark.parametrize("damage", [b"", b"no picture", "half"])
def test_a_kept_picture_that_was_damaged_is_made_again(tmp_path, damage):
    path, folder = draw(tmp_path / "picture.png"), tmp_path / "kept"
    whole = Album(folder).embed(path, Caption("A", "B"))
    (kept,) = folder.iterdir()
    content = kept.read_bytes()
    kept.write_bytes(content[: len(content) // 2] if damage == "half" else damage)
    assert Album(folder).embed(path, Caption("A", "B")) == whole
    assert kept.read_bytes() == content
