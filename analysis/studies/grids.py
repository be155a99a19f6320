"""Designs and the questions that sweeps ask: tables of scenarios in, tables of answers out.

Everything here works on the one table of the study, a row a migration and a column a parameter;
the model itself is :func:`analysis.model.migration.migrate`.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from analysis.model.dirtying import distinct_pages, write_classes
from analysis.model.migration import filled, migrate, parameters_in, passes
from analysis.model.stop_rules import STOP_RULES
from analysis.model.units import GBIT, GIB, PAGES_PER_GIB
from analysis.parameters import FACTOR

DRAWN_PASSES = 40
"""Passes that :func:`course` follows; a migration that never ends would have a thousand."""


MOST_BUFFERS = 2**17
"""Buffers beyond any adapter's, where the search for enough of them ends."""


def grid(**lists: Any) -> pd.DataFrame:
    """Every combination of some lists of parameter values, one row each; scalars are kept constant.

    The last list varies fastest.

    >>> grid(bandwidth_gbps=[1, 10], memory_gib=16)
       bandwidth_gbps  memory_gib
    0               1          16
    1              10          16
    """
    columns = {name: [value] if np.ndim(value) == 0 else list(value) for name, value in lists.items()}
    return pd.DataFrame(list(itertools.product(*columns.values())), columns=list(columns))


def refined(values: Sequence[float], points: int = 120) -> np.ndarray:
    """The values themselves and enough others between the least and the greatest for a smooth line.

    Evenly spaced by ratio where all values are above zero, else by difference, but for a rounding to three
    significant digits: what a sentence says of such a value holds for the value as it is printed.
    """
    low, high = min(values), max(values)
    between = np.geomspace(low, high, points) if low > 0 else np.linspace(low, high, points)
    rounded = np.array([float(f"{value:.3g}") for value in between[1:-1]])
    rounded = rounded[(rounded > low) & (rounded < high)]
    return np.unique(np.concatenate([np.asarray(values, float), rounded]))


def of_digits(low: float, high: float, digits: int) -> np.ndarray:
    """Every number from ``low`` to ``high``, both above zero, that so many significant digits can write.

    >>> of_digits(0.98, 1.2, 2)
    array([0.98, 0.99, 1.  , 1.1 , 1.2 ])
    """
    first, last = (math.floor(math.log10(end)) for end in (low, high))
    steps = range(10 ** (digits - 1), 10**digits)
    # Read as text, so that each is the number a person would write, to the last bit.
    powers = range(first - digits + 1, last - digits + 2)
    values = np.array([float(f"{step}e{power}") for power in powers for step in steps])
    return values[(values >= low) & (values <= high)]


def first_value_reaching(frame: pd.DataFrame, x: str, y: str, goal: float) -> float:
    """Least ``x`` from which on ``y`` stays at or above ``goal``; NaN if it is below at the greatest."""
    ordered = frame.sort_values(x, ascending=False)
    held = (ordered[y] >= goal).cumprod().astype(bool)
    return float(ordered.loc[held, x].min())


def most_converging(name: str, low: float, high: float, **scenario: Any) -> float:
    """Greatest value of a parameter, of three significant digits, up to which pre-copy converges.

    0 if it does not converge at ``low``, infinite if it still does at ``high``.
    """
    values = of_digits(low, high, 3)
    converged = migrate(**(scenario | {name: values}))["converged"].to_numpy()
    if converged.all():
        return np.inf
    first_failure = int(np.argmin(converged))
    return float(values[first_failure - 1]) if first_failure else 0.0


def goal_s(
    stop_rule: str, blackout_target_ms: float | None = None, memory_rate_gib_per_s: float = np.inf
) -> float:
    """Permitted time to send the residual [s]: as given, or as the stop rule has it.

    A rule that permits a number of pages, as Xen's does, permits the time they take at that rate.
    """
    rule, given = STOP_RULES[stop_rule], np.nan if blackout_target_ms is None else blackout_target_ms
    few_s = rule.few_pages / PAGES_PER_GIB / memory_rate_gib_per_s
    return max((rule.target_ms if np.isnan(given) else given) / 1000, few_s)


def limit_of(stop_rule: str, pass_limit: float | None = None) -> float:
    """Most passes: as given, or as the stop rule has it; infinite for one that has no limit.

    >>> limit_of("hyperv"), limit_of("hyperv", 10), limit_of("simgrid")
    (5.0, 10.0, inf)
    """
    return float(STOP_RULES[stop_rule].pass_limit if pass_limit is None else pass_limit)


