"""The lines to read first: what was compared, which run is best, whether that beats knowing nothing.

Reads the comparison's table alone, since the Snakefile's process calls it at the end of a run.
"""

from pathlib import Path

import pandas as pd

from fringeflow.evaluation.words import Words, signed

FEW_TO_CHOOSE = 3
"""Fewer groups than this to choose by are told."""
NAMES = ("dataset", "view", "model", "strategy")
SHOWN = {"pr_auc": "PR-AUC", "macro_f1": "macro F1"}


def read_comparison(tsv: str | Path) -> pd.DataFrame:
    """Read a table that `compare_runs` wrote; the strategy `none` is a name, not a missing value."""
    return pd.read_csv(tsv, sep="\t", keep_default_na=False, na_values=[""])


def ranked_by(table: pd.DataFrame) -> str:
    """Return the score that ranks the runs of a comparison: `pr_auc` of the positive class, without one `macro_f1`.

    Where all classes matter alike a run is asked which class a sample is, and macro F1 scores the answers.
    """
    return "macro_f1" if "prevalence" in table and table["prevalence"].isna().all() else "pr_auc"


def words_of(table: pd.DataFrame) -> Words:
    """Return what the samples and groups of a comparison are."""
    first = table.iloc[0]
    return Words.of({"words": {name: first[f"{name}_word"] for name in ("sample", "group") if f"{name}_word" in table}})


def chosen_run(table: pd.DataFrame) -> pd.Series:
    """Return the run with the best score (see `ranked_by`) on validation, of equals the one with the lowest log loss there.

    A choice that the test part had no hand in.
    """
    keys = [f"validation_{ranked_by(table)}", "validation_log_loss", *(name for name in NAMES if name in table)]
    return table.sort_values(keys, ascending=[False, *[True] * (len(keys) - 1)], kind="stable").iloc[0]


def summarise(tsv: str | Path, picture: str | Path | None = None) -> str:
    """Say in a few lines what was compared, which run is best, whether it beats chance, and what to open.

    Parameters
    ----------
    tsv : path of a table that `compare_runs` wrote
    picture : path, optional
        Its picture; by default the PNG beside it.

    Returns
    -------
    str
        Lines of text, no final newline.
    """
    tsv = Path(tsv)
    pairs, classes = (tsv.with_name(f"{tsv.stem}_{name}") for name in ("strategies.tsv", "classes.png"))
    further = f", {pairs.with_suffix('.png')} (paired differences)" if pairs.exists() else ""
    further += f", {classes} (classes, stages and what is taken for what)" if classes.exists() else ""
    opened = f"  Open {picture or tsv.with_suffix('.png')} (picture){further} and {tsv} (every score with its bounds)."
    return "\n".join([*summary_lines(tsv), opened])


def summary_lines(tsv: str | Path) -> list[str]:
    """Say what `summarise` says, but for what to open: what was compared first, each finding on an indented line.

    Parameters
    ----------
    tsv : path of a table that `compare_runs` wrote
        Tables beside it that tell of its pairs and cascades are read as well.
    """
    tsv = Path(tsv)
    table = read_comparison(tsv)
    score, words = ranked_by(table), words_of(table)
    best, chosen = table.iloc[0], chosen_run(table)
    first = table.iloc[0]
    counted = ", ".join(f"{table[name].nunique()} {name}{'s' if table[name].nunique() > 1 else ''}" for name in ("view", "model"))
    strategies = ", ".join(sorted(table["strategy"].unique()))
    prevalence = "" if pd.isna(first["prevalence"]) else f", {100 * first['prevalence']:.1f} % positive"
    lines = [
        f"{first['dataset']}: {len(table)} run{'s' if len(table) > 1 else ''} ({counted}; strategies {strategies}) "
        f"on {first['n_test']} test {words.samples} of {words.counted(first['n_groups'])}{prevalence}.",
        f"  Best on test: {_name(best)}: {SHOWN[score]} {_interval(best, score)}{_verdict(best, words)}",
    ]
    if len(table) > 1:
        lines += _choice(table, best, chosen, score, words)
        if table["view"].nunique() > 1:
            views = [row for _, row in table.drop_duplicates("view").iterrows()]
            shown = "; ".join(f"{row['view']} {_interval(row, score)} ({row['model']}, {row['strategy']})" for row in views)
            lines.append(f"  Best by view: {shown}.")
    if bool(first["few_groups"]):
        # Of one or two, macro F1 has wide bounds, so only the scores of that class are too sure (see `bootstrap`).
        subject = "intervals are" if score == "pr_auc" else "intervals of that class are"
        lines.append(f"  Few test {words.groups} hold the rarest class ({first['n_groups_rarest']}): {subject} rather too narrow.")
    if first["n_validation_rarest"] < FEW_TO_CHOOSE:
        holds = f"{words.group} holds" if first["n_validation_rarest"] == 1 else f"{words.groups} hold"
        rest = "thresholds, calibration" if score == "pr_auc" else "calibration"
        lines.append(
            f"  Only {first['n_validation_rarest']} validation {holds} the rarest class: "
            f"{rest}, early stopping and the choice of a run rest on that."
        )
    pairs = tsv.with_name(f"{tsv.stem}_strategies.tsv")
    if pairs.exists():
        lines += _paired(read_comparison(pairs))
    cascades = tsv.with_name(f"{tsv.stem}_cascades.tsv")
    if cascades.exists():
        lines += _cascades(read_comparison(cascades), table)
    return lines


