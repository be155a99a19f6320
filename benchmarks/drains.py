"""How long drains take to simulate and to plan, and how near the bound plans come: `make bench BENCH=drains`.

Scale: machines of 2 to 32 GiB that write up to 20,000 pages a second, on nodes of 10 Gbit/s, two at once,
each to another node; simulated in the order of the inventory, and planned as a list (the longest first,
each at full rate). Gaps: 50 random instances of 10 machines on 4 hosts of 500 and 1000 Mbit/s, in the
manner of the Grid'5000 plans.
"""

from __future__ import annotations

import argparse
import resource
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from analysis.studies.drain.bounds import lower_bound
from analysis.studies.drain.inventory import Inventory
from analysis.studies.drain.orders import Bench, best_plan, order_of, search, usual_plans
from analysis.studies.drain.placement import placed
from analysis.studies.drain.problem import Problem, problem_of
from analysis.studies.drain.systems import system
from analysis.studies.drain.tables import Policy
from benchmarks import record

SIZES = ((100, 10), (1_000, 32), (10_000, 100))
"""Machines and nodes."""


def problem(machines: pd.DataFrame, nodes: pd.DataFrame, limit: int) -> Problem:
    """Moves that are all told, with a limit at every node."""
    told = machines.assign(
        machine=[f"m{k}" for k in range(len(machines))], priority=2000.0, group="", deadline="",
        owners=pd.Series([()] * len(machines), dtype=object),
    )  # fmt: skip
    return problem_of(
        Inventory(told, [], "machines"), Inventory(nodes, [], "nodes"), system("hyperv"), parallel_limit=limit
    )


def moving(count: int, hosts: int, rng: np.random.Generator) -> pd.DataFrame:
    """Machines on random nodes, each to another one."""
    source = rng.integers(0, hosts, count)
    to = (source + rng.integers(1, hosts, count)) % hosts
    return pd.DataFrame({"node": [f"n{k}" for k in source], "destination": [f"n{k}" for k in to]})


def cluster(count: int, hosts: int, seed: int = 1) -> Problem:
    """A large cluster on the move."""
    rng = np.random.default_rng(seed)
    machines = moving(count, hosts, rng).assign(
        memory_gib=rng.uniform(2, 32, count), dirty_pages_per_s=rng.uniform(0, 20_000, count)
    )
    return problem(
        machines, pd.DataFrame({"node": [f"n{k}" for k in range(hosts)], "bandwidth_gbps": 10.0}), 2
    )


def instance(seed: int, limit: int, count: int = 10, hosts: int = 4) -> Problem:
    """A small random plan in the manner of Grid'5000."""
    rng = np.random.default_rng(seed)
    machines = moving(count, hosts, rng).assign(
        memory_gib=rng.choice([1.0, 2.0, 3.0, 4.0], count),
        dirty_pages_per_s=rng.choice([0.0, 500.0, 2_000.0, 5_000.0], count),
        working_set_gib=rng.uniform(0.05, 0.5, count),
    )
    rates = rng.permutation(np.resize([0.5, 1.0], hosts))
    return problem(
        machines, pd.DataFrame({"node": [f"n{k}" for k in range(hosts)], "bandwidth_gbps": rates}), limit
    )


def scale() -> pd.DataFrame:
    """Seconds to simulate and to plan, by size."""
    rows = []
    warm = cluster(20, 4)
    Bench(warm, Policy(), compiled=True).plan("warm", np.arange(20), placed(warm, np.arange(20)))
    for count, hosts in SIZES:
        begun = time.perf_counter()
        found = cluster(count, hosts)
        order = order_of(found, "first")
        to = placed(found, order)
        bench = Bench(found, Policy(), compiled=True)
        ready = time.perf_counter()
        plan = bench.plan("first", order, to)
        simulated = time.perf_counter()
        listed = bench.plan("list", order_of(found, "longest"), to, room=1.0)
        done = time.perf_counter()
        rows.append(
            {"machines": count, "nodes": hosts, "reading_s": ready - begun, "simulated_s": simulated - ready,
             "list_s": done - simulated, "makespan_s": plan.makespan_s, "list_makespan_s": listed.makespan_s,
             "bound_s": lower_bound(found, to)}
        )  # fmt: skip
    return pd.DataFrame(rows)


def gaps(seeds: int, seconds: float) -> pd.DataFrame:
    """Makespan over bound by plan, a row an instance."""
    rows = []
    for seed in range(seeds):
        found = instance(seed, 100)
        to = placed(found, np.arange(len(found)))
        bound = lower_bound(found, to)
        bench = Bench(found, Policy(), compiled=True)
        plans = usual_plans(bench)
        best = search(bench, best_plan(plans), seconds, bound, seed=seed)
        row = {
            "search": best.makespan_s,
            "list": best_plan([p for p in plans if p.name == "list"]).makespan_s,
        }
        for name, limit in (("one per node", 1), ("two at once", 2), ("three at once", 3)):
            tried = Bench(instance(seed, limit), Policy(), compiled=True)
            row[name] = tried.plan(name, np.arange(len(found)), to).makespan_s
        tried = Bench(instance(seed, 1), Policy(), compiled=True)
        tried.nodes = tried.nodes._replace(cluster_limit=1)
        row["one by one"] = tried.plan("one", np.arange(len(found)), to).makespan_s
        rows.append({name: value / bound for name, value in row.items()})
    return pd.DataFrame(rows)


def main() -> None:
    """Print both tables, and the memory that all of it took."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("seeds", type=int, nargs="?", default=50)
    parser.add_argument("--seconds", type=float, default=1.0, help="that a search takes")
    record.arguments(parser)
    asked = parser.parse_args()
    sizes, gap = scale(), gaps(asked.seeds, asked.seconds)
    print(sizes.round(3).to_string(index=False))
    print(f"\n{asked.seeds} random instances, makespan / bound:")
    print(gap.describe().loc[["mean", "min", "max"]].round(3).to_string())
    print(f"\nmost memory: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:.2f} GiB")
    figures = {f"{n} over the bound": record.figure([gap[n].mean()]) for n in map(str, gap)}
    for row in sizes.itertuples():
        figures[f"{row.machines} machines simulated"] = record.figure([row.simulated_s], "s")
    record.finish("drains", figures, asked)


if __name__ == "__main__":
    main()
