"""What an earlier migration of the same machine is worth: `python benchmarks/earlier.py [TABLE.csv]`.

Of migrations alike in all that is known of them each is predicted by a host that saw none of its kind, first
as it is, then told how long one of the others took and froze its machine (`--last` of them). Without TABLE
these are the laboratory's repeats, and those near the limit on `data/laboratory.yml`, which never saw them.
TABLE is the raw table of Jo, Cho and Egger (see `foreign.py`), which this script does not fetch; `--correct`
learns the second stage too, `--parts` takes so many of its fifths.

Prints errors of time [%] and of the time frozen [ms], how many rows the intervals of 50 and 90 % hold, how
wide they are (standard deviation of a logarithm), and what the earlier one counted, in the median.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from analysis.observations.lab import DATA, LABORATORY, read_migrations
from analysis.studies.hosts.calibration import calibrate
from analysis.studies.hosts.earlier import width
from analysis.studies.hosts.host import Host, load_host
from analysis.studies.hosts.prediction import coverage, predict, unmeasured
from analysis.studies.hosts.resampling import configurations, folds

OUTCOMES = {"total_s": 100.0, "blackout_s": 1000.0}
"""What is predicted, and in what its errors are told: per cent, milliseconds."""
LEAST_S = 1e-3
"""A pause that a clock calls none was shorter than this."""
FREE = ["dirty_pages_per_s", "working_set_gib"]

Judged = dict[str, tuple[pd.DataFrame, pd.DataFrame, pd.Series]]
"""By outcome: predictions without and with an earlier migration, and what was measured."""


def judged(host: Host, table: pd.DataFrame, part: np.ndarray, last: int, seed: int) -> Judged:
    """Those of a part that have others alike, predicted without and with so many of these."""
    kind, rng = configurations(table), np.random.default_rng(seed)
    rows = np.flatnonzero(part & (np.bincount(kind)[kind] > 1))
    others = [np.flatnonzero((kind == kind[row]) & (np.arange(len(table)) != row)) for row in rows]
    told = [rng.permutation(one)[:last] for one in others]
    took, froze = (table[f"measured_{name}"].clip(lower=LEAST_S).to_numpy() for name in OUTCOMES)
    some = table.iloc[rows]
    alone = predict(unmeasured(some), host)
    times, pauses = ([values[one].tolist() for one in told] for values in (took, froze))
    both = predict(unmeasured(some), host, last_total_s=times, last_blackout_s=pauses)
    return {name: (alone, both, some[f"measured_{name}"]) for name in OUTCOMES}


def held_out(
    table: pd.DataFrame, fold: np.ndarray, asked: argparse.Namespace, free: list[str] | None
) -> Iterator[Judged]:
    """Each fifth of the configurations, on a host that was calibrated to the others."""
    for one in range(asked.parts):
        train = table[fold != one].reset_index(drop=True)
        host = calibrate(train, free=free, learn_correction=asked.correct, seed=asked.seed)
        yield judged(host, table, fold == one, asked.last, asked.seed)


def line(name: str, found: pd.DataFrame, measured: pd.Series) -> str:
    """Errors and coverage of predictions."""
    relative = measured if name == "total_s" else 1.0
    error = (OUTCOMES[name] * (found[name] - measured) / relative).abs()
    held = coverage(found, name, measured)
    weight = found.get(f"{name}_weight", pd.Series(0.0)).median()
    figures = error.median(), error.quantile(0.9), 100 * held["50"], 100 * held["90"]
    return "".join(f"{v:8.1f}" for v in figures) + f"{np.median(width(found, name)):8.3f}{weight:8.2f}"


def report(title: str, parts: list[Judged]) -> None:
    """Print what was judged, a line each without and with the earlier ones."""
    for name in OUTCOMES:
        each = [pd.concat(one, ignore_index=True) for one in zip(*(p[name] for p in parts), strict=True)]
        for word, found in zip(("without", "with"), each, strict=False):
            print(f"{title:12}{name:12}{word:8}{len(found):5}{line(name, found, each[2])}", flush=True)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("table", type=Path, nargs="?")
    parser.add_argument("--last", type=int, default=1, help="earlier migrations that are told, at the most")
    parser.add_argument("--parts", type=int, default=5, help="fifths of the configurations, held out in turn")
    parser.add_argument("--correct", action="store_true", help="both stages")
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    head = ("median", "P90", "in 50", "in 90", "width", "weight")
    print(f"{'':32}{'rows':>5}" + "".join(f"{h:>8}" for h in head))
    if asked.table:
        from foreign import read  # beside this script, and found there where it is run

        table = read(asked.table)
        report("foreign", list(held_out(table, folds(table, 5, asked.seed), asked, FREE)))
        return
    table = read_migrations(DATA / "migrations.csv").query("measured_verdict != 'never'")
    table = table.reset_index(drop=True)
    report("laboratory", list(held_out(table, folds(table, 5, asked.seed), asked, None)))
    critical = read_migrations(DATA / "critical_migrations.csv")
    every = np.ones(len(critical), bool)
    report("near limit", [judged(load_host(LABORATORY), critical, every, asked.last, asked.seed)])


if __name__ == "__main__":
    main()
