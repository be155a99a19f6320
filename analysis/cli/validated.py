"""What ``validate`` answers: how far predictions lie from what was measured."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from analysis.cli.written import Figures
from analysis.errors import UserError
from analysis.observations import files, lab, tables, transfers
from analysis.studies.hosts import seen
from analysis.studies.hosts.host import load_host
from analysis.studies.validation.laboratory import laboratory_errors, percent, summary
from analysis.studies.validation.migrations import validate
from analysis.studies.validation.rings import compare_transfers, transfer_errors


def validated(paths: Sequence[Path], host_file: Path | None = None, *, accept_units: bool = False) -> Figures:
    """Error figures of the model on files of migrations, or on one of transfers, recognised by its columns.

    ``in_sample_share``: share of the migrations that the host was calibrated to. ``notes``: what the readers
    noticed.
    """
    path = lab.located(paths[0])
    names = set() if files.is_recorded(path) else set(tables.header(path))
    if set(transfers.COLUMNS) <= names:
        if len(paths) > 1:
            raise UserError(f"{paths[0]} holds measurements of a link, and such a file is validated alone")
        return transfer_errors(compare_transfers(transfers.read_transfers(path))) | {"notes": []}
    found = files.read_measured(list(paths), accept_units=accept_units)
    host = load_host(host_file) if host_file else None
    if set(lab.COLUMNS) <= names and len(paths) == 1:
        host = host or load_host(lab.LABORATORY)
        figures = laboratory_errors(found.migrations, host)
    else:
        figures = validate(found.migrations, host)
    known = seen.share(found.migrations, host.seen) if host else 0.0
    return figures | {"in_sample_share": known, "notes": found.notes}


def validation_text(figures: Figures) -> str:
    """The error table of ``validate`` for a person; first whether it is a test at all."""
    if "throughput" in figures:
        return _transfer_text(figures)
    return "\n\n".join([*_in_sample(figures["in_sample_share"]), _migration_text(figures)])


def _in_sample(share: float) -> list[str]:
    """A sentence where the host was calibrated to the very migrations that are compared.

    >>> _in_sample(0.0), _in_sample(0.253)[0][:47]
    ([], 'In-sample: 25 % of these migrations are those t')
    """
    if not share:
        return []
    which = (
        "these are the very migrations"
        if share == 1
        else f"{100 * share:.0f} % of these migrations are those"
    )
    fits = "the errors say how well it fits, not how well it predicts others"
    return [f"In-sample: {which} that the host was calibrated to; {fits}."]


def _migration_text(figures: Figures) -> str:
    """The error table of migrations."""
    if "plain" not in figures and figures["n"]:
        return "\n".join([summary({"all": figures}).T.to_string(), *_by_method(figures)])
    if not figures["n"]:
        return f"None of the {figures['left_out']} migrations is by a method that the model describes."
    parts = {"plain": figures["plain"], "all": figures, "pre-copy, rate known": figures["given_throughput"]}
    verdicts = pd.DataFrame(figures["convergence"]["table"]).T
    return "\n".join(
        [
            summary(parts).T.to_string(),
            "",
            "plain: pre-copy without other traffic, links up to 1.5 Gbit/s; from the nominal link",
            "all: every migration by a method that the model describes; from the nominal link",
            "pre-copy, rate known: all of method precopy, given the throughput that was reached",
            "completed: those that ended, whose times, bytes and downtimes these are; the verdict is of all",
            "",
            "By method, from the nominal link:",
            summary(figures["by_method"])
            .loc[:, ["migrations", "time median", "time p90", "bytes median"]]
            .to_string(),
            "",
            "Verdict, measured (rows) against predicted (columns), all:",
            verdicts.to_string(),
            *_left_out(figures["left_out"]),
        ]
    )


def _by_method(figures: Figures) -> list[str]:
    """The errors of each method of a table, where it has several; of a table of stop rules, of each rule."""
    if "by_method" not in figures:
        return []
    columns = ("migrations", "time median", "time p90", "downtime median", "downtime p90", "verdict right")
    found = summary(figures["by_method"])
    return ["", "By method:", found[[name for name in columns if name in found]].to_string()]


def _left_out(count: int) -> list[str]:
    return (
        [f"\n{count} migrations by methods that the model does not describe are left out."] if count else []
    )


def _transfer_text(figures: Figures) -> str:
    parts = {"all": figures["throughput"], "below the line": figures["limited"]}
    parts |= figures["throughput"]["by_factor"]
    rows = {name.replace("_", " "): _transfer_cells(part) for name, part in parts.items()}
    head = f"Throughput, predicted beside measured: {figures['n']} configurations, {figures['runs']} runs"
    return f"{head}\n\n{pd.DataFrame(rows).T.to_string()}"


def _transfer_cells(part: Figures) -> dict[str, str]:
    cells = {"configurations": str(part["n"])}
    names = {"median": "median_relative_error", "p90": "p90_relative_error", "bias": "bias"}
    return cells | {name: percent(part[key]) for name, key in names.items()}
