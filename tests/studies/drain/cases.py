"""Drains that tests make up: machines as a table, nodes as a table, problems of them."""

import numpy as np
import pandas as pd

from analysis.studies.drain.inventory import Inventory
from analysis.studies.drain.problem import Costs, problem_of
from analysis.studies.drain.systems import system

PLAIN = {"page_header_bytes": 0, "setup_s": 0, "handoff_ms": 0, "state_mib": 0, "resident_share": 1}
"""No overheads, so that times can be worked out by hand."""


def machines(count, **columns):
    """An inventory of machines m0, m1, ... with columns of scalars or lists."""
    table = pd.DataFrame({"machine": [f"m{k}" for k in range(count)]})
    usual = {
        "node": "a",
        "memory_gib": 4.0,
        "destination": "",
        "priority": 2000.0,
        "group": "",
        "deadline": "",
    }
    for name, value in (usual | columns).items():
        table[name] = value
    if "owners" not in columns:
        table["owners"] = [()] * count
    return Inventory(table, [], "machines.csv")


def nodes(names, **columns):
    """A table of nodes."""
    table = pd.DataFrame({"node": list(names)})
    for name, value in columns.items():
        table[name] = value
    return Inventory(table, [], "nodes.csv")


def problem(
    inventory, node_table=None, *, empty=("a",), limit=None, rules="hyperv", host=None, costs=None, **options
):
    """The problem of emptying nodes, with parameters for all machines."""
    return problem_of(
        inventory, node_table, system(rules), empty=empty, options=options, host=host, costs=costs or Costs(),
        parallel_limit=limit,
    )  # fmt: skip


def random_drain(seed, count=6, hosts=4, *, fixed=True):
    """Machines of all kinds on nodes of two speeds, each to another node."""
    rng = np.random.default_rng(seed)
    source = rng.integers(0, hosts, count)
    to = (source + rng.integers(1, hosts, count)) % hosts
    table = machines(
        count,
        node=[f"n{k}" for k in source],
        destination=[f"n{k}" for k in to] if fixed else "",
        memory_gib=rng.choice([1.0, 2.0, 4.0], count),
        dirty_pages_per_s=rng.choice([0.0, 500.0, 5000.0, 40000.0], count),
        working_set_gib=rng.uniform(0.05, 0.8, count),
        write_pattern=rng.choice(["uniform", "sequential"], count),
    )
    return table, nodes([f"n{k}" for k in range(hosts)], bandwidth_gbps=rng.choice([0.5, 1.0, 2.0], hosts))
