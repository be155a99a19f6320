"""Measured migrations told again as if they ran now: how far off the predicted end is on the way.

At 25, 50 and 75 % of a migration's total time only its polls up to then are shown. The error is that of the
predicted end as a share of the total time. Beside it stands what is usually computed: what remains over the
rate, and over the rate less the dirty rate.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from analysis.model.migration import content_pages, filled, guest, parameters_in
from analysis.observations.lab import DATA, read_migrations, read_passes
from analysis.observations.polls import COURSES, Poll, read_courses
from analysis.observations.tables import read_table
from analysis.studies.running import widths
from analysis.studies.running.course import Course, course
from analysis.studies.running.forecast import Rule, believed_now, ends
from analysis.studies.running.guests import Told
from analysis.studies.running.outlook import intervals, median

MOMENTS = (0.25, 0.5, 0.75)
POLLS = 150
"""Polls of a course rebuilt from its passes, one each 20 ms at the most."""
CONTENT_PAGES = 1700.0
"""Scatter of the content beside what the laboratory's rule says of it (data/laboratory.yml: 6.9 MiB)."""
KNOWN = ("polls", "polls and rule", "guest too", "polls and sample", "rule and sample")
"""What the estimate knows: the polls alone; the limit on passes and on the downtime besides; the machine's
content, write rate, working set and pattern besides; the first two with QEMU's sample of dirty pages over a
second before the migration."""
UNLIMITED = (KNOWN[0], KNOWN[3])
"""Where no limit on passes is known: a migration that one ended ends in a way that nothing foretold."""


def scenarios(name: str = "critical_migrations") -> pd.DataFrame:
    """Migrations of the laboratory that are replayed: plain pre-copy that was completed."""
    rows = read_migrations(DATA / f"{name}.csv")
    sampled = read_table(DATA / f"{name}.csv", {"sampled_dirty_mib_per_s": "number or empty"})
    rows = rows.assign(sampled_dirty_mib_per_s=sampled.sampled_dirty_mib_per_s.to_numpy())
    plain = (rows.method == "precopy") & (rows.cross_flows == 0) & (rows.measured_verdict != "never")
    return rows[plain].set_index("migration", drop=False)


def critical(path: str | Path = COURSES) -> dict[str, list[Poll]]:
    """The polls of the near-critical migrations, with the memory that QEMU tells beside them."""
    memory = scenarios().memory_gib * 2**30
    polls = read_courses(path)
    return {k: [p._replace(memory_bytes=memory[k]) for p in polls[k]] for k in memory.index}


def rebuilt(rows: pd.DataFrame) -> dict[str, list[Poll]]:
    """Polls of migrations rebuilt from their passes: sent at a steady rate, found when each pass ended."""
    passes = dict(iter(read_passes().groupby("migration")))
    found = {str(row.migration): row for _, row in rows.iterrows()}
    return {key: _polls(row, passes[key]) for key, row in found.items() if key in passes}


def _polls(row: pd.Series, looks: pd.DataFrame) -> list[Poll]:
    """Polls of one migration: the content first, then the pages without, then what the looks found."""
    total, memory = float(row.measured_total_s), row.memory_gib * 2**30
    start, found = looks.time_s.to_numpy(float), looks.dirtied_pages.to_numpy(float) * 4096
    step = max(total / POLLS, 0.02)
    at = np.arange(start[0] + step, total, step)
    rate = row.measured_stream_gib * 2**30 / (total - start[0])
    sent = rate * (at - start[0])
    content = min(_content(row) * 4096, memory)
    number = np.searchsorted(start, at, side="right")
    waits = memory + np.cumsum(found)[number - 1] - sent * 4096 / 4104
    # Pages without content are passed over when all content has been sent, or with the first look.
    passed = (sent * 4096 / 4104 >= content) | (number > 1)
    waits = np.maximum(waits - np.where(passed, memory - content, 0.0), 0.0)
    limit = float(row.blackout_target_ms)
    return [
        Poll(float(t), float(s), float(w), memory, float(n), 0.0 if n == 1 else math.nan, limit)
        for t, s, w, n in zip(at, sent, waits, number, strict=True)
    ]


