"""What is to be moved: the machines of a drain, where each may go, and what is told before anything
starts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from analysis.arrays import Bools, Floats
from analysis.errors import UserError
from analysis.model.migration import filled, parameters_in
from analysis.studies.drain.cluster import Cluster, cluster_of, place
from analysis.studies.drain.inventory import Inventory
from analysis.studies.drain.simulation import Alone, Crossing, Extra, moves_of
from analysis.studies.drain.systems import System
from analysis.studies.drain.tables import CANCEL, Ints, Moves
from analysis.studies.hosts.host import Host

ELSEWHERE = "elsewhere"
"""The node that machines go to where no other is told."""


@dataclass(frozen=True)
class Costs:
    """What a move costs beside the model: see :class:`.simulation.Extra`."""

    orchestration_s: float = 0.0
    serial_s: float = 0.0
    storage_gib_per_s: float = 1.0
    quick: bool = True


@dataclass(frozen=True)
class Problem:
    """Machines that are to move, a row each, in the order of the inventory.

    ``source``: node of each. ``allowed`` (machines, nodes): where it may go. ``group``: -1 for none;
    ``present`` (groups, nodes). ``given``: parameters that go before a host's.
    """

    cluster: Cluster
    machines: pd.DataFrame
    source: Ints
    allowed: Bools
    group: Ints
    present: Ints
    system: System
    costs: Costs
    host: Host = field(default_factory=Host)
    given: tuple[str, ...] = ()
    _tables: dict[int, tuple[Crossing, Alone]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.machines)

    @property
    def names(self) -> list[str]:
        """The machines."""
        return list(self.machines.machine)

    @property
    def live(self) -> Bools:
        """Machines that are live migrated; the others are saved, moved and resumed."""
        low: Bools = self.machines.priority.to_numpy() < self.system.quick_below
        return ~low if self.costs.quick else np.ones(len(self), bool)

    def subset(self, rows: Ints) -> Problem:
        """The same with some of the machines."""
        return Problem(
            self.cluster, self.machines.iloc[rows].reset_index(drop=True), self.source[rows],
            self.allowed[rows], self.group[rows], self.present, self.system, self.costs, self.host,
            self.given,
        )  # fmt: skip

    def extra(self) -> Extra:
        """What the system does with each."""
        count = len(self)
        give_up = self.system.give_up_s_per_gib * self.machines.memory_gib.to_numpy()
        return Extra(
            self.live, np.full(count, self.costs.storage_gib_per_s),
            np.full(count, self.costs.orchestration_s),
            np.full(count, self.costs.serial_s), give_up, np.full(count, self.system.give_up_how),
        )  # fmt: skip

    def scenarios(self, destination: Ints) -> pd.DataFrame:
        """What the model is asked of each: its own parameters, its nodes', the host's."""
        asked = self.cluster.of_move(self.machines, self.source, destination)
        return self.host.apply(asked, (*self.given, *map(str, parameters_in(self.cluster.table))))

    def to(self, destination: Ints) -> tuple[Crossing, Alone]:
        """Moves of all machines to these nodes, and each alone."""
        kinds = self._kinds[destination]
        links = self.cluster.links(self.source, destination, self.live)
        parts = {k: self._toward(k) for k in np.unique(kinds)}
        if len(parts) == 1:
            crossing, alone = next(iter(parts.values()))
            return crossing._replace(
                links=links, moves=crossing.moves._replace(destination=destination)
            ), alone
        rows = [np.flatnonzero(kinds == k) for k in parts]
        return _picked(list(parts.values()), rows, links, destination)

    @property
    def _kinds(self) -> Ints:
        """Nodes that are alike as destinations have one number."""
        known = parameters_in(self.cluster.table)
        if not len(known.columns):
            return np.zeros(len(self.cluster.names), np.int64)
        return np.asarray(known.groupby(list(known.columns), sort=False, dropna=False).ngroup())

    def _toward(self, kind: int) -> tuple[Crossing, Alone]:
        """Moves of all machines to a node of one kind."""
        if kind not in self._tables:
            node = int(np.flatnonzero(self._kinds == kind)[0])
            to = np.full(len(self), node)
            p = filled(parameters_in(self.scenarios(to)))
            links = self.cluster.links(self.source, to, self.live)
            self._tables[kind] = moves_of(p, self.source, to, links, self.group, self.extra())
        return self._tables[kind]


def _picked(
    parts: Sequence[tuple[Crossing, Alone]], rows: Sequence[Ints], links: Ints, destination: Ints
) -> tuple[Crossing, Alone]:
    """Of several tables of the same machines the rows that hold."""

    def of(columns: Sequence[Any]) -> Any:
        found = columns[0].copy()
        for column, some in zip(columns, rows, strict=True):
            found[some] = column[some]
        return found

    moves = Moves(*(of(columns) for columns in zip(*(c.moves for c, _ in parts), strict=True)))
    alone = Alone(*(of(columns) for columns in zip(*(a for _, a in parts), strict=True)))
    return Crossing(moves._replace(destination=destination), links, parts[0][0].classes), alone


def problem_of(
    inventory: Inventory,
    nodes: Inventory | None,
    system: System,
    *,
    empty: Sequence[str] = (),
    options: dict[str, Any] | None = None,
    host: Host | None = None,
    costs: Costs | None = None,
    parallel_limit: int | None = None,
) -> Problem:
    """The machines of the nodes to be emptied; without any those of the rows that name a destination.

    ``options``: parameters for all machines that do not say themselves. UserError for what contradicts
    itself.
    """
    host, costs = host or Host(), costs or Costs()
    options = {**system.parameters, **(options or {})}
    own = [str(name) for name in parameters_in(inventory.machines) if name != "memory_gib"]
    if "bandwidth_gbps" in own:
        options.setdefault("bandwidth_gbps", float(inventory.machines.bandwidth_gbps.max()))
    base = host.apply(pd.DataFrame(options, index=range(1)), tuple(options))
    cluster = cluster_of(
        inventory, nodes, system, base, parallel_limit=parallel_limit,
        storage_gib_per_s=costs.storage_gib_per_s, more=_beyond(inventory, nodes, empty),
    )  # fmt: skip
    emptied = _emptied(cluster, empty)
    table = inventory.machines
    usual = {name: value for name, value in options.items() if name not in own and name != "memory_gib"}
    table = table.assign(**usual)
    table.attrs["own"] = tuple(own)
    where = np.array([place(cluster, name, inventory.path) for name in table.node])
    moving = np.isin(where, emptied) if len(emptied) else (table.destination != "").to_numpy()
    if not moving.any():
        raise UserError(_nothing(inventory, empty))
    group, present = _groups(table, where, len(cluster.names))
    allowed = _allowed(cluster, table, where, emptied, inventory.path)
    rows = np.flatnonzero(moving)
    machines = table.iloc[rows].reset_index(drop=True)
    machines.attrs["own"] = tuple(own)
    return Problem(
        cluster,
        machines,
        where[rows],
        allowed[rows],
        group[rows],
        present,
        system,
        costs,
        host,
        (*usual, *own),
    )


def _emptied(cluster: Cluster, empty: Sequence[str]) -> Ints:
    """Places of the nodes that are to be emptied."""
    found = np.array([place(cluster, name, "--node") for name in empty], np.int64)
    if len(found) and len(set(found)) == len(cluster.names):
        raise UserError("--node names every node of --nodes; a node to move to is needed")
    return found


def _beyond(inventory: Inventory, nodes: Inventory | None, empty: Sequence[str]) -> tuple[str, ...]:
    """:data:`ELSEWHERE`, where no table of nodes is given and all that the inventory names are emptied."""
    table = inventory.machines
    owners = [name for names in table.owners for name in names]
    known = {name.casefold() for name in (*table.node, *table.destination, *owners) if name}
    every = bool(empty) and known <= {name.casefold() for name in empty}
    return (ELSEWHERE,) if nodes is None and every else ()


def _nothing(inventory: Inventory, empty: Sequence[str]) -> str:
    if empty:
        return f"{inventory.path} has no machine on {', '.join(empty)}: there is nothing to move"
    named = ", ".join(dict.fromkeys(inventory.machines.node[:200]))
    return (
        f"{inventory.path} names no destination, so nothing is to move; name the node to be emptied with "
        f"--node: it has {named[:200]}"
    )


def _groups(table: pd.DataFrame, where: Ints, count: int) -> tuple[Ints, Ints]:
    """The group of each machine, and how many of each group are on each node."""
    names = [name for name in dict.fromkeys(table.group) if name]
    group = np.array([names.index(name) if name else -1 for name in table.group], np.int64)
    present = np.zeros((max(len(names), 1), count), np.int64)
    some = group >= 0
    np.add.at(present, (group[some], where[some]), 1)
    return group, present


def _allowed(cluster: Cluster, table: pd.DataFrame, where: Ints, emptied: Ints, path: str) -> Bools:
    """Where each machine may go: its destination, or its owners, or any node that is not emptied."""
    allowed = np.ones((len(table), len(cluster.names)), bool)
    allowed[np.arange(len(table)), where] = False
    allowed[:, emptied] = False
    cells = zip(table.machine, table.destination, table.owners, strict=True)
    for k, (machine, destination, owners) in enumerate(cells):
        own = [place(cluster, name, path) for name in owners]
        if destination:
            to = place(cluster, destination, path)
            if to in emptied and where[k] in emptied:
                raise UserError(
                    f"{path}: {machine} is to move to {destination}, which is being emptied itself"
                )
            if own and to not in own:
                raise UserError(
                    f"{path}: {machine} is to move to {destination}, which is not among its owners"
                )
            allowed[k] = np.arange(len(cluster.names)) == to
        elif own:
            allowed[k] &= np.isin(np.arange(len(cluster.names)), own)
    return allowed


# --- who cannot move, or would not end ----------------------------------------------------------

FASTER = (2.0, 4.0, 10.0, 25.0, 100.0)
"""Multiples of a link that are tried for a machine that does not converge on it."""
MOST_HELPED = 50
"""Machines for which what would help is computed; of more the first."""
QUIET_OR_QUICK = "moving it while it is quiet, or by quick migration, which pauses it"


def never(problem: Problem, destination: Ints) -> list[dict[str, Any]]:
    """Machines that would not converge even alone, with what would help; ``moves`` False for those left
    out."""
    _, alone = problem.to(destination)
    cancelled = np.zeros(len(problem), bool)
    if problem.system.give_up_how == CANCEL:
        busy = alone.total_s - alone.blackout_s
        cancelled = busy > problem.system.give_up_s_per_gib * problem.machines.memory_gib.to_numpy()
    stays = alone.endless | cancelled
    found = []
    for number, k in enumerate(np.flatnonzero(stays | ~alone.converged)):
        why = "never ends: as much is dirtied as is sent" if alone.endless[k] else (
            f"is given up by {problem.system.name} before it ends" if cancelled[k]
            else f"does not converge: frozen for {alone.blackout_s[k]:.3g} s"
        )  # fmt: skip
        found.append(
            {
                "machine": problem.names[k],
                "node": problem.cluster.names[problem.source[k]],
                "why": why,
                "moves": bool(not stays[k]),
                "helps": _helps(problem, int(k), destination) if number < MOST_HELPED else [QUIET_OR_QUICK],
            }
        )
    return found


def _helps(problem: Problem, k: int, destination: Ints) -> list[str]:
    """What would let one machine converge: a faster link, compression, fewer writes."""
    row = problem.scenarios(destination).iloc[[k]]
    p = {name: column[:1] for name, column in filled(parameters_in(row)).items()}
    link, writes = float(p["bandwidth_gbps"][0]), float(p["dirty_pages_per_s"][0])
    tried: list[tuple[str, dict[str, Any]]] = []
    if p["transport"][0] == "tcpip":
        tried += [("compression", {"transport": np.array(["compression"], object)})]
    tried += [
        (f"a link of {times * link:g} Gbit/s", {"bandwidth_gbps": np.array([times * link]),
         "stream_limit_gbps": np.array([1e6]), "adapter_limit_gbps": np.array([np.nan])})
        for times in FASTER
    ]  # fmt: skip
    tried += [
        (f"at most {share * writes:,.0f} page writes a second while it moves",
         {"dirty_pages_per_s": np.array([share * writes])})
        for share in (0.75, 0.5, 0.25, 0.1, 0.01)
    ]  # fmt: skip
    one = np.zeros(1, np.int64)
    found: dict[str, str] = {}
    for said, change in tried:
        kind = next(iter(change))
        if kind in found:
            continue
        changed = p | change
        extra = Extra.none(1)
        _, alone = moves_of(changed, one, one, np.full((1, 4), -1), one - 1, extra)
        if alone.converged[0] and not alone.endless[0]:
            found[kind] = said
    return [*found.values(), QUIET_OR_QUICK]


def numbers_of(problem: Problem, destination: Ints, name: str) -> Floats:
    """A parameter of every machine as the model takes it."""
    values = filled(parameters_in(problem.scenarios(destination)))[name]
    return np.broadcast_to(values, len(problem)).astype(float)
