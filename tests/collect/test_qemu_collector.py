"""The collector for QEMU, before a monitor that answers as QEMU's does."""

import importlib.util
import json
import socket
import threading
from pathlib import Path

import pytest

from analysis.observations.qemu import read_qemu

ROOT = Path(__file__).resolve().parents[2]
_SPEC = importlib.util.spec_from_file_location("collector", ROOT / "data" / "collect" / "qemu.py")
collector = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(collector)

GREETING = {"QMP": {"version": {"qemu": {"major": 7}}, "capabilities": []}}


def answer(status, time_ms=0, count=1):
    """An answer of query-migrate."""
    ram = {"transferred": 4096 * time_ms, "remaining": 0, "total": 2**30, "normal": time_ms, "duplicate": 0,
           "dirty-sync-count": count, "page-size": 4096, "mbps": 4096 * 8 / 1000}  # fmt: skip
    return {"status": status, "total-time": time_ms, "ram": ram} | (
        {"downtime": 20} if status == "completed" else {}
    )


COURSE = [{}, {"status": "none"}, answer("setup"), answer("active", 10), answer("active", 900, 2),
          answer("completed", 1000, 3)]  # fmt: skip


@pytest.fixture
def monitor(tmp_path):
    """A function that starts a monitor on a unix socket with the answers it will give; returns the path."""
    server = socket.socket(socket.AF_UNIX)
    path = tmp_path / "qmp.sock"
    server.bind(str(path))
    server.listen(1)
    threads = []

    def serve(answers, greeting):
        connection, _ = server.accept()
        with connection, connection.makefile("rwb") as file:
            say(file, greeting)
            for line in file:
                command = json.loads(line)["execute"]
                if command == "query-migrate" and not answers:
                    return
                say(file, {"event": "MIGRATION_PASS", "data": {"pass": 1}})
                say(file, {"return": answers.pop(0) if command == "query-migrate" else {}})

    def start(answers, greeting=GREETING):
        threads.append(threading.Thread(target=serve, args=(list(answers), greeting), daemon=True))
        threads[0].start()
        return str(path)

    yield start
    server.close()
    for thread in threads:
        thread.join(5)


def say(file, message):
    """Send one line."""
    file.write(json.dumps(message).encode() + b"\r\n")
    file.flush()


def record(path, out, *more):
    """Run the collector as a command."""
    return collector.main([path, "--out", str(out), "--interval", "0", *more])


def test_a_migration_is_recorded_from_begin_to_end(monitor, tmp_path):
    """It waits for the migration, passes over events, ends with it, and what it writes is read."""
    out = tmp_path / "web.jsonl"
    assert record(monitor(COURSE), out, "--name", "web", "--known", "bandwidth_gbps=1", "--known",
                  "write_pattern=zipf") == 0  # fmt: skip
    found = read_qemu(out)
    assert found.notes == []
    row = found.migrations.iloc[0]
    assert (row.migration, row.measured_total_s, row.measured_blackout_s) == ("web", 1.0, 0.02)
    assert (row.bandwidth_gbps, row.write_pattern) == (1.0, "zipf")
    assert len(found.samples) == 4


def test_an_earlier_migration_is_not_taken_for_the_next(monitor, tmp_path):
    """What was completed before the recording is not what is waited for."""
    earlier = answer("completed", 5000, 9)
    out = tmp_path / "web.jsonl"
    assert record(monitor([earlier, earlier, *COURSE[2:]]), out) == 0
    assert read_qemu(out).migrations.measured_total_s.tolist() == [1.0]


def test_a_session_that_ends_keeps_what_was_recorded(monitor, tmp_path, capsys):
    """QEMU may go away in the middle: one sentence, and the samples are in the file."""
    out = tmp_path / "web.jsonl"
    assert record(monitor(COURSE[:-1]), out) == 1
    assert "QEMU ended the session; what was recorded is kept" in capsys.readouterr().err
    assert len(read_qemu(out).samples) == 3


def test_mistakes_are_told_in_a_sentence(monitor, tmp_path, capsys):
    """No socket, or something else than a monitor: exit code 1 and one sentence, and no file is touched."""
    assert record(str(tmp_path / "none.sock"), tmp_path / "a") == 1
    assert "there is no QEMU at" in capsys.readouterr().err
    (tmp_path / "b").write_text("mine", encoding="utf-8")
    assert record(monitor([{}], {"hello": 1}), tmp_path / "b") == 1
    assert "is not QEMU's monitor" in capsys.readouterr().err
    assert (tmp_path / "b").read_text(encoding="utf-8") == "mine"


def test_an_existing_file_is_kept(monitor, tmp_path, capsys):
    """A recording never overwrites another."""
    (tmp_path / "b").write_text("mine", encoding="utf-8")
    assert record(monitor(COURSE), tmp_path / "b") == 1
    assert "exists already" in capsys.readouterr().err


def test_the_script_for_windows_asks_for_what_is_read():
    """Every counter and event that the readers know is in the script, which says that it was not run."""
    from analysis.observations import counters, events

    script = (ROOT / "data" / "collect" / "Record-LiveMigration.ps1").read_text(encoding="utf-8")
    lower = script.lower()
    assert "NOT RUN ON WINDOWS" in script
    assert [name for name in (*counters.OF_MIGRATION, *counters.LOST) if f"'{name}'" not in lower] == []
    assert [number for number in events.IDS if str(number) not in script] == []
