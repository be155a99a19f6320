"""Predictions with intervals: the model at the fitted values, and many draws of what nobody knows beforehand.

The prediction is the model at the host's values. Two kinds of ignorance are drawn around it: the host's
parameters as the data know them together (shared by all of its migrations), and the scatter from one
migration to the next, which goes through the model: a guest that writes a little more, or a link that gives
a little less, matters little far below the link's rate and much near it. On top a calibrated host multiplies
its intervals by what held-out migrations showed (:mod:`.conformal`).

Under a rule that looks at what remains while a pass runs, at what moment a look falls is chance. There the
prediction is the median over :data:`PHASES` amounts of memory that differ by the host's scatter.

Every row draws the same chance, so that a prediction does not depend on what else is in its table; and the
chance is spread evenly (:func:`.drawing.normal`), so that so few draws tell where nine in ten lie.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pandas as pd

from analysis.arrays import Codes, Columns, Floats
from analysis.errors import UserError
from analysis.model.link import rates
from analysis.model.migration import (
    CODED,
    completed,
    evaluate,
    filled,
    lowest,
    parameters_in,
    refuse_misleading,
)
from analysis.parameters import OUTCOMES, PARAMETERS, check, defaults
from analysis.signatures import names_parameters
from analysis.studies.hosts import conformal, drawing, earlier
from analysis.studies.hosts.conformal import LEVELS
from analysis.studies.hosts.correction import corrected, said, work_s
from analysis.studies.hosts.host import Estimate, Host, on_values

INTERVALS = ("brownout_s", "blackout_s", "total_s", "stream_gib", "memory_sent_gib")
"""Outcomes that have intervals."""
DRAWS = 64
PHASES = 32
REPEATS = 256
"""Draws of which the scatter of repeats is told."""
AT_ONCE = 32_768
"""Draws made together, so that memory does not grow with the table."""
BITES = 0.03
"""A ceiling that takes less than this off the line leaves the migration as steady as the line is."""
WORDS = tuple(name for name, known in PARAMETERS.items() if known.choices)
"""Parameters whose values are names."""
ENDLESS = 1e30
"""Stands for infinity where quantiles are drawn between two values: infinity less infinity is no number."""


@names_parameters
def predict(
    scenarios: pd.DataFrame,
    host: Host | None = None,
    *,
    given: Sequence[str] = (),
    draws: int = DRAWS,
    seed: int = 0,
    last_total_s: earlier.Told | None = None,
    last_blackout_s: earlier.Told | None = None,
) -> pd.DataFrame:
    """Scenarios with outcomes at the host's fitted values, and intervals beside them.

    For each outcome of :data:`INTERVALS` the columns ``<outcome>_low50``, ``_high50``, ``_low90`` and
    ``_high90``; ``converge_chance``: the share of draws that converge (0 or 1 where nothing is drawn).
    ``given``: parameters in which the scenario overrides the host.

    ``last_total_s``, ``last_blackout_s``: how long earlier migrations of the same machine in the same
    configuration took [s], and how long they froze it: of one scenario numbers, of several a sequence for
    each. They draw the prediction to them and its interval in (:mod:`.earlier`); columns beside say what the
    host alone says, and ``work_s`` what the content takes at the link's rate. UserError without a calibrated
    host, which alone knows how much they count.
    """
    host = host or Host()
    refuse_misleading(scenarios)
    table = scenarios.reset_index(drop=True)
    told = {"last_total_s": last_total_s, "last_blackout_s": last_blackout_s}
    before = {n: earlier.read(n, one, len(table)) for n, one in told.items() if one is not None}
    if before and not uncertain(host):
        raise UserError(f"{next(iter(before))} {earlier.NO_HOST}")
    step = max(1, AT_ONCE // draws)
    parts = [
        _predicted(table.iloc[first : first + step].reset_index(drop=True), host, tuple(given), draws, seed)
        for first in range(0, max(len(table), 1), step)
    ]
    result = pd.concat(parts, ignore_index=True) if len(parts) > 1 else parts[0]
    result = _with_earlier(result, table, host, tuple(given), before) if before else result
    result.index = scenarios.index
    return result


def _with_earlier(
    found: pd.DataFrame,
    table: pd.DataFrame,
    host: Host,
    given: tuple[str, ...],
    before: dict[str, list[Floats]],
) -> pd.DataFrame:
    """Predictions with what earlier migrations of the same scenarios tell."""
    of_host, base = found, host.apply(table, given)
    # What is uncertain of a host stays the same from one repeat to the next.
    steady = predict(table, replace(host, scatter={}, widths={}), given=given)
    work = work_s(base)
    for told, each in before.items():
        name = earlier.LAST[told]
        spreads = earlier.Spreads(repeats_spread(base, host, name), earlier.width(steady, name))
        least = work if name == "total_s" else np.zeros(len(found))
        found = earlier.updated(found, name, each, spreads, least)
    return earlier.consistent(found, of_host).assign(work_s=work)


def repeats_spread(base: pd.DataFrame, host: Host, name: str = "total_s") -> Floats:
    """Standard deviation of the logarithm of an outcome of migrations made again and again on a host.

    ``base``: scenarios on the host. NaN where the host was calibrated to no repeats.
    """
    if not host.repeats:
        return np.full(len(base), np.nan)
    # What is on the host already has only the scatter of repeats still to come.
    drawn = outcomes(parameters_in(base), Host(scatter=host.repeats), draws=REPEATS)[name]
    with np.errstate(invalid="ignore"):
        spread: Floats = np.log(drawn + conformal.FLOORS[name]).std(axis=1)
    return spread


def _predicted(
    scenarios: pd.DataFrame, host: Host, given: tuple[str, ...], draws: int, seed: int
) -> pd.DataFrame:
    base, columns, middle, drawn = _made(scenarios, host, given, draws, seed)
    found: Columns = {name: middle[name].to_numpy() for name in OUTCOMES}
    if drawn is None:
        ends = {f"{name}_{end}{level}": found[name]
                for name in INTERVALS for level in LEVELS for end in ("low", "high")}  # fmt: skip
        return _beside(base, found | ends | {"converge_chance": found["converged"].astype(float)})
    shape = len(base), draws
    found["converge_chance"] = drawn.converged.to_numpy(float).reshape(shape).mean(axis=1)
    for name in INTERVALS:
        found |= _interval(name, found[name], drawn[name].to_numpy().reshape(shape))
    return _beside(base, found | conformal.wider(found, host.widths, writes_over_link(columns)))


def _beside(table: pd.DataFrame, columns: Columns) -> pd.DataFrame:
    """A table with columns beside or in place of its own; one by one takes as long as half of the draws."""
    if any(name in table for name in columns):
        return table.assign(**columns)
    result = pd.concat([table, pd.DataFrame(columns, table.index)], axis=1)
    result.attrs = table.attrs
    return result


def _made(
    scenarios: pd.DataFrame, host: Host, given: tuple[str, ...], draws: int, seed: int
) -> tuple[pd.DataFrame, Columns, pd.DataFrame, pd.DataFrame | None]:
    """Scenarios on the host, their columns, outcomes at its values, and so many draws of each, if any."""
    base = host.apply(scenarios, given)
    rng = np.random.default_rng(seed)
    columns, second = filled(parameters_in(base)), said(host, base)
    ceiling = bound(base, host, columns)
    middle = corrected(pd.DataFrame(_central(columns, host, rng), index=base.index), host, base, 1, second)
    if not draws or not uncertain(host) or base.empty:
        return base, columns, middle, None
    drawn = corrected(_drawn(scenarios, host, given, ceiling, draws, rng), host, base, draws, second)
    return base, columns, middle, drawn


def outcomes(
    scenarios: pd.DataFrame, host: Host, *, given: Sequence[str] = (), draws: int = 0, seed: int = 0
) -> Columns:
    """Outcomes of scenarios at the host's values, or so many draws of each, as wide as its intervals are.

    Without ``draws`` every outcome by its name, one value a row. With them the times of :data:`INTERVALS` and
    ``converged``, shape (rows, draws), from the same chance in every row: what :func:`predict` makes its
    intervals of, each draw moved from the prediction as the ends of the 90 % interval are.
    """
    table = scenarios.reset_index(drop=True)
    step = max(1, AT_ONCE // max(draws, 1))
    parts = [
        _outcomes(table.iloc[k : k + step].reset_index(drop=True), host, tuple(given), draws, seed)
        for k in range(0, max(len(table), 1), step)
    ]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _outcomes(scenarios: pd.DataFrame, host: Host, given: tuple[str, ...], draws: int, seed: int) -> Columns:
    _, columns, middle, drawn = _made(scenarios, host, given, draws, seed)
    if not draws:
        return {name: middle[name].to_numpy() for name in OUTCOMES}
    shape = len(scenarios), draws
    if drawn is None:
        return {
            name: np.broadcast_to(middle[name].to_numpy()[:, None], shape)
            for name in (*INTERVALS, "converged")
        }
    ratio = writes_over_link(columns)
    found: Columns = {"converged": drawn.converged.to_numpy(bool).reshape(shape)}
    for name in INTERVALS:
        of_row = drawn[name].to_numpy().reshape(shape)
        found[name] = conformal.drawn_apart(name, middle[name].to_numpy(), of_row, host.widths, ratio)
    return found


def uncertain(host: Host) -> bool:
    """Whether anything of a host is drawn: of one that is known exactly a single draw says all."""
    return bool(host.scatter) or any(e.low < e.high for e in host.estimates)


def writes_over_link(p: Columns) -> Floats:
    """Pages written for each that the link carries, from columns of all parameters."""
    rate = rates(p).pages_per_s
    ratio: Floats = np.divide(
        p["dirty_pages_per_s"], rate, out=np.full(np.shape(rate), np.inf), where=np.asarray(rate) > 0
    )
    return ratio


def _repeated(columns: Columns, times: int) -> Columns:
    """Every row so many times, one after the other; a word that all rows share stands once."""
    return {name: np.repeat(column, times) if name not in WORDS else _word(column, times)
            for name, column in columns.items()}  # fmt: skip


def _central(columns: Columns, host: Host, rng: np.random.Generator) -> Columns:
    """Outcomes at the host's values: over phases of the looks, where there are any."""
    rows, scatter = len(columns["memory_gib"]), host.scatter.get("extra_resident_mib", 0.0)
    if not scatter:
        return _named(evaluate(columns))
    many = _repeated(columns, PHASES)
    many["extra_resident_mib"] = _with_volume(many, np.tile(drawing.normal(PHASES, rng) * scatter, rows))
    found = evaluate(many)
    usual = _usual(found["stop_reason"].reshape(rows, PHASES), found["total_s"].reshape(rows, PHASES))
    middle = {name: _median(found[name].reshape(rows, PHASES)) for name in INTERVALS}
    some = np.arange(rows) * PHASES + usual
    return _named({name: np.broadcast_to(found[name], rows * PHASES)[some] for name in OUTCOMES}) | middle


