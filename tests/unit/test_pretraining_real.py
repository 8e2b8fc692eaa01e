"""Real tiles: what they are by how much of the deformation they hold, which are left out, and how networks are compared on them."""

import numpy as np
import pandas as pd
import pytest

from fringeflow.config.interferograms import LabelRule
from fringeflow.config.tables import Event
from fringeflow.errors import DatasetError
from fringeflow.pretraining import real as module
from fringeflow.pretraining.pairs import RealPair
from fringeflow.pretraining.prevalence import open_pretrained
from fringeflow.pretraining.real import score_pair
from fringeflow.pretraining.transfer import compare_transfer, real_scores
from tests.unit.toy_pretraining import COSEISMIC, QUIET, TINY, ToyReal, tiny_run, toy_real

STRIDE = 16
RULE = LabelRule()


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        return tiny_run(tmp_path_factory.mktemp("run") / "16", patch, scenes=16)


@pytest.fixture(scope="module")
def toy(tmp_path_factory) -> ToyReal:
    return toy_real(tmp_path_factory.mktemp("real"))


def scored(run, pair: RealPair, rule: LabelRule = RULE) -> pd.DataFrame:
    return score_pair(open_pretrained(run, TINY.prevalence), pair, stride=STRIDE, rule=rule).set_index(["row", "column"])


def test_a_tile_is_deformed_by_the_share_of_the_outlined_pixels_in_it(run, toy):
    """The outline is the 32 x 32 pixels from (32, 32), as large as a tile: shares are overlaps of two squares."""
    table = scored(run, toy.pair(COSEISMIC))
    for (row, column), found in table.iterrows():
        overlap = max(0, 32 - abs(row - 32)) * max(0, 32 - abs(column - 32)) / 32**2
        assert found["share"] == pytest.approx(overlap), (row, column)
    truth = table["truth"]
    assert truth[32, 32] == truth[32, 48] == truth[16, 32] == 1, "a half and more"
    assert np.isnan(truth[48, 48]) and truth[48, 48] is not None, "a quarter"
    assert truth[0, 0] == truth[64, 0] == 0
    assert table["p"].between(0, 1).all()
    assert set(table["frame"]) == {toy.rows[COSEISMIC].frame} and set(table["pair"]) == {COSEISMIC}


def test_tiles_that_are_not_coherent_are_left_out(run, toy):
    """Its right half is not: a tile keeps its place while half of it is."""
    columns = {column for _, column in scored(run, toy.pair(COSEISMIC)).index}
    assert columns == {0, 16, 32, 48}
    assert {column for _, column in scored(run, toy.pair(QUIET)).index} == {0, 16, 32, 48, 64, 80, 96}


def test_deformation_without_data_counts_neither_way(run, tmp_path):
    table = scored(run, toy_real(tmp_path, hidden=True).pair(COSEISMIC))
    assert table["share"][32, 32] == 1
    assert table["share"][32, 48] == 1, "all of it that has data lies from column 48 on"
    assert table["share"][32, 16] == 0


def test_without_polygons_a_model_of_the_earthquake_tells(run, toy):
    mechanism = {"strike_deg": 314, "dip_deg": 36, "rake_deg": -88}
    event = Event(**{**toy.event.model_dump(), "magnitude": 6.0, **mechanism})
    pair = RealPair(toy.path, event, toy.rows[COSEISMIC])
    table = scored(run, pair)
    assert 0.05 < table["share"].max() < 0.5, "larger than a tile"
    assert (scored(run, pair, LabelRule(min_fringes=50))["share"] == 0).all(), "no pixel has so many fringes"


def test_quiet_interferograms_hold_no_deformation_even_where_an_event_has_polygons(run, toy):
    table = scored(run, toy.pair(QUIET))
    assert (table["share"] == 0).all() and (table["truth"] == 0).all()
    assert toy.pair(QUIET).is_quiet and not toy.pair(COSEISMIC).is_quiet
    assert not toy.pair(QUIET, untouched=False).is_quiet, "another earthquake may have touched it"


