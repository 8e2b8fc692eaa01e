"""The plan of pretraining: its files, its real interferograms, and names that point nowhere; and what a packaged model needs."""

import json
from types import SimpleNamespace

import pytest

from fringeflow.errors import ConfigError
from fringeflow.files import write_json
from fringeflow.models import base
from fringeflow.models.architectures import ARCHITECTURES
from fringeflow.plan import Plan
from fringeflow.pretraining.pairs import RealPair
from fringeflow.provenance import SCRIPTS, code_files

EVENTS = """event\tsource\ttime\tlatitude\tlongitude\tdepth_km\tmagnitude
quake\tportal\t2021-03-03T10:16:00\t39.8\t22.2\t8\t6.3
later\tportal\t2021-06-03T10:16:00\t39.9\t22.1\t8\t6.0
area\tportal\t\t\t\t\t
twin\tportal\t\t\t\t\t
"""
FRAME, OTHER = "102A_05000_131313", "106A_09048_000909"
PAIRS = {
    "quake": [(FRAME, "20210218_20210315"), (FRAME, "20210101_20210113"), (FRAME, "20210520_20210613")],
    "later": [(FRAME, "20210520_20210701")],
    "area": [(OTHER, "20240106_20240118")],
    "twin": [(OTHER, "20240106_20240118"), (OTHER, "20240130_20240211")],
}
NET = SimpleNamespace(name="net")


@pytest.fixture
def plan(root, tmp_path, monkeypatch):
    """Give a function that plans with one network, `net`, of given settings."""
    monkeypatch.chdir(root)
    rows = [f"{event}\t{frame}\t{pair}" for event, pairs in PAIRS.items() for frame, pair in pairs]
    (tmp_path / "events.tsv").write_text(EVENTS)
    (tmp_path / "pairs.tsv").write_text("event\tframe\tpair\n" + "\n".join(rows) + "\n")
    (tmp_path / "polygons").mkdir()
    write_json(tmp_path / "polygons/quake.geojson", {"type": "FeatureCollection", "features": []})
    catalogue = {
        "events": ["config/events.tsv", str(tmp_path / "events.tsv")],
        "interferograms": ["config/interferograms.tsv", str(tmp_path / "pairs.tsv")],
        "polygons": str(tmp_path / "polygons"),
    }

    def make(net: dict | None = None, **more) -> Plan:
        networks = {} if net is None else {"net": net}
        return Plan.load({"catalogue": catalogue, "datasets": {"fringes": {"events": "simulated"}}, "pretraining": networks, **more})

    return make


def test_each_number_of_scenes_is_a_run_and_the_card_is_what_is_wanted(plan):
    found = plan({"scenes": [64, 256], "real": ["area", "quake"]})
    assert found.pretraining_targets() == ["results/pretraining/net/package/card.md"]
    assert found.pretrained("run.json")(NET) == [f"results/pretraining/net/{scenes}/run.json" for scenes in (64, 256)]


def test_inputs_are_the_prepared_interferograms_and_the_polygons_of_the_named_events(plan, tmp_path):
    found = plan({"real": ["quake", "area"], "implant": ["later"]})
    prepared = "results/events/{}/interferograms.zarr/zarr.json"
    assert found.pretraining_pairs("real")(NET) == [
        prepared.format("area"), prepared.format("quake"), str(tmp_path / "polygons/quake.geojson")
    ]  # fmt: skip
    assert found.pretraining_pairs("implant")(NET) == [prepared.format("later")]
    assert plan({}).pretraining_pairs("implant")(NET) == []


def test_pairs_are_told_in_full_and_in_one_order(plan, tmp_path):
    text = plan({"real": ["quake", "area"]}).pretraining_pairs_json("real")(NET)
    assert text == plan({"real": ["area", "quake"]}).pretraining_pairs_json("real")(NET)
    pairs = [RealPair.from_dict(row) for row in json.loads(text)]
    assert [pair.interferogram.key for pair in pairs] == [
        f"{frame}/{pair}" for event in ("area", "quake") for frame, pair in sorted(PAIRS[event])
    ]
    assert [str(pair.path) for pair in pairs] == ["results/events/area/interferograms.zarr"] + [
        "results/events/quake/interferograms.zarr"
    ] * 3
    assert [pair.outlines for pair in pairs] == [None] + [tmp_path / "polygons/quake.geojson"] * 3
    assert pairs[1].event.magnitude == 6.3


def test_a_pair_that_another_earthquake_of_its_frame_touches_is_not_quiet(plan):
    """One before the earthquake, its own, and one after it, into which the next earthquake falls."""
    rows = json.loads(plan({"implant": ["quake"]}).pretraining_pairs_json("implant")(NET))
    assert {row["interferogram"]["pair"]: row["untouched"] for row in rows} == {
        "20210101_20210113": True,
        "20210218_20210315": False,
        "20210520_20210613": False,
    }