def writes_to_show(dirty_pages_per_s: float, most_writes: float) -> tuple[float, float]:
    """Least and greatest page writes of a map on which both a guest and the edge of converging are seen.

    ``most_writes``: up to which it converges (0 none, infinite any number). A guest that writes nothing lies
    on the lower edge.
    """
    seen = [rate for rate in (dirty_pages_per_s, most_writes) if 0 < rate < np.inf] or [1e5]
    return min(seen) / 100, max(20 * (dirty_pages_per_s or min(seen)), 5 * max(seen))


def distinct_gib(seconds: ArrayLike, scenarios: pd.DataFrame) -> np.ndarray:
    """Distinct memory [GiB] that guests dirty in some seconds: rows of scenarios, columns of times.

    ``seconds`` has the shape (times,), or (rows, times) where each scenario has its own.
    """
    p = _filled(scenarios)
    times = np.asarray(seconds, float)
    times = np.broadcast_to(times, (len(p), times.shape[-1]))
    written, memory = p["working_set_gib"].to_numpy(float), p["memory_gib"].to_numpy(float)
    pages = np.minimum(written, memory) * PAGES_PER_GIB
    shape = (p[name].to_numpy(float) for name in ("hot_page_share", "hot_write_share", "zipf_exponent"))
    pattern, rate = p["write_pattern"].to_numpy(object), p["dirty_pages_per_s"].to_numpy(float)
    classes = write_classes(pattern, rate, pages, *shape)
    return np.stack([distinct_pages(t, classes) for t in times.T], axis=1) / PAGES_PER_GIB


def dirtied(seconds: np.ndarray, scenarios: pd.DataFrame) -> pd.DataFrame:
    """The curves u(t) of scenarios with different write patterns: one row a pattern and a time.

    Columns: ``write_pattern``, ``seconds``, ``dirtied_gib``.
    """
    curves = pd.DataFrame(distinct_gib(seconds, scenarios), columns=seconds)
    curves.insert(0, "write_pattern", scenarios["write_pattern"].to_numpy())
    long = curves.melt("write_pattern", var_name="seconds", value_name="dirtied_gib")
    return long.astype({"seconds": float})


def typical(scenarios: pd.DataFrame, names: Iterable[str]) -> dict[str, Any]:
    """The median of each numeric column, and the commonest of each other one, of some that are there.

    What a grid varies itself (line rate and page writes) is left out.
    """
    kept = [n for n in names if n in scenarios and n not in ("bandwidth_gbps", "dirty_pages_per_s")]
    columns = scenarios[kept]
    numbers = columns.select_dtypes("number").median().to_dict()
    named = columns.select_dtypes(exclude="number").mode().iloc[0].to_dict() | numbers
    return {str(name): value for name, value in named.items()}


def on_one_map(scenarios: pd.DataFrame) -> pd.DataFrame:
    """Migrations of all kinds of machines with two columns that make them comparable.

    Pre-copy settles where what a pass dirties is what it sends, and that is within the goal of T
    seconds only if u(T) is less than the link sends in T. So ``sent_gbps`` is the rate at which memory
    is sent and ``dirtied_gbps`` is u(T)/T, whatever the pattern, working set and goal. Outcomes of
    ``migrate`` are added too.
    """
    out = migrate(scenarios)
    p = _filled(scenarios)
    asked = zip(p["stop_rule"], p["blackout_target_ms"], out["memory_rate_gib_per_s"], strict=True)
    goals = np.array([goal_s(*row) for row in asked])
    bits = GIB * 8 / GBIT
    dirtied = distinct_gib(goals[:, None], scenarios)[:, 0] / goals
    return out.assign(sent_gbps=out["memory_rate_gib_per_s"] * bits, dirtied_gbps=dirtied * bits)


def left_per_pass(**scenario: Any) -> pd.DataFrame:
    """``passes`` with ``left_s``: the time it would take to send what each pass leaves."""
    table = grid(**scenario)
    steps = passes(table)
    rate = migrate(table)["memory_rate_gib_per_s"].to_numpy()[steps["scenario"].astype(int)]
    named = table.iloc[steps["scenario"].astype(int)].reset_index(drop=True)
    left = steps["remaining_pages"] / PAGES_PER_GIB / rate
    return pd.concat([named, steps.drop(columns="scenario")], axis=1).assign(left_s=left)


