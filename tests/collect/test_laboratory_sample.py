"""The laboratory's sample on this machine: two minutes of real migrations, where there is QEMU and root."""

import csv
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from analysis.observations.polls import read_courses
from data.collect.laboratory import needs
from data.collect.laboratory.records import Records

ROOT = Path(__file__).resolve().parents[2]
COMMAND = [sys.executable, "-m", "data.collect.laboratory", "--sample", "--out"]
pytestmark = pytest.mark.nightly


@pytest.fixture(scope="module", autouse=True)
def able():
    """Skip with what this machine lacks."""
    if lacking := needs.missing():
        pytest.skip("; ".join(lacking))


def left_behind():
    """Processes, namespaces and folders of laboratories that are on this machine."""
    processes = [each for each in Path("/proc").iterdir() if each.name.isdigit()]
    guests = [each.name for each in processes if b"guest.elf" in words(each)]
    spaces = subprocess.run(["ip", "netns", "list"], capture_output=True, text=True, check=True).stdout
    folders = [each.name for each in Path("/tmp").glob("laboratory-*")]
    return sorted(guests + [name for name in spaces.split() if name.startswith("lab")] + folders)


def words(process):
    """A process's command line; nothing of one that has just ended."""
    try:
        return (process / "cmdline").read_bytes()
    except OSError:
        return b""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_leaves_nothing_behind(tmp_path, number):
    """Stopped in its first migration, it ends within seconds and says so; nothing of it stays."""
    before = left_behind()
    running = subprocess.Popen([*COMMAND, str(tmp_path)], cwd=ROOT, stderr=subprocess.PIPE, text=True)
    end = time.monotonic() + 60
    while len(left_behind()) < len(before) + 4 and time.monotonic() < end:
        time.sleep(0.2)
    running.send_signal(number)
    said = running.communicate(timeout=30)[1]
    assert running.returncode == 128 + number
    assert "Stopped; what was measured is kept" in said
    assert left_behind() == before


def test_the_sample_makes_tables(tmp_path):
    """Four migrations by four ways to stop: each ends by its own way, in tables that the study reads."""
    subprocess.run([*COMMAND, str(tmp_path)], cwd=ROOT, check=True, timeout=600)
    with (tmp_path / "migrations.csv").open() as file:
        rows = {row["rule"]: row for row in csv.DictReader(file)}
    assert {row["status"] for row in rows.values()} == {"completed"}
    assert int(rows["steps"]["last_limit_ms"]) > int(rows["steps"]["first_limit_ms"])
    assert int(rows["autoconverge"]["highest_throttle_pct"]) >= 20
    assert float(rows["postcopy"]["postcopy_blocked_s"]) > 0
    assert float(rows["fixed"]["downtime_s"]) <= 0.3
    assert len(read_courses(tmp_path / "courses.jsonl")) == 4


def test_work_goes_on_where_it_was(tmp_path):
    """Killed after its first row, it measures the others, not the first again, and clears what was left."""
    running = subprocess.Popen([*COMMAND, str(tmp_path)], cwd=ROOT)
    end = time.monotonic() + 120
    while not ((tmp_path / "records.jsonl").exists() and Records(tmp_path).good()):
        assert time.monotonic() < end, "the first row took more than two minutes"
        time.sleep(0.5)
    running.kill()
    running.wait()
    first = Records(tmp_path).good()[0]
    subprocess.run([*COMMAND, str(tmp_path)], cwd=ROOT, check=True, timeout=600)
    again = Records(tmp_path).good()
    assert (len(again), again[0]) == (4, first)
    assert [name for name in left_behind() if not name.startswith("laboratory-")] == []
