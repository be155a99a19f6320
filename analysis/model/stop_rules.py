"""When a hypervisor ends pre-copy: its rule, as data with its source, and the rules of a table as columns.

What a rule does to the passes is in :mod:`.precopy`; a new rule of the kinds it knows is a row here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from analysis.arrays import Bools, Floats


@dataclass(frozen=True)
class StopRule:
    """When one hypervisor ends pre-copy.

    ``pass_limit``: most passes. ``target_ms``: transfer time of the residual that counts as
    converged; with ``target_ends_passes`` reaching it also ends pre-copy. ``few_pages``: a pass that sent
    fewer than this was the last. ``sent_limit``: memory sent, in multiples of the machine's, beyond
    which the rule gives up. ``check_interval_s``: how often a running pass is checked against
    the target (infinite: only between passes). ``limit_delay_s``: time from reaching the pass
    limit to the pause, while pages go on being sent. ``lifts_bandwidth_limit``: the residual is sent
    without the limit that holds the passes. ``head_start_s``: how long the link works off the sender's
    buffers while the sender prepares the pause, so that the residual takes that much less.
    """

    name: str
    pass_limit: float
    target_ms: float
    source: str
    target_ends_passes: bool = False
    few_pages: float = 0.0
    sent_limit: float = np.inf
    check_interval_s: float = np.inf
    limit_delay_s: float = 0.0
    lifts_bandwidth_limit: bool = False
    head_start_s: float = 0.0


STOP_RULES = {
    rule.name: rule
    for rule in (
        StopRule(
            "hyperv",
            pass_limit=5,
            target_ms=750,
            source="5 passes since Windows Server 2012 R2 (Savill 2016). No threshold is published: passes "
            "go on until nothing is left; 750 ms is the design goal in Microsoft's driver documentation "
            "and only judges the outcome.",
        ),
        StopRule(
            "hyperv_2008r2",
            pass_limit=10,
            target_ms=750,
            source="10 passes (Directions on Microsoft, June 2009); the goal as for hyperv.",
        ),
        StopRule(
            "qemu",
            pass_limit=np.inf,
            target_ms=300,
            target_ends_passes=True,
            check_interval_s=0.061,
            limit_delay_s=0.06,
            lifts_bandwidth_limit=True,
            head_start_s=0.009,
            source="QEMU 7.2 migration.c and ram.c: pending below bandwidth times the downtime limit, tested "
            "after every 50 ms of sending (61 ms with the wake-up of the socket: passes.csv). The "
            "threshold is renewed every 100 ms, so a pass limit set from outside acts 60 ms late. The "
            "head start is measured on migrations.csv.",
        ),
        StopRule(
            "xen",
            pass_limit=29,
            target_ms=0,
            few_pages=50,
            sent_limit=3,
            source="libxc xc_domain_save.c: a pass of fewer than 50 pages, more than three times the "
            "machine's memory sent, or 29 passes.",
        ),
        StopRule(
            "simgrid",
            pass_limit=np.inf,
            target_ms=30,
            target_ends_passes=True,
            source="SimGrid 3.32 VmLiveMigration.cpp: a residual that the rate of the last pass sends within "
            "30 ms, tested between passes, without a limit on them. Its machines write by "
            'write_pattern="sequential".',
        ),
    )
}


_YES_OR_NO = ("target_ends_passes", "lifts_bandwidth_limit")


class Rules(NamedTuple):
    """The stop rule of every row, as columns; see :class:`StopRule` for their meaning."""

    pass_limit: Floats
    target_ms: Floats
    target_ends_passes: Bools
    few_pages: Floats
    sent_limit: Floats
    check_interval_s: Floats
    limit_delay_s: Floats
    lifts_bandwidth_limit: Bools
    head_start_s: Floats

    @classmethod
    def of(cls, stop_rule: NDArray[Any], pass_limit: Floats, target_ms: Floats) -> Rules:
        """Columns for rows that name a preset; NaN in the last two means "as the preset has it"."""
        rows = np.broadcast_shapes(np.shape(stop_rule), np.shape(pass_limit), np.shape(target_ms))
        names, row = np.unique(np.asarray(stop_rule, dtype=str), return_inverse=True)
        presets = [STOP_RULES[name] for name in names]
        columns = {
            field: np.array(
                [getattr(p, field) for p in presets], dtype=bool if field in _YES_OR_NO else float
            )[row]
            for field in cls._fields
        }
        for field, given in (("pass_limit", pass_limit), ("target_ms", target_ms)):
            columns[field] = np.where(np.isnan(given), columns[field], given)
        return cls(**{field: np.broadcast_to(column, rows) for field, column in columns.items()})
