"""What ``predict`` answers: a row a scenario, with what a preset, a host and its clients make of it.

What no host is asked for is computed without tables, whose library takes longer to load than the answer.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from analysis import presets
from analysis.arrays import Columns
from analysis.cli.last import refuse_several, refuse_without_host
from analysis.cli.options import scenarios
from analysis.cli.workloads import NO_HOST, of_workloads
from analysis.cli.written import Figures
from analysis.errors import UserError
from analysis.model.migration import computed
from analysis.parameters import OUTCOMES, PARAMETERS, defaults
from analysis.studies.decisions import clients


def predicted(
    options: dict[str, str | None],
    host_file: Path | None = None,
    preset: str | None = None,
    workload: str | None = None,
    relearn_ms: float | str = clients.RELEARN_MS,
    last: Mapping[str, Sequence[float]] | None = None,
) -> list[Figures]:
    """One row a scenario: every parameter and outcome by its name, with intervals on a calibrated host.

    Beside them what a client feels (``clients.COLUMNS``); ``relearn_ms``: how long the network needs to learn
    where the machine is.

    ``preset`` names a version of Windows Server whose defaults hold where no option says otherwise; each row
    then has two fields more: its name, and what it set there. ``workload``: one of those that the host knows
    apart, or several with commas between. UserError for another, for none, or without a host.

    ``last``: how long earlier migrations of this very machine took or froze it [s], by the names of
    ``earlier.LAST``; what the host alone says stands in columns beside. UserError for several scenarios, or
    without a host.
    """
    columns = scenarios(options)
    given = tuple(columns)
    before = {name: list(told) for name, told in (last or {}).items() if told}
    if preset:
        rows = len(next(iter(columns.values()), [None]))
        usual = presets.host(preset).parameters.items()
        columns = {name: [value] * rows for name, value in usual} | columns
    if host_file is None:
        if workload is not None:
            raise UserError(NO_HOST)
        refuse_without_host(before)
        table, more = computed(columns), list[str]()
    else:
        table, more = _on_host(columns, host_file, workload, given, before)
    felt = clients.columns(table, relearn_ms)
    names = [*PARAMETERS, *OUTCOMES, *(name for name in felt if name not in table), *more]
    rows_made = _rows(defaults() | table | felt, names)
    rows_made = [row | before for row in rows_made]
    return [_with_preset(row, preset) for row in rows_made] if preset else rows_made


def _on_host(
    columns: dict[str, list[Any]],
    host_file: Path,
    workload: str | None,
    given: Sequence[str],
    before: Mapping[str, Sequence[float]],
) -> tuple[Columns, list[str]]:
    """What a calibrated host predicts, as columns, and the names of those that only a host has."""
    import pandas as pd

    from analysis.studies.hosts.host import computed_with, load_host
    from analysis.studies.hosts.prediction import predict

    host = load_host(host_file)
    asked = pd.DataFrame(columns) if columns else pd.DataFrame(index=range(1))
    asked = asked if workload is None else of_workloads(asked, host, workload)
    refuse_several(before, len(asked))
    table = predict(
        asked,
        host,
        given=given,
        last_total_s=before.get("last_total_s"),
        last_blackout_s=before.get("last_blackout_s"),
    )
    beside = [
        str(name) for name in table if "_of_host" in str(name) or str(name).endswith(("_weight", "work_s"))
    ]
    made = computed_with(table)
    more = [*_interval_columns(), "converge_chance", *([] if workload is None else ["workload"])]
    more += [*beside, *made]
    return {str(name): table[name].to_numpy() for name in table} | made, more


def _rows(columns: Mapping[str, Any], names: Sequence[str]) -> list[Figures]:
    """Columns, some of one value for all, as one dictionary a row."""
    values = np.broadcast_arrays(*(np.asarray(columns[name]) for name in names))
    return [dict(zip(names, row, strict=True)) for row in zip(*(v.tolist() for v in values), strict=True)]


def _with_preset(row: Figures, preset: str) -> Figures:
    """The row with the preset's name and what of it holds here: an option or a host goes before."""
    host = presets.host(preset)
    held = {k: value for k, value in host.parameters.items() if row[k] == value}
    told = {k: ends for k, ends in host.spread.items() if k in held}
    spread = {"preset_spread": _spread(row, told)} if told else {}
    return {**row, "preset": preset, "preset_sets": held, **spread}


def _spread(row: Figures, told: dict[str, tuple[float, float]]) -> Figures:
    """Least and most of the fixed times that a preset's sources tell, and of what they are added to."""
    ends: Figures = {name: list(found) for name, found in told.items()}
    pause, around = (
        [scale * (end - row[name]) for end in told.get(name, (row[name], row[name]))]
        for name, scale in (("handoff_ms", 1e-3), ("setup_s", 1.0))
    )
    ends["blackout_s"] = [row["blackout_s"] + more for more in pause]
    ends["total_s"] = [row["total_s"] + more + before for more, before in zip(pause, around, strict=True)]
    return ends


def _interval_columns() -> list[str]:
    from analysis.studies.hosts.conformal import LEVELS
    from analysis.studies.hosts.prediction import INTERVALS

    ends = itertools.product(INTERVALS, ("low", "high"), LEVELS)
    return [f"{name}_{end}{level}" for name, end, level in ends]
