"""Names of the counters of a live migration, and one migration while its rows go by."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from analysis.observations.record import SAMPLE_COLUMNS, Notes

KIND = "performance counters"
STOP_RULE = "hyperv"
"""Who writes these counters; an older Windows, whose passes end otherwise, the reader has to name."""
SET = "hyper-v vm live migration"
SUFFIX = ":vm live migration"
PASS, DIRTY, DARK = "transfer pass: number", "transfer pass: dirty page count", "transfer pass: is blackout"
BEFORE = "memory walker: bytes sent for compression"
AFTER = "compressor: compressed bytes sent"
PLAIN = "memory walker: uncompressed bytes sent"
SMB = "smb transport: bytes sent"
TCP_RATE, SMB_RATE = "tcp transport: bytes sent/sec", "smb transport: bytes sent/sec"
POSTED, BUFFERS = "tcp transport: posted receive buffer count", "tcp transport: total buffer count"
OF_MIGRATION = (PASS, DIRTY, DARK, BEFORE, AFTER, PLAIN, SMB, TCP_RATE, SMB_RATE, POSTED, BUFFERS)
SUM_OF_ALL = "_total"
"""The instance that is the sum of all others."""
ADAPTERS = ("network adapter", "network interface")
LOST = {"packets received discarded": "discarded_received_packets",
        "packets outbound discarded": "discarded_sent_packets"}  # fmt: skip
TOTALS = (BEFORE, AFTER, PLAIN, SMB)
"""Counters that add up."""
MOST_SAMPLES = 100_000
"""Samples that are kept; of a longer recording every second, fourth, ... one."""
GIB, PAGE = 2.0**30, 4096
MOST_PASSES = 1_000_000
"""A number of a pass beyond which it is none."""
SAMPLE_NAMES = {PASS: "pass_number", DIRTY: "dirty_pages", DARK: "is_blackout",
                BEFORE: "before_compression_gib", AFTER: "compressed_gib", PLAIN: "uncompressed_gib",
                TCP_RATE: "throughput_gbps", POSTED: "posted_receive_buffers"}  # fmt: skip
IN_UNIT = {BEFORE: GIB, AFTER: GIB, PLAIN: GIB, TCP_RATE: 1e9 / 8}
SAMPLE_TABLE = (*SAMPLE_COLUMNS[:2], *SAMPLE_NAMES.values(), *SAMPLE_COLUMNS[2:])


@dataclass
class Migration:
    """One migration while its rows go by."""

    vm: str
    line: int
    start: float
    last: float
    end: float = math.nan
    looks: list[dict[str, Any]] = field(default_factory=list)
    dark: float = math.nan
    running: int = MOST_PASSES
    base: dict[str, float] = field(default_factory=dict)
    latest: dict[str, float] = field(default_factory=dict)
    integral: float = 0.0
    least_posted: float = math.inf
    lost: dict[str, float] = field(default_factory=dict)
    clock_holds: bool = True
    falls: int = 0
    interval: float = 0.0
    end_seen: bool = False
    start_seen: bool = True
    given_up: bool = False

    @property
    def whole(self) -> bool:
        """True where begin and end were recorded, by a clock that went forwards."""
        return self.start_seen and self.end_seen and self.clock_holds


class Samples:
    """Samples in bounded memory: every second one goes when there are too many."""

    def __init__(self) -> None:
        self.rows: list[tuple[Any, ...]] = []
        self.step, self.seen = 1, 0

    def add(self, row: tuple[Any, ...]) -> None:
        if self.seen % self.step == 0:
            self.rows.append(row)
        self.seen += 1
        if len(self.rows) > MOST_SAMPLES:
            self.rows, self.step = self.rows[::2], self.step * 2


class Recording:
    """What one file held: the migrations that are done, samples, and the counters that are there."""

    def __init__(self, path: str | Path, notes: Notes):
        self.file, self.notes = Path(path).name, notes
        self.done: list[Migration] = []
        self.samples = Samples()
        self.known: set[str] = set()
