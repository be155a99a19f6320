#!/usr/bin/env python3
"""Measure TCP through a receive ring of known size: real stacks, an emulated wire, a row of CSV a run.

    cc -O2 -o ring_link data/collect/ring_link.c -lm
    python3 data/collect/rings.py plan.jsonl --link ./ring_link --out rows.csv

The plan has a JSON object a line with the columns of ``data/rare_overflows.csv`` that set a run (see
``DEFAULTS`` for those that may be left out). Needs root on Linux, iproute2 and Python 3.11, nothing else. It
makes two network namespaces of its own and removes them; several may run beside each other under different
``--name``.
"""

from __future__ import annotations

import argparse
import csv
import ctypes
import hashlib
import json
import os
import socket
import statistics
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

DEFAULTS: dict[str, Any] = {
    "group": "rare",
    "rate_mbit_s": 200,
    "one_way_delay_us": 100,
    "mtu_bytes": 1500,
    "n_rx": 64,
    "tau_rx_us": 125,
    "busy_rx_mean_us": 0,
    "n_tx": 4096,
    "tau_tx_us": 0,
    "busy_tx_mean_us": 0,
    "flows": 1,
    "cc": "cubic",
    "so_sndbuf_bytes": 0,
    "so_rcvbuf_bytes": 0,
    "seed": 1,
    "warm_s": 15,
    "measured_s": 100,
}
PORT = 5001
SHAPED = 0.995
TCP_INFO_FIELDS = {"srtt_us": 68, "ssthresh": 76, "cwnd": 80, "retrans_segs": 100}
"""Offsets in Linux's ``struct tcp_info`` [bytes]."""
LIBC = ctypes.CDLL(None, use_errno=True)


def run(*command: str) -> None:
    """Run a command that must succeed."""
    subprocess.run(command, check=True)


@contextmanager
def namespaces(name: str) -> Iterator[tuple[str, str]]:
    """Two network namespaces, removed at the end."""
    made = (f"{name}-a", f"{name}-b")
    try:
        for one in made:
            run("ip", "netns", "add", one)
        yield made
    finally:
        for one in made:
            run("ip", "netns", "del", one)


@contextmanager
def inside(space: str | None) -> Iterator[None]:
    """This thread in a namespace: sockets made here stay in it."""
    with open("/proc/thread-self/ns/net") as home, open(f"/run/netns/{space}") as there:
        if LIBC.setns(there.fileno(), 0):
            raise OSError(ctypes.get_errno(), f"cannot enter {space}")
        try:
            yield
        finally:
            LIBC.setns(home.fileno(), 0)


def address(spaces: tuple[str, str], plan: dict[str, Any]) -> None:
    """Addresses, queues and the kernel's settings of both ends."""
    for end, space in enumerate(spaces):
        at = ("ip", "-n", space)
        run(*at, "addr", "add", f"192.0.2.{end + 1}/24", "dev", "ring0")
        run(*at, "link", "set", "ring0", "mtu", str(plan["mtu_bytes"]), "txqueuelen", "20000", "up")
        settings = ("tcp_no_metrics_save=1", "tcp_rmem=4096 131072 33554432", "tcp_wmem=4096 131072 33554432")
        for setting in settings:
            run("ip", "netns", "exec", space, "sysctl", "-qw", f"net.ipv4.{setting}")
    rate = f"{SHAPED * plan['rate_mbit_s'] * 1e6:.0f}bit"
    shaper = ("root", "tbf", "rate", rate, "burst", "100kb", "limit", "20mb")
    run("tc", "-n", spaces[0], "qdisc", "add", "dev", "ring0", *shaper)


def info(connection: socket.socket) -> dict[str, int]:
    """What the sender's TCP says of itself."""
    raw = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256)
    return {name: struct.unpack_from("I", raw, at)[0] for name, at in TCP_INFO_FIELDS.items()}


class Receiver(threading.Thread):
    """Takes what comes; ``received`` counts its bytes."""

    def __init__(self, listener: socket.socket):
        super().__init__(daemon=True)
        self.listener, self.received = listener, 0

    def run(self) -> None:
        """Until the sender closes."""
        room = bytearray(1 << 20)
        connection, _ = self.listener.accept()
        with connection:
            while got := connection.recv_into(room):
                self.received += got


def send(connection: socket.socket) -> None:
    """Always have more to send."""
    block = bytes(1 << 19)
    try:
        while True:
            connection.sendall(block)
    except OSError:
        return


def connected(spaces: tuple[str, str], plan: dict[str, Any]) -> tuple[socket.socket, Receiver]:
    """A sender's socket and the receiver it sends to."""
    with inside(spaces[1]):
        listener = socket.create_server(("192.0.2.2", PORT))
    receiver = Receiver(listener)
    receiver.start()
    with inside(spaces[0]):
        sender = socket.socket()
    sender.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, plan["cc"].encode())
    sender.connect(("192.0.2.2", PORT))
    threading.Thread(target=send, args=(sender,), daemon=True).start()
    return sender, receiver


