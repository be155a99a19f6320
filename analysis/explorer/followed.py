"""The numbers of one migration's picture: passes, the course of dirtying in them, ceilings of the link."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from analysis.model.compression import compressing_rate
from analysis.model.dirtying import distinct_pages
from analysis.model.link import CEILINGS, TIE
from analysis.model.migration import ceilings, content_pages, filled, guest, migrate, passes
from analysis.model.units import GBIT, GIB, PAGE_BYTES, PAGES_PER_GIB
from analysis.parameters import FACTOR, OUTCOMES, PARAMETERS
from analysis.studies.grids import grid

DRAWN_PASSES = 20
"""Passes that are drawn; later ones look like the last of them."""
POINTS = 11
"""Points of a curve within a pass."""


class Pass(NamedTuple):
    """One pass: when it began and how long it took [s], memory to send at its start and sent, and the
    memory [GiB] dirtied since it began, at evenly spaced times."""

    number: int
    start_s: float
    duration_s: float
    to_send_gib: float
    sent_gib: float
    dirtied_gib: tuple[float, ...]


class Migration(NamedTuple):
    """All that the picture of one migration shows; ``ceilings`` are rates of payload [Gbit/s] by name.

    ``ratio``: of compression, 1 where nothing is compressed; ``page_share``: pages' share of what is sent,
    without their headers.
    """

    setup_s: float
    outcome: Mapping[str, Any]
    passes: tuple[Pass, ...]
    ceilings: Mapping[str, float]
    ratio: float = 1.0
    page_share: float = 1.0

    @property
    def compresses(self) -> bool:
        """Whether memory is compressed: then a rate of memory is another than one of payload."""
        return math.isfinite(self.ceilings["spare_cores"])

    def memory_rates(self) -> dict[str, float]:
        """What each ceiling alone would let through [GiB/s of memory, compressed].

        Spare cores that bind: the rate that memory then goes at, with what goes uncompressed beside.
        """
        rates = {name: self.ratio * self.plain_rate(gbps) for name, gbps in self.ceilings.items()}
        if self.outcome["limited_by"] == "spare_cores":
            rates["spare_cores"] = self.outcome["memory_rate_gib_per_s"]
        return rates

    def plain_rate(self, payload_gbps: float) -> float:
        """The memory [GiB/s] that a rate of payload carries uncompressed."""
        return payload_gbps * self.page_share * GBIT / 8 / GIB

    def follows(self, name: str) -> bool:
        """Whether a ring or socket carries all that the ceilings before it let through, so limits nothing."""
        before = {n: self.ceilings[n] for n in _BEFORE.get(name, ())}
        return bool(before) and self.ceilings[name] >= (1 - TIE) * min(before.values())


_BEFORE = {
    "socket_buffer": ("line_rate",),
    "send_buffers": ("line_rate",),
    "receive_buffers": CEILINGS[: CEILINGS.index("send_buffers")],
}
"""What rings and sockets are offered: their laws round the corner to it, a little below."""


def followed(scenarios: pd.DataFrame) -> list[Migration]:
    """The migrations of some scenarios, a row each, with their first passes and all ceilings."""
    p = filled(scenarios)
    outcomes = _rows(migrate(scenarios), OUTCOMES)
    found = ceilings(scenarios)
    limits = _rows(found, [str(name) for name in found if name not in OUTCOMES])
    cores = _cores_gbps(p)
    made = _passes_by_scenario(passes(scenarios), p)
    return [
        Migration(
            float(p["setup_s"][i]),
            outcomes[i],
            made[i],
            limits[i] | {"spare_cores": float(cores[i])},
            float(p["compression_ratio"][i]) if np.isfinite(cores[i]) else 1.0,
            float(PAGE_BYTES / (PAGE_BYTES + p["page_header_bytes"][i])),
        )
        for i in range(len(outcomes))
    ]


def _rows(frame: pd.DataFrame, names: Iterable[str]) -> list[dict[str, Any]]:
    """Some columns as a mapping for each row, of plain values."""
    columns = {name: frame[name].tolist() for name in names}
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def _cores_gbps(p: dict[str, np.ndarray]) -> np.ndarray:
    """What the spare cores can compress, as payload at the full ratio: the ceiling beside the link's own."""
    able = compressing_rate(p["compress_gib_per_s_per_core"], p["spare_cores"])
    able = able / p["compression_ratio"] * 8 * GIB / GBIT
    return np.where(p["transport"] == "compression", able, np.inf)


def _passes_by_scenario(steps: pd.DataFrame, p: dict[str, np.ndarray]) -> list[tuple[Pass, ...]]:
    """The first passes of each scenario with the course of dirtying within them, computed for all at once."""
    step = {name: steps[name].to_numpy() for name in steps}
    before = np.concatenate([[0.0], step["remaining_pages"][:-1]])
    drawn = step["pass_number"] <= DRAWN_PASSES
    step, before = {name: column[drawn] for name, column in step.items()}, before[drawn]
    row, passed, found = step["scenario"].astype(int), step["pass_number"].astype(int), step["dirtied_pages"]
    classes = guest({name: column[row] for name, column in p.items()}).classes
    shares = np.linspace(0, 1, POINTS)
    curve = np.stack([distinct_pages(step["duration_s"] * share, classes) for share in shares], axis=1)
    # What is waiting to be sent anyway is not counted twice: the curve ends at what the pass found.
    scale = np.divide(found, curve[:, -1], out=np.zeros_like(found), where=curve[:, -1] > 0)
    curve = curve * scale[:, None] / PAGES_PER_GIB
    to_send = np.where(passed == 1, content_pages(p)[row], before) / PAGES_PER_GIB
    columns = (passed, step["start_s"], step["duration_s"], to_send, step["sent_pages"] / PAGES_PER_GIB)
    made: list[list[Pass]] = [[] for _ in p["setup_s"]]
    lists = (column.tolist() for column in (row, curve, *columns))
    for i, dirty, *values in zip(*lists, strict=True):
        made[i].append(Pass._make([*values, tuple(dirty)]))
    return [tuple(some) for some in made]


def one(**parameters: Any) -> Migration:
    """One migration; parameters as for ``migrate``, to which defaults are left: that is quicker."""
    said = {n for n in parameters if n not in PARAMETERS or n + FACTOR in parameters}
    given = {n: v for n, v in parameters.items() if n in said or not _is_default(n, v)}
    return followed(grid(**given or {"memory_gib": PARAMETERS["memory_gib"].default}))[0]


def _is_default(name: str, value: Any) -> bool:
    """Whether a value is a parameter's default, None standing for one left to a preset."""
    default = PARAMETERS[name].default
    empty = isinstance(default, float) and math.isnan(default)
    return value is None if empty else value == default and type(value) is not bool
