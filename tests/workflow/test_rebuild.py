"""Only what changed is made again: the exact jobs of a dry-run after each kind of change."""

import csv
import os
import time

import yaml

COMPARED = ["compare dataset=fringes", "strategies dataset=fringes", "report"]
COMPARED += [f"best_gallery dataset=fringes, view={view}" for view in ("wrapped", "spectrogram")]
"""Jobs that follow runs that changed on both views."""


def runs(dataset="fringes", views=("wrapped", "spectrogram"), models=("hog_svm",), strategies=("none", "class_weights")):
    return [f"dataset={dataset}, view={v}, model={m}, strategy={s}" for v in views for m in models for s in strategies]


def after_dataset(embed=()):
    """Jobs that follow a changed dataset."""
    jobs = [f"examples dataset=fringes, view={view}" for view in ("wrapped", "spectrogram")]
    jobs += [f"{rule} {run}" for rule in ("train", "evaluate") for run in runs()]
    return sorted([*jobs, *embed, *COMPARED])


def encoders(workspace):
    folder = workspace.folder / "results/datasets/fringes/embeddings"
    return [f"embed dataset=fringes, view={path.parent.name}, encoder={path.stem}" for path in folder.glob("*/*.json")]


def test_nothing_is_done_twice(finished):
    assert finished.planned() == []


def test_a_touched_script_runs_nothing(copied):
    for script in (copied.folder / "workflow/scripts").glob("*.py"):
        os.utime(script)
    assert copied.planned() == []


def test_a_comment_in_a_module_runs_nothing(copied):
    module = copied.folder / "workflow/scripts/fringeflow/insar/tiling.py"
    module.write_text(module.read_text() + "\n# a remark\n")
    assert copied.planned() == []


def test_an_edited_module_runs_the_rules_that_import_it(copied):
    module = copied.folder / "workflow/scripts/fringeflow/evaluation/bootstrap.py"
    module.write_text(module.read_text() + "\nCHANGED = True\n")
    assert copied.planned() == sorted([f"evaluate {run}" for run in runs()] + COMPARED)


def test_a_lazily_imported_module_counts(copied):
    """The classical models are imported by name; only their training and embedding rest on them."""
    module = copied.folder / "workflow/scripts/fringeflow/models/classical.py"
    module.write_text(module.read_text() + "\nCHANGED = True\n")
    planned = {job.split()[0] for job in copied.planned()}
    assert planned <= {"embed", "train", "evaluate", "compare", "strategies", "best_gallery", "report"}
    assert "train" in planned


def test_an_edited_module_of_another_model_runs_nothing(copied):
    module = copied.folder / "workflow/scripts/fringeflow/models/torch_backbones.py"
    module.write_text(module.read_text() + "\nCHANGED = True\n")
    assert copied.planned() == []


def test_an_added_strategy_trains_only_its_own_runs(copied):
    copied.configure(datasets={"fringes": {"strategies": ["none", "class_weights", "oversample"]}})
    new = runs(strategies=("oversample",))
    assert copied.planned() == sorted([f"{rule} {run}" for rule in ("train", "evaluate") for run in new] + COMPARED)


def test_an_added_model_trains_only_its_own_runs(copied):
    copied.configure(
        models={"wide_svm": {"architecture": "hog_svm", "input_size": 96}},
        datasets={"fringes": {"models": ["hog_svm", "wide_svm"]}},
    )
    planned = copied.planned()
    new = runs(models=("wide_svm",))
    expected = [f"{rule} {run}" for rule in ("train", "evaluate") for run in new] + COMPARED
    assert sorted(job for job in planned if not job.startswith("embed")) == sorted(expected)
    assert len([job for job in planned if job.startswith("embed")]) == 2


