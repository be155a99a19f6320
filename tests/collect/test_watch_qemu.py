"""A real run: QEMU moves a machine between two network namespaces, and watch follows it on its QMP socket.

The guest is the first sector of a disk (``data/collect/first_sector.S``): it fills memory and writes its
pages in turn at a set rate. Needs root, QEMU, iproute2 and binutils; skips with a word where one is missing.
"""

import json
import os
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
QEMU = "qemu-system-x86_64"
NEEDED = (QEMU, "ip", "tc", "as", "ld")
FIRST, SECOND, SUBNET = "watch-from", "watch-to", "10.98.7"
LINK_MBIT, LIMIT_MS, PORT = 200, 100, 4455
MIB, FILLED_MIB, WRITTEN_MIB = 2**20, 96, 24
WRITES_PER_S = 3000
pytestmark = pytest.mark.nightly


def call(*words):
    """Run a command that has to succeed."""
    return subprocess.run(words, check=True, capture_output=True, text=True)


def sector(folder):
    """The guest's disk, its three numbers set: ends of what is filled and written, ticks between writes."""
    call("as", "--32", str(ROOT / "data" / "collect" / "first_sector.S"), "-o", str(folder / "guest.o"))
    call("ld", "-m", "elf_i386", "--oformat", "binary", "-Ttext", "0x7c00", "-o", str(folder / "guest.img"),
         str(folder / "guest.o"))  # fmt: skip
    mhz = re.search(r"cpu MHz\s*: ([\d.]+)", Path("/proc/cpuinfo").read_text())
    ticks = round(float(mhz[1]) * 1e6 / WRITES_PER_S)
    image = bytearray((folder / "guest.img").read_bytes())
    image[4:16] = struct.pack("<3I", (1 + FILLED_MIB) * MIB, (1 + WRITTEN_MIB) * MIB, ticks)
    (folder / "guest.img").write_bytes(image)
    return folder / "guest.img"


@pytest.fixture
def network():
    """Two namespaces and a limited link between them."""
    with ExitStack() as undo:
        for name in (FIRST, SECOND):
            call("ip", "netns", "add", name)
            undo.callback(subprocess.run, ["ip", "netns", "del", name], check=False)
        call("ip", "link", "add", "w0", "netns", FIRST, "type", "veth", "peer", "name", "w0", "netns", SECOND)
        for number, name in enumerate((FIRST, SECOND), 1):
            call("ip", "-n", name, "addr", "add", f"{SUBNET}.{number}/24", "dev", "w0")
            call("ip", "-n", name, "link", "set", "w0", "up")
        call("ip", "netns", "exec", FIRST, "tc", "qdisc", "add", "dev", "w0", "root", "tbf", "rate",
             f"{LINK_MBIT}mbit", "burst", "256kb", "limit", str(MIB))  # fmt: skip
        yield


def started(undo, folder, image, namespace, *more):
    """QEMU in a namespace, killed at the end; the path of its QMP socket."""
    path = folder / f"{namespace}.qmp"
    process = subprocess.Popen(
        ["ip", "netns", "exec", namespace, QEMU, "-accel", "tcg", "-m", "128", "-nodefaults", "-display",
         "none", "-drive", f"file={image},format=raw,if=floppy,readonly=on", "-boot", "a", "-serial",
         f"file:{folder / namespace}.log", "-qmp", f"unix:{path},server=on,wait=off", "-qmp",
         f"unix:{folder / namespace}.second,server=on,wait=off", *more],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    undo.callback(process.wait)
    undo.callback(os.killpg, process.pid, signal.SIGKILL)
    return path


def wait_until(holds, what, seconds=60):
    """Wait for something; fail with its name."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, f"{what} took more than {seconds} s"
        time.sleep(0.1)


def tell(path, *commands):
    """Give commands to a monitor, each accepted, in a session of their own."""
    with socket.socket(socket.AF_UNIX) as session:
        session.connect(str(path))
        with session.makefile("rw") as lines:
            lines.readline()
            for name, arguments in (("qmp_capabilities", {}), *commands):
                lines.write(json.dumps({"execute": name, "arguments": arguments}) + "\n")
                lines.flush()
                answer = json.loads(lines.readline())
                while "event" in answer:
                    answer = json.loads(lines.readline())
                assert "return" in answer, answer


def test_watch_follows_a_real_migration(tmp_path, request):
    """Its outlooks close on the true end, progress never falls, and it ends with QEMU's own totals."""
    missing = [name for name in NEEDED if not shutil.which(name)]
    if missing or os.geteuid() != 0:
        pytest.skip(f"needs root, and {', '.join(missing or NEEDED)}")
    request.getfixturevalue("network")
    image = sector(tmp_path)
    with ExitStack() as undo:
        source = started(undo, tmp_path, image, FIRST)
        target = started(undo, tmp_path, image, SECOND, "-incoming", "defer")
        log = tmp_path / f"{FIRST}.log"
        wait_until(lambda: source.exists() and target.exists(), "QEMU")
        wait_until(lambda: log.exists() and "R" in log.read_text(), "the guest")
        watch = subprocess.Popen(
            [sys.executable, "-m", "analysis", "watch", str(source), "--interval", "0.1", "--json"],
            stdout=subprocess.PIPE, text=True, cwd=ROOT,
        )  # fmt: skip
        undo.callback(watch.kill)
        uri = f"tcp:{SUBNET}.2:{PORT}"
        tell(
            target, ("migrate-set-parameters", {"max-bandwidth": 10**11}), ("migrate-incoming", {"uri": uri})
        )
        # A socket of QEMU's talks to one client at a time, and watch holds the first.
        limits = {"max-bandwidth": 10**11, "downtime-limit": LIMIT_MS}
        second = tmp_path / f"{FIRST}.second"
        tell(second, ("migrate-set-parameters", limits), ("migrate", {"uri": uri}))
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
