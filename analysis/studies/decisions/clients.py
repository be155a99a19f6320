"""What a client feels of a blackout: how long its connections stall, what is lost, and what gives up.

For whoever looks from outside, the machine is away for the *outage*: the blackout, and the time until the
network knows where it is now (gratuitous ARP; :data:`RELEARN_MS`, a parameter of the caller). Against it
stand the rows of :data:`OBSERVERS`, each by one of these laws, at a random moment of its own clock:

* ``stall``: a TCP connection with a message every :data:`MESSAGE_S` goes on at a retransmission
  (:mod:`.stalls`); it is dropped where the outage outlasts the stack's last one.
* ``connect``: a new connection, whose first packet is sent again after the stack's initial time-out, twice
  that and so on, fails where the outage outlasts the last of them.
* ``lost``: of signals every p seconds an outage O loses O / p on the mean, and any with chance O / p.
* ``missed``: n signals in a row, p seconds apart, are all lost with chance O / p - (n - 1), at most 1.
* ``wait``: a request that waits longer than a time-out fails; it waits as long as its connection stalls.
* ``lease``: a lease of T seconds, renewed every p, has run out after the blackout where that is longer than
  what was left of it, between T - p and T. It is kept inside the machine; the network does not matter to it.

Chances are over that random moment, and, on a calibrated host, over the blackout too.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from analysis.arrays import Bools, Columns, Floats, Numbers
from analysis.model.laws.passes import STAYS
from analysis.parameters import PARAMETERS
from analysis.studies.decisions.stalls import LINUX, ROUNDING, STACKS, WINDOWS, WINDOWS_SERVER, Stack

if TYPE_CHECKING:
    import pandas as pd

    Row = Mapping[Any, Any] | pd.Series[Any]
    Table = Mapping[Any, Any] | pd.DataFrame

RELEARN_MS = 0.0
"""Time the network needs to learn where the machine is, unless told: the announcement is sent at once, and a
switch learns from its first frame. Where it is lost, the next frame that the machine sends teaches it."""
MESSAGE_S = 0.1
"""Time between two messages of a client at work."""
ROUND_TRIP_S = 0.0005
PERCEIVED_S = 1.0
"""A wait up to which a person's thought is not interrupted (Nielsen 1993, after Miller 1968)."""
PHASES = 256
"""Moments of a client's clock that are tried, evenly spread."""
COLUMNS = ("outage_s", "client_stall_s", "client_stall_longest_s", "pings_lost", "drop_chance")
"""What :func:`felt` says of each migration."""


@dataclass(frozen=True)
class Observer:
    """Something that notices an outage: by which law, from when on, and what follows.

    ``period_s``: time between its signals, or between renewals; ``limit_s``: its time-out; ``count``: signals
    in a row that must be lost; ``stack``: of TCP; ``drops``: whether work or a connection is lost by it;
    ``usual``: whether it is there unless somebody asks for it.
    """

    name: str
    law: str
    consequence: str
    source: str
    period_s: float = 0.0
    limit_s: float = np.inf
    count: int = 1
    stack: str = ""
    drops: bool = True
    usual: bool = True

    @property
    def begins_s(self) -> float:
        """The least outage that it can notice, if the moment is the worst [s]."""
        if self.law == "missed":
            return (self.count - 1) * self.period_s
        if self.law == "lease":
            return self.limit_s - self.period_s
        if self.law == "lost":
            return 0.0
        if self.law == "connect":
            return STACKS[self.stack].connecting_s()[-1]
        moments = STACKS[self.stack].moments_s(ROUND_TRIP_S)
        return max((moment for moment in moments if moment < self.limit_s), default=0.0)


_THRESHOLDS = "techcommunity, Tuning Failover Cluster Network Thresholds (ba-p/371834)"
_LEASE = "learn.microsoft.com, lease, cluster and health check timeouts for availability groups"
_ISCSI = "HPE Nimble OS 5 help, Timeout Values (Windows defaults); MSDN san, initiator timers"

