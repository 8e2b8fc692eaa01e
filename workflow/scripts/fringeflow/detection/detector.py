"""A trained run made ready to score windows of phase: the path of training, without a store and a cache in between."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np

from fringeflow.config.interferograms import Spectrogram
from fringeflow.encoding.encodings import model_input
from fringeflow.encoding.mosaic import Mosaic, factor_of
from fringeflow.encoding.views import resolve_encoding
from fringeflow.errors import ModelError, nearest
from fringeflow.evaluation.temperature import scaled
from fringeflow.files import read_json
from fringeflow.insar.spectrum import spectrogram
from fringeflow.insar.tiling import TileGrid, starts
from fringeflow.models.base import run_digest
from fringeflow.training.embed import Embedder
from fringeflow.training.predict import Run, load_run

Given = TypeVar("Given")
Made = TypeVar("Made")
SOURCES = {"wrapped": "wrapped", "unwrapped": "unwrapped", "spectrogram": "wrapped"}
"""Views of interferograms, and the phase that each is made of."""
PIXEL_DEG = 0.001
"""Of the tiles of runs that do not tell: LiCSAR's."""
HELD_BYTES = 1 << 21
"""Features that wait for the head: of vectors many batches, so that it is called seldom; of images, which pass through a whole
network there while others are encoded, hardly more than one."""


@dataclass(frozen=True)
class Detector:
    """A trained run for windows of phase.

    Attributes
    ----------
    run : Run
    name : str
        `dataset/view/model/strategy`.
    digest : str
        Of all that it scores with (`run_digest`).
    temperatures : dict of int to float
        By seed. Probabilities are softened by what validation found, but never sharpened: validation of a few separable
        events drives the temperature to its lower bound, which would put every window at 0 or 1, and under another
        distribution than that of training a network is too sure rather than too unsure (Ovadia et al. 2019, arXiv:1906.02530).
    spectrogram : Spectrogram
        Of the view of that name, as its tiles were made.
    embedder : Embedder
    """

    run: Run
    name: str
    digest: str
    temperatures: dict[int, float]
    spectrogram: Spectrogram
    embedder: Embedder

    @property
    def source(self) -> str:
        """The phase that the run's view is made of: `wrapped` or `unwrapped`."""
        return SOURCES[self.run.view]

    @property
    def pixel_deg(self) -> float:
        """Size of a pixel of the tiles that the run was trained on, degrees."""
        return self.run.about.get("pixel_deg") or PIXEL_DEG

    def scores(self, batches: Iterable[np.ndarray], *, threads: int) -> np.ndarray:
        """Return the probability of the positive class of every window.

        Each batch is one thread's up to its features, as in training, so that one is encoded while another passes
        through the network; the head sees many at once.

        Parameters
        ----------
        batches : iterable of ndarray of float32
            Each windows of the view's source, rad, shape (b, size, size), NaN for no data; or windows that a `mosaic` has
            encoded, shape (b, 3, input size, input size).
        threads : int

        Returns
        -------
        ndarray of float64, shape (n,)
            Mean over seeds of their probabilities at `temperatures`.

        Raises
        ------
        ModelError
            If features are not finite.
        """
        _ = self.embedder.network  # built before threads ask for it
        found: list[np.ndarray] = []
        held: list[np.ndarray] = []
        for features in in_order(self.features, batches, threads):
            held.append(features)
            if sum(part.nbytes for part in held) > HELD_BYTES:
                found.append(self._positive(np.concatenate(held)))
                held.clear()
        if held:
            found.append(self._positive(np.concatenate(held)))
        return np.concatenate(found) if found else np.empty(0)

    def mosaic(self, grid: TileGrid) -> Mosaic | None:
        """Return what encodes the windows of a grid together; None where that is not possible or does not pay."""
        size, spec = grid.size, self.embedder.encoder
        down, across = (starts(length, size, grid.stride) for length in (grid.rows, grid.columns))
        factor = factor_of(self.run.view, size, spec.input_size, down, across)
        return Mosaic(self._encode, factor, size, across) if factor else None

    def _encode(self, samples: np.ndarray, size: int) -> np.ndarray:
        """Encode samples as `Embedder.images` does, but to any size."""
        spec = self.embedder.encoder
        return model_input(samples, self.run.view, spec.encoding, size, spec.mean, spec.std)

    def features(self, windows: np.ndarray) -> np.ndarray:
        """Return features of windows, as `scores` takes them, in the precision of cached ones: float16 of shape (b, ...)."""
        if windows.ndim == 3:
            samples = spectrogram(windows, self.spectrogram) if self.run.view == "spectrogram" else windows
            windows = self.embedder.images(samples)
        with np.errstate(over="ignore"):  # told by `Run.predict`
            return self.embedder.network.encode(windows).astype(np.float16)

    def _positive(self, features: np.ndarray) -> np.ndarray:
        """Return the probability of the positive class, mean over seeds."""
        number = self.run.task.classes.index(str(self.run.task.positive))
        by_seed = self.run.predict(features)
        return np.mean([scaled_from(values, self.temperatures[seed])[:, number] for seed, values in by_seed.items()], axis=0)


