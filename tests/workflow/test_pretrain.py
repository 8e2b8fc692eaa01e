"""`snakemake pretrain` in small: networks on two numbers of scenes, scored on events of the embedded archive as if they were real."""

import csv
import json

import pytest

REAL = {"scenes": [64, 80], "tile": 64, "tiles": 2, "input_size": 32, "passes": 1, "batch": 16, "held_out": 16, "real_stride": 64}


@pytest.fixture(scope="module")
def pretrained(finished, tmp_path_factory):
    """A finished small run that pretrains on scenes of seconds; its prepared interferograms are there already."""
    workspace = finished.copy(tmp_path_factory.mktemp("pretrained") / "clone")
    event = workspace.rows("events")[0]["event"]
    workspace.configure(pretraining={"small": {**REAL, "real": [event]}})
    done = workspace.snakemake("--cores", "2", "pretrain")
    assert "Preparing" not in done.stdout + done.stderr
    return workspace


def test_networks_are_trained_scored_and_packaged(pretrained):
    folder = pretrained.folder / "results/pretraining/small"
    event = pretrained.rows("events")[0]["event"]
    pairs = [row["pair"] for row in pretrained.rows("interferograms") if row["event"] == event]
    with open(folder / "transfer.tsv") as handle:
        table = list(csv.DictReader(handle, delimiter="\t"))
    assert [row["scenes"] for row in table] == ["64", "80"]
    assert all(0 <= float(row["simulated_roc_auc"]) <= 1 and int(row["real_quiet"]) > 0 for row in table)
    assert (folder / "transfer.png").stat().st_size > 5000
    card = (folder / "package/card.md").read_text()
    assert all(pair in card for pair in pairs) and "# small" in card
    best = max((64, 80), key=lambda scenes: json.loads((folder / f"{scenes}/metrics.json").read_text())["held_out"]["pr_auc"])
    assert (folder / "package/backbone.safetensors").read_bytes() == (folder / f"{best}/backbone.safetensors").read_bytes()
    assert not list(folder.rglob("*checkpoint*")) and not list(folder.rglob(".part-*"))


def test_nothing_is_made_twice_and_what_is_only_scored_trains_nothing_again(pretrained):
    assert pretrained.planned("pretrain") == []
    own, other = (row["event"] for row in pretrained.rows("events")[:2])
    for change in ({"real": [other], "real_stride": 48}, {"real": [own], "prevalence": 0.01}):
        found = pretrained.planned("pretrain", "--config", f"pretraining={json.dumps({'small': {**REAL, **change}})}")
        assert found == ["package_model name=small", "transfer name=small"], change


def test_a_network_is_kept_when_its_job_runs_again_and_all_is_the_same(pretrained):
    """As after something upstream was made again and came out the same, or a touched script: half an hour is not spent twice."""
    folder = pretrained.folder / "results/pretraining/small"
    names = ("run.json", "backbone.safetensors", "model/seed0.safetensors", "metrics.json", "history.parquet")
    before = {path: path.read_bytes() for scenes in (64, 80) for name in names if (path := folder / f"{scenes}/{name}")}
    pretrained.snakemake("--cores", "1", "--forcerun", "pretrain_network", "--until", "pretrain_network", "--", "pretrain")
    assert {path: path.read_bytes() for path in before} == before, "its history holds seconds: trained again it would differ"
    for scenes in (64, 80):
        log = (pretrained.folder / f"logs/pretrain_network/small_{scenes}.log").read_text()
        assert "the same as before: kept" in log and "held-out ROC-AUC" not in log


def test_the_page_shows_what_was_pretrained_and_asks_for_no_more(pretrained):
    """Another network in the configuration, and another number of scenes, are no reason to train for hours."""
    more = f"pretraining={json.dumps({'small': {**REAL, 'scenes': [64, 96]}, 'other': REAL})}"
    assert pretrained.planned("results/report.html", "--config", more) == ["report"]
    pretrained.snakemake("--cores", "1", "results/report.html")
    page = (pretrained.folder / "results/report.html").read_text()
    assert "Trained on 64 and 80 simulated scenes, a network each." in page
    assert pretrained.planned("results/report.html") == []


def test_the_package_scans_with_and_without_the_configuration_it_was_pretrained_with(pretrained, tmp_path):
    """Nothing is trained or packaged again for it, and no dataset is built."""
    event = pretrained.rows("events")[0]["event"]
    detect = json.dumps({"run": "results/pretraining/small/package", "events": [event]})
    pairs = len([row for row in pretrained.rows("interferograms") if row["event"] == event])
    for more in ((), ("pretraining={}",)):
        found = pretrained.planned("detect", "--config", f"detect={detect}", *more)
        kinds = {job.split()[0] for job in found}
        assert kinds == {"detector", "scan", "outline", "detections"}, found
        assert [sum(job.startswith(f"{rule} ") for job in found) for rule in ("scan", "outline")] == [1, pairs]
    pretrained.snakemake("--cores", "1", "results/detections/detector.json", "--config", f"detect={detect}")
    written = json.loads((pretrained.folder / "results/detections/detector.json").read_text())
    assert (written["folder"], written["size"], written["packaged"]) == ("results/pretraining/small/package", 64, True)


def test_wrong_settings_are_refused_before_anything_is_made(pretrained):
    for settings, said in (
        ({**REAL, "real": ["sim001"]}, "pretraining.small.real: unknown event 'sim001'"),
        ({**REAL, "scenes": [128, 64]}, "expected different numbers in ascending order, found [128, 64]"),
    ):
        done = pretrained.snakemake("-n", "pretrain", "--config", f"pretraining={json.dumps({'small': settings})}", check=False)
        assert done.returncode != 0 and said in done.stdout + done.stderr
