"""The spectrogram view: local two-dimensional wavenumber spectra of exp(i phase).

Fringes are a wave in the complex interferogram: where the phase runs k cycles a pixel, the spectrum of
exp(i phase) peaks at wavenumber k, whichever way the phase is wrapped. Noise spreads evenly.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import dask
import dask.threaded
import numpy as np
from threadpoolctl import threadpool_limits

from fringeflow.config.interferograms import Spectrogram
from fringeflow.crew import Crew
from fringeflow.errors import ConfigError
from fringeflow.insar.tiling import starts
from fringeflow.progress import progress_bar
from fringeflow.store import Samples, open_samples, write_samples
from fringeflow.store_shared import Target, runs, write_shared

TAPERS: dict[str, Callable[[int], np.ndarray]] = {"hann": np.hanning, "hamming": np.hamming, "boxcar": np.ones}
"""Symmetric windows; one sample more than needed, without the last, is periodic. (Importing scipy.signal takes a second.)"""

BATCH = 16
"""Tiles transformed at once by a thread: 100 MB of temporaries at 256 x 256 without overlap."""


def spectrogram(tiles: np.ndarray, settings: Spectrogram) -> np.ndarray:
    """Return mosaics of local power spectra of exp(i phase).

    A tile is cut into windows that lie as tiles do (`tiling.starts`). Each window is tapered and
    transformed, and its spectrum takes its place in a mosaic, in the order of the windows. Fringes of an
    earthquake are tens of pixels wide: of the whole band up to 1/2 cycle a pixel they fill a few bins in the
    middle, so the transform is evaluated at `bins` wavenumbers up to `max_wavenumber` only.

    Power is relative to white noise of unit amplitude: P = |DFT(w z)|^2 / sum(w^2), with z = exp(i phase),
    w the taper, and the sum over the pixels with data only, where alone z is not 0. White noise
    thus averages 1 (0 dB) whatever is missing, and a plane wave reaches sum(w)^2 / sum(w^2).

    Parameters
    ----------
    tiles : ndarray of float32, shape (b, rows, columns), radians
        Wrapped or unwrapped phase; NaN marks no data.
    settings : Spectrogram
        Window, hop, wavenumbers, taper, floor and ceiling.

    Returns
    -------
    ndarray of float32, shape (b, windows down * bins, windows across * bins), dB
        Clipped to `floor_db`..`ceiling_db`; a window without data is all floor. Within each window the
        axes are `wavenumbers(settings)`, zero at index bins // 2: rows along y,
        positive where phase grows southwards, which is azimuth but for the slant of the orbit (about
        12 degrees); columns along x, positive where phase grows eastwards, which is range likewise.

    Raises
    ------
    ConfigError
        If a window is larger than a tile.

    References
    ----------
    Oppenheim and Schafer, Discrete-Time Signal Processing, 10.5 (the modified periodogram).
    """
    count, rows, columns = tiles.shape
    size = settings.window
    if size > min(rows, columns):
        raise ConfigError(
            [f"spectrogram: window is {size}, larger than the tiles of {rows} x {columns}; lower it to {min(rows, columns)} or less"]
        )
    down, across = starts(rows, size, settings.hop), starts(columns, size, settings.hop)
    bins = settings.bins
    waves = np.exp(-2j * np.pi * np.outer(wavenumbers(settings), np.arange(size))).astype(np.complex64)
    taper = TAPERS[settings.taper](size + 1)[:-1].astype(np.float32)
    taper = taper[:, None] * taper[None, :]
    valid = np.isfinite(tiles)
    phase = np.where(valid, tiles, np.float32(0))
    wave = np.empty(tiles.shape, np.complex64)
    np.cos(phase, out=wave.real, where=valid)
    np.sin(phase, out=wave.imag, where=valid)
    wave[~valid] = 0
    mosaic = np.empty((count, len(down) * bins, len(across) * bins), np.float32)
    for i, top in enumerate(down):
        for j, left in enumerate(across):
            window = np.s_[:, top : top + size, left : left + size]
            energy = np.einsum("bij,ij->b", valid[window].astype(np.float32), taper**2)
            spectrum = waves @ (wave[window] * taper) @ waves.T
            power = spectrum.real**2 + spectrum.imag**2
            power /= np.maximum(energy, np.finfo(np.float32).tiny)[:, None, None]
            mosaic[:, i * bins : (i + 1) * bins, j * bins : (j + 1) * bins] = power
    np.maximum(mosaic, np.float32(10 ** (settings.floor_db / 10)), out=mosaic)
    np.log10(mosaic, out=mosaic)
    mosaic *= 10
    return np.clip(mosaic, settings.floor_db, settings.ceiling_db, out=mosaic)


def wavenumbers(settings: Spectrogram) -> np.ndarray:
    """Return the wavenumbers of a spectrum along an axis, shape (bins,), in cycles a pixel.

    >>> wavenumbers(Spectrogram(bins=8, max_wavenumber=0.5))
    array([-0.5  , -0.375, -0.25 , -0.125,  0.   ,  0.125,  0.25 ,  0.375])
    """
    return (np.arange(settings.bins) - settings.bins // 2) * (2 * settings.max_wavenumber / settings.bins)


def spectrogram_shape(tile: tuple[int, int], settings: Spectrogram) -> tuple[int, int]:
    """Return the rows and columns of the mosaic of one tile.

    >>> spectrogram_shape((256, 256), Spectrogram(window=64, hop=32, bins=32))
    (224, 224)
    """
    down, across = (len(starts(side, settings.window, settings.hop)) for side in tile)
    return down * settings.bins, across * settings.bins


def spectrogram_event(wrapped: Path, settings: Spectrogram, out: Path, *, threads: int = 2, crew: Crew | None = None) -> str:
    """Make the spectrogram view of an event from its wrapped tiles, a few batches at a time.

    Parameters
    ----------
    wrapped : Path
        Sample store of wrapped tiles, rad.
    settings : Spectrogram
    out : Path
        Sample store to write, dB: one spectrogram a tile, in the same order.
    threads : int
        Batches transformed at once, where there is no crew.
    crew : Crew, optional
        Who shares the batches; the result is the same.

    Returns
    -------
    str
        Digest of the store.

    Raises
    ------
    ConfigError
        If a window is larger than a tile.
    DatasetError
        If `wrapped` is no whole sample store.
    """
    source = open_samples(wrapped)
    if settings.window > min(source.shape):
        raise ConfigError(
            [
                f"spectrogram: window is {settings.window}, larger than the tiles of {source.shape} in {wrapped}; lower it or enlarge the tiles"
            ]
        )
    attrs = {
        **{key: value for key, value in source.attrs.items() if key == "event"},
        "view": "spectrogram",
        "window": settings.window,
        "hop": settings.hop,
        "max_wavenumber": settings.max_wavenumber,
        "bins": settings.bins,
        "taper": settings.taper,
    }
    count, shape, desc = source.count, spectrogram_shape(source.shape, settings), f"spectrogram {source.attrs.get('event', '')}"
    if crew is None:
        blocks = _transformed_here(source, settings, threads, desc)
        with threadpool_limits(1, user_api="blas"):  # how it rounds depends on its threads
            return write_samples(out, blocks, count=count, shape=shape, attrs=attrs, units="dB", threads=threads)
    # In the same batches as here: how a library sums may depend on how much it is given at once.
    seen = replace(source, path=source.path.absolute())
    pieces = [(run, seen, settings) for run in runs(count, shape, BATCH)]
    digest, _ = write_shared(Path(out), crew, _write_run, pieces, count=count, shape=shape, attrs=attrs, units="dB", desc=desc)
    return digest


def _transformed_here(source: Samples, settings: Spectrogram, threads: int, desc: str) -> Iterator[np.ndarray]:
    """Yield spectrograms, as many batches at once as there are threads."""

    def transform(first: int) -> np.ndarray:
        return spectrogram(source.read(slice(first, first + BATCH)), settings)

    with progress_bar(source.count, desc=desc, unit="tile") as bar:
        for first in range(0, source.count, BATCH * threads):
            batches = [dask.delayed(transform)(start) for start in range(first, min(first + BATCH * threads, source.count), BATCH)]
            for block in dask.compute(*batches, scheduler=dask.threaded.get, num_workers=threads):
                bar.update(len(block))
                yield block


def _write_run(target: Target, run: range, source: Samples, settings: Spectrogram) -> tuple[list[bytes], None]:
    """Write a run of spectrograms, as one of a crew."""
    batches = (slice(first, min(first + BATCH, run.stop)) for first in range(run.start, run.stop, BATCH))
    return target.write(run, (spectrogram(source.read(batch), settings) for batch in batches)), None
