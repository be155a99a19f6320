"""The verb `observe`: what it took a file for, line by line with --explain, and units that are offered."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from analysis.__main__ import main

FORMS = Path(__file__).resolve().parents[1] / "observations" / "examples" / "forms"
SILENT = FORMS.parent / "silent"


def run(*arguments):
    return CliRunner().invoke(main, ["observe", *map(str, arguments)])


@pytest.mark.parametrize("name", ["proxmox_task.log", "kubevirt_list.yaml", "xend.log", "hyperv_20417.csv"])
def test_it_says_what_it_took_a_file_for(name):
    """In words and as JSON, with the file's name."""
    answer = run(FORMS / name)
    sources = json.loads(run(FORMS / name, "--json").stdout)["sources"]
    assert len(sources) == 1
    assert f"{name}: taken for " in sources[0]
    assert sources[0] in answer.stdout


def test_explain_goes_through_a_log_line_by_line():
    """Every line is there once: with what was taken from it, or in a run from which nothing was."""
    lines = json.loads(run(FORMS / "proxmox_task.log", "--explain", "--json").stdout)["explain"]
    covered = [n for one in lines for n in range(one["line"], one["last_line"] + 1)]
    assert covered == list(range(1, 19))
    taken = {one["line"]: one["taken"] for one in lines}
    assert taken[7] == "the limit of the pause: 100 ms"
    assert taken[14] == "the pause: 0.059 s"
    assert taken[12] == "6.9 of 12.6 GiB sent"
    assert taken[2] == "", "starting the machine on the other node is no figure"


def test_explain_of_what_rows_say():
    """Where a reader says nothing of its lines, samples, looks, migrations and notes do."""
    answer = run(FORMS / "qmp_bare_completed.jsonl", "--explain").stdout
    assert "0.5215 GiB sent, 0 GiB left, 0.04 s of pause; look 2: pages found dirty are not told" in answer
    assert "note: 2 looks at the dirty pages fell between two samples" in answer
    assert ".. nothing was taken" in answer, "the third line says again that it is completed"


def test_explain_of_records_without_text():
    """A binary log has records in place of lines."""
    answer = run(FORMS.parent / "events.evtx", "--explain").stdout
    assert "events.evtx, line by line:" in answer
    assert "event 20415" in answer


def test_units_are_asked_and_taken():
    """1000 Mbit/s and 36,900 ms: a question that says what they would be; --accept-units takes them so."""
    path = FORMS / "own_table_units.csv"
    asked = run(path)
    assert asked.exit_code == 2
    assert "so that 1000 would be 1 Gbit/s (--accept-units takes it so)" in asked.stderr
    assert "so that 36900 would be 36.9 s" in asked.stderr
    (row,) = json.loads(run(path, "--accept-units", "--json").stdout)["migrations"]
    assert (row["bandwidth_gbps"], row["measured_total_s"]) == (1.0, 36.9)
