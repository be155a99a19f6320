"""The study's own laboratory: its migrations as scenarios, and what was measured beside them.

The set-up is described in ``data/README.md``: QEMU 7.2 moves a guest between two network
namespaces through a Linux token bucket. What is known of it *before* a migration becomes the
scenario columns; what it turned out to be becomes ``measured_`` columns.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from analysis.observations import possible
from analysis.observations.sources import ROOT
from analysis.observations.sources import located as located
from analysis.observations.tables import header, read_table

DATA = ROOT / "data"
"""The repository's tables of measurements."""

GUEST_MIB = 62.5
"""Memory the guest's kernel and program fill at any size, beside what the program is told to fill."""
GUEST_SHARE = 1 / 64
"""Memory that grows with the guest's: Linux keeps a record of 64 bytes for each page of 4 KiB."""
IDLE_PAGES, TABLE_SHARE = 115.0, 1 / 512
"""Pages that an idle guest writes by and by, and page-table pages for each page of the working set."""
TOP_PAGES = 512.0
"""Content at the top of memory beside the kernel's records of pages."""
TIME_LIMIT_S = 90.0
"""A migration that takes longer was cancelled."""
POLLED_S = 1.0
"""How long after its limit a migration may have ended before anybody looked."""
PATTERNS = {"seq": "sequential"}

COMPRESS_GIB_PER_S = {"compress": 0.033, "multifd-zstd": 0.22, "multifd-zlib": 0.076}
"""Memory of random content that each compressing method works through in a second: one speed a method,
calibrated on its migrations (``calibrate`` finds them again)."""
ZLIB = ("compress", "multifd-zlib")
ZLIB_SAVES, ZLIB_DECAY_PCT = 0.63, 20.0
"""zlib needs up to this share less time for a page that only repeats itself; how fast that fades with the
random share of the page [%]."""
COUNTED_RAW = ("multifd-zstd", "multifd-zlib")
"""Methods whose transferred bytes QEMU counts before compression."""
GUEST_RATIO = 2.4
"""What zlib and zstd at level 1 make of a guest's own memory (data/compression.csv: 2.3 to 2.9)."""
STORED = 0.015
"""Share of a page that is left of it when it holds one repeated byte, headers included."""

LINK: dict[str, float] = {
    "header_bytes": 52.0,  # IPv4, TCP and TCP's time stamps
    "frame_overhead_bytes": 14.0,  # a token bucket counts the Ethernet header and nothing else
    "stream_limit_gbps": 2.1,  # one thread of software emulation: 1.4 to 2.4 (data/README.md)
    "stream_limit_spread": 0.45,  # other work ran on its host
    "send_ahead_mib": 2.4,  # the token bucket's queue and the socket
    "send_buffers": 1e6,  # veth has no rings
    "receive_buffers": 1e6,
    "socket_buffer_kib": 8192.0,
}
FIXED: dict[str, Any] = {
    "setup_s": 0.003,
    "handoff_ms": 1.5,
    "state_mib": 0.1,
    "page_header_bytes": 8.0,
    "zero_page_bytes": 9.0,
    "spare_cores": 1.0,  # one thread or one channel
    "stop_rule": "qemu",
    "idle_dirty_pages_per_s": 40.0,
}

LABORATORY = DATA / "laboratory.yml"
"""This laboratory as a calibrated host: ``python -m analysis calibrate data/migrations.csv`` wrote it."""

COLUMNS = {
    "migration": "text",
    "status": "text",
    "method": "text",
    "write_pattern": "text",
    "memory_mib": "number",
    "filled_mib": "number",
    "working_set_mib": "number",
    "write_rate_pages_per_s": "number",
    "hot_share_of_working_set_pct": "number or empty",
    "writes_to_hot_pct": "number or empty",
    "random_bytes_per_page_pct": "number",
    "zipf_exponent": "number or empty",
    "link_mbit_per_s": "number",
    "downtime_limit_ms": "number",
    "pass_limit": "number",
    "cross_flows": "number",
    "cross_on_s": "number",
    "cross_off_s": "number",
    "total_time_s": "number",
    "downtime_s": "number",
    "pass_limit_reached_s": "number or empty",
    "transferred_bytes": "number",
    "throughput_mbit_per_s": "number",
}
_OF_A_LIMIT = ("method", "downtime_limit_ms", "pass_limit", "cross_flows", "cross_on_s", "cross_off_s",
               "pass_limit_reached_s", "throughput_mbit_per_s")  # fmt: skip