def _named(found: Columns) -> Columns:
    """Outcomes with the names of those that are codes."""
    return found | {name: names[found[name]] for name, names in CODED.items()}


def _median(draws: Floats) -> Floats:
    middle = np.median(np.minimum(draws, ENDLESS), axis=1)
    return np.where(middle > ENDLESS / 1e6, np.inf, middle)


def _usual(reason: Codes, total: Floats) -> np.ndarray:
    """For each row the draw of middling length among those that stopped for the most frequent reason."""
    # By the alphabet, so that of two that are as frequent it is the same one whatever their codes are.
    code = np.argsort(np.argsort(CODED["stop_reason"].astype(str)))[reason]
    often = np.array([(code == k).sum(axis=1) for k in range(len(CODED["stop_reason"]))])
    usual = code == often.argmax(axis=0)[:, None]
    length = np.where(usual, np.minimum(total, ENDLESS), np.nan)
    middle = np.nanmedian(length, axis=1)[:, None]
    nearest: np.ndarray = np.nanargmin(np.abs(length - middle), axis=1)
    return nearest


class Draws(NamedTuple):
    """Migrations drawn: columns of parameters, factors on all durations, seconds more of pause."""

    p: Columns
    slower: Floats
    pause_s: Floats


def drawn_columns(
    scenarios: pd.DataFrame,
    host: Host,
    given: tuple[str, ...],
    ceiling: pd.Series,
    draws: int,
    rng: np.random.Generator,
    *,
    apart: bool = False,
) -> Draws:
    """Every scenario ``draws`` times, one after the other, with the host's parameters and the scatter drawn.

    ``apart``: the scatter of each scenario is its own, as of machines that move together, and not the same
    chance for all; what the host is stays common to a draw.
    """
    rows = len(scenarios)
    values = [(e, np.tile(drawn, rows)) for e, drawn in drawing.drawn(host, draws, rng)]
    own = [(e, v) for e, v in values[: len(host.parameters)] if e.name not in given]
    p = _on_drawn(scenarios, own, values[len(host.parameters) :], draws, apart)
    chance = {name: _chances(rows, draws, rng, apart) for name in ("volume", "writes", "time", "pause")}
    p["extra_resident_mib"] = _with_volume(p, chance["volume"] * host.scatter.get("extra_resident_mib", 0.0))
    slower = np.exp(chance["time"] * _by_ceiling(host.scatter.get("time", {}), ceiling).repeat(draws))
    busier = np.exp(chance["writes"] * host.scatter.get("dirty_pages_per_s", 0.0))
    # A link that gives less for all that is sent is a slower clock, on which more is written.
    p["dirty_pages_per_s"] = _clipped("dirty_pages_per_s", p["dirty_pages_per_s"] * busier * slower)
    pause = chance["pause"] * _by_ceiling(host.scatter.get("blackout_s", {}), ceiling).repeat(draws)
    return Draws(p, slower, pause)


