"""One recorded migration as a scenario of the model, with everything that can be taken from its own passes.

This explains a migration, which is less than predicting it: rate, writes and pause are those that were seen.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import optimize

from analysis.errors import UserError
from analysis.model.units import PAGES_PER_GIB
from analysis.observations.files import NEEDED
from analysis.parameters import PARAMETERS
from analysis.studies.hosts.candidates import FEWEST
from analysis.studies.hosts.host import Estimate, Host

BARE_LINK: dict[str, Any] = {
    "header_bytes": 0.0,
    "frame_overhead_bytes": 0.0,
    "stream_limit_gbps": 1e6,
    "receive_buffers": 1e6,
    "send_buffers": 1e6,
    "socket_buffer_kib": 1e6,
}
"""A link of which only the rate that was reached is known."""
SPARE_CORES = 4.0
NEAR_LINE = 0.9
"""A rate below this share of the line's was held by something else."""
COMPRESSED = 1.02
"""More bytes of memory than this for each byte sent, and it was compressed."""
ENOUGH = 1e6
"""Compression [GiB/s] that no link waits for: what was compressed tells the ratio that was reached, with
whatever the cores could not do already in it."""
LEAST, FASTEST = 1e-2, 1e9
"""Page writes per second between which the guest's are sought."""
FEW_PAGES = 20.0
"""Added to both counts of dirty pages before their ratio is taken: fewer than this is chance."""


def explained(row: pd.Series, passes: pd.DataFrame) -> tuple[dict[str, Any], Host]:
    """A migration as a scenario, and a host with the scatter of its own passes.

    ``row``: its measurements and what is known of it by the parameters' names. ``passes``: its looks at the
    dirty pages. Raises UserError where they tell too little.
    """
    _enough(row, passes)
    writes, host = _writes(passes, row.memory_gib * PAGES_PER_GIB)
    link = _link(row)
    known = {name: row[name] for name in NEEDED if row.get(name, np.nan) == row.get(name, np.nan)}
    # What is sent beside the pages, and what comes before them, is in the times and bytes that were seen.
    rest: dict[str, Any] = {"resident_share": _content(row, passes), "setup_s": 0.0, "state_mib": 0.1}
    rest |= {"write_pattern": "uniform", "handoff_ms": _handoff_ms(row, passes)}
    return {"migration": row.migration} | writes | rest | known | link | _end(row, passes), host


def reached_gbps(row: pd.Series) -> float:
    """The throughput that was reached: as recorded, else the bytes sent over the total time."""
    told = row.get("measured_throughput_gbps", np.nan)
    sent = row.get("measured_stream_gib", np.nan) * 8 * 2**30 / 1e9
    return float(told if told > 0 else sent / row.measured_total_s)


def only_reached(row: pd.Series) -> bool:
    """True where nothing tells the link's rate, so that the rate that was reached stands for it."""
    return not row.get("bandwidth_gbps", np.nan) > 0


def held_below(row: pd.Series) -> bool:
    """True where the link was not filled: which ceiling held it the recording does not tell."""
    return bool(reached_gbps(row) < NEAR_LINE * row.get("bandwidth_gbps", np.nan))


def remark(row: pd.Series) -> str:
    """What the scenario of a migration takes for granted of its link; empty where nothing."""
    if only_reached(row):
        reached = f"{reached_gbps(row):.3g} Gbit/s"
        return (
            f"{row.migration}: nothing tells the link's rate, so the {reached} that were reached stand for "
            "it; what held them there is not told (line_rate_gbps says what the link carries)"
        )
    if held_below(row):
        rates = f"{reached_gbps(row):.3g} of the link's {row.bandwidth_gbps:.3g} Gbit/s"
        return (
            f"{row.migration} reached {rates}: what held it is not recorded, and it is taken for the ceiling "
            "of one connection"
        )
    return ""


def lacking(row: pd.Series, passes: pd.DataFrame) -> list[str]:
    """What is not told of a migration that would explain it, a sentence each: memory, rate, writes."""
    lacks = []
    if not row.get("memory_gib", np.nan) > 0:
        lacks.append("how much memory the machine has is not recorded; give it as memory_gib")
    if not reached_gbps(row) > 0:
        lacks.append(
            "neither the bytes sent nor the throughput is recorded, so what the link gave "
            f"cannot be told; {FEWEST} migrations or more with {', '.join(NEEDED)} can be calibrated without"
        )
    if passes.dirtied_pages.iloc[1:].isna().all() and not row.get("dirty_pages_per_s", np.nan) >= 0:
        lacks.append("pages that became dirty are not recorded; give dirty_pages_per_s in a table")
    return lacks


def _enough(row: pd.Series, passes: pd.DataFrame) -> None:
    """UserError where memory, rate or writes of a migration are told by nothing."""
    if lacks := lacking(row, passes):
        raise UserError(f"{row.migration}: {'; '.join(lacks)}")


