"""A calibrated host for a person: each estimate with its interval and unit, and what stays at its default."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from analysis.observations import files
from analysis.parameters import PARAMETERS
from analysis.studies.hosts.candidates import CANDIDATES, Candidate
from analysis.studies.hosts.host import Estimate, Host
from analysis.studies.validation.laboratory import percent

DATA, DEFAULT = "the data", "default"
"""What decided a value."""
SCATTER = "one standard deviation from one migration to the next, of what nobody knows beforehand:"


def measured(paths: Sequence[Path], *, accept_units: bool = False) -> files.Measured:
    """The migrations of some files, and what their readers noticed."""
    return files.read_measured(list(paths), accept_units=accept_units)


def calibrated(found: files.Measured, name: str, *, correct: bool = False) -> Host:
    """A host calibrated to migrations."""
    from analysis.studies.hosts.calibration import calibrate

    return calibrate(found.migrations, measured_passes=found.passes, name=name, learn_correction=correct)


def host_table_text(host: Host) -> str:
    """The host's estimates as a table, how much migrations scatter, and how right it is on held-out ones."""
    head = f"{host.name}, calibrated to {host.migrations} migrations; intervals hold 90 %:"
    parts = [head, _text(_table(host)), *_scatter_text(host), *_held_out_text(host)]
    return "\n\n".join(parts)


def _text(table: pd.DataFrame) -> str:
    padded = {str(n): table[n].str.ljust(table[n].str.len().max()) for n in table}
    return table.assign(**padded).to_string(index=False, justify="left")


def _scatter_text(host: Host) -> list[str]:
    """A sentence and a table: what scatters from one migration to the next, and among repeats of one."""
    rows = _scattered(host.scatter)
    if not rows:
        return []
    told = pd.DataFrame({"what scatters": list(rows), "of all migrations": list(rows.values())})
    if again := _scattered(host.repeats):
        told["of repeats of one"] = [again.get(name, "-") for name in rows]
    return [SCATTER, _text(told)]


def _held_out_text(host: Host) -> list[str]:
    """A sentence on how right the host is on migrations that it did not see."""
    if not host.held_out:
        return []
    time, pause = host.held_out["total_s"], host.held_out.get("blackout_s")
    said = (
        f"each predicted by a fit without it and its repeats, {time['rows']} migrations: time off by "
        f"{percent(time['median'])} in the median, {percent(time['p90'])} at the 90th percentile"
    )
    if pause:
        said += f"; downtime by {1000 * pause['median']:.0f} and {1000 * pause['p90']:.0f} ms"
    return [said]


def _scattered(scatter: Mapping[str, Any]) -> dict[str, str]:
    """What scatters, and how much, in words: memory, writes, and durations and pauses by what binds."""
    found = {}
    if "extra_resident_mib" in scatter:
        found["memory sent beside what is known"] = f"{scatter['extra_resident_mib']:.2g} MiB"
    if "dirty_pages_per_s" in scatter:
        found["the guest's writes"] = percent(scatter["dirty_pages_per_s"])
    for kind, size in scatter.get("time", {}).items():
        found[f"all durations, bound by {kind.replace('_', ' ')}"] = percent(size)
    for kind, size in scatter.get("blackout_s", {}).items():
        found[f"the pause, bound by {kind.replace('_', ' ')}"] = f"{1000 * size:.2g} ms"
    return found


def _table(host: Host) -> pd.DataFrame:
    """A row a parameter or factor: estimate, interval, unit, and whether the data or a default decided it."""
    told = [_estimated(e, factor=False) for e in host.parameters]
    told += [_estimated(e, factor=True) for e in host.scales]
    known = {e.name for e in host.estimates}
    # The content is one that most tables tell, and then no default.
    told += [_left(c) for c in CANDIDATES if c.name not in known | {"resident_share"}]
    return pd.DataFrame(told, columns=["parameter", "estimate", "90 % interval", "unit", "decided by"])


def _estimated(e: Estimate, *, factor: bool) -> tuple[str, ...]:
    interval = f"{e.low:.4g} to {e.high:.4g}"
    # A factor on a working set that was not known is a share of the guest's content.
    unit = ("share of content" if e.share_of else "times") if factor else PARAMETERS[e.name].unit
    name = f"{e.name} ({e.of})" if e.of else e.name
    return name, f"{e.value:.4g}", interval, unit, DATA


def _left(candidate: Candidate) -> tuple[str, ...]:
    """A quantity that the rows do not decide: a parameter at its default, a factor at 1."""
    value = 1.0 if candidate.scale else float(PARAMETERS[candidate.name].default)
    unit = "times" if candidate.scale else PARAMETERS[candidate.name].unit
    return candidate.name, f"{value:.4g}", "-", unit, DEFAULT
