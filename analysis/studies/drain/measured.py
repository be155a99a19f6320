"""Measured drains beside what is predicted of them before they are looked at.

OpenStack: from the drains one by one come the time of one machine and the pause between two; drains of two
and four at once, in batches that wait for their slowest, are predicted from these alone. Hyper-V: published
drains, predicted from what was published of machines and links, nothing fitted.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import numpy as np
import pandas as pd
from scipy import optimize

from analysis.arrays import Floats
from analysis.model.migration import migrate
from analysis.observations.lab import DATA
from analysis.observations.published import read_published
from analysis.observations.tables import read_table
from analysis.studies.drain.inventory import Inventory
from analysis.studies.drain.orders import Bench, order_of
from analysis.studies.drain.placement import placed
from analysis.studies.drain.problem import Costs, problem_of
from analysis.studies.drain.systems import system
from analysis.studies.drain.tables import Policy

OPENSTACK = DATA / "drains_openstack.csv"
_COLUMNS = dict.fromkeys(("drain", "at_once", "machine", "duration_s", "drain_s"), "number")
_MACHINE = {"memory_gib": 8.0, "bandwidth_gbps": 10.0, "dirty_pages_per_s": 0.0, "setup_s": 0.0}
"""Of these drains: 8 GB on 10 Gbit/s; what Spark wrote is not known."""


def read_drains(path: str | Path = OPENSTACK) -> pd.DataFrame:
    """The OpenStack drains: a row a migration; see data/README.md."""
    return read_table(path, _COLUMNS).astype({"drain": int, "at_once": int, "machine": int})


def one_by_one(drains: pd.DataFrame) -> dict[str, float]:
    """What the drains one by one tell: a machine's mean time, and the mean pause between two machines [s]."""
    alone = drains[drains.at_once == 1]
    each = alone.groupby("drain").agg(
        moved=("duration_s", "sum"), whole=("drain_s", "first"), n=("machine", "size")
    )
    return {
        "machine_s": float(alone.duration_s.mean()),
        "gap_s": float(((each.whole - each.moved) / each.n).mean()),
    }


def blind(drains: pd.DataFrame, orchestration_s: float = 2.0) -> pd.DataFrame:
    """Mean drains by how many at once: measured, simulated in fair shares, and one after the other in each
    batch.

    One machine's time is split into orchestration and a transfer whose rate is fitted to the rest; the split
    matters little here. Nothing of the drains of two and four is used.
    """
    told = one_by_one(drains)
    rate = _stream_gbps(told["machine_s"] - orchestration_s)
    rows = []
    for level, part in drains.groupby("at_once"):
        at_once, whole = int(str(level)), float(part.groupby("drain").drain_s.first().mean())
        count = int(part.machine.max())
        fair = _simulated(count, at_once, rate, orchestration_s, told["gap_s"])
        queued = count * told["machine_s"] + count / at_once * told["gap_s"]
        rows.append({"at_once": at_once, "measured_s": whole, "shared_s": fair, "queued_s": queued})
    table = pd.DataFrame(rows)
    return table.assign(
        shared_error=table.shared_s / table.measured_s - 1, queued_error=table.queued_s / table.measured_s - 1
    )


def _stream_gbps(transfer_s: float) -> float:
    """The ceiling of one connection at which a machine without writes takes so long."""

    def late(gbps: float) -> float:
        return float(migrate(stream_limit_gbps=gbps, **_MACHINE).total_s.iloc[0]) - transfer_s

    return float(optimize.brentq(late, 0.5, 100.0))


def _simulated(count: int, at_once: int, rate_gbps: float, orchestration_s: float, gap_s: float) -> float:
    """A drain of equal machines in batches whose members share what one of them had alone."""
    table = pd.DataFrame({"machine": [f"m{k + 1}" for k in range(count)], "node": "a", **_MACHINE})
    table = table.assign(
        destination="", priority=2000.0, group="", deadline="", owners=pd.Series([()] * count, dtype=object)
    )
    nodes = pd.DataFrame({"node": ["a", "b"], "adapter_limit_gbps": rate_gbps})
    problem = problem_of(
        Inventory(table, [], "drains"), Inventory(nodes, [], "nodes"), system("nova"), empty=("a",),
        costs=Costs(orchestration_s), parallel_limit=at_once,
    )  # fmt: skip
    order = order_of(problem, "first")
    bench = Bench(problem, Policy(barrier=True, gap_s=gap_s), compiled=False)
    # The measured drain ends with a pause too.
    return bench.plan("first", order, placed(problem, order)).ran.makespan_s + gap_s


def staggered(drains: pd.DataFrame) -> pd.DataFrame:
    """When the first, second, ... of a batch ended, on the mean [s since the batch began], by how many at
    once."""
    batch = (drains.machine - 1) // drains.at_once
    ranked = drains.assign(place=drains.groupby(["drain", batch]).duration_s.rank(method="first").astype(int))
    return ranked.pivot_table(index="at_once", columns="place", values="duration_s")


def in_turn(drains: pd.DataFrame) -> pd.DataFrame:
    """Whether the machines of a batch went one after the other, by how many at once; seconds.

    ``first_later_s``: how much later than a machine alone the first of a batch ended. ``step_s``: mean time
    from one end to the next; ``least_step_s``: the shortest. ``poll_s``: the beat at which ends were told,
    the period whose remainders of all durations lie closest together.
    """
    alone = float(one_by_one(drains)["machine_s"])
    rows = []
    for level, part in drains.groupby("at_once"):
        batch = (part.machine - 1) // part.at_once
        ends = part.assign(batch=batch).sort_values("duration_s").groupby(["drain", "batch"]).duration_s
        steps = ends.diff().dropna()
        rows.append({"at_once": int(str(level)), "first_later_s": float(ends.min().mean()) - alone,
                     "step_s": steps.mean(), "least_step_s": steps.min(),
                     "poll_s": _beat(part.duration_s.to_numpy())})  # fmt: skip
    return pd.DataFrame(rows)


