"""The cluster as the simulation needs it: nodes, their links and limits, and what is to move within it.

Each node has a link out, a link in, and storage; nodes with the same ``uplink`` share what leads to the
others. A machine takes from the table of nodes what it does not say itself: what receives is the
destination's, what sends the source's, and the line is the slower of both.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from analysis.arrays import Bools, Floats
from analysis.errors import UserError
from analysis.model.migration import filled, parameters_in, rates
from analysis.parameters import nearest
from analysis.studies.drain.course import GIB_PER_GBIT
from analysis.studies.drain.inventory import Inventory
from analysis.studies.drain.systems import System
from analysis.studies.drain.tables import Ints, Nodes

RECEIVES = ("receive_buffers", "receive_queues", "receive_delay_us")
"""Parameters that are the receiving node's."""
NO_LINK = -1


@dataclass(frozen=True)
class Cluster:
    """Nodes by place: names, what a table says of them, free memory [GiB], limits, uplinks (-1 for none)."""

    names: tuple[str, ...]
    table: pd.DataFrame
    free_gib: Floats
    out_limit: Ints
    in_limit: Ints
    cluster_limit: int
    line_gbps: Floats
    uplink: Ints
    uplink_gbps: Floats
    storage_gib_per_s: float

    @cached_property
    def places(self) -> dict[str, int]:
        """Places of the nodes by their names in small letters."""
        return {name.casefold(): k for k, name in enumerate(self.names)}

    def nodes(self, present: Ints) -> Nodes:
        """Links and nodes before the first move: out, in, storage of each node, then both ways of uplinks."""
        storage = np.full(len(self.names), self.storage_gib_per_s / GIB_PER_GBIT)
        lines = (self.line_gbps, self.line_gbps, storage, self.uplink_gbps, self.uplink_gbps)
        return Nodes(
            np.concatenate(lines),
            self.free_gib.copy(),
            self.out_limit,
            self.in_limit,
            present,
            self.cluster_limit,
        )

    def links(self, source: Ints, destination: Ints, live: Bools) -> Ints:
        """The links that each move crosses, of shape (moves, 4)."""
        count, ups = len(self.names), len(self.uplink_gbps)
        up, down = self.uplink[source], self.uplink[destination]
        crosses = live & (up != down)
        found = np.full((len(source), 4), NO_LINK)
        found[:, 0] = np.where(live, source, 2 * count + source)
        found[:, 1] = np.where(live, count + destination, NO_LINK)
        found[:, 2] = np.where(crosses & (up >= 0), 3 * count + up, NO_LINK)
        found[:, 3] = np.where(crosses & (down >= 0), 3 * count + ups + down, NO_LINK)
        return found

    def of_move(self, machines: pd.DataFrame, source: Ints, destination: Ints) -> pd.DataFrame:
        """Machines with the parameters of the nodes that they move between, where they have none of their
        own."""
        found = machines.copy()
        for name in parameters_in(self.table):
            values = self.table[name].to_numpy()
            if name == "bandwidth_gbps":
                slower = np.minimum(values[source], values[destination])
                own = machines[name].to_numpy() if name in machines.attrs.get("own", ()) else np.inf
                found[name] = np.minimum(slower, own)
            elif name not in machines.attrs.get("own", ()):
                found[name] = values[destination if name in RECEIVES else source]
        return found


def cluster_of(
    inventory: Inventory,
    nodes: Inventory | None,
    system: System,
    base: pd.DataFrame,
    *,
    parallel_limit: int | None = None,
    storage_gib_per_s: float = 1.0,
    more: Sequence[str] = (),
) -> Cluster:
    """The cluster of an inventory: the nodes of a table, or those that are named, all alike.

    ``base``: a row of the parameters that hold where neither machine nor node says otherwise. ``more``: nodes
    beside those that are named.
    """
    machines = inventory.machines
    if nodes is None:
        named = [*machines.node, *(d for d in machines.destination if d), *more]
        for owners in machines.owners:
            named += owners
        names = tuple(dict.fromkeys(named))
        table = pd.DataFrame({"node": names})
    else:
        names, table = tuple(nodes.machines.node), nodes.machines
        _all_known(inventory, names)
    count = len(names)
    given = parameters_in(table.drop(columns=["memory_gib"], errors="ignore"))
    full = base.loc[base.index.repeat(count)].reset_index(drop=True)
    full = full.assign(**{str(n): given[n] for n in given})
    limits = table.get("parallel_limit", pd.Series(np.nan, index=range(count))).to_numpy(float)
    out, into = (
        np.where(np.isnan(limits), usual, limits)
        if parallel_limit is None
        else np.full(count, parallel_limit)
        for usual in (system.out_limit, system.in_limit)
    )
    uplink, uplink_gbps = _uplinks(nodes, count)
    return Cluster(
        names, given.assign(node=names), _free(machines, table, names),
        out.astype(np.int64), into.astype(np.int64),
        system.cluster_limit, _line(full), uplink, uplink_gbps, storage_gib_per_s,
    )  # fmt: skip