# fmt: off
OBSERVERS = (
    Observer("a connection of a Linux client", "stall", "gives up", LINUX.source, stack="Linux"),
    Observer("a connection of a Windows client", "stall", "gives up", WINDOWS.source, stack="Windows"),
    Observer("a connection of a Windows Server nearby", "stall", "gives up", WINDOWS_SERVER.source,
             stack="Windows Server"),
    Observer("a Linux client that connects", "connect", "fails to connect", LINUX.source, stack="Linux"),
    Observer("a Windows client that connects", "connect", "fails to connect", WINDOWS.source,
             stack="Windows"),
    Observer("ping once a second", "lost", "loses an echo", "ping of Windows and iputils: one a second",
             period_s=1.0, drops=False),
    Observer("a guest cluster on one subnet (until 2012 R2)", "missed", "removes the node",
             _THRESHOLDS + "; TechNet dn440540: 5 s for a guest cluster", period_s=1.0, count=5, usual=False),
    Observer("a guest cluster on two subnets (until 2012 R2)", "missed", "removes the node",
             _THRESHOLDS, period_s=1.0, count=5, usual=False),
    Observer("a guest cluster on one subnet (since 2016)", "missed", "removes the node",
             _THRESHOLDS, period_s=1.0, count=10),
    Observer("a guest cluster on two subnets (since 2016)", "missed", "removes the node",
             _THRESHOLDS, period_s=1.0, count=20),
    Observer("an availability group's session", "wait", "disconnects the replica",
             "learn.microsoft.com, session-timeout period for an availability replica: 10 s", limit_s=10.0,
             stack="Windows Server"),
    Observer("an availability group's lease", "lease", "fails over", _LEASE + ": 20 s, renewed each 5",
             period_s=5.0, limit_s=20.0),
    Observer("an availability group's health check", "lease", "fails over",
             _LEASE + ": 30 s, reported each third of it", period_s=10.0, limit_s=30.0),
    Observer("iSCSI with several paths, LinkDownTime", "wait", "gives up the path", _ISCSI + ": 15 s",
             limit_s=15.0, stack="Windows Server"),
    Observer("iSCSI with one path, MaxRequestHoldTime", "wait", "removes the disk", _ISCSI + ": 60 s",
             limit_s=60.0, stack="Windows Server"),
    Observer("SMB client, SessionTimeout", "wait", "builds a new session",
             "learn.microsoft.com, Get-SmbClientConfiguration: 60 s", limit_s=60.0, stack="Windows Server"),
    Observer("HTTP by WinHTTP, receive time-out", "wait", "gives up the request",
             "learn.microsoft.com, WinHttpSetTimeouts: 30 s", limit_s=30.0, stack="Windows"),
    Observer("HTTP through nginx, proxy_read_timeout", "wait", "gives up the request",
             "nginx.org, ngx_http_proxy_module: 60 s", limit_s=60.0, stack="Linux"),
    Observer("HTTP by .NET, HttpClient.Timeout", "wait", "gives up the request",
             "learn.microsoft.com, HttpClient.Timeout: 100 s", limit_s=100.0, stack="Windows"),
)
# fmt: on
"""What notices an outage; one row each, so that another is one row more."""
USUAL = tuple(one for one in OBSERVERS if one.usual)


def waits_s(outage_s: Numbers, stack: Stack = LINUX, message_s: float = MESSAGE_S) -> Floats:
    """Waits of a client's first message that runs into an outage, at :data:`PHASES` moments of its clock.

    Shape: that of ``outage_s`` and the moments. A message that is sent again in vain waits until its stack
    gives up. NaN where no message runs into the outage.
    """
    outage = np.asarray(outage_s, float)[..., None]
    first = message_s * (np.arange(PHASES) + 0.5) / PHASES
    moments = [*stack.moments_s(ROUND_TRIP_S), stack.gives_up_s(ROUND_TRIP_S)]
    sent_again = np.searchsorted(moments[:-1], (outage - first) * (1 - ROUNDING))
    return np.where(first < outage, np.array(moments)[sent_again], np.nan)


def chance(observer: Observer, blackout_s: Numbers, relearn_s: Numbers = 0.0) -> Floats:
    """How likely an observer is to notice a blackout of a given length, over the moments of its own clock."""
    blackout = np.asarray(blackout_s, float)
    outage = blackout + relearn_s
    if observer.law == "lost":
        return np.clip(outage / observer.period_s, 0, 1)
    if observer.law == "missed":
        return np.clip(outage / observer.period_s - (observer.count - 1), 0, 1)
    if observer.law == "lease":
        return np.clip((blackout - observer.limit_s) / observer.period_s + 1, 0, 1)
    if observer.law == "connect":
        # Who connects at the very beginning of the outage runs out of packets first.
        return np.where(outage > 0, np.clip(1 - observer.begins_s / np.maximum(outage, 1e-12), 0, 1), outage)
    stack = STACKS[observer.stack]
    ends = min(observer.limit_s, stack.gives_up_s(ROUND_TRIP_S))
    late: Bools = np.nan_to_num(waits_s(outage, stack), nan=0.0) >= ends
    return np.where(np.isnan(outage), np.nan, late.mean(axis=-1))


