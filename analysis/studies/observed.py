"""A reader's own migrations: the model calibrated to them, what bound one, and what would have helped most.

Where three or more migrations say what was known beforehand, the host is calibrated to all of them. Of a
single recording everything that can be is taken from its own passes: then the model explains the migration,
which is less than predicting it, and the intervals say how well.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from statistics import NormalDist

import numpy as np
import pandas as pd
from scipy import optimize

from ..errors import UserError
from ..model.migration import migrate
from ..model.units import PAGES_PER_GIB
from ..observations.files import NEEDED
from ..observations.recognise import completed
from ..observations.record import Record
from ..parameters import PARAMETERS
from .calibration import FEWEST, calibrate
from .hosts import Estimate, Host
from .prediction import bound_by

DRAWS = 128
DRAWN = 50
"""Points by which a pass is drawn."""
_NINETY = NormalDist().inv_cdf(0.95)
NINETY = (0.05, 0.5, 0.95)
BARE_LINK = {
    "header_bytes": 0.0,
    "frame_overhead_bytes": 0.0,
    "stream_limit_gbps": 1e6,
    "receive_buffers": 1e6,
    "send_buffers": 1e6,
    "socket_buffer_kib": 1e6,
}
"""A link of which only the rate that was reached is known."""
SPARE_CORES = 4.0

Change = Callable[[pd.DataFrame], Mapping[str, object]]
CHANGES: dict[str, Change] = {
    "a link twice as fast": lambda s: {"bandwidth_gbps": 2 * s.bandwidth_gbps},
    "no other traffic on the link": lambda s: {"network": "dedicated"},
    "a second connection": lambda s: {"streams": 2 * s.get("streams", pd.Series(1.0, s.index))},
    "compression on four spare cores": lambda s: {
        "transport": "compression",
        "spare_cores": SPARE_CORES,
        "compressor_waits": "no",
    },
    "half the page writes": lambda s: {"dirty_pages_per_s": s.dirty_pages_per_s / 2},
    "a quarter less memory to send": lambda s: {"resident_share": 0.75 * s.resident_share},
}
"""What could have been otherwise."""
ASSUMED = {
    "compression on four spare cores": (
        Estimate("compression_ratio", 1.0, 0.7, 1.4),
        Estimate("compress_gib_per_s_per_core", 1.0, 0.7, 1.4),
    )
}
"""How much what is not known beforehand may differ (90 %): ratios of images in data/compression.csv lie
between 1.6 and 2.9, and speeds are about 30 % uncertain."""


@dataclass(frozen=True)
class Fitted:
    """Migrations as scenarios, the host calibrated to them, and how it was calibrated in a sentence."""

    migrations: pd.DataFrame
    host: Host
    how: str


def fit(found: Record, bandwidth_gbps: float = 0.0) -> Fitted:
    """The model calibrated to what was recorded.

    ``bandwidth_gbps``: line rate where the record does not tell it; 0 for not known, and then the rate that
    was reached stands for it. Raises UserError where a record tells too little.
    """
    rows = completed(found)
    if all(name in rows and rows[name].notna().all() for name in NEEDED) and len(rows) >= FEWEST:
        host = calibrate(rows, measured_passes=found.passes if len(found.passes) else None)
        return Fitted(rows, host, f"calibrated to {len(rows)} migrations with what was known before each")
    parts = [_own(row, found.passes[found.passes.migration == row.migration], bandwidth_gbps) for row in
             rows.itertuples()]  # fmt: skip
    scenarios = pd.DataFrame([scenario for scenario, _ in parts])
    measured = rows[["migration", *rows.filter(like="measured_")]]
    how = "taken from its own passes: the model explains it, it does not predict it"
    return Fitted(scenarios.merge(measured, on="migration"), parts[0][1], how)


def _own(row: tuple, passes: pd.DataFrame, bandwidth_gbps: float) -> tuple[dict[str, object], Host]:
    """One migration as a scenario, and a host with the scatter of its own passes."""
    known = {n: v for n, v in row._asdict().items() if n in NEEDED and v == v}
    if "memory_gib" not in known:
        raise UserError(
            f"{row.migration}: how much memory the machine has is not recorded; give it beside the file"
        )
    rate = getattr(row, "measured_throughput_gbps", np.nan)
    if not (bandwidth_gbps > 0 or rate > 0):
        raise UserError(
            f"{row.migration}: neither the link's rate nor the throughput is recorded; give the former"
        )
    link = {"bandwidth_gbps": bandwidth_gbps} if bandwidth_gbps > 0 else BARE_LINK | {"bandwidth_gbps": rate}
    writes, host = _writes(passes)
    again = passes.dirtied_pages.sum() / PAGES_PER_GIB
    stream = getattr(row, "measured_stream_gib", np.nan)
    content = np.clip((stream - again) / known["memory_gib"], 0.01, 1.0) if stream == stream else 1.0
    rest = {"resident_share": float(content), "stop_rule": "qemu", "setup_s": 0.0, "state_mib": 0.1}
    if row.measured_blackout_s > 0:
        # The host stopped when what was left would take no longer than it allowed: at least the pause itself.
        rest["blackout_target_ms"] = 1000 * row.measured_blackout_s
    rest |= {"write_pattern": "uniform", "handoff_ms": _handoff_ms(row, passes, link["bandwidth_gbps"])}
    return {"migration": row.migration} | writes | rest | link | known, host


def _handoff_ms(row: tuple, passes: pd.DataFrame, rate_gbps: float) -> float:
    """What of the pause sending the last dirty pages does not explain."""
    left = passes.dirtied_pages.dropna().iloc[-1] if passes.dirtied_pages.notna().any() else 0.0
    pause = row.measured_blackout_s
    return float(max(1000 * pause - left * 4096 * 8e-6 / rate_gbps, 0.0)) if pause == pause else 200.0


def _writes(passes: pd.DataFrame) -> tuple[dict[str, float], Host]:
    """Rate and working set of uniform writes that leave what each pass left, with 90 % intervals."""
    took, left = passes.duration_s.to_numpy()[:-1], passes.dirtied_pages.to_numpy()[1:]
    usable = np.isfinite(took) & np.isfinite(left) & (took > 0) & (left > 0)
    if usable.sum() < 2:
        rate = float(np.nansum(left) / max(np.nansum(took), 1e-9)) if len(took) else 0.0
        return {"dirty_pages_per_s": rate}, Host(name="one migration")
    found, spread = _least(took[usable], left[usable])
    names = ("dirty_pages_per_s", "working_set_gib")
    values = np.exp(found) / np.array([1.0, PAGES_PER_GIB])
    wide = np.exp(1.645 * np.minimum(spread, 1.0))
    scales = tuple(Estimate(n, 1.0, float(1 / w), float(w)) for n, w in zip(names, wide, strict=True))
    return dict(zip(names, values.tolist(), strict=True)), Host(name="one migration", scales=scales)


def _least(took: np.ndarray, left: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Logarithms of rate and working set, and their standard deviations."""

    def off(x: np.ndarray) -> np.ndarray:
        rate, pages = np.exp(x)
        return np.log((-pages * np.expm1(-rate * took / pages) + 20) / (left + 20))

    start = np.log([(left / took).max(), 1.5 * left.max()])
    found = optimize.least_squares(off, start, bounds=([-5, 2], [20, 25]), loss="soft_l1")
    variance = max((found.fun**2).sum() / max(len(took) - 2, 1), 1e-4)
    covariance = variance * np.linalg.pinv(found.jac.T @ found.jac)
    return found.x, np.sqrt(np.diag(covariance))


