"""A migration that is followed: its record as it grows, and the outlook after each of its polls."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from analysis.model.dirtying import WriteClasses
from analysis.model.migration import content_pages, filled, guest, parameters_in
from analysis.model.stop_rules import STOP_RULES
from analysis.model.units import GBIT, MIB, PAGES_PER_GIB
from analysis.observations.polls import polls_of
from analysis.observations.record import Record
from analysis.parameters import PARAMETERS
from analysis.studies.hosts.host import Host
from analysis.studies.running.course import course
from analysis.studies.running.forecast import Rule
from analysis.studies.running.guests import Told
from analysis.studies.running.outlook import Outlook, outlook

ENDED = ("completed", "failed", "cancelled", "given up", "end not told", "contradicted")
"""How a migration is called in a record that is not running any more."""
WRITES, SIZE, PATTERN = "dirty_pages_per_s", "working_set_gib", "write_pattern"
CONTENT = ("memory_gib", "resident_share")
PAUSE = ("handoff_ms", "state_mib")
USUAL_PAUSE_S = 0.005
"""What a pause of QEMU takes beside the pages that are left, where no host tells it."""
UNSURE_WRITES, UNSURE_CONTENT_PAGES = 0.02, 1700.0
"""Scatter of what is told, where no host tells it: that of data/laboratory.yml."""


@dataclass(frozen=True)
class Seen:
    """A record as it is now: the migration followed, its status, the outlook (None with too few polls)."""

    record: Record
    migration: str
    status: str
    outlook: Outlook | None

    @property
    def ended(self) -> bool:
        """Whether the migration is over."""
        return self.status in ENDED


class Watch:
    """Follows one migration of a growing record.

    ``given``: parameters that the user told; ``host``: a calibrated host, for what nobody told. What the file
    itself says was known goes before the host and after the user. ``migration``: which one; the one that
    began last if not given. ``sampled_pages``: distinct pages dirtied in a second, by a sample.
    """

    def __init__(
        self,
        given: Mapping[str, Any] | None = None,
        host: Host | None = None,
        migration: str = "",
        sampled_pages: float | None = None,
    ) -> None:
        self.given, self.host, self.migration = dict(given or {}), host, migration
        self.sampled_pages = sampled_pages
        self._progress: dict[str, float] = {}

    def see(self, found: Record, *, with_levers: bool = True) -> Seen:
        """Take the record as it is now."""
        key = self.migration or followed(found)
        rows = found.migrations[found.migrations.migration == key]
        if rows.empty:
            return Seen(found, key, "", None)
        row = rows.iloc[-1]
        status = str(row.get("status", ""))
        here = course(p for p in polls_of(found, key))
        if here is None or status in ENDED:
            return Seen(found, key, status, None)
        rule, told = self.known(row)
        now = outlook(here, rule, told, before=self._progress.get(key, 0.0), with_levers=with_levers)
        self._progress[key] = now.progress
        return Seen(found, key, status, now)

    def known(self, row: pd.Series) -> tuple[Rule, Told]:
        """What is known of the rule and of the guest."""
        beside = {n: row[n] for n in row.index if n in PARAMETERS and not _missing(row[n])}
        given = beside | self.given
        scenario = pd.DataFrame([given])
        table = self.host.apply(scenario, tuple(self.given)) if self.host else scenario
        columns = filled(parameters_in(table))
        told = replace(_told(given, columns, self.host), sampled_pages=self.sampled_pages)
        return _rule(given, columns, self.host), told


def followed(found: Record) -> str:
    """The migration that began last; empty where a record has none."""
    rows = found.migrations
    running = rows[~rows.status.isin(ENDED)] if "status" in rows else rows
    rows = running if len(running) else rows
    return str(rows.migration.iloc[-1]) if len(rows) else ""


def _missing(value: Any) -> bool:
    return isinstance(value, float) and math.isnan(value)


def _rule(given: Mapping[str, Any], columns: Mapping[str, np.ndarray], host: Host | None) -> Rule:
    """The stop rule; what a pause takes is the host's or the user's, and for Hyper-V the usual."""
    name = str(given.get("stop_rule", "qemu"))
    passes, target = (float(columns[n][0]) for n in ("pass_limit", "blackout_target_ms"))
    usual = name in STOP_RULES and name.startswith("hyperv")
    if not (host or usual or any(n in given for n in PAUSE)):
        return Rule(name, passes, target, USUAL_PAUSE_S)
    state_s = float(columns["state_mib"][0]) * MIB * 8 / (float(columns["bandwidth_gbps"][0]) * GBIT)
    return Rule(name, passes, target, float(columns["handoff_ms"][0]) / 1000 + state_s)


def _told(given: Mapping[str, Any], columns: Mapping[str, np.ndarray], host: Host | None) -> Told:
    """What is told of the guest, each part for itself where not all is."""
    scatter = (host.scatter if host else {}).get(WRITES, UNSURE_WRITES)
    whole = {WRITES, SIZE, PATTERN} <= set(given)
    extra = (host.scatter if host else {}).get("extra_resident_mib")
    content = all(n in given for n in CONTENT)
    return Told(
        classes=WriteClasses._make(guest(dict(columns)).classes) if whole else None,
        dirty_pages_per_s=float(columns[WRITES][0]) if WRITES in given else None,
        working_set_pages=float(columns[SIZE][0]) * PAGES_PER_GIB if SIZE in given else None,
        pattern=str(given.get(PATTERN, "")),
        content_pages=float(content_pages(dict(columns))[0]) if content else None,
        scatter=scatter,
        content_scatter_pages=extra * 256 if extra else UNSURE_CONTENT_PAGES,
    )