def _content(row: pd.Series) -> float:
    return float(content_pages(_columns(row))[0])


def _columns(row: pd.Series) -> dict[str, np.ndarray]:
    return filled(parameters_in(pd.DataFrame([row])))


def known(row: pd.Series, what: str) -> tuple[Rule, Told]:
    """The rule and what is told of the guest of one migration, for one of :data:`KNOWN`."""
    sampled = Told(sampled_pages=float(row.sampled_dirty_mib_per_s) * 256) if "sample" in what else Told()
    if what in UNLIMITED:
        return Rule(), sampled
    rule = Rule(pass_limit=float(row.pass_limit), target_ms=float(row.blackout_target_ms))
    if what in (KNOWN[1], KNOWN[4]):
        return rule, sampled
    classes = guest(_columns(row)).classes
    return rule, Told(classes, content_pages=_content(row), content_scatter_pages=CONTENT_PAGES)


def moments(
    rows: pd.DataFrame,
    courses: Mapping[str, Sequence[Poll]],
    what: str,
    at: Sequence[float] = MOMENTS,
    *,
    widen: bool = False,
) -> pd.DataFrame:
    """A row a migration and moment: what was predicted then, and what came.

    ``widen``: intervals as they are told; else as the guests believed make them.
    """
    return pd.DataFrame([m for key, row in rows.iterrows() if key in courses
                         for m in _moments(row, courses[str(key)], what, at, widen)])  # fmt: skip


def _moments(
    row: pd.Series, polls: Sequence[Poll], what: str, at: Sequence[float], widen: bool
) -> Iterator[dict[str, object]]:
    about = {"migration": row.migration, "write_pattern": row.write_pattern, "verdict": row.measured_verdict}
    total = float(row.measured_total_s)
    for found in on_the_way(polls, total, *known(row, what), at, widen=widen):
        yield about | found


def on_the_way(
    polls: Sequence[Poll], total_s: float, rule: Rule, told: Told, at: Sequence[float], *, widen: bool = True
) -> Iterator[dict[str, object]]:
    """What is predicted at shares of the total time from the polls up to then; nothing before two polls."""
    for share in at:
        here = course(p for p in polls if p.time_s <= share * total_s)
        if here is None:
            continue
        found = ends(here, rule, believed_now(here, rule, told))
        end = median(found.end_s)
        inside = intervals(here, rule, told, found.end_s, widen=widen)
        yield {
            "at": share,
            "now_s": here.time_s,
            "pass_number": here.number,
            "total_s": total_s,
            "end_s": end,
            "error": end / total_s - 1,
            "converge_chance": float(found.converged.mean()),
            "regime": widths.regime(here, rule, told),
            **{f"end_s_{name}": value for name, value in inside.items()},
            **{f"usual_{name}": value / total_s - 1 for name, value in usual(here).items()},
        }


def usual(here: Course) -> dict[str, float]:
    """The end by what remains over the rate so far, and over the rate less the dirty rate."""
    rate = here.sent_bytes / here.bytes_per_page / here.time_s
    dirty = here.dirty_pages_per_s if math.isfinite(here.dirty_pages_per_s) else 0.0
    slow = max(rate - dirty, 0.05 * rate)
    return {
        "rate": here.time_s + here.remaining_pages / rate,
        "net": here.time_s + here.remaining_pages / slow,
    }


def errors(found: pd.DataFrame) -> pd.DataFrame:
    """Error figures by moment: medians of the size, the bias, and what is usually computed beside them.

    An end that is predicted to be never, and came, counts as an infinite error.
    """
    parts = {}
    for at, part in found.groupby("at"):
        figures = {"n": len(part), "median error": _size(part.error, 0.5)}
        figures |= {"p75 error": _size(part.error, 0.75), "bias": part.error.median()}
        for name in ("rate", "net"):
            figures[f"remaining over {name}"] = part[f"usual_{name}"].abs().median()
        parts[at] = figures
    return pd.DataFrame(parts).T


def _size(error: pd.Series[float], chance: float) -> float:
    return float(np.quantile(error.abs(), chance, method="inverted_cdf"))
