"""Scenarios as the laws of this folder take them: numbers by name, words as codes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import SimpleNamespace
from typing import Any

from analysis.arrays import Columns
from analysis.parameters import PARAMETERS

CODES: Mapping[str, Mapping[str, float]] = {
    name: {word: float(code) for code, word in enumerate(parameter.choices)}
    for name, parameter in PARAMETERS.items()
    if parameter.choices
}
"""Codes of the words of each parameter that takes words."""


def scenario(values: Mapping[str, Any]) -> SimpleNamespace:
    """One scenario from a value for each parameter."""
    return SimpleNamespace(
        **{name: CODES[name][value] if name in CODES else float(value) for name, value in values.items()}
    )


def scenarios(columns: Columns) -> Iterator[SimpleNamespace]:
    """A scenario for each row of checked columns of all parameters."""
    rows = max(len(column) for column in columns.values())
    listed = {name: column.tolist() * (rows if len(column) == 1 else 1) for name, column in columns.items()}
    for values in zip(*listed.values(), strict=True):
        yield scenario(dict(zip(listed, values, strict=True)))
