"""The command line: figures as text or JSON, and mistakes told in a sentence with exit code 2."""

import json

import pandas as pd
import pytest
from click.testing import CliRunner

from analysis.__main__ import main
from analysis.model.migration import migrate
from analysis.observations.lab import DATA
from analysis.parameters import OUTCOMES, PARAMETERS
from analysis.studies.decisions import clients


def run(*arguments):
    return CliRunner().invoke(main, [str(a) for a in arguments])


OUTCOMES_TOLD = [name for name in OUTCOMES if name not in ("throttled_share", "post_copy_s")]
"""A throttle's and post-copy's price are told where there is one."""


def test_predict_without_options_lists_every_outcome():
    """One migration with all defaults, one line an outcome after the answer."""
    result = run("predict")
    assert result.exit_code == 0
    assert [line.split()[0] for line in result.stdout.splitlines()[6:]] == OUTCOMES_TOLD


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
    assert set(rows[0]) == set(PARAMETERS) | set(OUTCOMES) | set(clients.COLUMNS)
    assert rows[2]["total_s"] == pytest.approx(migrate(bandwidth_gbps=10).total_s[0])


def test_predict_text_of_several_shows_what_varies():
    """A table of several migrations begins with the parameter that differs, and goes on with the answer."""
    header = run("predict", "--bandwidth-gbps", "1,10").stdout.splitlines()[0].split()
    assert header[:5] == ["bandwidth_gbps", "total_s", "blackout_s", "converged", "limited_by"]


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
        (["validate"], "Missing argument 'FILES...'"),
        (["validate", "nowhere.csv"], "there is no file nowhere.csv"),
        (["validate", DATA / "passes.csv"], "holds passes, and no file with their migrations was given"),
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
    assert text.startswith("In-sample: 99 % of these migrations")
    assert text.splitlines()[2].split(maxsplit=2) == ["plain", "all", "pre-copy, rate known"]
    for head in ("plain", "all", "By method", "measured (rows) against predicted (columns)"):
        assert head in text
    assert "nan" not in text


def test_validate_says_when_nothing_can_be_compared(tmp_path):
    """A file with only methods that the model does not describe gets a sentence, not an empty table."""
    rows = pd.read_csv(DATA / "migrations.csv").query("method == 'xbzrle'").assign(method="post-copy")
    rows.to_csv(tmp_path / "x.csv", index=False)
    assert "None of the 5 migrations" in run("validate", tmp_path / "x.csv").stdout


def test_a_part_without_migrations_has_no_figures(tmp_path):
    """Where no row is plain pre-copy its column has dashes throughout, no nan."""
    rows = pd.read_csv(DATA / "migrations.csv").query("method == 'xbzrle'")
    rows.to_csv(tmp_path / "x.csv", index=False)
    assert "nan" not in run("validate", tmp_path / "x.csv").stdout


def test_every_method_of_the_laboratory_is_covered():
    """144 migrations by five methods, none left out, and the figures of each method beside."""
    figures = json.loads(run("validate", DATA / "migrations.csv", "--json").stdout)
    assert (figures["n"], figures["left_out"]) == (144, 0)
    assert set(figures["by_method"]) == {"precopy", "xbzrle", "compress", "multifd-zstd", "multifd-zlib"}
    assert sum(part["n"] for part in figures["by_method"].values()) == 144
    assert set(figures["coverage"]) == {"50", "90"}


@pytest.fixture
def host_file(tmp_path):
    """A host with a hand-off of 50 (40 to 60) ms and a link that reaches 90 % of what it says."""
    path = tmp_path / "host.yml"
    path.write_text(
        "parameters:\n- {name: handoff_ms, value: 50, low: 40, high: 60}\n"
        "scales:\n- {name: bandwidth_gbps, value: 0.9, low: 0.88, high: 0.92}\n"
        "scatter: {time: {line_rate: 0.02}}\n"
    )
    return path


def predicted(*arguments):
    return json.loads(run("predict", *arguments, "--json").stdout)[0]


def test_a_host_replaces_defaults(host_file):
    """What is not given is the host's; its factors multiply what is, or what the default is."""
    row = predicted("--host", host_file)
    assert (row["handoff_ms"], row["bandwidth_gbps"]) == (50, 10)
    assert row["applied_bandwidth_gbps"] == pytest.approx(9)