def test_an_interferogram_that_spans_another_earthquake_is_no_example_of_quiet(run, toy):
    """It counted as quiet all over. One that spans its own earthquake too has somebody's word on where the ground moved."""
    assert scored(run, toy.pair(QUIET, untouched=False))["truth"].isna().all()
    own = scored(run, toy.pair(COSEISMIC, untouched=False))["truth"]
    assert own[32, 32] == 1 and own[0, 0] == 0


def test_an_earthquake_of_which_nobody_knows_where_it_deformed_is_an_error(run, toy):
    with pytest.raises(
        DatasetError,
        match=rf"{COSEISMIC}: the pair spans the earthquake, .*draw polygons \(catalogue.polygons\), or leave the event 'quake'",
    ):
        scored(run, toy.pair(COSEISMIC, polygons=False))


def test_an_interferogram_without_a_coherent_tile_is_an_error(run, toy, monkeypatch):
    monkeypatch.setattr(module, "COHERENT", 0.95)
    with pytest.raises(DatasetError, match=rf"{COSEISMIC} has no coherent tile of 32 x 32 pixels; leave its event out of `real`"):
        scored(run, toy.pair(COSEISMIC))


def test_a_pair_is_built_from_plain_values(toy):
    pair = toy.pair(COSEISMIC)
    values = {
        "path": str(pair.path),
        "event": pair.event.model_dump(mode="json", exclude={"place"}),
        "interferogram": pair.interferogram.model_dump(mode="json"),
        "outlines": str(pair.outlines),
        "untouched": True,
    }
    assert RealPair.from_dict(values) == pair
    assert RealPair.from_dict({**values, "outlines": None}).outlines is None


def test_real_scores_of_known_tiles():
    truth, score = np.array([1, 1, 1, 0, 0, 0, 0]), np.array([0.9, 0.8, 0.3, 0.1, 0.2, 0.4, 0.1])
    found = real_scores(truth, score)
    assert (found["real_deformation"], found["real_quiet"]) == (3, 4)
    assert found["real_roc_auc"] == pytest.approx(11 / 12)
    assert (found["deformation_lowest"], found["quiet_highest"]) == (0.3, 0.4)
    assert found["deformation_10pc"] == pytest.approx(0.4) and found["quiet_95pc"] == pytest.approx(0.37)
    alone = real_scores(np.zeros(3), score[3:6])
    assert np.isnan(alone["real_roc_auc"]) and np.isnan(alone["deformation_lowest"]) and alone["quiet_highest"] == 0.4


@pytest.mark.parametrize("names", [[COSEISMIC, QUIET], [QUIET], []])
def test_networks_are_compared_on_every_real_interferogram(run, toy, tmp_path, names):
    """Also where there is none, or none with deformation."""
    out = {name: tmp_path / name for name in ("table", "tiles", "picture")}
    pairs = [toy.pair(name) for name in names]
    compare_transfer({64: run, 16: run}, pairs, TINY, **out)
    table = pd.read_csv(out["table"], sep="\t")
    assert table["scenes"].tolist() == [16, 64] and table["simulated_roc_auc"].notna().all()
    assert out["picture"].read_bytes().startswith(b"\x89PNG")
    tiles = pd.read_parquet(out["tiles"])
    assert len(tiles) == 2 * sum(len(scored(run, pair)) for pair in pairs)
    if not names:
        assert "real_roc_auc" not in table
        return
    mine = tiles[tiles["scenes"] == 16]
    assert set(mine["pair"][mine["coseismic"]]) == {COSEISMIC} & set(names)
    assert table["real_deformation"].tolist() == [int((mine["truth"] == 1).sum())] * 2
    assert table["real_roc_auc"].notna().all() == (COSEISMIC in names)
