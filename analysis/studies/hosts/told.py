"""A reader's own files as far as they go: the model fitted where they tell enough, else what is lacking.

Whatever can be read makes a report. Counters and events do not tell the machine's memory, a log without sizes
does not tell the link, a recording that was cut off has no end: then what was recorded is shown, and a
sentence says what is lacking and what to add.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from analysis.errors import UserError
from analysis.model.migration import parameters_in
from analysis.observations.recognise import why_left_out
from analysis.observations.record import Record
from analysis.studies.hosts import own
from analysis.studies.hosts.host import Host
from analysis.studies.hosts.own import Fitted
from analysis.studies.hosts.recorded import lacking

ADD_MEMORY = "-p memory_gib 64"
"""The one option that counters and domjobinfo without sizes need, with the number of an example."""


@dataclass(frozen=True)
class Told:
    """What was recorded, the migration that is looked at, and the model fitted to it.

    ``key``: its name, empty where the files hold no migration. ``lacks``: sentences on why it cannot be
    modelled, empty where it is. ``add``: the one option that mends that, empty where no option does.
    """

    found: Record
    key: str
    fitted: Fitted
    lacks: tuple[str, ...] = ()
    add: str = ""

    @property
    def row(self) -> pd.Series | None:
        """The migration as it was recorded; None where the files hold none."""
        rows = self.found.migrations
        return rows[rows.migration == self.key].iloc[0] if self.key else None

    @property
    def scenario(self) -> pd.DataFrame:
        """The migration as a table of one scenario, with what was measured; empty where it lacks anything."""
        rows = self.fitted.migrations
        return rows[rows.migration == self.key].reset_index(drop=True)

    @property
    def case(self) -> dict[str, Any]:
        """The migration as one scenario on its calibrated host; empty where it lacks anything."""
        said = parameters_in(self.scenario)
        if said.empty:
            return {}
        return {**self.fitted.host.columns(), **{str(n): v for n, v in said.iloc[0].items()}}


def told(found: Record, key: str = "", bandwidth_gbps: float = 0.0, windows: str = "") -> Told:
    """The model calibrated to what was recorded, for one migration, or what it lacks.

    ``key``: the migration asked for; empty for the longest of those that can be modelled, else of all.
    ``bandwidth_gbps``, ``windows``: as :func:`~.own.fit` takes them. Raises UserError for a key that is not
    there and for a version of Windows behind files of other hosts.
    """
    if len(found.migrations):
        own.on_windows(found.migrations, windows)
    try:
        fitted, why = own.fit(found, bandwidth_gbps, windows), ""
    except UserError as error:
        fitted, why = Fitted(found.migrations[["migration"]].iloc[:0], Host(), "not fitted"), str(error)
    key = _chosen(found, fitted, key)
    if key in set(fitted.migrations.migration):
        return Told(found, key, own.about(fitted, key))
    return _lacking(Told(found, key, fitted), why)


def _chosen(found: Record, fitted: Fitted, key: str) -> str:
    """The migration asked for, or the longest that is modelled, or the longest; UserError for an unknown."""
    rows = found.migrations
    if key in set(rows.migration):
        return key
    if key or len(fitted.migrations):
        return own.chosen(fitted if len(fitted.migrations) else replace(fitted, migrations=rows), key)
    if rows.empty:
        return ""
    return str(rows.migration.iloc[int(rows.measured_total_s.fillna(-1.0).argmax())])


def _lacking(here: Told, why: str) -> Told:
    """With what the migration lacks: an end, or what would explain it; and the option that mends it."""
    if here.row is None:
        return replace(here, lacks=("the files hold no completed migration",))
    if reason := why_left_out(here.row):
        return replace(here, lacks=(f"{here.key} is no completed migration of memory: {reason}",))
    lacks = lacking(here.row, here.found.passes[here.found.passes.migration == here.key])
    only_memory = len(lacks) == 1 and not here.row.get("memory_gib", float("nan")) > 0
    return replace(
        here,
        lacks=tuple(lacks) or (why,),
        add=ADD_MEMORY if only_memory else "",
    )
