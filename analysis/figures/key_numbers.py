"""The two to four numbers of each notebook's answer: a name and a value with its unit, written from its rows.

A report shows them large beside the takeaway; ``language.display_takeaway`` hands them on.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from analysis.figures.language import ceiling, duration, number, value_of
from analysis.figures.networks import SURE
from analysis.figures.own_migrations import best
from analysis.figures.transports import option
from analysis.figures.words import at_least, frozen, percent
from analysis.studies.decisions.planning import Plan
from analysis.studies.decisions.sensitivity import Sensitivity
from analysis.studies.decisions.tornado import lead
from analysis.studies.decisions.words import words
from analysis.studies.traffic import summary


def migration(here: pd.Series) -> dict[str, str]:
    """What one migration takes, and the rate it is held to."""
    return {
        "in all": duration(here["total_s"]),
        "brownout": duration(here["brownout_s"]),
        "blackout": frozen(here),
        f"payload, limited by {ceiling(here['limited_by'])}": _gbps(here["goodput_gbps"]),
    }


def buffers(today: pd.Series, endless: pd.Series, enough: Mapping[str, float]) -> dict[str, str]:
    """Total time today and with endless rings, and the buffers that carry 99 % of the link."""
    return {
        "in all with the buffers set": duration(today["total_s"]),
        "in all with endless rings": duration(endless["total_s"]),
        f"receive, for {percent(0.99)} of the link": _count(enough["receive_buffers"]),
        f"send, for {percent(0.99)} of the link": _count(enough["send_buffers"]),
    }


def dirty_rate(now: pd.DataFrame, most_writes: Mapping[str, float]) -> dict[str, str]:
    """Shortest and longest blackout over the patterns, and how busy a guest of either may be."""
    rows = now.set_index("write_pattern")
    pauses = rows["blackout_s"].where(np.isfinite(rows["total_s"]), np.inf)
    ends = list(dict.fromkeys([str(pauses.idxmin()), str(pauses.idxmax())]))
    told = {name: duration(pauses[name]) if np.isfinite(pauses[name]) else "never" for name in ends}
    return {f"blackout, {name}": told[name] for name in ends} | {
        f"converges up to, {name}": _writes(most_writes[name]) for name in ends
    }


def compression(here: pd.Series) -> dict[str, str]:
    """What compression gains, and the cores that would give its full ratio."""
    return {
        "compressed": duration(here["total_s"]),
        "not compressed": duration(here["plain_total_s"]),
        **({"as fast": f"{number(here['gain'])} times"} if np.isfinite(here["gain"]) else {}),
        "for the full ratio": f"{number(at_least(here['cores_needed'], 2), 2)} cores",
    }


def validation(migrations: int, error: Mapping[str, float], verdict_right: float) -> dict[str, str]:
    """How many real migrations, and how far predictions are from them."""
    return {
        "predicted and measured": f"{migrations} migrations",
        "median error of total time": percent(error["median_relative_error"]),
        "error at the 90th percentile": percent(error["p90_relative_error"]),
        "verdict on convergence right": percent(verdict_right),
    }


def transports(compared: pd.DataFrame, here: float) -> dict[str, str]:
    """Total time by every option on the link that is set, the best one first."""
    at = compared[np.isclose(compared["bandwidth_gbps"], here)].sort_values(
        ["best", "total_s"], ascending=[False, True]
    )
    return {option(n): duration(s) for n, s in zip(at["transport"], at["total_s"], strict=True)}


def dedicated_network(
    times: Mapping[str, pd.DataFrame], finished: Mapping[str, np.ndarray], machines: int
) -> dict[str, str]:
    """On both networks: what 95 of 100 migrations stay below, and the window that all machines need."""
    one = {f"one migration, {name}": duration(summary(table)["p95"]) for name, table in times.items()}
    return one | {
        f"{machines} machines, {name}": duration(float(np.quantile(ends, SURE)))
        for name, ends in finished.items()
    }


def own(row: pd.Series, found: pd.DataFrame) -> dict[str, str]:
    """A reader's own migration: what it took, and what would have helped most."""
    was, top = found[found["change"] == "as it was"].iloc[0], best(found)
    pause = row.get("measured_blackout_s", np.nan)
    told = {"measured, in all": duration(row["measured_total_s"])}
    if pause >= 0:
        told["measured blackout"] = duration(pause)
    told["the model says, in all"] = duration(was["total_s"])
    if top is not None:
        told[f"less with {top['change']}"] = percent(top["saved_share"])
    return told


def _count(buffers: float) -> str:
    return value_of("receive_buffers", buffers) if np.isfinite(buffers) else "none enough"


def _gbps(value: float) -> str:
    return value_of("bandwidth_gbps", value)


def _writes(rate: float) -> str:
    return "any rate" if np.isinf(rate) else f"{number(rate)} pages/s" if rate > 0 else "none"


def first_lever(found: Sensitivity, here: pd.Series) -> dict[str, str]:
    """The total time of the machine as it is, and the indices of the first lever and of what leads."""
    told = {"in all, as it is": duration(here["total_s"])}
    table, first = found.of("total_s"), lead(found).parameter
    for name in dict.fromkeys([*([first] if first else []), str(table.parameter[0])]):
        row = table.set_index("parameter").loc[name]
        told[f"total index, {words(name)}"] = f"{row['total']:.2f}"
    return told


def needed(found: Plan) -> dict[str, str]:
    """The answer, and what it gives."""
    answer, row = found.table.iloc[0], found.rows.iloc[0]
    value = value_of(found.parameter, answer["value"]) if answer["reached"] else "none"
    most = "at least" if found.more_helps else "at most"
    told = {f"{words(found.parameter)}, {most}": value, "in all": duration(row["total_s"])}
    told |= {"blackout": frozen(row)}
    return told if np.isnan(answer["chance"]) else told | {"chance": percent(answer["chance"])}
