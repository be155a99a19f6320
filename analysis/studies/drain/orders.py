"""Orders and plans: as the system would do it, usual orders, list schedules, and the best found in some time.

A plan is an order, a node for each machine, and how much of a link must be free before a move starts. Each is
judged by the simulation. The list schedule sends each move at its full rate, the longest first: slower copies
dirty more, so that one at a time on a link pair beats fair shares. The search begins at the best of these and
changes order, nodes and room; up to :data:`FEW` machines it tries every order.
"""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

from analysis.arrays import Floats
from analysis.model.units import PAGES_PER_GIB
from analysis.studies.drain.placement import NOWHERE, placed
from analysis.studies.drain.problem import Problem
from analysis.studies.drain.simulation import Alone, Crossing, Ran, may_compile, simulate
from analysis.studies.drain.tables import Ints, Nodes, Policy

FEW = 7
"""Machines up to which every order is tried."""
ROOMS = (1.0, 0.5, 0.0)
"""Shares of its ceiling that a move may have to find free on its links."""
USUAL = ("priority", "first", "smallest", "largest", "hardest")
"""Orders by name: priority as a cluster has it, first come as the inventory has it."""
LARGE = 2_000
"""Machines from which only the list schedule stands beside the system's own plan."""
COMPILE_FROM = 3_000
"""Moves simulated in all from which the compiled loop pays."""


class Plan(NamedTuple):
    """An order of the machines, the node of each, how a slot is filled, and what the simulation says of
    it."""

    name: str
    order: Ints
    destination: Ints
    policy: Policy
    ran: Ran

    @property
    def makespan_s(self) -> float:
        """When all have ended; infinite where some cannot start or were given up."""
        whole = self.ran.ended[self.order].all()
        return self.ran.makespan_s if whole else math.inf


def order_of(problem: Problem, name: str) -> Ints:
    """The machines in one of the :data:`USUAL` orders; priority goes before all of them on Hyper-V."""
    memory = problem.machines.memory_gib.to_numpy()
    keys: dict[str, Callable[[], Floats]] = {
        "priority": lambda: -problem.machines.priority.to_numpy(),
        "first": lambda: np.zeros(len(problem)),
        "smallest": lambda: memory,
        "largest": lambda: -memory,
        "hardest": lambda: -_writes_over_link(problem),
        "longest": lambda: -_alone(problem).total_s,
    }
    return np.argsort(keys[name](), kind="stable")


def _alone(problem: Problem) -> Alone:
    """Each alone, toward the first node that it may go to."""
    return problem.to(problem.allowed.argmax(axis=1))[1]


def _writes_over_link(problem: Problem) -> Floats:
    """Pages that each guest writes for one that its link carries."""
    crossing, _ = problem.to(problem.allowed.argmax(axis=1))
    m = crossing.moves
    found: Floats = crossing.classes.rates.sum(axis=1) / np.maximum(m.ceiling_gbps * PAGES_PER_GIB, 1e-9)
    return found


class Bench:
    """Where plans of one problem are tried: simulates an order, counts how often."""

    def __init__(self, problem: Problem, policy: Policy, *, compiled: bool) -> None:
        self.problem, self.policy, self.compiled, self.tried = problem, policy, compiled, 0
        self.nodes: Nodes = problem.cluster.nodes(problem.present)
        self._crossing: tuple[bytes, Crossing] = (b"", problem.to(problem.allowed.argmax(axis=1))[0])

    def plan(self, name: str, order: Ints, destination: Ints, room: float | None = None) -> Plan:
        """A plan, simulated; ``room`` in place of the usual policy's."""
        key = destination.tobytes()
        if self._crossing[0] != key:
            self._crossing = key, self.problem.to(destination)[0]
        policy = self.policy if room is None else self.policy._replace(room=room)
        self.tried += 1
        ran = simulate(self._crossing[1], self.nodes, order, policy, compiled=self.compiled)
        return Plan(name, order, destination, policy, ran)


def system_plan(bench: Bench) -> Plan:
    """What the system itself would do: its order, its placement, a slot filled as soon as it is free."""
    order = order_of(bench.problem, bench.problem.system.order)
    return bench.plan("system", order, placed(bench.problem, order))


