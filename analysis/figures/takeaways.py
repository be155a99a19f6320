"""The sentences that the sweep notebooks end in, written from their numbers."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from analysis.figures.language import (
    NO_BREAK,
    binds,
    ceiling,
    change,
    differ,
    duration,
    number,
    two_durations,
    value_of,
)
from analysis.figures.words import at_least, endless, paused_s
from analysis.studies.grids import first_value_reaching


def bandwidth(here: pd.Series, swept: pd.DataFrame) -> str:
    """What a faster link buys: ``here`` is the migration asked about, ``swept`` the same over line rates."""
    limit = f", limited by {ceiling(here['limited_by'])}"
    if endless(here):
        limit = f"; {binds(here['limited_by'])}"
    return (
        f"On **{_gbps(here['bandwidth_gbps'])}** {_what_becomes(here)}{limit}. {_to_converge(swept)}. "
        f"{_end_of_line(swept)}"
    )


def _what_becomes(here: pd.Series) -> str:
    """Both phases of one migration in words: one that never ends has neither end nor pause."""
    if endless(here):
        return "the migration **never ends**: its passes leave as much as they send"
    cut = "" if here["converged"] else " when its passes are cut off"
    return (
        f"the guest runs through **{duration(here['brownout_s'])}** of brownout and is frozen for "
        f"**{duration(here['blackout_s'])}**{cut}"
    )


def _to_converge(swept: pd.DataFrame) -> str:
    """The links on which the migration converges: all of them, from one on, on some, or on none."""
    least = first_value_reaching(swept, "bandwidth_gbps", "converged", 1)
    some = swept.loc[swept["converged"], "bandwidth_gbps"]
    if len(some) == len(swept):
        slowest, fastest = (_gbps(swept["bandwidth_gbps"].agg(end)) for end in ("min", "max"))
        every = f"on every link from **{slowest}** to **{fastest}**" if slowest != fastest else "on this link"
        return f"This machine converges {every}"
    if least > 0:
        also = (
            "" if some.min() == least else f" (and converges from {_gbps(some.min())} on some slower links)"
        )
        return f"To converge, this machine needs at least **{_gbps(least)}**{also}"
    if some.empty:
        return f"On none of these links, up to **{_gbps(swept['bandwidth_gbps'].max())}**, does it converge"
    if some.min() == some.max():
        return f"To converge, this machine needs a link of **{_gbps(some.min())}**, not a faster one"
    ends = f"**{_gbps(some.min())}** to **{_gbps(some.max())}**"
    return f"To converge, this machine needs a link of {ends}, not a faster one"


def _end_of_line(swept: pd.DataFrame) -> str:
    """From where on a faster line gains nothing, or is slower."""
    fastest = swept.iloc[int(swept["bandwidth_gbps"].to_numpy().argmax())]
    most = float(swept["goodput_gbps"].max())
    if (slower := float(fastest["goodput_gbps"])) < 0.99 * most:
        best = float(swept["bandwidth_gbps"].iloc[int(swept["goodput_gbps"].to_numpy().argmax())])
        return (
            f"A line faster than **{_gbps(best)}** is slower ({_gbps(slower)} of payload on the fastest "
            f"instead of {_gbps(most)}), since {binds(fastest['limited_by'])}: more receive buffers "
            "help, not a faster line."
        )
    if fastest["limited_by"] == "line_rate":
        return "The line is the limit up to the fastest."
    useful = first_value_reaching(swept, "bandwidth_gbps", "goodput_gbps", 0.99 * most)
    if useful == fastest["bandwidth_gbps"]:
        return f"Up to the fastest a faster line still gains; there {binds(fastest['limited_by'])}."
    return f"Beyond **{_gbps(useful)}** a faster line gains nothing, since {binds(fastest['limited_by'])}."


def buffers(today: pd.Series, unlimited: pd.Series, enough: Mapping[str, float], delay_us: float) -> str:
    """Whether more buffers help: the migration today and with endless rings, and what suffices.

    ``enough``: buffers that carry 99 % of the link, by ring; ``delay_us``: the longest delay of the
    processor that the receive buffers of today bridge.
    """
    times = (today["total_s"], unlimited["total_s"])
    verdict = "helps" if differ(*times) and times[1] < times[0] else "gains nothing"
    send, receive = (number(today[f"{ring}_buffers"], 6) for ring in ("send", "receive"))
    if delay_us > 0:
        bridged = f"bridge a mean delay of the processor of up to **{duration(delay_us / 1e6)}**"
    else:
        bridged = "are too few even for a processor that is always free"
    link, delay = _gbps(today["bandwidth_gbps"]), value_of("receive_delay_us", today["receive_delay_us"])
    return (
        f"With the {receive} receive and {send} send buffers set, limited by "
        f"{ceiling(today['limited_by'])}, adding more **{verdict}**: {change('the total time', *times)}. "
        f"On **{link}** with {delay} at the processor, "
        f"**{_count(enough['receive_buffers'])}** for receiving and {_count(enough['send_buffers'])} for "
        f"sending carry 99{NO_BREAK}% of what the link can. {receive} receive buffers {bridged}."
    )


def dirty_rate(now: pd.DataFrame, most_writes: Mapping[str, float]) -> str:
    """How busy a guest may be: one row a pattern, and the rate up to which each pattern converges."""
    told = ", ".join(f"{name} **{_writes(rate)}**" for name, rate in most_writes.items())
    first = now.iloc[0]
    return (
        f"{_frozen_by_pattern(now)} On {_gbps(first['bandwidth_gbps'])} pre-copy converges up to these "
        f"page writes per second: {told}."
    )


def _frozen_by_pattern(now: pd.DataFrame) -> str:
    """The shortest and the longest blackout over the patterns, and which of them never end."""
    writes = now["dirty_pages_per_s"].iloc[0]
    pauses = paused_s(now).set_axis(now["write_pattern"]).dropna()
    never = [str(name) for name in now["write_pattern"] if name not in pauses.index]
    which = (
        "An idle guest is frozen" if writes == 0 else f"The same **{number(writes)} page writes per second**"
    )
    if pauses.empty:
        return f"{which} keep a migration from ever ending, however they spread."
    verb = " for" if writes == 0 else " freeze the guest for"
    also = f"; with {', '.join(never)} the migration **never ends**" if never else ""
    least, most = (duration(pauses.agg(end)) for end in ("min", "max"))
    if least == most:
        spread = "" if len(now) == 1 else ", however they spread" if writes else ""
        return f"{which}{verb} **{least}**{spread}{also}."
    ends = f"**{least}** ({pauses.idxmin()}) to **{most}** ({pauses.idxmax()})"
    return f"{which}{verb} {ends}, depending on how they spread{also}."


def compression(here: pd.Series, over_links: pd.DataFrame, worthwhile: float) -> str:
    """When compression pays: the migration asked about, and the same over line rates."""
    paying = over_links.loc[over_links["rate_gain"] >= worthwhile, "bandwidth_gbps"]
    if len(paying) in (0, len(over_links)):
        until = f"on **{'all' if len(paying) else 'none'}** of these links"
    elif (over_links["bandwidth_gbps"] <= paying.max()).sum() == len(paying):
        until = f"up to **{_gbps(paying.max())}**"
    else:
        until = f"on **{number(len(paying))} of {number(len(over_links))}** of these links"
    ratio, cores = (value_of(name, here[name]) for name in ("compression_ratio", "spare_cores"))
    return (
        f"On **{_gbps(here['bandwidth_gbps'])}** compression at {ratio} with **{cores}** "
        f"{_gained(here)}. It is limited by {ceiling(here['limited_by'])}; the full ratio takes "
        f"**{number(at_least(here['cores_needed'], 2), 2)} cores**. "
        f"Compressing pays (memory copied at least {number(worthwhile)} times as fast) {until}."
    )


def _gained(here: pd.Series) -> str:
    """What compression makes of the total time of one migration."""
    without, packed = here["plain_total_s"], here["total_s"]
    if np.isinf(without) and np.isinf(packed):
        return "does not help: the migration **never ends**, with it or without"
    if np.isinf(without):
        return f"lets the migration **end**, after {duration(packed)}; without it never ends"
    if np.isinf(packed):
        return f"keeps the migration from ending, which takes {duration(without)} without it"
    if not differ(without, packed):
        return f"gains nothing: {duration(packed)}, as without it"
    took, takes = two_durations(without, packed)
    factor = f"**{number(here['gain'])} times** as fast: {takes} instead of {took}"
    return f"makes the migration {factor}"


def _count(buffers: float) -> str:
    return value_of("receive_buffers", buffers) if np.isfinite(buffers) else "no number of buffers"


def _gbps(value: float) -> str:
    return value_of("bandwidth_gbps", value)


def _writes(rate: float) -> str:
    return "any number" if np.isinf(rate) else number(rate) if rate > 0 else "none"