def felt(
    table: pd.DataFrame, relearn_ms: float | str = RELEARN_MS, observers: Iterable[Observer] = USUAL
) -> pd.DataFrame:
    """Migrations with what their clients feel: the columns of :data:`COLUMNS`.

    ``table`` has ``blackout_s``, as ``migrate`` returns it; with intervals of a calibrated host the columns
    have ``client_stall_longest_s_low90`` and ``_high90`` too, and the chance to drop anything is over the
    blackout's distribution. ``client_stall_s``: the median over moments at which a message of a client runs
    into the outage, and ``_longest_s`` the longest, both of the slowest stack; ``pings_lost``: how many of
    one a second, on the mean; ``drop_chance``: that of the likeliest of ``observers`` to lose something. NaN
    where a migration never comes to its blackout.
    """
    return table.assign(**columns(table, relearn_ms, observers))


def columns(
    table: Table, relearn_ms: float | str = RELEARN_MS, observers: Iterable[Observer] = USUAL
) -> Columns:
    """What :func:`felt` adds, as arrays by name; ``table`` may be columns by name as well."""
    relearn_ms = checked_relearn_ms(relearn_ms)
    relearn_s = relearn_ms / 1000
    blackout = _blackout(table, "blackout_s")
    outage = blackout + relearn_s
    median, longest = _stalls(outage)
    found = {
        "outage_s": outage,
        "client_stall_s": median,
        "client_stall_longest_s": longest,
        "pings_lost": outage,
        "drop_chance": np.max([*_chances(table, relearn_ms, observers).values()], axis=0),
    }
    for end in ("low90", "high90"):
        if f"blackout_s_{end}" in table:
            of_end = _blackout(table, f"blackout_s_{end}") + relearn_s
            found[f"client_stall_longest_s_{end}"] = _stalls(of_end)[1]
    return found


def checked_relearn_ms(value: float | str) -> float:
    """A time for the network to learn [ms], a unit of its own allowed; ParameterError for what is none.

    >>> checked_relearn_ms("1.5 s")
    1500.0
    """
    return float(replace(PARAMETERS["handoff_ms"], name="relearn_ms").check(value))


def drop_chances(
    table: pd.DataFrame, relearn_ms: float = RELEARN_MS, observers: Iterable[Observer] = USUAL
) -> pd.DataFrame:
    """The chance that a migration costs each observer something: a row a migration, a column an observer."""
    import pandas as pd

    return pd.DataFrame(_chances(table, relearn_ms, observers), index=table.index)


def _chances(table: Table, relearn_ms: float, observers: Iterable[Observer]) -> Columns:
    spread, relearn_s = _spread(table), relearn_ms / 1000
    return {
        one.name: np.mean(np.asarray(chance(one, spread, relearn_s)), axis=1)
        for one in observers
        if one.drops
    }


def effects(
    row: pd.Series, relearn_ms: float = RELEARN_MS, observers: Iterable[Observer] = OBSERVERS
) -> pd.DataFrame:
    """One migration against every observer, a row each.

    ``name``, ``consequence``, ``begins_s`` (the least outage that it can notice), ``chance``, ``drops``,
    ``expected_lost`` (signals, where it counts them) and ``source``.
    """
    import pandas as pd

    relearn_s = checked_relearn_ms(relearn_ms) / 1000
    spread = _spread(_alone(row))
    outage = float(row["blackout_s"]) + relearn_s
    rows = [
        {
            "name": one.name,
            "consequence": one.consequence,
            "begins_s": one.begins_s,
            "chance": float(np.mean(np.asarray(chance(one, spread, relearn_s)))),
            "drops": one.drops,
            "expected_lost": outage / one.period_s if one.law == "lost" else np.nan,
            "source": one.source,
        }
        for one in observers
    ]
    return pd.DataFrame(rows)


