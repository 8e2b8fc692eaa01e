"""Reading the configuration: every problem at once, each with its file, key, value and remedy."""

import reprlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_args

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from fringeflow.config.models import Config
from fringeflow.errors import nearest

Key = tuple[str | int, ...]
SHORT = reprlib.Repr()
"""Writes a value in a message, only the beginning of a long one: a few lines of YAML can stand for more values than fit anywhere."""
SHORT.maxstring = SHORT.maxother = SHORT.maxlong = 200
SHORT.maxlevel = 2


def dotted(key: Key) -> str:
    """Write a key as people do.

    >>> dotted(("mirrors", 0, "root"))
    'mirrors[0].root'
    """
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in key).lstrip(".")


@dataclass
class Sources:
    """The YAML files that a configuration was merged from, to say where a key stands."""

    files: list[tuple[Path, yaml.Node | None]] = field(default_factory=list)

    @classmethod
    def read(cls, paths: Iterable[str | Path]) -> "Sources":
        """Parse the files for their positions; one that cannot be parsed is left out (Snakemake reports it)."""
        files: list[tuple[Path, yaml.Node | None]] = []
        for path in map(Path, paths):
            try:
                files.append((path, yaml.compose(path.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)))
            except (OSError, yaml.YAMLError):
                continue
        return cls(files)

    def where(self, key: Key) -> str:
        """Return `file:line` of the place that decides a key: the last file that goes deepest towards it."""
        best, place = 0, "configuration"
        for path, root in self.files:
            node, depth, line = root, 0, 0
            for part in key:
                child = _child(node, part)
                if child is None:
                    break
                node, depth, line = child[1], depth + 1, child[0]
            if depth and depth >= best:
                best, place = depth, f"{_short(path)}:{line}"
        return place


def _short(path: Path) -> str:
    """Return a path below the working directory without it."""
    try:
        return str(path.resolve().relative_to(Path.cwd()))
    except ValueError:
        return str(path)


def _child(node: yaml.Node | None, part: str | int) -> tuple[int, yaml.Node] | None:
    """Return the line and the node below a key."""
    if isinstance(node, yaml.MappingNode):
        for name, value in node.value:
            if name.value == str(part):
                return name.start_mark.line + 1, value
    if isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
        return node.value[part].start_mark.line + 1, node.value[part]
    return None


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    """Return the pydantic models inside a type, for example in `dict[str, Tiling]`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for part in get_args(annotation) for model in _models_in(part)]


def _tags(model: type[BaseModel]) -> tuple[str, ...]:
    """Return the values of the key that tells a model from its alternatives; pydantic puts them into an error's place."""
    return tuple(tag for name in ("method", "kind") if name in model.model_fields for tag in get_args(model.model_fields[name].annotation))


def _valid_names(key: Key) -> list[str]:
    """Return the keys that are valid beside an unknown one."""
    models: list[type[BaseModel]] = [Config]
    for part in key[:-1]:
        fields = [model.model_fields[str(part)] for model in models if str(part) in model.model_fields]
        tagged = [model for model in models if part in _tags(model)]
        if fields:
            models = [model for info in fields for model in _models_in(info.annotation)]
        elif tagged:
            models = tagged
    return sorted({name for model in models for name in model.model_fields})


def _without_tags(key: Key) -> Key:
    """Return a key as it stands in the file: without the tags after `split` and after the name of a collection."""
    shown = [
        part for index, part in enumerate(key) if not (index and key[index - 1] == "split" and part in ("given", "stratified", "folders"))
    ]
    if shown[:1] == ["collections"] and len(shown) > 2:
        del shown[2]
    return tuple(shown)


def _problem(error: ErrorDetails, sources: Sources) -> str:
    """Turn one pydantic error into a sentence."""
    key = tuple(error["loc"])
    shown = _without_tags(key)
    place = f"{sources.where(shown)}: {dotted(shown)}"
    if error["type"] == "extra_forbidden":
        return f"{place}: unknown key; {nearest(str(key[-1]), _valid_names(key))}"
    if error["type"] == "missing":
        return f"{place}: missing; expected a value for '{key[-1]}'"
    message = error["msg"].removeprefix("Value error, ")
    found = error["input"]
    if isinstance(found, dict | list) and error["type"] == "value_error":
        return f"{place}: {message}"
    expected = ""
    choices = (error.get("ctx") or {}).get("expected")
    if error["type"] == "literal_error" and choices and isinstance(found, str):
        expected = "; " + nearest(found, [part.strip("' ") for part in str(choices).replace(" or ", ",").split(",")])
    return f"{place}: found {SHORT.repr(found)}; {message[:1].lower()}{message[1:]}{expected}"


def parse_config(raw: dict[str, Any], files: Sequence[str | Path] = ()) -> tuple[Config | None, list[str]]:
    """Parse a merged configuration.

    Parameters
    ----------
    raw : dict
        What Snakemake merged from the files and the command line.
    files : sequence of paths
        Those files, in the order they were merged; they are only read to say where a key stands.

    Returns
    -------
    Config or None
        None if anything is wrong.
    list of str
        Every problem: file and line, key, what was found, what was expected, the nearest valid name.
    """
    try:
        return Config.model_validate(raw), []
    except ValidationError as error:
        sources = Sources.read(files)
        return None, [_problem(issue, sources) for issue in error.errors()]
