"""The whole migration: scenarios in, durations of both phases out.

Phase one (brownout) lasts as long as the passes. Phase two (blackout) sends what is still dirty
and the machine's state over the same link and does a fixed amount of hand-off work:

    blackout = (residual * (page + header) + state) / rate + hand-off
    total    = set-up + brownout + blackout

(Microsoft, network I/O performance: both phases are ruled by the speed of the transfer.) The residual
goes at the rate of memory, compressed if memory is; the state goes at the rate of the link, as it is.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from analysis import parameters
from analysis.arrays import Bools, Columns, Floats, Indices
from analysis.model import by_laws, dirtying, engine, factors
from analysis.model.laws import changing
from analysis.model.laws.link import STREAMS, TIE
from analysis.model.laws.passes import REASONS
from analysis.model.laws.rates import LIMITS as _LIMITS
from analysis.model.laws.scenario import coded, scenarios, usual_columns
from analysis.model.link import Rates
from analysis.model.link import rates as rates
from analysis.model.precopy import Guest, Precopy, SteadyLink
from analysis.model.stop_rules import CHANGING, LIMITS_IN_TIME, Rules
from analysis.model.units import GBIT, GIB, MIB, PAGE_BYTES, PAGES_PER_GIB
from analysis.signatures import takes_parameters

if TYPE_CHECKING:
    import pandas as pd

LIMITS = np.array(_LIMITS, dtype=object)
"""What can limit a migration, by code."""
CODED = {"limited_by": LIMITS, "stop_reason": np.array(REASONS, dtype=object)}
"""Outcomes that are names, and the names by their codes."""
USUAL_STREAMS = np.array([STREAMS[name] for name in parameters.TRANSPORTS])
"""Connections of a migration by the code of its transport."""
VOLUMES = ("stream_gib", "wire_gib")
"""Outcomes that tell what crosses the network."""


@takes_parameters
def migrate(scenarios: pd.DataFrame | None = None, /, **given: Any) -> pd.DataFrame:
    """Durations and volumes of live migrations.

    Parameters
    ----------
    scenarios : DataFrame, optional
        One row a migration, one column a parameter (names and units: ``analysis.PARAMETERS``).
        Columns that are no parameters (labels, measurements) are carried along.
    **given
        Parameters by name: scalars or arrays that broadcast with each other; with a DataFrame,
        scalars or one value a row. What is not given takes its default.

    Returns
    -------
    DataFrame
        The given columns and, beside them, the outcomes of ``analysis.parameters.OUTCOMES``.
        Arrays of several dimensions become rows in C order. A migration that would never end
        has infinite ``brownout_s``, ``total_s`` and volumes, and ``stop_reason`` "endless".

    Raises
    ------
    ParameterError
        For an unknown name given as a keyword, a column that is nearly the name of a parameter or
        that is the name of an outcome, a value outside its range, or lengths that do not fit.

    Examples
    --------
    >>> migrate(bandwidth_gbps=[1, 10], dirty_pages_per_s=0)[["passes", "total_s"]].round(1)
       passes  total_s
    0       1    132.8
    1       1     15.3
    """
    import pandas as pd

    if scenarios is None:
        return pd.DataFrame(computed(given))
    frame = _table(scenarios, parameters.check(given))
    asked = _asked(frame)
    found = _named(evaluate(completed(asked, len(frame) if not asked or frame.empty else 1)))
    # At once: column by column it would take longer than the laws do for a hundred rows.
    table = pd.concat([frame, pd.DataFrame(found, frame.index)], axis=1)
    table.attrs = frame.attrs
    return table


def computed(given: Mapping[str, Any]) -> Columns:
    """:func:`migrate` without tables: values by parameter, all of one length; the same and outcomes by name.

    With no value at all one migration by the defaults. Loading the library of tables takes longer than this.
    """
    asked = _side_by_side(parameters.check(dict(given)))
    return asked | _named(evaluate(completed(asked, min(_rows(asked), 1))))


def _named(found: Columns) -> Columns:
    """Outcomes with words in place of their codes."""
    return found | {name: names[found[name]] for name, names in CODED.items()}


def evaluate(p: Columns, way: engine.Way | None = None, wanted: Collection[str] = VOLUMES) -> Columns:
    """Outcomes by name for columns of all parameters, checked, each of one value or of one a row.

    What :func:`migrate` does once its rows are known: sweeps come here with columns instead of tables. The
    outcomes of :data:`CODED` are codes of their names; ``way`` as in :mod:`.engine`. Without any of
    :data:`VOLUMES` among those ``wanted`` these are left out, which saves their time.
    """
    rows = max(len(column) for column in p.values())
    way = way or engine.way_for(rows)
    if way.name != "compiled" or not rows:
        return by_laws.outcomes(p, False if way.name == "plain" else None)
    apart = _apart(p)
    if apart is None or not apart.any():
        found, left = _by_kernel(p, way, wanted)
        return _with_laws(p, rows, found, None, left) if len(left) else found
    known = np.flatnonzero(~apart)
    if not len(known):
        return by_laws.outcomes(p, compiled=True)
    found, left = _by_kernel(_rows_of(p, known), way, wanted)
    apart[known[left]] = True
    return _with_laws(p, rows, found, known, np.flatnonzero(apart))


def _apart(p: Columns) -> Bools | None:
    """Rows that the kernel leaves to the laws by what they ask; None where there are none."""
    return _some(p, [p["write_pattern"] == "zipf", *_may_change(p)])


def _may_change(p: Columns) -> list[Bools]:
    """Where rules change while they run, or parameters are given by which they may."""
    rules = p["stop_rule"]
    named = [rules == name for name in sorted(CHANGING & set(_names(rules)))]
    return named + [~np.isnan(p[name]) for name in LIMITS_IN_TIME]


def _some(p: Columns, where: list[Bools]) -> Bools | None:
    """Rows in which one of some columns holds; None where none does."""
    found = [column for column in where if column.any()]
    rows = max(len(column) for column in p.values())
    return np.logical_or.reduce(np.broadcast_arrays(*found, np.zeros(rows, bool))) if found else None


def _names(words: NDArray[Any]) -> list[str]:
    import pandas as pd

    return words[:1].tolist() if not words.strides[0] else pd.unique(words).tolist()


def _rows_of(p: Columns, rows: Indices) -> Columns:
    return {name: column if len(column) == 1 else column[rows] for name, column in p.items()}


def _with_laws(p: Columns, rows: int, found: Columns, known: Indices | None, left: Indices) -> Columns:
    """Outcomes of all rows: what the kernel found of those it knows, and of those left what the laws say."""
    others = by_laws.outcomes(_rows_of(p, left), compiled=True)
    whole = {}
    for name, column in found.items():
        whole[name] = np.empty(rows, column.dtype)
        whole[name][slice(None) if known is None else known] = column
        whole[name][left] = others[name]
    return whole


def changing_rules(p: Columns) -> Bools:
    """Rows whose stop rule changes while it runs, or gives up."""
    told = np.zeros(max(len(column) for column in p.values()), bool)
    some = _some(p, _may_change(p))
    if some is None:
        return told
    c = [0.0] * changing.CHANGES
    for place, row in zip(np.flatnonzero(some), scenarios(_rows_of(p, np.flatnonzero(some))), strict=True):
        changing.begin(row, c)
        told[place] = changing.changes(c)
    return told


@takes_parameters
def passes(scenarios: pd.DataFrame | None = None, /, **given: Any) -> pd.DataFrame:
    """The passes of each migration, one row a pass; arguments as for :func:`migrate`.

    Columns: ``scenario`` (row number of the input), ``pass_number`` from 1, ``start_s`` (since
    the migration began, set-up included), ``duration_s``, ``sent_pages``, ``dirtied_pages``
    (distinct pages found dirty at the end of the pass) and ``remaining_pages`` (to be sent next).
    Where a pass limit acts late (QEMU), the stretch until the pause is one more row.
    """
    import pandas as pd

    columns = filled(scenarios, **given)
    log = by_laws.history(columns)
    start = log.start_s + columns["setup_s"][log.row]
    table = {"scenario": log.row, "pass_number": log.number, "start_s": start, "duration_s": log.duration_s}
    table |= {
        "sent_pages": log.sent_pages,
        "dirtied_pages": log.dirtied_pages,
        "remaining_pages": log.remaining_pages,
    }
    return pd.DataFrame(table)


@takes_parameters
def ceilings(scenarios: pd.DataFrame | None = None, /, **given: Any) -> pd.DataFrame:
    """What each ceiling alone would let a migration send, a row each; arguments as for :func:`migrate`.

    Columns: ``goodput_gbps`` (the lowest), ``limited_by``, and every ceiling by its name [Gbit/s of payload];
    infinite where it holds nothing.
    """
    import pandas as pd

    found = rates(filled(scenarios, **given), ceilings=True)
    each = {"goodput_gbps": found.goodput_gbps, "limited_by": lowest(found)}
    return pd.DataFrame(each | found.ceilings)


def lowest(found: Rates) -> NDArray[np.object_]:
    """The name of the lowest ceiling of each link, of rates with ceilings."""
    each = np.stack(list(found.ceilings.values()))
    names: NDArray[np.object_] = LIMITS[(each <= found.goodput_gbps * (1 + TIE)).argmax(axis=0)]
    return names


def parameters_in(table: pd.DataFrame) -> pd.DataFrame:
    """The columns of a table that are parameters or factors, without labels, measurements and outcomes."""
    return table[[name for name in table if parameters.takes(str(name))]]


def filled(scenarios: pd.DataFrame | None = None, /, **given: Any) -> Columns:
    """Every parameter by name as a checked array, one value a row: given ones or defaults, times factors."""
    checked = parameters.check(given)
    if scenarios is None:
        side = _side_by_side(checked)
        return completed(side, _rows(side))
    frame = _table(scenarios, checked)
    return completed(_asked(frame), len(frame))


def load_compiled() -> None:
    """Load the compiled laws where their machine code is on the disk: once for all forks of this program."""
    if by_laws.possible() and by_laws.kept() and not by_laws.loaded():
        by_laws.outcomes(completed({}, 1), compiled=True)


def _asked(frame: pd.DataFrame) -> Columns:
    """The parameters that a table has, checked."""
    return parameters.check({str(name): frame[name] for name in frame if parameters.takes(str(name))})


def _rows(asked: Columns) -> int:
    """Rows of some columns; one where there are none."""
    return len(next(iter(asked.values()), [0]))


def completed(asked: Columns, rows: int) -> Columns:
    """Every parameter, from checked columns of some, and of factors, by name; defaults for the others.

    ``rows``: values of each default.
    """
    known, scales = factors.split(asked)
    usual = usual_columns() if rows == 1 else _laid_out(rows, known)
    columns = {name: known[name] if name in known else usual[name] for name in usual_columns()}
    columns = factors.applied(columns, scales, known)
    return columns | {"streams": streams(columns)}


def _laid_out(rows: int, known: Collection[str]) -> Columns:
    """A value a row of the default of each parameter that is not known."""
    return {n: np.full(rows, value) for n, value in parameters.defaults().items() if n not in known}


def streams(p: Columns) -> Floats:
    """Connections of a migration: as given, or the usual number of its transport."""
    usual = USUAL_STREAMS[coded("transport", p["transport"]).astype(np.intp)]
    return np.where(np.isnan(p["streams"]), usual, p["streams"])


def _side_by_side(checked: Columns) -> Columns:
    """Keyword values as columns: every combination that broadcasting makes of them."""
    try:
        values = np.broadcast_arrays(*checked.values())
    except ValueError:
        raise parameters.ParameterError(_misfit(checked)) from None
    return {name: value.ravel() for name, value in zip(checked, values, strict=True)}


def _table(scenarios: pd.DataFrame, checked: Columns) -> pd.DataFrame:
    """A table of scenarios with values of keywords set."""
    refuse_misleading(scenarios)
    try:
        return scenarios.assign(**checked)
    except ValueError:
        raise parameters.ParameterError(_misfit(checked, len(scenarios))) from None


def refuse_misleading(scenarios: pd.DataFrame) -> None:
    """ParameterError for a column of scenarios that is an outcome, or nearly the name of a parameter."""
    names = [str(name) for name in scenarios.columns]
    for name in names:
        if name in parameters.OUTCOMES:
            cure = f"drop it or name it measured_{name}"
            raise parameters.ParameterError(
                f"the column {name!r} is an outcome, not to be overwritten: {cure}"
            )
        if name in parameters.PARAMETERS and names.count(name) > 1:
            raise parameters.ParameterError(f"the column {name!r} is given twice")
        near = "" if parameters.takes(name) else parameters.nearest(name, parameters.PARAMETERS, 0.88)
        if near:
            raise parameters.ParameterError(f"there is no parameter {name!r}; did you mean {near!r}?")


def _misfit(checked: Columns, rows: int | None = None) -> str:
    shapes = ", ".join(f"{name} {'x'.join(map(str, v.shape))}" for name, v in checked.items() if v.ndim)
    of_table = f"; the table has {rows} rows" if rows is not None else ""
    return f"the lengths of the values given do not fit together: {shapes}{of_table}"


def _by_kernel(p: Columns, way: engine.Way, wanted: Collection[str]) -> tuple[Columns, Indices]:
    """Outcomes of columns by the kernel, and the rows that it leaves."""
    rules = Rules.of(p["stop_rule"], p["pass_limit"], p["blackout_target_ms"])
    rate = rates(p, compiled=True)
    machine, steady = guest(p), SteadyLink(rate.pages_per_s, ahead_pages(p, rate))
    ended, left = engine.precopy(machine, steady, rules, way.threads)
    paused = _paused_rates(p, rate, rules)
    found = _durations(p, rate, paused, ended, rules)
    return found if set(VOLUMES).isdisjoint(wanted) else found | _volumes(p, rate, paused, ended), left


def ahead_pages(p: Columns, rate: Rates) -> Floats:
    """Pages of the first pass that nobody waits for: what the sender's socket and queue take at once.

    Less those in whose time the link tells of the zero pages, which no compressor waits for; below zero where
    these are more. All zero pages are told of in the first pass, wherever it ends. Where no page is ever sent
    that time is left out, for it can't be told in pages.
    """
    each = PAGE_BYTES + p["page_header_bytes"]
    per_byte = np.broadcast_arrays(rate.ratio / each, rate.pages_per_s, rate.goodput_gbps)[0].copy()
    finite = np.isfinite(rate.goodput_gbps)
    np.divide(rate.pages_per_s, rate.goodput_gbps * GBIT / 8, out=per_byte, where=finite)
    pages: Floats = p["send_ahead_mib"] * MIB / each * rate.ratio - zero_bytes(p) * per_byte
    return pages


def zero_bytes(p: Columns) -> Floats:
    """What the stream says of pages without content, all of it in the first pass."""
    told: Floats = (p["memory_gib"] * PAGES_PER_GIB - content_pages(p)) * p["zero_page_bytes"]
    return told


def content_pages(p: Columns) -> Floats:
    """Pages sent as content in the first pass: a share of memory and a fixed part, at most all of it."""
    pages = p["memory_gib"] * PAGES_PER_GIB
    content: Floats = np.minimum(
        pages * p["resident_share"] + p["extra_resident_mib"] * MIB / PAGE_BYTES, pages
    )
    return content


def guest(p: Columns) -> Guest:
    """Memory and writes of every row, in pages, from columns of parameters."""
    rows = max(len(column) for column in p.values())
    pages = np.broadcast_to(p["memory_gib"] * PAGES_PER_GIB, rows)
    content = np.broadcast_to(content_pages(p), rows)
    working_set = np.minimum(p["working_set_gib"], p["memory_gib"]) * PAGES_PER_GIB
    shape = (p["hot_page_share"], p["hot_write_share"], p["zipf_exponent"])
    idle = (p["idle_dirty_pages_per_s"], p["idle_working_set_mib"] * MIB / PAGE_BYTES)
    classes = dirtying.write_classes(p["write_pattern"], p["dirty_pages_per_s"], working_set, *shape, *idle)
    classes = dirtying.within(classes, p["memory_gib"] * PAGES_PER_GIB)
    classes = dirtying.WriteClasses._make(np.broadcast_to(c, (rows, c.shape[1])) for c in classes)
    return Guest(content, pages - content, np.minimum(pages * p["top_content_share"], content), classes)


def _paused_rates(p: Columns, rate: Rates, rules: Rules) -> Rates:
    """Rates of phase two: those of the passes, save where the hypervisor lifts its bandwidth limit."""
    lifted = rules.lifts_bandwidth_limit & (p["bandwidth_limit_share"] < 1)
    if not lifted.any():
        return rate
    free: Columns = {**p, "bandwidth_limit_share": np.ones(1)}
    if lifted.all():
        return rates(free, compiled=True)
    lifted = np.broadcast_to(lifted, max(len(column) for column in p.values()))
    at = np.flatnonzero(lifted)
    some = rates(_rows_of(free, at), compiled=True)
    found: dict[str, Any] = {}
    for name in ("goodput_gbps", "memory_rate_gib_per_s", "pages_per_s", "ratio"):
        found[name] = np.broadcast_to(getattr(rate, name), len(lifted)).copy()
        found[name][at] = getattr(some, name)
    return rate._replace(**found)


def _durations(p: Columns, rate: Rates, paused: Rates, ended: Precopy, rules: Rules) -> Columns:
    """How both phases went, from their rates and the end of pre-copy."""
    state_s = p["state_mib"] * MIB / (paused.goodput_gbps * GBIT / 8)
    with np.errstate(divide="ignore", invalid="ignore"):  # rows whose link carries nothing are left
        left_s = ended.residual_pages / paused.pages_per_s
    residual_s = np.maximum(left_s - rules.head_start_s, 0)
    blackout = residual_s + state_s + p["handoff_ms"] / 1000
    pages = ended.sent_pages + ended.residual_pages
    return {
        "goodput_gbps": rate.goodput_gbps,
        "memory_rate_gib_per_s": rate.memory_rate_gib_per_s,
        "limited_by": rate.binding,
        "passes": ended.passes.astype(int),
        "stop_reason": ended.reason,
        "converged": ended.converged,
        "residual_pages": ended.residual_pages,
        "brownout_s": ended.duration_s,
        "blackout_s": blackout,
        "total_s": p["setup_s"] + ended.duration_s + blackout,
        "throttled_share": np.zeros(1),
        "post_copy_s": np.zeros(1),
        "memory_sent_gib": pages / PAGES_PER_GIB,
    }


def _volumes(p: Columns, rate: Rates, paused: Rates, ended: Precopy) -> Columns:
    """What crosses the network: pages as they are sent, what tells of zero pages, the machine's state."""
    each = PAGE_BYTES + p["page_header_bytes"]
    page_bytes = (ended.sent_pages / rate.ratio + ended.residual_pages / paused.ratio) * each
    stream = (page_bytes + zero_bytes(p) + p["state_mib"] * MIB) / GIB
    return {"stream_gib": stream, "wire_gib": stream / rate.efficiency}
