"""A whole cluster in turn: each node is emptied, rebooted and filled again, as Cluster-Aware Updating
does."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from analysis.arrays import Floats
from analysis.errors import UserError
from analysis.studies.drain.answer import Asked, Drain, drain
from analysis.studies.drain.problem import Problem


@dataclass(frozen=True)
class Stage:
    """A part of a roll: ``what`` is drain or return, of which node, and when it begins [s]."""

    node: str
    what: str
    start_s: float
    drain: Drain


@dataclass(frozen=True)
class Roll:
    """All stages in order; ``reboots_s`` of them together."""

    stages: list[Stage]
    reboots_s: float

    @property
    def makespan_s(self) -> float:
        """When the last node is filled again."""
        return self.reboots_s + sum(stage.drain.makespan_s for stage in self.stages)

    @property
    def bound_s(self) -> float:
        """No roll is shorter: one node at a time, each no faster than its bound."""
        return self.reboots_s + sum(stage.drain.bound_s for stage in self.stages)

    @property
    def draws(self) -> Floats:
        """Makespans drawn; empty where nothing is uncertain."""
        parts = [stage.drain.draws for stage in self.stages]
        shortest = min(map(len, parts))
        return (
            np.sum([part[:shortest] for part in parts], axis=0) + self.reboots_s if shortest else np.zeros(0)
        )

    @property
    def moves(self) -> pd.DataFrame:
        """Moves of all stages, times since the roll began."""
        tables = [
            stage.drain.moves.assign(
                start_s=stage.drain.moves.start_s + stage.start_s,
                end_s=stage.drain.moves.end_s + stage.start_s,
            )
            for stage in self.stages
        ]
        return pd.concat(tables, ignore_index=True)


def roll(
    of_node: Callable[[str], Problem],
    nodes: Sequence[str],
    reboot_min: float,
    asked: Asked | None = None,
    progress: Callable[[str], None] | None = None,
) -> Roll:
    """Empty, reboot and fill each node in turn; ``of_node`` makes the problem of emptying one.

    A machine that cannot leave its node stops the roll there: that node cannot be rebooted.
    """
    asked, now, stages = asked or Asked(), 0.0, []
    for name in nodes:
        if progress:
            progress(name)
        out = drain(of_node(name), asked)
        stays = [told["machine"] for told in (*out.unplaced, *out.never) if not told.get("moves", False)]
        if stays:
            told = next(t for t in (*out.unplaced, *out.never) if t["machine"] == stays[0])
            raise UserError(
                f"the roll stops at {name}, which cannot be emptied: {stays[0]} {told['why']}; "
                f"what helps: {told['helps'][0]}"
            )
        stages.append(Stage(name, "drain", now, out))
        now += out.makespan_s + reboot_min * 60
        # Back in the order in which they left: a search of its own would find the same kind of plan.
        back = drain(returning(out), asked)
        stages.append(Stage(name, "return", now, back))
        now += back.makespan_s
    return Roll(stages, reboot_min * 60 * len(nodes))


def returning(out: Drain) -> Problem:
    """The way back: every machine that left goes home."""
    problem, to = out.problem, out.plan.destination
    memory = problem.machines.memory_gib.to_numpy()
    free = problem.cluster.free_gib.copy()
    np.add.at(free, problem.source, memory)
    np.add.at(free, to, -memory)
    cluster = replace(problem.cluster, free_gib=free)
    home = np.zeros(problem.allowed.shape, bool)
    home[np.arange(len(problem)), problem.source] = True
    present = problem.present.copy()
    some = problem.group >= 0
    np.add.at(present, (problem.group[some], problem.source[some]), -1)
    np.add.at(present, (problem.group[some], to[some]), 1)
    names = np.array(problem.cluster.names, object)
    machines = problem.machines.assign(destination=names[problem.source])
    machines.attrs.update(problem.machines.attrs)
    return replace(
        problem, cluster=cluster, machines=machines, source=to, allowed=home, present=present, _tables={}
    )
