"""A reader's own migrations: the model calibrated to them, what bound one, and what would have helped most.

Where three or more migrations say what was known beforehand, the host is calibrated to all of them. Of a
single recording everything that can be is taken from its own passes: then the model explains the migration,
which is less than predicting it, and the intervals say how well.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from analysis import presets
from analysis.errors import UserError
from analysis.model.migration import migrate, parameters_in
from analysis.model.units import PAGES_PER_GIB
from analysis.observations.files import NEEDED, with_known
from analysis.observations.recognise import completed, left_out
from analysis.observations.record import Record
from analysis.parameters import PARAMETERS
from analysis.studies.hosts import drawing
from analysis.studies.hosts.calibration import calibrate
from analysis.studies.hosts.candidates import FEWEST
from analysis.studies.hosts.host import Estimate, Host, on_values
from analysis.studies.hosts.prediction import ENDLESS, allowed, bound_by
from analysis.studies.hosts.recorded import SPARE_CORES, explained, remark

DRAWS = 128
DRAWN = 50
"""Points by which a pass is drawn."""
NINETY = (0.05, 0.5, 0.95)

Change = Callable[[pd.DataFrame], Mapping[str, Any]]
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
    "a quarter less memory to send": lambda s: {"resident_share": 0.75 * _or_default(s, "resident_share")},
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
    """Migrations as scenarios, the host calibrated to them, and how it was calibrated in a sentence.

    ``alone``: the host of each migration that only explains itself. ``remarks``: sentences on what is taken
    for granted of each, and on those that are left out because they tell too little.
    """

    migrations: pd.DataFrame
    host: Host
    how: str
    alone: Mapping[str, Host] = field(default_factory=dict)
    remarks: Mapping[str, str] = field(default_factory=dict)


def fit(found: Record, bandwidth_gbps: float = 0.0, windows: str = "") -> Fitted:
    """The model calibrated to what was recorded.

    ``bandwidth_gbps``: line rate where the record does not tell it; 0 for not known, and then the rate that
    was reached stands for it. ``windows``: the preset of the version that wrote the events or counters.
    Raises UserError where every migration tells too little.
    """
    rows = on_windows(with_known(completed(found), "bandwidth_gbps", bandwidth_gbps), windows)
    if all(name in rows and rows[name].notna().all() for name in NEEDED) and len(rows) >= FEWEST:
        host = calibrate(rows, measured_passes=found.passes if len(found.passes) else None)
        told = dict(enumerate([*left_out(found), *host.undecided]))
        how = f"calibrated to {len(rows)} migrations with what was known before each"
        return Fitted(rows, host, how, remarks={f"note {i}": text for i, text in told.items()})
    alone = _each_alone(rows, found.passes)
    gone = {f"note {i}": text for i, text in enumerate(left_out(found))}
    return replace(alone, remarks=gone | dict(alone.remarks))


def on_windows(rows: pd.DataFrame, windows: str) -> pd.DataFrame:
    """Rows of Hyper-V with the stop rule of a version of Windows; UserError where there are none."""
    if not windows:
        return rows
    rule = presets.host(windows).parameters["stop_rule"]
    of_windows = rows.get("stop_rule", pd.Series("", index=rows.index)) == "hyperv"
    if not of_windows.any():
        raise UserError(f"{windows!r} was given, but none of the files is of Hyper-V")
    return rows.assign(stop_rule=rows.stop_rule.mask(of_windows, rule))


def _or_default(scenario: pd.DataFrame, name: str) -> pd.Series:
    """A parameter's column, or its default where a table does not tell it."""
    return scenario.get(name, pd.Series(float(PARAMETERS[name].default), scenario.index))


def _each_alone(rows: pd.DataFrame, passes: pd.DataFrame) -> Fitted:
    """Every migration explained from its own passes; those that tell too little are left out."""
    scenarios = []
    hosts: dict[str, Host] = {}
    remarks: dict[str, str] = {}
    for _, row in rows.iterrows():
        try:
            scenario, hosts[row.migration] = explained(row, passes[passes.migration == row.migration])
            remarks[row.migration] = remark(row)
            scenarios.append(scenario)
        except UserError as error:
            remarks[row.migration] = f"{error}; without it this migration is left out"
    if not scenarios:
        why = [text.removesuffix("; without it this migration is left out") for text in remarks.values()]
        raise UserError("; ".join(why[:3]) + (f"; and {len(why) - 3} more" if why[3:] else ""))
    measured = rows[["migration", *rows.filter(like="measured_")]]
    how = "taken from its own passes: the model explains it, it does not predict it"
    table = pd.DataFrame(scenarios).merge(measured, on="migration")
    told = {key: text for key, text in remarks.items() if text}
    return Fitted(table, next(iter(hosts.values())), how, hosts, told)


