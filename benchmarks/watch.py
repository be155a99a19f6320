"""How far off the predicted end of a running migration is, on measured courses told again.

    python benchmarks/watch.py            the table of docs/watch.md
    python benchmarks/watch.py --learn    the widths of analysis/studies/running/widths.py
"""

from __future__ import annotations

import sys

import pandas as pd

from analysis.studies.running import replay, widths


def table() -> pd.DataFrame:
    """Error figures on both sets of courses, for everything that may be known."""
    rows, calm = replay.scenarios(), replay.scenarios("migrations")
    sets = {"near-critical, polled": (rows, replay.critical()), "migrations.csv, rebuilt": (calm, replay.rebuilt(calm))}
    parts = {}
    for name, (scenarios, courses) in sets.items():
        for what in replay.KNOWN:
            parts[name, what] = replay.errors(replay.moments(scenarios, courses, what))
    return pd.concat(parts)


def learn() -> dict[str, dict[int, float]]:
    """Widths from the rebuilt courses alone; the near-critical ones judge."""
    for by_level in widths.WIDTHS.values():
        by_level.update({50: 1.0, 90: 1.0})
    rows = replay.scenarios("migrations")
    courses = replay.rebuilt(rows)
    return replay.learnt(pd.concat([replay.moments(rows, courses, what) for what in replay.KNOWN[1:]]))


if __name__ == "__main__":
    if "--learn" in sys.argv[1:]:
        print({k: {n: round(v, 2) for n, v in w.items()} for k, w in learn().items()})
    else:
        print(table().round(3).to_string())
