"""The report says what the tables say, asks for nothing from outside, and believes nothing that stands in a table to be HTML."""

import json
from dataclasses import replace
from pathlib import Path
from urllib.parse import unquote

import numpy as np
import pandas as pd
import pytest

from fringeflow.errors import DatasetError
from fringeflow.evaluation.summary import NAMES, chosen_run, read_comparison
from fringeflow.report.benchmarks import benchmark_table
from fringeflow.report.images import Album
from fringeflow.report.inputs import About, ReportInputs
from fringeflow.report.map import draw_map
from fringeflow.report.page import build_report
from fringeflow.report.runs import run_panels
from tests.unit.toy_report import EVENTS, EVIL, Parsed, benchmarks, describe, draw, make_inputs, page_of, scan


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    root = tmp_path_factory.mktemp("report")
    inputs, about = make_inputs(root)
    build_report(inputs, about, root / "report.html")
    text = (root / "report.html").read_text(encoding="utf-8")
    return root, inputs, about, text, Parsed(text)


def test_nothing_is_asked_from_outside(made):
    _, _, _, text, page = made
    sources = [found[key] for _, found in page.elements for key in ("src", "href", "srcset", "data", "action", "poster") if key in found]
    assert sources
    assert all(source.startswith(("data:", "#")) for source in sources)
    policy = [found["content"] for found in page.named("meta") if found.get("http-equiv") == "Content-Security-Policy"]
    assert policy == ["default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'"]
    assert "@import" not in text
    assert "url(" not in text


def test_what_stands_in_tables_is_never_html(made):
    _, _, _, text, page = made
    assert len(page.named("script")) == 1
    assert "<script>alert" not in text
    assert not [found for _, found in page.elements if "onerror" in found]
    assert 'Bad <script>alert(1)</script> & "place"' in page.text
    assert page.text.count(EVIL[2:]) >= 3  # as a limit, in the card in full, and as what it was trained on


def test_the_same_inputs_give_the_same_bytes(made, tmp_path):
    root, inputs, about, _, _ = made
    build_report(inputs, about, tmp_path / "again.html")
    assert (tmp_path / "again.html").read_bytes() == (root / "report.html").read_bytes()
    turned = ReportInputs.of({"pictures": inputs.pictures[::-1]})
    assert turned.pictures == inputs.pictures


def test_the_table_of_runs_is_that_of_the_comparison(made):
    root, _, _, _, page = made
    table = read_comparison(root / "comparison/fringes.tsv")
    head, *rows = page.rows["comparison-fringes"]
    assert len(rows) == len(table)
    for shown, (_, row) in zip(rows, table.iterrows(), strict=True):
        assert shown[0].split()[0] == row["view"]
        assert shown[1:3] == [row["model"], row["strategy"]]
        wanted = f"{row['pr_auc']:.3f} {row['pr_auc_lower']:.3f} to {row['pr_auc_upper']:.3f}"
        assert shown[head.index("PR-AUC")].replace("\u2212", "-") == wanted
        assert shown[head.index("Validation")] == f"{row['validation_pr_auc']:.3f}"
    assert f"prevalence {table['prevalence'][0]:.3f}" in page.text


def test_the_run_that_validation_chose_is_marked_and_told_first(made, tmp_path):
    """Not the best on test: one that validation would not choose must not be sold as the result."""
    _, inputs, _, _, _ = made
    table = read_comparison(inputs.comparisons[0])
    table["validation_pr_auc"] = np.linspace(0.1, 0.9, len(table))
    (tmp_path / "comparison").mkdir()
    table.to_csv(tmp_path / "comparison/fringes.tsv", sep="\t", index=False)
    page = page_of(replace(inputs, comparisons=(tmp_path / "comparison/fringes.tsv",), pretrained=()), tmp_path / "report.html")
    chosen, best = chosen_run(table), table.iloc[0]
    assert tuple(chosen[list(NAMES)]) != tuple(best[list(NAMES)])
    marks = {row[0].split(" ", 1)[1].strip(): row[1:3] for row in page.marked}
    assert marks == {"chosen by validation": [chosen["model"], chosen["strategy"]], "best on test": [best["model"], best["strategy"]]}
    headline = page.text[page.text.index("Chosen by validation") :]
    assert headline.index(f"{chosen['view']} / {chosen['model']} / {chosen['strategy']}") < 40
    assert f"{chosen['pr_auc']:.3f}" in headline[:300]


def test_baselines_stand_in_no_table_of_differences(made):
    root, _, _, _, page = made
    pairs = read_comparison(root / "comparison/fringes_strategies.tsv")
    pairs = pairs[pairs["strategy"] != pairs["baseline"]]
    _, *rows = page.rows["strategies-fringes"]
    assert [row[:4] for row in rows] == pairs[["view", "model", "strategy", "baseline"]].to_numpy().tolist()
    shown = rows[0][4].split()[0].replace("\u2212", "-")
    assert float(shown) == pytest.approx(pairs["pr_auc_difference"].iloc[0], abs=6e-4)


