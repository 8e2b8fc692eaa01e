"""Files that must not reach ObsPy's readers as they are: some of these trust what a file says more than is safe."""

from pathlib import Path

from fringeflow.errors import DatasetError

GSE_LINE = 80
"""Longest line of samples in a GSE file, by its format; ObsPy's buffer in C takes 82 with the line's end."""
PRINTABLE = bytes(range(32, 127)) + b"\t"
INDEXES = {"CSS": slice(148, 245), "NNSA_KB_CORE": slice(149, 246)}
"""Where a line of a table of waveforms names the folder (64 characters, a blank, then 32 of the name) of its samples."""


def check_harmless(path: Path, name: str) -> None:
    """Refuse what a reader would choke on: text of GSE that its C code cannot hold, tables that lead out of their folder.

    libgse2 copies a line into a buffer of 83 bytes whatever its length, and looks characters up in a table of 128: other bytes
    are read from beyond it. Both end in a segmentation fault at best. CSS and NNSA tables name the files of their samples.

    Parameters
    ----------
    path : Path
    name : str
        Its format, as ObsPy calls it.

    Raises
    ------
    DatasetError
    """
    if name in ("GSE1", "GSE2"):
        _check_text(path, name)
    if name in INDEXES:
        _check_inside(path, name)


def _check_text(path: Path, name: str) -> None:
    samples = False
    for number, line in enumerate(path.read_bytes().split(b"\n"), 1):
        line = line.removesuffix(b"\r")
        strange = line.translate(None, PRINTABLE)
        if strange or (samples and len(line) > GSE_LINE):
            found = f"the byte {strange[:1]!r}" if strange else f"{len(line)} characters"
            raise DatasetError(
                f"{path}: looks like {name}, but its line {number} holds {found}; expected printable ASCII, and at most {GSE_LINE} characters "
                "in a line of samples. It may be damaged: copy it again, or take it out of the label table"
            )
        samples = line.startswith(b"DAT") or (samples and not line.startswith((b"CHK", b"WID", b"XW0")))


def _check_inside(path: Path, name: str) -> None:
    home = path.resolve().parent
    for number, line in enumerate(path.read_bytes().splitlines(), 1):
        named = line[INDEXES[name]].decode("ascii", errors="replace")
        place = home / named[:64].strip() / named[65:].strip()
        if "\0" in named or not all(other.resolve().is_relative_to(home) for other in (place, place.with_name(f"{place.name}.gz"))):
            raise DatasetError(
                f"{path}: looks like {name}, and its line {number} names samples in '{place}', outside its folder; expected them beside it. "
                "Move them there and correct the line, or take it out of the label table"
            )
