"""The sentences that the notebooks on transports and networks end in, written from their numbers."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from analysis.figures.language import differ, duration, number, two_durations, value_of
from analysis.figures.networks import SURE
from analysis.figures.rings import UNKNOWN
from analysis.figures.transports import option
from analysis.figures.words import chance, percent
from analysis.model.laws.compression import break_even_rate
from analysis.model.units import GBIT, GIB
from analysis.studies.traffic import summary
from analysis.studies.transports import gives_way
from analysis.studies.validation.published import BOUND
from analysis.studies.validation.rings import rival_errors
from analysis.studies.validation.spread import within


def dedicated_network(
    times: Mapping[str, pd.DataFrame],
    finished: Mapping[str, np.ndarray],
    window_s: float,
    machines: int,
    spread: pd.DataFrame,
) -> str:
    """What a dedicated network is worth: one migration, a node to be emptied, and the measured repeats."""
    own, other = (summary(times[name]) for name in ("dedicated", "shared"))
    told = (two_durations(own[kind], other[kind]) for kind in ("p95", "mean"))
    most, mean = ([f"**{words}**" for words in pair] for pair in told)
    count = "1 machine" if machines == 1 else f"{machines} machines one after the other"
    varies = [f"**{percent(each['cv'])}**" for each in (own, other)]
    kept = {name: chance(float(within(times, window_s))) for name, times in finished.items()}
    needed = {name: duration(float(np.quantile(times, SURE))) for name, times in finished.items()}
    return (
        f"In 95 of 100 cases a migration takes at most {most[0]} on the **dedicated** network and at most "
        f"{most[1]} on the **shared** one. On the mean it takes {mean[0]} against {mean[1]}, with a "
        f"coefficient of variation of {varies[0]} against {varies[1]}. Emptying a "
        f"node of {count} is done within {number(window_s / 60)} min with a "
        f"chance of **{kept['dedicated']}** against **{kept['shared']}**; to be 95 % sure the window must "
        f"be **{needed['dedicated']}** or **{needed['shared']}** long. {_measured(spread)}"
    )


def _measured(spread: pd.DataFrame) -> str:
    """Whether the model has the direction and the rough size of the measured spread."""
    empty = spread.iloc[int(spread.measured_mean_s.argmin())]
    most = spread.iloc[int(spread.measured_cv.argmax())]
    right = _same_direction(empty, most)
    size = f"within what {most.n} runs scatter also its size" if most.ordinary else "but not its size"
    verdict = f"reproduces the direction of the measured spread, {size}"
    return (
        f"The model {verdict if right else 'does not reproduce the measured spread'}: beside {most.name} "
        f"migrations vary by **{percent(most.measured_cv)}** around {duration(most.measured_mean_s)}, drawn "
        f"ones by **{percent(most.drawn_cv)}** around {duration(most.drawn_mean_s)}; alone on the line by "
        f"{percent(empty.measured_cv)} and {percent(empty.drawn_cv)}."
    )


def _same_direction(empty: pd.Series, most: pd.Series) -> bool:
    """Both measured and drawn times are longer, and vary more, beside other traffic."""
    return all(
        most[f"{side}_{figure}"] > empty[f"{side}_{figure}"]
        for side in ("measured", "drawn")
        for figure in ("mean_s", "cv")
    )


def transports(compared: pd.DataFrame, lifted: pd.DataFrame, here: float, published: pd.DataFrame) -> str:
    """Which option to take: ``compared`` and ``lifted`` over line rates, with and without the limit on SMB.

    ``here``: the line rate that is set; ``published``: ``studies.validation.published.predict_published``.
    """
    at = compared[np.isclose(compared.bandwidth_gbps, here)].set_index("transport")
    best = at.loc[at.best].iloc[0]
    cores, link, memory = (value_of(n, best[n]) for n in ("spare_cores", "bandwidth_gbps", "memory_gib"))
    return (
        f"To move **{memory}** over **{link}** with **{cores}** take **{option(str(best.name))}**: "
        f"{_instead(best, at.total_s['tcpip'])}. {_until_when(compared, lifted)} {_keeps_up(best)} "
        f"{_blind(published)}"
    )


def _instead(best: pd.Series, plain_s: float) -> str:
    """What the best option saves on TCP/IP, or that none is clearly quicker."""
    taken = f"**{duration(best.total_s)}**"
    if best.name == "tcpip":
        return f"{taken}, and no other option is clearly quicker"
    if best.total_s >= plain_s or not differ(plain_s, best.total_s):
        return f"{taken}, about as long as TCP/IP takes, which asks more of the processors"
    words = two_durations(best.total_s, plain_s)
    return f"**{words[0]}** instead of {words[1]} by TCP/IP, **{percent(1 - 1 / best.faster)}** less"


def _buffers(count: float) -> str:
    return number(count, 7) if np.isfinite(count) else "no number"


def _until_when(compared: pd.DataFrame, lifted: pd.DataFrame) -> str:
    """From which link on compression is not the best option, with the limit on SMB and without it."""
    (held, by_held), (free, by_free) = (gives_way(table) for table in (compared, lifted))
    slowest = compared.bandwidth_gbps.min()
    if np.isnan(held):
        start = "Compression is best on the fastest of these links"
    elif held == slowest:
        start = f"Compression is best on none of these links, {option(by_held)} on the fastest"
    else:
        start = f"From **{value_of('bandwidth_gbps', held)}** on compression is no longer the best option"
        start += f", on the fastest of these links {option(by_held)} is"
    if free == held or (np.isnan(free) and np.isnan(held)):
        return start + "."
    sooner = f"from **{value_of('bandwidth_gbps', free)}** on, and {option(by_free)} is on the fastest"
    if np.isnan(free):
        sooner = "on the fastest compression is"
    return f"{start}; with the limit on SMB lifted {sooner}."


def _keeps_up(row: pd.Series) -> str:
    """Up to which link rate the spare cores keep up, and what Hyper-V does beyond it."""
    speed = row.compress_gib_per_s_per_core
    rate = float(break_even_rate(speed, row.spare_cores)) * GIB * 8 / GBIT
    if rate == 0:
        return "Without spare cores compression is plain TCP/IP."
    return (
        f"A compressor that pages had to wait for would cost time above **{number(rate, 2)} Gbit/s**; "
        "Hyper-V's takes only idle processor time and sends the rest as it is, so it gains less there."
    )


def _blind(published: pd.DataFrame) -> str:
    hits = (published.error.abs() <= BOUND).sum()
    return f"Of {len(published)} published times {hits} are predicted blind within {percent(BOUND)}."


def buffers(
    said: str,
    needs: Mapping[float, float],
    adapters: pd.DataFrame,
    measured: pd.DataFrame,
    weak: pd.Series | None,
    today: pd.Series,
) -> str:
    """What ``takeaways.buffers`` says, the administrator's one line, and the law's error.

    ``needs``: receive buffers by the share of the link they carry; ``adapters``: their published counts
    (``rings.adapters_table``); ``measured``: ``studies.validation.rings.compare_transfers``; ``weak``:
    ``studies.scaling.where_weak``, for a place where the law is worse than on the whole; ``today``: the
    outcome of the scenario with its parameters.
    """
    errors = rival_errors(measured)
    told = " and ".join(f"**{_buffers(n)}** for {percent(share)}" for share, n in needs.items())
    verdicts = adapters.iloc[:, -1].value_counts()
    law, little = (errors[name].loc["all"] for name in ("this study", "Little's law"))
    return (
        f"{said} Receive buffers to set: {told} of the link; of {len(adapters)} adapters "
        f"{verdicts.get('by default', 0) or 'none'} have the latter by default, of "
        f"{verdicts.get(UNKNOWN, 0)} it is not published. The law behind this is off by "
        f"**{percent(law['median'])}** in the median on measured transfers "
        f"({percent(law['p90'])} at the 90th percentile), Little's law by {percent(little['median'])}."
        f"{_weak(weak)}{beyond_measured(measured, today)}"
    )


def _weak(weak: pd.Series | None) -> str:
    """That the law is weak here, and by how much."""
    if weak is None:
        return ""
    return (
        f" **Here it is weaker**: the round trip holds {number(weak['packets'])} packets, more than the ring "
        f"of {number(weak['buffers'], 6)}. On the {number(weak['transfers'])} measured transfers of that "
        f"kind it is off by **{percent(weak['median'])}** in the median, {percent(weak['p90'])} at the 90th "
        "percentile."
    )


def beyond_measured(measured: pd.DataFrame, today: pd.Series) -> str:
    """That the processor's delay is longer than any that was measured; empty where it is not.

    ``measured``: ``studies.validation.rings.compare_transfers``; ``today``: a scenario's parameters.
    """
    longest = float(measured.receive_delay_us.max())
    if not today["receive_delay_us"] > longest:
        return ""
    delay, most = (duration(us * 1e-6) for us in (today["receive_delay_us"], longest))
    return f" A delay of {delay} is beyond the longest that was measured, {most}: that is extrapolation."
