"""What the verbs of the command line answer: figures, as readable text or as JSON."""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeAlias, cast

import numpy as np
import pandas as pd

from analysis import presets
from analysis.cli.options import scenarios
from analysis.errors import UserError
from analysis.model.migration import migrate
from analysis.observations import files, lab, tables, transfers
from analysis.observations.record import Record
from analysis.parameters import OUTCOMES, PARAMETERS, defaults, nearest
from analysis.studies.decisions import clients
from analysis.studies.hosts import seen
from analysis.studies.hosts.conformal import LEVELS
from analysis.studies.hosts.host import Host, computed_with, load_host, on
from analysis.studies.hosts.prediction import INTERVALS, predict
from analysis.studies.sweeps.sweep import Swept
from analysis.studies.validation.laboratory import laboratory_errors, percent, summary
from analysis.studies.validation.migrations import validate
from analysis.studies.validation.rings import compare_transfers, transfer_errors

Figures: TypeAlias = dict[str, Any]
"""Figures by name, as JSON shows them: numbers, names, lists and tables of them."""

VERSION = 1
"""Of the JSON of a record, a drain and a running migration: counted up where a field changes its meaning."""
NO_HOST = "--workload names a workload of a calibrated host: give its file with --host"
OBSERVED_ROWS = 20
"""Rows of a table that ``observe`` shows a person."""


def predicted(
    options: dict[str, str | None],
    host_file: Path | None = None,
    preset: str | None = None,
    workload: str | None = None,
    relearn_ms: float | str = clients.RELEARN_MS,
) -> list[Figures]:
    """One row a scenario: every parameter and outcome by its name, with intervals on a calibrated host.

    Beside them what a client feels (``clients.COLUMNS``); ``relearn_ms``: how long the network needs to learn
    where the machine is.

    ``preset`` names a version of Windows Server whose defaults hold where no option says otherwise; each row
    then has two fields more: its name, and what it set there. ``workload``: one of those that the host knows
    apart, or several with commas between. UserError for another, for none, or without a host.
    """
    columns = scenarios(options)
    given = tuple(columns)
    if preset:
        rows = len(next(iter(columns.values()), [None]))
        columns = {name: [value] * rows for name, value in on("", {}, preset).items()} | columns
    table = pd.DataFrame(columns) if columns else pd.DataFrame(index=range(1))
    if host_file is None:
        if workload is not None:
            raise UserError(NO_HOST)
        table, more = migrate(table), []
    else:
        host = load_host(host_file)
        known = table if workload is None else of_workloads(table, host, workload)
        table = predict(known, host, given=given)
        more = [*_interval_columns(), "converge_chance", *([] if workload is None else ["workload"])]
    missing = {name: value for name, value in defaults().items() if name not in table}
    made, told = computed_with(table), clients.felt(table, relearn_ms)
    felt = [name for name in told if name not in table]
    shown = told.assign(**missing, **made)[[*PARAMETERS, *OUTCOMES, *felt, *more, *made]]
    made_rows = cast(list[Figures], shown.to_dict("records"))
    return [_with_preset(row, preset) for row in made_rows] if preset else made_rows


def of_workloads(table: pd.DataFrame, host: Host, text: str) -> pd.DataFrame:
    """Every scenario with each of the workloads that a text names, commas between; UserError for another."""
    met = {e.of for e in host.estimates if e.label == "workload"}
    # A workload may have a comma in its own name.
    names = [text] if text in met else [part.strip() for part in text.split(",")]
    if "" in names:
        raise UserError(f"--workload {text!r} names no workload: give a name, or leave it out")
    parts = [table.assign(workload=known_workload(host, name)) for name in names]
    return pd.concat(parts, ignore_index=True)


def one_workload(name: str | None, host_file: Path | None) -> str:
    """A workload of a host's file, or an empty text for none; UserError without a host, and for another."""
    if name is None:
        return ""
    if host_file is None:
        raise UserError(NO_HOST)
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


def _with_preset(row: Figures, preset: str) -> Figures:
    """The row with the preset's name and what of it holds here: an option or a host goes before."""
    usual = presets.host(preset).parameters.items()
    return {**row, "preset": preset, "preset_sets": {k: value for k, value in usual if row[k] == value}}


def _interval_columns() -> list[str]:
    ends = itertools.product(INTERVALS, ("low", "high"), LEVELS)
    return [f"{name}_{end}{level}" for name, end, level in ends]


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
    found = measured(paths, accept_units=accept_units)
    host = load_host(host_file) if host_file else None
    if set(lab.COLUMNS) <= names and len(paths) == 1:
        host = host or load_host(lab.LABORATORY)
        figures = laboratory_errors(found.migrations, host)
    else:
        figures = validate(found.migrations, host)
    known = seen.share(found.migrations, host.seen) if host else 0.0
    return figures | {"in_sample_share": known, "notes": found.notes}


