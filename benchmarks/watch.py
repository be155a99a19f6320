"""How far off the predicted end of a running migration is, on measured courses told again.

python benchmarks/watch.py            the table of docs/watch.md
python benchmarks/watch.py --learn    the widths of analysis/studies/running/widths.py
"""

from __future__ import annotations

import sys

import pandas as pd

from analysis.observations.polls import Poll
from analysis.studies.running import replay

ENOUGH = 40
"""Rows of a regime in each set that has widths of its own."""


def sets() -> dict[str, tuple[pd.DataFrame, dict[str, list[Poll]]]]:
    """Scenarios and courses: those that were polled, and those rebuilt from their passes."""
    calm = replay.scenarios("migrations")
    return {
        "near-critical": (replay.scenarios(), replay.critical()),
        "migrations.csv": (calm, replay.rebuilt(calm)),
    }


def table() -> pd.DataFrame:
    """Error figures on both sets of courses, for everything that may be known."""
    parts = {}
    for name, (scenarios, courses) in sets().items():
        for what in replay.KNOWN:
            found = replay.moments(scenarios, courses, what)
            parts[name, what] = replay.errors(found).join(replay.held(found))
    return pd.concat(parts)


def learn() -> dict[str, dict[int, float]]:
    """Widths by regime: the wider of the two sets' where both have :data:`ENOUGH` rows, else of both."""
    found = [_replayed(*one) for one in sets().values()]
    together = replay.learnt(pd.concat(found))
    for regime, by_level in together.items():
        parts = [part[part.regime == regime] for part in found]
        if min(map(len, parts)) >= ENOUGH:
            apart = [replay.learnt(part)[regime] for part in parts]
            together[regime] = {level: max(widths[level] for widths in apart) for level in by_level}
    return together


def _replayed(rows: pd.DataFrame, courses: dict[str, list[Poll]]) -> pd.DataFrame:
    """Moments of one set under all that may be known; without a limit on passes where none was needed."""
    free = rows[rows.measured_verdict == "converged"]
    found = [replay.moments(rows, courses, what) for what in replay.KNOWN[1:]]
    return pd.concat([*found, replay.moments(free, courses, replay.KNOWN[0])])


if __name__ == "__main__":
    if "--learn" in sys.argv[1:]:
        print({k: {n: round(v, 2) for n, v in w.items()} for k, w in learn().items()})
    else:
        print(table().round(3).to_string())
