"""How watch tells what it sees: on a terminal, beside events, when it is stopped; and where it looks."""

import io
import json
import math
import re
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner
from rich.console import Console
from rich.live import Live

from analysis.__main__ import main
from analysis.cli import watch
from analysis.observations import following
from analysis.observations.polls import read_courses
from analysis.observations.tables import TableError
from analysis.studies.running.levers import Lever
from analysis.studies.running.watching import Watch
from tests.polls import answer

KEY = "d3756404d701"


@pytest.fixture(scope="module")
def log(tmp_path_factory):
    """Polls of a migration near the limit, which does not end in them."""
    path = tmp_path_factory.mktemp("watch") / "web.jsonl"
    path.write_text("".join(json.dumps({"return": answer(poll)}) + "\n" for poll in read_courses()[KEY][::4]))
    return path


def run(*arguments):
    """The verb in this process."""
    return CliRunner().invoke(main, ["watch", *map(str, arguments), "--interval", "0.01"])


@pytest.fixture
def seen(log):
    """What is seen of it at its last poll."""
    return watch.Reading(Watch({}, None), {}).now(log, last=True)


def test_standard_input_and_a_command_are_sources(log, monkeypatch):
    """What is piped in, and what a command answers until it tells of no job, as a file with it."""
    monkeypatch.setattr(following, "follow_stdin", lambda stream, spool: iter([log]))
    piped = run("-", "--json")
    assert piped.exit_code == 0
    assert json.loads(piped.output.splitlines()[-1])["event"] == "end"
    asked = iter([log.read_text(), ""])
    monkeypatch.setattr(
        following,
        "_run",
        lambda words: following.subprocess.CompletedProcess(words, 0, next(asked), ""),
    )
    by_command = run("--command", "virsh qemu-monitor-command web", "--json")
    ends = [json.loads(result.output.splitlines()[-1]) for result in (piped, by_command)]
    assert ends[0]["record"]["migrations"][0]["status"] == ends[1]["record"]["migrations"][0]["status"]


def test_a_socket_is_a_source(tmp_path, monkeypatch, log):
    """QEMU's monitor, where a path leads to a socket."""
    monkeypatch.setattr(following, "is_socket", lambda path: True)
    monkeypatch.setattr(following, "follow_qmp", lambda path, spool, interval: iter([log]))
    assert "told by answers of QEMU" in run(tmp_path / "qmp.sock").output


def test_one_migration_takes_one_value(log):
    """A list of values is a mistake, told by name."""
    done = run(log, "--pass-limit", "29,30")
    assert done.exit_code == 2
    assert "pass_limit has 2 values; watch follows one migration and takes one" in done.output


def test_stopped_it_says_what_it_saw(log, monkeypatch):
    """Ctrl-C: what was seen of it, and that it goes on; before anything was seen that alone."""

    def stopped(path, interval):
        if "seen" in asked:
            yield log
        raise KeyboardInterrupt

    monkeypatch.setattr(following, "follow_file", stopped)
    for asked in (["seen"], []):
        done = run(log)
        assert done.exit_code == 130
        assert "stopped; the migration goes on" in done.output
        assert ("told by answers of QEMU" in done.output) == bool(asked)


def test_on_a_terminal_a_line_moves(seen):
    """Head once, then one place that is written anew, asides above it; the record when it ends."""
    out = io.StringIO()
    console = Console(file=out, force_terminal=True, width=60, highlight=False)
    with Live(console=console, transient=True, auto_refresh=False) as live:
        teller = watch._Moving(live)
        teller.show(seen)
        teller.aside("the source tells [nothing] new")
        assert "binds: " in live.get_renderable().plain
        assert max(map(len, live.get_renderable().plain.splitlines())) <= 60
        teller.end(seen)
    assert "the source tells [nothing] new" in out.getvalue()


def test_a_terminal_is_told_so(monkeypatch):
    """Events where they are asked for, a moving line on a terminal, lines elsewhere."""
    kinds = []
    for as_json, terminal in ((True, True), (False, False), (False, True)):
        monkeypatch.setattr(sys.stdout, "isatty", lambda terminal=terminal: terminal, raising=False)
        with watch._teller(as_json) as teller:
            kinds.append(type(teller).__name__)
    assert kinds == ["_Events", "_Lines", "_Moving"]


