"""Every parameter as a command-line option, made from :mod:`analysis.parameters`."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import click

from analysis import quantities, unusual
from analysis.parameters import PARAMETERS, Parameter, ParameterError

MOST_ROWS = 100_000
"""Rows of a table that one command makes in memory."""
Command = TypeVar("Command", bound=Callable[..., Any])


def parameter_options(command: Command) -> Command:
    """Give a click command one option for each parameter: ``--bandwidth-gbps 1,10,25``."""
    for parameter in reversed(list(PARAMETERS.values())):
        flag = "--" + parameter.name.replace("_", "-")
        command = click.option(flag, parameter.name, metavar=_metavar(parameter), help=_help(parameter))(
            command
        )
    return command


class Quantity(click.ParamType):  # type: ignore[type-arg]  # older releases of click take no argument
    """A number in the unit of a parameter, or with a unit of its own."""

    name = "quantity"

    def __init__(self, parameter: str) -> None:
        self._parameter = PARAMETERS[parameter]

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """The number; a usage error with the parameter's own sentence if it is none."""
        try:
            return float(self._parameter.check(value))
        except ParameterError as error:
            self.fail(str(error), param, ctx)


class Share(click.ParamType):  # type: ignore[type-arg]  # as above
    """A share: a number, or per cent. What range it has, the study says that takes it."""

    name = "share"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """The number; a usage error that says how a share is written."""
        try:
            return float(value)
        except ValueError:
            pass
        try:
            return quantities.read(value, "0-1")
        except quantities.UnitError:
            self.fail(f"{value!r} is no share: write 0.95, or 95%", param, ctx)


def scenarios(options: dict[str, str | None]) -> dict[str, list[Any]]:
    """Rows of scenarios, as columns, from option texts: every combination of comma-separated values.

    Options that were not given are left out. Raises ParameterError for a value outside its range.
    """
    values = {name: _values(name, text) for name, text in options.items() if text is not None}
    count = math.prod(map(len, values.values()))
    if count > MOST_ROWS:
        raise ParameterError(
            f"every combination of these values would be {count:,} rows, more than {MOST_ROWS:,}: "
            "use a sweep for that"
        )
    rows = list(itertools.product(*values.values()))
    return {name: [row[i] for row in rows] for i, name in enumerate(values)}


def _values(name: str, text: str) -> list[Any]:
    parts = [part.strip() for part in text.split(",")]
    if "" in parts:
        raise ParameterError(f"{name} = {text!r} has an empty place between its commas")
    try:
        checked: list[Any] = PARAMETERS[name].check(parts).tolist()
    except ParameterError as error:
        if not unusual.is_decimal_comma(text):
            raise
        raise ParameterError(f"{error}; {text!r} is two values, decimals take a point") from None
    return checked


def remarks(options: dict[str, str | None], more: Mapping[str, str | None] | None = None) -> list[str]:
    """Lines for standard error on values that are allowed and hardly meant, and on how texts were read.

    ``more``: other texts that may be several numbers, such as targets.
    """
    return unusual.lines(unusual.read_as({**options, **(more or {})}) + unusual.remarks(scenarios(options)))


def _metavar(parameter: Parameter) -> str:
    return "|".join(parameter.choices) if parameter.choices else (parameter.unit or "number").upper()


def _help(parameter: Parameter) -> str:
    default = "as the preset has it" if parameter.default != parameter.default else f"{parameter.default}"
    return f"{parameter.meaning}  [default: {default}]"
