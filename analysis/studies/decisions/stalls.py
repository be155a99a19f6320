r"""How long a TCP connection stalls that ran into a pause: the law, its constants, and measurement beside it.

A message that runs into a pause is lost, and TCP sends it again when its retransmission time-out R has
passed, then after twice, four times... that: the connection goes on at the first of these moments after the
pause, however long before that the other side was back.

* One message under way (a request, or a small write that waits for the last one's acknowledgement): the tail
  loss probe after R does not count as a time-out, so the moments are R, 2R, 4R, 8R... after the message was
  written.
* Several under way: R, 3R, 7R, 15R..., the sums of 1, 2, 4, 8 times R. A later message of theirs that gets
  through before the first time-out makes the receiver tell what is missing, which ends the stall at once.
  Until that time-out no more than the initial window may be under way.
* A stack without tail loss probes has the second row of moments for both. Windows is taken as one: that its
  newer versions have probes shortens some stalls.

R is the least time-out that the stack allows plus the round trip: on local networks the variance of the
round trip adds nothing to it. Nothing here is fitted. The kernel's timers are late, never early: by a tick
and, of long waits, by a few per cent. Of the far end of a pause this is all; the paused machine's own
connections stand still with it, and their timers are late when it wakes.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING

import numpy as np

from analysis.arrays import Bools, Floats, Numbers

if TYPE_CHECKING:
    import pandas as pd

INITIAL_WINDOW = 10
"""Segments that a connection may have under way at first (RFC 6928; Linux and Windows)."""
ROUNDING = 1e-9
"""A moment this share before the end of the pause is at its end."""


@dataclass(frozen=True)
class Stack:
    """A TCP stack: least retransmission time-out and that of a new connection [s], when it gives up.

    ``retries``: retransmissions of one segment before the connection is given up, ``syn_retries`` of the
    first of a new one; ``longest_s``: the longest time between two of them; ``probes``: whether it has tail
    loss probes.
    """

    name: str
    least_rto_s: float
    initial_rto_s: float
    retries: int
    syn_retries: int
    longest_s: float
    probes: bool
    source: str

    def moments_s(self, round_trip_s: float = 0.0) -> list[float]:
        """When one message under way is sent again, counted from its loss, as long as the stack goes on."""
        rto = self.least_rto_s + round_trip_s
        waits = [rto] * self.probes + [min(rto * 2**k, self.longest_s) for k in range(self.retries)]
        return list(accumulate(waits))

    def gives_up_s(self, round_trip_s: float = 0.0) -> float:
        """Time from the loss to the end of the connection: every time-out, the last of them in vain.

        >>> [round(stack.gives_up_s(), 1) for stack in (WINDOWS, LINUX)]
        [18.9, 924.6]
        """
        rto = self.least_rto_s + round_trip_s
        return float(sum(min(rto * 2**k, self.longest_s) for k in range(self.retries + 1)))

    def connecting_s(self) -> list[float]:
        """When the first packet of a new connection is sent again, counted from its loss.

        >>> WINDOWS.connecting_s()
        [1.0, 3.0, 7.0, 15.0]
        """
        return list(accumulate(self.initial_rto_s * 2.0**k for k in range(self.syn_retries)))

    def last_s(self, round_trip_s: float = 0.0) -> float:
        """The last retransmission: a pause that is longer ends the connection.

        >>> round(WINDOWS.last_s(), 1)
        9.3
        """
        return self.moments_s(round_trip_s)[-1]


LINUX = Stack(
    "Linux", 0.2, 1.0, 15, 6, 120.0, True,
    "TCP_RTO_MIN, TCP_RTO_MAX and TCP_TIMEOUT_INIT in include/net/tcp.h; tcp_retries2 15, tcp_syn_retries 6",
)  # fmt: skip
WINDOWS = Stack(
    "Windows", 0.3, 1.0, 5, 4, 60.0, False,
    "Get-NetTCPSetting, template Internet, which clients always use: MinRto 300 ms, InitialRto 1000 ms (3000 "
    "until Windows 8.1 and 2012 R2), MaxSynRetransmissions 4; TcpMaxDataRetransmissions 5 (KB 170359)",
)  # fmt: skip
WINDOWS_SERVER = Stack(
    "Windows Server", 0.02, 1.0, 9, 4, 60.0, False,
    "template Datacenter, for round trips up to 10 ms (Microsoft, TCP templates, 2018-10-03): MinRto 20 ms; "
    "some nine retransmissions, then some ten seconds more (ETWAnalyzer's documentation)",
)  # fmt: skip
STACKS = {stack.name: stack for stack in (LINUX, WINDOWS, WINDOWS_SERVER)}


def resent_s(left_s: Numbers, rto_s: Numbers, doubled: Bools | bool) -> Floats:
    """The first retransmission at or after ``left_s`` [s], both counted from the loss.

    ``doubled``: at R, 2R, 4R..., else at R, 3R, 7R... (see the module).

    >>> resent_s(np.array([0.1, 0.3, 0.5, 1.0]), 0.2, True).round(3).tolist()
    [0.2, 0.4, 0.8, 1.6]
    >>> resent_s(np.array([0.1, 0.3, 0.7, 1.0]), 0.2, False).round(3).tolist()
    [0.2, 0.6, 1.4, 1.4]
    """
    left, rto = np.broadcast_arrays(np.asarray(left_s, float), np.asarray(rto_s, float))
    times = np.maximum(left * (1 - ROUNDING), 0) / rto
    with np.errstate(divide="ignore"):
        twice = np.ceil(np.maximum(np.log2(times), 0))
        summed = np.ceil(np.maximum(np.log2(times + 1), 1))
    with np.errstate(over="ignore"):
        found: Floats = rto * np.where(doubled, 2.0**twice, 2.0**summed - 1)
    return np.where(np.isfinite(left), found, np.inf)


def stall_s(
    left_s: Numbers,
    stack: Stack = LINUX,
    round_trip_s: Numbers = 0.0,
    interval_s: Numbers = np.inf,
    pipelined: Bools | bool = False,
) -> Floats:
    """How long a message waits that runs into a pause of which ``left_s`` is left [s].

    ``interval_s``: time until the next message; ``pipelined``: whether that one goes out while this one is
    under way. At least the round trip, at most two and a half times what is left, or R.
    """
    rto = stack.least_rto_s + np.asarray(round_trip_s, float)
    left, rto, every = np.broadcast_arrays(np.asarray(left_s, float), rto, np.asarray(interval_s, float))
    several = np.asarray(pipelined) & (every < rto)
    by_time = resent_s(left, rto, np.asarray(stack.probes) & ~several)
    finite = np.where(several, every, 1.0)
    later = np.ceil(left * (1 - ROUNDING) / finite)
    by_next = several & (later * finite < rto) & (later < INITIAL_WINDOW)
    return np.where(by_next, np.maximum(later, 1) * finite, by_time)


def compared(measured: pd.DataFrame) -> pd.DataFrame:
    """Measured stalls with the law's beside them: ``wait_s``, ``silence_s``, ``relative_error`` of the wait.

    ``measured``: what ``observations.stalls.read_stalls`` returns, of Linux.
    """
    columns = [measured[name].to_numpy() for name in ("left_s", "round_trip_s", "interval_s")]
    left, trip, interval = columns
    wait = stall_s(left, LINUX, trip, interval, measured["pipelined"].to_numpy())
    begun = measured["pause_s"] - measured["left_s"]
    error = wait / measured["measured_wait_s"] - 1
    return measured.assign(wait_s=wait, silence_s=begun + wait, relative_error=error)


def errors(found: pd.DataFrame) -> dict[str, float]:
    """Of what :func:`compared` returns: cuts, median and 90th percentile of the relative error, its bias."""
    size = found["relative_error"].abs()
    return {
        "n": len(found),
        "median_relative_error": float(size.median()),
        "p90_relative_error": float(size.quantile(0.9)),
        "bias": float(found["relative_error"].median()),
        "share_within_10pct": float((size <= 0.1).mean()),
    }
