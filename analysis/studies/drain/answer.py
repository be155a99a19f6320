"""The whole answer to a drain: which machines move where and when, when all is done, and what is in the
way."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd

from analysis.arrays import Floats
from analysis.errors import UserError
from analysis.parameters import nearest
from analysis.studies.drain import bounds, clock, orders, scatter
from analysis.studies.drain.orders import USUAL, Bench, Plan
from analysis.studies.drain.placement import NOWHERE, placed, unplaced
from analysis.studies.drain.problem import Problem, never
from analysis.studies.drain.simulation import outcome
from analysis.studies.drain.tables import Policy
from analysis.studies.hosts.prediction import DRAWS

CHANCE = 0.95
"""How sure it is that a drain that begins in time is done in time."""


@dataclass(frozen=True)
class Asked:
    """What is asked of a problem: how a queue is worked off, in which order, how long a better one is
    sought."""

    policy: Policy = field(default_factory=Policy)
    order: str = "system"
    seconds: float = 0.0
    tries: int | None = None
    seed: int = 0
    draws: int = DRAWS


@dataclass(frozen=True)
class Drain:
    """One drain, answered. ``moves``: a row each in the order of their starts; ``draws``: makespans drawn.

    ``plans``: makespan of every plan that was looked at, by its name. ``tried``: plans simulated.
    """

    problem: Problem
    plan: Plan
    bound_s: float
    moves: pd.DataFrame
    unplaced: list[dict[str, Any]]
    never: list[dict[str, Any]]
    plans: dict[str, float]
    draws: Floats
    tried: int

    @property
    def makespan_s(self) -> float:
        """When all have ended [s since the drain began]."""
        return self.plan.ran.makespan_s

    @property
    def gap(self) -> float:
        """How far from the bound: 0 for a plan that nothing can beat."""
        return self.makespan_s / self.bound_s - 1 if self.bound_s > 0 else 0.0


def drain(problem: Problem, asked: Asked | None = None) -> Drain:
    """Answer one drain; UserError where nothing can move or machines wait for each other for ever."""
    asked = asked or Asked()
    if asked.order not in ("system", *USUAL):
        near = nearest(asked.order, ("system", *USUAL))
        hint = f"; did you mean {near!r}?" if near else f"; there are system, {', '.join(USUAL)}"
        raise UserError(f"there is no order {asked.order!r}{hint}")
    rest, homeless, endless = _movable(problem)
    bench = Bench(rest, asked.policy, compiled=orders.compiles(rest, asked.seconds, asked.tries))
    plan, plans = _planned(rest, bench, asked)
    bound = bounds.lower_bound(rest, plan.destination)
    if asked.seconds > 0:
        plan = orders.search(
            bench, orders.best_plan([plan, *plans]), asked.seconds, bound, seed=asked.seed, until=asked.tries
        )
    found = {p.name: p.makespan_s for p in sorted(plans, key=lambda p: -p.makespan_s)}
    found |= {"best found": plan.makespan_s} if asked.seconds > 0 else {}
    drawn = scatter.makespans(rest, plan, draws=asked.draws, seed=asked.seed, compiled=bench.compiled)
    return Drain(
        rest,
        plan,
        bound,
        _moves(rest, plan),
        homeless,
        endless + _given_up(rest, plan),
        found,
        drawn,
        bench.tried,
    )


def _movable(problem: Problem) -> tuple[Problem, list[dict[str, Any]], list[dict[str, Any]]]:
    """The machines that can be moved; those that fit nowhere; those that would not end, or not converge."""
    order = orders.order_of(problem, problem.system.order)
    to = placed(problem, order)
    homeless = unplaced(problem, to)
    somewhere = np.flatnonzero(to != NOWHERE)
    if not len(somewhere):
        first = homeless[0]
        raise UserError(
            f"no machine can be moved: {first['machine']}: {first['why']}; what helps: {first['helps'][0]}"
        )
    rest = problem if len(somewhere) == len(problem) else problem.subset(somewhere)
    endless = never(rest, to[somewhere])
    stays = {told["machine"] for told in endless if not told["moves"]}
    moving = np.array([k for k, name in enumerate(rest.names) if name not in stays], np.int64)
    if not len(moving):
        told = endless[0]
        helps = " or ".join(told["helps"][:2])
        raise UserError(f"no machine can be moved: {told['machine']} {told['why']}; what helps: {helps}")
    return (rest if len(moving) == len(rest) else rest.subset(moving)), homeless, endless


def _planned(problem: Problem, bench: Bench, asked: Asked) -> tuple[Plan, list[Plan]]:
    """The plan asked for, and all usual ones."""
    system = orders.system_plan(bench)
    plans = [system, *orders.usual_plans(bench)]
    wanted = next((p for p in plans if p.name == asked.order), system)
    if wanted.ran.stuck[wanted.order].any():
        others = [p for p in plans if not p.ran.stuck[p.order].any()]
        if not others:
            raise UserError(_cycle(problem, wanted))
        wanted = orders.best_plan(others)
    return wanted, [p for p in plans if math.isfinite(p.makespan_s)]


def _cycle(problem: Problem, plan: Plan) -> str:
    """The sentence on machines that wait for each other's memory."""
    stuck = [k for k in plan.order if plan.ran.stuck[k]][:4]
    names = problem.cluster.names
    told = " and ".join(
        f"{problem.names[k]} ({names[problem.source[k]]} to {names[plan.destination[k]]})" for k in stuck
    )
    least = min(problem.machines.memory_gib[k] for k in stuck)
    return (
        f"{told} wait for each other's memory in every order; what helps: {least:g} GiB free on one of these "
        "nodes, or another node as a stop on the way"
    )


