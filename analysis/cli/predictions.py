"""A prediction for a person: the answer first, in sentences; then its numbers; several as a table."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from analysis import presets
from analysis.cli import last
from analysis.model.laws.passes import STAYS
from analysis.model.migration import passes
from analysis.model.stop_rules import STOP_RULES
from analysis.parameters import OUTCOMES, PARAMETERS
from analysis.studies.decisions import clients

Row = dict[str, Any]
"""Parameters and outcomes of one migration by their names."""

WIDTH = 100
"""Columns of a terminal that a table of several migrations keeps to."""
_FIRST = ("total_s", "blackout_s", "converged", "limited_by")
_PRICES = ("throttled_share", "post_copy_s")
"""What some rules cost the guest, told where it is something."""
_MAY_OVERFLOW = ("receive_buffers", "spare_cores")
"""Limits under which the link's own limit may be a receive ring: processors hide it where they bind."""
_THEN = ("passes", "brownout_s", "memory_sent_gib", "goodput_gbps")
"""Outcomes of a table, the answer first; those that find no more room are left out, from the last on."""


def prediction_text(rows: Sequence[Row]) -> str:
    """One migration as its answer, what a preset set and all outcomes; several as a table of what differs.

    Where a receive ring makes a faster line slower a note says so, and what helps.
    """
    preset = [_preset_text(rows)] if "preset" in rows[0] else []
    notes = [f"note: {one}" for one in (*_borrowed_handoff(rows), *_overflowing(rows))]
    if len(rows) == 1:
        told = [name for name in OUTCOMES if name not in _PRICES or rows[0][name] > 0]
        numbers = "\n".join(_line(name, rows[0]) for name in (*_applied(rows), *told))
        told_row = rows[0] | _gave_up(rows[0])
        return "\n\n".join(["\n".join([answer(told_row), *notes]), *preset, numbers])
    return "\n\n".join(["\n".join([_table(rows), *notes]), *preset])


def _overflowing(rows: Sequence[Row]) -> list[str]:
    """What to tell of those whose link a receive ring may hold; of others there is nothing to compute."""
    if not any(row["limited_by"] in _MAY_OVERFLOW for row in rows):
        return []
    import pandas as pd

    from analysis.studies import overflows

    table = [{name: _computed_with(row, name) for name in PARAMETERS} for row in rows]
    return overflows.sentences(pd.DataFrame(table))


def _computed_with(row: Row, name: str) -> Any:
    """The parameter that the model computed with: what was asked for, or what a host made of it."""
    return row.get(f"applied_{name}", row[name])


def _gave_up(row: Row) -> Row:
    """When a rule gave up, which no outcome tells: of what is cancelled the total time is infinite."""
    if row["stop_reason"] != "cancelled":
        return {}
    last = passes(**{name: _computed_with(row, name) for name in PARAMETERS}).iloc[-1]
    return {"gave_up_s": float(last.start_s + last.duration_s)}


def _borrowed_handoff(rows: Sequence[Row]) -> list[str]:
    """A sentence where another hypervisor's pause holds the default hand-off, which is Hyper-V's."""
    usual = float(PARAMETERS["handoff_ms"].default)
    others = {row["stop_rule"] for row in rows if _computed_with(row, "handoff_ms") == usual}
    rules = ", ".join(sorted(name for name in others if not name.startswith("hyperv")))
    told = f"{usual:g} ms of the pause are the hand-off, taken from Hyper-V (handoff_ms is not given)"
    return [f"with stop_rule = {rules}, {told}: give your own host's, or calibrate it"] if rules else []


def answer(row: Row) -> str:
    """How long, how long frozen, whether it converges, what binds and what a client feels, a line each.

    >>> answer({"total_s": 60.25, "blackout_s": 0.31, "passes": 3, "stop_reason": "target_met",
    ...         "converged": True, "residual_pages": 900, "limited_by": "line_rate",
    ...         "goodput_gbps": 9.49, "memory_rate_gib_per_s": 1.103}).splitlines()
    ['It takes 60.2 s, and the machine is frozen for 0.31 s of it.',
     'It converges: what 3 passes leave (900 pages) can be sent within the permitted pause.',
     'The line rate binds: memory goes at 1.1 GiB/s, the link carries 9.49 Gbit/s of payload.']
    """
    binds = "bind" if row["limited_by"].endswith(("buffers", "cores", "streams")) else "binds"
    name = row["limited_by"].replace("_", " ")
    memory = f"memory goes at {row['memory_rate_gib_per_s']:.3g} GiB/s"
    bound = f"The {name} {binds}: {memory}, the link carries {row['goodput_gbps']:.3g} Gbit/s of payload."
    told = [verdict(row)] if row["stop_reason"] in STAYS else [_times(row), verdict(row)]
    told += [_chance(row["converge_chance"])] if "converge_chance" in row else []
    told += last.sentences(row)
    felt = [] if math.isnan(row.get("outage_s", math.nan)) else clients.statement(row)
    return "\n".join([*told, bound, *felt])


