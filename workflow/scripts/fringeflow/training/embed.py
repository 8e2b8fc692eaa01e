"""Features of frozen encoders, cached by content: one shard an event's store, computed once whoever asks.

A dataset's embeddings are a small JSON file that lists shards. Shards lie in a cache that datasets,
models and strategies share; their name is a digest of the samples, the encoder and the code that
turns one into the other, so a new event embeds its own tiles only. A shard that is missing or
damaged is computed again when it is read.
"""

import errno
import importlib
import logging
import shutil
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from tokenize import TokenError
from typing import Any, Protocol

import numpy as np
import pandas as pd

from fringeflow.encoding.encodings import model_input
from fringeflow.errors import ModelError
from fringeflow.files import atomic, canonical_json, read_json, sha256_file, sha256_text, write_json
from fringeflow.models.spec import EncoderSpec
from fringeflow.progress import progress_bar
from fringeflow.provenance import code_digest
from fringeflow.store import Samples, open_samples
from fringeflow.training.features import Features
from fringeflow.training.sound import read_sound

LOGGER = logging.getLogger(__name__)
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""A full disk, a used-up quota, a file larger than allowed."""
BATCH = 16
"""Most images in one forward pass on a CPU: one thread's share of the 32 that are best for two. Larger batches fall out
of its caches, and their activations, freed and taken anew each pass, cost as many page faults as a quarter of the time."""


class Encoder(Protocol):
    """What the module of an architecture gives."""

    shape: tuple[int, ...]

    def encode(self, images: np.ndarray) -> np.ndarray:
        """Return features, shape (batch, *shape), of images, shape (batch, 3, size, size)."""


@dataclass(frozen=True)
class Embedder:
    """One encoder on one view, with its cache.

    Attributes
    ----------
    encoder : EncoderSpec
    view : str
    cache : Path
        Folder of the shards.
    batch : int
        Images in a forward pass.
    bfloat16 : bool
        Whether it forwards in bfloat16, gain or not: `in_bfloat16` makes that of what is wanted.
    threads : int
        Batches that are read, encoded and forwarded at a time.
    """

    encoder: EncoderSpec
    view: str
    cache: Path
    batch: int = 64
    bfloat16: bool = False
    threads: int = 1

    @cached_property
    def code(self) -> str:
        """Digest of the code that decides the values of features, and of nothing else."""
        return code_digest("fringeflow/encoding/encodings", (self.encoder.module,))

    @cached_property
    def network(self) -> Encoder:
        """The encoder itself; its framework is imported here, when a shard has to be computed.

        Each batch is one thread's, from reading to features: nothing waits for anything, and the features do not
        depend on the number of threads.
        """
        return importlib.import_module(self.encoder.module).load_encoder(self.encoder, threads=1, bfloat16=self.bfloat16)

    def digest(self, samples: Samples) -> str:
        """Return the name of a store's shard."""
        parts = {**self.encoder.as_dict(), "weights": self.encoder.weights_digest or self.encoder.weights}
        return sha256_text(
            canonical_json({"samples": samples.digest, "view": self.view, "encoder": parts, "bfloat16": self.bfloat16, "code": self.code})
        )[:32]

    def path(self, samples: Samples) -> Path:
        """Return where a store's shard lies."""
        return self.cache / self.encoder.key / f"{self.digest(samples)}.npy"

    def shard(self, samples: Samples, advance: Callable[[int], Any] = lambda count: None) -> Path:
        """Return a store's shard, computed if it is not there.

        Parameters
        ----------
        samples : Samples
        advance : callable
            Told the number of samples after each batch.

        Raises
        ------
        DatasetError
            If samples are damaged, infinite, or without data where none can be.
        ModelError
            If features are not finite, or the disk is full.
        """
        path = self.path(samples)
        if _rows(path) == samples.count:
            return path
        step = min(self.batch, BATCH)
        parts = [slice(start, min(start + step, samples.count)) for start in range(0, samples.count, step)]
        # Two jobs may compute the same shard at a time: `atomic` gives each a part of its own.
        with atomic(path) as part, _told_if_full(path), open(part, "wb") as file, ThreadPoolExecutor(self.threads) as pool:
            shape = (samples.count, *self.network.shape)
            np.lib.format.write_array_header_1_0(file, {"descr": "<f2", "fortran_order": False, "shape": shape})
            for rows, encoded in zip(parts, _in_order(pool, self._encode(samples), parts, self.threads), strict=True):
                with np.errstate(over="ignore"):  # told below
                    half = encoded.astype("<f2")
                finite = np.isfinite(half.reshape(len(half), -1)).all(axis=1)
                if not finite.all():
                    raise ModelError(
                        f"{samples.path}: sample {rows.start + int(np.argmin(finite))} has features that are not finite under "
                        f"{self.encoder.key}; set training.bfloat16 to false, or check the weights"
                    )
                file.write(half.tobytes())
                advance(len(encoded))
        return path

    def images(self, samples: np.ndarray) -> np.ndarray:
        """Return samples as the encoder wants them, shape (batch, 3, size, size)."""
        spec = self.encoder
        return model_input(samples, self.view, spec.encoding, spec.input_size, spec.mean, spec.std)

    def _encode(self, samples: Samples) -> Callable[[slice], np.ndarray]:
        """Return the whole way from rows of a store to their features, for one thread."""
        network = self.network
        return lambda rows: network.encode(self.images(read_sound(samples, rows, self.view)))


@contextmanager
def _told_if_full(path: Path) -> Iterator[None]:
    """Say in words that a shard has no room."""
    try:
        yield
    except OSError as error:
        if error.errno not in FULL:
            raise
        free = shutil.disk_usage(path.parent).free
        found = f"no room for the features of {path.parent.name} ({error.strerror}; {free / 1e9:.1f} GB free)"
        raise ModelError(f"{path.parent}: {found}; free some, or remove shards of models that are no longer used") from error


