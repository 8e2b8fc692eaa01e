"""Study A's table and what we find of its claims, as Markdown."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pandas as pd

from fringeflow.evaluation.claims import BESIDE, DECIDING, UNDECIDED, UNTESTED, Claim, Compared, StudyRuns, best_model
from fringeflow.evaluation.paired import Difference
from fringeflow.evaluation.published import CITATION, ROWS, TABLE, prevalence
from fringeflow.evaluation.words import signed
from fringeflow.files import atomic

TRIPLE = {"accuracy": "accuracy", "f1": "F1", "roc_auc": "AUC"}
"""The study's scores, in the order of its table."""
FURTHER = {"pr_auc": "PR-AUC", "f1_tuned": "F1, threshold from validation", "mcc_tuned": "MCC, threshold from validation"}

HOW = {"frozen": "only the head trained", "prompt": "prompts trained", "partial": "the last layers trained", "full": "all layers trained"}
"""Modes, in words."""


def write_study(path: str | Path, table: pd.DataFrame, claims: Sequence[Claim], runs: StudyRuns, dataset: str) -> None:
    """Write the study as text.

    Parameters
    ----------
    path : path of the Markdown file
    table : DataFrame
        Of `study.make_study`.
    claims : sequence of Claim
    runs : StudyRuns
    dataset : str
        Its name.
    """
    with atomic(path) as part:
        part.write_text("\n".join(_lines(table, claims, runs, dataset)) + "\n", encoding="utf-8")


def _lines(table: pd.DataFrame, claims: Sequence[Claim], runs: StudyRuns, dataset: str) -> Iterator[str]:
    models = table[table["strategy"] == runs.strategy]
    best = best_model(table, runs)
    yield from (f"# Study A on `{dataset}`", "", setting(table), "", f"Own figures of the study: {CITATION}.", "")
    yield from (f"## Models under {runs.strategy}", "")
    yield f"{' / '.join(TRIPLE.values())}, at a threshold of 0.5; with intervals over earthquakes."
    yield from ("", *_models(models), "", f"### Beside the study's scores, under {runs.strategy}", "", *_further(models, "model"), "")
    yield from (f"## {runs.strategy} against {runs.against}", "")
    if best is None:
        yield "No model of the study was trained on wrapped phase."
    else:
        yield f"Of the models, validation chooses {best} on wrapped phase."
        yield from ("", *_further(table[table["model"] == best], "strategy"))
    yield from ("", "## The three claims", "")
    if caution := caveat(table):
        yield from (caution, "")
    yield from (f"{number}. {sentence(claim)}" for number, claim in enumerate(claims, 1))


def setting(table: pd.DataFrame) -> str:
    """Say on what was tested, how rare deformation is there and in the study, and what the intervals are worth."""
    first = table.iloc[0]
    share = "" if pd.isna(first["prevalence"]) else f" Of our test tiles {100 * first['prevalence']:.1f} % hold deformation;"
    theirs = f" of the study's patches {100 * prevalence('train'):.1f} % (training), {100 * prevalence('validation'):.1f} % (validation), "
    seeds = f"means of {first['seeds']} seeds" if first["seeds"] > 1 else "one seed"
    caution = ""
    if bool(first["few_groups"]):
        caution = f" Only {first['n_groups_rarest']} of the test events hold the rarer class: intervals are rather too narrow."
    return (
        f"Tested on {first['n_test']} tiles of {first['n_groups']} events, {seeds}.{share}{theirs}"
        f"{100 * prevalence('test'):.1f} % (test). Accuracy, F1 and PR-AUC move with that share: figures of two data sets say which is "
        f"harder, not which is better.{caution}"
    )


