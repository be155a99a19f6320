"""What the verbs of the command line answer: figures, as readable text or as JSON."""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from analysis import presets
from analysis.cli.options import scenarios
from analysis.errors import UserError
from analysis.model.migration import migrate
from analysis.observations import files, lab, tables, transfers
from analysis.observations.record import Record
from analysis.parameters import OUTCOMES, PARAMETERS, defaults
from analysis.studies import overflows
from analysis.studies.hosts.host import Host, load_host
from analysis.studies.hosts.prediction import INTERVALS, LEVELS, predict
from analysis.studies.sweeps.sweep import Swept
from analysis.studies.validation.migrations import (
    compare,
    covered,
    error_table,
    given_throughput,
    plain,
    validate,
)
from analysis.studies.validation.rings import compare_transfers, transfer_errors

OBSERVED_ROWS = 20
"""Rows of a table that ``observe`` shows a person."""


def predicted(
    options: dict[str, str | None], host_file: Path | None = None, preset: str | None = None
) -> list[dict]:
    """One row a scenario: every parameter and outcome by its name, with intervals on a calibrated host.

    ``preset`` names a version of Windows Server whose defaults hold where no option says otherwise.
    """
    columns = scenarios(options)
    given = tuple(columns)
    if preset:
        rows = len(next(iter(columns.values()), [None]))
        usual = {name: [value] * rows for name, value in presets.host(preset).parameters.items()}
        columns = usual | columns
    table = pd.DataFrame(columns) if columns else pd.DataFrame(index=range(1))
    if host_file is None:
        table, more = migrate(table), []
    else:
        table = predict(table, load_host(host_file), given=given)
        more = _interval_columns()
    missing = {name: value for name, value in defaults().items() if name not in table}
    return table.assign(**missing)[[*PARAMETERS, *OUTCOMES, *more]].to_dict("records")


def _interval_columns() -> list[str]:
    ends = itertools.product(INTERVALS, ("low", "high"), LEVELS)
    return [f"{name}_{end}{level}" for name, end, level in ends]


def validated(file: Path, host_file: Path | None = None) -> dict:
    """Error figures of the model on a file of migrations or of transfers, recognised by its columns."""
    path = lab.located(file)
    names = set() if files.is_recorded(path) else set(tables.header(path))
    if set(transfers.COLUMNS) <= names:
        compared = compare_transfers(transfers.read_transfers(path))
        return transfer_errors(compared)
    observed, host = files.read_migrations(file), load_host(host_file) if host_file else None
    if set(lab.COLUMNS) <= names:
        return _laboratory(observed, host or load_host(lab.LABORATORY))
    return validate(observed, host)


def observed(
    paths: Sequence[Path],
    pattern: str | None = None,
    names: dict[str, str] | None = None,
    progress: Any = None,
    memory_gib: float | None = None,
) -> Record:
    """What files of a host hold: migrations, passes, samples, and notes on what is missing or odd."""
    how = {"pattern": pattern, "names": names, "progress": progress}
    return files.read_all(list(paths), memory_gib=memory_gib, **how)


def local_names(pairs: Sequence[str]) -> dict[str, str]:
    """English names of counters by the local ones, from ``LOCAL=ENGLISH``."""
    for pair in pairs:
        if not all(part.strip() for part in pair.partition("=")[::2]):
            raise UserError(f"--name {pair!r} is not of the form LOCAL=ENGLISH")
    return dict(tuple(part.strip() for part in pair.partition("=")[::2]) for pair in pairs)


def observed_figures(found: Record) -> dict:
    """A record as ``observe --json`` prints it."""
    tables = {name: getattr(found, name).to_dict("records") for name in ("migrations", "passes")}
    return {"kind": found.kind} | tables | {"notes": found.notes}


def observed_text(found: Record) -> str:
    """A record for a person: what it is, its migrations, their passes, and what is missing or odd."""
    count = f"{len(found.migrations)} migrations, {len(found.passes)} looks at the dirty pages"
    parts = [f"{found.kind}: {count}, {len(found.samples)} samples"]
    for table in (found.migrations, found.passes):
        shown = table.drop(columns=[n for n in table if table[n].isna().all() or n in PARAMETERS])
        if len(shown):
            parts.append(shown.head(OBSERVED_ROWS).to_string(index=False, float_format="{:.4g}".format))
        if len(shown) > OBSERVED_ROWS:
            parts.append(f"... and {len(shown) - OBSERVED_ROWS} more (--json shows all)")
    return "\n\n".join(parts + [f"note: {note}" for note in found.notes])


def calibrated(paths: Sequence[Path], name: str, *, correct: bool = False) -> Host:
    """A host calibrated to the migrations of some files."""
    from analysis.studies.hosts.calibration import calibrate

    return calibrate(list(paths), name=name, learn_correction=correct)


def _laboratory(observed: pd.DataFrame, host: Host) -> dict:
    """Error figures on migrations of the laboratory.

    The headline is the nominal link, with nothing known that only the migration itself shows;
    ``plain`` is its part without other traffic and below the host's own ceiling.
    """
    rows = observed[covered(observed)]
    if rows.empty:
        return {"n": 0, "left_out": len(observed)}
    compared = compare(rows, host)
    known = compare(given_throughput(rows), host_without_link(host))
    precopy = known[known.method == "precopy"]
    parts = {"plain": compared[plain(compared)], "given_throughput": precopy}
    methods = {name: error_table(part) for name, part in compared.groupby("method")}
    return (
        error_table(compared)
        | {"left_out": len(observed) - len(rows), "by_method": methods}
        | {name: error_table(part) for name, part in parts.items()}
    )


