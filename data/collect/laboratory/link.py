"""The link: two network namespaces, and a token bucket on what goes from the first to the second."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from data.collect.tcp_stalls import joined, run

PREFIX = "lab"
TARGET = "192.0.2.2"
"""The address of the second namespace (RFC 5737: a network for examples)."""
BURST_KIB, QUEUE_KIB = 256, 1024


@contextmanager
def limited(name: str, mbit_per_s: int) -> Iterator[tuple[str, str]]:
    """Two namespaces, ``name-a`` and ``name-b``, joined by a link of so many Mbit/s; removed at the end."""
    with joined(name) as spaces:
        bucket = f"rate {mbit_per_s}mbit burst {BURST_KIB}kb limit {QUEUE_KIB * 1024}"
        run("ip", "netns", "exec", spaces[0], *"tc qdisc add dev cut0 root tbf".split(), *bucket.split())
        yield spaces


def left_behind(names: list[str], processes: Path = Path("/proc")) -> list[str]:
    """Namespaces of laboratories whose process was killed: ``lab``, its number, ``-a`` or ``-b``."""
    found = [(name, re.fullmatch(rf"{PREFIX}(\d+)-[ab]", name)) for name in names]
    return [name for name, match in found if match and not (processes / match[1]).exists()]


def tidy() -> None:
    """Remove what laboratories that were killed left behind; nothing else."""
    listed = subprocess.run(["ip", "netns", "list"], check=True, capture_output=True, text=True).stdout
    for name in left_behind([line.split()[0] for line in listed.splitlines() if line.strip()]):
        run("ip", "netns", "del", name)
