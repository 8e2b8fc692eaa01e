"""What must come when a LiCSAR product is downloaded: a TIFF that opens, whole, with data."""

from pathlib import Path

from fringeflow.errors import ProductError
from fringeflow.licsar.products import EmptyProductError, check_product
from fringeflow.transfer.content import Content, ContentError, refuse_page

TIFF_MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")


def product_content(product: str) -> Content:
    """Return how a product is recognised.

    Its check raises `EmptyProductError` for a sound file without data, which no other try would change.

    Parameters
    ----------
    product : {"unw", "diff_pha", "cc"}
    """

    def check(path: Path) -> None:
        try:
            check_product(path, product)
        except EmptyProductError:
            raise
        except ProductError as error:
            raise ContentError(str(error)) from error

    return Content(_sniff, check)


def _sniff(start: bytes) -> None:
    """Refuse a body whose first bytes are not a TIFF's."""
    refuse_page(start)
    if not any(start.startswith(magic[: len(start)]) for magic in TIFF_MAGIC):
        raise ContentError(f"not a TIFF: it begins with {start[:8]!r}")
