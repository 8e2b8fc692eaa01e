"""Pictures inside the page: made small, and written as data URIs."""

import io
from base64 import b64decode, b64encode
from dataclasses import dataclass, field
from pathlib import Path

import PIL
from PIL import Image, UnidentifiedImageError

from fringeflow.errors import DatasetError
from fringeflow.files import atomic, sha256_file, sha256_text
from fringeflow.report.captions import Caption

WIDEST = 1400
"""Pixels: wider pictures are reduced."""
QUALITY = 85
"""Of WebP: letters and markers look as in the PNG, at a third of its size."""


@dataclass(frozen=True)
class Picture:
    """A picture with the words around it.

    Attributes
    ----------
    source : str
        Data URI.
    width, height : int
        Pixels.
    title, text : str
        What it shows, and how to read it.
    about : str
        What it is of, for example a view.
    """

    source: str
    width: int
    height: int
    title: str
    text: str
    about: str = ""

    @property
    def shown(self) -> int:
        """The most CSS pixels across: letters of all pictures are then about as large as those of the page."""
        return round(0.75 * self.width)

    @property
    def wide(self) -> bool:
        """Whether it needs the width of the page to be read."""
        return self.width > 1200 or (self.width > 1000 and self.width > 1.7 * self.height)

    @property
    def alt(self) -> str:
        """The words for who cannot see it."""
        return f"{self.title}{f', {self.about}' if self.about else ''}"


@dataclass
class Album:
    """Pictures as the page holds them, kept from one page to the next.

    Making a picture small takes a quarter of a second. Of runs that have not changed since the last page, which is all but a
    few where a strategy is added, there are two pictures each.

    Attributes
    ----------
    folder : Path, optional
        Where they are kept, by the content of their files. What the new page does not show is removed by `tidy`.
    """

    folder: Path | None = None
    used: set[str] = field(default_factory=set)

    def embed(self, path: Path, caption: Caption, about: str = "") -> Picture:
        """Read a picture, reduce it, and put it into a data URI; the same bytes for the same picture.

        Raises
        ------
        DatasetError
            If the file holds no picture.
        """
        text = _encode(path) if self.folder is None else self._kept(self.folder, path)
        with Image.open(io.BytesIO(b64decode(text))) as image:
            width, height = image.size
        return Picture(f"data:image/webp;base64,{text}", width, height, caption.title, caption.text, about)

    def tidy(self) -> None:
        """Remove what no picture of the page has used."""
        for path in self.folder.iterdir() if self.folder and self.folder.is_dir() else ():
            if path.name not in self.used:
                path.unlink()

    def _kept(self, folder: Path, path: Path) -> str:
        """Return an encoded picture from the folder, or encode and keep it; a kept file's first line is the digest of the second."""
        place = folder / sha256_text(f"{sha256_file(path)} {sha256_file(__file__)} {PIL.__version__}")
        self.used.add(place.name)
        if place.is_file():
            digest, _, text = place.read_text(encoding="ascii", errors="replace").partition("\n")
            if sha256_text(text) == digest:
                return text
        text = _encode(path)
        with atomic(place) as part:
            part.write_text(f"{sha256_text(text)}\n{text}", encoding="ascii")
        return text


def _encode(path: Path) -> str:
    """Return a picture as WebP of at most `WIDEST` pixels, in base 64."""
    try:
        with Image.open(path) as opened:
            image = _on_white(opened)
    except (OSError, UnidentifiedImageError) as error:
        raise DatasetError(f"{path}: expected a picture, found something else ({error}); run the workflow to draw it again") from error
    if image.width > WIDEST:
        image = image.resize((WIDEST, max(1, round(image.height * WIDEST / image.width))), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    # Sharp chroma: coloured letters stay legible at half the colour resolution that WebP has.
    image.save(buffer, "WEBP", quality=QUALITY, method=4, use_sharp_yuv=True)
    return b64encode(buffer.getvalue()).decode()


def _on_white(image: Image.Image) -> Image.Image:
    """Return a picture in RGB, white where it is transparent."""
    if image.mode == "RGB":
        return image.copy()
    with_alpha = image.convert("RGBA")
    white = Image.new("RGBA", with_alpha.size, "white")
    return Image.alpha_composite(white, with_alpha).convert("RGB")
