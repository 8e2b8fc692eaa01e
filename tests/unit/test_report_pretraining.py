"""What the page tells of packaged models and of pretraining: what their files say and no more, whoever wrote them, and it asks for none."""

import json

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fringeflow.config.pretraining import Pretraining
from fringeflow.errors import DatasetError
from fringeflow.files import read_json, sha256_file, write_json
from fringeflow.models.base import FOLDER as BASE
from fringeflow.plan import Plan
from fringeflow.report.inputs import About, ReportInputs
from fringeflow.report.model_card import LONGEST, model_card
from tests.unit.toy_report import Parsed, make_inputs, package, page_of, pretrain, scan, scanner

TEXT = st.text(st.characters(), max_size=60)  # halves of characters too, which JSON can hold and a page cannot
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.just(10**400) | st.floats() | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=10,
)
TOLD = ("made_of", "model", "trained_on", "view", "size", "held_out", "settings", "encoder", "scenes", "roc_auc", "seed")


def scanned_with(root, run: str, packaged: bool, **more) -> Parsed:
    files = scan(root / "detections") | {"detector": scanner(root / "detections/detector.json", run, packaged), **more}
    return page_of(ReportInputs.of(files), root / "report.html")


def test_the_card_of_the_model_that_scanned_says_what_its_files_say(tmp_path):
    page = scanned_with(tmp_path, "fringeflow-base", packaged=True)
    held = read_json(BASE / "metrics.json")["held_out"]
    facts = dict(model_card(BASE, "fringeflow-base", "card").facts)
    assert facts["Trained on"] == "4,096 simulated scenes, up to 8 tiles each, each tile seen about 2 times"
    assert (facts["Real interferograms in training"], facts["Seed"]) == ("none", "0")
    said = f"ROC-AUC {held['roc_auc']:.3f}, PR-AUC {held['pr_auc']:.3f}, prevalence {held['prevalence']:.3f}"
    assert facts["Held-out simulated tiles"] == said
    assert facts["Real tiles, not trained on"] == "ROC-AUC 1, 14 with deformation, 127 quiet"
    assert facts["SHA-256 of run.json"] == sha256_file(BASE / "run.json")
    assert all(text in page.text for text in facts.values())
    assert "scanned with the packaged model fringeflow-base;" in page.text
    written = [line.split("|")[1:-1] for line in (BASE / "card.md").read_text().splitlines() if line.startswith("|")]
    told = [row[[cell.strip() for cell in written[0]].index("simulated roc auc")].strip() for row in written[2:]]
    head, *rows = page.rows["card-detector"]
    assert [row[head.index("Scenes")] for row in rows] == ["256", "1,024", "4,096"]
    assert [row[head.index("Simulated: ROC-AUC")] for row in rows] == told
    limits = model_card(BASE, "", "").limits
    assert (
        len(limits) == 3
        and limits[0] == "Earthquakes that leave less than about a fringe. Unwrapped phase, other sensors or pixel sizes: never tried."
    )


def test_a_run_of_the_workflow_that_scanned_is_linked_and_has_no_card(tmp_path):
    made, _ = make_inputs(tmp_path / "results")
    page = scanned_with(tmp_path, "fringes/wrapped/net/focal", packaged=False, metrics=made.metrics, runs=made.runs)
    assert "scanned with the run fringes/wrapped/net/focal;" in page.text
    links = [found["href"] for found in page.named("a") if found["href"].startswith("#run/")]
    assert links == ["#run/fringes/wrapped/net/focal"]
    assert "card-detector" not in page.rows and "What it cannot do" not in page.text


def test_what_files_of_a_foreign_model_lack_is_left_out(tmp_path):
    folder = package(tmp_path / "model", made_of=[1], model="x", trained_on="y", view=None)
    write_json(folder / "metrics.json", {"held_out": {"roc_auc": "high"}})
    (folder / "card.md").write_bytes(b"\xff\x00 no card")
    card = model_card(folder, "model", "card")
    assert [title for title, _ in card.facts] == ["Looks at", "Size", "SHA-256 of run.json"]
    assert (card.limits, card.scores) == ([], None)


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    about=st.dictionaries(st.sampled_from(TOLD) | TEXT, st.dictionaries(st.sampled_from(TOLD), JSON) | JSON, max_size=6),
    lines=st.lists(
        st.sampled_from(["# a", "## Scores", "## What it cannot do", "- ", "| scenes |", "| nan |", "|", "||", "| 1e999 |"]) | TEXT
    ),
)
def test_whatever_the_files_of_a_model_hold_there_is_a_page(tmp_path, about, lines):
    for name in ("run.json", "metrics.json"):
        (tmp_path / name).write_text(json.dumps(about))
    (tmp_path / "card.md").write_bytes("\n".join(lines).encode("utf-8", "surrogatepass"))
    files = scan(tmp_path / "detections") | {"detector": scanner(tmp_path / "detections/detector.json", str(tmp_path), packaged=True)}
    page = page_of(ReportInputs.of({**files, "quicklooks": []}), tmp_path / "report.html")
    assert [name for name, _ in page.elements].count("script") == 1


