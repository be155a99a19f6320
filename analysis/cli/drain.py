"""The verb ``drain``: its options, and what it says to a person and to a program."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from analysis import whole
from analysis.cli.given import Finite, Whole
from analysis.cli.options import parameter_options
from analysis.cli.verbs import Verb

SHOWN = 60
"""Moves that a person is shown; ``--json`` has all."""

PICTURES = (".svg", ".png", ".pdf")
"""What a name of a picture ends in."""


@click.command(cls=Verb)
@click.argument("inventory", type=click.Path(path_type=Path))
@click.option("--nodes", "nodes_file", type=click.Path(path_type=Path), metavar="NODES.csv",
              help="Nodes: node, memory_gib or free_gib, bandwidth_gbps, any link parameter.")  # fmt: skip
@click.option(
    "--node", "empty", multiple=True, metavar="NAME", help="Empty this node; may be given several times."
)
@click.option(
    "--roll", is_flag=True, help="Empty, reboot and refill the nodes in turn (all, or those of --node)."
)
@click.option("--reboot-min", type=Finite(0, 1e6, "min"), default=10.0, show_default=True, metavar="MIN",
              help="How long a node takes to reboot (--roll).")  # fmt: skip
@click.option("--parallel-limit", type=Whole(min=1), help="Migrations at once of every node.")
@click.option("--barrier", is_flag=True, help="Move in batches that wait for their slowest.")
@click.option("--batch-gap-s", type=Finite(0, 1e6, "s"), default=0.0, help="Time between two batches [s].")
@click.option("--system", "system_name", default="hyperv", show_default=True,
              metavar="hyperv|kubevirt|nova|proxmox", help="Whose limits, order and rules hold.")  # fmt: skip
@click.option(
    "--preset", default="", metavar="WINDOWS", help="Defaults of a Windows Server, for example windows_2022."
)
@click.option(
    "--host", "host_file", type=click.Path(path_type=Path), help="A calibrated host (see calibrate)."
)
@click.option("--orchestration-s", type=Finite(0, 1e6, "s"), default=0.0,
              help="What the system adds to each move, beside the model's set-up [s].")  # fmt: skip
@click.option("--storage-gib-per-s", type=Finite(0.001, 1e6, "GiB/s"), default=1.0, show_default=True,
              help="Rate at which a quick migration saves and restores memory.")  # fmt: skip
@click.option(
    "--all-live", is_flag=True, help="Live migrate machines of low priority too (MoveTypeThreshold 1000)."
)
@click.option("--order", default="system", show_default=True,
              metavar="system|first|smallest|largest|hardest", help="The order to carry out.")  # fmt: skip
@click.option("--seconds", type=Finite(0, 86400, "s"), default=0.0,
              help="Search so long for a better order and placement, and take the best found.")  # fmt: skip
@click.option("--seed", type=Whole(min=0), default=0, help="Of the search and of what is drawn.")
@click.option(
    "--start",
    default="",
    metavar="TIME",
    help="When it begins: 22:00, or 2026-05-04T22:00 (now if not given).",
)
@click.option(
    "--until", default="", metavar="TIME", help="When it has to be done: says when to start at the latest."
)
@click.option("--powershell", type=click.Path(dir_okay=False, path_type=Path), metavar="PLAN.ps1",
              help="Write PowerShell that carries the plan out.")  # fmt: skip
@click.option("--gantt", type=click.Path(dir_okay=False, path_type=Path), metavar="PLAN.svg",
              help="Write a picture of the plan (.svg, .png or .pdf).")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Write the answer as JSON to standard output.")
@parameter_options
def drain(
    inventory: Path, as_json: bool, powershell: Path | None, gantt: Path | None, **options: Any
) -> None:
    """How long emptying a node takes, in which order, and how far that is from the best.

    INVENTORY.csv has a row a machine: machine, node, memory_gib, optionally destination, priority, group,
    owners, deadline, and any parameter of the study; or is what Get-VM or Get-ClusterGroup exported.
    Without --node the rows that name a destination are the moves.
    """
    from analysis import writable
    from analysis.cli import drained

    given = click.get_current_context().get_parameter_source("reboot_min")
    if given is click.core.ParameterSource.COMMANDLINE and not options["roll"]:
        raise click.UsageError("--reboot-min is how long a node takes to reboot: it goes with --roll")
    if gantt and gantt.suffix.lower() not in PICTURES:
        raise click.UsageError(f"--gantt {str(gantt)!r} is named like no picture: {', '.join(PICTURES)}")
    for path in (powershell, gantt):
        if path:
            writable.file(path)
    if options["seconds"] >= 1 and drained.has_to_compile():
        click.echo("note: the first search compiles the simulation: half a minute, once", err=True)
    found = drained.answered(inventory, options)
    for note in found.notes:
        click.echo(f"note: {note}", err=True)
    if powershell:
        whole.write(powershell, found.powershell().encode("utf-8-sig"))
    if gantt:
        found.draw(gantt)
    click.echo(found.as_json() if as_json else found.text(SHOWN))
