"""What a drain takes by how many move at once, in which order, and over which link."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd

from analysis.parameters import PARAMETERS
from analysis.studies.drain.answer import Asked, drain
from analysis.studies.drain.inventory import Inventory
from analysis.studies.drain.problem import problem_of
from analysis.studies.drain.systems import System


def on_line(
    nodes: Inventory | None, node: str, bandwidth_gbps: float | None
) -> tuple[Inventory | None, float]:
    """Nodes on the line rate that is asked for, in place of their own, and that of ``node``.

    Where none is asked for, each has its own, or the study's default.
    """
    usual = float(PARAMETERS["bandwidth_gbps"].default)
    if nodes is None:
        return None, usual if bandwidth_gbps is None else bandwidth_gbps
    table = nodes.machines
    if bandwidth_gbps is not None:
        return nodes._replace(machines=table.assign(bandwidth_gbps=float(bandwidth_gbps))), bandwidth_gbps
    named = table.node.str.casefold() == node.casefold()
    own = table["bandwidth_gbps"][named].to_numpy(float) if "bandwidth_gbps" in table else np.array([])
    return nodes, float(own[0]) if len(own) else usual


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
        told, _ = on_line(nodes, "", link)
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