def _beat(durations: Floats) -> float:
    """The period of times that are told only now and then [s], by the largest mean resultant on a circle."""
    periods = np.arange(2.2, 6.0, 0.02)
    turns = np.exp(2j * np.pi * durations[:, None] / periods)
    return float(periods[np.abs(turns.mean(axis=0)).argmax()])


def four_from_two(drains: pd.DataFrame) -> dict[str, float]:
    """Drains of four at once predicted from those of one and two: each more in a batch costs what a second
    does."""
    told, ends = one_by_one(drains), staggered(drains)
    more = float(ends.to_numpy()[list(ends.index).index(2), 1]) - 2 * told["machine_s"]
    four = drains[drains.at_once == 4]
    two = drains[drains.at_once == 2]
    gap = _gaps(two).mean()
    batches = int(four.machine.max()) / 4
    predicted = batches * (4 * told["machine_s"] + 3 * more + gap)
    measured = float(four.groupby("drain").drain_s.first().mean())
    return {"predicted_s": float(predicted), "measured_s": measured, "error": float(predicted) / measured - 1}


def _gaps(part: pd.DataFrame) -> Floats:
    """The pause between two batches of each drain [s]."""
    at_once = int(part.at_once.iloc[0])
    slowest = part.groupby(["drain", (part.machine - 1) // at_once]).duration_s.max().groupby("drain")
    whole = part.groupby("drain").drain_s.first()
    return ((whole - slowest.sum()) / slowest.size()).to_numpy()


def rolling_gain(drains: pd.DataFrame, *, draws: int = 2000, seed: int = 0) -> pd.DataFrame:
    """What a rolling window would gain over barrier batches with the same times of machines, with 90 %
    intervals.

    Each drain is played twice with its own times: in batches, and with a slot filled as soon as it is free;
    no pause between. The interval is of the mean gain, by drawing drains again and again (bootstrap).
    """
    rng = np.random.default_rng(seed)
    rows = []
    for level in sorted(set(drains.at_once) - {1}):
        part = drains[drains.at_once == level].sort_values(["drain", "machine"])
        times = [group.duration_s.to_numpy() for _, group in part.groupby("drain")]
        batches = np.array([t.reshape(-1, level).max(axis=1).sum() for t in times])
        rolling = np.array([_window(t, level) for t in times])
        gain = 1 - rolling / batches
        means = gain[rng.integers(len(gain), size=(draws, len(gain)))].mean(axis=1)
        low, high = np.quantile(means, [0.05, 0.95])
        rows.append({"at_once": int(level), "batches_s": batches.mean(), "rolling_s": rolling.mean(),
                     "gain": gain.mean(), "low90": low, "high90": high})  # fmt: skip
    return pd.DataFrame(rows)


def _window(times: Floats, slots: int) -> float:
    """When the last of a queue ends if each slot takes the next as soon as it is free."""
    free = np.zeros(slots)
    for time in times:
        free[free.argmin()] += time
    return float(free.max())


def hyperv_drains() -> pd.DataFrame:
    """Published drains of Hyper-V beside their prediction: ``case``, ``count``, ``measured_s``,
    ``predicted_s``.

    The version's defaults, the number at once as published or by default, idle guests; nothing fitted.
    ``four_s``: where the number at once was not published, the same with four.
    """
    table = read_published()
    drains = table[(table.vm_count > 1) & table.case.str.contains("drain|moved together")]
    rows: list[dict[str, Any]] = []
    for row in cast(list[dict[str, Any]], drains.to_dict("records")):
        count, limit = int(row["vm_count"]), 20 if "moved together" in str(row["case"]) else None
        measured = float(np.nanmean([row["total_s_low"], row["total_s_high"]]))
        rows.append(
            {
                "case": row["case"], "count": count, "bandwidth_gbps": float(row["bandwidth_gbps"]),
                "measured_s": measured, "predicted_s": _hyperv(row, count, limit),
                "four_s": np.nan if limit else _hyperv(row, count, 4),
            }
        )  # fmt: skip
    found = pd.DataFrame(rows)
    return found.assign(error=found.predicted_s / found.measured_s - 1)


_IDLE = {"dirty_pages_per_s": 100.0, "working_set_gib": 0.1}
"""An idle guest."""


def _hyperv(row: dict[str, Any], count: int, limit: int | None) -> float:
    table = pd.DataFrame({"machine": [f"m{k + 1}" for k in range(count)], "node": "a"})
    table = table.assign(memory_gib=float(row["memory_gib"]), destination="", priority=2000.0, group="")
    table = table.assign(deadline="", owners=pd.Series([()] * count, dtype=object))
    rules = system("hyperv", "windows_2012")
    problem = problem_of(
        Inventory(table, [], "published"), None, rules, empty=("a",), parallel_limit=limit,
        options={"bandwidth_gbps": float(row["bandwidth_gbps"]), **_IDLE},
    )  # fmt: skip
    order = order_of(problem, "first")
    return (
        Bench(problem, Policy(), compiled=False).plan("first", order, placed(problem, order)).ran.makespan_s
    )
