"""How near any prediction can come that knows of a running migration only what its polls tell.

Guests are drawn from the near-critical migrations themselves, scaled to the machine and link at hand, and
weighed by what the polls show as ``watch`` does; the limit on passes is theirs too, or the true one. Nobody
who watches can believe anything better than how the guests that are judged were chosen. With ``itself`` the
migration that is judged is among them: then nothing is held out, and the figures flatter.

``expected``: migrations expected within the goal by the best single time for each, of which 22 of the 44 are
needed; ``chance``: that so many are.

    python benchmarks/watch_bound.py
"""

from __future__ import annotations

from typing import cast

import numpy as np
import pandas as pd

from analysis.arrays import Floats
from analysis.model.dirtying import WriteClasses
from analysis.model.migration import content_pages, filled, guest, parameters_in
from analysis.model.units import PAGES_PER_GIB
from analysis.studies.running import replay
from analysis.studies.running.course import Course, course
from analysis.studies.running.forecast import Believed, Rule, ends
from analysis.studies.running.guests import Guests, Told, likelihood

GOALS = {0.25: 0.12, 0.5: 0.10, 0.75: 0.05}
"""Goal for the median error by share of the way."""
EACH, SPREAD = 6, 0.08
"""Guests made of each migration, and the scatter of their rate and of their working set."""
WIRE_BYTES = 4160.0
"""What a page takes on the link."""


class Population:
    """Guests as the near-critical migrations had them, of one configuration counted once."""

    def __init__(self, rows: pd.DataFrame) -> None:
        self.rows = rows
        known = {k: filled(parameters_in(pd.DataFrame([row]))) for k, row in rows.iterrows()}
        self.classes = {k: guest(columns).classes for k, columns in known.items()}
        self.content = {k: float(content_pages(columns)[0]) for k, columns in known.items()}
        alike = ["memory_gib", "dirty_pages_per_s", "working_set_gib", "bandwidth_gbps"]
        self.configuration = rows.groupby(alike).ngroup()
        self.width = max(c.rates.shape[1] for c in self.classes.values())

    def of(self, here: Course, without: int, rng: np.random.Generator) -> tuple[Believed, Floats, Floats]:
        """Guests for a course, their limits on passes, and weights; one configuration may be left out."""
        rows = self.rows[self.configuration != without]
        taken = rows.iloc[np.repeat(np.arange(len(rows)), EACH)]
        pages = np.array([self.content[k] / r.memory_gib / PAGES_PER_GIB for k, r in taken.iterrows()])
        pages *= here.memory_pages
        sent = here.content_pages
        pages = np.clip(pages, sent, sent + here.remaining_pages) if here.number == 1 else 0 * pages + sent
        link = taken.bandwidth_gbps.to_numpy() * 1e9 / 8 / WIRE_BYTES
        spread = np.exp(SPREAD * rng.standard_normal((2, len(taken), 1)))
        faster = here.pages_per_s / link[:, None] * spread[0]
        larger = (pages / [self.content[k] for k in taken.index])[:, None] * spread[1]
        classes = WriteClasses(
            self._wide(taken, 0) * faster, self._wide(taken, 1) * larger, self._wide(taken, 2) > 0
        )
        limits = rng.choice(rows.pass_limit.to_numpy(), len(taken))
        weight = 1 / self.configuration.map(self.configuration.value_counts())
        who = Believed(pages, classes, np.full(len(taken), here.pages_per_s))
        return who, limits, weight[taken.index].to_numpy()

    def _wide(self, taken: pd.DataFrame, which: int) -> Floats:
        columns = [np.asarray(self.classes[k][which], float).ravel() for k in taken.index]
        return np.array([np.pad(c, (0, self.width - len(c))) for c in columns])


def end_of_each(here: Course, who: Believed, limits: Floats) -> Floats:
    """Ends of the guests, each under its own limit on passes."""
    end = np.full(len(limits), np.inf)
    for limit in np.unique(limits):
        mine = limits == limit
        end[mine] = ends(here, Rule(pass_limit=float(limit)), who.those(mine)).end_s
    return end


def best(end: Floats, weight: Floats, goal: float) -> tuple[float, float]:
    """The time that most guests end within the goal of, and how likely that is."""
    inside = np.abs(end[:, None] / end - 1) <= goal
    chance = inside @ weight / weight.sum()
    return float(end[chance.argmax()]), float(chance.max())


def median(end: Floats, weight: Floats) -> float:
    """The weighted median."""
    order = np.argsort(end)
    return float(end[order][np.searchsorted(np.cumsum(weight[order]), weight.sum() / 2)])


def judged() -> pd.DataFrame:
    """A row a migration, moment, and what is believed."""
    rows, courses, made = replay.scenarios(), replay.critical(), []
    population = Population(rows)
    for key, row in rows.iterrows():
        total = row.measured_total_s
        for at, goal in GOALS.items():
            here = course(p for p in courses[key] if p.time_s <= at * total)
            for itself in (False, True):
                rng = np.random.default_rng(0)
                mine = -1 if itself else population.configuration[key]
                who, limits, weight = population.of(here, mine, rng)
                for known in (False, True):
                    allowed = limits * 0 + row.pass_limit if known else limits
                    log = likelihood(cast(Guests, who), here.seen, Told())
                    likely = weight * np.exp(log - log.max()) * (allowed >= here.number)
                    end = end_of_each(here, who, allowed)
                    kept = np.isfinite(end) & (likely > 0)
                    time, chance = best(end[kept], likely[kept], goal)
                    made.append({"itself": itself, "limits": "known" if known else "believed", "at": at,
                                 "error": abs(median(end[kept], likely[kept]) / total - 1),
                                 "best": abs(time / total - 1), "chance": chance})  # fmt: skip
    return pd.DataFrame(made)


def half(chances: pd.Series[float]) -> float:
    """The chance that at least half of so many come true, each with its own chance."""
    count = np.ones(1)
    for chance in chances:
        count = np.convolve(count, [1 - chance, chance])
    return float(count[(len(count) - 1) // 2 :].sum())


def table() -> pd.DataFrame:
    """Figures by what is believed and by moment."""
    groups = judged().groupby(["itself", "limits", "at"])
    return pd.DataFrame({
        "median error": groups["error"].median(), "by best time": groups["best"].median(),
        "expected": groups["chance"].sum(), "chance": groups["chance"].agg(half),
    })  # fmt: skip


if __name__ == "__main__":
    print(table().round(3).to_string())
