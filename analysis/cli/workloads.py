"""The workloads that a calibrated host tells apart, by the names that a person gives."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from analysis.errors import UserError
from analysis.parameters import nearest

if TYPE_CHECKING:
    import pandas as pd

    from analysis.studies.hosts.host import Host

NO_HOST = "--workload names a workload of a calibrated host: give its file with --host"


def of_workloads(table: pd.DataFrame, host: Host, text: str) -> pd.DataFrame:
    """Every scenario with each of the workloads that a text names, commas between; UserError for another."""
    met = {e.of for e in host.estimates if e.label == "workload"}
    # A workload may have a comma in its own name.
    names = [text] if text in met else [part.strip() for part in text.split(",")]
    if "" in names:
        raise UserError(f"--workload {text!r} names no workload: give a name, or leave it out")
    import pandas as pd

    parts = [table.assign(workload=known_workload(host, name)) for name in names]
    return pd.concat(parts, ignore_index=True)


def one_workload(name: str | None, host_file: Path | None) -> str:
    """A workload of a host's file, or an empty text for none; UserError without a host, and for another."""
    if name is None:
        return ""
    if host_file is None:
        raise UserError(NO_HOST)
    from analysis.studies.hosts.host import load_host

    return known_workload(load_host(host_file), name)


def known_workload(host: Host, name: str) -> str:
    """A workload that a host was calibrated to; UserError with those that there are for another."""
    met = sorted({e.of for e in host.estimates if e.label == "workload"})
    if name in met:
        return name
    if not met:
        raise UserError(f"the host {host.name!r} does not tell workloads apart; leave --workload out")
    near = nearest(name, met)
    hint = f"; did you mean {near!r}?" if near else ";"
    raise UserError(f"the host {host.name!r} knows no workload {name!r}{hint} It knows {', '.join(met)}")
