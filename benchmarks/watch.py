"""How far off the predicted end of a running migration is, on measured courses told again.

python benchmarks/watch.py            the tables of docs/watch.md
python benchmarks/watch.py --learn    the widths of analysis/studies/running/widths.py
"""

from __future__ import annotations

import sys

import pandas as pd

from analysis.observations.polls import Poll
from analysis.studies.running import coverage, replay
from analysis.studies.running.others import SAMPLED, others

Sets = dict[tuple[str, str], pd.DataFrame]
NEAR, CALM, OTHERS, CHANGED = "near-critical", "migrations.csv", "others", "others, changed on the way"


def moments() -> Sets:
    """Replayed moments by set of courses and what is known, their intervals not widened."""
    calm, (other, polled) = replay.scenarios("migrations"), others()
    found = _moments(NEAR, replay.scenarios(), replay.critical(), replay.KNOWN)
    found |= _moments(CALM, calm, replay.rebuilt(calm), replay.KNOWN)
    for name, rows in ((OTHERS, other[~other.changed]), (CHANGED, other[other.changed])):
        found |= _moments(name, rows, polled, replay.UNLIMITED)
    return found


def _moments(name: str, rows: pd.DataFrame, courses: dict[str, list[Poll]], known: tuple[str, ...]) -> Sets:
    asked = {what: rows[rows[SAMPLED].notna()] if "sample" in what else rows for what in known}
    return {(name, what): replay.moments(part, courses, what) for what, part in asked.items()}


def foreseeable(found: Sets) -> dict[str, pd.DataFrame]:
    """By set, the moments of migrations that no limit ended which was not told."""
    parts: dict[str, list[pd.DataFrame]] = {}
    for (name, what), one in found.items():
        if name != CHANGED:
            free = one[one.verdict == "converged"] if what in replay.UNLIMITED else one
            parts.setdefault(name, []).append(free)
    return {name: pd.concat(several) for name, several in parts.items()}


def table(found: Sets) -> pd.DataFrame:
    """Error figures of every set and all that may be known, and what intervals hold by widths of others."""
    sets = foreseeable(found)
    parts = {key: replay.errors(one).join(coverage.held_out(one, sets)) for key, one in found.items()}
    return pd.concat(parts)


def strange(found: Sets) -> pd.DataFrame:
    """What the intervals of a set hold by widths that the other sets ask, where an end was foreseeable."""
    learnt = {name: coverage.learnt(one) for name, one in foreseeable(found).items()}
    parts = {}
    for (name, what), one in found.items():
        if name in learnt:
            free = one[one.verdict == "converged"] if what in replay.UNLIMITED else one
            other = coverage.widest(v for k, v in learnt.items() if k != name)
            parts[name, what] = coverage.held(free, other).assign(n=len(free) / len(replay.MOMENTS))
    return pd.concat(parts)


def learn(found: Sets) -> dict[str, dict[int, float]]:
    """Widths by regime: those of the set that asks the widest."""
    return coverage.widest(map(coverage.learnt, foreseeable(found).values()))


if __name__ == "__main__":
    told = moments()
    if "--learn" in sys.argv[1:]:
        print({k: {n: round(v, 2) for n, v in w.items()} for k, w in learn(told).items()})
    else:
        print(table(told).round(3).to_string())
        print("\nHeld by widths that the other sets ask, migrations that no untold limit ended:\n")
        print(strange(told).round(2).to_string())
