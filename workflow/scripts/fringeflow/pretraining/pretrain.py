"""Pretrain a network on a number of simulated scenes, and keep it as a run that detection can use."""

import logging
import time
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from safetensors.numpy import save_file
from sklearn.metrics import average_precision_score, roc_auc_score

from fringeflow.config.classes import CLASSES, POSITIVE
from fringeflow.config.pretraining import Pretraining
from fringeflow.errors import ModelError
from fringeflow.evaluation.temperature import fit_temperature
from fringeflow.files import atomic, canonical_json, sha256_file, sha256_text, write_json
from fringeflow.models.base import ARCHITECTURE, FITTER
from fringeflow.models.quantised import quantised, restored
from fringeflow.models.spec import ModelSpec
from fringeflow.models.torch_heads import build_head
from fringeflow.pretraining.implants import QuietGround, implants
from fringeflow.pretraining.network import Learner, encoder_of
from fringeflow.pretraining.stream import CHUNK, augmented, chunk_of, stream_chunks
from fringeflow.pretraining.tiles import Tiles
from fringeflow.progress import progress_bar
from fringeflow.simulate.varied_scene import PIXEL_DEG
from fringeflow.training.checkpoint import Checkpoint
from fringeflow.training.fit_torch import TorchFit

logger = logging.getLogger(__name__)
POOL = 6
"""Chunks of scenes that batches are drawn from: a batch mixes nearly a hundred scenes."""
STEM = "seed0"
CHECKPOINT = ".checkpoint.npz"
"""Hidden: only results stand in the open, and a killed training leaves it."""
LOOKS = 12
"""How often the network is judged on held-out scenes."""
HELD_OUT_SEED = 1_000_003
"""Added to the seed: no number of scenes reaches them."""


def pretrain(
    settings: Pretraining,
    scenes: int,
    folder: Path,
    *,
    name: str,
    quiet: Sequence[QuietGround] = (),
    code: str = "",
    threads: int = 2,
) -> None:
    """Train on `scenes` simulated scenes, streamed, and write a run.

    Parameters
    ----------
    settings : Pretraining
    scenes : int
    folder : Path
        Gets backbone.safetensors (weights in eight bits: what is judged is what is kept), model/ (the head), history.parquet,
        metrics.json (scores on held-out scenes, and the temperature that the head is divided by) and, last, run.json. Its scores are
        probabilities at the prevalence of training, `trained_prevalence`.
    name : str
        `{name}/{scenes}` of the run.
    quiet : sequence of QuietGround
        Real interferograms to train on too.
    code : str
        Digest of the code, written down with the rest of what the run is made of.
    threads : int
        Another number gives other rounding, and after many steps another network.

    Raises
    ------
    ModelError
        If the loss is not finite.
    """
    torch.set_num_threads(threads)
    cut: dict[str, Any] = {"tile": settings.tile, "count": settings.tiles, "input_size": settings.input_size, "rule": settings.label}
    cut["view"] = settings.view
    held = chunk_of(settings.seed + HELD_OUT_SEED, 0, settings.held_out, *cut.values())
    made_of: dict[str, Any] = {"settings": settings.of_training(), "scenes": scenes, "threads": threads, "code": code}
    made_of["quiet"] = [ground.digest for ground in quiet]
    key = sha256_text(canonical_json(made_of))
    folder.mkdir(parents=True, exist_ok=True)
    learner, history = _train(settings, scenes, cut, held, quiet, Checkpoint(folder / CHECKPOINT, key), threads)
    body = quantised({name: value.numpy() for name, value in learner.mean["body"].state_dict().items()})
    with atomic(folder / "backbone.safetensors") as part:
        save_file(body, part)
    learner.mean["body"].load_state_dict({name: torch.from_numpy(value) for name, value in restored(body).items()})
    _write_run(settings, folder, learner, history, held, quiet, {**made_of, "name": name})
    (folder / CHECKPOINT).unlink(missing_ok=True)


