"""The sentences that the sweep notebooks end in, written from their numbers."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from analysis.figures.language import NO_BREAK, ceiling, change, duration, number, value_of
from analysis.studies.grids import first_value_reaching


def bandwidth(here: pd.Series, swept: pd.DataFrame) -> str:
    """What a faster link buys: ``here`` is the migration asked about, ``swept`` the same over line rates."""
    return (
        f"On **{_gbps(here['bandwidth_gbps'])}** the guest runs through **{duration(here['brownout_s'])}** "
        f"of brownout and is frozen for **{duration(here['blackout_s'])}**, limited by "
        f"{ceiling(here['limited_by'])}. To converge, this machine {_to_converge(swept)}. "
        f"{_end_of_line(swept)}"
    )


def _to_converge(swept: pd.DataFrame) -> str:
    """The links on which the migration converges: from one on, on some of them, or on none."""
    least = first_value_reaching(swept, "bandwidth_gbps", "converged", 1)
    if least > 0:
        within = swept.loc[swept["converged"], "bandwidth_gbps"].min()
        also = "" if within == least else f" (and converges from {_gbps(within)} on some slower links)"
        return f"needs at least **{_gbps(least)}**{also}"
    some = swept.loc[swept["converged"], "bandwidth_gbps"]
    if some.empty:
        return "would need more than any of these links"
    return f"needs a link of **{_gbps(some.min())}** to **{_gbps(some.max())}**, not a faster one"


def _end_of_line(swept: pd.DataFrame) -> str:
    """From where on a faster line gains nothing, or is slower."""
    fastest = swept.iloc[int(swept["bandwidth_gbps"].to_numpy().argmax())]
    most = float(swept["goodput_gbps"].max())
    if (slower := float(fastest["goodput_gbps"])) < 0.99 * most:
        best = float(swept["bandwidth_gbps"].iloc[int(swept["goodput_gbps"].to_numpy().argmax())])
        return (
            f"A line faster than **{_gbps(best)}** is slower ({_gbps(slower)} of payload on the fastest "
            f"instead of {_gbps(most)}), since {ceiling(fastest['limited_by'])} binds: more receive buffers "
            "help, not a faster line."
        )
    if fastest["limited_by"] == "line_rate":
        return "The line is the limit up to the fastest."
    useful = first_value_reaching(swept, "bandwidth_gbps", "goodput_gbps", 0.99 * most)
    binding = ceiling(fastest["limited_by"])
    return f"Beyond **{_gbps(useful)}** a faster line gains nothing, since {binding} binds."


def buffers(today: pd.Series, unlimited: pd.Series, enough: Mapping[str, float], delay_us: float) -> str:
    """Whether more buffers help: the migration today and with endless rings, and what suffices.

    ``enough``: buffers that carry 99 % of the link, by ring; ``delay_us``: the longest delay of the
    processor that the receive buffers of today bridge.
    """
    verdict = "helps" if unlimited["total_s"] < 0.99 * today["total_s"] else "gains nothing"
    send, receive = (number(today[f"{ring}_buffers"], 6) for ring in ("send", "receive"))
    if delay_us > 0:
        bridged = f"bridge a mean delay of the processor of up to **{duration(delay_us / 1e6)}**"
    else:
        bridged = "are too few even for a processor that is always free"
    link, delay = _gbps(today["bandwidth_gbps"]), value_of("receive_delay_us", today["receive_delay_us"])
    return (
        f"With the {receive} and {send} buffers set, limited by {ceiling(today['limited_by'])}, adding more "
        f"**{verdict}**: {change('the total time', today['total_s'], unlimited['total_s'])}. "
        f"On **{link}** with {delay} at the processor, "
        f"**{value_of('receive_buffers', enough['receive_buffers'])}** for receiving and "
        f"{number(enough['send_buffers'], 6)} for sending carry 99{NO_BREAK}% of what the link can. "
        f"{receive} receive buffers {bridged}."
    )


def dirty_rate(now: pd.DataFrame, most_writes: Mapping[str, float]) -> str:
    """How busy a guest may be: one row a pattern, and the rate up to which each pattern converges."""
    by_pattern = now.set_index("write_pattern")["blackout_s"]
    least, most = str(by_pattern.idxmin()), str(by_pattern.idxmax())
    told = ", ".join(f"{name} **{_writes(rate)}**" for name, rate in most_writes.items())
    first = now.iloc[0]
    return (
        f"The same **{number(first['dirty_pages_per_s'])} page writes per second** freeze the guest for "
        f"**{duration(by_pattern[least])}** ({least}) to **{duration(by_pattern[most])}** ({most}), "
        f"depending on how they spread. On {_gbps(first['bandwidth_gbps'])} pre-copy converges up to these "
        f"page writes per second: {told}."
    )


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
    times = f"{duration(here['total_s'])} instead of {duration(here['gain'] * here['total_s'])}"
    return (
        f"On **{_gbps(here['bandwidth_gbps'])}** compression at {ratio} with **{cores}** makes the "
        f"migration **{number(here['gain'])} times** as fast: {times}. It is limited by "
        f"{ceiling(here['limited_by'])}; the full ratio takes **{number(here['cores_needed'], 2)} cores**. "
        f"Compressing pays (memory copied at least {number(worthwhile)} times as fast) {until}."
    )


def _gbps(value: float) -> str:
    return value_of("bandwidth_gbps", value)


def _writes(rate: float) -> str:
    return "any number" if np.isinf(rate) else number(rate, 2) if rate > 0 else "none"