def place(cluster: Cluster, name: str, said: str) -> int:
    """The place of a node in a cluster; UserError with the nearest name, ``said`` where it was given."""
    if name.casefold() in cluster.places:
        return cluster.places[name.casefold()]
    near = nearest(name, cluster.names)
    hint = f"; did you mean {near!r}?" if near else f"; there are {', '.join(cluster.names[:8])}"
    raise UserError(f"{said}: there is no node {name!r}{hint}")


def _all_known(inventory: Inventory, names: tuple[str, ...]) -> None:
    known = {name.casefold() for name in names}
    table = inventory.machines
    cells = zip(table.machine, table.node, table.destination, table.owners, strict=True)
    for machine, here, to, owners in cells:
        for node in (here, to, *owners):
            if node and node.casefold() not in known:
                near = nearest(node, names)
                hint = f"; did you mean {near!r}?" if near else f"; it has {', '.join(names[:8])}"
                raise UserError(
                    f"{inventory.path}: {machine} names the node {node!r}, which --nodes lacks{hint}"
                )


def _free(machines: pd.DataFrame, table: pd.DataFrame, names: tuple[str, ...]) -> Floats:
    """Free memory of each node; infinite where it was not told."""
    total = table.get("memory_gib", pd.Series(np.nan, index=range(len(names)))).to_numpy(float)
    free = table.get("free_gib", pd.Series(np.nan, index=range(len(names)))).to_numpy(float).copy()
    used = machines.groupby(machines.node.str.casefold()).memory_gib.sum()
    for k, name in enumerate(names):
        here = float(used.get(name.casefold(), 0.0))
        if np.isnan(free[k]) and not np.isnan(total[k]):
            free[k] = total[k] - here
            if free[k] < 0:
                raise UserError(
                    f"the node {name} has {total[k]:g} GiB of memory, and its machines have {here:g}; "
                    "is memory_gib what is free? Then call the column free_gib"
                )
    return np.where(np.isnan(free), np.inf, free)


def _line(full: pd.DataFrame) -> Floats:
    """What a node's link carries of all migrations together [Gbit/s of line]."""
    p = filled(parameters_in(full))
    share = np.where(p["network"] == "shared", 1 - p["background_share"], 1.0)
    smb = np.isin(p["transport"], ("smb", "smb_direct"))
    share = np.minimum(share, np.where(smb, p["smb_limit_share"] * p["adapters"], 1.0))
    adapter = p["adapter_limit_gbps"] / rates(p).efficiency
    held: Floats = np.fmin(p["bandwidth_gbps"] * share, adapter)
    return np.minimum(held, 1e12)


def _uplinks(nodes: Inventory | None, count: int) -> tuple[Ints, Floats]:
    """Which uplink each node is behind, and what each carries."""
    none = np.full(count, -1), np.zeros(0)
    if nodes is None or "uplink" not in nodes.machines:
        return none
    table = nodes.machines
    names = [name for name in dict.fromkeys(table.uplink) if name]
    if "uplink_gbps" not in table:
        raise UserError(f"{nodes.path} names uplinks and has no column uplink_gbps that says what they carry")
    rates = []
    for name in names:
        told = table.uplink_gbps[table.uplink == name].dropna().unique()
        if len(told) != 1:
            said = "no uplink_gbps" if not len(told) else " and ".join(f"{v:g}" for v in told)
            raise UserError(f"{nodes.path}: the uplink {name!r} has {said}; it takes one number")
        rates.append(float(told[0]))
    places = {name: k for k, name in enumerate(names)}
    return np.array([places.get(name, -1) for name in table.uplink]), np.array(rates)
