"""A dedicated network or a shared one: a migration's time as a distribution.

Other traffic comes and goes: each competing flow is on and off for exponential times, so the number that
is on is a birth-and-death chain. While k are on, a migration has what they leave. Between two changes
the rate is steady, so the passes of each draw run over a rate that steps up and down
(:class:`VaryingLink`); thousands of draws run side by side as rows of one recurrence.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import comb
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.arrays import Columns
from analysis.model import precopy
from analysis.model.migration import ahead_pages, filled, guest, rates
from analysis.model.stop_rules import Rules
from analysis.model.units import GBIT, MIB, PAGES_PER_GIB

USUAL_MULTIPLE = 1.5
"""Times its memory over the mean rate that a migration usually takes at most."""
MOST_STEPS = 4000
"""Changes of the other traffic that are followed one by one, which bounds the memory of a draw."""
MOST_PASSES = 500
"""Passes after which a draw without a limit of its own counts as endless: its times are infinite."""


Floats = NDArray[np.float64]


class Traffic(NamedTuple):
    """Other traffic as a number of alike flows.

    ``flows``: how many there are; ``on_s``, ``off_s``: their mean times on and off (off 0: always
    on); ``left``: share of the line that a migration has while 0, 1, …, ``flows`` of them are on.
    """

    flows: int
    on_s: float
    off_s: float
    left: Sequence[float]

    @property
    def mean_left(self) -> float:
        """Mean share of the line that is left, over a long time."""
        return float(np.dot(_long_run(self), self.left))


def fair_flows(flows: int, on_s: float = 1.0, off_s: float = 0.0) -> Traffic:
    """Flows that share the line fairly with the migration: k of them leave 1 / (1 + k) of it."""
    return Traffic(flows, on_s, off_s, [1 / (1 + k) for k in range(flows + 1)])


def bursts(share: float, burst_s: float) -> Traffic:
    """Bursts of other traffic that take ``share`` of the line on the mean.

    A burst takes half of the line, as a fair competitor does, and more where the mean is high: the middle
    between ``share`` and the whole. It is on as often as makes the mean right.

    >>> round(bursts(0.3, 2.0).mean_left, 9), round(bursts(0.7, 2.0).mean_left, 9)
    (0.7, 0.3)
    """
    if share <= 0:
        return fair_flows(0)
    peak = (1 + share) / 2
    on = share / peak
    return Traffic(1, burst_s, burst_s * (1 - on) / on, [1.0, 1 - peak])


class VaryingLink(NamedTuple):
    """Pages per second that step up and down in time, a row each.

    ``edges``: (rows, steps + 1) times at which the rate changes, the first at or before 0;
    ``pages_per_s``: (rows, steps) from each edge to the next. After the last edge the last rate goes on. The
    first ``ahead`` pages are taken at once, as by :class:`~analysis.model.precopy.SteadyLink`.
    """

    edges: Floats
    pages_per_s: Floats
    ahead: Floats | float = 0.0

    def seen_from(self, start_s: Floats) -> VaryingLink:
        """The same link with its time counted from ``start_s``, one a row."""
        return self._replace(edges=self.edges - start_s[:, None])

    def for_passes(self) -> precopy.VaryingLink:
        """The link as the model's passes take it."""
        ahead = np.broadcast_to(self.ahead, len(self.edges))
        return precopy.VaryingLink(self.edges[:, :-1], self.pages_per_s, ahead)

    def seconds(self, at_s: Floats, pages: Floats) -> Floats:
        """Time that some pages, none of them ahead, take from a time on."""
        edges, rate = self.edges, self.pages_per_s
        work = np.cumsum(np.diff(edges, axis=1) * rate, axis=1)
        done = np.concatenate([np.zeros((len(edges), 1)), work], axis=1)
        goal = self._at(edges, done, rate, at_s) + pages
        step = self._step(done, goal)
        left = goal - np.take_along_axis(done, step, axis=1)[:, 0]
        end: Floats = (
            np.take_along_axis(edges, step, axis=1)[:, 0]
            + left / np.take_along_axis(rate, step, axis=1)[:, 0]
        )
        return end - at_s

    def _at(self, edges: Floats, done: Floats, rate: Floats, at_s: Floats) -> Floats:
        """Pages sent from time 0 to ``at_s``."""
        step = self._step(edges, at_s)
        since = at_s - np.take_along_axis(edges, step, axis=1)[:, 0]
        return (
            np.take_along_axis(done, step, axis=1)[:, 0]
            + since * np.take_along_axis(rate, step, axis=1)[:, 0]
        )

    @staticmethod
    def _step(marks: Floats, at: Floats) -> NDArray[np.intp]:
        """Index of the step that holds ``at``, as a column; the last one for what lies beyond."""
        passed: NDArray[np.intp] = (marks <= at[:, None]).sum(axis=1)
        return np.clip(passed - 1, 0, marks.shape[1] - 2)[:, None]


