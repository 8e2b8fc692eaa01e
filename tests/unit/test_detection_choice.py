"""What a run that scans has seen before: its thresholds rest on none of it."""

import pandas as pd

from fringeflow.detection.detector_choice import Chosen
from fringeflow.files import write_json

FRAME = "166D_05138_121313"


def test_a_run_has_seen_what_it_was_fitted_and_chosen_on_and_what_its_backbone_was_pretrained_on(tmp_path):
    pairs = {"20161021_20161102": "train", "20161102_20161114": "validation", "20161114_20161126": "test"}
    samples = tmp_path / "fringes/samples.parquet"
    samples.parent.mkdir()
    pd.DataFrame({"frame": FRAME, "pair": list(pairs), "split": list(pairs.values())}).to_parquet(samples)
    fitted = {f"{FRAME}/20161021_20161102", f"{FRAME}/20161102_20161114"}
    write_json(tmp_path / "run/run.json", {"trained_on": {"deformation": 3}})
    assert Chosen(tmp_path / "run", 256, "fringes").fitted_keys([samples]) == fitted
    before = "106A_09048_000909/20240106_20240118"
    write_json(tmp_path / "run/run.json", {"trained_on": {"deformation": 3}, "pretrained_on": [before]})
    assert Chosen(tmp_path / "run", 256, "fringes").fitted_keys([samples]) == {*fitted, before}
