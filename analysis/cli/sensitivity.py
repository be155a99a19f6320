"""The verb ``sensitivity``: its options, and its answer for a person and as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from analysis.cli.given import Whole
from analysis.cli.options import parameter_options, remarks
from analysis.cli.verbs import Verb

if TYPE_CHECKING:
    from analysis.studies.decisions.sensitivity import Sensitivity

SHOWN = 8
"""Parameters that a table for a person names; JSON has all."""


@click.command(cls=Verb)
@parameter_options
@click.option(
    "--range", "ranges", multiple=True, metavar="NAME=LOW:HIGH[:log]",
    help="What varies, several times; NAME alone: its usual range; NAME=A,B: these; all: whatever acts.",
)  # fmt: skip
@click.option("--design", "design_file", type=click.Path(path_type=Path), metavar="FILE.yml",
              help="Take what varies from a design of sweep.")  # fmt: skip
@click.option("--host", "host_file", type=click.Path(path_type=Path), help="A calibrated host.")
@click.option("--workload", metavar="NAME", help="A workload that the host was calibrated to.")
@click.option("--preset", default="", metavar="WINDOWS", help="Defaults of a Windows Server.")
@click.option("--samples", type=int, default=4096, show_default=True,
              help="Points of the sequence, a power of two: so many scenarios a parameter.")  # fmt: skip
@click.option("--seed", type=Whole(min=0), default=0, show_default=True)
@click.option("--scale", default="linear", show_default=True, metavar="linear|log",
              help="Variance of times, or of their logarithms.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Write indices with intervals as JSON.")
def sensitivity(
    ranges: tuple[str, ...],
    design_file: Path | None,
    host_file: Path | None,
    workload: str | None,
    preset: str,
    samples: int,
    seed: int,
    scale: str,
    as_json: bool,
    **options: str | None,
) -> None:
    """Say which parameter brownout, blackout and total time hang on, and which lever comes first.

    Options are what is known; what varies is given by --range or --design. With neither, every other
    parameter that acts varies over the range that it has on hosts of today.
    """
    from analysis.cli.workloads import one_workload
    from analysis.cli.written import as_json as written
    from analysis.studies.decisions import sensitivity as study
    from analysis.studies.sweeps import designs

    if ranges and design_file:
        raise click.UsageError("--range and --design both say what varies: give one of them")
    scenario = {name: given for name, given in options.items() if given is not None}
    for line in remarks(options):
        click.echo(line, err=True)
    found = study.sensitivity(
        scenario,
        study.varied(ranges, scenario),
        design=designs.read(design_file) if design_file else None,
        host_file=host_file or "",
        preset=preset,
        workload=one_workload(workload, host_file),
        samples=samples,
        seed=seed,
        scale=scale,
    )
    click.echo(written(figures(found)) if as_json else text(found))


def figures(found: Sensitivity) -> dict[str, Any]:
    """Indices with intervals by outcome, the tornado, the first lever of each, and what was varied."""
    from analysis.studies.decisions.tornado import finding, lead, tornado

    outcomes = list(dict.fromkeys(found.indices.outcome))
    swings = tornado(found)

    def rows(table: Any, outcome: str) -> list[dict[str, Any]]:
        own = table[table.outcome == outcome].drop(columns="outcome")
        return list(own.to_dict("records"))

    levers = {outcome: lead(found, outcome) for outcome in outcomes}
    return {
        "samples": found.samples,
        "seed": found.seed,
        "scale": found.scale,
        "evaluations": found.evaluations,
        "endless_share": found.endless_share,
        "ranges": [_range(axis) for axis in found.design.axes],
        "indices": {outcome: rows(found.indices, outcome) for outcome in outcomes},
        "tornado": {outcome: rows(swings, outcome) for outcome in outcomes},
        "first_lever": {
            name: {"parameter": one.parameter, "from": one.low, "to": one.high, "here": one.here,
                   "beyond": one.beyond, "instead": one.instead}
            for name, one in levers.items()
        },
        "sentence": {name: finding(found, name).replace("**", "") for name in outcomes},
        "scenario": dict(found.base),
    }  # fmt: skip


def _range(axis: Any) -> dict[str, Any]:
    told = {"parameter": axis.name} | ({"of": axis.of} if axis.of else {})
    if not axis.is_range:
        return told | {"values": axis.cells(None).tolist()}
    return told | {"low": axis.low, "high": axis.high, "spacing": "log" if axis.log else "linear"}


def text(found: Sensitivity) -> str:
    """The first lever in sentences, then a table of indices and one of swings for the total time."""
    from analysis.studies.decisions.tornado import finding, tornado

    outcomes = ("total_s", "blackout_s", "brownout_s")
    told = [finding(found, outcome).replace("**", "") for outcome in outcomes[:2]]
    if found.endless_share:
        share = f"{100 * found.endless_share:.2g} % of these scenarios never end"
        told.append(f"{share}; they count as long as the longest that does.")
    of = "logarithms of " if found.scale == "log" else ""
    head = f"Shares of the variance of {of}{{}} (total index with its 90 % interval; first: alone):"
    tables = [f"{head.format(outcome)}\n{_indices(found, outcome)}" for outcome in outcomes]
    swings = tornado(found)
    swung = swings[swings.outcome == "total_s"].head(SHOWN)
    lines = [_swing(row) for row in swung.to_dict("records")]
    alone = "\n".join(["One at a time around the scenario, total_s [s]:", *lines])
    return "\n\n".join(["\n".join(told), *tables, alone])


def _indices(found: Sensitivity, outcome: str) -> str:
    rows = found.of(outcome).head(SHOWN).to_dict("records")
    width = max(len(str(row["parameter"])) for row in rows)
    return "\n".join(
        f"  {row['parameter']:<{width}}  {_index(row)}   first {row['first']:.3f}" for row in rows
    )


def _index(row: Mapping[Any, Any]) -> str:
    return f"{row['total']:6.3f}  ({row['total_low']:.3f} to {row['total_high']:.3f})"


def _swing(row: Mapping[Any, Any]) -> str:
    from analysis.cli.predictions import seconds

    ends = [
        f"{row[end]:.4g}" if isinstance(row[end], (int, float)) else str(row[end]) for end in ("low", "high")
    ]
    span = f"{seconds(row['least'])} to {seconds(row['most'])}"
    return f"  {row['parameter']:<27} {' to '.join(ends):<20} {span}"
