"""The verb `observe`, and what the host's own files are worth to `calibrate` and `validate`."""

import json

import pandas as pd
import pytest
from click.testing import CliRunner

from analysis.__main__ import main
from analysis.observations.files import read_observed
from analysis.observations.lab import DATA, read_migrations, read_passes
from analysis.observations.qmp import as_qmp, write_qmp
from analysis.observations.recognise import read_record, recognise
from analysis.observations.tables import TableError
from analysis.studies.hosts.calibration import calibrate
from analysis.studies.validation.migrations import compare, error_table


def run(*arguments):
    return CliRunner().invoke(main, [str(a) for a in arguments])


@pytest.fixture(scope="module")
def laboratory(tmp_path_factory):
    """All migrations of the laboratory as QEMU would have told them."""
    path = tmp_path_factory.mktemp("qmp") / "laboratory.jsonl"
    write_qmp(path, as_qmp())
    return path


def test_the_laboratory_in_qmp_form_is_the_laboratory(laboratory):
    """Totals and the pages that each look found survive the way to QMP's form and back; nothing is odd."""
    found, migrations, passes = read_record(laboratory), read_migrations(), read_passes()
    assert found.notes == []
    both = found.migrations.merge(migrations, on="migration", suffixes=("", "_lab"))
    assert len(both) == len(migrations)
    done = both[both.status == "completed"]
    for name in ("measured_total_s", "measured_blackout_s", "measured_stream_gib", "bandwidth_gbps"):
        assert done[name].to_numpy() == pytest.approx(done[f"{name}_lab"].to_numpy()), name
    looks = found.passes.merge(passes, on=["migration", "pass_number"], suffixes=("", "_lab"))
    assert len(looks) == len(passes)
    assert looks.dirtied_pages.tolist() == looks.dirtied_pages_lab.tolist()
    assert looks.time_s.to_numpy() == pytest.approx(looks.time_s_lab.to_numpy(), abs=6e-4)


def test_the_laboratory_in_qmp_form_is_calibrated_and_predicted(laboratory):
    """End to end: read, calibrated, predicted, within 4 % in the median and 15 % at the 90th percentile."""
    observed, passes = read_observed(laboratory)
    host = calibrate(observed, measured_passes=passes)
    errors = error_table(compare(observed, host))["total_s"]
    assert errors["median_relative_error"] < 0.04
    assert errors["p90_relative_error"] < 0.15


def test_observe_as_json(laboratory):
    """Migrations, passes and notes; figures that are not known are null."""
    found = json.loads(run("observe", laboratory, "--json").stdout)
    assert {"migrations", "passes", "notes"} <= set(found)
    assert (len(found["migrations"]), len(found["passes"])) == (144, 909)
    assert found["migrations"][0]["measured_total_s"] == 22.146


def test_observe_says_what_a_file_is(laboratory):
    """For a person: what it is, and its migrations."""
    assert run("observe", laboratory).stdout.startswith("answers of QEMU's query-migrate: 144 migrations")
    assert run("observe", DATA / "migrations.csv").stdout.startswith("a table of migrations: 144 migrations")


def test_validate_takes_what_a_host_recorded(laboratory):
    """`validate` sets the model beside migrations in QMP form."""
    assert json.loads(run("validate", laboratory, "--json").stdout)["n"] == 143


def test_what_is_not_told_is_asked_for(tmp_path):
    """Without the link nothing can be calibrated; a table by migration tells it."""
    keys = read_migrations().migration[:4]
    plain = [{n: v for n, v in answer.items() if n != "known"} for answer in as_qmp(keys=keys)]
    path, known = tmp_path / "plain.jsonl", tmp_path / "known.csv"
    write_qmp(path, plain)
    with pytest.raises(TableError, match="does not tell bandwidth_gbps, dirty_pages_per_s: give a table"):
        read_observed(path)
    rows = read_migrations().set_index("migration").loc[keys, ["bandwidth_gbps", "dirty_pages_per_s"]]
    rows.reset_index().to_csv(known, index=False)
    observed, _ = read_observed([path, known])
    assert observed.bandwidth_gbps.tolist() == rows.bandwidth_gbps.tolist()


def test_one_bad_file_among_good_ones(laboratory, tmp_path):
    """What can be read is read, the other is told; alone it is a mistake with exit code 2."""
    other = tmp_path / "other.txt"
    other.write_text("hello\n", encoding="utf-8")
    together = json.loads(run("observe", laboratory, other, "--json").stdout)
    assert len(together["migrations"]) == 144
    assert "is none of what is read here" in together["notes"][-1]
    assert run("observe", other).exit_code == 2


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--pattern", "("], "is no regular expression"),
        (["--pattern", "(?P<blakout_s>.)"], "has the group 'blakout_s'"),
        (["--name", "Nummer"], "is not of the form LOCAL=ENGLISH"),
    ],
)
def test_mistakes_of_the_user(tmp_path, options, sentence):
    """A pattern or name that cannot be used is told in a sentence."""
    path = tmp_path / "events.csv"
    path.write_text('"Id","Message"\n"20415","1 s"\n', encoding="utf-8")
    result = run("observe", path, *options)
    assert result.exit_code == 2
    assert sentence in result.stderr


def test_a_pattern_reads_what_has_no_unit(tmp_path):
    """A bare number is not guessed; a pattern of the user's says what it is."""
    path = tmp_path / "events.csv"
    path.write_text(
        '"Id","TimeCreated","Message"\n"20415","2026-01-01 00:00:00","took 1200"\n', encoding="utf-8"
    )
    assert pd.isna(read_record(path).migrations.measured_blackout_s[0])
    found = read_record(path, pattern=r"took (?P<blackout_ms>\d+)")
    assert found.migrations.measured_blackout_s[0] == 1.2


@pytest.mark.parametrize("name", ["migrations.csv", "passes.csv"])
def test_tables_of_the_study_are_recognised(name):
    """The study's own tables are told apart by their columns."""
    assert recognise(DATA / name) in ("laboratory", "passes")
