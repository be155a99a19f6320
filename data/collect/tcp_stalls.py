#!/usr/bin/env python3
"""Measure how long TCP stalls when its link is cut for a moment: real connections, a row of CSV a cut.

    python3 data/collect/tcp_stalls.py --cuts 60 --seed 1 --name adv1 --out rows1.csv

Needs root on Linux, iproute2 and Python 3.11, nothing else. It makes two network namespaces of its own joined
by a veth pair and removes them; several may run beside each other under different ``--name`` (the machine
sleeps nearly all the time).

A cut is the queueing discipline ``blackhole`` on both ends: it takes every packet, loses it and tells
nobody, as a virtual machine that is paused does. Taking the link down would tell both ends, and would lose
routes and neighbours, which a live migration keeps. How long the link was really cut is measured, not
assumed: a datagram every 2 ms tells the moments.
"""

from __future__ import annotations

import argparse
import csv
import ctypes
import math
import os
import random
import socket
import struct
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

PORT = 5201
MESSAGE = struct.Struct("<Qd48x")
"""Number of a message and the moment it was written [s]; 64 bytes."""
TICK_S = 0.002
SHORTEST_S, LONGEST_S = 0.05, 5.0
INTERVALS_MS = (5.0, 500.0)
GIVE_UP_S = 20.0
TCP_INFO_US = {"rto": 8, "rtt": 68, "total_retrans": 100}
"""Offsets in Linux's ``struct tcp_info`` [bytes]."""
LIBC = ctypes.CDLL(None, use_errno=True)
now = time.monotonic


@contextmanager
def joined(name: str) -> Iterator[tuple[str, str]]:
    """Two namespaces joined by a veth pair, both with addresses; removed at the end."""
    spaces = (f"{name}-a", f"{name}-b")
    with ExitStack() as left:
        for space in spaces:
            run("ip", "netns", "add", space)
            left.callback(run, "ip", "netns", "del", space)
        run(
            "ip",
            "-n",
            spaces[0],
            "link",
            "add",
            "cut0",
            "type",
            "veth",
            "peer",
            "name",
            "cut0",
            "netns",
            spaces[1],
        )
        for end, space in enumerate(spaces, 1):
            prepare(space, end)
        yield spaces


def prepare(space: str, end: int) -> None:
    """One end: its address, the other's Ethernet address for good, no memory of earlier connections."""
    at = ("ip", "-n", space)
    run(*at, "link", "set", "cut0", "address", f"02:00:00:00:00:0{end}", "up")
    run(*at, "addr", "add", f"192.0.2.{end}/24", "dev", "cut0")
    other = 3 - end
    run(
        *at,
        "neigh",
        "add",
        f"192.0.2.{other}",
        "lladdr",
        f"02:00:00:00:00:0{other}",
        "nud",
        "permanent",
        "dev",
        "cut0",
    )
    run("ip", "netns", "exec", space, "sysctl", "-qw", "net.ipv4.tcp_no_metrics_save=1")


def run(*command: str) -> None:
    """Run a command that must succeed."""
    subprocess.run(command, check=True)


def enter(space: str) -> None:
    """Move this thread into a namespace: sockets made from now on are there."""
    with open(f"/run/netns/{space}") as there:
        if LIBC.setns(there.fileno(), 0):
            raise OSError(ctypes.get_errno(), f"cannot enter {space}")


def inside(space: str, work: Callable[[], None]) -> threading.Thread:
    """A thread that works inside a namespace."""

    def entered() -> None:
        enter(space)
        work()

    thread = threading.Thread(target=entered, daemon=True)
    thread.start()
    return thread


class Switch:
    """Cuts and mends the link; a ``tc`` waits at each end, so that a command takes less than 1 ms."""

    def __init__(self, spaces: tuple[str, str]) -> None:
        self.ends = [
            subprocess.Popen(("tc", "-n", one, "-batch", "-"), stdin=subprocess.PIPE, text=True)
            for one in spaces
        ]

    def say(self, line: str) -> None:
        for end in self.ends:
            assert end.stdin is not None
            end.stdin.write(line + "\n")
            end.stdin.flush()

    def cut(self) -> None:
        self.say("qdisc add dev cut0 root blackhole")

    def mend(self) -> None:
        self.say("qdisc del dev cut0 root")

    def close(self) -> None:
        for end in self.ends:
            end.communicate()


class Ticks:
    """A datagram every 2 ms from a to b: the longest gap between two that arrived is the cut."""

    def __init__(self, spaces: tuple[str, str]) -> None:
        self.arrived: list[float] = []
        self.ready = threading.Event()
        inside(spaces[1], self.listen)
        self.ready.wait()
        inside(spaces[0], self.send)

    def listen(self) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ear:
            ear.bind(("192.0.2.2", PORT))
            self.ready.set()
            while True:
                sent = struct.unpack("<d", ear.recv(8))[0]
                self.arrived.append(sent)

    def send(self) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as mouth:
            mouth.connect(("192.0.2.2", PORT))
            while True:
                mouth.send(struct.pack("<d", now()))
                time.sleep(TICK_S)

    def pause(self, ordered: float) -> tuple[float, float]:
        """When the cut began and ended: when the datagrams around it were sent [s]."""
        near = [t for t in self.arrived if t > ordered - 0.2]
        _, start, end = max((b - a, a, b) for a, b in pairwise(near))
        self.arrived = self.arrived[-200:]
        return start, end


