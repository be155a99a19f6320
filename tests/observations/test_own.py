"""Tables of the reader's own migrations: columns by the parameters' names, and what was measured."""

import json
import re

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from analysis.__main__ import main
from analysis.model.migration import migrate
from analysis.observations.files import read_all
from analysis.observations.own import is_own, read_own
from analysis.observations.record import PASS_COLUMNS
from analysis.observations.tables import TableError
from analysis.studies.hosts.host import host_content, load_host

ROWS = pd.DataFrame(
    {
        "memory_gib": [4, 8, 16],
        "bandwidth_gbps": [1, 10, 10],
        "write_pattern": ["uniform", "zipf", "uniform"],
        "workload": ["db", "web", "db"],
        "total_time_s": [40.5, 9.25, 20.0],
        "downtime_s": [0.5, 0.25, 0.125],
        "transferred_bytes": [2**32, 2**33, 2**34],
        "remark": ["first, after the update", "", "12,5"],
    }
)


@pytest.fixture
def write(tmp_path):
    """A function that writes a table as a file and returns its path."""

    def written(table, **how):
        table.to_csv(tmp_path / "own.csv", index=False, **how)
        return tmp_path / "own.csv"

    return written


def test_measurements_have_the_studys_names_and_units(write):
    """total_time_s, downtime_s and transferred_bytes become measured_ columns; bytes become GiB."""
    table = read_own(write(ROWS))
    assert table.measured_total_s.tolist() == [40.5, 9.25, 20.0]
    assert table.measured_blackout_s.tolist() == [0.5, 0.25, 0.125]
    assert table.measured_stream_gib.tolist() == [4.0, 8.0, 16.0]
    assert {"total_time_s", "downtime_s", "transferred_bytes"}.isdisjoint(table)


def test_the_studys_own_names_are_taken_as_they_are(write):
    """measured_stream_gib is GiB already."""
    names = {"total_time_s": "measured_total_s", "transferred_bytes": "measured_stream_gib"}
    table = read_own(write(ROWS.assign(transferred_bytes=[4, 7.5, 16]).rename(columns=names)))
    assert table.measured_stream_gib.tolist() == [4, 7.5, 16]


def test_parameters_are_numbers_and_other_columns_text(write):
    """What the study does not know is carried along as it stands."""
    table = read_own(write(ROWS))
    assert table.memory_gib.dtype == float
    assert table.write_pattern.tolist() == ["uniform", "zipf", "uniform"]
    assert table.remark.tolist() == ROWS.remark.tolist()


def test_an_empty_measurement_is_not_measured(write):
    """What stands in for a preset may be empty too."""
    rows = ROWS.assign(downtime_s=["0.5", "", "0.2"], pass_limit=["", "3", ""])
    table = read_own(write(rows))
    assert table.measured_blackout_s.isna().tolist() == [False, True, False]
    assert table.pass_limit.isna().tolist() == [True, False, True]


def test_a_table_is_recognised_by_a_time_and_a_parameter(write):
    """A total time by either name and at least one parameter."""
    assert is_own(write(ROWS))
    assert is_own(write(ROWS.rename(columns={"total_time_s": "measured_total_s"})))
    assert not is_own(write(ROWS.drop(columns="total_time_s")))
    assert not is_own(write(ROWS[["total_time_s", "remark"]]))


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (lambda t: t.rename(columns={"memory_gib": "memory_gb"}), "did you mean 'memory_gib'?"),
        (lambda t: t.assign(memory_gib=["4", "", "16"]), "line 3, column memory_gib: '' is not a number"),
        (lambda t: t.assign(memory_gib=["4", "many", "16"]), "'many' is not a number"),
        (lambda t: t.assign(memory_gib=["4", "8,5", "16"]), "'8,5' uses a decimal comma"),
        (lambda t: t.assign(total_time_s=["40,5", "9", "20"]), "'40,5' uses a decimal comma"),
        (lambda t: t.assign(memory_gib=[4, -8, 16]), "memory_gib = -8 is not allowed"),
        (lambda t: t.assign(write_pattern="zpif"), "did you mean 'zipf'?"),
        (lambda t: t.assign(write_pattern=["uniform", "", "zipf"]), "write_pattern = '' is not allowed"),
        (lambda t: t.head(0), "has a header but no rows"),
    ],
    ids=["column", "empty", "text", "comma", "comma in a time", "range", "choice", "no choice", "no rows"],
)
def test_what_is_wrong_is_told_with_its_place(write, spoil, sentence):
    """The file, the line where there is one, the value, and the nearest right name."""
    path = write(spoil(ROWS))
    with pytest.raises(TableError, match=r"own\.csv") as told:
        read_own(path)
    assert sentence in str(told.value)