def host_without_link(host: Host) -> Host:
    """The host without what it says of the link's rate, for when the rate is given."""
    kept = {
        kind: tuple(e for e in getattr(host, kind) if e.name not in ("bandwidth_gbps", "stream_limit_gbps"))
        for kind in ("parameters", "scales")
    }
    return replace(host, **kept)


def swept_figures(swept: Swept) -> dict:
    """What a sweep made: rows in all and of this call, seconds, rows a second, path, reductions."""
    figures = {"rows": swept.rows, "new_rows": swept.new_rows, "seconds": round(swept.seconds, 3)}
    figures |= {"rows_per_s": round(swept.rows_per_s), "path": str(swept.path)}
    return figures | {"reductions": {name: len(table) for name, table in swept.tables.items()}}


def swept_text(figures: dict) -> str:
    """The same in words."""
    rate = f" at {figures['rows_per_s']:,} rows a second" if figures["new_rows"] else ""
    lines = [f"{figures['rows']:,} rows, {figures['new_rows']:,} of them now{rate}: {figures['path']}"]
    lines += [f"{name}.parquet: {rows:,} cells" for name, rows in figures["reductions"].items()]
    return "\n".join(lines)


def as_json(figures: Any) -> str:
    """JSON without NaN or infinity: what has no finite value is null."""
    return json.dumps(_finite(figures), indent=2)


def prediction_text(rows: list[dict]) -> str:
    """Outcomes of one migration as a list with units, of several as a table of what differs.

    Where a receive ring makes a faster line slower a note says so, and what helps.
    """
    notes = [f"note: {said}" for said in overflows.sentences(pd.DataFrame(rows)[[*PARAMETERS]])]
    if len(rows) == 1:
        return "\n".join([*(_line(name, rows[0]) for name in OUTCOMES), *notes])
    varied = [name for name in PARAMETERS if len({repr(row[name]) for row in rows}) > 1]
    shown = pd.DataFrame(rows)[[*varied, *OUTCOMES]]
    return "\n".join([shown.to_string(index=False, float_format="{:.4g}".format), *notes])


def validation_text(figures: dict) -> str:
    """The error table of ``validate`` for a person."""
    if "throughput" in figures:
        return _transfer_text(figures)
    if "plain" not in figures and figures["n"]:
        return _summary_text({"all": figures})
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


def _summary_text(parts: dict[str, dict]) -> str:
    return summary(parts).T.to_string()


def _transfer_text(figures: dict) -> str:
    parts = {"all": figures["throughput"], "below the line": figures["limited"]}
    parts |= figures["throughput"]["by_factor"]
    rows = {name.replace("_", " "): _transfer_cells(part) for name, part in parts.items()}
    head = f"Throughput, predicted beside measured: {figures['n']} configurations, {figures['runs']} runs"
    return f"{head}\n\n{pd.DataFrame(rows).T.to_string()}"


def _transfer_cells(part: dict) -> dict[str, str]:
    cells = {"configurations": str(part["n"])}
    names = {"median": "median_relative_error", "p90": "p90_relative_error", "bias": "bias"}
    return cells | {name: _percent(part[key]) for name, key in names.items()}


def summary(parts: dict[str, dict]) -> pd.DataFrame:
    """Error tables by name as one table of readable cells, a row each."""
    return pd.DataFrame({name: _summary(part) for name, part in parts.items()}).T


def _summary(part: dict) -> dict[str, str]:
    cells = {"migrations": str(part["n"])}
    for name, key in (("time", "total_s"), ("bytes", "transferred_bytes")):
        if key in part:
            error = part[key]
            cells[f"{name} median"] = _percent(error["median_relative_error"])
            cells[f"{name} p90"] = _percent(error["p90_relative_error"])
            cells[f"{name} within 10 %"] = _percent(error["share_within_10pct"])
            cells[f"{name} bias"] = _percent(error["bias"])
    if "downtime_ms" in part:
        cells["downtime median"] = _milliseconds(part["downtime_ms"]["median_absolute_error"])
        cells["downtime p90"] = _milliseconds(part["downtime_ms"]["p90_absolute_error"])
    if "convergence" in part:
        cells["verdict right"] = _percent(part["convergence"]["accuracy"])
    held = {f"in {level} % interval": _percent(share) for level, share in part["coverage"].items()}
    return cells | held


def _percent(value: float | None) -> str:
    return "-" if value is None or np.isnan(value) else f"{100 * value:.1f} %"


def _milliseconds(value: float | None) -> str:
    return "-" if value is None else f"{value:.0f} ms"


def _line(name: str, row: dict) -> str:
    value = row[name]
    shown = f"{value:.4g}" if isinstance(value, float) else str(value)
    ends = [row.get(f"{name}_{end}90") for end in ("low", "high")]
    within = f"  (90 %: {ends[0]:.4g} to {ends[1]:.4g})" if None not in ends else ""
    return f"{name:<22} {shown:>14} {OUTCOMES[name].unit:<8} {OUTCOMES[name].meaning}{within}"


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(v) for key, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(v) for v in value]
    if isinstance(value, (float, np.floating)):
        return float(value) if np.isfinite(value) else None
    return value.item() if isinstance(value, np.generic) else value