def drawn(
    scenario: pd.DataFrame, host: Host, seed: int = 0, assumed: tuple[Estimate, ...] = ()
) -> pd.DataFrame:
    """Outcomes of one scenario, :data:`DRAWS` rows, with the host's estimates and the scatter of times drawn.

    The same seed draws the same for scenarios that differ, so that their draws can be compared in pairs.
    ``assumed``: factors on what a scenario assumes, drawn apart.
    """
    rng, apart = np.random.default_rng(seed), np.random.default_rng(seed + 1)
    extra = Host(scales=assumed)
    hosts = [_one_of(host, rng) for _ in range(DRAWS)]
    hosts = [replace(one, scales=one.scales + _one_of(extra, apart).scales) for one in hosts]
    outcomes = migrate(pd.concat([_allowed(one.apply(scenario)) for one in hosts], ignore_index=True))
    times = host.scatter.get("time", {})
    ceiling = bound_by(host.apply(scenario)).iloc[0]
    factor = np.exp(rng.normal(0, 1, DRAWS) * times.get(ceiling, max(times.values(), default=0.0)))
    return outcomes.assign(total_s=outcomes.total_s * factor, blackout_s=outcomes.blackout_s)


def _one_of(host: Host, rng: np.random.Generator) -> Host:
    """The host with its estimates drawn from their 90 % intervals."""
    kinds = {
        kind: tuple(replace(e, value=e.value * _factor(e, rng)) for e in getattr(host, kind))
        for kind in ("parameters", "scales")
    }
    return replace(host, **kinds)


def _factor(estimate: Estimate, rng: np.random.Generator) -> float:
    standard = rng.normal()
    if not 0 < estimate.low < estimate.high:
        return 1.0
    return float(np.exp(standard * np.log(estimate.high / estimate.low) / (2 * _NINETY)))


def _allowed(scenario: pd.DataFrame) -> pd.DataFrame:
    """A scenario's parameters, each within its range."""
    known = scenario[[name for name in scenario if name in PARAMETERS]]
    numbers = known.select_dtypes("number")
    return known.assign(**{n: numbers[n].clip(PARAMETERS[n].low, PARAMETERS[n].high) for n in numbers})


