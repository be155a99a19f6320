"""The collector of TCP stalls: what it makes of messages and datagrams, and by night a real cut."""

import csv
import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "data" / "collect" / "tcp_stalls.py"


@pytest.fixture(scope="module")
def collector():
    """The script as a module."""
    spec = importlib.util.spec_from_file_location("tcp_stalls", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    sys.modules["tcp_stalls"] = module
    spec.loader.exec_module(module)
    return module


def test_a_message_is_64_bytes(collector):
    """Its number and the moment it was written come back."""
    packed = collector.MESSAGE.pack(7, 1.25)
    assert len(packed) == 64
    assert collector.MESSAGE.unpack(packed) == (7, 1.25)


def test_the_cut_is_the_longest_gap_of_datagrams(collector):
    """Datagrams every 2 ms that got through, none between 10.1 and 10.6 s."""
    ticks = collector.Ticks.__new__(collector.Ticks)
    ticks.arrived = [10 + 0.002 * k for k in range(51)] + [10.6 + 0.002 * k for k in range(50)]
    assert ticks.pause(10.1) == pytest.approx((10.1, 10.6))


def test_the_first_message_after_the_cut_tells_the_wait(collector):
    """Written 0.1 s into a cut of 0.5 s, arrived 0.2 s after its end: a wait of 0.6 s."""
    done = [(0, 9.9, 9.9001), (1, 10.1, 10.7), (2, 10.2, 10.7001)]
    row = collector.felt_of(done, 10.0, 10.5)
    assert row == {"pause_s": 0.5, "first_write_s": 0.1, "wait_s": 0.6, "silence_s": 0.7, "hit": 1}


def test_a_cut_that_nobody_ran_into_is_no_hit(collector):
    """The next message was written after the end."""
    assert collector.felt_of([(0, 9.9, 9.9001), (1, 10.6, 10.6001)], 10.0, 10.5)["hit"] == 0


@pytest.mark.nightly
@pytest.mark.skipif(
    not (hasattr(os, "geteuid") and os.geteuid() == 0 and shutil.which("tc")), reason="needs root and tc"
)
def test_it_cuts_a_real_connection(tmp_path):
    """Two cuts between namespaces of its own: rows as in data/tcp_stalls.csv, and nothing is left behind."""
    out = tmp_path / "rows.csv"
    command = [
        sys.executable,
        str(SCRIPT),
        "--cuts",
        "2",
        "--seed",
        "3",
        "--name",
        "stalltest",
        "--out",
        str(out),
    ]
    subprocess.run(command, check=True, timeout=120)
    with out.open() as made, (SCRIPT.parents[1] / "tcp_stalls.csv").open() as kept:
        rows, head = list(csv.DictReader(made)), next(csv.reader(kept))
    assert list(rows[0]) == head
    assert len(rows) == 2
    left = subprocess.run(["ip", "netns", "list"], capture_output=True, text=True, check=True).stdout
    assert "stalltest" not in left
