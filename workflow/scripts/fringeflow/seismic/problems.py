"""One message for all problems of a table or a folder, and the names of a dataset's parts."""

from collections.abc import Sequence

from fringeflow.errors import DatasetError, bullets

PARTS = {"train": "train", "val": "validation", "valid": "validation", "validation": "validation", "test": "test"}
"""What folders and tables may call the parts of a dataset, and what they are called here."""


def refuse(what: str, problems: Sequence[str]) -> None:
    """Raise one error that lists all problems, or do nothing if there is none.

    Raises
    ------
    DatasetError

    Examples
    --------
    >>> refuse("labels.tsv: cannot be used", [])
    """
    if problems:
        raise DatasetError(f"{what}:{bullets(problems)}")