def bound(scenario: pd.DataFrame, host: Host, seed: int = 0) -> pd.DataFrame:
    """How often each ceiling binds among draws of what is uncertain: ``limited_by``, ``share``.

    ``goodput_low``, ``goodput``, ``goodput_high`` [Gbit/s] hold 90 % of the draws in which it does.
    """
    found = drawn(scenario, host, seed)
    rows = []
    for name, part in found.groupby("limited_by"):
        low, middle, high = np.quantile(part.goodput_gbps, NINETY)
        rate = {"goodput_low": low, "goodput": middle, "goodput_high": high}
        rows.append({"limited_by": name, "share": len(part) / len(found)} | rate)
    return pd.DataFrame(rows).sort_values("share", ascending=False, ignore_index=True)


def would_help(scenario: pd.DataFrame, host: Host, seed: int = 0) -> pd.DataFrame:
    """What each of :data:`CHANGES` would have made of the migration, the shortest total time first.

    A row a change, and one for the migration as it was. ``total_s`` and ``blackout_s`` with ``_low`` and
    ``_high`` (90 %); ``saved_share`` of the total time, of paired draws, so that what is uncertain in both
    cancels out.
    """
    base = drawn(scenario, host, seed)
    rows = [_summary("as it was", base, base)]
    for name, change in CHANGES.items():
        values = change(scenario)
        if any(_differs(scenario, column, value) for column, value in values.items()):
            found = drawn(scenario.assign(**values), host, seed, ASSUMED.get(name, ()))
            rows.append(_summary(name, found, base))
    return pd.DataFrame(rows).sort_values("total_s", ignore_index=True)


def _differs(scenario: pd.DataFrame, name: str, value: object) -> bool:
    new = value.iloc[0] if isinstance(value, pd.Series) else value
    old = (
        scenario[name].iloc[0]
        if name in scenario
        else {"network": "dedicated", "transport": "tcpip"}.get(name)
    )
    return new != old


def _summary(name: str, found: pd.DataFrame, base: pd.DataFrame) -> dict[str, object]:
    row: dict[str, object] = {"change": name}
    saved = 1 - found.total_s.to_numpy() / base.total_s.to_numpy()
    for column, values in (
        ("total_s", found.total_s),
        ("blackout_s", found.blackout_s),
        ("saved_share", saved),
    ):
        low, middle, high = np.quantile(values, NINETY)
        row |= {column: middle, f"{column}_low": low, f"{column}_high": high}
    return row | {"limited_by": found.limited_by.mode().iloc[0]}


def course(found: Record, key: str, fitted: Fitted) -> tuple[pd.DataFrame, pd.Series, float]:
    """A measured migration as ``reports.timeline.passes`` draws one: its course, its outcome, its set-up [s].

    Between two looks memory is sent evenly; pages become dirty evenly.
    """
    row = fitted.migrations.set_index("migration").loc[key]
    looks = found.passes[(found.passes.migration == key) & found.passes.time_s.notna()]
    if len(looks) < 2:
        raise UserError(f"{key}: too few looks at the dirty pages were recorded to draw its passes")
    first = row.get("measured_content_pages", np.nan) - looks.dirtied_pages.sum()
    first = first if first > 0 else row.memory_gib * row.resident_share * PAGES_PER_GIB
    to_send = np.concatenate([[first], looks.dirtied_pages.to_numpy()[1:]])
    start, took = looks.time_s.to_numpy(), looks.duration_s.to_numpy()
    share = np.linspace(0, 1, DRAWN)
    parts = [
        pd.DataFrame({"pass_number": i + 1, "time_s": start[i] + share * took[i],
                      "to_send_gib": (1 - share) * to_send[i] / PAGES_PER_GIB,
                      "dirtied_gib": share * to_send[i + 1] / PAGES_PER_GIB})
        for i in range(len(looks) - 1)
    ]  # fmt: skip
    return pd.concat(parts, ignore_index=True), _outcome(row, looks, to_send), float(start[0])


def _outcome(row: pd.Series, looks: pd.DataFrame, to_send: np.ndarray) -> pd.Series:
    brownout = row.measured_total_s - row.measured_blackout_s - looks.time_s.iloc[0]
    return pd.Series({
        "total_s": row.measured_total_s, "brownout_s": brownout, "blackout_s": row.measured_blackout_s,
        "passes": len(looks) - 1, "stop_reason": "recorded", "converged": True,
        "residual_pages": to_send[-1],
        "memory_rate_gib_per_s": to_send[0] / PAGES_PER_GIB / looks.duration_s.iloc[0],
    })  # fmt: skip


def chosen(fitted: Fitted, key: str = "") -> str:
    """The migration asked for, or the longest; UserError with the known ones for another."""
    table = fitted.migrations.set_index("migration")
    if not key:
        return str(table.measured_total_s.idxmax())
    if key not in table.index:
        raise UserError(
            f"there is no completed migration {key!r}; there are {', '.join(map(str, table.index[:8]))}"
        )
    return key


def shown(compared: pd.DataFrame, key: str, by_pass: pd.DataFrame, count: int = 3) -> pd.DataFrame:
    """The migration asked about and the others with the most passes, as far as passes were recorded."""
    known = compared[compared.migration.isin(by_pass.migration)]
    others = known[known.migration != key].sort_values("passes", ascending=False).head(count - 1)
    return pd.concat([known[known.migration == key], others])