def _on_drawn(
    scenarios: pd.DataFrame,
    own: Sequence[tuple[Estimate, Floats]],
    scales: Sequence[tuple[Estimate, Floats]],
    draws: int,
    laid_out: bool,
) -> Columns:
    """All parameters of every scenario ``draws`` times, with drawn values and factors.

    ``laid_out``: defaults too have a value a row, not one for all.
    Checked before they are repeated, and without a frame of them: that would take longer than their passes.
    """
    asked = check({str(name): column for name, column in parameters_in(scenarios).items()})
    words = {name: _word(asked.pop(name), draws) for name in WORDS if name in asked}
    words = {name: np.array([defaults()[name]], object) for name in WORDS} | words
    beside = {"without_setup", *(e.label for e, _ in (*own, *scales))} & set(map(str, scenarios))
    many = {name: np.repeat(column, draws) for name, column in asked.items()}
    many |= {name: scenarios[name].to_numpy(object).repeat(draws) for name in beside}
    table = on_values(many, own, scales)
    numbers = {name: table[name] for name in table if name not in beside}
    # What no value was drawn for is checked already.
    known = {name: column for name, column in numbers.items() if column is many.get(name)}
    clipped = {
        n: _clipped(n, column) if n in PARAMETERS else column
        for n, column in numbers.items()
        if n not in known
    }
    return completed(words | known | check(clipped), len(scenarios) * draws if laid_out else 1)


