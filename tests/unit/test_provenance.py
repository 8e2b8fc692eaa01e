"""The code digest sees what a script needs and nothing else."""

import shutil

import pytest

from fringeflow import provenance


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
    for function in (provenance.code_digest, provenance.imported_modules, provenance._tree_digest):
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
