"""Measured migrations on which nothing of ``watch`` was settled: those near the limit by rules of their own.

``data/stops_*`` and ``data/stops_own_*`` were measured to judge stop rules, on two machines. While some of
them ran nothing changed: the limit, the throttle and the mode stayed as they began. The others were changed
on the way by a throttle, a limit that grows, or a switch to post-copy, which ``watch`` sees and does not
foresee.
"""

from __future__ import annotations

import math

import pandas as pd

from analysis.observations.lab import DATA
from analysis.observations.polls import Poll, read_courses
from analysis.observations.tables import read_table

TABLES = ("stops", "stops_own")
COLUMNS = {
    **dict.fromkeys(("migration", "status", "rule", "write_pattern"), "text"),
    **dict.fromkeys(("memory_mib", "first_limit_ms", "total_time_s"), "number"),
}
SAMPLED = "sampled_dirty_mib_per_s"


def others() -> tuple[pd.DataFrame, dict[str, list[Poll]]]:
    """Completed migrations, a row each, and their polls.

    ``changed``: whether limit, throttle or mode changed while they ran. ``pass_limit`` is not limited. The
    dirty rate that QEMU sampled before is NaN where the table has none.
    """
    tables: list[pd.DataFrame] = []
    courses: dict[str, list[Poll]] = {}
    for name in TABLES:
        rows, polls = _table(name), read_courses(DATA / f"{name}_courses.jsonl")
        tables.append(rows)
        memory = dict(zip(rows.migration, rows.memory_gib * 2**30, strict=True))
        courses |= {k: [p._replace(memory_bytes=memory[k]) for p in polls[k]] for k in memory}
    return pd.concat(tables).set_index("migration", drop=False), courses


def _table(name: str) -> pd.DataFrame:
    path = DATA / f"{name}_migrations.csv"
    raw = read_table(path, COLUMNS)
    sampled = read_table(path, {SAMPLED: "number or empty"})[SAMPLED] if name == TABLES[0] else math.nan
    changes = read_table(DATA / f"{name}_changes.csv", {"migration": "text", "time_s": "number"})
    made = pd.DataFrame(
        {
            "migration": raw.migration,
            "table": name,
            "rule": raw.rule,
            "write_pattern": raw.write_pattern,
            "memory_gib": raw.memory_mib / 1024,
            "pass_limit": math.inf,
            "blackout_target_ms": raw.first_limit_ms,
            "measured_total_s": raw.total_time_s,
            "measured_verdict": raw.status.replace("completed", "converged"),
            "changed": raw.migration.isin(changes.migration[changes.time_s > 0]),
            SAMPLED: sampled,
        }
    )
    return made[raw.status == "completed"]