@contextmanager
def wire(link: str, spaces: tuple[str, str], plan: dict[str, Any]) -> Iterator[subprocess.Popen[str]]:
    """The emulated wire between the namespaces."""
    names = ("one_way_delay_us", "mtu_bytes", "n_rx", "tau_rx_us", "busy_rx_mean_us", "seed")
    rate = f"{plan['rate_mbit_s'] * 1e6:.0f}"
    command = [link, *spaces, rate, *(str(plan[name]) for name in names)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        told(process)
        yield process
    finally:
        process.stdin.close()
        process.wait()


def counters(process: subprocess.Popen[str]) -> dict[str, int]:
    """The wire's counters now."""
    process.stdin.write("\n")
    process.stdin.flush()
    return told(process)


def told(process: subprocess.Popen[str]) -> dict[str, int]:
    """A line of the wire's counters."""
    return json.loads(process.stdout.readline())


def measure(plan: dict[str, Any], link: str, name: str) -> dict[str, Any]:
    """One run: a row of the table."""
    row = {**plan, "unix_time_s": round(time.time(), 1), "load1_before": round(os.getloadavg()[0], 2)}
    with namespaces(name) as spaces, wire(link, spaces, plan) as process:
        address(spaces, plan)
        sender, receiver = connected(spaces, plan)
        with closing(sender):
            time.sleep(plan["warm_s"])
            row |= sampled(plan["measured_s"], sender, receiver, process)
            sender.shutdown(socket.SHUT_RDWR)
        receiver.join(10)
    return row | {"load1_after": round(os.getloadavg()[0], 2)}


def sampled(seconds: float, sender: socket.socket, receiver: Receiver, process) -> dict[str, Any]:
    """Throughput and TCP's figures over some seconds, looked at ten times a second."""
    before, first, begin = counters(process), receiver.received, time.monotonic()
    retransmitted = info(sender)["retrans_segs"]
    seen = []
    while (at := time.monotonic() - begin) < seconds:
        seen.append((at, receiver.received, *info(sender).values()))
        time.sleep(0.1)
    took, bytes_in = time.monotonic() - begin, receiver.received - first
    after, last = counters(process), info(sender)["retrans_segs"]
    row = {key: after[key] - before[key] for key in after}
    row["rx_ring_peak_pkts"] = after["rx_ring_peak_pkts"]
    row["link_busy_frac"] = round(row.pop("link_busy_ns") / took / 1e9, 5)
    windows, trips = [one[4] for one in seen], [one[2] for one in seen]
    row |= {"goodput_mbit_s": round(bytes_in * 8 / took / 1e6, 4), "goodput_5s_sd_mbit_s": spread(seen)}
    row |= {"cwnd_mean_pkts": round(statistics.fmean(windows), 2), "cwnd_max_pkts": max(windows)}
    return row | {"srtt_mean_us": round(statistics.fmean(trips), 1), "retrans_segs": last - retransmitted}


def spread(seen: list[tuple[float, ...]], seconds: float = 5.0) -> float:
    """Standard deviation of the throughput over stretches of some seconds [Mbit/s]."""
    marks = [seen[0]]
    for one in seen:
        if one[0] - marks[-1][0] >= seconds:
            marks.append(one)
    rates = [(b[1] - a[1]) * 8 / (b[0] - a[0]) / 1e6 for a, b in pairwise(marks)]
    return round(statistics.stdev(rates), 4) if len(rates) > 1 else 0.0


def key(plan: dict[str, Any]) -> str:
    """Name of a configuration: its settings, without seed and length."""
    settings = {name: plan[name] for name in DEFAULTS if name not in ("seed", "warm_s", "measured_s")}
    return hashlib.md5(json.dumps(settings, sort_keys=True).encode(), usedforsecurity=False).hexdigest()[:10]


def main() -> None:
    """Measure each line of the plan; a row is written as soon as it is there."""
    words = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    words.add_argument("plan", type=Path)
    words.add_argument("--link", required=True, help="the compiled ring_link.c")
    words.add_argument("--out", type=Path, required=True)
    words.add_argument("--name", default="rings", help="of the namespaces")
    given = words.parse_args()
    for line in given.plan.read_text().splitlines():
        plan = DEFAULTS | json.loads(line)
        row = {"config_id": key(plan)} | measure(plan, given.link, given.name)
        new = not given.out.exists()
        with given.out.open("a", newline="") as out:
            table = csv.DictWriter(out, list(row))
            if new:
                table.writeheader()
            table.writerow(row)
        print(row["config_id"], row["n_rx"], row["goodput_mbit_s"], row["drop_runs"], file=sys.stderr)


if __name__ == "__main__":
    main()