def test_what_a_training_does_not_read_does_not_train_again(plan):
    """Events that are only scored, their stride, the other numbers of scenes, and how rare deformation is where it is used."""
    less = {"scenes": [64, 128], "real": ["area"], "real_stride": 32, "prevalence": 0.01}
    one, two = (plan(net).pretraining_fit_json(NET) for net in ({"scenes": [64]}, less))
    assert one == two
    assert len({one, *(plan(net).pretraining_fit_json(NET) for net in ({"seed": 1}, {"view": "unwrapped"}, {"passes": 1}))}) == 4
    assert plan({}).pretraining_json("scenes")(NET) != plan({"prevalence": 0.01}).pretraining_json("scenes")(NET), "scores move"


def test_nothing_configured_is_told_and_a_name_is_found_by_its_nearest(plan):
    with pytest.raises(ConfigError, match=r"pretraining: nothing to pretrain; name a network there, as config/pretrain\.yaml does"):
        plan().pretraining_targets()
    with pytest.raises(ConfigError, match=r"no pretraining 'nut' in this configuration; did you mean 'net'\? .*Is --configfile missing"):
        plan({}).pretrained("run.json")(SimpleNamespace(name="nut"))


@pytest.mark.parametrize(
    ("net", "said"),
    [
        ({"real": ["quak"]}, "pretraining.net.real: unknown event 'quak'; did you mean 'quake'"),
        ({"implant": ["aria"]}, "pretraining.net.implant: unknown event 'aria'; did you mean 'area'"),
        ({"scenes": [256, 64]}, "expected different numbers in ascending order, found [256, 64]"),
        ({"scenes": [64, 64]}, "expected different numbers in ascending order"),
        ({"scenes": [32]}, "pretraining.net.scenes"),
        ({"scenes": []}, "pretraining.net.scenes"),
        ({"prevalence": 0}, "pretraining.net.prevalence"),
        ({"implant_share": 1}, "pretraining.net.implant_share"),
        ({"tyle": 64}, "tyle"),
        ({"view": "spectrogram"}, "pretraining.net.view"),
        (
            {"real": ["quake"], "implant": ["area", "quake"]},
            "pretraining.net.real: the interferogram 102A_05000_131313/20210101_20210113 of 'quake'",
        ),
        (
            {"real": ["twin"], "implant": ["area"]},
            "the interferogram 106A_09048_000909/20240106_20240118 of 'twin' would be trained on too",
        ),
    ],
)
def test_a_network_that_cannot_be_pretrained_is_refused_when_the_configuration_is_read(plan, net, said):
    with pytest.raises(ConfigError) as caught:
        plan(net)
    assert said in str(caught.value)


def test_a_packaged_model_scans_without_any_trained_run(plan, tmp_path):
    """No dataset is built for it, and nothing is trained."""
    package = tmp_path / "package"
    package.mkdir()
    (package / "card.md").write_text("# net")
    write_json(package / "run.json", {"name": "net"})
    for name in ("fringeflow-base", str(package)):
        found = plan(detect={"run": name, "events": ["area"]})
        assert found.packaged == name
        assert (
            found.detector_runs(None)
            == found.detector_metrics(None)
            == found.detector_comparisons(None)
            == found.detector_samples(None)
            == []
        )
        assert found.sizes_json(None) == "{}"
        assert "fringeflow.models.torch_backbones" in found.detector_modules()
    assert plan(detect={"events": ["area"]}).packaged == ""


def test_a_packaged_model_that_has_changed_is_seen(plan, tmp_path):
    """Its files are no inputs: whoever scans with it need not have the configuration that it was pretrained with."""
    package = tmp_path / "package"
    package.mkdir()
    (package / "card.md").write_text("# net")
    write_json(package / "run.json", {"name": "net"})
    digests = [plan(detect={"run": str(package)}).packaged_digest]
    for name in ("run.json", "quiet.parquet", "metrics.json"):
        (package / name).write_text("{}")
        digests.append(plan(detect={"run": str(package)}).packaged_digest)
    assert len(set(digests)) == 4 and all(len(digest) == 64 for digest in digests)
    assert plan().packaged_digest == ""


def test_an_unknown_model_to_scan_with_is_told_with_the_packaged_one(plan):
    with pytest.raises(ConfigError, match=r"detect\.run: unknown run 'fringeflow-bas'; did you mean 'fringeflow-base'"):
        plan(detect={"run": "fringeflow-bas", "events": ["area"]})


def test_another_model_in_the_registry_pretrains_nothing_again():
    """Hours of training stand behind no list of architectures or strategies, but its few words of its own are the registry's.

    Nor behind what scans and scores with it.
    """
    files = code_files(SCRIPTS / "pretrain_network.py", (base.ENCODER,))
    behind = {path.name for path in files}
    assert "network.py" in behind and not behind & {"registry.py", "architectures.py", "real.py", "transfer.py", "prevalence.py"}
    assert "detection" not in {path.parent.name for path in files}
    entry = ARCHITECTURES[base.ARCHITECTURE]
    assert (entry.backbone, entry.encoder, entry.fitter, entry.scale) == (base.BACKBONE, base.ENCODER, base.FITTER, base.SCALE)
