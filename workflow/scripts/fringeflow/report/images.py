"""Pictures inside the page: made small, and written as data URIs."""

import io
from base64 import b64encode
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, UnidentifiedImageError

from fringeflow.errors import DatasetError
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


def embed_picture(path: Path, caption: Caption, about: str = "") -> Picture:
    """Read a picture, reduce it, and put it into a data URI; the same bytes for the same picture.

    Raises
    ------
    DatasetError
        If the file holds no picture.
    """
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
    source = f"data:image/webp;base64,{b64encode(buffer.getvalue()).decode()}"
    return Picture(source, image.width, image.height, caption.title, caption.text, about)


def _on_white(image: Image.Image) -> Image.Image:
    """Return a picture in RGB, white where it is transparent."""
    if image.mode == "RGB":
        return image.copy()
    with_alpha = image.convert("RGBA")
    white = Image.new("RGBA", with_alpha.size, "white")
    return Image.alpha_composite(white, with_alpha).convert("RGB")
