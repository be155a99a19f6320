"""Numbers of a run: recorded by its notebook, put beside its report, gathered over all of a folder."""

import numpy as np
import pandas as pd
import pytest

from analysis import migrate
from analysis.pages import html, results
from tests.small_notebooks import build


def recorded(name, rows, scenario="", **parameters):
    """A record as a run leaves it, with what the tables need."""
    inputs = [{"name": key, "value": value, "unit": ""} for key, value in parameters.items()]
    about = {"name": name, "notebook": f"{name}.ipynb", "scenario": scenario}
    return about | {"inputs": inputs, "rows": rows}


def test_outcomes_of_a_migration_are_recorded_with_what_is_kept():
    """Of a migration its outcomes are recorded, other columns when asked for, other numbers by name."""
    swept = migrate(bandwidth_gbps=[1, 10])
    rows = results.rows(swept, ["bandwidth_gbps"], machines=3)
    assert [row["bandwidth_gbps"] for row in rows] == [1, 10]
    assert {"total_s", "blackout_s", "limited_by"} <= set(rows[0])
    assert "memory_gib" not in rows[0]
    assert rows[1]["machines"] == 3
    assert results.rows(swept.iloc[0]) == results.rows(swept.iloc[:1])


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        (np.float64(1.5), 1.5),
        (np.int64(3), 3),
        (np.bool_(True), True),
        (np.nan, None),
        (np.inf, "inf"),
        ("x", "x"),
    ],
)
def test_values_are_plain(value, plain):
    """NumPy's values, endless and missing ones become what JSON can hold."""
    assert results.rows(None, (), migrations=value) == [{"migrations": plain}]


def test_numbers_come_beside_the_report(batch):
    """The run's table stands beside its report: its name, its parameters, the numbers, what is endless."""
    table = pd.read_csv(batch.out / "1-good.csv")
    assert table.columns.tolist()[:3] == ["run", "notebook", "scenario"]
    row = table.iloc[0]
    assert (row["run"], row["n"], row["links"], row["total_s"]) == ("1-good", 3, 3, 1.5)
    assert np.isinf(row["endless_s"])
    assert not (batch.out / "3-plain.csv").exists()


def test_gathered_tables_are_the_same(batch):
    """CSV and Parquet hold the same rows over all runs."""
    csv = pd.read_csv(batch.out / "results.csv")
    parquet = pd.read_parquet(batch.out / "results.parquet")
    assert csv.columns.tolist() == parquet.columns.tolist()
    assert csv["run"].tolist() == parquet["run"].tolist() == ["1-good"]
    assert parquet["total_s"].tolist() == csv["total_s"].tolist()


def test_runs_of_different_notebooks_share_one_table(tmp_path):
    """Columns that a run lacks are empty; numbers stay numbers, mixed columns become text."""
    one = recorded("a", [{"total_s": 1, "verdict": True}], label="x", values=[1, 2])
    two = recorded("b", [{"total_s": 2.5}, {"total_s": "inf"}], label=5)
    table = results.gather([one, two, recorded("c", [])])
    results.write(table, tmp_path)
    back = pd.read_parquet(tmp_path / "results.parquet")
    assert back["total_s"].tolist() == [1, 2.5, np.inf]
    assert back["label"].tolist() == ["x", "5", "5"]
    assert back["values"].tolist()[0] == "[1, 2]"
    assert back["verdict"].isna().tolist() == [False, True, True]


def test_empty_folder_has_an_empty_table(tmp_path):
    """Without any numbers the table has its first columns and no row."""
    results.write(results.gather([]), tmp_path)
    assert pd.read_csv(tmp_path / "results.csv").shape == (0, 3)


def test_table_in_the_report_is_folded_and_has_headers(batch):
    """The report shows the numbers in a folded table whose cells have headers."""
    page = (batch.out / "1-good.html").read_text(encoding="utf-8")
    assert "<summary>The numbers of this run</summary>" in page
    assert '<th scope="row"><code>total_s</code></th><td>1.5</td><td>s</td>' in page


def test_rows_are_found_by_their_role():
    """An output with the role results is read, any other is not."""
    notebook = build([("code", "1")])
    output = {"output_type": "display_data", "data": {"text/plain": ""}}
    told = output | {"metadata": {"study": {"role": "results", "rows": [[["b", 2], ["a", 1]]]}}}
    notebook.cells[0].outputs = [html.NotebookNode(output | {"metadata": {}}), html.NotebookNode(told)]
    assert list(results.recorded_rows(notebook)[0].items()) == [("b", 2), ("a", 1)]


@pytest.mark.parametrize(
    ("name", "unit"), [("total_s", "s"), ("worst_s", "s"), ("needed_gbps", "Gbit/s"), ("words", "")]
)
def test_unit_is_in_the_name(name, unit):
    """A recorded number has the unit of the study's table, or that of the ending of its name."""
    assert results.unit(name) == unit
