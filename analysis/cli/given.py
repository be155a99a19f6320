"""What was given on the command line, before any verb looks at it: numbers that are some, places with a name.

And how it is shown again in a message: in one line that no terminal obeys, whatever a name was made of.
"""

from __future__ import annotations

import errno
import math
import re
from collections.abc import Sequence
from typing import Any

import click

from analysis import quantities

MOST_WORKERS = 1024
"""Processes of one command: a machine has fewer cores, and each takes some 100 MB."""
LONGEST_WORD, KEPT = 300, 60
"""A word of a message that is longer is told by its ends."""
_OF_PLACES = (
    *("ENAMETOOLONG", "ENOTDIR", "EISDIR", "ENOENT", "ELOOP", "EACCES", "EPERM", "EROFS"),
    *("ENXIO", "ENODEV", "EINVAL", "EFBIG"),
)


class Finite(click.FloatRange):
    """A number of a range, in ``unit`` or with a unit of its own; neither infinity nor NaN is one."""

    name = "number"

    def __init__(self, low: float, high: float, unit: str) -> None:
        super().__init__(min=low, max=high)
        self.unit = unit

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """The number; a usage error that says what is allowed."""
        number = float(super().convert(self._in_unit(value, param, ctx), param, ctx))
        if not math.isfinite(number):
            self.fail(f"{number:g} is not a finite number.", param, ctx)
        return number

    def _in_unit(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """A text with a unit as the number of ours; anything else as it is."""
        try:
            return quantities.read(value, self.unit) if isinstance(value, str) else value
        except quantities.UnitError as error:
            if str(error):
                self.fail(f"{value!r} is no number of {self.unit}: {error}", param, ctx)
            return value


class Whole(click.IntRange):
    """A whole number of a range, and called so."""

    name = "whole number"


def workers() -> click.IntRange:
    """How many processes there may be."""
    return Whole(min=1, max=MOST_WORKERS)


def refuse_empty(command: click.Command, args: Sequence[str]) -> None:
    """UsageError for a place or an address that is an empty text: click would take it for this folder."""
    flags = {flag: p for p in command.params for flag in p.opts}
    places = [p for p in command.params if isinstance(p, click.Argument) and _is_place(p)]
    for before, word in zip(["", *args], args, strict=False):
        name, equals, value = word.partition("=")
        option = flags.get(name) if equals and word.startswith("--") else flags.get(before)
        given = value if equals and word.startswith("--") else word
        if given.strip():
            continue
        if option is not None and _is_place(option):
            raise click.UsageError(f"{option.opts[0]} is empty: give {_what(option)}, or leave it out")
        if places and (option is None or getattr(option, "is_flag", False)):
            raise click.UsageError(f"{(places[0].name or '').upper()} is empty: give the name of a file")


def flags(command: click.Command) -> list[str]:
    """All options of a verb as they are written."""
    return [flag for param in command.params for flag in param.opts if flag.startswith("-")]


def without_value(command: click.Command, error: click.BadOptionUsage) -> click.UsageError:
    """The error of an option without its value, with what it takes; that of another kind as it is."""
    option = next((p for p in command.params if error.option_name in p.opts), None)
    if not isinstance(option, click.Option) or option.is_flag:
        return error
    metavar = option.metavar or " ".join(["VALUE"] * option.nargs)
    return click.UsageError(f"{error.format_message().rstrip('.')}: {error.option_name} {metavar}", error.ctx)


def too_many(command: click.Command, word: str) -> str:
    """What is said of a word that a verb does not take, with the option that was probably meant."""
    takes = [str(p.name).upper() for p in command.params if isinstance(p, click.Argument)]
    told = f"{command.name} takes {f'one {takes[0]} and options' if takes else 'options only'}"
    name, equals, value = word.partition("=")
    option = f"--{name.replace('_', '-')}"
    hint = f"; write {option} {value}" if equals and option in flags(command) else ""
    return f"{told}; {word!r} is a word too many{hint}"


def _is_place(param: click.Parameter) -> bool:
    return isinstance(param.type, click.Path) or "--scheduler" in param.opts


def _what(param: click.Parameter) -> str:
    if "--scheduler" in param.opts:
        return "an address, tcp://HOST:PORT"
    return "the name of a folder" if not getattr(param.type, "file_okay", True) else "the name of a file"


def told(error: OSError) -> click.ClickException | None:
    """What a system says of a place that was given, as a sentence; None where it is no matter of a place.

    A full disk is none: see :mod:`.stopping`.
    """
    name = errno.errorcode.get(error.errno or 0, "")
    place = error.filename2 or error.filename
    if not place or name not in _OF_PLACES:
        return None
    return click.UsageError(f"'{place}' cannot be used: {(error.strerror or name).lower()}")


_UNSEEN = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_LONG = re.compile(rf"\S{{{LONGEST_WORD},}}")


def shown(text: str) -> str:
    r"""A text without what a terminal would obey or could not write, its longest words told by their ends.

    >>> shown("web\x1b[2J01")
    'web\\x1b[2J01'
    """
    seen = _UNSEEN.sub(lambda found: ascii(found[0])[1:-1], text)
    return _LONG.sub(lambda found: f"{found[0][:KEPT]}...{found[0][-KEPT:]}", seen)