def test_verify_calls_stale_what_an_added_model_makes_again(copied):
    """No input of theirs changed; there is one more. A strategy more is the same.

    Before that nothing is stale, galleries that rest on one run of many included.
    """
    copied.snakemake("--cores", "1", "verify")
    with open(copied.folder / "results/verify.tsv") as handle:
        assert {row["status"] for row in csv.DictReader(handle, delimiter="\t")} == {"ok"}
    copied.configure(
        models={"wide_svm": {"architecture": "hog_svm", "input_size": 96}},
        datasets={"fringes": {"models": ["hog_svm", "wide_svm"]}},
    )
    copied.snakemake("--cores", "1", "verify")
    with open(copied.folder / "results/verify.tsv") as handle:
        rows = list(csv.DictReader(handle, delimiter="\t"))
    stale = {f"{row['rule']} {row['wildcards']}".strip() for row in rows if row["status"] == "stale"}
    assert stale == {
        "compare fringes",
        "strategies fringes",
        "report",
        *(f"best_gallery fringes,{view}" for view in ("wrapped", "spectrogram")),
    }
    assert {row["status"] for row in rows} == {"stale", "ok"}


def test_reordered_keys_and_rows_run_nothing(copied):
    path = copied.folder / "config/tiny.yaml"
    settings = yaml.safe_load(path.read_text())
    path.write_text(yaml.safe_dump(dict(reversed(settings.items())), sort_keys=False))
    for name in ("events", "interferograms"):
        copied.write_rows(name, copied.rows(name)[::-1])
    assert copied.planned() == []


def test_words_for_people_run_nothing(copied):
    copied.write_rows("events", [{**row, "place": "elsewhere"} for row in copied.rows("events")])
    assert copied.planned() == ["report"], "which tells them"


def test_a_changed_date_runs_that_event_and_what_follows(copied):
    rows = copied.rows("events")
    time_of_day = rows[0]["time"]
    rows[0]["time"] = f"{time_of_day[:17]}{(int(time_of_day[17:19]) + 1) % 60:02d}{time_of_day[19:]}"
    copied.write_rows("events", rows)
    planned = copied.planned()
    data = ("simulate", "fetch", "prepare", "tile", "spectrogram")
    touched = [job for job in planned if job.startswith(data)]
    assert len(touched) == len(data)
    assert all(rows[0]["event"] in job for job in touched)


def test_a_changed_threshold_tiles_again_and_nothing_before(copied):
    copied.configure(tilings={"standard": {"label": {"min_area": 0.2}}})
    planned = {job.split()[0] for job in copied.planned()}
    assert planned == {
        "tile",
        "spectrogram",
        "dataset",
        "examples",
        "embed",
        "train",
        "evaluate",
        "compare",
        "strategies",
        "best_gallery",
        "report",
    }


def test_another_number_format_embeds_again(copied):
    """Else runs would claim features that they were not trained on, and extra samples would differ from real ones by it."""
    copied.configure(training={"bfloat16": False})
    planned = {job.split()[0] for job in copied.planned()}
    assert {"embed", "train"} <= planned
    assert not planned & {"tile", "spectrogram", "dataset"}


def test_a_changed_timeout_downloads_nothing(copied):
    copied.configure(download={"timeout_s": 7, "attempts": 2})
    assert copied.planned() == ["report"], "which shows the configuration"


def test_an_identical_rebuild_is_not_followed_downstream(copied):
    """Prepared again with the same content: the files are newer, and nothing rests on time stamps alone."""
    before = copied.digests()
    time.sleep(1.1)
    copied.snakemake("--cores", "2", "--forcerun", "prepare", "--until", "prepare")
    assert copied.digests() == before
    assert copied.planned() == []


def test_an_identical_rebuild_in_one_run_trains_nothing(copied):
    """Snakemake runs all that follows a job it was told to run; training sees that nothing changed."""
    models = {path: path.stat().st_mtime_ns for path in (copied.folder / "results/runs").rglob("model/*")}
    before = copied.digests()
    copied.snakemake("--cores", "2", "--forcerun", "spectrogram")
    assert models == {path: path.stat().st_mtime_ns for path in (copied.folder / "results/runs").rglob("model/*")}
    assert copied.digests() == before
    assert copied.planned() == []


