"""Tables that once gave a wrong figure without a word, sources that were misnamed, notes that got lost."""

import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner

from analysis.__main__ import main
from analysis.observations import columns, sources
from analysis.observations.files import read_measured
from analysis.observations.lab import DATA, read_migrations, read_passes
from analysis.observations.recognise import read_record
from analysis.observations.tables import TableError
from analysis.observations.transfers import read_transfers
from tests.observations import forms

SILENT = Path(__file__).parent / "examples" / "silent"
ONE = forms.Migration()
OWN = (
    "memory_gib,bandwidth_gbps,dirty_pages_per_s,total_time_s\n8,10,1000,9.1\n8,10,1000,9.2\n16,10,1000,16\n"
)


def run(*arguments):
    """The command line with these arguments."""
    return CliRunner().invoke(main, [str(a) for a in arguments])


def written(folder, text, name="own.csv"):
    """A file with this text."""
    (folder / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    return folder / name


# --- a column that decides is missing, or has another name or unit ------------------------------


@pytest.mark.parametrize("verb", ["validate", "calibrate", "observe"])
@pytest.mark.parametrize(
    ("name", "sentences"),
    [
        ("table_without_memory.csv", ["'memory_mb'", "did you mean 'memory_gib'?", "wanted in GiB", "in MB"]),
        ("table_other_names.csv", ["'memory_gib [GiB]'", "'link_gbps': did you mean 'bandwidth_gbps'?",
                                   "'dirty_rate': did you mean 'dirty_pages_per_s'?", "in pages/s"]),
    ],
)  # fmt: skip
def test_a_column_in_another_unit_is_a_question(verb, name, sentences):
    """Which column is missing, which of those given looks like it, and in what unit it is wanted."""
    result = run(verb, SILENT / name)
    assert result.exit_code == 2
    for sentence in sentences:
        assert sentence in result.stderr


@pytest.mark.parametrize("name", ["memory_gib", "bandwidth_gbps", "dirty_pages_per_s"])
@pytest.mark.parametrize("verb", ["validate", "calibrate"])
def test_what_a_figure_depends_on_has_no_default(tmp_path, name, verb):
    """Without memory, line rate or writes there is no figure, and the sentence says what the column means."""
    path = written(tmp_path, OWN.replace(name, "ticket"))
    result = run(verb, path)
    assert result.exit_code == 2
    assert f"own.csv has no column {name}, and every figure depends on it" in result.stderr


@pytest.mark.parametrize(
    ("name", "stem", "unit"),
    [("MemoryMB", "memory", "MB"), ("memory [MiB]", "memory", "MiB"),
     ("link speed (Gbps)", "link_speed", "Gbit/s"),
     ("DowntimeMs", "downtime", "ms"), ("total_time_ms", "total_time", "ms"), ("ticket", "ticket", "")],
)  # fmt: skip
def test_names_and_their_units(name, stem, unit):
    """However a unit is written, the name without it is the same."""
    assert columns.stem_and_unit(name) == (stem, unit)


def test_a_laboratory_table_without_its_status(tmp_path):
    """It is one of the laboratory's that lacks a column, and no table of one's own with a misspelt memory."""
    rows = pd.read_csv(DATA / "migrations.csv").drop(columns="status")
    path = tmp_path / "lab.csv"
    rows.to_csv(path, index=False)
    for verb in ("validate", "calibrate", "observe"):
        result = run(verb, path)
        assert result.exit_code == 2
        assert "has no column status" in result.stderr


# --- figures that cannot be ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("column", "value", "sentence"),
    [
        ("total_time_s", -5, "total_time_s = -5 is not allowed: it takes more than 0"),
        ("total_time_s", 0, "total_time_s = 0 is not allowed: it takes more than 0"),
        ("total_time_s", "inf", "total_time_s = inf is not allowed"),
        ("downtime_s", 999, "downtime_s = 999 is longer than total_time_s"),
        ("downtime_s", -1, "downtime_s = -1 is not allowed: it takes 0 or more"),
        ("transferred_bytes", -1, "transferred_bytes = -1 is not allowed"),
        ("transferred_bytes", 10**13, "Gbit/s carry at most"),
        ("link_mbit_per_s", 0, "link_mbit_per_s = 0 is not allowed"),
        ("status", "Completed", "status = 'Completed' is not known; did you mean 'completed'?"),
        ("status", "lost", "it is one of completed, timeout"),
    ],
)
def test_a_figure_of_the_laboratory_that_cannot_be(tmp_path, column, value, sentence):
    """Told with line, column and value by every verb, as tables of one's own have it."""
    rows = pd.read_csv(DATA / "migrations.csv", dtype=str, keep_default_na=False)
    rows.loc[7, column] = str(value)
    path = tmp_path / "lab.csv"
    rows.to_csv(path, index=False)
    with pytest.raises(TableError) as told:
        read_migrations(path)
    assert f"{path}, line 9: " in str(told.value)
    assert sentence in str(told.value)
    assert run("validate", path).exit_code == 2