def _train(
    settings: Pretraining,
    scenes: int,
    cut: dict[str, Any],
    held: Tiles,
    quiet: Sequence[QuietGround],
    checkpoint: Checkpoint,
    threads: int,
) -> tuple[Learner, list[dict[str, float]]]:
    """Train, from where a killed training was; return the learner and its history."""
    chunks = -(-scenes // CHUNK)
    steps = max(chunks, round(scenes * settings.tiles * settings.passes / settings.batch))
    learner = Learner(settings, steps)
    done, history = 0, []
    if (kept := checkpoint.load()) is not None:
        learner.resume(kept[0], int(kept[1]["step"]))
        done, history = int(kept[1]["chunks"]), list(kept[1]["history"])
    again = max(0, done - POOL + 1)  # the scenes that the next batches are drawn from as well
    stream = stream_chunks(settings.seed, scenes, **cut, processes=max(1, threads // 2), first=again * CHUNK)
    pool: deque[Tiles] = deque(maxlen=POOL)
    began, loss = time.monotonic(), float("nan")
    with progress_bar(scenes, desc="pretrain", unit="scene") as bar:
        for number, chunk in enumerate(stream, start=again):
            pool.append(chunk)
            bar.update(min(CHUNK, scenes - number * CHUNK))
            if number < done:
                continue
            loss = _learn_chunk(settings, learner, Tiles.joined(list(pool)), quiet, number, steps=_share(steps, chunks, number))
            if not np.isfinite(loss):
                raise ModelError(
                    f"pretraining: the loss is {loss} after {learner.step} steps; lower learning_rate ({settings.learning_rate})"
                )
            if number == chunks - 1 or (number + 1) * LOOKS // chunks > number * LOOKS // chunks:
                scores = held_out_scores(held, learner.predict(held.images))
                entry = {"scenes": min(scenes, (number + 1) * CHUNK), "steps": learner.step, "seconds": time.monotonic() - began}
                history.append({**entry, "loss": loss, **scores})
                logger.info("%d scenes: loss %.3f, held-out ROC-AUC %.4f", history[-1]["scenes"], loss, scores["roc_auc"])
            if checkpoint.due:
                checkpoint.save(learner.state(), {"step": learner.step, "chunks": number + 1, "history": history})
    return learner, history


def _share(steps: int, chunks: int, number: int) -> int:
    """Return how many of all steps belong to a chunk: they add up to all.

    >>> [_share(10, 4, number) for number in range(4)]
    [2, 3, 2, 3]
    """
    return (number + 1) * steps // chunks - number * steps // chunks


def _learn_chunk(settings: Pretraining, learner: Learner, pool: Tiles, quiet: Sequence[QuietGround], number: int, *, steps: int) -> float:
    """Take the steps that belong to a chunk of scenes; return their mean loss."""
    rng = np.random.default_rng([settings.seed, 7, number])
    real = round(settings.batch * settings.implant_share) if quiet else 0
    losses = []
    for _ in range(steps):
        rows = rng.choice(len(pool), settings.batch - real, replace=len(pool) < settings.batch)
        images, targets = pool.images[rows], pool.targets[rows]
        if real:
            more = implants(quiet, real, settings, rng)
            images, targets = np.concatenate([images, more.images]), np.concatenate([targets, more.targets])
        losses.append(learner.learn(augmented(images, rng), targets))
    return float(np.mean(losses))


def held_out_scores(held: Tiles, probability: np.ndarray) -> dict[str, float]:
    """Return scores on held-out tiles whose target is 0 or 1.

    Returns
    -------
    dict
        `roc_auc`, `pr_auc`, `prevalence`, and `volcano_alarms`: the share of tiles of volcanoes above 0.5.
    """
    clear = (held.targets == 0) | (held.targets == 1)
    truth, score = held.targets[clear].astype(int), probability[clear, 1]
    volcanoes = probability[held.kinds == "volcano", 1]
    return {
        "roc_auc": float(roc_auc_score(truth, score)),
        "pr_auc": float(average_precision_score(truth, score)),
        "prevalence": float(truth.mean()),
        "volcano_alarms": float((volcanoes > 0.5).mean()) if len(volcanoes) else float("nan"),
    }


def _write_run(
    settings: Pretraining,
    folder: Path,
    learner: Learner,
    history: list[dict[str, float]],
    held: Tiles,
    quiet: Sequence[QuietGround],
    made_of: dict[str, Any],
) -> None:
    """Write the head, the scores, and last run.json."""
    weights = folder / "backbone.safetensors"
    probability = learner.predict(held.images)
    clear = (held.targets == 0) | (held.targets == 1)
    temperature = fit_temperature(held.targets[clear].astype(int), probability[clear])
    head = build_head("linear", int(learner.mean["head"].in_features), 2)  # type: ignore[arg-type]
    head[1].load_state_dict({name: value / temperature for name, value in learner.mean["head"].state_dict().items()})
    fitted = TorchFit(head)
    (folder / "model").mkdir(exist_ok=True)
    load = fitted.save(folder / "model", STEM)
    spec = ModelSpec(
        name=ARCHITECTURE,
        architecture=ARCHITECTURE,
        fitter=FITTER,
        mode="frozen",
        head="linear",
        encoder_spec=encoder_of(settings, weights.as_posix(), sha256_file(weights)),
        options={"dropout": 0.0},
    )
    with atomic(folder / "history.parquet") as part:
        pd.DataFrame(history).to_parquet(part, index=False)
    scores = held_out_scores(held, probability)
    write_json(folder / "metrics.json", {"seeds": [settings.seed], "temperature": [1.0], "divided_by": temperature, "held_out": scores})
    write_json(
        folder / "run.json",
        {
            "name": made_of["name"],
            "view": settings.view,
            "classes": list(CLASSES),
            "positive": POSITIVE,
            "model": spec.as_dict(),
            "training": {"bfloat16": True},
            "trained_prevalence": float(held.targets.mean()),
            "size": settings.tile,
            "pixel_deg": PIXEL_DEG,
            "fits": [{"seed": settings.seed, "stem": STEM, "load": load}],
            "trained_on": sorted({ground.interferogram.key for ground in quiet}),
            "made_of": made_of,
        },
    )
