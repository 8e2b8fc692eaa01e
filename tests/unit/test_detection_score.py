"""Scores over an interferogram: which run is applied, and what a pixel is told."""

import numpy as np
import pandas as pd

from fringeflow.detection.figures import tile_map
from fringeflow.detection.score import best_runs


def test_a_pixel_is_told_the_mean_of_the_tiles_that_cover_it():
    tiles = pd.DataFrame({"row": [0, 0, 4], "column": [0, 4, 0], "score": [0.2, 0.8, 0.5]})
    found = tile_map(tiles, (14, 14), size=8)
    assert found[0, 0] == 0.2
    assert np.isclose(found[0, 5], 0.5)
    assert np.isclose(found[5, 5], 0.5)
    assert np.isclose(found[5, 1], 0.35)
    assert np.isnan(found[13, 13])
    assert np.array_equal(np.isnan(tile_map(tiles, (14, 14), size=8, step=2)), np.isnan(found[::2, ::2]))


def test_the_run_to_apply_is_chosen_on_validation_not_on_test(tmp_path):
    table = pd.DataFrame(
        {
            "dataset": "d",
            "view": ["wrapped", "unwrapped"],
            "model": "m",
            "strategy": "none",
            "pr_auc": [0.5, 0.9],
            "validation_pr_auc": [0.8, 0.6],
        }
    )
    table.to_csv(tmp_path / "d.tsv", sep="\t", index=False)
    assert best_runs([tmp_path / "d.tsv"]) == ["d/wrapped/m/none"]
