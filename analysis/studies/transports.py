"""Which of Hyper-V's options is best: TCP/IP, compression, SMB, SMB Direct; and from which link on."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from analysis.model.laws.compression import break_even_rate, full_gain_rate
from analysis.model.migration import migrate
from analysis.model.units import GBIT, GIB
from analysis.presets import HOSTS, Host, host
from analysis.studies.grids import first_value_reaching, grid

TIE = 0.05
"""Options whose times lie within this share of the best are equally good: the thriftiest of them is taken."""
OVER_SMB = ("smb", "smb_direct")
THRIFTY_FIRST = ("smb_direct", "tcpip", "smb", "compression")
"""The options in the order of what they take of the processors: nothing, one core, several, all idle ones."""


def compare_options(
    scenarios: pd.DataFrame, preset: Host, adapters: int, *, rdma: bool = True
) -> pd.DataFrame:
    """``migrate`` of every scenario by every option that a version of Windows Server has.

    ``adapters``: how many adapters of the migration network's speed the node has, by whose sum the limit
    on SMB is reckoned; ``rdma``: whether they can do SMB Direct. Where they can, SMB does so by itself,
    so SMB without it is never the best there. Adds ``scenario`` (row number of the input), ``faster`` (total
    time by TCP/IP over that by the option) and ``best``.
    """
    allowed = [name for name in THRIFTY_FIRST if name in preset.transports and (rdma or name != "smb_direct")]
    known = {k: v for k, v in preset.parameters.items() if k not in scenarios and k != "transport"}
    rows = scenarios.assign(scenario=range(len(scenarios)), **known)
    table = pd.concat([rows.assign(transport=name) for name in allowed], ignore_index=True)
    return _ranked(migrate(table, adapters=adapters))


def _ranked(found: pd.DataFrame) -> pd.DataFrame:
    """Each option beside TCP/IP, and the thriftiest of the quickest of each scenario marked."""
    plain = found[found.transport == "tcpip"].set_index("scenario").total_s
    direct = (found.transport == "smb_direct").any()
    choice = found.total_s.where((found.transport != "smb") | (not direct))
    quickest = choice.groupby(found.scenario).transform("min")
    order = found.transport.map({name: i for i, name in enumerate(THRIFTY_FIRST)})
    near = order.where(choice <= quickest * (1 + TIE))
    first = near.groupby(found.scenario).transform("min")
    return found.assign(faster=found.scenario.map(plain) / found.total_s, best=near == first)


def best_of(compared: pd.DataFrame) -> pd.DataFrame:
    """The best option of each scenario, a row each in the order of the scenarios."""
    return compared[compared.best].sort_values("scenario", ignore_index=True)


def gives_way(compared: pd.DataFrame, option: str = "compression") -> tuple[float, str]:
    """From which line rate on another option is best, and which one is at the greatest.

    ``compared``: the same scenario over line rates. NaN where the option is best to the end.
    """
    best = best_of(compared).sort_values("bandwidth_gbps")
    last = str(best.transport.iloc[-1])
    other = best.assign(other=(best.transport != option).astype(float))
    return first_value_reaching(other, "bandwidth_gbps", "other", 1.0), last


def pays_up_to(compared: pd.DataFrame, worthwhile: float, option: str = "compression") -> float:
    """Greatest line rate at which an option makes the total time ``worthwhile`` times shorter; 0 for none."""
    rows = compared[(compared.transport == option) & (compared.faster >= worthwhile)]
    return float(rows.bandwidth_gbps.max()) if len(rows) else 0.0


def break_even(codecs: pd.DataFrame, cores: Iterable[float]) -> pd.DataFrame:
    """Link rates [Gbit/s of payload] up to which each measured compressor pays, by number of cores.

    One row a compressor and a number of cores: ``full_gbps`` (up to here it gives its whole ratio),
    ``pays_gbps`` (above it, waiting for it would be slower than not compressing). The slower of
    compressing and decompressing counts.
    """
    speed = codecs[["compress_gib_per_s_per_core", "decompress_gib_per_s_per_core"]].min(axis=1)
    parts = []
    for count in cores:
        ends = {
            "full_gbps": full_gain_rate(codecs.compression_ratio, speed, count),
            "pays_gbps": break_even_rate(speed, count),
        }
        parts.append(codecs.assign(cores=count, **{k: v * GIB * 8 / GBIT for k, v in ends.items()}))
    return pd.concat(parts, ignore_index=True)


def smb_limits(preset: Host, nodes: Iterable[tuple[int, float]], **scenario: Any) -> pd.DataFrame:
    """One migration by SMB Direct under a version's limit on SMB, on nodes of some adapters of some speed.

    ``nodes``: pairs (adapters, Gbit/s of each). Adds ``adapters``, ``limit_gbps`` and ``lifted_total_s``
    (without the limit) to what ``migrate`` returns.
    """
    pairs = pd.DataFrame(nodes, columns=["adapters", "bandwidth_gbps"])
    limit_gbps = preset.smb_limit_share * pairs.adapters * pairs.bandwidth_gbps
    rows = pairs.assign(transport="smb_direct", limit_gbps=limit_gbps, **scenario)
    lifted = migrate(rows).total_s
    return migrate(rows, smb_limit_share=preset.smb_limit_share).assign(lifted_total_s=lifted)


def by_version(node_gbps: float, **scenario: Any) -> pd.DataFrame:
    """One migration by the default option of each version of Windows Server, a row a version.

    ``node_gbps``: sum over the node's adapters. Adds ``host``, ``parallel_migrations`` and ``smb_limit_gbps``
    (infinite without a limit) to what ``migrate`` returns.
    """
    one = grid(**{k: v for k, v in scenario.items() if k not in ("transport", "stop_rule")})
    rows = [_of_version(one, host(name), node_gbps) for name in HOSTS]
    return pd.concat(rows, ignore_index=True)


def _of_version(one: pd.DataFrame, preset: Host, node_gbps: float) -> pd.DataFrame:
    limited = preset.smb_limit_share < 1
    smb = preset.smb_limit_share * node_gbps if limited else np.inf
    facts = {
        "host": preset.name,
        "parallel_migrations": preset.parallel_migrations,
        "smb_limit_gbps": smb if set(OVER_SMB) & set(preset.transports) else np.nan,
    }
    return migrate(one.assign(**{**preset.parameters, **facts}))


def without_limit(preset: Host) -> Host:
    """The same version with its limit on SMB lifted."""
    return replace(preset, parameters={**preset.parameters, "smb_limit_share": 1.0})