def observed(
    paths: Sequence[Path],
    pattern: str | None = None,
    names: dict[str, str] | None = None,
    progress: Any = None,
    memory_gib: float | None = None,
    *,
    accept_units: bool = False,
) -> Record:
    """What files of a host hold: migrations, passes, samples, and notes on what is missing or odd."""
    how = {"pattern": pattern, "names": names, "progress": progress, "accept_units": accept_units}
    return files.read_all(list(paths), memory_gib=memory_gib, **how)


def local_names(pairs: Sequence[str]) -> dict[str, str]:
    """English names of counters by the local ones, from ``LOCAL=ENGLISH``."""
    for pair in pairs:
        if not all(part.strip() for part in pair.partition("=")[::2]):
            raise UserError(f"--name {pair!r} is not of the form LOCAL=ENGLISH")
    split = (pair.partition("=") for pair in pairs)
    return {local.strip(): english.strip() for local, _, english in split}


def observed_figures(found: Record) -> Figures:
    """A record as ``observe --json`` prints it."""
    tables = {name: getattr(found, name).to_dict("records") for name in ("migrations", "passes")}
    return (
        {"version": VERSION, "kind": found.kind, "sources": found.sources} | tables | {"notes": found.notes}
    )


def observed_text(found: Record) -> str:
    """A record for a person: what it is, its migrations, their passes, and what is missing or odd."""
    count = f"{len(found.migrations)} migrations, {len(found.passes)} looks at the dirty pages"
    parts = ["\n".join([f"{found.kind}: {count}, {len(found.samples)} samples", *found.sources])]
    for table in (found.migrations, found.passes):
        shown = table.drop(columns=[n for n in table if table[n].isna().all() or n in PARAMETERS])
        if len(shown):
            parts.append(shown.head(OBSERVED_ROWS).to_string(index=False, float_format="{:.4g}".format))
        if len(shown) > OBSERVED_ROWS:
            parts.append(f"... and {len(shown) - OBSERVED_ROWS} more (--json shows all)")
    return "\n\n".join(parts + [f"note: {note}" for note in found.notes])


def measured(paths: Sequence[Path], *, accept_units: bool = False) -> files.Measured:
    """The migrations of some files, and what their readers noticed."""
    return files.read_measured(list(paths), accept_units=accept_units)


def calibrated(found: files.Measured, name: str, *, correct: bool = False) -> Host:
    """A host calibrated to migrations."""
    from analysis.studies.hosts.calibration import calibrate

    return calibrate(found.migrations, measured_passes=found.passes, name=name, learn_correction=correct)


def swept_figures(swept: Swept) -> Figures:
    """What a sweep made: rows in all and of this call, seconds, rows a second, path, reductions."""
    figures: Figures = {"rows": swept.rows, "new_rows": swept.new_rows, "seconds": round(swept.seconds, 3)}
    figures |= {"rows_per_s": round(swept.rows_per_s), "path": str(swept.path), "tables": str(swept.beside)}
    return figures | {"reductions": {name: len(table) for name, table in swept.tables.items()}}


PRINTED_CELLS = 30
"""Rows of a reduction that is printed whole."""


def swept_text(swept: Swept) -> str:
    """The same in words, with the reductions that are small enough to be read."""
    rate = f" at {swept.rows_per_s:,.0f} rows a second" if swept.new_rows else ""
    parts = [f"{swept.rows:,} rows, {swept.new_rows:,} of them now{rate}: {swept.path}"]
    for name, table in swept.tables.items():
        told = f"{swept.beside / name}.csv, .parquet: {len(table):,} cells"
        small = len(table) <= PRINTED_CELLS
        parts.append(f"{told}\n\n{table.to_string(index=False)}\n" if small else told)
    return "\n".join(parts).rstrip()


def as_json(figures: Any) -> str:
    """JSON without NaN or infinity: what has no finite value is null."""
    return json.dumps(_finite(figures), indent=2)


def as_line(figures: Any) -> str:
    """The same on one line, for events that follow each other."""
    return json.dumps(_finite(figures))


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
        return summary({"all": figures}).T.to_string()
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


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(v) for key, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(v) for v in value]
    if isinstance(value, (float, np.floating)):
        return float(value) if np.isfinite(value) else None
    return value.item() if isinstance(value, np.generic) else value