def _moves(problem: Problem, plan: Plan) -> pd.DataFrame:
    """One row a move, by its start."""
    crossing, alone = problem.to(plan.destination)
    told = outcome(plan.ran, alone, crossing.moves)
    names = np.array(problem.cluster.names, object)
    head = pd.DataFrame(
        {"machine": problem.names, "node": names[problem.source], "destination": names[plan.destination]}
    )
    table = pd.concat([head, told, problem.machines[["memory_gib", "deadline"]]], axis=1)
    return table[plan.ran.ended].sort_values(["start_s", "end_s"], kind="stable").reset_index(drop=True)


def _given_up(problem: Problem, plan: Plan) -> list[dict[str, Any]]:
    """Machines that would end alone, and do not beside the others."""
    names = problem.cluster.names
    return [
        {
            "machine": problem.names[k],
            "node": names[problem.source[k]],
            "why": "would end alone, and is given up beside the others of this plan",
            "moves": False,
            "helps": ["fewer at once (--parallel-limit)", "another order (--seconds 5)"],
        }
        for k in np.flatnonzero(plan.ran.given_up)
    ]


# --- clock times --------------------------------------------------------------------------------


@dataclass(frozen=True)
class Times:
    """When it begins, when it has to be done; the latest start for :data:`CHANCE`; what would be too late."""

    start: datetime
    until: datetime | None
    start_by: datetime | None
    unfinished: list[str]
    missed: list[dict[str, str]]


def times(
    makespan_s: float, draws: Floats, moves: pd.DataFrame, *, start: str = "", until: str = "",
    now: datetime | None = None,
) -> Times:  # fmt: skip
    """Clock times of a drain: from ``start`` (or now), to be done ``until``, deadlines of single machines."""
    now = (now or datetime.now()).replace(microsecond=0)
    begins = clock.read(start, "--start", now) if start else now
    ends = clock.read(until, "--until", begins if start else now) if until else None
    start_by, late = None, []
    if ends is not None:
        needed = scatter.reserve(draws, makespan_s, CHANCE)
        if math.isfinite(needed):
            start_by = ends - timedelta(seconds=math.ceil(needed))
        left = (ends - begins).total_seconds()
        stretched = moves.end_s * (needed / makespan_s if makespan_s > 0 else 1.0)
        late = list(moves.machine[stretched > left])
    missed = []
    for name, deadline, end in zip(moves.machine, moves.deadline, moves.end_s, strict=True):
        if not deadline:
            continue
        due = clock.read(str(deadline), f"{name}: deadline", begins)
        at = begins + timedelta(seconds=float(end))
        if at > due:
            told = {"machine": str(name), "deadline": due.isoformat()}
            missed.append(told | {"end": at.isoformat(timespec="seconds")})
    return Times(begins, ends, start_by, late, missed)