@pytest.mark.parametrize(
    ("column", "value"),
    [("goodput_mbit_s", -1), ("goodput_mbit_s", 0), ("goodput_mbit_s", "inf"), ("goodput_mbit_s", 10**6),
     ("rate_mbit_s", 0), ("one_way_delay_us", -3), ("n_rx", 0)],
)  # fmt: skip
def test_a_figure_of_the_link_that_cannot_be(tmp_path, column, value):
    """buffers.csv passes the same checks: line, column and value."""
    rows = pd.read_csv(DATA / "buffers.csv", dtype=str, keep_default_na=False)
    rows.loc[3, column] = str(value)
    path = tmp_path / "link.csv"
    rows.to_csv(path, index=False)
    with pytest.raises(TableError, match=rf"link\.csv, line 5: {column} = "):
        read_transfers(path)
    assert run("validate", path).exit_code == 2


def test_a_figure_of_a_pass_that_cannot_be(tmp_path):
    """No look at the dirty pages found less than none."""
    rows = pd.read_csv(DATA / "passes.csv", dtype=str, keep_default_na=False)
    rows.loc[2, "pages_found_dirty"] = "-4"
    path = tmp_path / "passes.csv"
    rows.to_csv(path, index=False)
    with pytest.raises(TableError, match="line 4: pages_found_dirty = -4 is not allowed"):
        read_passes(path)


def test_rows_marked_as_failed_are_not_fitted():
    """Ten of eleven are marked: they are left out and told, and the one that is left is too few to fit."""
    path = SILENT / "table_with_status.csv"
    found = read_measured(path)
    assert found.migrations.migration.tolist() == ["m10"]
    assert "10 of 11 migrations are marked as failed or cancelled (lines 2, 3, 4, ...)" in found.notes[0]
    result = run("calibrate", path)
    assert (result.exit_code, "10 of 11 migrations" in result.stderr) == (2, True)
    assert "1 completed migrations are too few" in result.stderr


def test_verdicts_in_any_spelling():
    """``Never`` is never: five migrations have no time to be compared."""
    figures = json.loads(run("validate", SILENT / "table_verdict_words.csv", "--json").stdout)
    assert (figures["n"], figures["n_completed"]) == (11, 6)
    assert sum(figures["convergence"]["table"]["never"].values()) == 5


def test_an_unknown_verdict(tmp_path):
    """The words that are known are told with the line."""
    text = (SILENT / "table_verdict_words.csv").read_text().replace("Never", "sometimes", 1)
    result = run("validate", written(tmp_path, text))
    assert result.exit_code == 2
    assert (
        "line 3: measured_verdict = 'sometimes' is not known; it is one of converged, forced, never"
        in result.stderr
    )


def test_a_recording_that_sent_more_than_its_link_carries(tmp_path):
    """What is known of the link and what was recorded contradict each other: a sentence, no fit."""
    parts = [
        {"migration": "m", "known": {"bandwidth_gbps": 0.01, "dirty_pages_per_s": 5}},
        *forms.qmp(ONE, "m"),
    ]
    path = written(tmp_path, forms.json_lines(parts), "m.jsonl")
    result = run("validate", path)
    assert result.exit_code == 2
    assert "more than bandwidth_gbps = 0.01 carries" in result.stderr


# --- one migration given twice -------------------------------------------------------------------