def _word(column: np.ndarray, times: int) -> np.ndarray:
    """Words of rows, each so many times; once where all rows have the same: names are slow to look at."""
    same = len(column) and (column == column[0]).all()
    return column[:1] if same else np.repeat(column, times)


def _chances(rows: int, draws: int, rng: np.random.Generator, apart: bool) -> Floats:
    if apart:
        return np.concatenate([drawing.normal(draws, rng) for _ in range(rows)])
    return np.tile(drawing.normal(draws, rng), rows)


def _drawn(
    scenarios: pd.DataFrame,
    host: Host,
    given: tuple[str, ...],
    ceiling: pd.Series,
    draws: int,
    rng: np.random.Generator,
) -> pd.DataFrame:
    """Outcomes of every scenario ``draws`` times, with the host's parameters and the scatter drawn."""
    p, slower, pause = drawn_columns(scenarios, host, given, ceiling, draws, rng)
    found = evaluate(p)
    fixed = p["handoff_ms"] / 1000
    blackout = np.maximum(fixed + (found["blackout_s"] - fixed) * slower + pause, 0)
    found["total_s"] = (found["total_s"] - found["blackout_s"]) * slower + blackout
    found |= {"brownout_s": found["brownout_s"] * slower, "blackout_s": blackout}
    named = _named(found)
    return pd.DataFrame({name: named[name] for name in (*INTERVALS, "converged", "stop_reason")})


