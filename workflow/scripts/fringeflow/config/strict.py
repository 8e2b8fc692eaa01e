"""What all parts of the configuration have in common."""

from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field


def _once(values: list[Any]) -> list[Any]:
    for number, value in enumerate(values):
        if value in values[:number]:
            raise ValueError(f"lists {value!r} twice; its runs would be made and counted twice, so leave one out")
    return values


Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_+.-]*$", max_length=64)]
Fraction = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0)]
Once = AfterValidator(_once)
"""Of a list: nothing stands in it twice."""


class Strict(BaseModel):
    """Base of all: an unknown key is an error, a number is finite, and a value is never changed after reading."""

    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=(), allow_inf_nan=False)


def in_utc(moment: datetime) -> datetime:
    """Return a time in UTC; one without a zone is in UTC already.

    Raises
    ------
    ValueError
        If it is not within the years 1 to 9999 there.

    Examples
    --------
    >>> in_utc(datetime.fromisoformat("2021-03-03T12:16:08+02:00")).isoformat()
    '2021-03-03T10:16:08+00:00'
    """
    try:
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except OverflowError:
        raise ValueError(f"{moment.isoformat()} lies outside the years 1 to 9999 in UTC") from None
