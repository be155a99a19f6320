"""The numbers of a run: shown and recorded by its notebook, gathered over all runs of a folder.

A notebook calls :func:`record` once. The runner leaves ``NAME.csv`` beside the report, and over all reports
of the folder ``results.csv`` and ``results.parquet``: a row for each recorded row, with the run's name, its
notebook, its scenario and every parameter it had.
"""

import html
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from nbformat import NotebookNode

from analysis import spreadsheets
from analysis.parameters import OUTCOMES, PARAMETERS

NAMES = ("run", "notebook", "scenario")
VERSION = 1
"""Of the tables of results, in the description that Parquet keeps beside the rows."""

# --- in a notebook --------------------------------------------------------------------


def record(
    migrations: pd.Series | pd.DataFrame | None = None, /, keep: Sequence[str] = (), **numbers: Any
) -> None:
    """Record a run's numbers and show them, folded, under the takeaway.

    Of ``migrations`` (one or several rows of what ``migrate`` returns) the outcomes are kept, and the columns
    named in ``keep``; other numbers are given by name, with the unit in the name.
    """
    from IPython.display import display

    recorded = rows(migrations, keep, **numbers)
    text = "\n".join(", ".join(f"{name} = {value}" for name, value in row.items()) for row in recorded)
    data = {"text/html": _page(recorded), "text/plain": text}
    # As pairs: notebooks are written with sorted keys, and the order of the numbers would be lost.
    pairs = [list(map(list, row.items())) for row in recorded]
    display(data, raw=True, metadata={"study": {"role": "results", "rows": pairs}})


def rows(
    migrations: pd.Series | pd.DataFrame | None = None, keep: Sequence[str] = (), /, **numbers: Any
) -> list[dict[str, Any]]:
    """The rows that :func:`record` records: plain values by name, None for what is not a number."""
    if migrations is None:
        return [{name: _plain(value) for name, value in numbers.items()}]
    frame = migrations.to_frame().T if isinstance(migrations, pd.Series) else migrations
    kept = [*keep, *(name for name in OUTCOMES if name in frame)]
    chosen = frame[kept].assign(**numbers).to_dict("records")
    return [{str(name): _plain(value) for name, value in row.items()} for row in chosen]


def _plain(value: Any) -> Any:
    """A value that JSON can hold: what is endless becomes a text, what is missing None."""
    value = value.item() if isinstance(value, np.generic) else value
    if isinstance(value, float) and not np.isfinite(value):
        return None if np.isnan(value) else str(value)
    return value if value is None or isinstance(value, (bool, int, float)) else str(value)


def unit(name: str) -> str:
    """The unit of a recorded number: of the study's table, or by the ending of its name."""
    known = PARAMETERS.get(name) or OUTCOMES.get(name)
    if known:
        return known.unit
    ends = {o: p.unit for o, p in _ENDINGS.items() if name.endswith(o)}
    return ends[max(ends, key=len)] if ends else ""


_ENDINGS = {
    "_gbps": PARAMETERS["bandwidth_gbps"],
    "_gib": PARAMETERS["memory_gib"],
    "_pages_per_s": PARAMETERS["dirty_pages_per_s"],
    "_ms": PARAMETERS["round_trip_ms"],
    "_us": PARAMETERS["receive_delay_us"],
    "_share": PARAMETERS["resident_share"],
    "_s": PARAMETERS["setup_s"],
}


def shown(value: Any) -> str:
    """A recorded value as a table shows it.

    >>> [shown(value) for value in (1e6, 0.123456, 3, True, None, [1, 2.5])]
    ['1,000,000', '0.1235', '3', 'yes', '–', '1, 2.5']
    """
    if value is None:
        return "\N{EN DASH}"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(map(shown, value))
    if isinstance(value, (int, float)):
        return f"{value:,.0f}" if 1e4 <= abs(value) < 1e15 else f"{value:,.4g}"
    return str(value)


