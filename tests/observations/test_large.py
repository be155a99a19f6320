"""Large recordings are read in bounded memory, with progress; nothing of them is lost in the totals."""

import os
import pickle
import subprocess
import sys
import tracemalloc
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from analysis.observations.counters import read_counters
from tests.observations import forms

MIB = 2**20
PADDING = 60
"""Columns of other counters in each row, as real recordings have them."""


def recording(path, size):
    """Rows of a quiet host up to ``size`` bytes, hour after hour, one migration at the end of them."""
    lines = forms.pdh(forms.Migration(), text=False).strip().split("\r\n")
    more = "".join(f',"\\\\HV01\\Processor({i})\\% Processor Time"' for i in range(PADDING))
    filled = ',"12.345678"' * PADDING
    quiet = lines[1].split(",", 1)[1]
    with path.open("w", newline="", encoding="utf-8") as file:
        file.write(lines[0] + more + "\r\n")
        hour = "".join(f'"HOUR:{m:02}:{s:02}.250",{quiet}{filled}\r\n' for m in range(60) for s in range(60))
        moment = datetime(2026, 9, 22, 20) - timedelta(hours=size // len(hour))
        while file.tell() < size:
            file.write(hour.replace("HOUR", f"{moment:%m/%d/%Y %H}"))
            moment += timedelta(hours=1)
        for line in lines[1:]:
            file.write(line + filled + "\r\n")


WATCH = """
import pickle, re, sys
from pathlib import Path
from analysis.observations.counters import read_counters

def most():
    return 1024 * int(re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1])

short, long, out = map(Path, sys.argv[1:])
read_counters(short)  # loads what reading takes
told, before = [], most()
found = read_counters(long, progress=lambda done, size: told.append(done / size))
out.write_bytes(pickle.dumps((found, most() - before, told)))
"""


def read_watched(path):
    """The record, how much more memory it took than a short recording, and the shares that were told.

    Linux knows what a program of its own held at most; elsewhere Python counts, in ten times the time.
    """
    status = Path("/proc/self/status")
    if not (status.exists() and "VmHWM" in status.read_text()):
        return read_counted(path)
    short, out = path.with_name("short.csv"), path.with_name("found")
    recording(short, MIB)
    subprocess.run([sys.executable, "-c", WATCH, *map(str, (short, path, out))], check=True)
    return pickle.loads(out.read_bytes())


def read_counted(path):
    """The record, the most memory that Python held meanwhile, and the shares that were told."""
    told = []
    tracemalloc.start()
    found = read_counters(path, progress=lambda done, size: told.append(done / size))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return found, peak, told


@pytest.mark.thorough
def test_counting_and_watching_are_told_the_same(tmp_path):
    """Both ways to watch a reader find the same record, and neither much memory."""
    recording(tmp_path / "large.csv", 2 * MIB)
    one, two = read_counted(tmp_path / "large.csv"), read_watched(tmp_path / "large.csv")
    assert one[2] == two[2]
    assert one[0].notes == two[0].notes
    assert max(one[1], two[1]) < 40 * MIB


def check(found, peak, told):
    """The one migration is there, memory stayed small, progress rose to the end."""
    assert found.migrations.measured_total_s.tolist() == [forms.Migration().total_s]
    assert [note for note in found.notes if "clock" in note] == []
    assert found.passes.dirtied_pages.tolist() == [0, *forms.Migration().dirtied]
    assert peak < 40 * MIB
    assert told == sorted(told)
    assert told[-1] == 1
    assert len(told) > 5


def test_a_recording_of_50_mib(tmp_path):
    """A night's recording takes no more memory than a minute's."""
    recording(tmp_path / "large.csv", 50 * MIB)
    check(*read_watched(tmp_path / "large.csv"))


@pytest.mark.slow
@pytest.mark.skipif("FUZZ_CASES" not in os.environ, reason="a gigabyte is read by make fuzz")
def test_a_recording_of_a_gigabyte(tmp_path):
    """A gigabyte of rows is read in the same memory."""
    recording(tmp_path / "large.csv", 1024 * MIB)
    check(*read_watched(tmp_path / "large.csv"))