def _chance(chance: float) -> str:
    """How sure it is to converge, as far as the draws of a prediction tell.

    >>> _chance(0.75), _chance(1.0)
    ('Its chance to converge is 75 %.', 'Its chance to converge is above 98 %.')
    """
    from analysis.studies.hosts.prediction import DRAWS

    least = 1 / DRAWS
    if least < chance < 1 - least:
        return f"Its chance to converge is {100 * chance:.0f} %."
    sure = "above" if chance > 0.5 else "below"
    return f"Its chance to converge is {sure} {100 * (1 - least if chance > 0.5 else least):.0f} %."


def _times(row: Row) -> str:
    frozen = f"the machine is frozen for {seconds(row['blackout_s'])} of it"
    frozen += _price(row)
    if "total_s_low90" not in row:
        return f"It takes {seconds(row['total_s'])}, and {frozen}."
    ends = f"{seconds(row['total_s_low90'])} to {seconds(row['total_s_high90'])}"
    return f"It takes {seconds(row['total_s'])} (nine in ten: {ends}), and {frozen}."


def _price(row: Row) -> str:
    """What a rule costs the guest beside the pause, where it costs something."""
    throttled, waits_s = row.get("throttled_share", 0), row.get("post_copy_s", 0)
    if throttled > 0:
        return f"; before, {100 * throttled:.2g} % of its processors' time is taken from it"
    if waits_s > 0:
        return f"; for the last {seconds(waits_s)} it waits for pages that follow it"
    return ""


_ENDED_BY = {"pass_limit": "the limit of passes", "sent_limit": "the limit on what is sent"} | {
    "time_up": "the rule's time-out"
}


def verdict(row: Row) -> str:
    """Whether pre-copy converges and how it ends, in a sentence of its own for every reason to stop."""
    reason, left = row["stop_reason"], _counted(row["residual_pages"], "page")
    after = _counted(row["passes"], "pass")
    if reason == "endless":
        return "It never ends: as much memory becomes dirty in each pass as is sent."
    if reason == "cancelled":
        tried = f"{seconds(row['gave_up_s'])} and {after}" if "gave_up_s" in row else after
        return f"It is cancelled: the rule gives up after {tried}, with {left} still to be sent."
    if reason == "post_copy":
        return f"It does not converge: after {after} the guest is switched over, and {left} follow it."
    if reason == "nothing_left":
        return f"It converges: after {after} nothing is left to send."
    counts = _counts_as_converged(row)
    if reason == "few_pages":
        return f"It converges: the last of {after} had next to nothing to send, and {left} are left."
    if reason == "target_met":
        leaves = "leaves" if row["passes"] == 1 else "leave"
        pause = f"the permitted pause{f' of {counts}' if counts else ''}"
        return f"It converges: what {after} {leaves} ({left}) can be sent within {pause}."
    limit = _ENDED_BY[reason]
    if row["converged"]:
        enough = f"is little enough{f': it goes within {counts}' if counts else ''}"
        return f"It converges: when {limit} ends it after {after}, what is left ({left}) {enough}."
    still = f"{left} still to be sent in the pause"
    more = f", more than goes within {counts}" if counts else ""
    return f"It does not converge: {limit} ends it after {after}, with {still}{more}."


def _counts_as_converged(row: Row) -> str:
    """How long what is left may take to be sent for a migration to count as converged; empty if it changes.

    >>> _counts_as_converged({"stop_rule": "hyperv", "blackout_target_ms": math.nan})
    '0.75 s'
    """
    rule = STOP_RULES.get(row.get("stop_rule", ""))
    if (
        rule is None
        or math.isfinite(min(rule.last_target_ms, rule.rises))
        or not math.isnan(row.get("last_target_ms", math.nan))
    ):
        return ""
    own = row.get("blackout_target_ms", math.nan)
    target_ms = rule.target_ms if math.isnan(own) else own
    return seconds(target_ms / 1000) if target_ms > 0 else ""


def seconds(value: float) -> str:
    """A time as a person says it.

    >>> seconds(0.0461), seconds(37.66), seconds(600), seconds(16200), seconds(math.inf)
    ('0.0461 s', '37.7 s', '10 min 00 s', '4 h 30 min', 'no end')
    """
    if not math.isfinite(value):
        return "no end"
    if value < 99.95:
        return f"{value:.3g} s"
    minutes, rest = divmod(round(value), 60)
    hours, left = divmod(minutes, 60)
    return f"{hours} h {left:02d} min" if hours else f"{minutes} min {rest:02d} s"