def _choice(table: pd.DataFrame, best: pd.Series, chosen: pd.Series, score: str, words: Words) -> list[str]:
    """Say which run validation chooses, by what, and how clearly."""
    validation = f"validation_{score}"
    # Without a word of it, the choice is by PR-AUC, as the line above it is.
    how = "" if score == "pr_auc" else f" (by {SHOWN[score]})"
    if _name(chosen) == _name(best):
        lines = [f"  Validation{how} chooses the same run."]
    else:
        lines = [
            f"  Chosen by validation{how}: {_name(chosen)}: {SHOWN[score]} {_interval(chosen, score)}{_verdict(chosen, words)}",
            "  (the best of many on the test part flatters; the one chosen by validation does not)",
        ]
    level = int((table[validation] == chosen[validation]).sum()) - 1
    if level:
        others = f"{level} other run{'s' if level > 1 else ''}"
        lines.append(f"  (on validation level with {others} at {chosen[validation]:.3f}; log loss decided)")
    return lines


def _paired(table: pd.DataFrame) -> list[str]:
    """Count what pairing decided, and name the difference that stands farthest from 0; no line without a pair."""
    pairs = table[table["strategy"] != table["baseline"]]
    if pairs.empty:
        return []
    column, shown = ("pr_auc", "PR-AUC") if ranked_by(pairs) == "pr_auc" else ("f1_tuned", "Macro F1")
    counts = pairs[f"{column}_verdict"].value_counts()
    counted = ", ".join(f"{verdict} {counts.get(verdict, 0)}" for verdict in ("better", "worse", "undecided"))
    line = f"  {shown} against {' or '.join(sorted(pairs['baseline'].unique()))}, paired: {counted}"
    decided = pairs[pairs[f"{column}_verdict"] != "undecided"]
    if not decided.empty:
        nearest = decided[[f"{column}_difference_lower", f"{column}_difference_upper"]].abs().min(axis=1)
        clearest = decided.iloc[int(nearest.to_numpy().argmax())]
        bounds = ", ".join(signed(clearest[f"{column}_difference_{end}"]) for end in ("lower", "upper"))
        line += f" (clearest: {_name(clearest)}: {signed(clearest[f'{column}_difference'])} [{bounds}])"
    chance = (
        "one seed decides nothing"
        if pairs["seeds"].iloc[0] < 2
        else f"of {len(pairs)} equals about {len(pairs) / 20:.0f} are decided by chance"
    )
    return [f"{line}; {chance}."]


def _cascades(pairs: pd.DataFrame, table: pd.DataFrame) -> list[str]:
    """Say of each family whether the cascade that validation chose is above the flat run of the same kind; no line without a pair."""
    whole = pairs[pairs["stage"].isna()].merge(table[[*NAMES, "prevalence", "validation_macro_f1", "validation_log_loss"]], on=list(NAMES))
    # Both are judged by macro F1, whatever else ranks the runs.
    whole = whole.assign(prevalence=float("nan"))
    lines = []
    for family, own in whole.groupby("architecture", sort=True):
        row = chosen_run(own)
        said = {"better": "is above", "worse": "is BELOW", "undecided": "is NOT shown to be above"}[row["verdict"]]
        bounds = "" if pd.isna(row["lower"]) else f" [{signed(row['lower'])}, {signed(row['upper'])}]"
        lines.append(
            f"  {family}: the cascade that validation chose {said} its flat run: {_name(row)} {row['macro_f1']:.3f} against {row['flat_macro_f1']:.3f} "
            f"of {row['flat_model']}, macro F1 {signed(row['difference'])}{bounds}."
        )
    return lines


def _name(row: pd.Series) -> str:
    """Write which run a row is about."""
    return f"{row['view']} / {row['model']} / {row['strategy']}"


def _interval(row: pd.Series, column: str) -> str:
    """Write a score with its bounds."""
    if pd.isna(row[f"{column}_lower"]):
        return f"{row[column]:.3f}"
    return f"{row[column]:.3f} [{row[f'{column}_lower']:.3f}, {row[f'{column}_upper']:.3f}]"


def _verdict(row: pd.Series, words: Words) -> str:
    """Say whether a row's score is above what knowing nothing gives: of PR-AUC the prevalence, of macro F1 the largest class alone."""
    if pd.isna(row["prevalence"]):
        score, base = "macro_f1", f"{row['majority_macro_f1']:.3f} of always calling the largest class"
        above = row["macro_f1_lower"] > row["majority_macro_f1"]
    else:
        score, base = "pr_auc", f"prevalence {row['prevalence']:.3f}"
        above = row["pr_auc_gain_lower"] > 0  # over the prevalence of each draw, which is not the same for all
    if pd.isna(row[f"{score}_lower"]):
        return f" ({base}; no interval from one {words.group}{'' if score == 'pr_auc' else ' of a class'})."
    return f", wholly above {base}." if above else f", NOT wholly above {base}: it may know nothing."