@pytest.mark.parametrize("name", ["downtme_s", "transfered_bytes", "measured_blackout"])
def test_a_misspelt_measurement_is_told(write, name):
    """Carried along as text it would silently count for nothing."""
    with pytest.raises(TableError, match="did you mean"):
        read_own(write(ROWS.rename(columns={"downtime_s": name})))


def test_two_columns_of_one_measurement_are_told(write):
    """Which of two total times is the true one is not for a program to choose."""
    with pytest.raises(TableError, match="twice, as 'total_time_s' and as 'measured_total_s'; give only one"):
        read_own(write(ROWS.assign(measured_total_s=1.0)))


@pytest.mark.parametrize("time", [-5.0, 0.0])
def test_a_time_that_cannot_be_is_told(write, time):
    """No migration takes no time or less than none."""
    sentence = rf"own\.csv, line 3: total_time_s = {time:g} is not allowed: it takes more than 0"
    with pytest.raises(TableError, match=sentence):
        read_own(write(ROWS.assign(total_time_s=[40.5, time, 20.0])))


def test_a_pause_longer_than_the_migration_is_told(write):
    """A downtime in milliseconds would be one."""
    with pytest.raises(TableError, match=r"line 4: downtime_s = 125 is longer than total_time_s = 20"):
        read_own(write(ROWS.assign(downtime_s=[0.5, 0.25, 125])))


def test_no_time_and_two_columns_alike_are_told(write, tmp_path):
    """A table without any total time, and one in which a name stands twice, are refused."""
    with pytest.raises(TableError, match="has no column total_time_s"):
        read_own(write(ROWS.drop(columns="total_time_s")))
    path = write(ROWS)
    path.write_text(path.read_text().replace("remark", "total_time_s"))
    with pytest.raises(TableError, match="has two columns 'total_time_s'"):
        read_own(path)


def test_lines_are_those_that_an_editor_shows(write):
    """A remark of two lines and a blank line do not shift the line that is named."""
    path = write(ROWS.assign(remark=["first,\nafter", "", ""], memory_gib=[4, 8, -16]))
    path.write_text(path.read_text().replace("\n8,", "\n\n8,"))
    with pytest.raises(TableError, match=r"line 6: memory_gib = -16 is not allowed"):
        read_own(path)


@pytest.mark.parametrize("verb", ["validate", "calibrate", "observe"])
def test_a_misspelt_total_time_is_told_by_every_verb(write, verb):
    """Without its total time a table is still one of the reader's own, and the nearest name is said."""
    result = run(verb, write(ROWS.rename(columns={"total_time_s": "totl_time_s"})))
    assert result.exit_code == 2
    assert "did you mean 'total_time_s'?" in result.stderr


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    """A file of 40 migrations between hosts whose hand-off takes 350 ms, with 1 % noise, and its table."""
    rng = np.random.default_rng(2)
    table = pd.DataFrame(
        {
            "memory_gib": rng.choice([2.0, 4.0, 8.0], 40),
            "bandwidth_gbps": rng.choice([1.0, 2.5, 10.0], 40),
            "dirty_pages_per_s": rng.choice([1000.0, 4000.0], 40),
            "working_set_gib": 0.25,
        }
    )
    outcome = migrate(table.assign(handoff_ms=350.0))
    noise = np.exp(rng.normal(0, 0.01, 40))
    rows = table.assign(
        total_time_s=outcome.total_s * noise,
        downtime_s=outcome.blackout_s,
        transferred_bytes=outcome.stream_gib * 2**30,
        ticket=[f"T-{i}, weekly" for i in range(40)],
    )
    path = tmp_path_factory.mktemp("own") / "measured.csv"
    rows.to_csv(path, index=False)
    return path


def run(*arguments):
    return CliRunner().invoke(main, [str(a) for a in arguments])


@pytest.fixture(scope="module")
def host_file(measured):
    """What ``calibrate own.csv --out`` writes."""
    path = measured.with_name("host.yml")
    result = run("calibrate", measured, "--name", "mine", "--out", path)
    assert result.exit_code == 0, result.output
    return path


