"""The sentences that the notebooks on transports and networks end in, written from their numbers."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from analysis.figures.language import ceiling, duration, number, value_of
from analysis.figures.networks import SURE
from analysis.figures.rings import UNKNOWN
from analysis.figures.transports import option
from analysis.figures.words import chance, percent
from analysis.model.compression import break_even_rate
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
    most, mean = ([f"**{duration(each[kind])}**" for each in (own, other)] for kind in ("p95", "mean"))
    varies = [f"**{percent(each['cv'])}**" for each in (own, other)]
    kept = {name: chance(float(within(times, window_s))) for name, times in finished.items()}
    needed = {name: duration(float(np.quantile(times, SURE))) for name, times in finished.items()}
    return (
        f"In 95 of 100 cases a migration takes at most {most[0]} on the **dedicated** network and at most "
        f"{most[1]} on the **shared** one. On the mean it takes {mean[0]} against {mean[1]}, with a "
        f"coefficient of variation of {varies[0]} against {varies[1]}. Emptying a "
        f"node of {machines} machines one after the other is done within {number(window_s / 60)} min with a "
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
        f"**{duration(best.total_s)}** instead of {duration(at.total_s['tcpip'])} by TCP/IP, "
        f"**{percent(1 - 1 / best.faster)}** less. {_until_when(compared, lifted)} {_keeps_up(best)} "
        f"{_blind(published)}"
    )


def _until_when(compared: pd.DataFrame, lifted: pd.DataFrame) -> str:
    """From which link on another option is better than compression, with the limit on SMB and without it."""
    (held, by_held), (free, by_free) = (gives_way(table) for table in (compared, lifted))
    if np.isnan(held):
        start = "Compression is best up to the fastest of these links"
    else:
        start = f"From **{value_of('bandwidth_gbps', held)}** on {option(by_held)} is better than compression"
    if free == held or (np.isnan(free) and np.isnan(held)):
        return start + "."
    sooner = f"{option(by_free)} from **{value_of('bandwidth_gbps', free)}** on"
    return f"{start}, with the limit on SMB lifted {sooner}."


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
    said: str, needs: Mapping[float, float], adapters: pd.DataFrame, measured: pd.DataFrame, today: pd.Series
) -> str:
    """What ``takeaways.buffers`` says, the administrator's one line, and the law's error.

    ``needs``: receive buffers by the share of the link they carry; ``adapters``: their published counts
    (``rings.adapters_table``); ``measured`` and ``today``: as :func:`weaker_here` takes them.
    """
    errors = rival_errors(measured)
    told = " and ".join(f"**{number(n, 7)}** for {percent(share)}" for share, n in needs.items())
    verdicts = adapters.iloc[:, -1].value_counts()
    law, little = (errors[name].loc["all"] for name in ("this study", "Little's law"))
    return (
        f"{said} Receive buffers to set: {told} of the link; of {len(adapters)} adapters "
        f"{verdicts.get('by default', 0)} have the latter by default, of "
        f"{verdicts.get(UNKNOWN, 0)} it is not published. The law behind this is off by "
        f"**{percent(law['median'])}** in the median on measured transfers "
        f"({percent(law['p90'])} at the 90th percentile), Little's law by {percent(little['median'])}."
        f"{weaker_here(measured, today)}"
    )


def weaker_here(measured: pd.DataFrame, today: pd.Series) -> str:
    """Whether the law is weaker where this scenario is than over all measurements, and by how much.

    ``measured``: ``studies.validation.rings.compare_transfers``; ``today``: the outcome of the scenario with
    its parameters. Two sentences at most, after a blank: one where the ceiling that binds was predicted
    worse than all are together, one where the processor's delay is longer than any that was measured. Empty
    where neither holds.
    """
    size, binds = measured.error.abs(), str(today["limited_by"])
    same = size[measured.limited_by == binds]
    told = ""
    median, p90 = (float(same.quantile(q)) for q in (0.5, 0.9))
    if p90 > float(size.quantile(0.9)):  # NaN, where no transfer was held by it, is not
        ends = f"**{percent(median)}** in the median and **{percent(p90)}**"
        told += f" With {ceiling(binds)} as the limit, as here, it is weaker: off by {ends} at the 90th "
        told += f"percentile of {len(same)} such transfers."
    longest = float(measured.receive_delay_us.max())
    if today["receive_delay_us"] > longest:
        delay, most = (duration(us * 1e-6) for us in (today["receive_delay_us"], longest))
        told += f" A delay of {delay} is beyond the longest that was measured, {most}: that is extrapolation."
    return told