def words(name: str) -> str:
    """The name of a recorded number for readers, without its unit.

    >>> words("brownout_s"), words("receive_enough")
    ('brownout', 'receive enough')
    """
    known = PARAMETERS.get(name) or OUTCOMES.get(name)
    return known.label.partition(" [")[0] if known else name.replace("_", " ")


def with_unit(name: str, value: Any) -> str:
    """A recorded value with its unit, held to its number.

    >>> with_unit("total_s", 76.11).replace(chr(0xA0), " ")
    '76.11 s'
    """
    measure = unit(name)
    return f"{shown(value)}\N{NO-BREAK SPACE}{measure}" if measure not in ("", "0-1") else shown(value)


def _page(recorded: Sequence[Mapping[str, Any]]) -> str:
    """The folded table: one row a number, one column a recorded row."""
    body = "".join(_row(name, [row[name] for row in recorded]) for name in recorded[0])
    several = [f'<th scope="col">{number}</th>' for number in range(1, len(recorded) + 1)]
    values = "".join(several) if len(several) > 1 else '<th scope="col">Value</th>'
    head = f'<tr><th scope="col">Number</th>{values}<th scope="col">Unit</th></tr>'
    caption = "<caption>The numbers of this run, as recorded in the table of results</caption>"
    table = f"<table>{caption}<thead>{head}</thead><tbody>{body}</tbody></table>"
    return f'<details class="numbers"><summary>The numbers of this run</summary>{table}</details>'


def _row(name: str, values: Iterable[Any]) -> str:
    cells = "".join(f"<td>{html.escape(shown(value))}</td>" for value in values)
    return f'<tr><th scope="row"><code>{html.escape(name)}</code></th>{cells}<td>{unit(name)}</td></tr>'


# --- beside the reports ---------------------------------------------------------------


def recorded_rows(notebook: NotebookNode) -> list[dict[str, Any]]:
    """What an executed notebook recorded, in the order of its cells."""
    found: list[dict[str, Any]] = []
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            study = output.get("metadata", {}).get("study", {})
            if study.get("role") == "results":
                found += [dict(pairs) for pairs in study.get("rows", [])]
    return found


def table(run_record: Mapping[str, Any]) -> pd.DataFrame:
    """The tidy table of one run: names, parameters, and the recorded numbers in each row."""
    about = {
        "run": run_record["name"],
        "notebook": run_record["notebook"],
        "scenario": run_record["scenario"],
    }
    for line in run_record["inputs"]:
        value = line["value"]
        about[line["name"]] = json.dumps(value) if isinstance(value, (list, dict)) else value
    return pd.DataFrame([about | _numbers(row) for row in run_record["rows"]])


def _numbers(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: float(value) if value in ("inf", "-inf") else value for name, value in row.items()}


def gather(records: Iterable[Mapping[str, Any]]) -> pd.DataFrame:
    """One table over all runs; a column that some runs do not have is empty there."""
    tables = [frame.dropna(axis="columns", how="all") for frame in map(table, records) if len(frame)]
    if not tables:
        return pd.DataFrame(columns=list(NAMES))
    everything = pd.concat([frame.astype(object) for frame in tables], ignore_index=True)
    names = [*NAMES, *(name for name in everything if name not in NAMES)]
    return everything.reindex(columns=names).apply(_one_type)


def _one_type(column: pd.Series) -> pd.Series:
    """A column of one type, as Parquet needs: numbers, truths, or texts if they are mixed."""
    kinds = {type(value) for value in column.dropna()}
    if kinds == {int}:
        return column.astype("Int64")
    if kinds and kinds <= {int, float}:
        return pd.to_numeric(column)
    if kinds == {bool}:
        return column.astype("boolean")
    return column.map(lambda value: None if pd.isna(value) else str(value)).astype("string")


def write(frame: pd.DataFrame, folder: Path) -> None:
    """Write the gathered table into a folder of reports, as CSV and as Parquet."""
    from analysis.pages import files

    files.write(folder / "results.csv", spreadsheets.csv(frame).encode())
    named = frame.copy(deep=False)
    named.attrs["migration_study_results"] = VERSION
    files.write(folder / "results.parquet", named.to_parquet(index=False))