def test_one_file_given_three_times(tmp_path):
    """Ten migrations stay ten, and a note says which file is the same as which."""
    path = DATA / "example_qemu.jsonl"
    copy = written(tmp_path, path.read_bytes(), "copy.jsonl")
    found = read_measured([path, path, copy])
    assert len(found.migrations) == 10
    assert [note.split(": ", 1)[1] for note in found.notes[:2]] == [
        f"this is the same as {path}; it counts once"
    ] * 2


def test_events_and_counters_of_one_migration(tmp_path):
    """One migration: durations by the events, bytes and passes by the counters; whichever clock they have."""
    text = forms.events_csv(ONE)
    for second, at in ((30, "7:42:13"), (31, "7:42:14"), (32, "7:42:14")):
        text = text.replace(f"9:42:{second} PM", f"{at} PM")
    log = written(tmp_path, text.replace("1000 ms", "900 ms").replace("1.000 s", "0.900 s"), "log.csv")
    counted = written(tmp_path, forms.pdh(ONE), "counters.csv")
    known = written(
        tmp_path, "migration,memory_gib,bandwidth_gbps,dirty_pages_per_s\nweb,0.25,1,2000\n", "k.csv"
    )
    found = read_measured([log, counted, known])
    (row,) = found.migrations.itertuples()
    assert (row.measured_brownout_s, row.measured_blackout_s) == (11, 0.9)
    assert row.measured_stream_gib == pytest.approx(ONE.stream_bytes / 2**30)
    assert len(found.passes) == 4
    assert any("log.csv: web is web of counters.csv, too; it counts once" in note for note in found.notes)


def test_two_migrations_that_only_look_alike(tmp_path):
    """Events an hour and seven minutes later are of another migration."""
    text = forms.events_csv(ONE).replace(" 9:42:", " 10:49:")
    log, counted = written(tmp_path, text, "log.csv"), written(tmp_path, forms.pdh(ONE), "counters.csv")
    found = json.loads(run("observe", log, counted, "--json").stdout)
    assert len(found["migrations"]) == 2


# --- notes that got lost ---------------------------------------------------------------------------

KNOWN = SILENT / "events_without_totals_known.csv"


def test_events_with_pages_are_calibrated():
    """Pages that an event tells are an outcome that was measured: a host, and the note about set-up."""
    result = run("calibrate", SILENT / "events_with_pages.csv", KNOWN, "--json")
    assert result.exit_code == 0
    assert json.loads(result.stdout)["migrations"] == 4


def test_a_setup_that_the_rows_do_not_decide_is_told():
    """Brownout and blackout have no set-up in them: it is not fitted, and a sentence says so."""
    result = run("calibrate", SILENT / "events_without_totals.csv", KNOWN, "--json")
    host = json.loads(result.stdout)
    assert "setup_s" not in [e["name"] for e in host["parameters"]]
    assert "setup_s is not decided by these rows" in result.stderr
    assert "it is brownout and blackout, without set-up" in result.stderr


def test_a_total_without_setup_is_compared_without_it():
    """Four machines at rest on 10 Gbit/s: the model without its 2 s of set-up is within 1 %."""
    result = run("validate", SILENT / "events_without_totals.csv", KNOWN, "--json")
    assert json.loads(result.stdout)["total_s"]["p90_relative_error"] < 0.01


@pytest.mark.parametrize("verb", ["validate", "calibrate"])
@pytest.mark.parametrize("as_json", [True, False])
def test_every_verb_tells_what_the_readers_noticed(verb, as_json):
    """On standard error or under ``notes``; standard output of --json is JSON and nothing else."""
    arguments = [verb, SILENT / "events_with_pages.csv", KNOWN, *(["--json"] if as_json else [])]
    result = run(*arguments)
    told = result.stderr
    if as_json:
        told += "".join(json.loads(result.stdout).get("notes", []))
    assert "no event tells the total time of vm1" in told


def test_every_verdict_of_validate_has_its_notes(tmp_path):
    """Also where there is nothing to note."""
    assert json.loads(run("validate", written(tmp_path, OWN), "--json").stdout)["notes"] == []
    assert json.loads(run("validate", DATA / "buffers.csv", "--json").stdout)["notes"] == []