def about(fitted: Fitted, key: str) -> Fitted:
    """What is fitted, for one migration: where each explains only itself, that one and its own host."""
    if key not in fitted.alone:
        return fitted
    own = fitted.migrations[fitted.migrations.migration == key].reset_index(drop=True)
    return replace(fitted, migrations=own.dropna(axis=1, how="all"), host=fitted.alone[key])


def drawn(
    scenario: pd.DataFrame, host: Host, seed: int = 0, assumed: tuple[Estimate, ...] = ()
) -> pd.DataFrame:
    """Outcomes of one scenario, :data:`DRAWS` rows, with the host's estimates and the scatter of times drawn.

    The same seed draws the same for scenarios that differ, so that their draws can be compared in pairs.
    ``assumed``: factors on what a scenario assumes, drawn apart.
    """
    rng, apart = np.random.default_rng(seed), np.random.default_rng(seed + 1)
    known = len(host.parameters)
    own = drawing.drawn(host, DRAWS, rng)
    scales = [*own[known:], *drawing.valued(assumed, apart.normal(size=(DRAWS, len(assumed))))]
    many = scenario.loc[scenario.index.repeat(DRAWS)].reset_index(drop=True)
    outcomes = migrate(allowed(parameters_in(on_values(many, own[:known], scales))))
    times = host.scatter.get("time", {})
    ceiling = bound_by(host.apply(scenario)).iloc[0]
    factor = np.exp(rng.normal(0, 1, DRAWS) * times.get(ceiling, max(times.values(), default=0.0)))
    return outcomes.assign(total_s=outcomes.total_s * factor, blackout_s=outcomes.blackout_s)


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
    # Draws that never end are cut off, so that two of them are alike and one is longer than any that ends.
    total, before = (np.minimum(table.total_s.to_numpy(), ENDLESS) for table in (found, base))
    for column, values in (
        ("total_s", total),
        ("blackout_s", np.minimum(found.blackout_s, ENDLESS)),
        ("saved_share", 1 - total / before),
    ):
        low, middle, high = _unended(np.quantile(values, NINETY))
        row |= {column: middle, f"{column}_low": low, f"{column}_high": high}
    return row | {"limited_by": found.limited_by.mode().iloc[0]}


def _unended(ends: np.ndarray) -> np.ndarray:
    """Quantiles with those that fall among draws without end as infinite."""
    return np.where(ends > ENDLESS / 1e6, np.inf, ends)


def course(found: Record, key: str, fitted: Fitted) -> tuple[pd.DataFrame, pd.Series, float]:
    """A measured migration as ``figures.timeline.passes`` draws one: its course, its outcome, its set-up [s].

    Between two looks memory is sent evenly; pages become dirty evenly. A blackout that no sample fell into
    has no length. Raises UserError where too little was recorded to draw.
    """
    row = fitted.migrations[fitted.migrations.migration == key].iloc[0]
    looks = found.passes[(found.passes.migration == key) & found.passes.time_s.notna()]
    if len(looks) < 2 or looks.dirtied_pages.iloc[1:].isna().any():
        raise UserError(f"{key}: too few looks at the dirty pages were recorded to draw its passes")
    first = row.get("measured_content_pages", np.nan) - looks.dirtied_pages.sum()
    first = first if first > 0 else row.memory_gib * row.get("resident_share", 1.0) * PAGES_PER_GIB
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
    pause = row.get("measured_blackout_s", np.nan)
    pause = 0.0 if np.isnan(pause) else pause
    brownout = row.measured_total_s - pause - looks.time_s.iloc[0]
    return pd.Series({
        "total_s": row.measured_total_s, "brownout_s": brownout, "blackout_s": pause,
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