def usual_plans(bench: Bench) -> list[Plan]:
    """The usual orders, and list schedules at full rate and at half of it."""
    problem = bench.problem
    found = []
    large = len(problem) > LARGE
    for name in () if large else USUAL:
        order = order_of(problem, name)
        to = placed(problem, order)
        if (to != NOWHERE).all():
            found.append(bench.plan(name, order, to))
    longest = order_of(problem, "longest")
    for order in (longest,) if large else (longest, order_of(problem, "largest")):
        to = placed(problem, order)
        if (to != NOWHERE).all():
            found += [bench.plan("list", order, to, room) for room in ROOMS[: 1 if large else 2]]
    return found


def best_plan(plans: list[Plan]) -> Plan:
    """The shortest; of equals the first."""
    return min(plans, key=lambda plan: plan.makespan_s)


def search(
    bench: Bench, start: Plan, seconds: float, bound_s: float, *, seed: int = 0, until: int | None = None
) -> Plan:
    """The best plan found within some seconds, never worse than the one to start from.

    Up to :data:`FEW` machines all orders, rooms and (where they are few) placements are tried. Beyond,
    changes at random are kept where the plan is no worse, or hardly worse at first. ``until``: plans to try
    at most.
    """
    if seconds <= 0 or start.makespan_s <= bound_s * (1 + 1e-9):
        return start
    if len(start.order) <= FEW:
        return _all_of(bench, start, bound_s)
    return _wander(bench, start, seconds, bound_s, np.random.default_rng(seed), until or 10**9)


def _all_of(bench: Bench, start: Plan, bound_s: float) -> Plan:
    """Every order, with every placement where these are few."""
    best = start
    for to in _placements(bench.problem, start.destination):
        for order in itertools.permutations(start.order.tolist()):
            for room in ROOMS:
                plan = bench.plan("search", np.array(order), to, room)
                if plan.makespan_s < best.makespan_s * (1 - 1e-12):
                    best = plan
            if best.makespan_s <= bound_s * (1 + 1e-9):
                return best
    return best


PLACEMENTS = 4
"""Ways to place few machines up to which all are tried with every order."""


def _placements(problem: Problem, usual: Ints) -> Iterator[Ints]:
    """The usual placement, and all others if they are no more than :data:`PLACEMENTS`."""
    yield usual
    choices = [np.flatnonzero(may).tolist() for may in problem.allowed]
    if math.prod(len(c) for c in choices) > PLACEMENTS:
        return
    for to in itertools.product(*choices):
        found = np.array(to)
        if (found != usual).any():
            yield found


def _wander(
    bench: Bench, start: Plan, seconds: float, bound_s: float, rng: np.random.Generator, until: int
) -> Plan:
    """Simulated annealing over order, room and placement."""
    best = here = start
    end = time.monotonic() + seconds
    warmth, tried = 0.02, 0
    while tried < until and (left := end - time.monotonic()) > 0:
        tried += 1
        heat = warmth * (left / seconds if until == 10**9 else 1 - tried / until)
        there = _changed(bench, here, rng)
        worse = there.makespan_s / here.makespan_s - 1 if math.isfinite(there.makespan_s) else math.inf
        if worse <= 0 or (heat > 0 and rng.random() < math.exp(-worse / heat)):
            here = there
        if here.makespan_s < best.makespan_s * (1 - 1e-12):
            best = here
            if best.makespan_s <= bound_s * (1 + 1e-9):
                break
    return best


def _changed(bench: Bench, plan: Plan, rng: np.random.Generator) -> Plan:
    """A neighbour of a plan: two machines change turns, one takes another turn or node, or another room."""
    order, to, room = plan.order.copy(), plan.destination, plan.policy.room
    what = rng.random()
    movable = np.flatnonzero(bench.problem.allowed[order].sum(axis=1) > 1)
    if what < 0.3 and len(movable):
        to = to.copy()
        k = order[rng.choice(movable)]
        to[k] = rng.choice(np.flatnonzero(bench.problem.allowed[k]))
    elif what < 0.35:
        room = float(rng.choice(ROOMS))
    elif what < 0.7:
        i, j = rng.integers(len(order), size=2)
        order[i], order[j] = order[j], order[i]
    else:
        i, j = rng.integers(len(order), size=2)
        order = np.insert(np.delete(order, i), j, order[i])
    return bench.plan("search", order, to, room)


def compiles(problem: Problem, seconds: float, tries: int | None = None) -> bool:
    """Whether the compiled loop pays for what is asked: a search of a second, or many moves in all."""
    looked_at = len(USUAL) + 6 + (tries or 0)
    return may_compile() and ((seconds >= 1 and tries is None) or len(problem) * looked_at > COMPILE_FROM)