def _in_order(pool: ThreadPoolExecutor, work: Callable[[slice], np.ndarray], parts: Sequence[slice], threads: int) -> Iterator[np.ndarray]:
    """Yield the results of parts in order, each made by one thread, a few of them ahead."""
    waiting: deque[Future[np.ndarray]] = deque()
    for part in parts:
        waiting.append(pool.submit(work, part))
        if len(waiting) > threads:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


def _rows(path: Path) -> int:
    """Return the number of rows of a sound shard, -1 for anything else."""
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError, SyntaxError, TokenError):  # the last two of numpy, for a damaged header
        return -1
    return len(array) if array.ndim > 1 else -1


def store_path(store: str, view: str) -> Path:
    """Return the sample store of a view, from the `store` column of a dataset."""
    return Path(store) / f"{view}.zarr"


def embed_stores(stores: Sequence[str], embedder: Embedder) -> list[dict[str, Any]]:
    """Compute the missing shards of some stores, with a progress bar.

    Parameters
    ----------
    stores : sequence of str
        As in the `store` column of a dataset.
    embedder : Embedder

    Returns
    -------
    list of dict
        `store`, `samples` (their digest), `path`, `rows` and `sha256` of each shard.

    Raises
    ------
    DatasetError
        If a store is missing or damaged, see `Embedder.shard`.
    ModelError
        If the encoder cannot be built or its features are not finite.
    """
    opened = [open_samples(store_path(store, embedder.view)) for store in stores]
    todo = [samples for samples in opened if _rows(embedder.path(samples)) != samples.count]
    LOGGER.info("%s on %s: %d of %d stores to embed", embedder.encoder.key, embedder.view, len(todo), len(opened))
    with progress_bar(sum(samples.count for samples in todo), desc=f"embed {embedder.view}", unit="tile") as bar:
        for samples in todo:
            embedder.shard(samples, bar.update)
    return [
        {
            "store": store,
            "samples": samples.digest,
            "path": str(path := embedder.path(samples)),
            "rows": samples.count,
            "sha256": sha256_file(path),
        }
        for store, samples in zip(stores, opened, strict=True)
    ]


def embed_dataset(
    samples: Path, view: str, encoder: EncoderSpec, cache: Path, out: Path, *, batch: int = 64, bfloat16: bool = False, threads: int = 1
) -> None:
    """Embed every store of a dataset in one view, and list the shards.

    Parameters
    ----------
    samples : Path
        The dataset's samples.parquet.
    view : str
    encoder : EncoderSpec
    cache : Path
        Folder of the shards, shared by all datasets.
    out : Path
        The JSON file to write.
    batch, bfloat16, threads
        See `Embedder`.

    Raises
    ------
    DatasetError
        If a store is missing or damaged, see `Embedder.shard`.
    ModelError
        If the encoder cannot be built or its features are not finite.
    """
    stores = sorted(pd.read_parquet(samples, columns=["store"])["store"].unique())
    embedder = Embedder(encoder, view, Path(cache), batch=batch, bfloat16=bfloat16, threads=threads)
    shards = embed_stores(stores, embedder)
    write_json(
        out,
        {
            "view": view,
            "encoder": encoder.as_dict(),
            "bfloat16": bfloat16,
            "batch": min(batch, BATCH),
            "cache": str(cache),
            "code": embedder.code,
            "shards": shards,
        },
    )


def load_features(embeddings: Path, rows: pd.DataFrame, *, threads: int = 1) -> Features:
    """Return the features of samples; a missing or damaged shard is computed again.

    Parameters
    ----------
    embeddings : Path
        Written by `embed_dataset`.
    rows : DataFrame
        Columns `store` and `row`, one sample a row, in the wanted order.
    threads : int
        For a shard that has to be computed.

    Returns
    -------
    Features
        One a row; they stay on disk until they are taken.

    Raises
    ------
    ModelError
        If a store is not listed, or has changed since it was embedded.
    """
    listed = read_json(embeddings)
    shards = {shard["store"]: shard for shard in listed["shards"]}
    stores, which = np.unique(rows["store"].to_numpy(dtype=object), return_inverse=True)
    arrays = []
    for store in stores:
        if store not in shards:
            raise ModelError(f"{embeddings}: does not list the store {store}; embed the dataset again")
        arrays.append(np.load(_sound_shard(embeddings, listed, shards[store], threads), mmap_mode="r", allow_pickle=False))
    return Features(arrays, which, rows["row"].to_numpy(dtype=np.intp))


def _sound_shard(embeddings: Path, listed: dict[str, Any], shard: dict[str, Any], threads: int) -> Path:
    """Return a shard's path after making sure that it holds what was listed."""
    path = Path(shard["path"])
    if path.is_file() and sha256_file(path) == shard["sha256"]:
        return path
    LOGGER.warning("%s is missing or damaged; computing it again", path)
    encoder = EncoderSpec.from_dict(listed["encoder"])
    embedder = Embedder(encoder, listed["view"], Path(listed["cache"]), batch=listed["batch"], bfloat16=listed["bfloat16"], threads=threads)
    samples = open_samples(store_path(shard["store"], listed["view"]))
    if embedder.path(samples) != path:
        what = f"the tiles of {shard['store']} or the code behind their features"
        raise ModelError(f"{embeddings}: {what} have changed; embed the dataset again")
    path.unlink(missing_ok=True)
    made = embedder.shard(samples)
    if sha256_file(made) != shard["sha256"]:
        raise ModelError(
            f"{made}: computed again, but with other bits than {embeddings} lists (another processor or library, perhaps); "
            "remove that list and run the workflow to embed the dataset again"
        )
    return made