def test_calibrate_writes_a_host_that_is_right(host_file):
    """The hand-off is found within 3 %, from a file of the reader's own."""
    host = load_host(host_file)
    assert (host.name, host.migrations) == ("mine", 40)
    assert host.estimate("handoff_ms").value == pytest.approx(350, rel=0.03)


def test_calibrate_prints_the_same_host_as_json(measured, host_file):
    """One JSON object on standard output and nothing else: the host file's content."""
    result = run("calibrate", measured, "--name", "mine", "--json")
    assert host_content(load_host(host_file)) == json.loads(result.stdout)


def test_validate_on_the_calibrated_host_is_better(measured, host_file):
    """Time within 2 % at the 90th percentile, downtime within 20 ms instead of 150."""
    without, with_it = (
        json.loads(run("validate", measured, *host, "--json").stdout) for host in ([], ["--host", host_file])
    )
    assert with_it["n"] == with_it["n_completed"] == 40
    assert with_it["total_s"]["p90_relative_error"] < 0.03
    assert with_it["downtime_ms"]["p90_absolute_error"] < 20
    assert without["downtime_ms"]["median_absolute_error"] == pytest.approx(150, abs=20)
    assert with_it["coverage"]["90"] >= 0.8


def test_validate_says_it_to_a_person(measured, host_file):
    """A table of readable figures with its units."""
    text = run("validate", measured, "--host", host_file).stdout
    assert "time median" in text
    assert " ms" in text
    assert "in 90 % interval" in text
    assert text.startswith("In-sample: these are the very migrations that the host was calibrated to;")


def test_validate_on_rows_that_the_host_never_saw_is_no_in_sample(measured, host_file):
    """Times of another day are a test; without a host everything is."""
    other = measured.with_name("another_day.csv")
    rows = pd.read_csv(measured)
    rows.assign(total_time_s=rows.total_time_s * 1.01).to_csv(other, index=False)
    for told in (run("validate", other, "--host", host_file), run("validate", measured)):
        assert "In-sample" not in told.stdout


def test_calibrate_tells_a_person_what_it_found(measured):
    """A row an estimate with its interval, its unit and what decided it; what the rows do not tell too."""
    result = run("calibrate", measured)
    rows = [" ".join(line.split()) for line in result.stdout.splitlines()]
    assert rows[0] == "calibrated, calibrated to 40 migrations; intervals hold 90 %:"
    assert any(re.fullmatch(r"handoff_ms [\d.]+ [\d.]+ to [\d.]+ ms the data", row) for row in rows)
    assert "hot_page_share 1 - times default" in rows
    assert "keep it: --out FILE" in result.stderr


def test_cells_with_units_are_read_as_on_the_command_line(measured):
    """MB/s become pages, s stay, GB are powers of ten with a word; another kind is told with its line."""
    path = measured.with_name("in_cells.csv")
    path.write_text("memory_gib,dirty_pages_per_s,total_time_s\n64 GB,80 MB/s,1.5 min\n2 GiB,5,600ms\n")
    table = read_own(path)
    assert table.memory_gib.tolist() == pytest.approx([64e9 / 2**30, 2])
    assert table.dirty_pages_per_s.tolist() == [80e6 / 4096, 5]
    assert table.measured_total_s.tolist() == pytest.approx([90, 0.6])
    assert "read in powers of ten and is 59.605 GiB" in run("observe", path).stdout
    path.write_text("memory_gib,dirty_pages_per_s,total_time_s\n64,80 MB,90\n")
    told = run("validate", path).stderr
    assert "line 2, column dirty_pages_per_s: '80 MB' is not a number: 'MB' is an amount" in told


def test_an_outcome_as_a_column_is_told(measured):
    """A column ``total_s`` would be overwritten by the prediction: name it measured_total_s."""
    rows = pd.read_csv(measured).assign(total_s=1.0)
    path = measured.with_name("outcome.csv")
    rows.to_csv(path, index=False)
    result = run("validate", path)
    assert result.exit_code == 2
    assert "measured_total_s" in result.stderr


def test_a_table_separated_by_semicolons_is_the_same_table(measured):
    """As spreadsheets write it where the decimal sign is a comma."""
    path = measured.with_name("semicolons.csv")
    path.write_text(measured.read_text().replace(",", ";").replace(".", ","))
    result, right = run("validate", path, "--json"), run("validate", measured, "--json")
    assert result.exit_code == 0
    assert result.stdout == right.stdout


