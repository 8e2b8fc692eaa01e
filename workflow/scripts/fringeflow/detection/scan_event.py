"""Scanning all interferograms of an event in one job: to load a network takes about as long as to scan an interferogram with it."""

import logging
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from pathlib import Path
from threading import Lock

from fringeflow.config.interferograms import Spectrogram
from fringeflow.config.studies import Detect
from fringeflow.crew import Crew, attempt, settle, workshop
from fringeflow.detection.detector import Detector, open_detector
from fringeflow.detection.scan import scan_interferogram
from fringeflow.detection.windows import read_windows
from fringeflow.errors import DatasetError, ProductError
from fringeflow.files import canonical_json, sha256_file, sha256_text, write_json
from fringeflow.insar.prepared import read_index
from fringeflow.lock import check
from fringeflow.models.base import run_digest
from fringeflow.progress import track
from fringeflow.provenance import versions

logger = logging.getLogger(__name__)

MAP, WINDOWS = "probability.tif", "windows.parquet"
LIBRARIES = ("keras", "numpy", "scikit-image", "scikit-learn", "scipy", "tensorflow", "timm", "torch")
"""Those that a probability may depend on."""
_opening = Lock()


@dataclass(frozen=True)
class EventScan:
    """The scan of an event's interferograms.

    Attributes
    ----------
    event : str
    interferograms : Path
        interferograms.zarr of the event.
    keys : tuple of str
        `frame/pair` of those to scan.
    run : Path
        Folder of a trained run.
    settings : Detect
        See `scan_interferogram`, as for `size` and `spectrogram`.
    size : int
        Pixels.
    spectrogram : Spectrogram
    code : str
        Digest of the code that scans.
    folder : Path
        Each interferogram gets its map and its table of windows in `{frame}/{pair}/` below it.
    """

    event: str
    interferograms: Path
    keys: tuple[str, ...]
    run: Path
    settings: Detect
    size: int
    spectrogram: Spectrogram
    code: str
    folder: Path

    @cached_property
    def stamps(self) -> dict[str, str]:
        """What each scan is made of, as a digest: the interferogram, the run, settings, code and libraries.

        Raises
        ------
        DatasetError
            If the event is not prepared.
        ModelError
            If there is no such run, or it cannot be used on interferograms.
        """
        detector = open_detector(self.run, self.spectrogram)
        common = {
            "run": detector.digest,
            "temperatures": {str(seed): value for seed, value in detector.temperatures.items()},
            "settings": self.settings.model_dump(mode="json", include={"stride", "min_valid"}),
            "size": self.size,
            "spectrogram": self.spectrogram.model_dump(mode="json"),
            "code": self.code,
            "libraries": versions(LIBRARIES),
        }
        prepared = {entry["group"]: entry["digests"] for entry in read_index(self.interferograms)["interferograms"]}
        return {key: sha256_text(canonical_json({**common, "interferogram": [key, prepared.get(key)]})) for key in self.keys}

    @cached_property
    def left(self) -> list[str]:
        """The interferograms that are not scanned yet, or of which something else was scanned."""
        return [key for key, stamp in self.stamps.items() if not self._is_scanned(key, stamp)]

    def _is_scanned(self, key: str, stamp: str) -> bool:
        """Tell whether an interferogram's table is of this very scan, and its map the one that was made with it."""
        try:
            _, about = read_windows(self.folder / key / WINDOWS, ["p"])
            return bool(about.get("stamp") == stamp and about["map"] == sha256_file(self.folder / key / MAP))
        except (DatasetError, OSError):
            return False


def scan_event(scan: EventScan, out: Path, *, threads: int = 1, crew: Crew | None = None) -> list[Path]:
    """Scan every interferogram of an event that is left, and last write the list of all.

    Each result appears when it is whole, so that a job that was killed goes on where it stopped, and an interferogram that is
    added is scanned alone. One that cannot be scanned does not keep the others from being scanned.

    Parameters
    ----------
    scan : EventScan
    out : Path
        JSON to write: `interferograms`, each with `frame`, `pair` and the SHA-256 of its `map` and its `windows`.
    threads : int
        Batches at work at a time, where there is no crew.
    crew : Crew, optional
        Who shares the interferograms, one to each of its threads; the result is the same.

    Returns
    -------
    list of Path
        Every file that `out` speaks of.

    Raises
    ------
    DatasetError
        With what is told of every interferogram that could not be scanned.
    ModelError
        If there is no such run, or it cannot be used on interferograms.
    """
    logger.info("%s: %d of %d interferograms to scan", scan.event, len(scan.left), len(scan.keys))
    with workshop(out) as folder:  # even if nothing is left: a killed job has left one
        failed = [told for told in _scanned(scan, folder, threads, crew) if told]
    if failed:
        raise DatasetError("\n".join(failed))
    files = {key: {"map": scan.folder / key / MAP, "windows": scan.folder / key / WINDOWS} for key in sorted(scan.keys)}
    listed = [
        {"frame": key.split("/")[0], "pair": key.split("/")[1], **{name: sha256_file(path) for name, path in own.items()}}
        for key, own in files.items()
    ]
    write_json(out, {"event": scan.event, "interferograms": listed})
    return [path for own in files.values() for path in own.values()]


def _scanned(scan: EventScan, pieces: Path, threads: int, crew: Crew | None) -> Iterable[str]:
    """Give what is wrong with each interferogram that is left once it was scanned."""
    desc = f"scan {scan.event}"
    if crew is None:
        return (_scan_piece(scan, key, scan.stamps[key], pieces, threads) for key in track(scan.left, desc=desc, unit="pair"))
    there = replace(scan, **{name: getattr(scan, name).absolute() for name in ("interferograms", "run", "folder")})
    return crew.each(_scan_piece, [(there, key, scan.stamps[key], pieces, 1) for key in scan.left], desc=desc, unit="pair")


def _scan_piece(scan: EventScan, key: str, stamp: str, pieces: Path, threads: int) -> str:
    """Scan one interferogram and return what is wrong with it, nothing if all is well."""
    detector = _opened(scan.run, scan.spectrogram)
    with attempt(pieces) as own:
        try:
            scan_interferogram(
                scan.interferograms,
                key,
                detector,
                scan.settings,
                size=scan.size,
                spectrogram=scan.spectrogram,
                out=own / MAP,
                windows=own / WINDOWS,
                stamp=stamp,
                threads=threads,
            )
        except (DatasetError, ProductError) as error:
            return str(error)
        check()  # a worker may outlive its run
        for name in (MAP, WINDOWS):
            settle(own / name, scan.folder / key / name)
    return ""


def _opened(run: Path, spectrogram: Spectrogram) -> Detector:
    """Open a trained run, once for all threads of a process."""
    with _opening:
        temperatures = run / "metrics.json"
        return _loaded(run, spectrogram, (run_digest(run), sha256_file(temperatures) if temperatures.is_file() else ""))


@lru_cache(maxsize=1)
def _loaded(run: Path, spectrogram: Spectrogram, digests: tuple[str, ...]) -> Detector:
    detector = open_detector(run, spectrogram)
    _ = detector.embedder.network, detector.run.fits  # loaded before several threads ask for them
    return detector
