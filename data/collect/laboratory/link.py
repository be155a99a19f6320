"""The link: two network namespaces, and a token bucket on what goes from the first to the second."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from data.collect.tcp_stalls import joined, run

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
