"""Reading a picture: any common format becomes three planes between 0 and 1."""

from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from fringeflow.errors import DatasetError

FORMATS = ("PNG", "JPEG", "TIFF", "BMP", "GIF", "WEBP", "PPM")
"""What Pillow may open: pictures of pixels. Others start programs (EPS) or do not belong here."""
SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".gif", ".webp", ".ppm", ".pgm")
GREY_TOLERANCE = 2 / 255
"""Most that the planes of a grey picture differ by: lossy formats round each plane for itself."""


def read_picture(path: str | Path, crop: tuple[int, int, int, int] | None = None) -> np.ndarray:
    """Read a picture as it is seen, cropped.

    Alpha is dropped on white, a palette is looked up, a rotation noted by a camera is applied, of several frames the first is
    taken. 8 bits become 0..1 by division by 255, 16 bits by 65535.

    Parameters
    ----------
    path : str or Path
    crop : tuple of int or None
        Left, top, right, bottom in pixels, right and bottom excluded; None keeps all.

    Returns
    -------
    ndarray of float32, shape (3, rows, columns), 0..1
        Red, green, blue; three equal planes if the picture is grey.

    Raises
    ------
    DatasetError
        If the file is missing, empty, cut off, no picture, of more pixels than Pillow deems harmless, of floating-point values,
        or if the crop box reaches outside the picture.
    """
    path = Path(path)
    try:
        with Image.open(path, formats=FORMATS) as image:
            if image.width * image.height > (Image.MAX_IMAGE_PIXELS or np.inf):
                raise Image.DecompressionBombError(f"{image.width} x {image.height} pixels")
            seen = ImageOps.exif_transpose(image)
            if crop is not None:
                _check_box(path, seen.size, crop)
                seen = seen.crop(crop)
            return _planes(path, seen)
    except DatasetError:
        raise
    except Image.DecompressionBombError as error:
        raise DatasetError(
            f"{path}: too large a picture ({error}); at most {Image.MAX_IMAGE_PIXELS:,} pixels are read. Make it smaller, or take it out"
        ) from error
    except UnidentifiedImageError as error:
        size = path.stat().st_size
        raise DatasetError(f"{path}: not a picture ({size} bytes); expected {', '.join(FORMATS)}. Copy it again, or take it out") from error
    except (OSError, ValueError, SyntaxError) as error:  # Pillow's decoders raise all three
        raise DatasetError(f"{path}: cannot be read as a picture ({error}); it may be cut off: copy it again, or take it out") from error


def is_grey(planes: np.ndarray) -> bool:
    """Tell whether the three planes of a picture, shape (3, rows, columns), are equal but for rounding."""
    return bool(np.all(np.abs(planes[1:] - planes[0]) <= GREY_TOLERANCE))


def _check_box(path: Path, size: tuple[int, int], crop: tuple[int, int, int, int]) -> None:
    left, top, right, bottom = crop
    if not (0 <= left < right <= size[0] and 0 <= top < bottom <= size[1]):
        raise DatasetError(
            f"{path}: the crop box {list(crop)} (left, top, right, bottom) reaches outside the picture of {size[0]} x {size[1]} pixels; "
            "correct crop, or take the picture out"
        )


def _planes(path: Path, image: Image.Image) -> np.ndarray:
    """Return an image's pixels as three planes between 0 and 1."""
    if image.mode == "F":
        raise DatasetError(f"{path}: holds floating-point values, whose black and white nothing tells; save it with 8 or 16 bits")
    if image.mode.startswith("I"):
        grey = np.asarray(image, dtype=np.float32) / 65535
        if grey.min() < 0 or grey.max() > 1:
            raise DatasetError(f"{path}: holds values from {grey.min() * 65535:g} to {grey.max() * 65535:g}; save it with 8 or 16 bits")
        return np.repeat(grey[None], 3, axis=0)
    if image.has_transparency_data:
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(white, image)
    return np.ascontiguousarray(np.moveaxis(np.asarray(image.convert("RGB"), dtype=np.float32) / 255, -1, 0))