def _link(row: pd.Series) -> dict[str, Any]:
    """The link and the transport; compression with the ratio that was reached."""
    link: dict[str, Any] = {"bandwidth_gbps": row.get("bandwidth_gbps")}
    if only_reached(row):
        link = BARE_LINK | {"bandwidth_gbps": reached_gbps(row)}
    elif held_below(row):
        link |= BARE_LINK | {"stream_limit_gbps": reached_gbps(row)}
    ratio = compression(row)
    if ratio > 1:
        cores = {"spare_cores": SPARE_CORES, "compress_gib_per_s_per_core": ENOUGH, "compressor_waits": "no"}
        return link | {"transport": "compression", "compression_ratio": ratio} | cores
    smb = row.get("transport") == "smb" and not only_reached(row)
    return link | ({"transport": "smb"} if smb else {})


def compression(row: pd.Series) -> float:
    """Bytes of memory per byte sent, by bytes or pages before and after; 1 where neither was recorded."""
    sent = row.get("measured_stream_gib", np.nan)
    compressed = row.get("measured_compressed_gib", np.nan)
    memory = sent - compressed + row.get("measured_before_compression_gib", np.nan)
    if np.isnan(memory):
        memory = row.get("measured_content_pages", np.nan) / PAGES_PER_GIB
    return float(memory / sent) if memory > COMPRESSED * sent > 0 else 1.0


def _content(row: pd.Series, passes: pd.DataFrame) -> float:
    """Share of the memory that was sent in the first pass: all that was sent, less what was dirty again."""
    memory = row.get("measured_stream_gib", np.nan) * compression(row)
    again = passes.dirtied_pages.sum() / PAGES_PER_GIB
    return float(np.clip((memory - again) / row.memory_gib, 0.01, 1.0)) if memory == memory else 1.0


def _end(row: pd.Series, passes: pd.DataFrame) -> dict[str, Any]:
    """When this host ends pre-copy, as far as the migration shows it beyond the rule of its hypervisor."""
    rule = row.get("stop_rule", np.nan)
    named: dict[str, Any] = {"stop_rule": rule} if isinstance(rule, str) else {}
    pause = row.get("measured_blackout_s", np.nan)
    if not pause > 0:
        return named
    if rule == "qemu":
        # It stopped when what was left would take no longer than it allowed: at least the pause itself.
        return named | {"blackout_target_ms": 1000 * pause}
    looks = passes[passes.dirtied_pages.notna()]
    if len(looks) and looks.dirtied_pages.iloc[-1] > 0 and looks.pass_number.iloc[-1] >= 1:
        # Pages were left, so it was the number of passes that ended it, whatever that number is elsewhere.
        return named | {"pass_limit": float(looks.pass_number.iloc[-1])}
    return named


def _handoff_ms(row: pd.Series, passes: pd.DataFrame) -> float:
    """What of the pause sending the last dirty pages does not explain."""
    pause = row.get("measured_blackout_s", np.nan)
    if np.isnan(pause):
        return float(PARAMETERS["handoff_ms"].default)
    left = passes.dirtied_pages.dropna().iloc[-1] if passes.dirtied_pages.notna().any() else 0.0
    rate = reached_gbps(row) * compression(row)
    return float(max(1000 * pause - left * 4096 * 8e-6 / rate, 0.0))


def _writes(passes: pd.DataFrame, memory: float) -> tuple[dict[str, float], Host]:
    """Rate and working set of uniform writes that leave what each pass left, with 90 % intervals.

    ``memory`` [pages]: what the guest has to write to.
    """
    took, left = passes.duration_s.to_numpy()[:-1], passes.dirtied_pages.to_numpy()[1:]
    usable = np.isfinite(took) & np.isfinite(left) & (took > 0) & (left > 0)
    if usable.sum() < 2:
        known = np.isfinite(took) & np.isfinite(left)
        rate = float(left[known].sum() / max(took[known].sum(), 1e-9)) if known.any() else 0.0
        return {"dirty_pages_per_s": rate}, Host(name="one migration")
    found, spread = _least(took[usable], left[usable], memory)
    names = ("dirty_pages_per_s", "working_set_gib")
    values = np.exp(found) / np.array([1.0, PAGES_PER_GIB])
    wide = np.exp(1.645 * np.minimum(spread, 1.0))
    scales = tuple(Estimate(n, 1.0, float(1 / w), float(w)) for n, w in zip(names, wide, strict=True))
    return dict(zip(names, values.tolist(), strict=True)), Host(name="one migration", scales=scales)


def _least(took: np.ndarray, left: np.ndarray, memory: float) -> tuple[np.ndarray, np.ndarray]:
    """Logarithms of rate and working set, and their standard deviations."""

    def off(x: np.ndarray) -> np.ndarray:
        rate, pages = np.exp(x)
        ratio: NDArray[np.float64] = (-pages * np.expm1(-rate * took / pages) + FEW_PAGES) / (
            left + FEW_PAGES
        )
        return np.log(ratio)

    low, high = np.log([[LEAST, 1.0], [FASTEST, max(memory, 2.0)]])
    start = np.log([(left / took).max(), 1.5 * left.max()]).clip(low + 0.01, high - 0.01)
    found = optimize.least_squares(off, start, bounds=(low, high), loss="soft_l1")
    variance = max((found.fun**2).sum() / max(len(took) - 2, 1), 1e-4)
    slopes = np.asarray(found.jac)
    covariance = variance * np.linalg.pinv(slopes.T @ slopes)
    return found.x, np.sqrt(np.diag(covariance))
