"""What a drain takes by how many move at once, in which order, and over which link."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import pandas as pd

from analysis.studies.drain.answer import Asked, drain
from analysis.studies.drain.inventory import Inventory
from analysis.studies.drain.problem import problem_of
from analysis.studies.drain.systems import System


def over_limits(
    inventory: Inventory,
    nodes: Inventory | None,
    system: System,
    *,
    empty: Sequence[str],
    limits: Iterable[int],
    bandwidths: Iterable[float],
    asked: Asked | None = None,
) -> pd.DataFrame:
    """A row for each limit and line rate: ``makespan_s``, ``bound_s``, the worst ``blackout_s`` of a live
    machine.

    The line rate takes the place of what the table of nodes says; all else is as it stands there.
    """
    rows = []
    limits = list(limits)
    for link in bandwidths:
        told = nodes
        if nodes is not None:
            table = nodes.machines.assign(bandwidth_gbps=float(link))
            told = nodes._replace(machines=table)
        for limit in limits:
            options = {"bandwidth_gbps": float(link)}
            problem = problem_of(inventory, told, system, empty=empty, options=options, parallel_limit=limit)
            found = drain(problem, asked)
            live = found.moves[found.moves.kind == "live"]
            rows.append(
                {
                    "bandwidth_gbps": float(link),
                    "parallel_limit": limit,
                    "makespan_s": found.makespan_s,
                    "bound_s": found.bound_s,
                    "blackout_s": float(live.blackout_s.max()) if len(live) else 0.0,
                    "shared": float((live.limited_by == "shared_link").mean()) if len(live) else 0.0,
                }
            )
    return pd.DataFrame(rows)