def flows_in_time(
    traffic: Traffic, draws: int, horizon_s: float, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Times of change (draws, steps + 1) and flows that are on in between (draws, steps).

    Each draw starts in the long-run mix and goes on at least to ``horizon_s``.
    """
    if traffic.off_s <= 0 or traffic.flows == 0:
        return np.tile([0.0, horizon_s], (draws, 1)), np.full((draws, 1), traffic.flows)
    on = rng.binomial(traffic.flows, traffic.on_s / (traffic.on_s + traffic.off_s), draws)
    edges, counts = [np.zeros(draws)], []
    while edges[-1].min() < horizon_s:
        down, up = on / traffic.on_s, (traffic.flows - on) / traffic.off_s
        counts.append(on)
        edges.append(edges[-1] + rng.exponential(1 / (down + up)))
        on = on + np.where(rng.random(draws) < up / (down + up), 1, -1)
    return np.stack(edges, axis=1), np.stack(counts, axis=1)


def durations(
    traffic: Traffic | None = None,
    *,
    draws: int = 1000,
    seed: int = 0,
    varied: Mapping[str, float] | None = None,
    **scenario: Any,
) -> pd.DataFrame:
    """Times of one migration drawn ``draws`` times, one row a draw.

    ``scenario``: parameters, one value each. ``traffic``: what shares the line; if it is not given,
    :func:`bursts` of ``background_share`` where ``network`` is ``shared``, nothing where it is
    ``dedicated``. ``varied``: parameters that vary from migration to migration too, with the standard
    deviation of their logarithm. Columns: ``brownout_s``, ``blackout_s``, ``total_s``, ``passes``.
    """
    rng = np.random.default_rng(seed)
    p = _drawn_parameters(filled(**scenario), draws, varied or {}, rng)
    link = _varying_link(p, _traffic_of(p) if traffic is None else traffic, 1, rng)
    return _run(p, link)


def in_a_row(
    machines: int,
    traffic: Traffic | None = None,
    *,
    draws: int = 1000,
    seed: int = 0,
    varied: Mapping[str, float] | None = None,
    **scenario: Any,
) -> np.ndarray:
    """Time [s] until 1, 2, … alike machines have moved, one after the other: (machines, draws).

    Arguments as for :func:`durations`. The other traffic goes on from one migration to the next, so that a
    long burst slows several; what ``varied`` names is drawn anew for each machine.
    """
    rng = np.random.default_rng(seed)
    one = filled(**scenario)
    typical = _drawn_parameters(one, draws, {}, rng)
    link = _varying_link(typical, _traffic_of(one) if traffic is None else traffic, machines, rng)
    finished, now = [], np.zeros(draws)
    for _ in range(machines):
        p = _drawn_parameters(one, draws, varied or {}, rng)
        now = now + _run(p, link.seen_from(now + p["setup_s"])).total_s.to_numpy()
        finished.append(now)
    return np.stack(finished)


def summary(times: pd.DataFrame, column: str = "total_s") -> dict[str, float]:
    """Mean, median, 95th and 99th percentile, and coefficient of variation of one column."""
    values = times[column]
    return {
        "mean": values.mean(),
        "median": values.median(),
        "p95": float(values.quantile(0.95)),
        "p99": float(values.quantile(0.99)),
        "cv": values.std() / values.mean(),
    }


def _run(p: dict[str, np.ndarray], link: VaryingLink) -> pd.DataFrame:
    """Outcomes of every draw over its link, whose time 0 is the begin of the first pass."""
    rules = Rules.of(p["stop_rule"], p["pass_limit"], p["blackout_target_ms"])
    unlimited = np.isinf(rules.pass_limit) & np.isinf(rules.sent_limit)
    limit = np.where(unlimited, MOST_PASSES, rules.pass_limit)
    ended = precopy.precopy(guest(p), link.for_passes(), p | {"pass_limit": limit})
    never = unlimited & (ended.passes >= MOST_PASSES)
    paused_at, left = np.asarray(ended.duration_s, float), np.asarray(ended.residual_pages, float)
    residual_s = link.seconds(paused_at, left)
    state_s = link.seconds(paused_at + residual_s, _state_pages(p))
    blackout = np.maximum(residual_s - rules.head_start_s, 0) + state_s + p["handoff_ms"] / 1000
    brownout = np.where(never, np.inf, ended.duration_s)
    total = p["setup_s"] + brownout + blackout
    columns = {"brownout_s": brownout, "blackout_s": blackout, "total_s": total}
    return pd.DataFrame(columns | {"passes": ended.passes.astype(int)})


def _state_pages(p: dict[str, np.ndarray]) -> np.ndarray:
    """Pages that take as long to send as the machine's state, which goes uncompressed and without headers."""
    rate = rates(p)
    pages: Floats = p["state_mib"] * MIB / (rate.goodput_gbps * GBIT / 8) * rate.pages_per_s
    return pages


def _traffic_of(p: dict[str, np.ndarray]) -> Traffic:
    """The other traffic that the parameters of the network describe."""
    shared = p["network"][0] == "shared"
    return bursts(p["background_share"][0], p["background_burst_s"][0]) if shared else fair_flows(0)


def _varying_link(p: Columns, traffic: Traffic, machines: int, rng: np.random.Generator) -> VaryingLink:
    """The rate of every draw in time, drawn for as long as ``machines`` migrations usually take.

    Beyond that, or beyond :data:`MOST_STEPS` changes, the long-run mean goes on: a rate frozen at what it
    happened to be would make long migrations seem less certain than they are.
    """
    levels = _rates_by_flows(p, traffic)
    mean = _long_run(traffic) @ levels
    sent_once = float(np.max(p["memory_gib"] * PAGES_PER_GIB / mean))
    horizon = (machines + 1) * (USUAL_MULTIPLE * sent_once + float(np.max(p["setup_s"])))
    changes = MOST_STEPS * (traffic.on_s + traffic.off_s) / (2 * max(traffic.flows, 1))
    edges, counts = flows_in_time(traffic, len(mean), min(horizon, changes), rng)
    drawn = np.take_along_axis(levels.T, counts, axis=1)
    # A step of length zero: what counts is the rate that goes on after it.
    ahead = ahead_pages(p, rates(p))
    return VaryingLink(np.column_stack([edges, edges[:, -1]]), np.column_stack([drawn, mean]), ahead)


def _drawn_parameters(
    p: Columns, draws: int, varied: Mapping[str, float], rng: np.random.Generator
) -> Columns:
    """Each parameter once a draw; those that vary times a log-normal factor of mean 1."""
    columns = {name: np.repeat(value, draws) for name, value in p.items()}
    for name, spread in varied.items():
        factor = np.exp(rng.normal(-(spread**2) / 2, spread, draws))
        drawn = columns[name] * factor
        columns[name] = np.minimum(drawn, 1.0) if name.endswith("_share") else drawn
    return columns


def _rates_by_flows(p: dict[str, np.ndarray], traffic: Traffic) -> np.ndarray:
    """Pages per second of every draw while 0, 1, … flows are on: (flows + 1, draws)."""
    taken = [np.full(len(p["network"]), 1 - left) for left in traffic.left]
    shared = p | {"network": np.full(len(p["network"]), "shared", dtype=object)}
    return np.stack([rates(shared | {"background_share": share}).pages_per_s for share in taken])


def _long_run(traffic: Traffic) -> np.ndarray:
    """Share of the time in which 0, 1, … flows are on."""
    on = 1.0 if traffic.off_s <= 0 else traffic.on_s / (traffic.on_s + traffic.off_s)
    k = np.arange(traffic.flows + 1)
    ways = np.array([comb(traffic.flows, i) for i in k], dtype=float)
    shares: Floats = ways * on**k * (1 - on) ** (traffic.flows - k)
    return shares
