"""The classical classifier: z-score, PCA, and an SVM with calibrated probabilities, in one scikit-learn pipeline."""

from pathlib import Path

import numpy as np
import skops.io
from sklearn.calibration import CalibratedClassifierCV
from sklearn.decomposition import PCA
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from fringeflow.errors import ModelError
from fringeflow.files import atomic
from fringeflow.models.spec import Scalar

TRUSTED = [
    "sklearn.calibration._CalibratedClassifier",
    "sklearn.calibration._SigmoidCalibration",
    "sklearn.frozen._frozen.FrozenEstimator",
]
"""Types that a stored model may hold besides those skops knows to be harmless."""


def build_svm(options: dict[str, Scalar], *, seed: int) -> Pipeline:
    """Return the unfitted pipeline: scaler and PCA inside, so that they only ever see what `fit` is given.

    Parameters
    ----------
    options : dict
        `c`, `gamma`, `pca` of the registry.
    seed : int
        Of the solver.
    """
    return Pipeline(
        [
            ("scale", StandardScaler()),
            ("reduce", PCA(n_components=float(options["pca"]), svd_solver="full")),
            ("classify", SVC(C=float(options["c"]), gamma=options["gamma"], kernel="rbf", random_state=seed)),
        ]
    )


def calibrate(fitted: Pipeline, features: np.ndarray, labels: np.ndarray) -> CalibratedClassifierCV:
    """Turn scores into probabilities by a sigmoid, fitted on samples that the pipeline has not seen.

    Parameters
    ----------
    fitted : Pipeline
        Left as it is.
    features, labels : ndarrays, shapes (n, dim) and (n,)
        The validation split; never the test split.

    References
    ----------
    Platt (1999), "Probabilistic outputs for support vector machines".
    """
    # What is frozen predicts the same in every fold: two suffice, and a rare class need not reach into both, which
    # scikit-learn demands unless it is given the folds themselves.
    first, second = np.array_split(np.arange(len(labels)), 2)
    return CalibratedClassifierCV(FrozenEstimator(fitted), method="sigmoid", cv=[(first, second), (second, first)]).fit(features, labels)


def save_model(path: Path, model: CalibratedClassifierCV) -> None:
    """Write a model with skops: unlike a pickle, reading it runs no code."""
    with atomic(path) as part:
        skops.io.dump(model, part)


def load_model(path: Path) -> CalibratedClassifierCV:
    """Read a model.

    Raises
    ------
    ModelError
        If it cannot be read, or holds a type that such a model has no use for.
    """
    try:
        strangers = sorted(set(skops.io.get_untrusted_types(file=path)) - set(TRUSTED))
        found = None if strangers else skops.io.load(path, trusted=TRUSTED)
    except Exception as error:  # zipfile, json and skops each raise their own
        raise ModelError(f"{path}: cannot be read as a skops model ({type(error).__name__}: {error}); train the run again") from error
    if strangers:
        raise ModelError(f"{path}: holds types that are not trusted: {', '.join(strangers)}; expected a model that Fringeflow wrote")
    if not isinstance(found, CalibratedClassifierCV):
        raise ModelError(f"{path}: holds a {type(found).__name__}; expected a model that Fringeflow wrote")
    return found
