"""Pictures that show the same are found across parts, however they were made from each other; others are not."""

import io

import numpy as np
import pytest
import skimage
from PIL import Image
from toy_pictures import mirror, texture, two_left_halves, two_right_halves

from fringeflow.seismic.duplicates import find_duplicates, fingerprint
from fringeflow.seismic.pictures import read_picture

ORIGINALS = [texture(seed) for seed in range(30)]


def jpeg(picture: np.ndarray) -> np.ndarray:
    buffer = io.BytesIO()
    Image.fromarray(np.rint(picture * 255).astype(np.uint8)).save(buffer, "JPEG", quality=70)
    return np.asarray(Image.open(buffer), dtype=np.float32) / 255


def smaller(picture: np.ndarray) -> np.ndarray:
    rows, columns = picture.shape
    return np.asarray(Image.fromarray(picture).resize((columns * 3 // 4, rows * 3 // 4), Image.Resampling.BILINEAR))


def fainter(picture: np.ndarray) -> np.ndarray:
    return 0.2 + 0.5 * picture


def prints_of(pictures) -> np.ndarray:
    return np.stack([fingerprint(np.repeat(np.ascontiguousarray(picture)[None], 3, axis=0)) for picture in pictures])


def compare(some, others):
    samples = [f"a{number}" for number in range(len(some))] + [f"b{number}" for number in range(len(others))]
    parts = ["train"] * len(some) + ["test"] * len(others)
    return find_duplicates(samples, parts, prints_of([*some, *others]))


@pytest.mark.parametrize("change", [np.copy, jpeg, smaller, fainter])
@pytest.mark.parametrize(
    ("variant", "how"),
    [(np.copy, "same"), (mirror, "mirrored"), (two_left_halves, "left halves"), (two_right_halves, "right halves")],
)
def test_every_sibling_is_found_and_nothing_else(variant, how, change):
    found = compare(ORIGINALS, [change(np.ascontiguousarray(variant(picture))) for picture in ORIGINALS])
    assert sorted(found["sample"]) == sorted(f"a{number}" for number in range(len(ORIGINALS)))
    assert all(one[1:] == other[1:] for one, other in zip(found["sample"], found["other"], strict=True))
    assert set(found["how"]) == {how}
    assert found["distance"].is_monotonic_increasing


def test_the_sibling_is_found_whichever_part_holds_the_original():
    found = compare([two_left_halves(ORIGINALS[0])], [ORIGINALS[0]])
    assert found[["sample", "part", "other", "other_part", "how", "distance"]].to_numpy().tolist() == [
        ["b0", "test", "a0", "train", "left halves", 0]
    ]


def test_pictures_of_one_part_are_not_compared():
    assert find_duplicates(["a", "b"], ["train", "train"], prints_of([ORIGINALS[0], ORIGINALS[0]])).empty


def test_flat_pictures_and_flat_halves_are_not_compared():
    rounding = 0.001 * texture(99)
    flat, grey = 0.3 + rounding, 0.7 + rounding
    half = ORIGINALS[0].copy()
    half[:, 80:] = 0.5
    other = ORIGINALS[1].copy()
    other[:, 80:] = 0.5
    assert compare([flat, half], [flat, grey, other]).empty


def test_more_pictures_than_are_compared_at_a_time():
    pictures = [texture(seed, (40, 50)) for seed in range(600)]
    found = compare(pictures, [pictures[3], pictures[599]])
    assert found[["sample", "other"]].to_numpy().tolist() == [["a3", "b0"], ["a599", "b1"]]


def test_real_pictures():
    """Of the pictures that come with scikit-image, only the two of one chessboard show the same."""
    names = ["astronaut.png", "brick.png", "camera.png", "chelsea.png", "chessboard_GRAY.png", "chessboard_RGB.png", "coffee.png",
             "coins.png", "grass.png", "gravel.png", "moon.png", "page.png", "retina.jpg", "rocket.jpg", "text.png"]  # fmt: skip
    prints = np.stack([fingerprint(read_picture(f"{skimage.__path__[0]}/data/{name}")) for name in names])
    found = find_duplicates(names, names, prints)
    assert found[["sample", "other"]].to_numpy().tolist() == [["chessboard_GRAY.png", "chessboard_RGB.png"]]