STOP_COLUMNS = {name: kind for name, kind in COLUMNS.items() if name not in _OF_A_LIMIT} | {
    "rule": "text",
    **dict.fromkeys(("processor_share_pct", "ceiling_ms", "steps", "step_every_s", "postcopy_at_s"),
                    "number or empty"),
    "first_limit_ms": "number",
    "highest_throttle_pct": "number or empty",
}  # fmt: skip
"""Columns of ``stops_migrations.csv``: migrations that a rule of their own ends, and no limit on passes."""
BARE_COLUMNS = {"timeout_s": "number", "processor_share_measured_pct": "number or empty"}
"""Columns more of a table that ``data/collect/laboratory`` wrote (``stops_own_migrations.csv``)."""
BARE: dict[str, Any] = {
    "bare_guest": True,
    "extra_resident_mib": 0.0,
    "idle_dirty_pages_per_s": 0.0,
    "idle_working_set_mib": 0.0,
    "top_content_share": 0.0,
}
"""What holds of its guest, a kernel that fills what it is told to and writes nothing beside."""
STOP_RULES = {"fixed": "qemu", "steps": "qemu", "ramp": "kubevirt_ramp", "doubling": "proxmox",
              "autoconverge": "qemu_autoconverge", "postcopy": "qemu_post_copy"}  # fmt: skip
"""Their rules by the study's names; limits and times are those of the row."""
LITTLE_SHARE = 0.02
"""Share of a processor that the guest's writing needs where the table leaves it empty (data/README.md)."""
STATUS = ("completed", "timeout")
"""Words that the collector writes: completed, or cancelled after :data:`TIME_LIMIT_S`."""
MORE_THAN_ZERO = ("memory_mib", "link_mbit_per_s", "pass_limit", "total_time_s", "transferred_bytes",
                  "throughput_mbit_per_s")  # fmt: skip
PASS_COLUMNS = {
    "migration": "text",
    "sync": "number",
    "time_s": "number",
    "seconds_to_next": "number",
    "pages_found_dirty": "number",
}


def read_migrations(path: str | Path = DATA / "migrations.csv") -> pd.DataFrame:
    """Migrations of the laboratory (or any file of that form), one row each.

    Columns: ``migration`` (key), ``group``, ``method``, ``cross_flows``; the scenario in the
    names of the parameters; and ``measured_total_s``, ``measured_blackout_s``,
    ``measured_stream_gib``, ``measured_throughput_gbps``, ``measured_verdict`` (``converged``:
    by QEMU's own rule, ``forced``: by the pass limit, ``never``: cancelled after ``time_limit_s``).
    Raises :class:`~analysis.observations.tables.TableError` for a file of another form.
    """
    if set(STOP_COLUMNS) <= set(header(located(path))):
        return _read_stops(located(path))
    raw = read_table(located(path), COLUMNS)
    _possible(located(path), raw)
    kept = raw[
        [c for c in ("migration", "group", "repeat", "host_load") if c in raw] + ["method", "cross_flows"]
    ]
    found = pd.concat([kept, _scenario(raw), _measured(raw)], axis=1)
    return found.assign(time_limit_s=_time_limit_s(raw))


def _time_limit_s(raw: pd.DataFrame) -> float:
    """When migrations of a table were cancelled; infinite where one ended later, for then none is told."""
    ended = raw.total_time_s[raw.status == "completed"]
    return np.inf if (ended > TIME_LIMIT_S + POLLED_S).any() else TIME_LIMIT_S


