"""The verb ``advise``: its options, and its answer for a person and as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from analysis.cli.options import parameter_options, remarks, scenarios
from analysis.cli.verbs import Verb
from analysis.errors import UserError

if TYPE_CHECKING:
    import pandas as pd

    from analysis.studies.decisions.changes import Situation


@click.command(cls=Verb)
@parameter_options
@click.option("--at-hand", default="", metavar="NAME[=VALUE],...",
              help="What can be had beside mere settings: rdma, jumbo, dedicated, native, cores=8, "
              "buffers=4096, link=25, version=windows_2025.")  # fmt: skip
@click.option("--host", "host_file", type=click.Path(path_type=Path), help="A calibrated host.")
@click.option("--workload", metavar="NAME", help="A workload that the host was calibrated to.")
@click.option("--preset", default="", metavar="WINDOWS", help="The Windows Server of the source.")
@click.option("--to", "destination", default="", metavar="WINDOWS",
              help="The Windows Server of the destination; that of the source if not given.")  # fmt: skip
@click.option("--machines", default="1", metavar="NUMBER", show_default=True,
              help="How many such machines have to move.")  # fmt: skip
@click.option("--at-once", default="", metavar="NUMBER",
              help="How many move at a time; as the preset has it if not given.")  # fmt: skip
@click.option("--goal", default="total", show_default=True, metavar="total|blackout",
              help="Which time is to shrink.")  # fmt: skip
@click.option("--relearn-ms", default="0", metavar="MS", show_default=True,
              help="Time the network needs to learn where the machine is now.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Write the ranked rows as JSON.")
def advise(
    at_hand: str,
    host_file: Path | None,
    workload: str | None,
    preset: str,
    destination: str,
    machines: str,
    at_once: str,
    goal: str,
    relearn_ms: str,
    as_json: bool,
    **options: str | None,
) -> None:
    """Say what to change first about a migration, with what it gains and the commands that do it.

    Options describe the machine, the hosts and today's settings. Every combination of up to three changes at
    hand goes through the model. With --host gains have intervals, and what gains less is called no gain.
    """
    from analysis.cli.written import as_json as written

    for line in remarks(options):
        click.echo(line, err=True)
    case = situation(options, at_hand, host_file, preset, destination, machines, at_once, workload)
    rows = advised_rows(case, goal, relearn_ms)
    commands = {"host_file": host_file or "", "preset": preset, "workload": case.workload}
    click.echo(written(figures(rows, commands)) if as_json else text(rows, commands, goal))


def situation(
    options: Mapping[str, str | None],
    at_hand: str = "",
    host_file: Path | None = None,
    preset: str = "",
    destination: str = "",
    machines: str = "1",
    at_once: str = "",
    workload: str | None = None,
) -> Situation:
    """What is asked about, from texts; UserError for what cannot be."""
    from analysis import presets
    from analysis.cli.workloads import one_workload
    from analysis.studies.decisions.changes import Situation, pair
    from analysis.studies.decisions.levers import at_hand as read
    from analysis.studies.hosts.host import load_host, on

    if destination and not preset:
        raise UserError("--to names the destination's Windows Server: name the source's with --preset")
    columns = scenarios(dict(options))
    for name, values in columns.items():
        if len(set(values)) > 1:
            several = ", ".join(map(str, dict.fromkeys(values)))
            raise UserError(f"advise looks at one migration, but {name} has several values ({several})")
    asked = {name: values[0] for name, values in columns.items()}
    usual = pair(preset, destination) if preset else {}
    parallel = presets.host(preset).parallel_migrations if preset else 1
    kind = one_workload(workload, host_file)
    return Situation(
        scenario=usual | on(host_file or "", asked, workload=kind),
        versions=tuple(name for name in (preset, destination) if name),
        at_hand=read(at_hand),
        host=load_host(host_file) if host_file else None,
        given=tuple(asked),
        machines=_count("machines", machines),
        at_once=_count("at_once", at_once) if at_once else parallel,
        workload=kind,
    )


def _count(name: str, text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise UserError(
            f"{name} = {text!r} is not allowed: it takes a whole number from 1 to 100000"
        ) from None


def advised_rows(case: Situation, goal: str = "total", relearn_ms: float | str = 0.0) -> pd.DataFrame:
    """Ranked rows of advice with what clients feel after each change."""
    from analysis.studies.decisions import advice, advised

    return advised.felt(advice.advise(case, goal), relearn_ms)


def figures(rows: pd.DataFrame, commands: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Ranked rows as JSON shows them: words, times, gains, commands, and the scenario with what opens it."""
    from analysis.studies.decisions import advised

    return [
        advised.plain(row) | opened(row, commands) | {"scenario": scenario_of(row)}
        for _, row in rows.iterrows()
    ]