def _with_volume(p: Columns, mib: Floats) -> Floats:
    return _clipped("extra_resident_mib", p["extra_resident_mib"] + mib)


def _clipped(name: str, values: Floats) -> Floats:
    return np.clip(values, PARAMETERS[name].low, PARAMETERS[name].high)


def allowed(table: pd.DataFrame) -> pd.DataFrame:
    """Parameters, each within its range: a drawn value may lie beyond it."""
    numbers = [name for name in table.select_dtypes("number").columns if name in PARAMETERS]
    return table.assign(**{n: table[n].clip(PARAMETERS[n].low, PARAMETERS[n].high) for n in numbers})


def bound(base: pd.DataFrame, host: Host, columns: Columns | None = None) -> pd.Series:
    """What binds each row, where the host's scatter asks for it."""
    known = host.scatter.get("time") or host.scatter.get("blackout_s")
    return bound_by(base, columns) if known else pd.Series("line_rate", index=base.index)


def bound_by(scenarios: pd.DataFrame, columns: Columns | None = None) -> pd.Series:
    """The ceiling that takes at least :data:`BITES` off the line, else the line; spare cores always.

    ``columns``: all parameters of the scenarios, where they are at hand.
    """
    found = rates(columns or filled(parameters_in(scenarios)), ceilings=True)
    line = found.goodput_gbps > (1 - BITES) * found.ceilings["line_rate"]
    bitten = np.where(line, "line_rate", lowest(found))
    return pd.Series(np.where(found.limited_by == "spare_cores", "spare_cores", bitten), scenarios.index)


def _by_ceiling(scatter: dict[str, float], ceiling: pd.Series) -> np.ndarray:
    """The scatter of each row's ceiling; of a ceiling never met, the widest that was."""
    widest = max(scatter.values(), default=0.0)
    return ceiling.map(scatter).fillna(widest).to_numpy()


def _interval(name: str, middle: Floats, draws: Floats) -> dict[str, Floats]:
    """Ends of the intervals of an outcome, the prediction between them."""
    chances = [(1 + side * level / 100) / 2 for level in LEVELS for side in (-1, 1)]
    ends = np.quantile(np.minimum(draws, ENDLESS), chances, axis=1)
    low_and_high = iter(np.where(ends > ENDLESS / 1e6, np.inf, ends))
    columns: dict[str, Floats] = {}
    for level in LEVELS:
        columns |= {f"{name}_low{level}": np.minimum(next(low_and_high), middle)}
        columns |= {f"{name}_high{level}": np.maximum(next(low_and_high), middle)}
    return columns


def paired(
    scenarios: pd.DataFrame, host: Host, given: Sequence[str] = (), *, draws: int = DRAWS, seed: int = 0
) -> pd.DataFrame:
    """Outcomes of scenarios with what is uncertain about a host drawn, ``draws`` rows a scenario.

    The n-th draw of every scenario, in this call and in another with the same seed, is the same host in the
    same mood: differences between them are of what the scenarios differ in.
    """
    table = scenarios.reset_index(drop=True)
    base = host.apply(table, tuple(given))
    rng = np.random.default_rng(seed)
    drawn = _drawn(table, host, tuple(given), bound(base, host), draws, rng)
    return corrected(drawn, host, base, draws)


def unmeasured(table: pd.DataFrame) -> pd.DataFrame:
    """All but the measurements: parameters, and the labels that a host's estimates go by."""
    return table[[name for name in table.columns if not name.startswith("measured_")]]


def coverage(predicted: pd.DataFrame, name: str, measured: pd.Series) -> dict[str, float]:
    """Share of measurements inside the intervals of an outcome, by level; missing ones count nowhere."""
    known = measured.notna()
    ends = {
        str(level): (predicted[f"{name}_low{level}"], predicted[f"{name}_high{level}"]) for level in LEVELS
    }
    return {level: float(measured.between(*both)[known].mean()) for level, both in ends.items()}