def buffers_needed(scenarios: pd.DataFrame, ring: str = "receive_buffers", share: float = 0.99) -> np.ndarray:
    """Fewest buffers of a ring that carry ``share`` of what the link would with endless ones.

    Whole descriptors, one a row, found by halving the interval; infinite where :data:`MOST_BUFFERS`
    do not suffice.
    Packets arrive no faster than the other ceilings let them: a line beyond those asks for no more.
    """
    idle = scenarios.assign(dirty_pages_per_s=0.0)
    goal = share * _goodput(idle, ring, MOST_BUFFERS)
    low, high = np.zeros(len(idle)), np.full(len(idle), float(MOST_BUFFERS))
    for _ in range(int(np.log2(MOST_BUFFERS))):
        middle = np.maximum((low + high) // 2, 1)
        enough = _goodput(idle, ring, middle) >= goal
        low, high = np.where(enough, low, middle), np.where(enough, middle, high)
    return np.where(high >= MOST_BUFFERS, np.inf, high)


def _goodput(scenarios: pd.DataFrame, ring: str, buffers: Any) -> np.ndarray:
    """Payload rate of the link [Gbit/s] with these buffers in one ring and no end of them in the other."""
    endless = dict.fromkeys(("send_buffers", "receive_buffers"), 10**6)
    return migrate(scenarios.assign(**endless | {ring: buffers}))["goodput_gbps"].to_numpy()


def longest_delay_us(share: float = 0.99, **scenario: Any) -> float:
    """Longest mean delay of the processor [us], of two digits, up to which buffers carry a share of the link.

    0 if they do not even without a delay, infinite if they do at a second.
    """
    delays = np.concatenate([[0.0], of_digits(1, 1e6, 2)])
    table = grid(**scenario | {"receive_delay_us": delays, "dirty_pages_per_s": 0.0})
    now = migrate(table)["goodput_gbps"].to_numpy()
    held = now >= share * _goodput(table, "receive_buffers", 10**6)
    if held.all():
        return np.inf
    first = int(np.argmin(held))
    return float(delays[first - 1]) if first else 0.0


def compression_gain(scenarios: pd.DataFrame) -> pd.DataFrame:
    """``migrate`` with compression, and what it gains over plain TCP/IP.

    ``plain_total_s``: total time without it; ``gain``: that over the total time with it (NaN where neither
    ends); ``rate_gain``: memory copied per second with over
    without; ``cores_needed``: spare cores from which on compression gives its full ratio.
    """
    plain = migrate(scenarios.assign(transport="tcpip"))
    out = migrate(scenarios.assign(transport="compression"))
    p = _filled(out)
    full_gib_per_s = p["goodput_gbps"] * GBIT / 8 / GIB * p["compression_ratio"]
    return out.assign(
        plain_total_s=plain["total_s"],
        gain=plain["total_s"] / out["total_s"],
        rate_gain=out["memory_rate_gib_per_s"] / plain["memory_rate_gib_per_s"],
        cores_needed=full_gib_per_s / p["compress_gib_per_s_per_core"],
    )


def course(points: int = 50, **scenario: Any) -> pd.DataFrame:
    """One migration in time: what is still to be sent and what became dirty meanwhile.

    One row a point in time. Columns: ``pass_number``, ``time_s`` (since the migration began),
    ``to_send_gib`` (left of this pass, and what it will not get to), ``dirtied_gib`` (newly dirty
    since the pass began). Follows the first :data:`DRAWN_PASSES` passes.
    """
    steps = passes(**scenario).head(DRAWN_PASSES)
    p = _filled(migrate(**scenario))
    resident = p["memory_gib"] * p["resident_share"] * PAGES_PER_GIB
    steps = steps.assign(to_send=steps["remaining_pages"].shift(fill_value=resident.iloc[0]))
    parts = [_within_pass(step, p, points) for step in steps.itertuples()]
    return pd.concat(parts, ignore_index=True)


def _within_pass(step: Any, scenario: pd.DataFrame, points: int) -> pd.DataFrame:
    """The course of one pass; dirtying follows u(t), scaled to what the pass found at its end."""
    share = np.linspace(0, 1, points)
    curve = distinct_gib(share * step.duration_s, scenario)[0]
    rising = curve / curve[-1] if curve[-1] > 0 else share
    columns = {
        "pass_number": step.pass_number,
        "time_s": step.start_s + share * step.duration_s,
        "to_send_gib": (step.to_send - share * step.sent_pages) / PAGES_PER_GIB,
        "dirtied_gib": rising * step.dirtied_pages / PAGES_PER_GIB,
    }
    return pd.DataFrame(columns)


def _filled(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with a column for every parameter, as the model computes with it: what a host makes of it."""
    known = parameters_in(frame)
    return frame.drop(columns=[name for name in map(str, known) if name.endswith(FACTOR)]).assign(
        **filled(known)
    )