class Server:
    """Takes messages, notes when each came in order, and answers where an answer is asked for."""

    def __init__(self, space: str) -> None:
        self.arrived: list[tuple[int, float, float]] = []
        self.answers = False
        self.ready = threading.Event()
        inside(space, self.serve)
        self.ready.wait()

    def serve(self) -> None:
        with socket.create_server(("192.0.2.2", PORT)) as door:
            self.ready.set()
            while True:
                connection, _ = door.accept()
                with connection:
                    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    self.take(connection)

    def take(self, connection: socket.socket) -> None:
        rest = b""
        while piece := connection.recv(65536):
            at, rest = now(), rest + piece
            while len(rest) >= MESSAGE.size:
                number, written = MESSAGE.unpack_from(rest)
                rest = rest[MESSAGE.size :]
                self.arrived.append((number, written, at))
                if self.answers:
                    connection.sendall(MESSAGE.pack(number, written))


class Client:
    """One connection that writes until it is told to stop."""

    def __init__(self, server: Server, plan: dict[str, Any], dice: random.Random) -> None:
        self.server, self.plan, self.dice = server, plan, dice
        self.answered: list[tuple[int, float, float]] = []
        self.stop = threading.Event()
        self.connection = socket.socket()
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, b"cubic")
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, plan["nodelay"])
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4 << 20)
        server.arrived, server.answers = [], plan["mode"] == "request"
        self.connection.connect(("192.0.2.2", PORT))
        self.thread = threading.Thread(target=self.ask if server.answers else self.write, daemon=True)
        self.thread.start()

    def write(self) -> None:
        """Steady small writes."""
        due, number = now(), 0
        while not self.stop.is_set():
            self.connection.sendall(MESSAGE.pack(number, now()))
            number, due = number + 1, due + self.plan["interval_ms"] / 1000
            time.sleep(max(due - now(), 0))

    def ask(self) -> None:
        """A request, its answer, a pause for thought of exponential length."""
        number = 0
        while not self.stop.is_set():
            written = now()
            self.connection.sendall(MESSAGE.pack(number, written))
            got = b""
            while len(got) < MESSAGE.size:
                got += self.connection.recv(MESSAGE.size - len(got))
            self.answered.append((number, written, now()))
            number += 1
            time.sleep(self.dice.expovariate(1000 / self.plan["interval_ms"]))

    def done(self) -> list[tuple[int, float, float]]:
        """Number, moment written and moment felt of every message so far: the answer's, or the arrival's."""
        return list(self.answered if self.server.answers else self.server.arrived)

    def info(self) -> dict[str, int]:
        """What the sender's TCP says of itself [us, count]."""
        raw = self.connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256)
        return {name: struct.unpack_from("I", raw, at)[0] for name, at in TCP_INFO_US.items()}

    def close(self) -> None:
        self.stop.set()
        self.thread.join(GIVE_UP_S)
        self.connection.close()


def one_cut(switch: Switch, ticks: Ticks, server: Server, dice: random.Random) -> dict[str, Any]:
    """A fresh connection, a cut at a random moment, and what its client felt."""
    spread = math.log(LONGEST_S / SHORTEST_S)
    plan: dict[str, Any] = {
        "mode": dice.choice(("writes", "request")),
        "nodelay": dice.choice((0, 1)),
        "interval_ms": round(INTERVALS_MS[0] * (INTERVALS_MS[1] / INTERVALS_MS[0]) ** dice.random(), 1),
        "cut_s": round(SHORTEST_S * math.exp(spread * dice.random()), 4),
    }
    client = Client(server, plan, dice)
    time.sleep(1.5 + dice.random())
    before = client.info()
    ordered = now()
    switch.cut()
    time.sleep(plan["cut_s"])
    switch.mend()
    mended = now()
    while now() < mended + GIVE_UP_S and not any(felt > mended + 0.3 for _, _, felt in client.done()):
        time.sleep(0.05)
    after = client.info()
    client.close()
    return plan | felt_of(client.done(), *ticks.pause(ordered)) | told(before, after)


def felt_of(done: list[tuple[int, float, float]], start: float, end: float) -> dict[str, Any]:
    """The first message that came after the cut: when it was written, how long the client waited."""
    _, written, felt = min((one for one in done if one[2] >= end - TICK_S), key=lambda one: one[2])
    return {
        "pause_s": round(end - start, 4),
        "first_write_s": round(written - start, 4),
        "wait_s": round(felt - written, 4),
        "silence_s": round(felt - start, 4),
        "hit": int(written < end - TICK_S),
    }


def told(before: dict[str, int], after: dict[str, int]) -> dict[str, Any]:
    """The kernel's own figures: round trip and time-out before the cut, what it sent again."""
    return {
        "rtt_ms": round(before["rtt"] / 1000, 3),
        "rto_ms": round(before["rto"] / 1000, 3),
        "retransmissions": after["total_retrans"] - before["total_retrans"],
        "load1": round(os.getloadavg()[0], 2),
    }


def main() -> None:
    """Make the namespaces, cut as often as asked for, write a row each."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cuts", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--name", default="cuts")
    parser.add_argument("--out", type=Path, required=True)
    asked = parser.parse_args()
    dice = random.Random(asked.seed)
    with joined(asked.name) as spaces, asked.out.open("w", newline="") as out:
        switch, ticks, server = Switch(spaces), Ticks(spaces), Server(spaces[1])
        enter(spaces[0])
        writer: csv.DictWriter[str] | None = None
        for cut in range(asked.cuts):
            row = {"seed": asked.seed, "cut": cut} | one_cut(switch, ticks, server, dice)
            if writer is None:
                writer = csv.DictWriter(out, list(row), lineterminator="\n")
                writer.writeheader()
            writer.writerow(row)
            out.flush()
        switch.close()


if __name__ == "__main__":
    main()
