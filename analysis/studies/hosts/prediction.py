"""Predictions with intervals: the same migration drawn many times with what nobody knows beforehand.

Two kinds of ignorance are drawn: the host's parameters within their intervals (shared by all of its
migrations) and the scatter from one migration to the next. The median of the draws is the prediction. For
QEMU it is better than a single run of the model even without any scatter to speak of, because at what
moment of its 61 ms a look at the remaining memory falls is chance.

Every row draws the same chance, so that a prediction does not depend on what else is in its table; and the
chance is spread evenly (:func:`_normal`), so that so few draws tell where nine in ten lie.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import NormalDist

import numpy as np
import pandas as pd

from analysis.arrays import Floats
from analysis.model.migration import ceilings, migrate, parameters_in
from analysis.model.units import PAGE_BYTES
from analysis.observations.lab import COUNTED_RAW
from analysis.parameters import FACTOR, OUTCOMES, PARAMETERS
from analysis.signatures import names_parameters
from analysis.studies.hosts.correction import corrections
from analysis.studies.hosts.host import Estimate, Host

LEVELS = (50, 90)
"""Intervals that a prediction states [%]."""
INTERVALS = ("brownout_s", "blackout_s", "total_s", "stream_gib", "memory_sent_gib")
"""Outcomes that have intervals."""
DRAWS = 64
BITES = 0.03
"""A ceiling that takes less than this off the line leaves the migration as steady as the line is."""
ENDLESS = 1e30
"""Stands for infinity where quantiles are drawn between two values: infinity less infinity is no number."""
_NINETY = NormalDist().inv_cdf(0.95)


@names_parameters
def predict(
    scenarios: pd.DataFrame,
    host: Host | None = None,
    *,
    given: Sequence[str] = (),
    draws: int = DRAWS,
    seed: int = 0,
) -> pd.DataFrame:
    """Scenarios with outcomes: medians of the draws, and intervals beside them.

    For each outcome of :data:`INTERVALS` the columns ``<outcome>_low50``, ``_high50``, ``_low90`` and
    ``_high90``. Outcomes that are no quantities (``limited_by``, ``stop_reason``, ``converged``) and
    ``passes`` are those of the most frequent reason to stop among the draws. ``given``: parameters in
    which the scenario overrides the host.
    """
    host = host or Host()
    draws = draws if _uncertain(host) else 1
    base = host.apply(scenarios.reset_index(drop=True), tuple(given))
    rng = np.random.default_rng(seed)
    table = migrate(_drawn(base, host, draws, rng, tuple(given)))
    table = _corrected(table, host, base, draws)
    chance = np.tile(np.stack([_normal(draws, rng), _normal(draws, rng)]), len(base))
    table = _with_scatter(table, bound_by(base).repeat(draws).reset_index(drop=True), host, chance)
    row = np.repeat(np.arange(len(base)), draws)
    result = base.assign(**_typical(table, row, len(base)))
    for name in INTERVALS:
        result = result.assign(**_interval(name, table[name].to_numpy().reshape(len(base), draws)))
    result.index = scenarios.index
    return result


def _uncertain(host: Host) -> bool:
    """Whether anything of a host is drawn: of one that is known exactly a single draw says all."""
    return bool(host.scatter) or any(e.low < e.high for e in (*host.parameters, *host.scales))


def _drawn(
    base: pd.DataFrame, host: Host, draws: int, rng: np.random.Generator, given: tuple[str, ...]
) -> pd.DataFrame:
    """Every scenario ``draws`` times, with the host's parameters and the scatter drawn."""
    table = base.loc[base.index.repeat(draws)].reset_index(drop=True)
    host_draw = np.tile(np.arange(draws), len(base))
    own = [(e.name, e) for e in host.parameters if e.name not in given]
    for name, estimate in (*own, *((e.name + FACTOR, e) for e in host.scales)):
        factors = _factors(estimate, draws, rng)[host_draw]
        table = _spread(table, name, estimate, factors) if name in table else table
    volume = np.tile(_normal(draws, rng) * host.scatter.get("extra_resident_mib", 0.0), len(base))
    return table.assign(extra_resident_mib=_allowed("extra_resident_mib", _own_mib(table) + volume))


def _normal(draws: int, rng: np.random.Generator) -> Floats:
    """Standard normal numbers in random order: one from the middle of each of ``draws`` equal chances."""
    middles = (np.arange(draws) + 0.5) / draws
    return rng.permutation(np.array([NormalDist().inv_cdf(chance) for chance in middles]))


def _factors(estimate: Estimate, draws: int, rng: np.random.Generator) -> np.ndarray:
    """Factors of an estimate, the same for all of a host's migrations.

    Log-normal on either side of the value, so that each end of its 90 % interval is where it belongs.
    """
    if not 0 < estimate.low <= estimate.value <= estimate.high:
        return np.ones(draws)
    drawn = _normal(draws, rng) / _NINETY
    side = np.where(drawn > 0, np.log(estimate.high / estimate.value), np.log(estimate.value / estimate.low))
    return np.exp(drawn * side)


