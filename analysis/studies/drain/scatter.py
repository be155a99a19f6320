"""How sure a makespan is: the plan carried out many times with what a host is and how its migrations scatter.

What a host is (its fitted values) is common to all machines of a draw; the scatter from one migration to the
next is each machine's own, so that over many machines it partly cancels out.
"""

from __future__ import annotations

import numpy as np

from analysis.arrays import Floats
from analysis.studies.drain.orders import Plan
from analysis.studies.drain.problem import Problem
from analysis.studies.drain.simulation import moves_of, simulate
from analysis.studies.hosts.prediction import DRAWS, bound, drawn_columns, uncertain

AT_ONCE = 100_000
"""Moves drawn together at most: with more machines there are fewer draws."""
LEAST = 16


def makespans(
    problem: Problem, plan: Plan, *, draws: int = DRAWS, seed: int = 0, compiled: bool = False
) -> Floats:
    """When all had ended, in many draws of a plan; empty where nothing of the host is uncertain.

    A drain in which a machine never ends counts as infinite.
    """
    host = problem.host
    if not uncertain(host):
        return np.zeros(0)
    draws = int(min(draws, max(LEAST, AT_ONCE // len(problem))))
    asked = problem.cluster.of_move(problem.machines, problem.source, plan.destination).reset_index(drop=True)
    given = (*problem.given, *map(str, problem.cluster.table.columns))
    drawn = drawn_columns(
        asked,
        host,
        given,
        bound(host.apply(asked, given), host),
        draws,
        np.random.default_rng(seed),
        apart=True,
    )
    nodes = problem.cluster.nodes(problem.present)
    links = problem.cluster.links(problem.source, plan.destination, problem.live)
    found = np.zeros(draws)
    for d in range(draws):
        some = np.arange(len(problem)) * draws + d
        p = {name: column[some] if len(column) > 1 else column for name, column in drawn.p.items()}
        crossing, _ = moves_of(
            p, problem.source, plan.destination, links, problem.group, problem.extra(), drawn.slower[some]
        )
        handoff = np.maximum(crossing.moves.handoff_s + drawn.pause_s[some], 0)
        crossing = crossing._replace(moves=crossing.moves._replace(handoff_s=handoff))
        ran = simulate(crossing, nodes, plan.order, plan.policy, compiled=compiled)
        found[d] = ran.makespan_s if ran.ended[plan.order].all() else np.inf
    return found


def interval(draws: Floats, middle: float, level: int) -> tuple[float, float]:
    """Ends of the interval of so many per cent, the plan's own makespan within; NaN without draws."""
    if not len(draws):
        return np.nan, np.nan
    chances = [(1 - level / 100) / 2, (1 + level / 100) / 2]
    low, high = np.quantile(draws, chances, method="nearest")
    return min(float(low), middle), max(float(high), middle)


def reserve(draws: Floats, middle: float, chance: float = 0.95) -> float:
    """The time within which all has ended with a chance; the plan's own makespan without draws."""
    return max(float(np.quantile(draws, chance, method="higher")), middle) if len(draws) else middle
