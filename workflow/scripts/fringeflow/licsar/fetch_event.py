"""Fetching all interferograms of an event in one job: 10,000 jobs of half a second would cost more than what they fetch."""

from collections.abc import Callable, Iterable, Sequence
from math import prod
from pathlib import Path
from typing import Any

from fringeflow.config.models import Download, Mirror
from fringeflow.errors import DownloadError
from fringeflow.files import write_json
from fringeflow.licsar.fetch import fetch_interferogram
from fringeflow.licsar.names import product_file
from fringeflow.licsar.products import raster_shape
from fringeflow.progress import track
from fringeflow.transfer.download import Downloader


def fetch_event(
    event: str,
    interferograms: Iterable[tuple[str, str]],
    mirrors_of: Callable[[str, str], Sequence[Mirror]],
    settings: Download,
    raw: Path,
    out: Path,
) -> list[Path]:
    """Bring every interferogram of an event, and last the list of them.

    Each has its own manifest, which appears when it is whole: what was killed goes on where it stopped, file by file, and an
    interferogram that is here already is kept if it is unchanged on its mirror. One that fails does not keep the others from being
    fetched. A mirror that is down is waited for once, not for each interferogram.

    Parameters
    ----------
    event : str
    interferograms : iterable of (frame, pair)
    mirrors_of : function of frame and pair
        The mirrors to try, in their order.
    settings : Download
    raw : Path
        Folder of `{frame}/{pair}/manifest.json`, with the products beside it.
    out : Path
        JSON to write: `interferograms`, each with `frame`, `pair`, `rows` and `columns` of its largest product, and for each
        product `bytes` and `sha256`. Not where it came from: only what it holds bears on what is made of it.

    Returns
    -------
    list of Path
        Every file that `out` speaks of, manifests included.

    Raises
    ------
    DownloadError
        With what is told of every interferogram that could not be had.
    """
    listed: list[dict[str, Any]] = []
    files: list[Path] = []
    failed: list[str] = []
    with Downloader(settings) as downloader:
        for frame, pair in track(sorted(interferograms), desc=f"fetch {event}", unit="pair"):
            manifest = Path(raw) / frame / pair / "manifest.json"
            try:
                products = fetch_interferogram(frame, pair, mirrors_of(frame, pair), downloader, manifest)["products"]
            except DownloadError as error:
                failed.append(str(error))
                continue
            rows, columns = max((raster_shape(manifest.with_name(product_file(pair, name))) for name in products), key=prod)
            listed.append(
                {
                    "frame": frame,
                    "pair": pair,
                    "rows": rows,
                    "columns": columns,
                    "products": {name: {key: about[key] for key in ("bytes", "sha256")} for name, about in products.items()},
                }
            )
            files += [manifest, *(manifest.with_name(product_file(pair, name)) for name in products)]
    if failed:
        raise DownloadError("\n".join(failed))
    write_json(out, {"event": event, "interferograms": listed})
    return files
