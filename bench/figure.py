"""One measured figure."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """`reference` is the same thing measured beside it on the same machine; `ratio` is value / reference."""

    name: str
    value: float
    unit: str
    reference: float | None = None
    ratio: float | None = None
    note: str = ""