def test_a_table_in_other_units_is_offered_and_taken_when_told(measured):
    """Megabits, mebibytes and milliseconds: a question with the first value, and with the option the same."""
    path = measured.with_name("units.csv")
    rows = pd.read_csv(measured)
    other = rows.assign(memory_mib=1024 * rows.memory_gib, total_time_ms=1000 * rows.total_time_s)
    other = other.assign(bandwidth_mbps=1000 * rows.bandwidth_gbps)
    other.drop(columns=["memory_gib", "total_time_s", "bandwidth_gbps"]).to_csv(path, index=False)
    asked = run("validate", path)
    assert asked.exit_code == 2
    first = rows.iloc[0]
    assert f"so that {1000 * first.total_time_s:g} would be {first.total_time_s:g} s" in asked.stderr
    taken, right = run("validate", path, "--accept-units", "--json"), run("validate", measured, "--json")
    figures, wanted = json.loads(taken.stdout), json.loads(right.stdout)
    assert "'total_time_ms' is taken as total_time_s" in " ".join(figures.pop("notes"))
    assert not wanted.pop("notes")
    for name in ("total_s", "transferred_bytes"):
        assert figures[name] == pytest.approx(wanted[name], rel=1e-9)


def test_megabytes_mean_two_things_and_stay_a_question(measured):
    """10**6 or 2**20 bytes: no option takes them."""
    path = measured.with_name("mb.csv")
    rows = pd.read_csv(measured)
    rows.assign(memory_mb=1024 * rows.memory_gib).drop(columns="memory_gib").to_csv(path, index=False)
    result = run("validate", path, "--accept-units")
    assert result.exit_code == 2
    assert "'memory_mb' seems to be in MB" in result.stderr


def test_a_table_of_something_else_is_told_as_that(tmp_path):
    """Neither form: its columns are named, and what a table of migrations has."""
    path = tmp_path / "other.csv"
    path.write_text("city,population\nUlm,126000\n", encoding="utf-8")
    result = run("validate", path)
    assert result.exit_code == 2
    assert "is no table of migrations: none of its columns ('city', 'population')" in result.stderr


@pytest.mark.parametrize("rows", [1, 2])
def test_few_rows_are_validated_but_not_calibrated(measured, rows):
    """One migration can be compared; a host cannot be told from it."""
    path = measured.with_name("few.csv")
    pd.read_csv(measured).head(rows).to_csv(path, index=False)
    assert json.loads(run("validate", path, "--json").stdout)["n"] == rows
    told = run("calibrate", path)
    assert told.exit_code == 2
    assert "too few to calibrate" in told.stderr


def test_rows_without_a_time_do_not_count_against_the_model(measured, host_file):
    """Half the times are missing: shares are those of the other half."""
    rows = pd.read_csv(measured)
    rows.loc[::2, "total_time_s"] = np.nan
    path = measured.with_name("half.csv")
    rows.to_csv(path, index=False)
    figures = json.loads(run("validate", path, "--host", host_file, "--json").stdout)
    assert figures["total_s"]["share_within_10pct"] == 1.0
    assert figures["coverage"]["90"] > 0.6


def test_two_tables_with_different_columns_are_calibrated_together(measured):
    """What one file does not say has its default there."""
    path = measured.with_name("other.csv")
    pd.read_csv(measured).assign(mtu_bytes=9000).to_csv(path, index=False)
    assert run("calibrate", measured, path).exit_code == 0


def test_a_laboratory_file_and_an_own_one_are_no_crash(measured, repository):
    """They are calibrated together; what has no workload there is a kind of its own."""
    path = measured.with_name("workloads.csv")
    pd.read_csv(measured).assign(workload="db").to_csv(path, index=False)
    result = run("calibrate", repository / "data" / "migrations.csv", path, "--json")
    assert result.exit_code == 0, result.output
    host = json.loads(result.stdout)
    assert {e.get("of") for e in host["scales"] if e["name"] == "working_set_gib"} >= {"db", "not told"}


def test_a_table_of_migrations_has_no_passes_but_their_columns():
    """Whoever asks a plain table for its passes finds none: every record has the same columns."""
    found = read_all(["data/migrations.csv"])
    assert len(found.passes) == 0
    assert set(PASS_COLUMNS) <= set(found.passes)
