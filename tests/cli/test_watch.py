"""The verb watch: sources that grow, what is said of them, and that it ends with what observe gives."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from analysis.__main__ import main
from analysis.errors import UserError
from analysis.observations import following
from analysis.observations.files import read_all
from analysis.observations.polls import read_courses
from analysis.observations.tables import TableError
from tests.polls import answer

EXAMPLES = Path(__file__).resolve().parents[1] / "observations" / "examples"
KEY = "d3756404d701"


@pytest.fixture(scope="module")
def lines():
    """Every fourth poll of a near-critical migration as lines of QMP, and its end."""
    polls = read_courses()[KEY][::4]
    last = polls[-1]._replace(time_s=11.998, remaining_bytes=0)
    return [json.dumps({"return": answer(p)}) for p in polls] + [
        json.dumps({"return": answer(last, "completed")})
    ]


def run(*arguments, text=None):
    """The verb, with what it is given on standard input."""
    return subprocess.run([sys.executable, "-m", "analysis", "watch", *map(str, arguments)], input=text,
                          capture_output=True, text=True, timeout=120, check=False)  # fmt: skip


def events(output):
    """The events of an output, each line one."""
    return [json.loads(line) for line in output.splitlines()]


def test_a_file_that_grows_is_followed_to_its_end(tmp_path, lines, monkeypatch):
    """An outlook for each growth, progress that never falls, and at the end the record that observe gives."""
    path, todo = tmp_path / "web.jsonl", [lines[:8], *([line] for line in lines[8::4]), lines[-1:]]

    def grow(_):
        time.sleep(0.01)
        with path.open("a") as out:
            out.writelines(line + "\n" for line in todo.pop(0))

    grow(0)
    follow = following.follow_file
    monkeypatch.setattr(following, "follow_file", lambda path, interval: follow(path, interval, grow))
    monkeypatch.setattr("analysis.cli.watch.PATIENCE", 0.0)
    result = CliRunner().invoke(
        main, ["watch", str(path), "--json", "--interval", "0.01", "--pass-limit", "29"]
    )
    assert result.exit_code == 0
    told = events(result.output)
    assert [told[0]["event"], told[-1]["event"]] == ["begin", "end"]
    looks = [e for e in told if e["event"] == "outlook"]
    progress = [e["progress"] for e in looks]
    assert progress == sorted(progress)
    assert len(looks) > 5
    assert looks[-1]["end_s"] == pytest.approx(12, rel=0.1)
    assert looks[-1]["downtime_limit_ms"] == 100
    assert told[-1]["status"] == "completed"
    found = read_all([path])
    assert told[-1]["record"]["migrations"][0]["measured_total_s"] == 11.998
    assert len(told[-1]["record"]["passes"]) == len(found.passes)


def test_standard_input_is_read_as_it_comes(lines):
    """Lines for a person: where it is, when it ends, what binds; then the record."""
    seen = run("-", "--interval", "0.01", "--pass-limit", "29", text="\n".join(lines[:-1]) + "\n")
    assert seen.returncode == 0
    assert "told by answers of QEMU's query-migrate" in seen.stdout
    assert "ends in" in seen.stdout
    assert "binds: " in seen.stdout
    assert "looks at the dirty pages" in seen.stdout


DOMJOBINFO = """Job type:         {kind}
Time elapsed:     {ms}           ms
Data processed:   {sent} MiB
Data remaining:   {left} MiB
Memory processed: {sent} MiB
Memory remaining: {left} MiB
Memory total:     1024.000 MiB
Iteration:        {pass_}
"""


def test_a_command_is_asked_again_and_the_completed_job_at_the_end(tmp_path):
    """domjobinfo forgets a job when it ends: --completed tells its totals."""
    state, asked = tmp_path / "n", []

    def answers(words):
        asked.append(words)
        number = len(asked)
        if "--completed" in words:
            told = DOMJOBINFO.format(kind="Completed", ms=5000, sent="500.000", left="0.000", pass_=2)
            return subprocess.CompletedProcess(words, 0, told + "Total downtime:   40 ms\n", "")
        if number > 4:
            return subprocess.CompletedProcess(words, 0, "Job type:         None\n\n", "")
        told = DOMJOBINFO.format(kind="Unbounded", ms=1000 * number, sent=f"{100 * number}.000",
                                 left=f"{500 - 100 * number}.000", pass_=1)  # fmt: skip
        return subprocess.CompletedProcess(words, 0, told, "")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(following, "_run", answers)
        spool = list(following.follow_command("virsh domjobinfo web", state, 0.0, lambda _: None))[-1]
    found = read_all([spool])
    assert found.migrations.status.tolist() == ["completed"]
    assert found.migrations.measured_total_s.tolist() == [5.0]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "give one source"),
        (["-", "--command", "virsh domjobinfo web"], "give one source"),
        (["nothing.log"], "there is no file nothing.log"),
        (["."], "is a folder"),
        (["--command", "no-such-program at all"], "cannot run 'no-such-program'"),
        (["--command", "false"], "failed: it ended with 1"),
        (["--command", ""], "--command is empty"),
        (["-", "--pass-limit", "1,2"], "pass_limit has 2 values"),
        (["README.md"], "is none of what is read here"),
    ],
)
def test_a_mistake_is_told_in_a_sentence(arguments, sentence):
    """Exit code 2, what was given and what is allowed."""
    result = CliRunner().invoke(main, ["watch", *arguments])
    assert result.exit_code == 2
    assert sentence in " ".join(result.output.split())


def test_a_source_that_tells_of_no_migration_is_told():
    """An end of input before any migration."""
    seen = run("-", text="")
    assert (seen.returncode, seen.stderr.strip()) == (2, "error: the source ended, and told of no migration")


def test_counters_of_hyper_v_are_followed():
    """A recording by typeperf that is over: the same row as observe tells."""
    seen = run(EXAMPLES / "typeperf.csv", "--json")
    assert seen.returncode == 0
    (migration,) = events(seen.stdout)[-1]["record"]["migrations"]
    (row,) = read_all([EXAMPLES / "typeperf.csv"]).migrations.to_dict("records")
    assert migration["measured_total_s"] == row["measured_total_s"]


def test_what_stdin_holds_grows_with_what_is_written(tmp_path):
    """Each piece that is written is there when the source is read again."""
    near, far = os.pipe()
    with os.fdopen(near, "rb") as source, os.fdopen(far, "wb") as sink:
        news = following.follow_stdin(source, tmp_path / "spool")
        for piece in (b"one\n", b"two\n"):
            sink.write(piece)
            sink.flush()
            assert next(news).read_bytes().endswith(piece)


def test_courses_of_another_form_are_told():
    """A line without polls: file, line, and what is wrong."""
    with pytest.raises(TableError, match=r"line 1: this is no course"):
        read_courses(EXAMPLES / "qemu.jsonl")


def test_no_qemu_is_told(tmp_path):
    """A socket on which nobody listens."""
    with pytest.raises(UserError, match="there is no QEMU at"):
        next(following.follow_qmp(tmp_path / "none.sock", tmp_path / "spool", 0.0))
