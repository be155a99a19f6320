"""Truths of others and measurements, and how far from each the study may be: the table of ``docs/truth.md``.

Each row has what is given, whose truth it is, how far off the study is (computed anew), and the most that
this may be. The most is what it was when the row was last looked at, rounded up in its last digit shown: a
prediction that gets worse fails; after one that gets better write the new figure here.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from analysis import migrate

BARE = {
    **{"resident_share": 1, "top_content_share": 0, "idle_dirty_pages_per_s": 0, "header_bytes": 0},
    **{"frame_overhead_bytes": 0, "page_header_bytes": 0, "stream_limit_gbps": 1e6, "socket_buffer_kib": 1e9},
    **{"state_mib": 0, "handoff_ms": 0, "setup_s": 0, "send_buffers": 100_000, "receive_buffers": 100_000},
    **{"zero_page_bytes": 0, "send_ahead_mib": 0, "transport": "tcpip", "stream_limit_spread": 0},
}
"""A machine and a link with nothing that takes time beside its pages."""
BANDWIDTH_GBPS, PAGES_PER_S = 8.0, 8e9 / 8 / 4096


class Truth(NamedTuple):
    """What is predicted, whose truth it is, how far off, the most allowed, and the unit of both."""

    what: str
    whose: str
    off: Callable[[], float]
    most: float
    unit: str

    def shown(self, value: float) -> str:
        """A figure in the row's unit; what a computer's last digits decide is called rounding."""
        if self.unit == "relative":
            return "rounding" if value <= self.most else f"{value:.0e}"
        return f"{value:.1f} %" if self.unit == "%" else f"{value:.0f} {self.unit}"


# --- closed forms -------------------------------------------------------------------------------


def geometric_series() -> float:
    """Greatest relative error of total time over ratios of dirtying to link, for 5 and 10 passes."""
    ratio = np.array([0.05, 0.2, 0.5, 0.8, 0.95])
    worst = 0.0
    for passes in (5, 10):
        found = migrate(
            **BARE, memory_gib=64, working_set_gib=64, bandwidth_gbps=BANDWIDTH_GBPS, stop_rule="hyperv",
            write_pattern="sequential", dirty_pages_per_s=ratio * PAGES_PER_S, pass_limit=passes,
        )  # fmt: skip
        made = found.passes.to_numpy()
        due = 64 * 2**18 / PAGES_PER_S * (1 - ratio ** (made + 1)) / (1 - ratio)
        worst = max(worst, float(np.abs(found.total_s / due - 1).max()))
    return worst


def saturating_set() -> float:
    """Greatest relative error of the first residual over working sets and rates of writing."""
    table = pd.MultiIndex.from_product(
        [[0.1, 1, 8], [1e3, 1e5, 1e6]], names=["working_set_gib", "dirty_pages_per_s"]
    )
    asked = table.to_frame(index=False)
    found = migrate(
        asked.assign(**BARE, memory_gib=16, bandwidth_gbps=BANDWIDTH_GBPS, stop_rule="hyperv", pass_limit=1)
    )
    pages = asked.working_set_gib * 2**18
    seconds = 16 * 2**18 / PAGES_PER_S
    due = pages * -np.expm1(-asked.dirty_pages_per_s * seconds / pages)
    return float(np.abs(found.residual_pages / due - 1).max())


def ring_without_delay() -> float:
    """Greatest relative error of N / tau packets a second through rings shorter than an interval."""
    buffers = np.array([8, 32, 128, 512])
    found = migrate(
        **{**BARE, "send_buffers": buffers}, bandwidth_gbps=100, mtu_bytes=1500, interrupt_moderation_us=200,
        receive_delay_us=0, send_moderation_us=200, send_delay_us=0, round_trip_ms=0.1, streams=64,
    )  # fmt: skip
    due = buffers / 200e-6 * 1500 * 8 / 1e9
    return float(np.abs(found.goodput_gbps / due - 1).max())


def simgrid() -> float:
    """Greatest relative difference of total times of 500 random migrations from SimGrid's recurrence."""
    from benchmarks import simgrid
    from tests.benchmarks.test_simgrid import by_preset, by_recurrence

    table = simgrid.scenarios(500, seed=4)
    return float(np.abs(by_preset(table).total_s / by_recurrence(table).total_s - 1).max())


