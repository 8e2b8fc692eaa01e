"""The code digest sees what a script needs and nothing else."""

import ast
import importlib.metadata
import re
import shutil
import sys
from dataclasses import replace

import pytest

from fringeflow import provenance
from fringeflow.job import Job
from fringeflow.provenance import LIBRARIES, loaded_versions
from fringeflow.records import Record, begin_record, left_by
from fringeflow.syntax import syntax

UNRECORDED = {
    "dask_jobqueue": "asks for nodes; what they make is the same to the byte",
    "distributed": "hands out work; what is made is the same to the byte",
    "google_crc32c": "a checksum that is a standard",
    "httpcore": "what is fetched is checked, and recorded by its SHA-256",
    "httpx": "what is fetched is checked, and recorded by its SHA-256",
    "lxml": "finds where files lie on a server; what is fetched is checked, and recorded by its SHA-256",
    "psutil": "looks at this machine",
    "pydantic": "checks settings, which a record holds as they were understood",
    "pydantic_core": "checks settings, which a record holds as they were understood",
    "tenacity": "tries again",
    "threadpoolctl": "limits threads",
    "tqdm": "shows progress",
    "xxhash": "a checksum that is a standard",
    "yaml": "reads settings, which a record holds as they were understood",
}
"""Libraries that the package imports and no record names, each with the reason."""


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A small package: script `work` imports `near`, which lazily imports `far`; `other` is not used."""
    folder = tmp_path / "fringeflow"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    (folder / "near.py").write_text("def f():\n    from fringeflow.far import g\n    return g()\n")
    (folder / "far.py").write_text('def g():\n    """Return one."""\n    return 1\n')
    (folder / "other.py").write_text("X = 1\n")
    (tmp_path / "work.py").write_text("from fringeflow.near import f\nf()\n")
    monkeypatch.setattr(provenance, "PACKAGE", folder)
    monkeypatch.setattr(provenance, "SCRIPTS", tmp_path)
    return folder


def digest(*modules):
    for function in (provenance.code_digest, provenance.imported_modules, provenance._module_file, syntax):
        function.cache_clear()
    return provenance.code_digest("work", tuple(modules))


def test_a_lazily_imported_module_counts(package):
    before = digest()
    (package / "far.py").write_text("def g():\n    return 2\n")
    assert digest() != before


def test_comments_docstrings_and_layout_do_not_count(package):
    before = digest()
    (package / "far.py").write_text('def g():\n    """Return the number one."""\n    # one\n    return (1)\n')
    assert digest() == before


def test_an_unused_module_does_not_count_unless_named(package):
    before, named = digest(), digest("fringeflow.other")
    (package / "other.py").write_text("X = 2\n")
    assert digest() == before
    assert digest("fringeflow.other") != named


def test_the_place_of_the_checkout_does_not_count(package, tmp_path, monkeypatch):
    before = digest()
    copy = shutil.copytree(tmp_path, tmp_path.with_name(tmp_path.name + "_copy"))
    monkeypatch.setattr(provenance, "PACKAGE", copy / "fringeflow")
    monkeypatch.setattr(provenance, "SCRIPTS", copy)
    assert digest() == before


def test_a_missing_module_is_named(package):
    with pytest.raises(FileNotFoundError, match=r"fringeflow\.nowhere"):
        digest("fringeflow.nowhere")


def imported():
    """Return the third-party modules that the package or a script imports, lazily or at the top."""
    names = set()
    for path in provenance.SCRIPTS.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                names.update(alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
                names.add(node.module)
    return {name.split(".")[0] for name in names} - set(sys.stdlib_module_names) - {"fringeflow"}


def test_every_library_is_recorded_or_exempted_for_a_reason():
    """To do when it fails: add the library to provenance.LIBRARIES, or say here why it decides no result."""
    recorded = set(LIBRARIES.values())
    assert imported() - recorded == set(UNRECORDED)
    assert not recorded & set(UNRECORDED)


def test_libraries_are_listed_by_the_names_of_their_distributions():
    """Another name has no version to be found."""
    owners = importlib.metadata.packages_distributions()
    for name, module in LIBRARIES.items():
        if module in owners:
            assert name in [re.sub(r"[-_.]+", "-", owner).lower() for owner in owners[module]]


def test_versions_are_found_without_importing_anything(monkeypatch):
    monkeypatch.setitem(sys.modules, "imblearn", None)  # as good as imported, and nothing to ask for a version
    monkeypatch.delitem(sys.modules, "torchvision", raising=False)
    before = set(sys.modules)
    found = loaded_versions()
    assert found["imbalanced-learn"] == importlib.metadata.version("imbalanced-learn")
    assert "torchvision" not in found
    assert set(sys.modules) == before


def test_a_result_from_before_a_library_was_listed_is_kept(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    output = "results/runs/run.json"
    (tmp_path / "results/runs").mkdir(parents=True)
    (tmp_path / output).write_text("{}")
    outputs, _ = left_by([output], [])
    begun = begin_record("train", {"event": "e1"}, [], {"code": "c"}, code="c", seed=1)
    versions = {name: version for name, version in loaded_versions().items() if name in ("python", "numpy")}
    replace(begun, outputs=outputs, versions=versions).write()
    assert Record.read(begun.path).versions == versions
    assert Job(None, [output], None, None, 1, record=begun).unchanged()