def _read_stops(path: Path) -> pd.DataFrame:
    """Migrations that a rule of their own ends; ``method`` is that rule as the table has it."""
    bare = set(BARE_COLUMNS) <= set(header(path))
    raw = read_table(path, STOP_COLUMNS | (BARE_COLUMNS if bare else {}))
    possible.words(path, raw.status, STATUS, exact=True)
    possible.words(path, raw.rule, tuple(STOP_RULES), exact=True)
    possible.positive(path, raw, ("memory_mib", "link_mbit_per_s", "total_time_s", "transferred_bytes"))
    possible.not_longer(path, raw, "downtime_s", "total_time_s")
    raw = raw.assign(
        method="precopy", downtime_limit_ms=raw.first_limit_ms, pass_limit=np.nan,
        pass_limit_reached_s=np.nan,
        cross_flows=0.0, cross_on_s=0.0, cross_off_s=0.0,
        throughput_mbit_per_s=8e-6 * raw.transferred_bytes / raw.total_time_s,
    )  # fmt: skip
    rule = {
        "stop_rule": raw.rule.map(STOP_RULES),
        "last_target_ms": raw.ceiling_ms,
        "target_steps": raw.steps,
        "target_step_s": raw.step_every_s,
        "give_up_after_s": raw.postcopy_at_s,
        "write_processor_share": (raw.processor_share_pct / 100).fillna(LITTLE_SHARE),
    }
    measured = _measured(raw)
    switched = (raw.postcopy_at_s < raw.total_time_s) & (raw.status == "completed")
    measured["measured_verdict"] = measured.measured_verdict.mask(switched, "forced")
    measured["measured_throttle_share"] = raw.highest_throttle_pct / 100
    kept = raw[["migration", "group", "host_load"]].assign(method=raw.rule, cross_flows=0.0)
    found = pd.concat([kept, _scenario(raw).assign(**rule), measured], axis=1)
    return _bare(found, raw) if bare else found.assign(time_limit_s=TIME_LIMIT_S)


def _bare(table: pd.DataFrame, raw: pd.DataFrame) -> pd.DataFrame:
    """The same of a guest without an operating system, which has the processor share that was measured."""
    return table.assign(
        **BARE,
        resident_share=(raw.filled_mib / raw.memory_mib).clip(upper=1),
        write_processor_share=(raw.processor_share_measured_pct / 100).fillna(table.write_processor_share),
        time_limit_s=raw.timeout_s,
    )


def read_passes(path: str | Path = DATA / "passes.csv") -> pd.DataFrame:
    """Synchronisations of the dirty bitmap, one row each.

    Columns: ``migration``, ``pass_number`` (0: the start, when everything is to be sent),
    ``time_s`` since the start, ``duration_s`` to the next, ``dirtied_pages`` found at this one.
    """
    raw = read_table(located(path), PASS_COLUMNS)
    possible.positive(
        located(path), raw, ("sync", "time_s", "seconds_to_next", "pages_found_dirty"), may_be_zero=True
    )
    names = {"sync": "pass_number", "seconds_to_next": "duration_s", "pages_found_dirty": "dirtied_pages"}
    return raw.rename(columns=names)[["migration", "pass_number", "time_s", "duration_s", "dirtied_pages"]]


def _possible(path: Path, raw: pd.DataFrame) -> None:
    """TableError for a figure that cannot be, and for a status that the collector does not write."""
    possible.words(path, raw.status, STATUS, exact=True)
    possible.positive(path, raw, MORE_THAN_ZERO)
    others = [n for n, kind in COLUMNS.items() if kind != "text" and n not in MORE_THAN_ZERO]
    possible.positive(path, raw, others, may_be_zero=True)
    possible.not_longer(path, raw, "downtime_s", "total_time_s")
    bits = (8 * raw.transferred_bytes).mask(raw.method.isin(COUNTED_RAW))
    possible.carried(path, bits, raw.link_mbit_per_s / 1000, raw.total_time_s, "transferred_bytes")


