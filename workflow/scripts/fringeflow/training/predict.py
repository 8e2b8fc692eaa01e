"""Apply a trained run: the one way from features to probabilities, for a run's own test split and for new events."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from fringeflow.errors import ModelError
from fringeflow.files import read_json
from fringeflow.models.number_format import in_bfloat16
from fringeflow.models.spec import ModelSpec
from fringeflow.training.cascade import fitter_of
from fringeflow.training.embed import Embedder, embed_stores
from fringeflow.training.features import Features
from fringeflow.training.folds import Fitted, Task


@dataclass(frozen=True)
class Run:
    """A trained run.

    Attributes
    ----------
    folder : Path
    about : dict
        Its run.json.
    """

    folder: Path
    about: dict[str, Any]

    @property
    def view(self) -> str:
        """The view it was trained on."""
        return str(self.about["view"])

    @cached_property
    def model(self) -> ModelSpec:
        """Its model. Weights that lie beside run.json are found there, wherever the folder has been moved."""
        model = ModelSpec.from_dict(self.about["model"])
        weights = self.folder / model.encoder_spec.weights
        if not model.encoder_spec.weights or not weights.is_file():
            return model
        return replace(model, encoder_spec=replace(model.encoder_spec, weights=weights.as_posix()))

    @cached_property
    def bfloat16(self) -> bool:
        """Whether this machine embeds for it in bfloat16: if the features it was trained on were, and that gains here too."""
        return in_bfloat16(self.model.encoder_spec, bool(self.about.get("bfloat16", self.about["training"]["bfloat16"])))

    @cached_property
    def task(self) -> Task:
        """Its classes."""
        return Task(tuple(self.about["classes"]), self.about["positive"])

    @cached_property
    def fits(self) -> dict[int, Fitted]:
        """The fitted model of each seed, read from disk."""
        fitter = fitter_of(self.model)
        read: dict[str, Fitted] = {}
        for entry in self.about["fits"]:
            if entry["stem"] not in read:
                read[entry["stem"]] = fitter.load(self.folder / "model", entry["stem"], self.model, self.task, **entry["load"])
        return {entry["seed"]: read[entry["stem"]] for entry in self.about["fits"]}

    def predict(self, features: Features | np.ndarray) -> dict[int, np.ndarray]:
        """Return class probabilities by seed.

        Parameters
        ----------
        features : Features, or an array of shape (n, ...)

        Returns
        -------
        dict of int to ndarray of float64, shape (n, K)
            In the order of `task.classes`; rows add up to 1.

        Raises
        ------
        ModelError
            If features or probabilities are not finite.
        """
        features = Features.of(features)
        if not all(np.isfinite(block).all() for block in features.blocks()):
            raise ModelError(f"{self.folder}: features to predict from are NaN or infinite; embed them again")
        shared: dict[int, np.ndarray] = {}
        result = {}
        for seed, fit in self.fits.items():
            if id(fit) not in shared:
                shared[id(fit)] = adjusted(fit.probabilities(features), self.about.get("adjust"))
            result[seed] = shared[id(fit)]
            if not np.isfinite(result[seed]).all():
                raise ModelError(f"{self.folder}: seed {seed} predicts probabilities that are not finite; train the run again")
        return result

    def score(self, stores: Sequence[str], cache: Path, *, batch: int = 64, bfloat16: bool | None = None, threads: int = 1) -> pd.DataFrame:
        """Score every sample of some stores, for example those of an event outside the dataset.

        Parameters
        ----------
        stores : sequence of str
            Folders that hold ``{view}.zarr``.
        cache : Path
            Of embeddings.
        bfloat16 : bool, optional
            Whether to embed in bfloat16, gain or not; see the attribute for the default.
        batch, threads
            See `Embedder`.

        Returns
        -------
        DataFrame
            `store`, `row`, and ``p_{class}``: the mean over seeds.

        Raises
        ------
        DatasetError
            If a store is missing.
        """
        rough = self.bfloat16 if bfloat16 is None else bfloat16
        embedder = Embedder(self.model.encoder_spec, self.view, Path(cache), batch=batch, bfloat16=rough, threads=threads)
        parts = []
        for shard in embed_stores(stores, embedder):
            features = np.load(shard["path"], mmap_mode="r", allow_pickle=False)
            mean = np.mean(list(self.predict(features).values()), axis=0)
            columns = {f"p_{name}": mean[:, number] for number, name in enumerate(self.task.classes)}
            parts.append(pd.DataFrame({"store": shard["store"], "row": np.arange(shard["rows"]), **columns}))
        return pd.concat(parts, ignore_index=True)


def adjusted(probabilities: np.ndarray, shift: Sequence[float] | None) -> np.ndarray:
    """Take a shift off every class's log probability: logit adjustment after training.

    Parameters
    ----------
    probabilities : ndarray of float64, shape (n, K)
    shift : sequence of K floats, or None
        tau times the log of each class's share in what they were fitted or calibrated on; None leaves them as they are.

    Returns
    -------
    ndarray of float64, shape (n, K)
        Rows add up to 1.

    References
    ----------
    Menon et al. (2021), arXiv:2007.07314, equation 9.
    """
    if shift is None:
        return probabilities
    moved = probabilities * np.exp(-np.asarray(shift, dtype=np.float64))
    return moved / moved.sum(axis=1, keepdims=True)


def load_run(folder: str | Path) -> Run:
    """Open a trained run.

    Raises
    ------
    ModelError
        If there is none in that folder.
    """
    path = Path(folder) / "run.json"
    if not path.is_file():
        raise ModelError(f"{path}: no trained run; run the workflow to train it")
    return Run(Path(folder), read_json(path))