def test_an_added_event_runs_its_own_data_stages_and_embeds_only_its_tiles(copied, root):
    known = {row["event"] for row in copied.rows("events")}
    cache = copied.folder / "results/cache"
    shards = {path: path.stat().st_mtime_ns for path in cache.rglob("*.npy")}
    import csv

    def default_rows(name):
        with open(root / f"config/{name}.tsv") as handle:
            return list(csv.DictReader(handle, delimiter="\t"))

    new = next(row for row in default_rows("events") if row["event"] not in known)
    pairs = [row for row in default_rows("interferograms") if row["event"] == new["event"]]
    copied.write_rows("events", [*copied.rows("events"), new])
    copied.write_rows("interferograms", [*copied.rows("interferograms"), *pairs])
    name = new["event"]
    expected = [f"{rule} event={name}" for rule in ("simulate", "fetch", "prepare")]
    expected += [f"{rule} event={name}, tiling=standard" for rule in ("tile", "spectrogram")]
    expected += ["dataset dataset=fringes", *after_dataset(encoders(copied))]
    assert copied.planned() == sorted(expected)
    copied.snakemake("--cores", "2")
    now = {path: path.stat().st_mtime_ns for path in cache.rglob("*.npy")}
    assert {path: now[path] for path in shards} == shards
    assert len(now) > len(shards) > 0
    assert copied.planned() == []


def test_extra_samples_are_made_once_for_all_runs_of_their_recipe(copied):
    """Two strategies of one recipe share its samples and embeddings; strategies without extra samples are left alone."""
    with_extra = ["augmentation", "weighted_augmentation"]
    copied.configure(
        strategies={"augmentation": {}, "weighted_augmentation": {"kind": "class_weights+augmentation"}},
        models={"hog_svm": {"strategies": ["none", "class_weights", *with_extra]}},
        datasets={"fringes": {"strategies": ["none", "class_weights", *with_extra]}},
    )
    planned = copied.planned()
    assert {job for job in planned if job.startswith(("train", "embed "))} == {f"train {run}" for run in runs(strategies=with_extra)}
    made = "dataset=fringes, recipe=augment-0.5"
    extra = [job for job in planned if job.split()[0] in ("extra", "spectrogram_extra", "embed_extra")]
    embedded = [job.replace("embed dataset=fringes", f"embed_extra {made}") for job in encoders(copied)]
    assert extra == sorted([f"extra {made}", f"spectrogram_extra {made}", *embedded])
    before = copied.planned("--forcerun", "embed", "--until", "embed_extra")
    assert set(encoders(copied)) <= set(before), "in whose number format, bfloat16 or not, theirs are made"


def test_a_rerun_gives_the_same_extra_samples_and_another_ratio_makes_others(copied):
    copied.configure(
        strategies={"implant": {}},
        models={"hog_svm": {"strategies": ["none", "implant"]}},
        datasets={"fringes": {"strategies": ["none", "implant"]}},
    )
    copied.snakemake("--cores", "2", "--until", "extra")
    before = copied.digests("datasets/fringes/extra")
    assert len(before) > 3
    copied.snakemake("--cores", "2", "--forcerun", "extra", "--until", "extra")
    assert copied.digests("datasets/fringes/extra") == before
    assert "extra dataset=fringes, recipe=implant-0.5" not in copied.planned()
    copied.configure(strategies={"implant": {"ratio": 0.75}})
    planned = copied.planned()
    assert "extra dataset=fringes, recipe=implant-0.75" in planned
    assert not [job for job in planned if "implant-0.5" in job or (job.startswith("train") and "strategy=none" in job)]


def test_a_curating_strategy_doubts_once_a_view_and_a_learning_curve_is_its_own_branch(copied):
    """Two strategies that drop share one list of doubts; nothing that was trained is trained again."""
    curating = ["curate", "weighted_curate"]
    copied.configure(
        strategies={"curate": {}, "weighted_curate": {"kind": "class_weights+curate"}},
        models={"hog_svm": {"strategies": ["none", "class_weights", *curating]}},
        datasets={"fringes": {"strategies": ["none", "class_weights", *curating]}},
        learning_curve={"fractions": [0.5, 1]},
    )
    views = ("wrapped", "spectrogram")
    expected = [f"doubts dataset=fringes, view={view}, curate=drop" for view in views]
    expected += [f"{rule} {run}" for rule in ("train", "evaluate") for run in runs(strategies=curating)]
    expected += [f"{rule} {run}" for rule in ("fit_subsets", "learning_curve") for run in runs(strategies=("none",))]
    assert copied.planned() == sorted([*expected, *COMPARED])
