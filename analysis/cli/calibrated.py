"""A calibrated host for a person: each estimate with its interval and unit, and what stays at its default."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from analysis.observations import files
from analysis.parameters import PARAMETERS
from analysis.studies.hosts.candidates import CANDIDATES, Candidate
from analysis.studies.hosts.host import Estimate, Host

DATA, DEFAULT = "the data", "default"
"""What decided a value."""


def measured(paths: Sequence[Path], *, accept_units: bool = False) -> files.Measured:
    """The migrations of some files, and what their readers noticed."""
    return files.read_measured(list(paths), accept_units=accept_units)


def calibrated(found: files.Measured, name: str, *, correct: bool = False) -> Host:
    """A host calibrated to migrations."""
    from analysis.studies.hosts.calibration import calibrate

    return calibrate(found.migrations, measured_passes=found.passes, name=name, learn_correction=correct)


def host_table_text(host: Host) -> str:
    """The host's estimates as a table, and a line on how to keep it."""
    head = f"{host.name}, calibrated to {host.migrations} migrations; intervals hold 90 %:"
    return f"{head}\n\n{_table(host).to_string(index=False, justify='left')}"


def _table(host: Host) -> pd.DataFrame:
    """A row a parameter or factor: estimate, interval, unit, and whether the data or a default decided it."""
    told = [_estimated(e, factor=False) for e in host.parameters]
    told += [_estimated(e, factor=True) for e in host.scales]
    known = {e.name for e in host.estimates}
    told += [_left(c) for c in CANDIDATES if c.name not in known]
    rows = pd.DataFrame(told, columns=["parameter", "estimate", "90 % interval", "unit", "decided by"])
    return rows.assign(**{str(n): rows[n].str.ljust(rows[n].str.len().max()) for n in rows})


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