@pytest.mark.parametrize("teller", [watch._Events, watch._Lines])
def test_the_same_is_told_once(teller, seen, capsys):
    """Seen again it has no line of its own; without an outlook there is its begin alone."""
    one = teller()
    one.show(replace(seen, outlook=None))
    assert len(capsys.readouterr().out.splitlines()) == 1
    one.show(seen)
    first = capsys.readouterr().out
    one.show(seen)
    assert first
    assert capsys.readouterr().out == ""


def test_events_keep_asides_apart(capsys):
    """What is said of the source goes to standard error."""
    watch._Events().aside("web.log is gone")
    assert capsys.readouterr() == ("", "web.log is gone\n")


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("raise_limit", 500.0, "a downtime limit of 500 ms (frozen 420 ms)"),
        ("throttle", 0.2, "slowing the guest by 20% (frozen 420 ms)"),
        ("pause", math.nan, "pausing it (frozen 420 ms)"),
        ("cancel", math.nan, "cancelling: it does not converge, and nothing here would make it"),
    ],
)
def test_what_would_help_is_told(name, value, said):
    """One thing to do, and what it brings."""
    one = Lever(name, value, end_s=9.0, blackout_s=0.42, converge_chance=1.0)
    assert watch.lever(one) == said


def test_times_are_told_as_a_person_reads_them():
    """Milliseconds, seconds with a digit, minutes; and never."""
    told = [watch.span(seconds) for seconds in (-1, 0.42, 4.21, float("inf"))]
    assert told == ["0 ms", "420 ms", "4.2 s", "ever"]


def test_a_path_of_a_source_is_not_told(log):
    """The folder of what is followed stands in no sentence."""
    assert watch.Reading._plain(Path("/a/b/web.log"), ["/a/b/web.log: cut off"]) == ["web.log: cut off"]


def test_one_that_is_not_there_yet_is_waited_for(log, capsys, monkeypatch):
    """Which others there are is said once; that it never came is an error of the source."""
    reading = watch.Reading(Watch({}, None, "other"), {})
    assert [reading.now(log) for _ in range(2)] == [None, None]
    said = capsys.readouterr().err
    assert said.count("no migration 'other' so far, which is waited for; there are ") == 1
    monkeypatch.setattr(following, "follow_file", lambda path, interval: iter([path]))
    done = run(log, "--migration", "other")
    assert (done.exit_code, done.exception is None or isinstance(done.exception, SystemExit)) == (2, True)
    assert "the source ended, and told of no migration" in done.output


def test_what_has_no_migration_yet_is_none_until_the_end(tmp_path, log):
    """An empty file, and one whose first lines tell of none."""
    reading = watch.Reading(Watch({}, None), {})
    empty, begun = tmp_path / "empty", tmp_path / "begun.jsonl"
    empty.touch()
    assert reading.now(empty, last=True) is None
    begun.write_text('{"re')
    assert reading.now(begun) is None
    with pytest.raises(TableError):
        reading.now(begun, last=True)


def test_what_is_not_known_is_not_told(seen):
    """No pause, no end, nothing that would help, no dirty rate, no pass: the line does without."""
    known = replace(seen.outlook, blackout_s=0.1, blackout_high90_s=0.2, end_s=99.0, dirty_pages_per_s=5.0)
    unknown = replace(
        known, blackout_s=math.inf, end_s=math.inf, levers=(), dirty_pages_per_s=math.nan, pass_number=0
    )
    assert "frozen 100 ms (up to 200 ms)" in watch.lines(known)[0]
    assert "5 dirty pages/s" in watch.lines(known)[0]
    (line,) = watch.lines(unknown)
    assert "does not end by itself" in line
    assert watch.NOT_TOLD in line
    assert not re.search(r"frozen|dirty pages/s|would help", line)
    with_lever = replace(unknown, levers=(Lever("pause", math.nan, 9.0, 0.42, 1.0),))
    assert watch.lines(with_lever)[1] == "     would help now: pausing it (frozen 420 ms)"
