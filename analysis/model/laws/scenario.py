"""Scenarios as the laws of this folder take them: numbers by name, words as codes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

from analysis.arrays import Columns
from analysis.parameters import PARAMETERS

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


def scenario(values: Mapping[str, Any]) -> Scenario:
    """One scenario from a value for each parameter."""
    return Scenario(
        **{name: CODES[name][value] if name in CODES else float(value) for name, value in values.items()}
    )


def scenarios(columns: Columns) -> Iterator[Scenario]:
    """A scenario for each row of checked columns of all parameters."""
    rows = max(len(column) for column in columns.values())
    listed = {name: column.tolist() * (rows if len(column) == 1 else 1) for name, column in columns.items()}
    for values in zip(*listed.values(), strict=True):
        yield scenario(dict(zip(listed, values, strict=True)))
