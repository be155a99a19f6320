"""The verb ``observe``: what a host recorded, what it was taken for, and line by line how."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from analysis.cli.options import Quantity
from analysis.cli.verbs import Verb
from analysis.cli.written import as_json as written

if TYPE_CHECKING:
    from analysis.observations.record import Record

WIDTH = 64
"""Characters of a line that --explain shows."""

units_option = click.option(
    "--accept-units",
    is_flag=True,
    help="Take a column of an own table in the unit its name tells (bandwidth_mbps, total_time_ms).",
)


@click.command(cls=Verb)
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--pattern", help="Regular expression for messages of events; groups such as (?P<blackout_s>...)."
)
@click.option(
    "--name", "names", multiple=True, metavar="LOCAL=ENGLISH",
    help="English name of a counter on a Windows in another language; may be given several times.",
)  # fmt: skip
@click.option(
    "--memory-gib",
    type=Quantity("memory_gib"),
    metavar="GIB",
    help="Memory of the machines that FILES do not tell.",
)
@units_option
@click.option("--explain", is_flag=True, help="Say line by line what was taken for what.")
@click.option("--json", "as_json", is_flag=True, help="Write migrations, passes and notes as JSON.")
def observe(
    files: tuple[Path, ...],
    pattern: str | None,
    names: tuple[str, ...],
    memory_gib: float | None,
    accept_units: bool,
    explain: bool,
    as_json: bool,
) -> None:
    """Read what a host recorded in FILES; say what each is and what it holds.

    Event logs (.evtx, Export-Csv, Export-Clixml, Format-List, XML), performance counters (typeperf, logman,
    relog, Get-Counter), Measure-Command; QEMU's query-migrate (JSON) and info migrate, virsh domjobinfo; logs
    of Proxmox VE, OpenStack, KubeVirt, oVirt and Xen, rotated and packed; own tables. The content tells it.
    """
    from analysis.cli import given, observed
    from analysis.cli.reading import progress_bar
    from analysis.observations.events import compiled

    compiled(pattern)  # one that cannot be used is told whatever the files are
    with progress_bar() as progress:
        found = observed.observed(
            files, pattern, observed.local_names(names), progress, memory_gib, accept_units=accept_units
        )
    if as_json:
        figures = observed.observed_figures(found)
        click.echo(written(figures | ({"explain": lines_of(found, files)} if explain else {})))
        return
    click.echo(given.shown(observed.observed_text(found)))
    if explain:
        click.echo(given.shown("\n" + explained_text(found, files)))


def lines_of(found: Record, paths: Sequence[Path]) -> list[dict[str, Any]]:
    """Lines with what each was taken for, as ``--explain --json`` prints them."""
    from dataclasses import asdict

    from analysis.observations.explain import explained

    return [asdict(one) for one in explained(found, paths)]


def explained_text(found: Record, paths: Sequence[Path]) -> str:
    """Lines with what each was taken for; those that tell nothing are counted."""
    from analysis.observations.explain import explained

    parts: list[str] = []
    file = ""
    for one in explained(found, paths):
        if one.file != file:
            file = one.file
            parts.append(f"{file}, line by line:")
        text = one.text if len(one.text) <= WIDTH else one.text[: WIDTH - 3] + "..."
        if one.taken:
            parts.append(f"{one.line:7}  {text}\n         -> {one.taken}")
        elif one.last_line > one.line:
            lines = f"from lines {one.line} to {one.last_line}"
            parts.append(f"{one.line:7}  {text}\n         .. nothing was taken {lines}")
        else:
            parts.append(f"{one.line:7}  {text}\n         .. nothing was taken")
    return "\n".join(parts)
