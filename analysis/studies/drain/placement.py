"""Where each machine goes: nodes with room, the emptiest first, and who fits nowhere.

A node holds a machine's memory from the start of its move. While nodes are emptied into others, memory
there only becomes less, so that who fits is told without time; where machines change places the simulation
waits for memory to become free.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from analysis.arrays import Bools, Floats
from analysis.studies.drain.problem import Problem
from analysis.studies.drain.tables import Ints

NOWHERE = -1


def placed(problem: Problem, order: Ints) -> Ints:
    """The node of each machine, taken in an order: of those with room the one with most memory free.

    Where memory is not known, the one that was given least. :data:`NOWHERE` for a machine that fits nowhere.
    A machine of one destination goes there whatever is free now: others may leave first.
    """
    memory = problem.machines.memory_gib.to_numpy()
    free, given = problem.cluster.free_gib.copy(), np.zeros(len(problem.cluster.names))
    present = problem.present.copy()
    to = np.full(len(problem), NOWHERE)
    fixed, in_the_end = _fixed(problem), _free_in_the_end(problem)
    for k in order:
        may = problem.allowed[k] & ((in_the_end if fixed[k] else free) >= memory[k] - 1e-9)
        if problem.group[k] >= 0 and not fixed[k]:
            may = may & (present[problem.group[k]] == 0)
        if not may.any():
            continue
        emptiest = np.where(np.isfinite(free), free, 1e12) - given
        node = int(np.flatnonzero(may)[np.argmax(emptiest[may])])
        to[k] = node
        given[node] += 0.0 if np.isfinite(free[node]) else memory[k]
        free[node] -= memory[k]
        if problem.group[k] >= 0:
            present[problem.group[k], node] += 1
    return to


def _fixed(problem: Problem) -> Bools:
    told: Bools = (problem.machines.destination != "").to_numpy()
    return told


def _free_in_the_end(problem: Problem) -> Floats:
    """Memory of each node that is free once all that leave it have left."""
    free = problem.cluster.free_gib.copy()
    np.add.at(free, problem.source, problem.machines.memory_gib.to_numpy())
    return free


def unplaced(problem: Problem, to: Ints) -> list[dict[str, Any]]:
    """Machines that fit nowhere, why, and what would help."""
    memory, cluster = problem.machines.memory_gib.to_numpy(), problem.cluster
    found = []
    for k in np.flatnonzero(to == NOWHERE):
        may = problem.allowed[k]
        most = float(cluster.free_gib[may].max()) if may.any() else 0.0
        grouped = problem.group[k] >= 0 and may.any() and most >= memory[k]
        if not may.any():
            why, helps = "none of its owners is another node", "an owner that stays, in the column owners"
        elif grouped:
            name = problem.machines.group[k]
            why = f"every node with room has a machine of the group {name!r}"
            helps = "one more node, or leaving the group for the time of the drain"
        elif most < memory[k]:
            why = f"it needs {memory[k]:g} GiB and no node has more than {max(most, 0):.4g} free"
            lacking = memory[k] - max(most, 0)
            told = f"{lacking:,.0f}" if lacking >= 1e4 else f"{lacking:.4g}"
            helps = f"{told} GiB more on one node, or shutting it down meanwhile"
        else:
            why = f"its {memory[k]:g} GiB fit nowhere once the others are placed"
            helps = "placing it first (a higher priority), or more memory on one node"
        found.append(
            {
                "machine": problem.names[k],
                "node": cluster.names[problem.source[k]],
                "why": why,
                "helps": [helps],
            }
        )
    return found
