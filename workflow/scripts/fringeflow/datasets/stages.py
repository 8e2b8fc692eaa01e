"""Cascades: classes are merged first and told apart later. The tree of stages that a configuration describes.

Metadata only: the Snakefile's process imports this module, so it imports no array library.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from fringeflow.errors import nearest


@dataclass(frozen=True)
class Stage:
    """One stage as it is configured.

    Attributes
    ----------
    name : str
    merge : mapping of str to tuple of str
        Classes of the dataset that this stage does not tell apart, under a name of their own.
    split : str
        The merged class of an earlier stage that this stage tells apart; empty for the first.
    """

    name: str
    merge: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    split: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {"name": self.name, "merge": {name: list(members) for name, members in self.merge.items()}, "split": self.split}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Stage":
        """Build from `as_dict`."""
        merge = {name: tuple(members) for name, members in values["merge"].items()}
        return cls(values["name"], merge, values["split"])


@dataclass(frozen=True)
class Level:
    """One stage as a classifier sees it.

    Attributes
    ----------
    name : str
    classes : tuple of str
        What it tells apart, in the order of the dataset; a merged class stands where its first member does.
    members : mapping of str to tuple of str
        The classes of the dataset in each of `classes`.
    split : str
        The merged class that it tells apart; empty for the first.
    """

    name: str
    classes: tuple[str, ...]
    members: Mapping[str, tuple[str, ...]]
    split: str = ""

    @property
    def leaves(self) -> tuple[str, ...]:
        """All classes of the dataset that take part."""
        return tuple(leaf for name in self.classes for leaf in self.members[name])


def resolve_stages(stages: Sequence[Stage], classes: Sequence[str]) -> tuple[Level, ...]:
    """Return what each stage of a cascade tells apart.

    Parameters
    ----------
    stages : sequence of Stage
        None for a flat classifier.
    classes : sequence of str
        The dataset's.

    Returns
    -------
    tuple of Level
        In the order of `stages`: a merged class comes before the stage that splits it.

    Raises
    ------
    ValueError
        With every problem: an unknown class, one that is merged twice, a merged class that is never split, a stage that
        is left with one class, a name that is used twice.

    Examples
    --------
    >>> kinds = Stage("kinds", {"noise": ("dns", "tip")})
    >>> levels = resolve_stages([kinds, Stage("noise", split="noise")], ["empty", "dns", "tip"])
    >>> [level.classes for level in levels]
    [('empty', 'noise'), ('dns', 'tip')]
    """
    if not stages:
        return ()
    problems: list[str] = []
    if len(stages) == 1:
        problems.append(f"stage '{stages[0].name}' is the only one; add a stage that splits what it merges, or leave 'stages' out")
    levels: list[Level] = []
    merged: dict[str, tuple[str, ...]] = {}
    names: set[str] = set()
    splits: set[str] = set()
    for number, stage in enumerate(stages):
        head = f"stage '{stage.name}'"
        if stage.name in names:
            problems.append(f"{head}: the name is used twice; give every stage its own")
        names.add(stage.name)
        found = _inside(stage, classes, merged, splits, is_first=number == 0)
        inside = None if isinstance(found, str) else found
        if isinstance(found, str):
            problems.append(f"{head}: {found}")
        problems += [f"{head}: {problem}" for problem in _merge_problems(stage, inside, classes, merged)]
        merged.update({name: members for name, members in stage.merge.items() if name not in merged})
        if inside is not None:
            level = _level(stage, inside)
            if len(level.classes) < 2:
                problems.append(f"{head} is left with one class, {', '.join(level.classes)}; a stage tells at least two apart: merge fewer")
            levels.append(level)
    problems += [f"the merged class '{name}' is never split; add a stage with split: {name}" for name in merged if name not in splits]
    if problems:
        raise ValueError("; ".join(problems))
    return tuple(levels)


def _inside(
    stage: Stage, classes: Sequence[str], merged: Mapping[str, tuple[str, ...]], splits: set[str], *, is_first: bool
) -> list[str] | str:
    """Return the dataset's classes that a stage gets, in order, or what is wrong with its `split`; note what it splits."""
    if is_first:
        odd = f"the first stage sees all classes and splits none, found split: {stage.split}; leave it out"
        return odd if stage.split else list(classes)
    if not stage.split:
        return "only the first stage sees all classes; say which merged class this one splits (split: NAME)"
    if stage.split not in merged:
        valid = nearest(stage.split, merged) if merged else "no earlier stage merges classes"
        return f"split: '{stage.split}' is no merged class of an earlier stage; {valid}"
    if stage.split in splits:
        return f"'{stage.split}' is split by an earlier stage already; split it once"
    splits.add(stage.split)
    return [name for name in classes if name in merged[stage.split]]


def _merge_problems(
    stage: Stage, inside: Sequence[str] | None, classes: Sequence[str], merged: Mapping[str, tuple[str, ...]]
) -> Iterator[str]:
    """Yield what is wrong with the merges of a stage; `inside` is None where it is not known which classes it gets."""
    valid = classes if inside is None else inside
    holder: dict[str, str] = {}
    for name, members in stage.merge.items():
        if name in classes:
            yield f"the merged class '{name}' has the name of a class of the dataset; choose another"
        if name in merged:
            yield f"the merged class '{name}' has the name of an earlier one; choose another"
        if len(set(members)) < 2:
            yield f"'{name}' merges {', '.join(members) or 'nothing'}; name two classes or more"
        for member in members:
            if member not in classes:
                yield f"'{name}' merges the unknown class '{member}'; {nearest(member, valid)}"
            elif member not in valid:
                yield f"'{name}' merges '{member}', which is no part of '{stage.split}'; {nearest(member, valid)}"
            elif member in holder:
                yield f"class '{member}' is merged twice, in '{holder[member]}' and in '{name}'; name it once"
            else:
                holder[member] = name


def _level(stage: Stage, inside: Sequence[str]) -> Level:
    """Return a stage's classes, a merged one where its first member stands."""
    holder = {member: name for name, members in stage.merge.items() for member in members}
    members: dict[str, tuple[str, ...]] = {}
    for name in inside:
        heading = holder.get(name, name)
        members[heading] = (*members.get(heading, ()), name)
    return Level(stage.name, tuple(members), members, stage.split)
