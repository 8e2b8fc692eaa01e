"""Results of every kind of file, deleted, cut short or changed behind Snakemake's back: one plain rerun makes them again."""

import random

from tests.crash.contents import contents, leftovers
from tests.crash.damage import FAULTS, by_kind, spoil
from tests.crash.world import TARGETS

KINDS = {
    "chunk",
    "geojson",
    "json",
    "manifest.json",
    "npy",
    "parquet",
    "png",
    "safetensors",
    "sgy",
    "skops",
    "tif",
    "tsv",
    "zarr.json",
}


def test_one_plain_rerun_heals_every_kind_of_file_and_names_what_was_wrong(undisturbed, tmp_path):
    workspace = undisturbed.workspace.copy(tmp_path / "spoilt")
    results, rng = workspace.folder / "results", random.Random(3)
    kinds = by_kind(undisturbed.contents)
    assert set(kinds) >= KINDS
    spoilt = {}
    for kind in sorted(kinds):
        faults = list(FAULTS)
        rng.shuffle(faults)
        for name, fault in zip(rng.sample(kinds[kind], min(len(kinds[kind]), len(faults))), faults, strict=False):
            spoil(results / name, fault, rng)
            spoilt[name] = fault
    done = workspace.snakemake("--cores", "2", *TARGETS)
    said = done.stdout + done.stderr
    assert not (silent := [name for name in spoilt if f"results/{name}" not in said]), f"not a word about {silent}"
    found = contents(results)
    assert {name: spoilt.get(name) for name, sha in undisturbed.contents.items() if found.get(name) != sha} == {}
    assert found.keys() == undisturbed.contents.keys()
    assert not leftovers(results)
    assert "Nothing to be done" in workspace.snakemake("-n", *TARGETS).stdout
