"""Overlaps are geometry; what stands out from its surroundings is a wrong label or a wrong score, and nothing else."""

import numpy as np
import pandas as pd
import pytest

from fringeflow.datasets.overlaps import Overlaps, disagreement, find_overlaps, most_doubtful, tile_places
from fringeflow.errors import DatasetError
from tests.unit.toy_overlaps import SIZE, STRIDE, toy


def grid(side: int, size: int = 256, stride: int = 128, pairs: tuple[str, ...] = ("1_2",)) -> Overlaps:
    places = [(pair, row * stride, column * stride) for pair in pairs for row in range(side) for column in range(side)]
    table = pd.DataFrame(places, columns=["pair", "row", "column"]).assign(frame="F")
    return find_overlaps(table, table[["row", "column"]], size)


def scene(side: int = 7) -> tuple[np.ndarray, np.ndarray, Overlaps]:
    """A block of deformed tiles amid quiet ones, every one scored as it is labelled."""
    labels = np.zeros((side, side), dtype=int)
    labels[2:5, 2:5] = 1
    labels = labels.ravel()
    sure = np.where(labels == 1, 0.97, 0.03)
    return labels, np.stack([1 - sure, sure], axis=1), grid(side)


def test_a_tile_amid_others_at_half_a_stride_has_eight_neighbours_that_share_a_half_or_a_quarter():
    overlaps = grid(3)
    middle = overlaps.tile == 4
    assert sorted(overlaps.area[middle]) == [0.25] * 4 + [0.5] * 4
    assert list(overlaps.neighbours) == [3, 5, 3, 5, 8, 5, 3, 5, 3]


def test_overlap_is_mutual_and_never_with_itself():
    overlaps = grid(4, stride=100)
    forward = set(zip(overlaps.tile, overlaps.other, overlaps.area, strict=True))
    assert forward == set(zip(overlaps.other, overlaps.tile, overlaps.area, strict=True))
    assert (overlaps.tile != overlaps.other).all()
    assert len(forward) == len(overlaps.tile)


def test_tiles_of_other_interferograms_and_tiles_that_touch_do_not_overlap():
    two = grid(2, pairs=("1_2", "1_3"))
    assert (two.tile // 4 == two.other // 4).all()
    assert len(grid(3, stride=256).tile) == 0


def test_uneven_overlaps_weigh_by_area():
    table = pd.DataFrame({"frame": "F", "pair": "P", "row": [0, 0, 0], "column": [0, 64, -192]})
    overlaps = find_overlaps(table, table[["row", "column"]], 256)
    # 192 x 256 shared with the second, 64 x 256 with the third: weights 3 to 1
    assert overlaps.mean(np.array([[0.0], [0.8], [0.4]]))[0, 0] == pytest.approx(0.7)


def test_right_labels_and_scores_stand_out_nowhere_not_even_at_the_rim():
    labels, scores, overlaps = scene()
    assert disagreement(labels, scores, overlaps).max() == pytest.approx(0.0, abs=0.0601)


@pytest.mark.parametrize("tile", [0, 3, 16, 24, 30, 48], ids=["corner", "side", "rim", "middle", "beside", "far corner"])
def test_a_flipped_label_stands_out_most_wherever_it_is(tile):
    labels, scores, overlaps = scene()
    labels[tile] = 1 - labels[tile]
    amounts = disagreement(labels, scores, overlaps)
    assert amounts.argmax() == tile
    assert amounts[tile] == pytest.approx(1.0, abs=0.05)
    assert np.delete(amounts, tile).max() < 0.4


@pytest.mark.parametrize("tile", [0, 16, 24])
def test_a_wrong_score_stands_out_as_much_as_a_wrong_label(tile):
    labels, scores, overlaps = scene()
    scores[tile] = scores[tile, ::-1]
    amounts = disagreement(labels, scores, overlaps)
    assert amounts.argmax() == tile
    assert amounts[tile] == pytest.approx(0.94, abs=0.05)


def test_an_earthquake_that_is_missed_altogether_is_hard_and_its_middle_is_not_doubtful():
    labels, scores, overlaps = scene()
    scores[:] = [0.97, 0.03]
    amounts = disagreement(labels, scores, overlaps)
    assert amounts[24] == pytest.approx(0.0, abs=1e-12), "it errs as all its neighbours do"


def test_two_classes_are_the_difference_of_the_positive_scores_and_labels():
    labels, _, overlaps = scene()
    rng = np.random.default_rng(0)
    p = rng.random(len(labels))
    own = p - overlaps.mean(p[:, None])[:, 0]
    expected = np.abs(own - (labels - overlaps.mean(labels[:, None])[:, 0]))
    np.testing.assert_allclose(disagreement(labels, np.stack([1 - p, p], axis=1), overlaps), expected)
    assert expected.max() <= 2


def test_a_tile_alone_is_never_doubted():
    amounts = disagreement(np.array([1]), np.array([[1.0, 0.0]]), grid(1))
    assert np.isnan(amounts[0])
    assert len(most_doubtful(amounts, np.array([1]), threshold=0.1, share=0.5)) == 0


def test_no_class_gives_more_than_its_share_and_the_last_of_a_class_stays():
    labels = np.array([0] * 100 + [1] * 19 + [2])
    amounts = np.linspace(2, 1, len(labels))
    chosen = most_doubtful(amounts, labels, threshold=0.5, share=0.1)
    assert np.bincount(labels[chosen], minlength=3).tolist() == [10, 1, 0]
    assert chosen.tolist() == [*range(10), 100], "the worst of each class"
    for share in (0.05, 0.25, 0.5):
        for count in (1, 2, 3):
            left = count - len(most_doubtful(np.full(count, 2.0), np.zeros(count, int), threshold=0.5, share=share))
            assert left >= 1


def test_nothing_below_the_threshold_is_doubted():
    chosen = most_doubtful(np.array([0.49, 0.5, 0.8, 0.1]), np.zeros(4, int), threshold=0.5, share=0.5)
    assert chosen.tolist() == [2, 1]


def test_places_are_those_of_the_index_beside_the_store(tmp_path):
    made = toy(tmp_path)
    table = made.table().sample(frac=1, random_state=0)
    places = tile_places(table)
    named = [tuple(map(int, sample.split("/")[-1].split("_"))) for sample in table["sample"]]
    assert list(places.itertuples(index=False, name=None)) == named
    assert find_overlaps(table, places, SIZE).area.max() == STRIDE / SIZE
    (tmp_path / "events/a/standard/tiles.parquet").unlink()
    with pytest.raises(DatasetError, match=r"a/standard/tiles\.parquet: cannot be read as a tile index"):
        tile_places(table)