def test_every_link_within_the_page_leads_somewhere(made):
    _, _, _, _, page = made
    anchors = {found["id"] for _, found in page.elements if "id" in found}
    links = [found["href"][1:] for found in page.named("a") if found.get("href", "").startswith("#")]
    assert {unquote(link) for link in links} <= anchors
    assert sum(link.startswith("run/") for link in links) == 5  # a row each, and the headline's


def test_a_run_without_metrics_has_no_link(made, tmp_path):
    _, inputs, _, _, _ = made
    page = page_of(replace(inputs, metrics=(), runs=(), run_pictures=()), tmp_path / "report.html")
    assert not [found for found in page.named("a") if found["href"].startswith("#run")]
    assert len(page.rows["comparison-fringes"]) == 5


def test_a_panel_has_the_pictures_of_its_own_run_wherever_they_lie(made, tmp_path):
    _, inputs, _, _, _ = made
    first = inputs.metrics[0].parent
    tuning = draw(tmp_path / "tuning" / Path(*first.parts[-4:]) / "tuning.png", 300, 200)
    panels = run_panels(replace(inputs, run_pictures=(*inputs.run_pictures, tuning)), Album())
    assert [picture.title for picture in panels[0].pictures] == ["Evaluation on the test part", "Training", "Tuning"]
    assert all(len(panel.pictures) == 2 for panel in panels[1:])


def test_sections_without_files_are_left_out(tmp_path):
    page = page_of(ReportInputs(), tmp_path / "report.html")
    assert [found["id"] for found in page.named("section")] == ["provenance"]
    page = page_of(ReportInputs.of(scan(tmp_path / "detections")), tmp_path / "report.html")
    assert [found["id"] for found in page.named("section")] == ["detections", "provenance"]


def test_pictures_of_scans_come_in_the_order_of_their_rank(tmp_path):
    files = scan(tmp_path)
    table = pd.read_csv(tmp_path / "summary.tsv", sep="\t")
    table.iloc[::-1].assign(rank=[1, 2]).to_csv(tmp_path / "summary.tsv", sep="\t", index=False)
    page = page_of(ReportInputs.of(files), tmp_path / "report.html")
    alts = [found["alt"] for found in page.named("img") if found.get("alt")]
    assert [alt.split(": ")[1].split()[0] for alt in alts] == ["106A_09048_000909", "102A_05000_131313"]


def test_scans_tell_how_far_their_threshold_can_be_trusted(tmp_path):
    files = scan(tmp_path)
    table = pd.read_csv(tmp_path / "summary.tsv", sep="\t").assign(attained=[True, False])
    table.to_csv(tmp_path / "summary.tsv", sep="\t", index=False)
    text = page_of(ReportInputs.of(files), tmp_path / "report.html").text
    assert "2 interferograms were scanned with the run a/b/c/d; 1 of them holds something above the threshold." in text
    assert "rests on 9 quiet interferograms of its frame that share no acquisition." in text
    assert "of 1 of 2." in text
    table.assign(scope="all").to_csv(tmp_path / "summary.tsv", sep="\t", index=False)
    text = page_of(ReportInputs.of(files), tmp_path / "report.html").text
    assert "rests on quiet interferograms of 9 frames, each of which counts once." in text


def test_few_events_with_the_rare_class_are_warned_of(made, tmp_path):
    _, inputs, _, _, page = made
    assert "intervals are rather too narrow" not in page.text
    table = read_comparison(inputs.comparisons[0]).assign(few_groups=True, n_groups_rarest=2, n_validation_rarest=1)
    table.to_csv(tmp_path / "fringes.tsv", sep="\t", index=False)
    text = page_of(replace(inputs, comparisons=(tmp_path / "fringes.tsv",)), tmp_path / "report.html").text
    beware = text[text.index("Beware") :]
    assert "Few test events hold the rarest class (2)" in beware[:600]
    assert "Only 1 validation event holds the rarest class" in beware[:600]


def test_look_alikes_in_two_parts_are_warned_of(tmp_path):
    words = {"sample": "picture", "group": "source"}
    path = describe(tmp_path / "dataset.json", collection="shots", near_duplicates=3, words=words)
    page = page_of(ReportInputs.of({"datasets": path}), tmp_path / "report.html")
    assert "3 pairs of pictures look alike in two parts" in page.text
    assert page.rows["counts-fringes"][0][:3] == ["Part", "Sources", "Pictures"]
    assert "Interferograms" not in page.rows["counts-fringes"][0]


def test_without_a_positive_class_macro_f1_ranks_and_nothing_is_prevalence(made, tmp_path):
    _, inputs, _, _, _ = made
    table = read_comparison(inputs.comparisons[0]).assign(prevalence=np.nan, macro_f1=0.5, macro_f1_lower=0.4, macro_f1_upper=0.6)
    table.to_csv(tmp_path / "fringes.tsv", sep="\t", index=False)
    text = page_of(ReportInputs.of({"comparisons": tmp_path / "fringes.tsv"}), tmp_path / "report.html").text
    assert "Macro F1 on the test part" in text
    assert f"{table['majority_macro_f1'][0]:.3f} of always calling the largest class" in text
    assert "prevalence" not in text.split("Comparison", 1)[1].split('"use strict"')[0]


