"""Training curves mark the epoch whose weights were kept: the fit's own word, or else the best of the history."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from fringeflow.evaluation import history_figure
from fringeflow.evaluation.history_figure import best_epochs, draw_history, log_ticks
from fringeflow.files import write_json


def history(seeds: int = 2, epochs: int = 6) -> pd.DataFrame:
    rows = [
        {
            "seed": seed,
            "epoch": epoch,
            "loss": 1 / epoch,
            "validation_loss": 0.4 + abs(epoch - 3) / 10,
            "validation_pr_auc": 0.5 + epoch / 20,
        }
        for seed in range(seeds)
        for epoch in range(1, epochs + 1)
    ]
    return pd.DataFrame(rows)


def drawn(folder, table: pd.DataFrame, kept: dict[int, int | None], monkeypatch) -> dict[str, int]:
    """Draw, and return the epoch that each line was marked at."""
    marked = {}
    real = history_figure._line

    def line(axes, rows, column, colour, best, label):
        marked[label] = best
        real(axes, rows, column, colour, best, label)

    monkeypatch.setattr(history_figure, "_line", line)
    table.to_parquet(folder / "history.parquet")
    fits = [{"seed": seed, "load": {} if epoch is None else {"best_epoch": epoch}} for seed, epoch in kept.items()]
    write_json(folder / "run.json", {"model": {"name": "net"}, "strategy": {"name": "none"}, "view": "wrapped", "fits": fits})
    draw_history(folder / "history.parquet", folder / "run.json", folder / "history.png")
    monkeypatch.setattr(history_figure, "_line", real)
    assert (folder / "history.png").read_bytes()[:4] == b"\x89PNG"
    return marked


def test_the_epoch_that_the_fit_kept_is_marked(tmp_path, monkeypatch):
    assert drawn(tmp_path, history(), {0: 3, 1: 5}, monkeypatch) == {"seed 0": 3, "seed 1": 5}


def test_without_its_word_the_best_of_the_history_is_marked(tmp_path, monkeypatch):
    assert drawn(tmp_path, history(), {0: None, 1: None}, monkeypatch) == {"seed 0": 6, "seed 1": 6}


def test_of_equal_scores_the_lowest_loss_wins_and_then_the_first_epoch():
    table = history(1).assign(validation_pr_auc=0.7)
    assert best_epochs(table) == {0: 3}
    assert best_epochs(table.assign(validation_loss=1.0)) == {0: 1}


@pytest.mark.parametrize("loss", [0.0, float("nan")])
def test_a_single_epoch_and_losses_without_a_logarithm_are_drawn(tmp_path, loss, monkeypatch):
    assert drawn(tmp_path, history(12, 1).assign(loss=loss), dict.fromkeys(range(12)), monkeypatch)["seed 11"] == 1


@pytest.mark.parametrize("low", [1e-7, 0.0217, 0.5, 30.0])
def test_a_logarithmic_axis_has_a_few_round_numbers_whatever_it_spans(low):
    for ratio in np.geomspace(1.02, 1e9, 60):
        high = low * ratio
        places = np.asarray(log_ticks(low, high).tick_values(low, high))
        shown = places[(places >= low * (1 - 1e-9)) & (places <= high * (1 + 1e-9))]
        assert 2 <= len(shown) <= 9, (low, ratio, shown)


def test_the_ring_of_a_perfect_score_is_whole(tmp_path, monkeypatch):
    seen: list[Figure] = []
    monkeypatch.setattr(history_figure, "save_picture", lambda figure, path: seen.append(figure) or path.write_bytes(b"\x89PNG"))
    drawn(tmp_path, history().assign(validation_pr_auc=1.0), {0: 1, 1: 6}, monkeypatch)
    rings = [line for axis in seen[0].axes for line in axis.lines if line.get_marker() == "o" and line.get_markersize() == 9]
    assert len(rings) == 6
    assert not any(line.get_clip_on() for line in rings)


def test_a_cascade_has_a_line_a_seed_and_stage_each_with_its_own_kept_epoch(tmp_path, monkeypatch):
    one, other = history(2).assign(stage="kinds"), history(2, epochs=4).assign(stage="noise")
    kept = {0: [3, 2], 1: [None, 4]}
    real, marked = history_figure._line, {}

    def line(axes, rows, column, colour, best, label):
        marked[label] = (best, len(rows))
        real(axes, rows, column, colour, best, label)

    monkeypatch.setattr(history_figure, "_line", line)
    pd.concat([one, other]).to_parquet(tmp_path / "history.parquet")
    fits = [{"seed": seed, "load": {"stages": [{"best_epoch": epoch} for epoch in epochs]}} for seed, epochs in kept.items()]
    write_json(tmp_path / "run.json", {"model": {"name": "net"}, "strategy": {"name": "none"}, "view": "gather", "fits": fits})
    draw_history(tmp_path / "history.parquet", tmp_path / "run.json", tmp_path / "history.png")
    assert marked == {"seed 0, kinds": (3, 6), "seed 0, noise": (2, 4), "seed 1, kinds": (6, 6), "seed 1, noise": (4, 4)}
