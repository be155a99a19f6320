"""The command line: figures as text or JSON, and mistakes told in a sentence with exit code 2."""

import json

import pandas as pd
import pytest
from click.testing import CliRunner

from analysis.__main__ import main
from analysis.model.migration import migrate
from analysis.observations.lab import DATA
from analysis.parameters import OUTCOMES, PARAMETERS


def run(*arguments):
    return CliRunner().invoke(main, [str(a) for a in arguments])


def test_predict_without_options_lists_every_outcome():
    """One migration with all defaults, one line an outcome."""
    result = run("predict")
    assert result.exit_code == 0
    assert [line.split()[0] for line in result.stdout.splitlines()] == list(OUTCOMES)


def test_predict_json_is_every_combination_in_full():
    """Two values each of two parameters are four rows of all parameters and outcomes."""
    rows = json.loads(
        run("predict", "--bandwidth-gbps", "1,10", "--stop-rule", "hyperv,qemu", "--json").stdout
    )
    assert [(r["bandwidth_gbps"], r["stop_rule"]) for r in rows] == [
        (1.0, "hyperv"),
        (1.0, "qemu"),
        (10.0, "hyperv"),
        (10.0, "qemu"),
    ]
    assert set(rows[0]) == set(PARAMETERS) | set(OUTCOMES)
    assert rows[2]["total_s"] == pytest.approx(migrate(bandwidth_gbps=10).total_s[0])


def test_predict_text_of_several_shows_what_varies():
    """A table of several migrations begins with the parameter that differs."""
    header = run("predict", "--bandwidth-gbps", "1,10").stdout.splitlines()[0].split()
    assert header == ["bandwidth_gbps", *OUTCOMES]


def test_an_endless_migration_is_null_in_json():
    """JSON has no infinity: a migration that never ends has null for its time and says why."""
    endless = [
        "--stop-rule",
        "qemu",
        "--dirty-pages-per-s",
        "1e6",
        "--working-set-gib",
        "8",
        "--bandwidth-gbps",
        "1",
    ]
    row = json.loads(run("predict", *endless, "--json").stdout)[0]
    assert row["stop_reason"] == "endless"
    assert row["total_s"] is None


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["predict", "--bandwidth-gbps", "-1"], "bandwidth_gbps = -1 is not allowed"),
        (["predict", "--bandwidth-gbps", "fast"], "bandwidth_gbps = 'fast' is not allowed"),
        (["predict", "--bandwidth-gbps", "1,,2"], "empty place between its commas"),
        (["predict", "--bandwith-gbps", "1"], "Did you mean '--bandwidth-gbps'?"),
        (["predict", "--write-pattern", "zpif"], "did you mean 'zipf'?"),
        (["predikt"], "Did you mean 'predict'?"),
        (["validate"], "Missing argument 'FILE'"),
        (["validate", "nowhere.csv"], "there is no file nowhere.csv"),
        (["validate", DATA / "passes.csv"], "has no column status"),
    ],
)
def test_a_mistake_is_one_sentence_and_exit_code_2(arguments, sentence):
    """What was given, what is allowed, the nearest right name; no traceback."""
    result = run(*arguments)
    assert result.exit_code == 2
    assert sentence in result.stderr
    assert "Traceback" not in result.output
    assert result.stdout == ""


def test_validate_json_has_the_agreed_figures():
    """The keys that other programs rely on, with errors as fractions."""
    figures = json.loads(run("validate", DATA / "migrations.csv", "--json").stdout)
    relative = {"median_relative_error", "p90_relative_error", "share_within_10pct", "bias"}
    assert set(figures["total_s"]) == set(figures["transferred_bytes"]) == relative
    assert set(figures["downtime_ms"]) == {"median_absolute_error", "p90_absolute_error"}
    assert set(figures["convergence"]) == {"accuracy", "table"}
    assert 0 < figures["total_s"]["median_relative_error"] < 0.1


def test_validate_takes_any_file_of_that_form(tmp_path):
    """Some rows of the table in another file are validated alone."""
    rows = pd.read_csv(DATA / "migrations.csv").query("method == 'precopy' and link_mbit_per_s == 200")
    rows.to_csv(tmp_path / "some.csv", index=False)
    assert json.loads(run("validate", tmp_path / "some.csv", "--json").stdout)["n"] == len(rows)


def test_validate_text_names_its_tables():
    """For a person: the error table with percentages and the table of verdicts."""
    text = run("validate", DATA / "migrations.csv").stdout
    assert "plain pre-copy, nominal link" in text
    assert "measured (rows) against predicted (columns)" in text


def test_validate_says_when_nothing_can_be_compared(tmp_path):
    """A file with only methods that the model does not describe gets a sentence, not an empty table."""
    rows = pd.read_csv(DATA / "migrations.csv").query("method == 'xbzrle'")
    rows.to_csv(tmp_path / "x.csv", index=False)
    assert "None of the 5 migrations" in run("validate", tmp_path / "x.csv").stdout