def test_an_event_lies_where_its_coordinates_say():
    events = [
        {"event": "west", "longitude": -120.0, "latitude": 30.0, "magnitude": 5.5},
        {"event": "middle", "longitude": 0.0, "latitude": 0.0, "magnitude": 7.5},
        {"event": "east", "longitude": 120.0, "latitude": -30.0},
        {"event": "nowhere"},
    ]
    drawn = draw_map(events, {"west": "train", "middle": "test"})
    points = {point.number: point for point in drawn.points}
    assert set(points) == {1, 2, 3}
    assert points[1].x < points[2].x < points[3].x
    assert points[1].y < points[2].y < points[3].y
    # The middle event lies in the middle of the others, and a meridian and a parallel of 0 cross there.
    assert points[2].x == pytest.approx((points[1].x + points[3].x) / 2, abs=0.1)
    zero = [line.at for lines in (drawn.meridians, drawn.parallels) for line in lines if line.label == "0°"]
    assert zero == pytest.approx([points[2].x, points[2].y], abs=0.1)
    assert points[2].radius > points[1].radius
    assert [points[number].part for number in (1, 2, 3)] == ["train", "test", "other"]


@pytest.mark.parametrize("longitude, latitude", [(179.9, 89.9), (-180.0, -90.0), (0.0, 0.0)])
def test_a_single_event_is_drawn_within_the_map(longitude, latitude):
    drawn = draw_map([{"event": "one", "longitude": longitude, "latitude": latitude}], {})
    (point,) = drawn.points
    assert 0 <= point.x <= drawn.width
    assert 0 <= point.y <= drawn.height
    assert drawn.meridians
    assert drawn.parallels


def test_no_place_no_map():
    assert draw_map([{"event": "nowhere"}], {}) is None


def test_events_are_numbered_as_on_the_map(made):
    _, _, _, _, page = made
    _, *rows = page.rows["events-fringes"]
    assert [row[1] for row in rows] == ["val00", "test00", "train00", "later", "nowhere"]
    assert [row[-1] for row in rows] == ["validation", "test", "train", "not in this dataset", "not in this dataset"]
    assert rows[0][3:7] == ["2016-11-09 05:12", "5.9", "8.0", "1"]
    assert len(EVENTS) == 5


def test_time_and_memory_are_summed_by_rule(tmp_path):
    table = benchmark_table(tuple(benchmarks(tmp_path / "results/benchmarks")))
    rows = {row.cells[0].text: [cell.text for cell in row.cells[1:]] for row in table.rows}
    assert list(rows) == ["train", "fetch"]  # the costliest first
    assert rows["train"] == ["2", "1 min 15 s", "1 min 00 s", "900"]
    assert rows["fetch"] == ["1", "0.5 s", "0.5 s", ""]
    assert "3 jobs, 1 min 16 s" in table.caption


@pytest.mark.parametrize("content", ["", "s\th:m", "s\th:m:s\tmax_rss\n", "s\th:m:s\tmax_rss\n12", "h:m\n1\n", "\0\0"])
def test_a_benchmark_that_a_killed_snakemake_left_half_written_is_left_out_and_named(tmp_path, caplog, content):
    """Of a job that is configured no more it stays, and no report could be made any more."""
    whole = benchmarks(tmp_path / "benchmarks")
    broken = tmp_path / "benchmarks/train/killed.tsv"
    broken.write_text(content)
    assert benchmark_table((*whole, broken)) == benchmark_table(tuple(whole))
    assert f"{broken}: expected a job's time" in caplog.text


def test_the_configuration_stands_as_it_was_read(made):
    _, _, _, _, page = made
    assert "seeds:\n  - 0\n  - 1" in page.text
    assert "somewhere/LiCSAR_products" in page.text


@pytest.mark.parametrize(
    "name, content, said",
    [
        ("datasets", "[1]", "expected a JSON object"),
        ("datasets", json.dumps({"name": "x"}), "no key 'counts'"),
        ("comparisons", "", "expected a tab-separated table"),
        ("scores", "no picture", "expected a picture"),
    ],
)
def test_a_broken_file_is_named(tmp_path, name, content, said):
    path = tmp_path / "broken.file"
    path.write_text(content)
    with pytest.raises(DatasetError, match=said) as error:
        build_report(ReportInputs.of({name: path}), About(), tmp_path / "report.html")
    assert "broken.file" in str(error.value)
    assert not (tmp_path / "report.html").exists()


def test_missing_files_and_unknown_lists_are_named(tmp_path):
    with pytest.raises(DatasetError, match=r"missing.*\n.*nothing\.json"):
        ReportInputs.of({"datasets": [tmp_path / "nothing.json"]})
    with pytest.raises(DatasetError, match="did you mean 'pictures'"):
        ReportInputs.of({"picture": []})
