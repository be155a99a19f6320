"""A real run: QEMU moves a machine between two network namespaces, and watch follows it on its QMP socket.

The machine and the link are the laboratory's (``data/collect/laboratory``). Needs root, QEMU, gcc and
iproute2; skips with a word where one is missing.
"""

import json
import subprocess
import sys
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from data.collect.laboratory import guest, link, machine, needs
from data.collect.laboratory.configurations import Configuration
from data.collect.qemu import Qmp

ROOT = Path(__file__).resolve().parents[2]
LINK_MBIT, LIMIT_MS, PORT = 200, 100, 4455
MOVED = Configuration(
    memory_mib=128, filled_mib=96, working_set_mib=24, write_rate_pages_per_s=3000, write_pattern="seq"
)
pytestmark = pytest.mark.nightly


def tell(path, *commands):
    """Give commands to a monitor, each accepted, in a session of their own."""
    with closing(Qmp(str(path))) as session:
        for name, arguments in commands:
            session.ask(name, arguments)


def test_watch_follows_a_real_migration(tmp_path):
    """Its outlooks close on the true end, progress never falls, and it ends with QEMU's own totals."""
    if missing := needs.missing():
        pytest.skip("; ".join(missing))
    options = [*machine.hardware(needs.accelerator("auto")), "-m", str(MOVED.memory_mib), "-kernel",
               str(guest.build(tmp_path)), "-append", guest.command_line(MOVED)]  # fmt: skip
    with ExitStack() as undo:
        first, second = undo.enter_context(link.limited("watchtest", LINK_MBIT))
        # A socket of QEMU's talks to one client at a time, and watch holds the first.
        other = tmp_path / "second.qmp"
        more = ["-qmp", f"unix:{other},server=on,wait=off"]
        moved = machine.started(undo, tmp_path, first, options + more)
        target = machine.started(undo, tmp_path, second, [*options, "-incoming", "defer"])
        source = moved.monitor
        moved.wait_for(
            lambda: source.exists() and target.monitor.exists() and other.exists(), "QEMU was there"
        )
        moved.wait_for(lambda: guest.ready(moved.serial), "the guest filled its memory")
        watch = subprocess.Popen(
            [sys.executable, "-m", "analysis", "watch", str(source), "--interval", "0.1", "--json"],
            stdout=subprocess.PIPE, text=True, cwd=ROOT,
        )  # fmt: skip
        undo.callback(watch.kill)
        uri = f"tcp:{link.TARGET}:{PORT}"
        fast = ("migrate-set-parameters", {"max-bandwidth": 10**11})
        tell(target.monitor, fast, ("migrate-incoming", {"uri": uri}))
        limits = {"max-bandwidth": 10**11, "downtime-limit": LIMIT_MS}
        tell(other, ("migrate-set-parameters", limits), ("migrate", {"uri": uri}))
        told = [json.loads(line) for line in watch.communicate(timeout=120)[0].splitlines()]
    check(told)


def check(told):
    """What the events of the whole run have to say."""
    assert told[-1]["event"] == "end"
    assert told[-1]["status"] == "completed"
    (row,) = told[-1]["record"]["migrations"]
    looks = [event for event in told if event["event"] == "outlook"]
    assert len(looks) >= 3
    assert [e["progress"] for e in looks] == sorted(e["progress"] for e in looks)
    assert looks[-1]["downtime_limit_ms"] == LIMIT_MS
    assert looks[-1]["end_s"] == pytest.approx(row["measured_total_s"], rel=0.2)
    assert looks[-1]["link_gbps"] == pytest.approx(LINK_MBIT / 1000, rel=0.2)
