"""What the crash tests look at is looked at while jobs write and remove it."""

import os

from tests.crash.contents import leftovers


def test_leftovers_are_found_though_a_folder_vanishes_under_the_walk(tmp_path, monkeypatch):
    for name in ("runs/.part-0a1b2c.7-model", "vanishing", "raw"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "raw/a.tif.part").write_text("half")
    scandir = os.scandir

    def vanished(path):
        if os.path.basename(path) == "vanishing":
            raise FileNotFoundError(path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", vanished)
    assert sorted(leftovers(tmp_path)) == ["raw/a.tif.part", "runs/.part-0a1b2c.7-model"]