# --- published and measured ----------------------------------------------------------------------


@cache
def hyperv() -> pd.Series:
    """Errors of Hyper-V's published times, predicted with nothing fitted [%]."""
    from analysis.studies.validation.published import predict_published

    return 100 * predict_published().error.abs()


@cache
def validated(name: str) -> dict[str, Any]:
    """What ``validate`` says of a table of ``data/``."""
    from analysis.cli import validated as said
    from analysis.observations.lab import DATA

    return said.validated([DATA / f"{name}.csv"])


def error(name: str, of: str, which: str) -> float:
    """An error of :func:`validated`: a share in per cent, a downtime as it is."""
    value = float(validated(name)[of][which])
    return value if of == "downtime_ms" else 100 * value


def wrong_verdicts(name: str) -> float:
    """Migrations of which it is told wrongly whether they converge [%]."""
    return 100 * (1 - validated(name)["convergence"]["accuracy"])


def _measured(
    name: str, whose: str, median: float, p90: float, pause_ms: float, verdict: float
) -> list[Truth]:
    rows = [
        ("total time, median", "total_s", "median_relative_error", median, "%"),
        ("total time, 9 in 10 below", "total_s", "p90_relative_error", p90, "%"),
        ("time frozen, median", "downtime_ms", "median_absolute_error", pause_ms, "ms"),
    ]
    made = [
        Truth(what, whose, lambda of=of, which=which: error(name, of, which), most, unit)
        for what, of, which, most, unit in rows
    ]
    return [*made, Truth("verdicts that are wrong", whose, lambda: wrong_verdicts(name), verdict, "%")]


def _link(name: str, whose: str, median: float, p90: float) -> list[Truth]:
    return [
        Truth(f"throughput, {what}", whose, lambda which=which: error(name, "throughput", which), most, "%")
        for what, which, most in (
            ("median", "median_relative_error", median),
            ("9 in 10 below", "p90_relative_error", p90),
        )
    ]


FORMULAS = [
    ("total time, dirtying at a constant rate", "geometric series (Clark et al., 2005)", geometric_series),
    ("pages dirtied in a pass, uniform writes", "W (1 - exp(-r t / W)), occupancy", saturating_set),
    ("packets through a send ring without delay", "N / tau, exact", ring_without_delay),
    ("total time under SimGrid's rule, 500 migrations", "SimGrid's recurrence", simgrid),
]
BLIND = "12 published moves under Hyper-V, nothing fitted"
TRUTHS = [
    *(Truth(*row, most=1e-11, unit="relative") for row in FORMULAS),
    Truth("total time, median", BLIND, lambda: float(hyperv().median()), 11.3, "%"),
    Truth("moves off by more than 15 %", BLIND, lambda: float((hyperv() > 15).sum()), 4, "of 12"),
    *_measured("migrations", "144 migrations of QEMU, which the host is calibrated on", 1.7, 13.2, 15, 2.8),
    *_measured("critical_migrations", "44 near the limit, with no part in any fit", 1.4, 3.6, 13, 0.0),
    *_link("buffers", "211 set-ups of TCP through rings", 1.0, 9.5),
    *_link("rare_overflows", "36 set-ups whose rings rarely overflow", 3.3, 22.5),
]


def table() -> str:
    """The rows as a table of ``docs/truth.md``."""
    lines = ["| predicted | whose truth | off by | at most |", "|---|---|---|---|"]
    for row in TRUTHS:
        most = "10^-11" if row.unit == "relative" else row.shown(row.most)
        lines.append(f"| {row.what} | {row.whose} | {row.shown(row.off())} | {most} |")
    return "\n".join(lines) + "\n"
