"""The package keeps its shape: imports point one way, heavy libraries stay out of the light rooms."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from fringeflow.provenance import PACKAGE, SCRIPTS, imported_modules

GROUND = ["__init__", "errors", "files", "progress", "provenance", "job", "chunks", "store", "keras_runtime", "crew", "store_shared"]
GROUND += ["lock", "syntax", "records", "record_index", "healing", "verification", "resources"]
ROOMS = [
    "config",
    "cluster",
    "transfer",
    "licsar",
    "deformation",
    "simulate",
    "insar",
    "seismic",
    "datasets",
    "encoding",
    "imbalance",
    "models",
    "training",
    "evaluation",
    "detection",
    "pretraining",
    "report",
    "checks",
    "parameters",
    "combinations",
    "collection_plan",
    "pretraining_plan",
    "detection_plan",
    "report_plan",
    "plan",
]
FORBIDDEN = {
    ("insar", "simulate"),
    ("evaluation", "models"),
    ("evaluation", "training"),
    ("evaluation", "insar"),
    ("imbalance", "simulate"),
    ("seismic", "simulate"),
    ("seismic", "insar"),
}
LEVEL = dict.fromkeys(GROUND, 0) | {name: level for level, name in enumerate(ROOMS, 1)}


def room(path: Path) -> str:
    return path.relative_to(PACKAGE).with_suffix("").parts[0]


def test_imports_point_one_way():
    wrong = []
    for path in PACKAGE.rglob("*.py"):
        for target in imported_modules(path):
            here, there = room(path), room(target)
            if here != there and there != "__init__" and (LEVEL[there] > LEVEL[here] or (here, there) in FORBIDDEN):
                wrong.append(f"{path.relative_to(PACKAGE)} imports {target.relative_to(PACKAGE)}")
    assert not wrong, wrong


def test_every_file_belongs_to_a_room():
    assert {room(path) for path in PACKAGE.rglob("*.py")} <= set(LEVEL)


def test_the_package_knows_nothing_of_snakemake():
    users = [
        path.name
        for path in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if (isinstance(node, ast.Import) and any(alias.name.split(".")[0] == "snakemake" for alias in node.names))
        or (isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "snakemake")
    ]
    assert not users


@pytest.mark.parametrize("module", ["fringeflow.plan"])
def test_reading_the_configuration_imports_nothing_heavy(module):
    """The Snakefile's process starts in every job on a cluster."""
    code = f"import sys, {module}; print(sorted(set(sys.modules) & {{'torch', 'timm', 'tensorflow', 'sklearn', 'xarray', 'rasterio'}}))"
    found = subprocess.run([sys.executable, "-c", code], cwd=SCRIPTS, capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_scripts_stay_thin_and_are_named_after_their_rules(root):
    written = [rule for path in (root / "workflow/rules").glob("*.smk") for rule in path.read_text().split("\nrule ")[1:]]
    rules = {rule.split(":")[0] for rule in written if "script:" in rule}  # a target, as `detect`, has none
    scripts = {path.stem: path for path in SCRIPTS.glob("*.py")}
    assert set(scripts) == rules
    long = {name: len(path.read_text().splitlines()) for name, path in scripts.items()}
    assert max(long.values()) <= 40, long


def test_files_stay_short():
    long = {path.name: count for path in PACKAGE.rglob("*.py") if (count := len(path.read_text().splitlines())) > 330}
    assert not long
