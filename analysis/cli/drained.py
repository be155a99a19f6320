"""What the verb ``drain`` answers: for a person the answer first, then the plan; for a program JSON."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pandas as pd

from analysis.cli.options import remarks
from analysis.cli.predictions import seconds
from analysis.cli.written import VERSION, as_json
from analysis.errors import UserError
from analysis.parameters import PARAMETERS
from analysis.studies.drain import answer, powershell, roll, scatter
from analysis.studies.drain.answer import Asked, Drain, Times
from analysis.studies.drain.inventory import Inventory, read_inventory, read_nodes
from analysis.studies.drain.problem import Costs, problem_of
from analysis.studies.drain.roll import Roll
from analysis.studies.drain.simulation import compiled_before, may_compile
from analysis.studies.drain.systems import System, system
from analysis.studies.drain.tables import Policy
from analysis.studies.hosts.host import Host, load_host

Options = dict[str, Any]
DATES: dict[str, dict[str, None]] = {".svg": {"Date": None}, ".pdf": {"CreationDate": None}}
"""What a form of picture would say of the time it was made."""


@dataclass(frozen=True)
class Answered:
    """A drain or a roll with its clock times, and what readers noticed."""

    found: Drain | Roll
    times: Times
    notes: list[str]
    clocked: bool

    @property
    def drains(self) -> list[Drain]:
        """The parts: one, or two for each node of a roll."""
        return [stage.drain for stage in self.found.stages] if isinstance(self.found, Roll) else [self.found]

    def powershell(self) -> str:
        """The plan as a script; UserError for a roll, which Cluster-Aware Updating does itself."""
        if isinstance(self.found, Roll):
            raise UserError("--powershell writes the plan of one drain; leave --roll out and name a --node")
        return powershell.script(self.found)

    def draw(self, path: Path) -> None:
        """The plan as a picture: the same plan gives the same bytes, so no date stands in it."""
        import matplotlib as mpl

        from analysis.figures import drains

        fig = drains.gantt(self.found.moves)
        with mpl.rc_context({"svg.hashsalt": "migration-study"}):
            fig.savefig(path, metadata=DATES.get(path.suffix.lower()))

    def figures(self) -> dict[str, Any]:
        """The answer by name, as ``--json`` prints it."""
        found, draws = self.found, self.found.draws
        low90, high90 = scatter.interval(draws, found.makespan_s, 90)
        low50, high50 = scatter.interval(draws, found.makespan_s, 50)
        told: dict[str, Any] = {
            "version": VERSION,
            "makespan_s": found.makespan_s, "low50": low50, "high50": high50,
            "low90": low90, "high90": high90,
            "lower_bound_s": found.bound_s, "gap": found.makespan_s / found.bound_s - 1,
            "start": self.times.start.isoformat(),
            "start_by": self.times.start_by.isoformat() if self.times.start_by else None,
            "moves": found.moves[[*_MOVE]].to_dict("records"),
            "unplaced": [u for d in self.drains for u in d.unplaced],
            "never": [n for d in self.drains for n in d.never],
            "unfinished": self.times.unfinished, "missed": self.times.missed,
        }  # fmt: skip
        if isinstance(found, Roll):
            told["stages"] = [
                {"node": s.node, "what": s.what, "start_s": s.start_s, "makespan_s": s.drain.makespan_s}
                for s in found.stages
            ]
        else:
            told["plans"] = found.plans
        return told | {"notes": self.notes}

    def as_json(self) -> str:
        """The same as text."""
        return as_json(self.figures())

    def text(self, shown: int) -> str:
        """The answer for a person."""
        parts = ["\n".join(self._answer()), *self._in_the_way(), _plan_table(self.found.moves, shown)]
        if isinstance(self.found, Roll):
            parts.insert(1, _stage_table(self.found))
        elif len(self.found.plans) > 1:
            parts.append(_orders(self.found))
        return "\n\n".join(part for part in parts if part)

    def _answer(self) -> list[str]:
        found = self.found
        moves = found.moves
        nodes = ", ".join(dict.fromkeys(moves.node[:200])) if not isinstance(found, Roll) else ""
        what = (
            f"Rolling through {len(found.stages) // 2} nodes" if isinstance(found, Roll)
            else f"Moving {_count(len(moves), 'machine')} from {nodes if len(nodes) < 60 else 'their nodes'}"
        )  # fmt: skip
        lines = [f"{what} takes {seconds(found.makespan_s)}{_sure(found)}."]
        over = found.makespan_s / found.bound_s - 1
        best = (
            "no plan is shorter"
            if over < 0.0005
            else f"this one is at most {100 * over:.1f} % longer than the best"
        )
        lines.append(f"Links, slots and the longest move need {seconds(found.bound_s)}: {best}.")
        if len(moves):
            worst = moves.iloc[int(moves.blackout_s.to_numpy().argmax())]
            lines.append(f"The longest pause is {seconds(worst.blackout_s)} ({worst.machine}).")
        return [*lines, *self._clock()]

    def _clock(self) -> list[str]:
        times, lines = self.times, []
        if self.clocked:
            ends = times.start + timedelta(seconds=self.found.makespan_s)
            lines.append(f"Begun at {times.start:%H:%M} it is done at {ends:%H:%M:%S}.")
        if times.until and times.start_by:
            sure = (
                " in 95 of 100 cases"
                if len(self.found.draws)
                else ", without a reserve (none without --host)"
            )
            said = f"to be done by {times.until:%H:%M}{sure}"
            lines.append(f"Start at {times.start_by:%H:%M:%S} at the latest {said}.")
        if times.unfinished:
            lines.append(f"Not finished by then: {_listed(times.unfinished)}.")
        lines += [
            f"Deadline missed: {m['machine']}, due {m['deadline']}, done {m['end']}." for m in times.missed
        ]
        return lines

    def _in_the_way(self) -> list[str]:
        told = [
            f"{one['machine']} ({one['node']}) fits nowhere: {one['why']}. What helps: {one['helps'][0]}."
            for d in self.drains for one in d.unplaced
        ]  # fmt: skip
        told += [
            f"{one['machine']} ({one['node']}) {one['why']}{'' if one['moves'] else '; it is left out'}. "
            f"What helps: {' or '.join(one['helps'])}."
            for d in self.drains for one in d.never
        ]  # fmt: skip
        more = [f"... and {len(told) - _TOLD} more (--json has all)"] if len(told) > _TOLD else []
        return ["\n".join([*told[:_TOLD], *more])] if told else []


_MOVE = ("machine", "node", "destination", "start_s", "end_s", "blackout_s", "kind", "limited_by")
_TOLD = 12


def has_to_compile() -> bool:
    """Whether a search would first compile the simulation."""
    return may_compile() and not compiled_before()


def answered(path: Path, options: Options) -> Answered:
    """The answer to the options of the command line."""
    values = {name: options.pop(name) for name in PARAMETERS}
    given = {name: _one(name, text) for name, text in values.items() if text is not None}
    inventory = read_inventory(path, given)
    nodes = read_nodes(options["nodes_file"]) if options["nodes_file"] else None
    rules = system(options["system_name"], options["preset"])
    host = load_host(options["host_file"]) if options["host_file"] else Host()
    asked = Asked(
        Policy(options["barrier"], options["batch_gap_s"]),
        options["order"],
        options["seconds"],
        options["seed"],
    )
    found = _found(inventory, nodes, rules, host, given, asked, options)
    notes = [
        *inventory.notes,
        *(nodes.notes if nodes else []),
        *remarks({k: str(v) for k, v in given.items()}),
    ]
    notes += _assumed(nodes, options)
    when = answer.times(
        found.makespan_s, found.draws, found.moves, start=options["start"], until=options["until"]
    )
    return Answered(found, when, notes, bool(options["start"]))


def _found(
    inventory: Inventory, nodes: Inventory | None, rules: System, host: Host, given: Options, asked: Asked,
    options: Options,
) -> Drain | Roll:  # fmt: skip
    costs = Costs(options["orchestration_s"], 0.0, options["storage_gib_per_s"], not options["all_live"])

    def of(empty: Sequence[str]) -> Any:
        return problem_of(
            inventory, nodes, rules, empty=empty, options=given, host=host, costs=costs,
            parallel_limit=options["parallel_limit"],
        )  # fmt: skip

    if not options["roll"]:
        return answer.drain(of(options["empty"]), asked)
    if (inventory.machines.destination != "").any():
        raise UserError("--roll places the machines itself; leave out the column destination")
    occupied = sorted(set(inventory.machines.node), key=lambda n: (len(n), n))
    wanted = options["empty"] or tuple(occupied)
    return roll.roll(lambda name: of((name,)), wanted, options["reboot_min"], asked)


def _one(name: str, text: str) -> Any:
    """One value of a parameter for all machines."""
    if "," in text:
        raise UserError(
            f"{name} = {text!r}: a drain takes one value for all machines, others stand in the inventory"
        )
    return PARAMETERS[name].check([text]).tolist()[0]


def _assumed(nodes: Inventory | None, options: Options) -> list[str]:
    """What is taken for granted."""
    if nodes is None:
        link = options.get("bandwidth_gbps") or "the same link"
        return [f"without --nodes every node is taken to be alike ({link}) and large enough"]
    if not {"memory_gib", "free_gib"} & set(nodes.machines):
        return [f"{nodes.path} has no column memory_gib or free_gib: every node is taken to be large enough"]
    return []


def _sure(found: Drain | Roll) -> str:
    if not len(found.draws):
        return ""
    low, high = scatter.interval(found.draws, found.makespan_s, 90)
    return f" (nine in ten: {seconds(low)} to {seconds(high)})"


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - 8} more" if len(names) > 8 else ""
    return ", ".join(names[:8]) + more


def _plan_table(moves: pd.DataFrame, shown: int) -> str:
    table = moves[[*_MOVE]].head(shown).copy()
    for name in ("start_s", "end_s", "blackout_s"):
        table[name] = [f"{value:.1f}" if name != "blackout_s" else f"{value:.3g}" for value in table[name]]
    more = f"\n... and {len(moves) - shown} more (--json has all)" if len(moves) > shown else ""
    return table.to_string(index=False) + more


def _stage_table(found: Roll) -> str:
    rows = [
        {"node": s.node, "what": s.what, "begins": seconds(s.start_s), "takes": seconds(s.drain.makespan_s)}
        for s in found.stages[:40]
    ]
    return pd.DataFrame(rows).to_string(index=False)


def _orders(found: Drain) -> str:
    """Every plan that was looked at, beside the bound."""
    ranked = sorted(found.plans.items(), key=lambda pair: -pair[1])
    lines = [
        f"  {name:<12} {seconds(value):>12}  {100 * (value / found.bound_s - 1):6.1f} % over the bound"
        for name, value in ranked
        if math.isfinite(value)
    ]
    return "\n".join(["Orders that were looked at:", *lines])
