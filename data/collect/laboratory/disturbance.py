"""Whether other work on the machine disturbed a measurement: a rule, the same for every row, and its words.

A migration counts when the guest wrote what it was told, on a link that carried what it can, by a clock that
ran true. What a rule itself slows (a throttled guest, one that waits for its pages) is no disturbance.
"""

from __future__ import annotations

from typing import Any

from data.collect.laboratory.guest import Report, rate

BEFORE_WITHIN, DURING_WITHIN = 0.02, 0.03
"""How far the guest's own count may be from the rate it was told, before and while it is moved."""
LINK_AT_LEAST = 0.93
"""What the first pass must reach of the link."""
CLOCK_WITHIN, CLOCK_WITHIN_S = 0.03, 0.6
"""How far the guest's clock may be from the host's: a share, and the quarter second between two reports."""


def disturbed(record: dict[str, Any]) -> str | None:
    """What disturbed a migration, in words; None where nothing did."""
    return of_guest(record) or of_link(record) or of_clock(record)


def of_guest(record: dict[str, Any]) -> str | None:
    """The guest wrote less or more than it was told."""
    told = record["configuration"]["write_rate_pages_per_s"]
    before = rate(_reports(record["written_before"])[1:])
    if before is None or abs(before / told - 1) > BEFORE_WITHIN:
        return f"before the migration the guest wrote {before or 0:.0f} of {told} pages/s"
    during = rate(unslowed(record))
    if during is not None and abs(during / told - 1) > DURING_WITHIN:
        return f"during the migration the guest wrote {during:.0f} of {told} pages/s"
    return None


def unslowed(record: dict[str, Any]) -> list[Report]:
    """The source's reports while it was moved, up to the first throttle."""
    during = _reports(record["written_during"])
    throttled = [at for at, _, event in record["changes"] if event.startswith("throttle")]
    if not (throttled and during):
        return during
    return [each for each in during if each.time_s < during[0].time_s + throttled[0] - 0.25]


def of_link(record: dict[str, Any]) -> str | None:
    """The first pass did not get the link's rate."""
    first = [poll for poll in record["polls"] if poll[1] == 1 and poll[2]]
    if len(first) < 2 or first[-1][0] - first[0][0] < 0.5:
        return None
    mbit = (first[-1][2] - first[0][2]) * 8e-6 / (first[-1][0] - first[0][0])
    link = record["configuration"]["link_mbit_per_s"]
    if mbit < LINK_AT_LEAST * link:
        return f"the first pass had {mbit:.0f} of {link} Mbit/s"
    return None


def of_clock(record: dict[str, Any]) -> str | None:
    """The guest's seconds are not the host's, from the first report to the last before the pause."""
    during = _reports(record["written_during"])
    switched = [at for at, _, event in record["changes"] if event == "postcopy"]
    ran = switched[0] if switched else record["polls"][-1][0] - record["end"].get("downtime", 0) / 1000
    host_s = record["started_after_s"] + ran
    off = abs(during[-1].time_s - host_s)
    if record["configuration"]["rule"] != "autoconverge" and off > CLOCK_WITHIN_S + CLOCK_WITHIN * host_s:
        return f"the guest counted {during[-1].time_s:.1f} s where the host counted {host_s:.1f}"
    return None


def _reports(told: list[Any]) -> list[Report]:
    """Reports, as they are or as they come out of a file of records."""
    return [Report(*each) for each in told]