def first_to_drop(observers: Iterable[Observer] = USUAL) -> Observer:
    """The observer that loses something by the shortest outage."""
    return min((one for one in observers if one.drops), key=lambda one: one.begins_s)


def statement(row: Row, observers: Iterable[Observer] = USUAL) -> list[str]:
    """What clients feel of one migration with the columns of :func:`felt`, in two sentences.

    "No dropped connection, no perceived downtime" where both hold; then from which outage on they would not.
    """
    if np.isnan(row["outage_s"]):
        return ["The guest is never paused, so no client feels a pause."]
    typical, longest = float(row["client_stall_s"]), float(row["client_stall_longest_s"])
    most = f", at most {_seconds(longest)}" if longest > 1.05 * typical else ""
    # The first message that is lost waits longer than what is left of the outage, or for nothing.
    in_vain = longest < float(row["outage_s"]) - MESSAGE_S
    does = "gives up its connection after" if in_vain else "waits"
    waits = f"a client that runs into the pause {does} {_seconds(typical)}{most}"
    if row["drop_chance"] > 0:
        return [_dropping(row, observers), sentence_case(f"{waits}.")]
    downtime = "but perceived" if longest > PERCEIVED_S else "no perceived"
    first = first_to_drop(observers)
    return [
        f"No dropped connection, {downtime} downtime: {waits}.",
        f"First to drop would be {first.name}, from an outage of {_seconds(first.begins_s)} on; here it is "
        f"{_seconds(row['outage_s'])}.",
    ]


def sentence_case(text: str) -> str:
    """A text that begins with a capital letter, the rest as it is."""
    return text[:1].upper() + text[1:]


def _dropping(row: Row, observers: Iterable[Observer]) -> str:
    """Who loses something, the most sensitive first."""
    relearn_ms = 1000 * max(float(row["outage_s"] - row["blackout_s"]), 0.0)
    chances = {name: float(each[0]) for name, each in _chances(_alone(row), relearn_ms, observers).items()}
    lost = sorted((o for o in observers if chances.get(o.name, 0) > 0), key=lambda one: one.begins_s)
    more = f", and so do {len(lost) - 1} more" if len(lost) > 1 else ""
    told = f"{lost[0].name} {lost[0].consequence} (chance {100 * chances[lost[0].name]:.0f} %){more}"
    return f"Connections may drop: by an outage of {_seconds(row['outage_s'])} {told}."


def _seconds(value: float) -> str:
    return f"{value:.3g} s" if value < 1000 else f"{round(value / 60)} min"


def _stalls(outage: Floats) -> tuple[Floats, Floats]:
    """Median and longest wait of the slowest stack; 0 where no message can run into the outage."""
    waits = np.array([waits_s(outage, stack) for stack in STACKS.values()])
    # Which moments run into the outage is the same for all stacks.
    waits = np.where(np.isnan(waits).all(axis=-1, keepdims=True), 0.0, waits)
    never = np.isnan(outage)
    ends = (np.nanmedian(waits, axis=-1).max(axis=0), np.nanmax(waits, axis=-1).max(axis=0))
    middle, longest = (np.where(never, np.nan, end) for end in ends)
    return middle, longest


def _alone(row: Row) -> Columns:
    """One migration as a table of one row."""
    return {str(name): np.array([value]) for name, value in row.items()}


def _blackout(table: Table, name: str) -> Floats:
    """Blackouts; NaN where the machine never moves."""
    found = np.asarray(table[name], float)
    endless = np.isin(np.asarray(table["stop_reason"], str), STAYS) if "stop_reason" in table else False
    return np.where(endless | ~np.isfinite(found), np.nan, found)


QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
_ENDS = ("_low90", "_low50", "", "_high50", "_high90")
_CHANCES = (np.arange(40) + 0.5) / 40


def _spread(table: Table) -> Floats:
    """Blackouts that are equally likely, a row a migration: of its interval on a host, else the one there is.

    Between the ends of the intervals the distribution is even; beyond the outer ends it is as there.
    """
    if "blackout_s_low90" not in table:
        return _blackout(table, "blackout_s")[:, None]
    ends = np.column_stack([_blackout(table, f"blackout_s{end}") for end in _ENDS])
    return np.array([np.interp(_CHANCES, QUANTILES, row) for row in ends]).reshape(len(ends), -1)