def opened(row: pd.Series, commands: Mapping[str, Any]) -> dict[str, str]:
    """What opens a row: ``predict`` for its figures, ``report`` for the explorer, ``page`` in a report."""
    from analysis.cli.commands import opening_lines

    workload = {"workload": commands["workload"]} if commands.get("workload") else {}
    given = {name: value for name, value in commands.items() if name != "workload"}
    return opening_lines(scenario_of(row) | workload, **given)


def scenario_of(row: pd.Series) -> dict[str, Any]:
    """The parameters of one machine of a row: of several at once it has its part of what they share."""
    import pandas as pd

    from analysis.parameters import PARAMETERS
    from analysis.studies.decisions.changes import shared_out

    one = shared_out(pd.DataFrame([row]).infer_objects()).iloc[0]
    return {name: one[name] for name in PARAMETERS}


def todays(case: Situation) -> dict[str, Any]:
    """The parameters of one machine as it is today, of several at once with its part of what they share."""
    import pandas as pd

    from analysis.parameters import defaults
    from analysis.studies.decisions.levers import AT_ONCE

    return scenario_of(pd.Series(defaults() | dict(case.scenario) | {AT_ONCE: case.at_once}))


def text(rows: pd.DataFrame, commands: Mapping[str, Any], goal: str = "total") -> str:
    """The advice for a person: the first line in sentences, the table, how it is done, what gains nothing."""
    import pandas as pd

    from analysis.studies.decisions import advised, clients

    first = rows.iloc[0]
    parts = ["\n".join([*advised.answer(rows, goal), *clients.statement(first)])]
    told = rows[(rows["verdict"] != "no gain") & (rows["size"] > 0)]
    if len(told):
        cells = [_cells(row) for _, row in told.iterrows()]
        parts.append(pd.DataFrame(cells).to_string(index=False))
    none = advised.without_gain(rows)
    parts += [f"No gain: {'; '.join(none)}."] if none else []
    if first["levers"]:
        parts.append("\n".join(line for lever in first["levers"] for line in _how(lever)))
    opens = {{"report": "explorer"}.get(how, how): line for how, line in opened(first, commands).items()}
    return "\n\n".join([*parts, "\n".join(f"{how + ':':9} {line}" for how, line in opens.items())])


def _cells(row: pd.Series) -> dict[str, str]:
    from analysis.studies.decisions import advised

    cells = {"": str(row["rank"]), "change": " + ".join(lever.name for lever in row["levers"])}
    for name, head in (("total_s", "total"), ("blackout_s", "frozen")):
        cells |= {head: advised.seconds(row[name]), f"less {head}": _gain(row, name)}
    binds = str(row["binds_after"]).replace("_", " ")
    return cells | {"then binds": binds, "": str(row["rank"]), "note": row["why"]}


def _gain(row: pd.Series, name: str) -> str:
    """A gain, and the ends of its interval where there is one."""
    gain = f"{name[:-2]}_gain_s"
    ends = f" ({row[f'{gain}_low90']:.3g} to {row[f'{gain}_high90']:.3g})" if f"{gain}_low90" in row else ""
    from analysis.studies.decisions import advised

    return f"{advised.seconds(row[gain])}{ends}"


def _how(lever: Any) -> list[str]:
    """How a change is made: the command that reads today's value, the one that sets it, price and source."""
    return [
        f"{lever.what}:",
        f"  today:  {lever.reads}",
        f"  set:    {lever.sets_it}",
        f"  price:  {lever.price}",
        f"  source: {lever.source}",
    ]
