"""Scenarios as the laws of this folder take them: numbers by name, words as codes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from analysis.arrays import Columns, Floats
from analysis.parameters import PARAMETERS, defaults

Numbers: TypeAlias = list[float]
"""Numbers that a law fills in or reads by their places; arrays where it is compiled."""


class Scenario:
    """One scenario: each parameter an attribute, words as codes; a row of a table where laws are compiled."""

    def __init__(self, **values: float) -> None:
        self.__dict__.update(values)

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> float: ...


CODES: Mapping[str, Mapping[str, float]] = {
    name: {word: float(code) for code, word in enumerate(parameter.choices)}
    for name, parameter in PARAMETERS.items()
    if parameter.choices
}
"""Codes of the words of each parameter that takes words."""


def coded(name: str, column: NDArray[Any]) -> Floats:
    """A column of numbers as float64, words by their codes."""
    if name not in CODES:
        return np.asarray(column, float)
    if len(column) > 1 and not column.strides[0]:
        return np.broadcast_to(coded(name, column[:1]), len(column))
    return np.fromiter(map(CODES[name].__getitem__, column.tolist()), float, len(column))


def scenarios(columns: Columns) -> Iterator[Scenario]:
    """A scenario for each row of checked columns, each of one value or of one a row."""
    rows, usual = max(len(column) for column in columns.values()), usual_columns()
    same = {name: value for name, value in _usual_values().items() if columns.get(name) is usual[name]}
    listed = {name: coded(name, column).tolist() for name, column in columns.items() if name not in same}
    listed = {name: values * rows if len(values) == 1 else values for name, values in listed.items()}
    for values in zip(*listed.values(), strict=True) if listed else [()] * rows:
        yield Scenario(**same, **dict(zip(listed, values, strict=True)))


@cache
def usual_columns() -> Columns:
    """Every parameter's default as a column of one value, made once and not to be written to."""
    columns = {name: np.full(1, value) for name, value in defaults().items()}
    for column in columns.values():
        column.flags.writeable = False
    return columns


@cache
def _usual_values() -> dict[str, float]:
    return {name: float(coded(name, column)[0]) for name, column in usual_columns().items()}
