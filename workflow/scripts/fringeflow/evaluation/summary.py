"""The lines to read first: what was compared, which run is best, whether that beats knowing nothing.

Reads the comparison's table alone, since the Snakefile's process calls it at the end of a run.
"""

from pathlib import Path

import pandas as pd

FEW_TO_CHOOSE = 3
"""Fewer events than this to choose by are told."""
NAMES = ("dataset", "view", "model", "strategy")


def read_comparison(tsv: str | Path) -> pd.DataFrame:
    """Read a table that `compare_runs` wrote; the strategy `none` is a name, not a missing value."""
    return pd.read_csv(tsv, sep="\t", keep_default_na=False, na_values=[""])


def chosen_run(table: pd.DataFrame) -> pd.Series:
    """Return the run with the best PR-AUC on validation, of equals the one with the lowest log loss there.

    A choice that the test part had no hand in.
    """
    keys = ["validation_pr_auc", "validation_log_loss", *(name for name in NAMES if name in table)]
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
    table = read_comparison(tsv)
    best, chosen = table.iloc[0], chosen_run(table)
    first = table.iloc[0]
    counted = ", ".join(f"{table[name].nunique()} {name}{'s' if table[name].nunique() > 1 else ''}" for name in ("view", "model"))
    strategies = ", ".join(sorted(table["strategy"].unique()))
    prevalence = "" if pd.isna(first["prevalence"]) else f", {100 * first['prevalence']:.1f} % positive"
    lines = [
        f"{first['dataset']}: {len(table)} run{'s' if len(table) > 1 else ''} ({counted}; strategies {strategies}) "
        f"on {first['n_test']} test tiles of {first['n_groups']} events{prevalence}.",
        f"  Best on test: {_name(best)}: PR-AUC {_interval(best, 'pr_auc')}{_verdict(best)}",
    ]
    level = int((table["validation_pr_auc"] == chosen["validation_pr_auc"]).sum()) - 1
    if len(table) > 1:
        if _name(chosen) == _name(best):
            lines.append("  Validation chooses the same run.")
        else:
            lines.append(f"  Chosen by validation: {_name(chosen)}: PR-AUC {_interval(chosen, 'pr_auc')}{_verdict(chosen)}")
            lines.append("  (the best of many on the test part flatters; the one chosen by validation does not)")
        if level:
            lines.append(
                f"  (on validation level with {level} other run{'s' if level > 1 else ''} at {chosen['validation_pr_auc']:.3f}; log loss decided)"
            )
        if table["view"].nunique() > 1:
            views = [row for _, row in table.drop_duplicates("view").iterrows()]
            shown = "; ".join(f"{row['view']} {_interval(row, 'pr_auc')} ({row['model']}, {row['strategy']})" for row in views)
            lines.append(f"  Best by view: {shown}.")
    if bool(first["few_groups"]):
        lines.append(f"  Few test events hold the rarest class ({first['n_groups_rarest']}): intervals are rather too narrow.")
    if first["n_validation_rarest"] < FEW_TO_CHOOSE:
        lines.append(
            f"  Only {first['n_validation_rarest']} validation event{'s hold' if first['n_validation_rarest'] > 1 else ' holds'} the rarest class: "
            "thresholds, calibration, early stopping and the choice of a run rest on that."
        )
    pairs = tsv.with_name(f"{tsv.stem}_strategies.tsv")
    paired = f", {pairs.with_suffix('.png')} (paired differences)" if pairs.exists() else ""
    if pairs.exists():
        lines += _paired(read_comparison(pairs))
    lines.append(f"  Open {picture or tsv.with_suffix('.png')} (picture){paired} and {tsv} (every score with its bounds).")
    return "\n".join(lines)


def _paired(table: pd.DataFrame) -> list[str]:
    """Count what pairing decided, and name the difference that stands farthest from 0; no line without a pair."""
    pairs = table[table["strategy"] != table["baseline"]]
    if pairs.empty:
        return []
    counts = pairs["pr_auc_verdict"].value_counts()
    counted = ", ".join(f"{verdict} {counts.get(verdict, 0)}" for verdict in ("better", "worse", "undecided"))
    line = f"  PR-AUC against {' or '.join(sorted(pairs['baseline'].unique()))}, paired: {counted}"
    decided = pairs[pairs["pr_auc_verdict"] != "undecided"]
    if not decided.empty:
        nearest = decided[["pr_auc_difference_lower", "pr_auc_difference_upper"]].abs().min(axis=1)
        clearest = decided.iloc[int(nearest.to_numpy().argmax())]
        bounds = ", ".join(f"{clearest[f'pr_auc_difference_{end}']:+.3f}" for end in ("lower", "upper"))
        line += f" (clearest: {_name(clearest)}: {clearest['pr_auc_difference']:+.3f} [{bounds}])"
    chance = (
        "one seed decides nothing"
        if pairs["seeds"].iloc[0] < 2
        else f"of {len(pairs)} equals about {len(pairs) / 20:.0f} are decided by chance"
    )
    return [f"{line}; {chance}."]


def _name(row: pd.Series) -> str:
    """Write which run a row is about."""
    return f"{row['view']} / {row['model']} / {row['strategy']}"


def _interval(row: pd.Series, column: str) -> str:
    """Write a score with its bounds."""
    if pd.isna(row[f"{column}_lower"]):
        return f"{row[column]:.3f}"
    return f"{row[column]:.3f} [{row[f'{column}_lower']:.3f}, {row[f'{column}_upper']:.3f}]"


def _verdict(row: pd.Series) -> str:
    """Say whether a row's PR-AUC is above what knowing nothing gives."""
    if pd.isna(row["prevalence"]):
        return "."
    base = f"prevalence {row['prevalence']:.3f}"
    if pd.isna(row["pr_auc_lower"]):
        return f" ({base}; no interval from one event)."
    if row["pr_auc_gain_lower"] > 0:  # over the prevalence of each draw, which is not the same for all
        return f", wholly above {base}."
    return f", NOT wholly above {base}: it may know nothing."