def _counted(value: float, noun: str) -> str:
    """A whole number with its noun: what is left is reckoned in fractions of pages, and counted in whole."""
    number = math.ceil(value)
    plural = f"{noun}es" if noun.endswith("s") else f"{noun}s"
    return f"{number:,} {noun if number == 1 else plural}"


def _line(name: str, row: Row) -> str:
    about = OUTCOMES.get(name) or PARAMETERS[name.removeprefix("applied_")]
    meaning = about.meaning if name in OUTCOMES else "what this host makes of it"
    ends = [row.get(f"{name}_{end}90") for end in ("low", "high")]
    within = f"  (90 %: {ends[0]:.4g} to {ends[1]:.4g})" if None not in ends else ""
    never = name == "blackout_s" and row["stop_reason"] in STAYS
    value = math.inf if never else row[name]
    unit = "" if value == math.inf else about.unit
    return f"{name:<22} {shown(name, value):>14} {unit:<8} {meaning}{within}".rstrip()


def shown(name: str, value: Any) -> str:
    """A value as a table shows it: counts whole, truth as yes and no, numbers to four digits.

    >>> shown("residual_pages", 4123456.2), shown("converged", True), shown("total_s", 497.383)
    ('4,123,457', 'yes', '497.4')
    """
    if isinstance(value, bool):
        return "yes" if value else "no"
    if not isinstance(value, (int, float)) or not math.isfinite(value):
        return {math.inf: "no end"}.get(value, str(value))
    if name in ("residual_pages", "passes"):
        # Part of a page is none: below one, pre-copy ends with nothing left.
        return f"{0 if value < 1 else math.ceil(value):,}"
    whole = abs(value) >= 1e5 or (abs(value) >= 1e3 and float(value).is_integer())
    return f"{value:,.0f}" if whole else f"{value:.4g}"


def _applied(rows: Sequence[Row]) -> list[str]:
    return [name for name in rows[0] if name.startswith("applied_")]


def _table(rows: Sequence[Row]) -> str:
    """What was asked for and differs, then the answer, then what else finds room in :data:`WIDTH`."""
    varied = [n for n in ("workload", *PARAMETERS) if len({repr(row.get(n)) for row in rows}) > 1]
    names = [*varied, *_FIRST]
    for name in (*_applied(rows), *_THEN):
        if _width(rows, [*names, name]) <= WIDTH:
            names.append(name)
    return _printed(rows, names) + "\n\nAll parameters and outcomes of each row: --json."


def _width(rows: Sequence[Row], names: Sequence[str]) -> int:
    return max(map(len, _printed(rows, names).splitlines()))


def _printed(rows: Sequence[Row], names: Sequence[str]) -> str:
    cells = [{name: shown(name, row[name]) for name in names} for row in rows]
    import pandas as pd

    return pd.DataFrame(cells, columns=list(names)).to_string(index=False)


def _preset_text(rows: Sequence[Row]) -> str:
    """What the preset set, a line each with its meaning, and what was given in its stead."""
    name = rows[0]["preset"]
    lines = [f"{name} sets, where no option and no host says otherwise:"]
    for parameter, value in presets.host(name).parameters.items():
        others = sorted({str(row[parameter]) for row in rows if parameter not in row["preset_sets"]})
        told = f"{value} {PARAMETERS[parameter].unit}".rstrip()
        instead = f"  (not here, where {' or '.join(others)} is asked for)" if others else ""
        lines.append(f"  {parameter} = {told}: {PARAMETERS[parameter].meaning}{instead}")
    return "\n".join([*lines, *_spread(rows)])


def _spread(rows: Sequence[Row]) -> list[str]:
    """How far the sources of a preset are apart, and what that makes of one migration."""
    ends = rows[0].get("preset_spread", {})
    fixed = [f"{k} {low:g} to {high:g}" for k, (low, high) in ends.items() if k in PARAMETERS]
    if not fixed:
        return []
    told = f"  Its sources differ: {' and '.join(fixed)}"
    if len(rows) > 1 or rows[0]["stop_reason"] in STAYS:
        return [f"{told}."]
    total, frozen = (" to ".join(seconds(end) for end in ends[name]) for name in ("total_s", "blackout_s"))
    pause = f", frozen for {frozen}" if "handoff_ms" in ends else ""
    return [f"{told}; with these it takes {total}{pause}."]
