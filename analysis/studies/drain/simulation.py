"""Many migrations at once, followed event by event.

Migrations share the links at their source and destination (and between, where given) max-min fairly, each
held by its own ceilings; their passes answer to the share of the moment (:mod:`.course`). So a machine that
converges alone may not beside five others. One that shares nothing takes what
:func:`analysis.model.migration.migrate` says, to rounding.

The loop (:mod:`.events`) runs as Python, or compiled where it is asked often or of many moves.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple, cast

import numpy as np
import pandas as pd

from analysis.arrays import Bools, Columns, Floats
from analysis.errors import UserError
from analysis.model.dirtying import WriteClasses
from analysis.model.laws.passes import ENDLESS, REASONS
from analysis.model.migration import LIMITS, ahead_pages, changing_rules, evaluate, guest, rates
from analysis.model.stop_rules import Rules
from analysis.model.units import MIB, PAGE_BYTES, PAGES_PER_GIB
from analysis.studies.drain import events
from analysis.studies.drain.course import GIB_PER_GBIT
from analysis.studies.drain.tables import (
    CANCELLED,
    DONE,
    IN_TURN,
    PLAIN,
    QUEUED,
    SPILLS,
    WAITS,
    Course,
    Ints,
    Moves,
    Nodes,
    Policy,
    Wide,
)

WORTH_COMPILING = 150
"""Moves in all simulations of a question from which it pays to load the compiled loop."""
SAID = REASONS
"""Why the passes ended, by code."""
SHARED = "shared_link"
"""What limits a migration that is held below its own ceilings for most of the time."""
FASTEST_GBPS = 1e12
ROLLING = Policy()
"""A slot that is free is filled at once."""


class Extra(NamedTuple):
    """What a system does with each machine beside the model's own parameters, a value a machine.

    ``live``: False for a quick migration, saved and restored through storage of ``storage_gib_per_s``.
    ``orchestration_s``: per machine; ``serial_s``: per machine too, one after the other at a source.
    ``give_up_s`` after the passes began (infinite: never) the system does ``give_up_how``.
    """

    live: Bools
    storage_gib_per_s: Floats
    orchestration_s: Floats
    serial_s: Floats
    give_up_s: Floats
    give_up_how: Ints

    @classmethod
    def none(cls, count: int) -> Extra:
        """Live migrations and nothing beside."""
        zero = np.zeros(count)
        return cls(np.ones(count, bool), zero + 1, zero, zero, zero + np.inf, np.zeros(count, np.int64))


class Ran(NamedTuple):
    """How a queue was worked off: when all had ended, how each went, what each link carried at most."""

    makespan_s: float
    course: Course
    peak_gbps: Floats

    @property
    def ended(self) -> Bools:
        """Moves that were carried out."""
        done: Bools = self.course.stage == DONE
        return done

    @property
    def stuck(self) -> Bools:
        """Moves that could never start: what they wait for happens only after them."""
        queued: Bools = self.course.stage == QUEUED
        return queued

    @property
    def given_up(self) -> Bools:
        """Moves that were given up, or that would never end beside the others."""
        cancelled: Bools = self.course.stage == CANCELLED
        return cancelled


class Crossing(NamedTuple):
    """Moves, the links that each crosses, and the pages that its guest writes."""

    moves: Moves
    links: Ints
    classes: WriteClasses


class Alone(NamedTuple):
    """What each move is without sharing: outcomes of the model, and what binds it."""

    total_s: Floats
    blackout_s: Floats
    converged: Bools
    endless: Bools
    sent_pages: Floats
    limited_by: np.ndarray


def moves_of(
    p: Columns, source: Ints, destination: Ints, links: Ints, group: Ints, extra: Extra,
    slower: Floats | None = None,
) -> tuple[Crossing, Alone]:  # fmt: skip
    """Moves from columns of all parameters (``migration.filled``), with where each goes and over what.

    ``slower``: factors on the durations of each, for draws of a host's scatter.
    """
    rows = len(source)
    p = {name: np.broadcast_to(column, rows) for name, column in p.items()}
    slow = np.ones(rows) if slower is None else slower
    rules = _unchanging(p)
    rate = rates(p)
    lifted = rules.lifts_bandwidth_limit & (p["bandwidth_limit_share"] < 1)
    paused = rates(p | {"bandwidth_limit_share": np.where(lifted, 1.0, p["bandwidth_limit_share"])})
    machine = guest(p)
    payload = np.broadcast_to(rate.efficiency, rows)
    stored = ~extra.live
    wait = (p["setup_s"] + extra.orchestration_s) * slow
    found = _alone(p, extra, slow, payload)
    ceiling = np.minimum(rate.goodput_gbps, FASTEST_GBPS) / payload
    storage = extra.storage_gib_per_s / GIB_PER_GBIT
    columns = {
        "source": source, "destination": destination, "group": group, "live": extra.live,
        "memory_gib": p["memory_gib"], "serial_s": extra.serial_s,
        "wait_s": np.where(stored, extra.orchestration_s, wait),
        "handoff_s": p["handoff_ms"] / 1000 * slow,
        "ceiling_gbps": np.where(stored, storage, ceiling),
        "paused_gbps": np.where(stored, storage, np.minimum(paused.goodput_gbps, FASTEST_GBPS) / payload),
        "payload": np.where(stored, 1.0, payload) / slow,
        "compresses": _compresses(p), "ratio": p["compression_ratio"],
        "core_gib_s": p["compress_gib_per_s_per_core"] / slow, "cores": p["spare_cores"],
        "page_gib_s": PAGES_PER_GIB * PAGE_BYTES / (PAGE_BYTES + p["page_header_bytes"]),
        "content": machine.content, "zero": machine.zero, "top": machine.top, "ahead": ahead_pages(p, rate),
        "state_gib": np.where(stored, 2 * p["memory_gib"], p["state_mib"] * MIB / 2**30),
        "pass_limit": rules.pass_limit, "target_s": rules.target_ms / 1000,
        "target_ends": rules.target_ends_passes,
        "few_pages": rules.few_pages, "sent_limit": rules.sent_limit,
        "look_s": rules.check_interval_s,
        "late_s": rules.limit_delay_s, "head_start_s": rules.head_start_s,
        "give_up_s": extra.give_up_s, "give_up_how": extra.give_up_how, "alone_s": found.total_s,
    }  # fmt: skip
    made = Moves(**{name: _own(column, rows) for name, column in columns.items()})
    classes = WriteClasses._make(np.array(part, order="C") for part in machine.classes)
    return Crossing(made, np.array(links, np.int64), classes), found


def _own(column: Any, rows: int) -> Any:
    """A column in memory of its own, as the compiled loop wants it."""
    return np.array(np.broadcast_to(column, rows), order="C")


def _compresses(p: Columns) -> Ints:
    kinds = {"no": SPILLS, "yes": WAITS, "in_turn": IN_TURN}
    how = np.select([p["compressor_waits"] == name for name in kinds], list(kinds.values()), SPILLS)
    able = (p["compression_ratio"] > 1) | (p["compressor_waits"] != "no")
    return np.where((p["transport"] == "compression") & able, how, PLAIN).astype(np.int64)


def _unchanging(p: Columns) -> Rules:
    """The rules of the moves; UserError for one that changes in time: no drain follows its clock."""
    changes = changing_rules(p)
    if changes.any():
        name = p["stop_rule"][changes][0]
        raise UserError(
            f"stop_rule = {name!r}: a drain follows no target that grows, no throttle, no time to give up; "
            "take 'qemu' with blackout_target_ms at its last, and the system's own time-out"
        )
    return Rules.of(p["stop_rule"], p["pass_limit"], p["blackout_target_ms"])


def _alone(p: Columns, extra: Extra, slow: Floats, payload: Floats) -> Alone:
    """The model's own answer for each, with orchestration; a quick migration by its storage."""
    found = evaluate(p)
    stored_s = 2 * p["memory_gib"] / extra.storage_gib_per_s + p["handoff_ms"] / 1000
    live = extra.live
    total = np.where(
        live, found["total_s"] * slow + extra.orchestration_s * slow, stored_s + extra.orchestration_s
    )
    return Alone(
        total + extra.serial_s,
        np.where(live, found["blackout_s"] * slow, stored_s),
        np.where(live, found["converged"], True),
        live & (found["stop_reason"] == ENDLESS),
        np.where(live, found["memory_sent_gib"] * PAGES_PER_GIB, 0.0),
        np.where(live, LIMITS[found["limited_by"]], "storage"),
    )


