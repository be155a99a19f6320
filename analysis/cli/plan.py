"""The verb ``plan``: its options, and its answer for a person and as JSON."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from analysis.cli.given import Whole
from analysis.cli.options import Share, parameter_options, remarks, scenarios
from analysis.cli.verbs import Verb
from analysis.errors import UserError

if TYPE_CHECKING:
    import pandas as pd

    from analysis.studies.decisions.planning import Plan
    from analysis.studies.hosts.host import Host

Command = TypeVar("Command", bound=Callable[..., Any])
TARGET_HELP = {
    "total_s": ("S", "Most total time."),
    "brownout_s": ("S", "Most time of phase one, in which the guest runs."),
    "blackout_ms": ("MS", "Longest pause."),
}
MOST_QUESTIONS = 10_000
"""Questions of one command: each is some hundred migrations."""
SHOWN = 20
"""Questions of a table whose commands are printed."""


def target_options(command: Command) -> Command:
    """Give a click command an option for each target."""
    command = click.option("--converges", is_flag=True, help="Pre-copy has to converge.")(command)
    for name, (unit, told) in reversed(TARGET_HELP.items()):
        command = click.option("--" + name.replace("_", "-"), name, metavar=unit, help=told)(command)
    return command


@click.command(cls=Verb)
@click.argument("parameter")
@target_options
@click.option(
    "--chance", type=Share(), metavar="0-1", help="How sure the targets have to be met; needs --host."
)
@click.option("--between", metavar="LOW:HIGH", help="Where to look; where real hosts are, if not given.")
@click.option("--among", metavar="VALUE,VALUE", help="The values on offer, such as 1,10,25,40,100.")
@click.option("--host", "host_file", type=click.Path(path_type=Path), help="A calibrated host.")
@click.option("--workload", metavar="NAME", help="Workloads that the host was calibrated to, one or several.")
@click.option("--preset", default="", metavar="WINDOWS", help="Defaults of a Windows Server.")
@click.option("--seed", type=Whole(min=0), default=0, show_default=True)
@click.option(
    "--json", "as_json", is_flag=True, help="Write the answer as JSON; a list for several questions."
)
@parameter_options
def plan(
    parameter: str,
    converges: bool,
    chance: float | None,
    between: str | None,
    among: str | None,
    host_file: Path | None,
    workload: str | None,
    preset: str,
    seed: int,
    as_json: bool,
    **options: str | None,
) -> None:
    """Find the value of PARAMETER from which on a migration meets its targets.

    The least line rate, compression ratio, buffers or cores; the most memory, working set or page writes.
    Values with commas, of parameters and of targets, make a table. With --host the chance to meet the targets
    stands beside.
    """
    from analysis.cli.written import as_json as written
    from analysis.studies.hosts.host import load_host

    name = parameter.replace("-", "_")
    targets = {target: options.pop(target) for target in TARGET_HELP}
    for line in remarks(options, targets):
        click.echo(line, err=True)
    table, asked = _questions(options, {n: text for n, text in targets.items() if text is not None}, preset)
    if converges:
        asked["converges"] = [1.0] * len(table)
    host = load_host(host_file) if host_file else None
    if workload is not None:
        table, asked = _of_workloads(table, asked, host, workload)
    from analysis.studies.decisions import planning

    found = planning.plan(
        name,
        asked,
        table,
        between=_ends(name, between),
        among=_values(name, among) if among is not None else None,
        host=host,
        given=[n for n, text in options.items() if text is not None] if host_file else None,
        chance=chance,
        seed=seed,
    )
    click.echo(written(figures(found)) if as_json else text(found, host_file or "", preset, chance))


def _questions(
    options: dict[str, str | None], targets: Mapping[str, str], preset: str
) -> tuple[pd.DataFrame, dict[str, list[float]]]:
    """Scenarios and targets, a row each: every combination of comma-separated values."""
    import pandas as pd

    from analysis.studies.decisions.targets import TARGETS
    from analysis.studies.hosts.host import on

    own = scenarios(options)
    rows = len(next(iter(own.values()), [None]))
    limits = {name: TARGETS[name].check(_parts(name, text)).tolist() for name, text in targets.items()}
    count = rows * math.prod(map(len, limits.values()))
    if count > MOST_QUESTIONS:
        raise UserError(f"these values and targets make {count:,} questions, more than {MOST_QUESTIONS:,}")
    each = list(itertools.product(range(rows), *limits.values()))
    columns = {name: [values[row] for row, *_ in each] for name, values in own.items()}
    usual = {name: [value] * len(each) for name, value in on("", {}, preset).items()}
    asked = {name: [values[k + 1] for values in each] for k, name in enumerate(limits)}
    return pd.DataFrame(usual | columns, index=range(len(each))), asked


def _of_workloads(
    table: pd.DataFrame, asked: dict[str, list[float]], host: Host | None, workload: str
) -> tuple[pd.DataFrame, dict[str, list[float]]]:
    """Every question for each of the workloads; UserError without a host, and for one it does not know."""
    from analysis.cli.workloads import NO_HOST, of_workloads

    if host is None:
        raise UserError(NO_HOST)
    each = of_workloads(table, host, workload)
    return each, {name: limits * (len(each) // len(table)) for name, limits in asked.items()}


def _parts(name: str, text: str) -> list[str]:
    parts = [part.strip() for part in text.split(",")]
    if "" in parts:
        raise UserError(f"{name} = {text!r} has an empty place between its commas")
    return parts


def _values(name: str, text: str) -> list[float]:
    from analysis.parameters import PARAMETERS
    from analysis.ranges import number

    number(name)
    return [float(value) for value in PARAMETERS[name].check(_parts(name, text)).tolist()]


def _ends(name: str, text: str | None) -> tuple[float, float] | None:
    if text is None:
        return None
    low, colon, high = text.partition(":")
    if not colon:
        raise UserError(f"--between {text!r} is not of the form LOW:HIGH")
    first, second = _values(name, f"{low},{high}")
    return first, second


# --- answers --------------------------------------------------------------------------------------


def figures(found: Plan) -> Any:
    """One answer as a mapping, several as a list of them."""
    each = zip(found.table.to_dict("records"), found.rows.to_dict("records"), strict=True)
    answers = [
        {
            "parameter": found.parameter,
            "unit": found.unit,
            "value": answer["value"],
            "reached": answer["reached"],
            "limited_by": answer["limited_by"],
            "chance": answer["chance"],
            "holds_to": answer["holds_to"],
            "crossings": answer["crossings"],
            "row": row,
        }
        for answer, row in each
    ]
    return answers if len(answers) > 1 else answers[0]


def text(found: Plan, host_file: str | Path = "", preset: str = "", chance: float | None = None) -> str:
    """One answer in sentences, several as a table; with the commands that open each as a scenario."""
    from analysis.cli.commands import opening_lines, predict_command

    no_chance = "Nothing can be said of the chance without a calibrated host (--host)."
    rows: list[dict[str, Any]] = found.rows.to_dict("records")  # type: ignore[assignment]
    if len(rows) == 1:
        told = sentences(found, 0, chance)
        told = [line.replace("**", "") for line in told] + ([] if host_file else [no_chance])
        opened = opening_lines(rows[0], host_file, preset).values()
        return "\n\n".join(["\n".join(told), "Open it:\n" + "\n".join(f"  {line}" for line in opened)])
    commands = [f"  {predict_command(row, host_file, preset)}" for row in rows[:SHOWN]]
    parts = [_table(found, bool(host_file)), *([] if host_file else [no_chance])]
    return "\n\n".join([*parts, "Open a row:\n" + "\n".join(commands)])


def sentences(found: Plan, number: int, chance: float | None = None) -> list[str]:
    """The answer to one question: the value, what comes of it, up to where it holds, what binds.

    With ``**bold**`` as the only markup.
    """
    from analysis.parameters import PARAMETERS
    from analysis.studies.decisions.words import COUNTED, value, words

    answer, row = found.table.iloc[number], found.rows.iloc[number]
    name, parameter = words(found.parameter), found.parameter
    ends = f"{value(parameter, found.low[number])} to {value(parameter, found.high[number])}"
    told = _outcomes(found, number)
    if not answer["reached"] and not math.isfinite(row["total_s"]):
        even = f"even {_exact(parameter, row[parameter])}, where {_limit(answer['limited_by'], row)}"
        return [f"**No {name}** from {ends} is enough: with {even}, its passes go on without end."]
    if not answer["reached"]:
        nearest = f"The nearest, **{_exact(parameter, row[parameter])}**, gives {told}."
        return [f"**No {name}** from {ends} is enough: {_limit(answer['limited_by'], row)}.", nearest]
    if answer["anything"]:
        even = f"even {_exact(parameter, answer['value'])} gives {told}"
        lines = [f"**Any** {name} from {ends} will do: {even}."]
    else:
        needs = "It takes" if found.more_helps else "It allows"
        most = f"at {'least' if found.more_helps else 'most'} {_exact(parameter, answer['value'])}"
        what = (
            f"**{most}**"
            if PARAMETERS[parameter].unit in COUNTED
            else f"{_article(name)}{name} of **{most}**"
        )
        lines = [f"{needs} {what}, which gives {told}."]
    lines.append(f"There {_limit(answer['limited_by'], row)}.")
    if not answer["to_the_end"]:
        more = "more" if found.more_helps else "less"
        lines.append(f"It holds up to {value(parameter, answer['holds_to'])}; {more} than that is too much.")
    if len(answer["crossings"]) > 1 and answer["to_the_end"]:
        turns = ", ".join(value(parameter, one) for one in answer["crossings"])
        lines.append(f"Before it the targets are met and missed by turns, at {turns}.")
    if answer["chance"] == answer["chance"]:
        asked = f", at least {100 * chance:g} % were asked" if chance is not None else ""
        lines.append(f"The chance to meet all of it is {100 * answer['chance']:.0f} %{asked}.")
    return lines


def openings(rows: pd.DataFrame, host_file: str | Path = "") -> pd.DataFrame:
    """What opens scenarios, a row each: their figures, their picture in the explorer, and in this page."""
    import pandas as pd

    from analysis.cli.commands import case_address, predict_command, report_command
    from analysis.figures.evidence import Link

    each: list[dict[str, Any]] = rows.to_dict("records")  # type: ignore[assignment]
    told = {"figures": [predict_command(row, host_file) for row in each]}
    told["picture"] = [report_command(row, host_file) for row in each]
    told["here"] = [Link("open it in this page", case_address(row, host_file)) for row in each]
    # As objects, since a column of texts keeps no address.
    return pd.DataFrame(told, dtype=object).T.rename(
        columns=lambda number: f"scenario {number + 1}" if len(each) > 1 else "command"
    )


def _article(name: str) -> str:
    return "" if name.endswith("s") or name.startswith(("a ", "the ")) or name == "memory" else "a "


def _exact(parameter: str, number: float) -> str:
    """A value to the digits that it is answered with: counted things by their name."""
    from analysis.cli.commands import written
    from analysis.parameters import PARAMETERS
    from analysis.studies.decisions.words import COUNTED, noun_for, words

    unit, digits = PARAMETERS[parameter].unit, float(f"{number:.5g}")
    if unit == "0-1":
        return f"{100 * digits:.5g} %"
    noun = words(parameter) if unit in COUNTED else unit
    return f"{written(digits)} {noun_for(digits, noun, unit)}".rstrip()


def _outcomes(found: Plan, number: int) -> str:
    """What each target is met or missed by."""
    from analysis.cli.predictions import seconds
    from analysis.studies.decisions.targets import limit_s

    row, asked = found.rows.iloc[number], found.targets.iloc[number]
    names = {"total_s": "a total time of", "brownout_s": "a brownout of", "blackout_ms": "a blackout of"}
    of = {"blackout_ms": "blackout_s"}
    told = [
        f"{names[target]} {seconds(row[of.get(target, target)])} (at most {seconds(limit_s(target, limit))})"
        for target, limit in ((str(t), v) for t, v in asked.items())
        if target in names
    ]
    if "converges" in asked:
        told.append("a pre-copy that converges" if row["converged"] else "a pre-copy that does not converge")
    return " and ".join(told)


def _limit(name: str, row: Any) -> str:
    """What binds, as a clause."""
    from analysis.studies.decisions.words import value, words

    if name in ("setup_s", "handoff_ms", "state_mib"):
        return f"the fixed parts alone are as much, most of all the {words(name)} of {value(name, row[name])}"
    binds = "bind" if name.endswith(("buffers", "cores", "streams")) else "binds"
    return f"the {name.replace('_', ' ')} {binds}"


def _table(found: Plan, with_chance: bool) -> str:
    import pandas as pd

    from analysis.cli.predictions import shown

    varied = [n for n in _asked(found) if n in found.rows and len(set(map(repr, found.rows[n]))) > 1]
    targets = [n for n in found.targets if len(set(found.targets[n])) > 1]
    cells: dict[str, Sequence[Any]] = {}
    for name in varied:
        cells[name] = [shown(name, one) for one in found.rows[name]]
    for target in targets:
        cells[f"at most {target}"] = [f"{one:g}" for one in found.targets[target]]
    most = "least" if found.more_helps else "most"
    values = [f"{one:.5g}" if one == one else "none" for one in found.table["value"]]
    cells[f"{most} {found.parameter}"] = values
    for name in ("total_s", "blackout_s"):
        cells[name] = [shown(name, one) for one in found.rows[name]]
    cells["limited_by"] = list(found.table["limited_by"])
    if with_chance:
        cells["chance"] = [f"{one:.2f}" for one in found.table["chance"]]
    head = f"{most.capitalize()} {found.parameter} [{found.unit}]" if found.unit else found.parameter
    return f"{head} that meets the targets; where none does, what the nearest gives:\n" + pd.DataFrame(
        cells
    ).to_string(index=False)


def _asked(found: Plan) -> list[str]:
    from analysis.parameters import PARAMETERS

    return ["workload", *(name for name in PARAMETERS if name != found.parameter)]
