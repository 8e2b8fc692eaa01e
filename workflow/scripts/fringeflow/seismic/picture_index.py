"""The index of a folder of pictures: a row a picture, and the pictures that two parts of a dataset share."""

import hashlib
import logging
import re
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from fringeflow.config.collections import Pictures
from fringeflow.errors import DatasetError, nearest
from fringeflow.files import atomic
from fringeflow.progress import track
from fringeflow.seismic.duplicates import find_duplicates, fingerprint
from fringeflow.seismic.index import join_same, write_index
from fringeflow.seismic.pictures import SUFFIXES, is_grey, read_picture
from fringeflow.seismic.problems import PARTS, refuse
from fringeflow.seismic.recording import ALL

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Found:
    """A picture's file, and what its folders say of it."""

    path: Path
    name: str
    label: str
    part: str


@dataclass(frozen=True)
class Look:
    """What is kept of a picture that was read."""

    grey: bool
    digest: str
    prints: np.ndarray


def index_pictures(settings: Pictures, out: str | Path, duplicates: str | Path, *, threads: int = 2) -> None:
    """Write `index.parquet` of a collection of pictures, and the table of pictures that show the same in two parts.

    Parameters
    ----------
    settings : Pictures
        Their folder: `class/*.png`, or `train|val|test/class/*.png` (also `valid`, `validation`); crop box; `source`.
    out : str or Path
        The index: as for recordings (`fringeflow.seismic.index.COLUMNS`); `sample` and `recording` are the file's path in the
        folder, by which rows are ordered. Pictures with the same pixels are one group where the folder gives no parts.
    duplicates : str or Path
        Table of `fringeflow.seismic.duplicates.find_duplicates`, TSV, with its header only if there are none: near-duplicates
        across parts, or where there are none across groups.
    threads : int
        Pictures that are read at the same time.

    Raises
    ------
    DatasetError
        With every problem: an unknown class folder (the nearest is suggested), a class without pictures, a picture that cannot be
        read or is smaller than the crop box; grey and colour pictures mixed; a group in two parts.
    """
    folder = Path(settings.folder)
    files = _find_pictures(folder, settings.classes)

    def look(file: Found) -> Look | str:
        try:
            planes = read_picture(file.path, settings.crop)
        except DatasetError as error:
            return str(error)
        return Look(is_grey(planes), hashlib.sha256(f"{planes.shape}".encode() + planes.tobytes()).hexdigest(), fingerprint(planes))

    with ThreadPoolExecutor(threads) as pool:
        looks = list(track(pool.map(look, files), desc="read pictures", total=len(files)))
    refuse(f"{folder}: its pictures cannot be used", [told for told in looks if isinstance(told, str)])
    seen = [told for told in looks if isinstance(told, Look)]
    _check_colours(folder, files, seen)
    index = pd.DataFrame(
        {
            "sample": [file.name for file in files],
            "file": [file.path.as_posix() for file in files],
            "recording": [file.name for file in files],
            "begin_s": np.nan,
            "end_s": np.nan,
            "first_trace": ALL,
            "last_trace": ALL,
            "label": [file.label for file in files],
            "group": _groups(folder, files, settings.source),
            "split": [file.part for file in files],
        }
    )
    ready = bool(files[0].part)
    if not ready:
        index = join_same(index, {file.name: look.digest for file, look in zip(files, seen, strict=True)})
    write_index(index, out, str(folder))
    counts = Counter((file.part, file.label) for file in files)
    logger.info("%d pictures: %s", len(files), ", ".join(f"{' '.join(key).strip()} {count}" for key, count in sorted(counts.items())))
    _tell_duplicates(index, "split" if ready else "group", np.stack([look.prints for look in seen]), Path(duplicates))


def _find_pictures(folder: Path, classes: Sequence[str]) -> list[Found]:
    """Return the pictures of a folder, sorted by their paths in it."""
    if not folder.is_dir():
        raise DatasetError(f"{folder}: there is no such folder; expected pictures in folders named after their classes")
    inside = _folders(folder)
    parts = {path: PARTS[path.name.lower()] for path in inside if path.name.lower() in PARTS and path.name not in classes}
    if not inside:
        raise DatasetError(
            f"{folder}: holds no folder; expected one a class ({', '.join(classes)}), or train, validation and test with these"
        )
    problems = []
    if parts and len(parts) < len(inside):
        others = ", ".join(f"'{path.name}'" for path in inside if path not in parts)
        problems.append(
            f"{', '.join(path.name for path in parts)} stand beside {others}; expected parts of the dataset only, or classes only"
        )
    files: list[Found] = []
    ignored = 0
    for base, part in parts.items() if parts else [(folder, "")]:
        for place in _folders(base):
            if place.name not in classes:
                problems.append(f"{place}: no class is called '{place.name}'; {nearest(place.name, classes)}")
                continue
            for path in sorted(place.iterdir()):
                if path.suffix.lower() in SUFFIXES and path.is_file() and not path.name.startswith("."):
                    files.append(Found(path, path.relative_to(folder).as_posix(), place.name, part))
                else:
                    ignored += 1
    for part in sorted(set(parts.values())) or [""]:
        here = {file.label for file in files if file.part == part}
        where = f" in {part}" if part else ""
        problems += [
            f"class '{name}' has no picture{where}; expected {'/'.join(SUFFIXES)} in its folder" for name in classes if name not in here
        ]
    refuse(f"{folder}: its pictures cannot be used", problems)
    if ignored:
        logger.warning("%s: %d files and folders beside the pictures are left out", folder, ignored)
    return sorted(files, key=lambda file: file.name)


def _folders(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))


def _check_colours(folder: Path, files: list[Found], looks: list[Look]) -> None:
    """Refuse grey pictures among coloured ones: a network would tell the classes by that."""
    kinds = {
        kind: [file.name for file, look in zip(files, looks, strict=True) if look.grey == grey]
        for kind, grey in (("grey", True), ("coloured", False))
    }
    if all(kinds.values()):
        shown = " and ".join(
            f"{len(names)} {kind} ({', '.join(names[:3])}{', ...' if len(names) > 3 else ''})" for kind, names in kinds.items()
        )
        raise DatasetError(f"{folder}: {shown} pictures are mixed; make all of them grey, or all coloured, or take the few out")


def _groups(folder: Path, files: list[Found], source: str | None) -> list[str]:
    """Return the original that each picture comes from: by the expression, or itself."""
    if source is None:
        return [file.name for file in files]
    groups, problems = [], []
    for file in files:
        match = re.search(source, file.path.stem)
        if match is None or not match.group(1):
            problems.append(f"{file.name}: '{file.path.stem}' does not match")
        else:
            groups.append(match.group(1))
    refuse(f"{folder}: `source` ({source}) does not name the original of every picture; correct the expression, or the names", problems)
    return groups


def _tell_duplicates(index: pd.DataFrame, between: str, prints: np.ndarray, out: Path) -> None:
    """Write the near-duplicates between splits or groups, and warn of them."""
    table = find_duplicates(index["sample"].tolist(), index[between].tolist(), prints)
    with atomic(out) as part:
        table.to_csv(part, sep="\t", index=False, lineterminator="\n")
    if len(table):
        shown = "; ".join(f"{row.sample} and {row.other} ({row.how}, {row.distance} of 256 bits)" for row in table.head(5).itertuples())
        advice = (
            "scores will be too good. Make the parts anew, with all pictures of one original in one of them"
            if between == "split"
            else "a split may separate them. Give `source`, so that pictures of one original stay together"
        )
        logger.warning("%d pairs of pictures in different %ss show the same: %s; %s", len(table), between, shown, advice)