def start(count: int, content: Floats, zero: Floats) -> Course:
    """All moves before the first begins."""
    fields: dict[str, Any] = {name: np.zeros(count) for name in Course._fields}
    fields |= {name: np.zeros(count, np.int64) for name in ("stage", "passes")}
    fields |= {name: np.zeros(count, bool) for name in ("converged", "held")}
    fields |= {name: np.full(count, np.nan) for name in ("start_s", "carry_s", "pause_s", "end_s")}
    fields |= {
        "reason": np.full(count, -1),
        "next_s": np.full(count, np.inf),
        "begun_s": np.full(count, -1.0),
    }
    return Course(**fields | {"remaining": content.copy(), "unscanned": zero.copy()})


def simulate(
    moves: Crossing, nodes: Nodes, queue: Ints, policy: Policy = ROLLING, *, compiled: bool = False
) -> Ran:
    """Work off a queue of moves (places in ``moves``, in order); arguments are left as they are."""
    m = moves.moves
    c = start(len(m.source), m.content, m.zero)
    w = Wide(
        moves.links, *moves.classes, np.ones(moves.classes.rates.shape), nodes.line_gbps,
        np.zeros(len(nodes.line_gbps)), nodes.free_gib.copy(), nodes.out_limit, nodes.in_limit,
        nodes.present.copy(),
    )  # fmt: skip
    how = (
        np.asarray(queue, np.int64),
        policy.barrier,
        float(policy.gap_s),
        float(policy.room),
        nodes.cluster_limit,
    )
    if not (compiled and may_compile()):
        return Ran(float(events.work_off(m, c, w, *how)), c, w.peak)
    records = _records(c)
    last = _compiled()(_records(m), records, w, *how)
    return Ran(float(last), Course(**{name: records[name] for name in Course._fields}), w.peak)