def _scenario(raw: pd.DataFrame) -> pd.DataFrame:
    """What was known before the migration, in the names of the parameters."""
    guest = GUEST_MIB + GUEST_SHARE * raw.memory_mib
    share = _other_traffic(raw)
    columns = {
        "memory_gib": raw.memory_mib / 1024,
        "resident_share": (raw.filled_mib / raw.memory_mib + GUEST_SHARE).clip(upper=1),
        "extra_resident_mib": GUEST_MIB,
        "dirty_pages_per_s": raw.write_rate_pages_per_s,
        "working_set_gib": raw.working_set_mib / 1024,
        "write_pattern": raw.write_pattern.replace(PATTERNS),
        "hot_page_share": (raw.hot_share_of_working_set_pct / 100).fillna(0.1),
        "hot_write_share": (raw.writes_to_hot_pct / 100).fillna(0.9),
        "zipf_exponent": raw.zipf_exponent.fillna(1.0),
        "bandwidth_gbps": raw.link_mbit_per_s / 1000,
        "network": np.where(share > 0, "shared", "dedicated"),
        "background_share": share,
        "pass_limit": raw.pass_limit,
        "blackout_target_ms": raw.downtime_limit_ms,
        "transport": np.where(raw.method.isin(COMPRESS_GIB_PER_S), "compression", "tcpip"),
        "compression_ratio": _ratio(raw, guest),
        "compress_gib_per_s_per_core": raw.method.map(COMPRESS_GIB_PER_S).fillna(1.0) * _ease(raw),
        "compressor_waits": np.where(raw.method == "compress", "in_turn", "yes"),
        "idle_working_set_mib": (IDLE_PAGES + TABLE_SHARE * raw.working_set_mib * 256) / 256,
        "top_content_share": GUEST_SHARE + TOP_PAGES / (raw.memory_mib * 256),
    }
    return pd.DataFrame(columns, index=raw.index).assign(**LINK, **FIXED)


def _ratio(raw: pd.DataFrame, guest: pd.Series) -> pd.Series:
    """Compression ratio of all memory sent: random bytes stay, repeated ones vanish, the guest's shrinks."""
    left = raw.random_bytes_per_page_pct / 100 + STORED
    return ((raw.filled_mib + guest) / (raw.filled_mib * left + guest / GUEST_RATIO)).clip(lower=1)


def _ease(raw: pd.DataFrame) -> np.ndarray:
    """How much faster zlib is on pages that repeat themselves than on random ones."""
    eased = 1 / (1 - ZLIB_SAVES * np.exp(-raw.random_bytes_per_page_pct / ZLIB_DECAY_PCT))
    return np.where(raw.method.isin(ZLIB), eased, 1.0)


def _other_traffic(raw: pd.DataFrame) -> pd.Series:
    """Mean share that other flows take when all flows on the link share it fairly.

    Each flow is on for a share ``on / (on + off)`` of the time; with k on, a migration gets
    1 / (1 + k). For independent flows the mean of that is (1 - (1 - p)**(n + 1)) / ((n + 1) p).
    """
    flows, whole = raw.cross_flows, raw.cross_off_s <= 0
    on = np.where(whole, 1.0, raw.cross_on_s / (raw.cross_on_s + raw.cross_off_s).where(~whole, 1.0))
    shared: pd.Series = 1 - (1 - (1 - on) ** (flows + 1)) / ((flows + 1) * on)
    return shared


def _measured(raw: pd.DataFrame) -> pd.DataFrame:
    verdict = np.select(
        [raw.status != "completed", raw.pass_limit_reached_s.notna()], ["never", "forced"], "converged"
    )
    columns = {
        "measured_total_s": raw.total_time_s,
        "measured_blackout_s": raw.downtime_s,
        "measured_stream_gib": raw.transferred_bytes / 2**30,
        "measured_throughput_gbps": raw.throughput_mbit_per_s / 1000,
        "measured_verdict": verdict,
    }
    return pd.DataFrame(columns, index=raw.index)
