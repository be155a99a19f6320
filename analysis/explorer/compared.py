"""What a case changes against another, in a sentence."""

from __future__ import annotations

from analysis.explorer.followed import Migration
from analysis.figures.language import binds, change, differ, sentence
from analysis.figures.words import endless


def compared(now: Migration, before: Migration) -> str:
    """What changed against a reference: total time, blackout and what binds; empty where nothing did.

    >>> from analysis.explorer.followed import one
    >>> print(compared(one(bandwidth_gbps=20), one(bandwidth_gbps=10)).replace("\\N{NO-BREAK SPACE}", " "))
    The total time falls from 15 s to 13 s; the blackout stays at 200 ms; the connection's core binds instead.
    """
    here, there = now.outcome, before.outcome
    parts: list[str] = []
    if endless(here) or endless(there):
        only = "the reference ends" if endless(here) else "the reference never ends"
        parts.append("the reference never ends either" if endless(here) and endless(there) else only)
    elif differ(there["total_s"], here["total_s"]) or differ(there["blackout_s"], here["blackout_s"]):
        parts.append(change("the total time", there["total_s"], here["total_s"]))
        parts.append(change("the blackout", there["blackout_s"], here["blackout_s"]))
    if here["limited_by"] != there["limited_by"]:
        parts.append(f"{binds(here['limited_by'])} instead")
    return f"{sentence('; '.join(parts))}." if parts else ""