def caveat(table: pd.DataFrame) -> str:
    """Say which models were trained otherwise than the study's, on random weights or on frozen ones; empty if none was.

    Parameters
    ----------
    table : DataFrame
        Of `study.make_study`.

    Returns
    -------
    str
        Plain sentences, one line.
    """
    kinds: dict[str, list[str]] = {}
    for row in table.drop_duplicates("model").itertuples():
        weights, mode = str(row.weights), str(row.mode)
        if weights == "none" or mode == "frozen":
            kinds.setdefault(f"{'random' if weights == 'none' else weights} weights, {HOW[mode]}", []).append(str(row.model))
    if not kinds:
        return ""
    named = "; ".join(f"{', '.join(models)} ({kind})" for kind, models in kinds.items())
    return (
        f"Not trained as the study's networks were (ImageNet's weights, the last block trained as well): {named}. What is found of these "
        "models, claims included, says what such features are worth and not whether the study was right."
    )


def sentence(claim: Claim) -> str:
    """Say what was found of a claim, with the difference that decides it.

    Parameters
    ----------
    claim : Claim

    Returns
    -------
    str
        Plain sentences, one line.
    """
    if claim.verdict == UNTESTED:
        return f"**{claim.text}: {claim.verdict}**, {claim.reason}."
    deciding = "; ".join(f"{compared.what} {_shown(compared.differences[DECIDING])}" for compared in claim.deciding)
    said = [f"**{claim.text}: {claim.verdict}**. PR-AUC, {deciding}."]
    if claim.verdict == UNDECIDED:
        said.append("An interval that holds 0 leaves open which is better; it does not say that they are equal.")
    if claim.reason:
        said.append(f"({claim.reason}.)")
    if claim.beside:
        said.append(
            "By model: " + "; ".join(f"{compared.what} {_shown(compared.differences[DECIDING])}" for compared in claim.beside) + "."
        )
    said += [_others(name, claim.deciding) for name in BESIDE]
    return " ".join(said)


def _others(name: str, compared: Sequence[Compared]) -> str:
    shown = "; ".join(_shown(one.differences[name]) for one in compared)
    return f"{BESIDE[name]}: {shown}."


def _shown(found: Difference) -> str:
    """Write a difference with its interval."""
    if pd.isna(found.lower):
        return f"{signed(found.value)} (no interval from one event)"
    return f"{signed(found.value)} [{signed(found.lower)}, {signed(found.upper)}]"


def _models(table: pd.DataFrame) -> Iterator[str]:
    """Yield the table of models in the layout of the study's: a row a model, and its own figures below ours."""
    views, scores = list(table["view"].unique()), " / ".join(TRIPLE.values())
    yield f"| model | weights, mode | {' | '.join(f'{view}: {scores}' for view in views)} |"
    yield f"| --- | --- |{' --- |' * len(views)}"
    for model, rows in table.groupby("model", sort=False):
        cells = {row.view: " / ".join(_score(row, name) for name in TRIPLE) for row in rows.itertuples()}
        how = ", ".join(rows[["weights", "mode"]].iloc[0]).strip(", ")
        yield f"| {model} | {how} | {' | '.join(cells.get(view, '') for view in views)} |"
        architecture = str(rows["architecture"].iloc[0])
        if architecture in ROWS:
            own = {view: TABLE.get((architecture, view)) for view in views}
            shown = [f"{cell.accuracy:.3f} / {cell.f1:.3f} / {cell.roc_auc:.3f}" if cell else "" for cell in own.values()]
            shown = ["*imagenet, partial*", *(f"*{cell}*" if cell else "" for cell in shown)]
            yield f"| *the study's {ROWS[architecture]}* | {' | '.join(shown)} |"


def _further(table: pd.DataFrame, column: str) -> Iterator[str]:
    """Yield a table with a row a run and all scores."""
    names = {**TRIPLE, **FURTHER} if column == "strategy" else FURTHER
    yield f"| {column} | view | {' | '.join(names.values())} |"
    yield f"| --- | --- |{' --- |' * len(names)}"
    for row in table.itertuples():
        yield f"| {getattr(row, column)} | {row.view} | {' | '.join(_score(row, name) for name in names)} |"


def _score(row: object, name: str) -> str:
    """Write a score with its interval."""
    value, lower, upper = (getattr(row, f"{name}{end}") for end in ("", "_lower", "_upper"))
    if pd.isna(value):
        return "undefined"
    return f"{value:.3f}" if pd.isna(lower) else f"{value:.3f} [{lower:.3f}, {upper:.3f}]"