def test_options_override_the_host(host_file):
    """A hand-off given on the command line is the one that counts."""
    assert predicted("--host", host_file, "--handoff-ms", "7")["handoff_ms"] == 7


def test_on_a_host_intervals_stand_beside(host_file):
    """Ends of 50 % and 90 % intervals for times and volumes, nested; none without a host."""
    row = predicted("--host", host_file)
    ends = [row[f"total_s_{end}"] for end in ("low90", "low50", "high50", "high90")]
    assert ends == sorted(ends)
    assert ends[0] < row["total_s"] < ends[-1]
    assert not any(name.endswith("_low90") for name in predicted())
    assert "(90 %:" in run("predict", "--host", host_file).stdout


def test_an_endless_migration_on_a_host_is_null_without_a_warning(host_file):
    """Its intervals are endless too."""
    endless = ["--stop-rule", "qemu", "--dirty-pages-per-s", "1e6", "--working-set-gib", "8"]
    result = run("predict", "--host", host_file, *endless, "--bandwidth-gbps", "1", "--json")
    row = json.loads(result.stdout)[0]
    assert [row[f"total_s{end}"] for end in ("", "_low90", "_high90")] == [None, None, None]
    assert result.stderr == ""


def test_calibrate_tells_a_table_of_transfers(tmp_path):
    """A table that holds no migrations gets a sentence with exit code 2."""
    result = run("calibrate", DATA / "buffers.csv")
    assert result.exit_code == 2
    assert "has no column" in result.stderr


def test_a_preset_says_what_it_chose():
    """Right after the answer the parameters that the preset set, with their values."""
    lines = run("predict", "--preset", "windows_2019").stdout.splitlines()[6:]
    assert lines[0] == "windows_2019 sets, where no option and no host says otherwise:"
    assert lines[1].startswith("  stop_rule = hyperv: which hypervisor's rule")
    assert lines[2] == "  transport = compression: how the memory is moved"
    assert [line.split()[0] for line in lines[4:]] == OUTCOMES_TOLD


def test_a_platform_says_how_far_its_sources_are_apart():
    """5 to 7 s around it where 6 are taken, a hand-off of 1.5 to 88 ms for 10: -1.0085 to +1.078 s in all."""
    given = ["predict", "--preset", "proxmox", "--memory-gib", "4"]
    (row,) = json.loads(run(*given, "--json").stdout)
    low, high = row["preset_spread"]["total_s"]
    assert (low, high) == (pytest.approx(row["total_s"] - 1.0085), pytest.approx(row["total_s"] + 1.078))
    assert row["preset_spread"]["blackout_s"] == pytest.approx(
        [row["blackout_s"] + k for k in (-0.0085, 0.078)]
    )
    told = "  Its sources differ: setup_s 5 to 7 and handoff_ms 1.5 to 88; with these it takes "
    assert told + f"{low:.3g} s to {high:.3g} s, frozen for" in run(*given).stdout
    several = run(*given[:-1], "4,8", "--setup-s", "1").stdout
    assert "  Its sources differ: handoff_ms 1.5 to 88.\n" in several


def test_what_is_given_goes_before_the_preset_and_is_told():
    """An option's value stands beside what the preset would have set; units are shown."""
    text = run("predict", "--preset", "windows_2012r2", "--transport", "tcpip,smb").stdout
    assert (
        "  transport = compression: how the memory is moved  (not here, where smb or tcpip is asked for)"
        in text
    )
    assert "  stream_limit_gbps = 6.5 Gbit/s: ceiling of one connection" in text
    assert "preset" not in text


def test_a_preset_in_json_keeps_the_list_of_rows():
    """Every row has all parameters and outcomes as ever, and two fields more."""
    (row,) = json.loads(run("predict", "--preset", "windows_2019", "--stop-rule", "xen", "--json").stdout)
    assert set(row) == set(PARAMETERS) | set(OUTCOMES) | set(clients.COLUMNS) | {"preset", "preset_sets"}
    assert (row["preset"], row["preset_sets"]) == ("windows_2019", {"transport": "compression"})
    assert (row["transport"], row["stop_rule"]) == ("compression", "xen")