def test_a_card_without_end_is_cut_and_one_that_is_missing_is_named(tmp_path):
    folder = package(tmp_path / "model", "- " + "x" * 10 * LONGEST)
    assert len(model_card(folder, "", "").text) == LONGEST
    (folder / "card.md").unlink()
    with pytest.raises(DatasetError, match=r"card\.md: expected the card of a packaged model.*package the model again"):
        model_card(folder, "", "")


def test_networks_are_told_by_their_scenes_and_the_packaged_one_is_marked(tmp_path):
    page = page_of(ReportInputs.of({"pretrained": pretrain(tmp_path / "net")}), tmp_path / "report.html")
    assert [found["id"] for found in page.named("section")] == ["pretraining", "provenance"]
    table = pd.read_csv(tmp_path / "net/transfer.tsv", sep="\t")
    head, *rows = page.rows["transfer-net"]
    assert [row[head.index("Real: ROC-AUC")] for row in rows] == [f"{value:.3f}" for value in table["real_roc_auc"]]
    assert [row[0] for row in page.marked] == ["4,096 packaged"]
    assert "Trained on 256 and 4,096 simulated scenes, a network each. Scored on 2 real interferograms that no network" in page.text
    assert "ROC-AUC on real tiles: 0.750 with 256 and 0.900 with 4,096." in page.text
    assert "Implants: ROC-AUC" not in head


def test_nothing_is_said_of_real_interferograms_where_none_was_scored(tmp_path):
    text = page_of(ReportInputs.of({"pretrained": pretrain(tmp_path / "net", real=False)}), tmp_path / "report.html").text
    assert "No real interferogram was scored" in text and "ROC-AUC on real tiles" not in text


@pytest.mark.parametrize(("changed", "told"), [({}, False), ({"scenes": [256]}, True), ({"passes": 5}, True), ({"real_stride": 32}, False)])
def test_results_of_another_configuration_are_told(tmp_path, changed, told):
    made_with = Pretraining(scenes=[256, 4096]).model_dump(mode="json")
    about = About(config={"pretraining": {"net": made_with | changed}})
    text = page_of(ReportInputs.of({"pretrained": pretrain(tmp_path / "net")}), tmp_path / "report.html", about).text
    assert ("asks for something else than was made" in text) == told


def test_the_page_asks_for_no_pretraining_and_shows_a_network_once_all_of_it_is_there(root, tmp_path, monkeypatch):
    """Half a network, as between two jobs, is not shown; other contents are seen."""
    monkeypatch.chdir(root)
    plan = Plan.load({"pretraining": {"net": {}, "later": {}}})
    assert not [path for paths in plan.report_files.values() for path in paths if "pretraining" in path]
    monkeypatch.chdir(tmp_path)
    found = []
    table = pretrain(tmp_path / "results/pretraining/net")
    for path in (table.with_name("transfer.png"), table):
        found.append(json.loads(plan.pretrained_json(None)))
        path.write_bytes(path.read_bytes() + b"\n")
    found.append(json.loads(plan.pretrained_json(None)))
    assert [list(shown) for shown in found] == [["results/pretraining/net"]] * 3
    assert len({shown["results/pretraining/net"] for shown in found}) == 3
    (table.parent / "package/card.md").unlink()
    assert plan.pretrained_json(None) == "{}"


def test_another_card_writes_the_page_again_and_scans_nothing_again(root, tmp_path, monkeypatch):
    monkeypatch.chdir(root)
    folder = package(tmp_path / "model")
    digests = []
    for text in ("a", "b"):
        (folder / "card.md").write_text(text)
        plan = Plan.load({"detect": {"run": str(folder), "events": ["sim001_evia"]}})
        digests.append((plan.card_digest(None), plan.packaged_digest))
    assert digests[0][0] != digests[1][0] and digests[0][1] == digests[1][1] and all(map(len, digests[0]))
    assert Plan.load({}).card_digest(None) == ""
