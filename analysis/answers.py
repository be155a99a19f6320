"""What the verbs of the command line answer: figures, as readable text or as JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from .model.migration import migrate
from .observations import lab, tables, transfers
from .options import scenarios
from .parameters import OUTCOMES, PARAMETERS, defaults
from .studies import link_validation, validation


def predicted(options: dict[str, str | None]) -> list[dict]:
    """One row a scenario: every parameter and every outcome by its name."""
    columns = scenarios(options)
    table = migrate(pd.DataFrame(columns) if columns else pd.DataFrame(index=range(1)))
    missing = {name: value for name, value in defaults().items() if name not in table}
    return table.assign(**missing)[[*PARAMETERS, *OUTCOMES]].to_dict("records")


def validated(file: Path) -> dict:
    """Error figures of the model on a file of migrations or of transfers, recognised by its columns."""
    names = set(tables.header(lab.located(file)))
    if set(transfers.COLUMNS) <= names:
        return link_validation.transfer_errors(
            link_validation.compare_transfers(transfers.read_transfers(file))
        )
    return _validated_migrations(file)


def _validated_migrations(file: Path) -> dict:
    """Error figures on a file of migrations.

    The headline is the nominal link, with nothing known that only the migration itself shows;
    ``plain`` is its part without other traffic and below the host's own ceiling.
    """
    observed = lab.read_migrations(file)
    rows = observed[validation.covered(observed)]
    if rows.empty:
        return {"n": 0, "left_out": len(observed)}
    compared = validation.compare(rows)
    return validation.error_table(compared) | {
        "left_out": len(observed) - len(rows),
        "plain": validation.error_table(compared[validation.plain(compared)]),
        "given_throughput": validation.error_table(validation.compare(validation.given_throughput(rows))),
    }


def as_json(figures: Any) -> str:
    """JSON without NaN or infinity: what has no finite value is null."""
    return json.dumps(_finite(figures), indent=2)


def prediction_text(rows: list[dict]) -> str:
    """Outcomes of one migration as a list with units, of several as a table of what differs."""
    if len(rows) == 1:
        return "\n".join(_line(name, rows[0][name]) for name in OUTCOMES)
    varied = [name for name in PARAMETERS if len({repr(row[name]) for row in rows}) > 1]
    return pd.DataFrame(rows)[[*varied, *OUTCOMES]].to_string(index=False, float_format="{:.4g}".format)


def validation_text(figures: dict) -> str:
    """The error table of ``validate`` for a person."""
    if "throughput" in figures:
        return _transfer_text(figures)
    if not figures["n"]:
        return f"None of the {figures['left_out']} migrations is by a method that the model describes."
    parts = {"plain": figures["plain"], "all": figures, "all, rate known": figures["given_throughput"]}
    verdicts = pd.DataFrame(figures["convergence"]["table"]).T
    return "\n".join(
        [
            summary(parts).T.to_string(),
            "",
            "plain: pre-copy without other traffic, links up to 1.5 Gbit/s; from the nominal link",
            "all: every migration by a method that the model describes; from the nominal link",
            "all, rate known: the same, given the throughput that was reached",
            "",
            "Verdict, measured (rows) against predicted (columns), all:",
            verdicts.to_string(),
            f"\n{figures['left_out']} migrations by methods that the model does not describe are left out.",
        ]
    )


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
        error = part[key]
        cells[f"{name} median"] = _percent(error["median_relative_error"])
        cells[f"{name} p90"] = _percent(error["p90_relative_error"])
        cells[f"{name} within 10 %"] = _percent(error["share_within_10pct"])
        cells[f"{name} bias"] = _percent(error["bias"])
    cells["downtime median"] = _milliseconds(part["downtime_ms"]["median_absolute_error"])
    cells["downtime p90"] = _milliseconds(part["downtime_ms"]["p90_absolute_error"])
    cells["verdict right"] = _percent(part["convergence"]["accuracy"])
    return cells


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.1f} %"


def _milliseconds(value: float | None) -> str:
    return "-" if value is None else f"{value:.0f} ms"


def _line(name: str, value: Any) -> str:
    shown = f"{value:.4g}" if isinstance(value, float) else str(value)
    return f"{name:<22} {shown:>14} {OUTCOMES[name].unit:<8} {OUTCOMES[name].meaning}"


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(v) for key, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(v) for v in value]
    if isinstance(value, (float, np.floating)):
        return float(value) if np.isfinite(value) else None
    return value.item() if isinstance(value, np.generic) else value
