"""Earlier migrations of a machine on the command line: their options, and what they made of a prediction."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import click

from analysis.cli.given import Finite
from analysis.errors import UserError

Command = TypeVar("Command", bound=Callable[..., Any])
FLAGS = {"last_total_s": "--last-time", "last_blackout_s": "--last-blackout"}
"""Options by the names of what they tell (``studies.hosts.earlier.LAST``)."""
LEAST_S, MOST_S = 1e-6, 1e7
"""Seconds that an option takes."""
_HELP = {
    "last_total_s": "Time that this very machine took before; once for each earlier migration. Needs --host.",
    "last_blackout_s": "For how long it was frozen then; once for each earlier migration. Needs --host.",
}
_SAYS = {
    "last_total_s": ("total_s", "Earlier times count {share}: the host alone says {said}{ends}."),
    "last_blackout_s": ("blackout_s", "Earlier pauses count {share}: the host alone says {said}{ends}."),
}


def last_options(command: Command) -> Command:
    """Give a click command the options for earlier migrations."""
    for name, flag in reversed(FLAGS.items()):
        kind = Finite(LEAST_S, MOST_S, "s")
        command = click.option(flag, name, type=kind, multiple=True, metavar="S", help=_HELP[name])(command)
    return command


def refuse_without_host(before: Mapping[str, Sequence[float]]) -> None:
    """UserError where there are earlier migrations, and no host to weigh them."""
    for name in before:
        from analysis.studies.hosts.earlier import NO_HOST

        raise UserError(f"{FLAGS[name]} {NO_HOST}; --host FILE")


def refuse_several(before: Mapping[str, Sequence[float]], scenarios: int) -> None:
    """UserError where earlier migrations would be those of several scenarios."""
    for name in before:
        if scenarios > 1:
            raise UserError(
                f"{FLAGS[name]} tells of one machine, and these options make {scenarios:,} scenarios: "
                "give one value of each"
            )


def sentences(row: Mapping[str, Any]) -> list[str]:
    """What earlier migrations made of a prediction: how much they count, and which hardly belong to it."""
    told = []
    for name, (outcome, words) in _SAYS.items():
        if name in row:
            told += [_weighed(row, outcome, words), *_odd(row, name, outcome)]
    return told


def _weighed(row: Mapping[str, Any], outcome: str, words: str) -> str:
    from analysis.cli.predictions import seconds

    if math.isnan(row[f"{outcome}_weight"]):
        return (
            "Earlier migrations count nothing: the host was calibrated to no repeats of one configuration, "
            "so nobody knows how much one tells of the next."
        )
    low, high = (row[f"{outcome}_of_host_{end}90"] for end in ("low", "high"))
    ends = f" (nine in ten: {seconds(low)} to {seconds(high)})"
    share = f"{100 * row[f'{outcome}_weight']:.0f} %"
    return words.format(share=share, said=seconds(row[f"{outcome}_of_host"]), ends=ends)


def _odd(row: Mapping[str, Any], name: str, outcome: str) -> list[str]:
    """A sentence where earlier ones are farther from what the host says than one in a thousand."""
    from analysis.cli.predictions import seconds

    low, high = (row[f"{outcome}_of_host_{end}999"] for end in ("low", "high"))
    odd = [value for value in row[name] if not low <= value <= high]
    if not odd:
        return []
    which = ", ".join(seconds(value) for value in odd)
    if not math.isfinite(row[f"{outcome}_of_host"]):
        return [f"note: by the host it never ends, so {which} was hardly this configuration: it is left out."]
    short = outcome == "total_s" and min(odd) < row["work_s"]
    work = f", and its content alone takes {seconds(row['work_s'])}: left out" if short else ""
    return [
        f"note: {which} {'is' if len(odd) == 1 else 'are'} far off: by the host all but one in a thousand "
        f"lie between {seconds(low)} and {seconds(high)}{work}. Was it another configuration (memory, "
        "writes, link)?"
    ]