def test_validate_takes_the_table_that_its_own_sentence_asks_for(tmp_path):
    """What a recording does not tell stands in a table beside it, for validate too."""
    counted = written(tmp_path, forms.pdh(ONE), "counters.csv")
    result = run("validate", counted)
    assert (result.exit_code, "give a table with the columns migration" in result.stderr) == (2, True)
    known = written(
        tmp_path, "migration,memory_gib,bandwidth_gbps,dirty_pages_per_s\nweb,0.25,1,2000\n", "k.csv"
    )
    assert json.loads(run("validate", counted, known, "--json").stdout)["n"] == 1


def test_a_fit_that_is_not_decided_says_so():
    """Three alike rows tell a total and nothing else: what stays at its default is named in the host."""
    from analysis.studies.hosts.calibration import calibrate

    rows = pd.DataFrame({"memory_gib": [4.0] * 3, "bandwidth_gbps": 1.0, "dirty_pages_per_s": 0.0})
    host = calibrate(rows.assign(measured_total_s=[36.0, 36.1, 36.2]))
    (told,) = [said for said in host.undecided if said.startswith("not decided by these rows")]
    assert "handoff_ms (200 ms)" in told
    assert not {"handoff_ms"} & {e.name for e in host.estimates}


# --- sources ---------------------------------------------------------------------------------------


def piped(arguments, text):
    """The command line in a process of its own that reads its standard input."""
    command = [sys.executable, "-m", "analysis", *map(str, arguments)]
    return subprocess.run(command, input=text, capture_output=True, text=True, check=False, timeout=300)


def test_standard_input_is_read():
    """``observe /dev/stdin`` reads what is piped to it."""
    result = piped(["observe", "/dev/stdin", "--json"], forms.json_lines(forms.qmp(ONE)))
    assert [row["measured_total_s"] for row in json.loads(result.stdout)["migrations"]] == [ONE.total_s]


def test_a_pipe_is_read_as_often_as_needed(tmp_path):
    """A named pipe, written once, is a table of one's own; what is written to it later is another."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for more in ("", "32,10,1000,30\n"):
        writer = threading.Thread(target=pipe.write_text, args=(OWN + more,))
        writer.start()
        found = read_measured(pipe)
        writer.join()
        assert len(found.migrations) == 3 + bool(more)


def test_a_pipe_without_a_writer_is_told(tmp_path, monkeypatch):
    """It does not hang: after a while a sentence."""
    monkeypatch.setattr(sources, "PATIENCE_S", 0.05)
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for read in (read_record, read_measured):
        with pytest.raises(TableError, match="is a named pipe, and nothing writes to it"):
            read(pipe)


@pytest.mark.parametrize("verb", ["observe", "validate", "calibrate"])
def test_what_is_no_file_ends_in_a_sentence(tmp_path, verb):
    """A link to itself, a device, a folder, a name that is too long."""
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    odd = {loop: "is a link that leads to itself", "/dev/null": "is a device, not a file"}
    for path, sentence in (odd | {tmp_path: "is a folder, not a file", "x" * 5000: "cannot be read"}).items():
        result = run(verb, path)
        assert result.exit_code == 2, (result.output, result.exception)
        assert sentence in result.stderr


@pytest.mark.parametrize("verb", ["observe", "validate", "calibrate"])
@pytest.mark.parametrize(
    "text",
    ['{"status":{"phase":"Running"}}', '{"status": "Running"}', '[{"kind": "Pod"}]', '{"ram": []}',
     '{"known": {"bandwidth_gbps": 1e400}}', '{"migration": {"a": 1}}', "[[]]", '{"return": {"status": 7}}',
     '{"status": "active", "ram": "x", "total-time": []}'],
)  # fmt: skip
def test_json_of_any_other_program_ends_in_a_sentence(tmp_path, verb, text):
    """No traceback: exit code 2 and one sentence, or for an answer without figures what is missing."""
    result = run(verb, written(tmp_path, text, "other.json"))
    assert result.exception is None or isinstance(result.exception, SystemExit)
    assert result.exit_code in ((0, 2) if verb == "observe" else (2,))


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-8-sig"])
@pytest.mark.parametrize("change", [lambda t: t, lambda t: "\n\r\n" + t, lambda t: t.replace(",", "\t")])
def test_valid_tables_are_read(tmp_path, encoding, change):
    """UTF-16 with or without a mark, blank lines first, tabs."""
    found = read_measured(written(tmp_path, change(OWN).encode(encoding)))
    assert found.migrations.measured_total_s.tolist() == [9.1, 9.2, 16]
