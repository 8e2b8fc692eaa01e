"""No reader of files in the package may run what they hold: the calls that could are made with the argument that forbids it.

Ruff's rules (S102 to S701 in pyproject.toml) see to the others: exec, eval, pickle, shells, unsafe YAML.
"""

import ast
from functools import cache

import pytest

from fringeflow.provenance import PACKAGE, SCRIPTS

SAFELY = {
    ("torch", "load"): ("weights_only", True),
    ("np", "load"): ("allow_pickle", False),
    ("obspy", "read"): ("format", None),
    ("obspy", "read_inventory"): ("format", None),
    ("Image", "open"): ("formats", None),
}
"""Calls, and the argument with the value that each needs (None: any). ObsPy tries every format there is otherwise, pickles too."""
NEVER = {"pickle", "dill", "cloudpickle", "joblib", "shelve", "marshal", "tarfile", "telnetlib", "ftplib", "html.parser"}
OWN = {PACKAGE / "report/images.py"}
"""Reads what the workflow itself has drawn."""


@cache
def nodes(path):
    return list(ast.walk(ast.parse(path.read_text())))


def calls(path):
    for node in nodes(path):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and isinstance(node.func.value, ast.Name):
            yield node, (node.func.value.id, node.func.attr)


@pytest.mark.parametrize("call", SAFELY, ids=".".join)
def test_readers_that_could_run_code_are_told_not_to(call):
    name, needed = SAFELY[call]
    found = 0
    for path in PACKAGE.rglob("*.py"):
        for node, what in calls(path):
            if what != call or path in OWN:
                continue
            found += 1
            given = {word.arg: word.value for word in node.keywords}
            assert name in given, f"{path.name} line {node.lineno}: {'.'.join(call)} without {name}"
            assert needed is None or ast.literal_eval(given[name]) is needed, f"{path.name} line {node.lineno}"
    assert found, f"{'.'.join(call)} is called nowhere any more; take it out of the list"


def test_modules_that_run_what_they_read_are_not_imported():
    for path in [*PACKAGE.rglob("*.py"), *SCRIPTS.glob("*.py")]:
        for node in nodes(path):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not set(names) & NEVER, f"{path.name} imports {names}"


def test_no_rule_hands_words_of_the_configuration_to_a_shell(root):
    for path in [root / "Snakefile", *(root / "workflow/rules").glob("*.smk")]:
        assert "shell:" not in path.read_text(), f"{path.name}: a script takes wildcards as values, a shell as commands"
