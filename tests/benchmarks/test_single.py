"""The script that calibrates on single foreign migrations: what it takes, and on what it judges."""

import json

import numpy as np
import pytest

from analysis.studies.hosts.host import Host
from analysis.studies.hosts.prediction import predict, unmeasured
from benchmarks import single

MONITOR = """(qemu) info migrate
Migration status: completed
total time: 19076 milliseconds
downtime: 27 milliseconds
setup: 18 milliseconds
transferred ram: 1145721 kbytes
throughput: 492.02 mbps
remaining ram: 0 kbytes
total ram: 2105920 kbytes
duplicate: 242779 pages
skipped: 0 pages
normal: 285339 pages
normal bytes: 1141356 kbytes
"""


@pytest.fixture
def told(tmp_path):
    """Two rounds of two machines of each size, in the table's form."""
    took = {"small": "16.5", "medium": "26", "large": "44.5"}
    rounds = {
        size: {"ITERATION": {turn: {"VM1": s, "VM2": s} for turn in ("1", "2")}} for size, s in took.items()
    }
    (tmp_path / "moves.json").write_text(json.dumps(rounds))
    return single.openstack(tmp_path / "moves.json")


def test_openstack_table(told):
    """Sizes as memory, times in seconds, and parts that leave other rounds, or one size, out."""
    table, parts = told
    assert table.groupby("memory_gib").measured_total_s.first().to_dict() == {4: 16.5, 8: 26, 16: 44.5}
    assert {name: int(rows.sum()) for name, rows in parts} == {
        "odd rounds": 6,
        "even rounds": 6,
        "all but medium": 8,
    }


def test_long_paths(tmp_path):
    """Round trip and memory in use stand in the path; small sizes, and several at once, are left out."""
    for trip in ("0.4", "10", "20", "40", "80"):
        place = tmp_path / f"umem1024/{trip}ms/1vms-r1.mig"
        place.parent.mkdir(parents=True)
        place.write_text(MONITOR)
    (tmp_path / "umem512/20ms").mkdir(parents=True)
    (tmp_path / "umem512/20ms/1vms-r1.mig").write_text(MONITOR)
    (tmp_path / "umem512/20ms/2vms-r1.mig").write_text("several at once: not looked at")
    table, parts = single.paths(tmp_path)
    assert sorted(table.round_trip_ms) == [0.4, 10, 20, 20, 40, 80]
    assert table.measured_total_s.unique() == pytest.approx([19.076])
    assert table.resident_share[0] == pytest.approx(1024 / (2105920 / 1024))
    assert [(name, int(rows.sum())) for name, rows in parts] == [("1024 MiB", 5)]


def test_errors_are_those_of_the_predictions(told):
    """Times that are the host's own predictions have no error; all a tenth shorter, one of 11.1 %."""
    table, host = told[0], Host("plain")
    said = predict(unmeasured(table), host).total_s.to_numpy()
    assert "median   0.0 %" in single.judged(host, table.assign(measured_total_s=said))
    line = single.judged(host, table.assign(measured_total_s=said * np.array(0.9)))
    assert "median  11.1 %, P90  11.1 %, bias +11.1 %" in line