def may_compile() -> bool:
    """Whether the compiled loop may be used: not where MIGRATION_STUDY_KERNEL asks for less."""
    return os.environ.get("MIGRATION_STUDY_KERNEL", "") in ("", "compiled")


def compiled_before() -> bool:
    """Whether the compiled loop lies beside the code from an earlier time."""
    return any((Path(events.__file__).parent / "__pycache__").glob("events.work_off*.nbi"))


def _records(columns: Moves | Course) -> np.ndarray:
    """Columns as one array of records: compiled code takes it as one argument, not as many."""
    dtype = np.dtype([(name, column.dtype) for name, column in columns._asdict().items()], align=True)
    table = np.empty(len(columns[0]), dtype)
    for name, column in columns._asdict().items():
        table[name] = column
    return table


@cache
def _compiled() -> Callable[..., float]:
    import numba

    return cast(
        Callable[..., float], numba.njit(error_model="numpy", cache=True, nogil=True)(events.work_off)
    )


def outcome(ran: Ran, alone: Alone, m: Moves) -> pd.DataFrame:
    """One row a move of a queue that was worked off, times since it began [s].

    ``blackout_s``: the guest is paused. ``limited_by``: what binds alone, or :data:`SHARED` where the move
    was held below that for most of the time that it carried something.
    """
    c = ran.course
    carried = c.end_s - c.carry_s - m.handoff_s
    shared = m.live & (c.shared_s > carried / 2)
    return pd.DataFrame(
        {
            "start_s": c.start_s,
            "end_s": c.end_s,
            "blackout_s": c.end_s - c.pause_s,
            "kind": np.where(m.live, "live", "quick"),
            "limited_by": np.where(shared, SHARED, alone.limited_by),
            "passes": c.passes,
            "converged": c.converged | ~m.live,
            "stop_reason": [SAID[code] if code >= 0 else "" for code in c.reason],
        }
    )