def scaled_from(probabilities: np.ndarray, temperature: float) -> np.ndarray:
    """Return probabilities at a temperature; at 1 to the bit as they are."""
    return probabilities if temperature == 1 else scaled(probabilities, temperature)


def open_detector(folder: Path, spectrogram: Spectrogram) -> Detector:
    """Open a trained run to scan interferograms with.

    Parameters
    ----------
    folder : Path
        `.../runs/{dataset}/{view}/{model}/{strategy}`, with run.json; its metrics.json, if it is there, gives temperatures.
    spectrogram : Spectrogram
        Of the run's tiles; ignored for other views.

    Raises
    ------
    ModelError
        If there is no such run (the nearest ones are named), it is not of a view of interferograms or of an encoding that
        is not known, or it has no positive class.
    """
    folder = Path(folder)
    if not (folder / "run.json").is_file():
        root, name = Path(*folder.parts[:-4]), "/".join(folder.parts[-4:])
        known = ["/".join(path.parts[-5:-1]) for path in sorted(root.glob("*/*/*/*/run.json"))]
        hint = nearest(name, known) if known else f"{root} holds no trained run at all"
        raise ModelError(
            f"{folder}: no trained run of that name; {hint}. Train it with the workflow, or set detect.run to one that is there"
        )
    run = load_run(folder)
    if run.view not in SOURCES:
        raise ModelError(f"{folder}: was trained on the view '{run.view}'; interferograms can be scanned with runs on {', '.join(SOURCES)}")
    encoder = run.model.encoder_spec
    try:
        resolve_encoding(run.view, encoder.encoding)
    except ValueError as error:
        raise ModelError(f"{folder}: {error}; train the run again with this version") from error
    if run.task.positive is None:
        raise ModelError(f"{folder}: has no positive class among {', '.join(run.task.classes)}; it cannot be used to find fringes")
    embedder = Embedder(encoder, run.view, Path(), bfloat16=run.bfloat16)
    seeds = [int(entry["seed"]) for entry in run.about["fits"]]
    return Detector(
        run,
        str(run.about.get("name", "/".join(folder.parts[-4:]))),
        run_digest(folder),
        temperatures_of(folder, seeds),
        spectrogram,
        embedder,
    )


def temperatures_of(folder: Path, seeds: list[int]) -> dict[int, float]:
    """Return each seed's temperature from a run's metrics.json, at least 1; 1 where it has not been evaluated."""
    path = folder / "metrics.json"
    if not path.is_file():
        return dict.fromkeys(seeds, 1.0)
    metrics = read_json(path)
    known = dict(zip(metrics["seeds"], metrics["temperature"], strict=True))
    return {seed: max(1.0, float(known.get(seed, 1.0))) for seed in seeds}


def in_order(work: Callable[[Given], Made], batches: Iterable[Given], threads: int) -> Iterator[Made]:
    """Yield the results of batches in order, each made by one thread, a few of them ahead."""
    waiting: deque[Future[Made]] = deque()
    with ThreadPoolExecutor(threads) as pool:
        for batch in batches:
            waiting.append(pool.submit(work, batch))
            if len(waiting) > threads:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
