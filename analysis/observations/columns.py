"""Columns of a reader's own tables that are nearly the study's: by name, and by the unit they seem to have.

A column with another unit is a question and never a guess: 8192 may be MiB or MB, and a default in its place
would be worse than either.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Mapping, Sequence

from analysis.parameters import PARAMETERS, nearest

CLOSE = 0.88
"""Names closer than this are the same name misspelt."""
UNITS = {
    "b": "bytes", "bytes": "bytes", "byte": "bytes", "kb": "kB", "kib": "KiB", "mb": "MB", "mib": "MiB",
    "gb": "GB", "gib": "GiB", "tb": "TB", "tib": "TiB", "ms": "ms", "s": "s", "sec": "s", "secs": "s",
    "seconds": "s", "min": "min", "mins": "min", "minutes": "min", "h": "h", "hours": "h", "us": "us",
    "kbps": "kbit/s", "mbps": "Mbit/s", "gbps": "Gbit/s", "kbit": "kbit", "mbit": "Mbit", "gbit": "Gbit",
    "pages": "pages", "percent": "%", "pct": "%", "share": "share",
}  # fmt: skip
"""Words at the end of a name that say a unit."""
STEMS = {
    "memory_gib": "memory mem ram vm_memory vm_ram memory_size ram_size assigned_memory memory_assigned "
    "guest_memory memory_total total_memory",
    "bandwidth_gbps": "bandwidth link link_speed link_rate line line_rate network_speed nic_speed speed nic "
    "net network_bandwidth link_bandwidth network_rate",
    "dirty_pages_per_s": "dirty dirty_rate dirty_page_rate dirty_pages_rate dirty_pages dirty_page dirtied "
    "write_rate writes page_writes page_write_rate",
    "working_set_gib": "working_set workingset wss wws",
    "total_time_s": "total_time time_total total duration elapsed time migration_time total_duration "
    "elapsed_time measured_total",
    "downtime_s": "downtime down_time blackout blackout_time pause pause_time freeze measured_blackout",
    "transferred_bytes": "transferred transferred_ram data_transferred sent data_sent ram_transferred "
    "measured_stream bytes",
}
"""What the columns of which figures depend on are called elsewhere, without their unit."""
MEASURED_UNITS = {"total_time_s": "s", "downtime_s": "s", "transferred_bytes": "bytes"}


def wanted_in(name: str) -> str:
    """The unit in which the study wants a column."""
    unit = MEASURED_UNITS.get(name) or (PARAMETERS[name].unit if name in PARAMETERS else "")
    return unit or UNITS.get(words_of(name)[-1], "")


def words_of(name: str) -> list[str]:
    """The words of a name: ``MemoryMB``, ``memory [MB]`` and ``memory_mb`` have the same."""
    apart = re.sub(r"([a-z0-9])([KMGT]i?[Bb](?:ps|it)?)(?![a-z])", r"\1_\2", name.strip())
    words = [word for word in re.split(r"[^A-Za-z0-9]+", apart) if word]
    return [
        part.lower()
        for word in words
        for part in (
            [word] if word.lower() in UNITS else re.sub(r"([a-z0-9])([A-Z])", r"\1 \2", word).split()
        )
    ]


def stem_and_unit(name: str) -> tuple[str, str]:
    """A name without its unit, and the unit as it is usually written; empty where it has none.

    >>> [stem_and_unit(n) for n in ("memory_mb", "Link Gbps", "dirty_rate", "memory_gib [GiB]")]
    [('memory', 'MB'), ('link', 'Gbit/s'), ('dirty_rate', ''), ('memory', 'GiB')]
    """
    words = words_of(name)
    units: list[str] = []
    while words and (words[-1] in UNITS or words[-1] in ("per", "in")) and len(words) > 1:
        word = words.pop()
        units.insert(0, UNITS.get(word, "/" if word == "per" else ""))
    told = "".join(units) if "/" in units else next((u for u in units if u), "")
    return "_".join(words), told


def alike(name: str, known: Sequence[str], given: Collection[str]) -> str:
    """The column of ours that a column is nearly; empty where none is near or ``given`` has it already.

    A column that is one of ours by its stem counts where it has a unit, or where a figure depends on it.
    """
    near = nearest("_".join(name.lower().split()), known, CLOSE)
    stem, unit = stem_and_unit(name)
    for ours, stems in STEMS.items():
        depends = ours in NEEDED or ours == "total_time_s" or unit
        if ours not in given and depends and (stem in stems.split() or stem == stem_and_unit(ours)[0]):
            return ours
    return near


NEEDED = ("memory_gib", "bandwidth_gbps", "dirty_pages_per_s")
"""What must be known of a migration before the model can be set beside it."""


FACTORS = {
    "gbps": {"kbit/s": 1e-6, "Mbit/s": 1e-3, "Gbit/s": 1.0, "MiB/s": 2.0**23 / 1e9, "GiB/s": 2.0**33 / 1e9},
    "gib": {"bytes": 2.0**-30, "KiB": 2.0**-20, "MiB": 2.0**-10, "GiB": 1.0, "TiB": 1024.0},
    "s": {"us": 1e-6, "ms": 1e-3, "s": 1.0, "min": 60.0, "h": 3600.0},
    "bytes": {"bytes": 1.0, "KiB": 2.0**10, "MiB": 2.0**20, "GiB": 2.0**30, "TiB": 2.0**40},
    "share": {"%": 0.01, "share": 1.0},
}
"""What one of a unit is in the unit of a name of ours; MB and GB mean two things and stay a question."""


def factor(name: str, ours: str) -> float:
    """What one in a column's own unit is in the unit of ours; NaN where that is not known for certain.

    >>> [factor(n, o) for n, o in (("bandwidth_mbps", "bandwidth_gbps"), ("ram_mb", "memory_gib"))]
    [0.001, nan]
    """
    return FACTORS.get(words_of(ours)[-1], {}).get(stem_and_unit(name)[1], math.nan)


def question(path: object, found: dict[str, str], row: Mapping[str, str] | None = None) -> str:
    """The sentence that asks whether columns are ours: the nearest name, and the unit it is wanted in.

    ``row``: the cells of a row, to say what one of them would be in the unit that is wanted.
    """
    row = row or {}
    (name, ours), *others = found.items()
    told = f"{path} has a column {name!r}, which is no parameter or measurement; did you mean {ours!r}?"
    told += f" {_unit(name, ours, row.get(name, ''))}"
    for name, ours in others:
        told += f"; {name!r}: did you mean {ours!r}? {_unit(name, ours, row.get(name, ''))}"
    return told


def _unit(name: str, ours: str, cell: str = "") -> str:
    unit, wanted = stem_and_unit(name)[1], wanted_in(ours)
    if unit and unit != wanted:
        told = f"The unit differs: {ours} is wanted in {wanted}, and {name!r} seems to be in {unit}"
        one = factor(name, ours)
        try:
            value = float(cell.replace(",", "."))
        except ValueError:
            value = 1000.0
        meant = f", so that {value:g} would be {value * one:g} {wanted} (--accept-units takes it so)"
        return told if math.isnan(one) else told + meant
    return f"It is wanted in {wanted}" if wanted else "It has no unit"


def missing(path: object, names: Sequence[str]) -> str:
    """The sentence for columns that a figure depends on and that are not there."""
    told = "; ".join(f"{n}: {PARAMETERS[n].meaning} [{PARAMETERS[n].unit}]" for n in names)
    return f"{path} has no column {', '.join(names)}, and every figure depends on it ({told})"