def _spread(table: pd.DataFrame, name: str, estimate: Estimate, factors: np.ndarray) -> pd.DataFrame:
    about = table[estimate.label] == estimate.of if estimate.of and estimate.label in table else True
    column = table[name] * np.where(about, factors, 1.0)
    return table.assign(**{name: column if name.endswith(FACTOR) else _allowed(name, column)})


def _own_mib(table: pd.DataFrame) -> pd.Series:
    default = pd.Series(PARAMETERS["extra_resident_mib"].default, index=table.index)
    return table.get("extra_resident_mib", default)


def bound_by(scenarios: pd.DataFrame) -> pd.Series:
    """The ceiling that takes at least :data:`BITES` off the line, else the line; spare cores always."""
    known = parameters_in(scenarios)
    table, outcome = ceilings(known), migrate(known).limited_by.reset_index(drop=True)
    bitten = table.limited_by.mask(table.goodput_gbps > (1 - BITES) * table.line_rate, "line_rate")
    return bitten.mask(outcome == "spare_cores", "spare_cores").set_axis(scenarios.index)


def _with_scatter(table: pd.DataFrame, ceiling: pd.Series, host: Host, chance: Floats) -> pd.DataFrame:
    """Durations with what differs between migrations that are alike in all that is known.

    ``chance``: standard normal numbers for time and for blackout, one a row.
    """
    if "time" not in host.scatter:
        return table
    factor = np.exp(chance[0] * _by_ceiling(host.scatter["time"], ceiling))
    paused = chance[1] * _by_ceiling(host.scatter.get("blackout_s", {}), ceiling)
    blackout = (table.blackout_s + paused).clip(lower=0)
    total = (table.total_s - table.blackout_s + blackout) * factor
    return table.assign(brownout_s=table.brownout_s * factor, blackout_s=blackout, total_s=total)


def _by_ceiling(scatter: dict[str, float], ceiling: pd.Series) -> np.ndarray:
    """The scatter of each row's ceiling; of a ceiling never met, the widest that was."""
    widest = max(scatter.values(), default=0.0)
    return ceiling.map(scatter).fillna(widest).to_numpy()


def _allowed(name: str, values: pd.Series) -> pd.Series:
    return values.clip(PARAMETERS[name].low, PARAMETERS[name].high)


def _corrected(table: pd.DataFrame, host: Host, on_host: pd.DataFrame, draws: int) -> pd.DataFrame:
    """Times multiplied by the second stage's factors, where the host has one."""
    if not host.correction:
        return table
    factor = corrections(host, on_host)
    return table.assign(**{n: table[n] * np.repeat(factor[n].to_numpy(), draws) for n in factor.columns})


def _typical(table: pd.DataFrame, row: np.ndarray, rows: int) -> dict[str, np.ndarray]:
    """For each row the outcomes of a draw that stopped for the most frequent reason."""
    counts = pd.crosstab(row, table.stop_reason)
    usual = counts.idxmax(axis=1).to_numpy()
    first = pd.Series(np.arange(len(table)))[(table.stop_reason == usual[row]).to_numpy()]
    chosen = first.groupby(row[first.to_numpy()]).first().to_numpy()
    return {name: table[name].to_numpy()[chosen] for name in OUTCOMES}


def _interval(name: str, draws: np.ndarray) -> dict[str, np.ndarray]:
    columns = {name: np.median(draws, axis=1)}
    for level in LEVELS:
        ends = np.quantile(np.minimum(draws, ENDLESS), [(1 - level / 100) / 2, (1 + level / 100) / 2], axis=1)
        low, high = np.where(ends > ENDLESS / 1e6, np.inf, ends)
        columns |= {f"{name}_low{level}": low, f"{name}_high{level}": high}
    return columns


def unmeasured(table: pd.DataFrame) -> pd.DataFrame:
    """All but the measurements: parameters, and the labels that a host's estimates go by."""
    return table[[name for name in table.columns if not name.startswith("measured_")]]


def as_counted(outcomes: pd.DataFrame, migrations: pd.DataFrame) -> pd.Series:
    """Bytes sent [GiB] as each method counts them: QEMU's multifd counts pages before compression."""
    header = migrations.get("page_header_bytes", float(PARAMETERS["page_header_bytes"].default))
    pages = outcomes.memory_sent_gib * (1 + header / PAGE_BYTES)
    raw = migrations.method.isin(COUNTED_RAW) if "method" in migrations else np.zeros(len(outcomes), bool)
    return outcomes.stream_gib.mask(raw, pages)


def coverage(predicted: pd.DataFrame, name: str, measured: pd.Series) -> dict[str, float]:
    """Share of measurements inside the intervals of an outcome, by level; missing ones count nowhere."""
    known = measured.notna()
    inside = {
        str(level): measured.between(predicted[f"{name}_low{level}"], predicted[f"{name}_high{level}"])
        for level in LEVELS
    }
    return {level: float(hit[known].mean()) for level, hit in inside.items()}
