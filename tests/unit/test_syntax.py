"""What files say is found once and remembered, and never answered from a memory of something else."""

import ast
import json

import pytest

from fringeflow import syntax as module

SAID = 'import json\n\n\ndef one():\n    """Return one."""\n    from fringeflow.files import atomic\n\n    return 1\n'


@pytest.fixture
def ask(tmp_path, monkeypatch):
    """Give a function that asks as a new process does, and keeps what it found."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
    path = tmp_path / "said.py"
    path.write_text(SAID)

    def answer() -> module.Syntax:
        for function in (module.syntax, module._remembered, module._reader):
            function.cache_clear()
        found = module.syntax(path)
        module.remember()
        return found

    answer.path = path
    yield answer
    for function in (module.syntax, module._remembered, module._reader):
        function.cache_clear()


@pytest.fixture
def parsed(monkeypatch) -> list[str]:
    """What was understood anew."""
    seen, parse = [], ast.parse

    def counted(source, **words):
        seen.append(words["filename"])
        return parse(source, **words)

    monkeypatch.setattr(ast, "parse", counted)
    return seen


def test_a_file_is_understood_once(ask, parsed):
    first = ask()
    assert first.imports == ("fringeflow.files", "fringeflow.files.atomic", "json")
    assert (ask(), len(parsed)) == (first, 1)


def test_another_content_of_the_same_name_is_understood_anew(ask, parsed):
    first = ask()
    ask.path.write_text(SAID.replace("return 1", "return 2"))
    assert ask().digest != first.digest
    ask.path.write_text(SAID.replace("Return one.", "Return the number one."))
    assert (ask(), len(parsed)) == (first, 3)


def test_what_another_python_understood_counts_for_nothing(ask, parsed, monkeypatch):
    ask()
    monkeypatch.setattr(module.sys, "version_info", (3, 99))
    ask()
    assert len(parsed) == 2


@pytest.mark.parametrize("damage", [lambda text: text[: len(text) // 2], lambda _: "[]", lambda _: "\0", None])
def test_a_damaged_memory_is_not_believed(ask, parsed, damage):
    first, memory = ask(), module.memory()
    text = memory.read_text()
    forged = {key: ["nonsense", imports] for key, (_, imports) in json.loads(text).items()}
    memory.write_text(damage(text) if damage else json.dumps(forged))
    assert (ask(), len(parsed)) == (first, 2)
    assert memory.read_text() == text


def test_a_cache_folder_that_cannot_be_made_costs_time_alone(ask, parsed, tmp_path):
    (tmp_path / "home").write_text("a file")
    assert ask() == ask()
    assert len(parsed) == 2


def test_the_memory_stays_small(ask, monkeypatch):
    monkeypatch.setattr(module, "MOST", 3)
    for number in range(5):
        ask.path.write_text(f"X = {number}\n")
        ask()
    assert len(json.loads(module.memory().read_text())) == 3
