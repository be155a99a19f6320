"""The numbers of one migration's picture: passes, the course of dirtying in them, ceilings of the link."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import pandas as pd

from analysis.model.laws import one as laws
from analysis.model.laws import scenario
from analysis.model.laws.link import CEILINGS, TIE, goodput
from analysis.model.laws.memory import COMPRESSION, content_pages, fill_classes
from analysis.model.laws.one import Outcome, Work, work
from analysis.model.laws.passes import REASONS, distinct_pages
from analysis.model.laws.rates import LIMITS
from analysis.model.migration import filled
from analysis.model.units import GBIT, GIB, PAGE_BYTES, PAGES_PER_GIB
from analysis.parameters import FACTOR, PARAMETERS
from analysis.studies.grids import grid

DRAWN_PASSES = 20
"""Passes that are drawn; later ones look like the last of them."""
POINTS = 11
"""Points of a curve within a pass."""


class Pass(NamedTuple):
    """One pass: when it began and how long it took [s], memory to send at its start and sent, and the
    memory [GiB] dirtied since it began, at evenly spaced times."""

    number: int
    start_s: float
    duration_s: float
    to_send_gib: float
    sent_gib: float
    dirtied_gib: Sequence[float]


class Migration(NamedTuple):
    """All that the picture of one migration shows; ``ceilings`` are rates of payload [Gbit/s] by name.

    ``ratio``: of compression, 1 where nothing is compressed; ``page_share``: pages' share of what is sent,
    without their headers.
    """

    setup_s: float
    outcome: Mapping[str, Any]
    passes: Sequence[Pass]
    ceilings: Mapping[str, float]
    ratio: float = 1.0
    page_share: float = 1.0

    @property
    def compresses(self) -> bool:
        """Whether memory is compressed: then a rate of memory is another than one of payload."""
        return math.isfinite(self.ceilings["spare_cores"])

    def memory_rates(self) -> dict[str, float]:
        """What each ceiling alone would let through [GiB/s of memory, compressed].

        Spare cores that bind: the rate that memory then goes at, with what goes uncompressed beside.
        """
        rates = {name: self.ratio * self.plain_rate(gbps) for name, gbps in self.ceilings.items()}
        if self.outcome["limited_by"] == "spare_cores":
            rates["spare_cores"] = self.outcome["memory_rate_gib_per_s"]
        return rates

    def plain_rate(self, payload_gbps: float) -> float:
        """The memory [GiB/s] that a rate of payload carries uncompressed."""
        return payload_gbps * self.page_share * GBIT / 8 / GIB

    def follows(self, name: str) -> bool:
        """Whether a ring or socket carries all that the ceilings before it let through, so limits nothing."""
        before = [self.ceilings[n] for n in _BEFORE.get(name, ())]
        return len(before) > 0 and self.ceilings[name] >= (1 - TIE) * min(before)


_BEFORE = {
    "socket_buffer": ("line_rate",),
    "send_buffers": ("line_rate",),
    "receive_buffers": CEILINGS[: CEILINGS.index("send_buffers")],
}
"""What rings and sockets are offered: their laws round the corner to it, a little below."""


def followed(scenarios: pd.DataFrame) -> list[Migration]:
    """The migrations of some scenarios, a row each, with their first passes and all ceilings."""
    lists = work()
    return [follow(p, lists) for p in scenario.scenarios(filled(scenarios))]


def follow(p: scenario.Scenario, w: Work) -> Migration:
    """One migration of a scenario as the laws take it, with its first passes and all ceilings."""
    log: list[laws.Made] = []
    ended = laws.followed(p, w, log)
    goodput(p, p.bandwidth_limit_share, w.ceilings)
    limits = {name: w.ceilings[k] for k, name in enumerate(CEILINGS)}
    able, drawn = compressor_gbps(p), min(len(log), DRAWN_PASSES)
    # The same classes that the passes were made with stand in the lists.
    classes = fill_classes(p, w.rates, w.sizes)
    return Migration(
        p.setup_s,
        named_outcome(ended),
        [_drawn(p, w, classes, log, k) for k in range(drawn) if math.isfinite(log[k].duration_s)],
        limits | {"spare_cores": able},
        p.compression_ratio if math.isfinite(able) else 1.0,
        PAGE_BYTES / (PAGE_BYTES + p.page_header_bytes),
    )


def named_outcome(ended: Outcome) -> dict[str, Any]:
    """Outcomes by name, words instead of codes."""
    return {
        "goodput_gbps": ended.goodput_gbps,
        "memory_rate_gib_per_s": ended.memory_rate_gib_per_s,
        "limited_by": LIMITS[ended.limited_by],
        "passes": int(ended.passes),
        "stop_reason": REASONS[ended.stop_reason],
        "converged": ended.converged,
        "residual_pages": ended.residual_pages,
        "brownout_s": ended.brownout_s,
        "blackout_s": ended.blackout_s,
        "total_s": ended.total_s,
        "throttled_share": ended.throttled_share,
        "post_copy_s": ended.post_copy_s,
        "memory_sent_gib": ended.memory_sent_gib,
        "stream_gib": ended.stream_gib,
        "wire_gib": ended.wire_gib,
    }


def compressor_gbps(p: scenario.Scenario) -> float:
    """What the spare cores can compress, as payload at the full ratio: the ceiling beside the link's own."""
    if p.transport != COMPRESSION:
        return math.inf
    able = p.compress_gib_per_s_per_core * p.spare_cores if p.spare_cores > 0 else 0.0
    return able / p.compression_ratio * 8 * GIB / GBIT


def _drawn(p: scenario.Scenario, w: Work, n: int, log: list[laws.Made], k: int) -> Pass:
    """A pass with the course of dirtying within it.

    What is waiting to be sent anyway is not counted twice: the curve ends at what the pass found.
    """
    made = log[k]
    shares = [i / (POINTS - 1) for i in range(POINTS)]
    curve = [distinct_pages(w.machine, w.rates, w.sizes, n, made.duration_s * share) for share in shares]
    scale = made.dirtied_pages / curve[-1] / PAGES_PER_GIB if curve[-1] > 0 else 0.0
    to_send = content_pages(p) if k == 0 else log[k - 1].remaining_pages
    return Pass(
        int(made.number),
        made.start_s + p.setup_s,
        made.duration_s,
        to_send / PAGES_PER_GIB,
        made.sent_pages / PAGES_PER_GIB,
        [pages * scale for pages in curve],
    )


def one(**parameters: Any) -> Migration:
    """One migration; parameters as for ``migrate``, to which defaults are left: that is quicker."""
    said = {n for n in parameters if n not in PARAMETERS or n + FACTOR in parameters}
    given = {n: v for n, v in parameters.items() if n in said or not _is_default(n, v)}
    return followed(grid(**given or {"memory_gib": PARAMETERS["memory_gib"].default}))[0]


def _is_default(name: str, value: Any) -> bool:
    """Whether a value is a parameter's default, None standing for one left to a preset."""
    default = PARAMETERS[name].default
    empty = isinstance(default, float) and math.isnan(default)
    return value is None if empty else value == default and type(value) is not bool
