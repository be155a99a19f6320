"""How a calibration gets better with more rows: `python benchmarks/curve.py TABLE.csv` or `--simulated 200`.

TABLE is the raw table of Jo, Cho and Egger (see `foreign.py`), which this script does not fetch: whole days
are held out, and so many rows of the others, drawn at random, calibrate a host with both stages (`calibrate
--correct`). `--simulated` makes that many files of a reader's own instead: each a host of hidden values, from
the defaults, with 3 % of noise on the total and 5 % on the pause; twenty fresh migrations judge it. Prints
errors of time, and how many rows the intervals of 50 and 90 % hold.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from foreign import folds, read

from analysis.model.migration import migrate
from analysis.studies.hosts.calibration import calibrate
from analysis.studies.hosts.prediction import coverage, predict, unmeasured

SIZES = (30, 100, 300, 1000, 2000, 4000)
OWN_SIZES = (6, 12, 30, 100)
JUDGED = 400
"""Held-out rows that are predicted, at the most."""
FRESH = 20
FREE = ["dirty_pages_per_s", "working_set_gib"]


def of_days(path: Path, parts: int, seed: int) -> Iterator[tuple[int, pd.DataFrame]]:
    """Predictions beside what was measured, of held-out days, by how many rows calibrated."""
    table = read(path)
    fold = folds(table, "day", seed)
    for one in range(parts):
        rest, held = table[fold != one], table[fold == one]
        held = held.sample(min(JUDGED, len(held)), random_state=seed)
        for size in SIZES:
            some = rest.sample(min(size, len(rest)), random_state=seed).reset_index(drop=True)
            host = calibrate(some, free=FREE, learn_correction=True, seed=seed)
            yield size, predict(unmeasured(held), host).join(held.filter(like="measured_"))


def machines(count: int, line: float, rng: np.random.Generator) -> pd.DataFrame:
    """Machines of a reader's own: 4 to 96 GiB, idle to busy."""
    return pd.DataFrame(
        {
            "memory_gib": rng.choice([4.0, 8.0, 16.0, 32.0, 64.0, 96.0], count),
            "bandwidth_gbps": line,
            "dirty_pages_per_s": rng.choice([1_000.0, 5_000.0, 20_000.0, 60_000.0], count),
            "working_set_gib": rng.choice([1.0, 2.0, 4.0, 8.0], count),
        }
    )


def measured(table: pd.DataFrame, hidden: dict[str, float], rng: np.random.Generator) -> pd.DataFrame:
    """Machines with what a host of hidden values made of them; those that never ended are left out."""
    true = migrate(table.assign(**hidden))
    found = table.assign(
        measured_total_s=true.total_s * np.exp(rng.normal(0, 0.03, len(table))),
        measured_blackout_s=true.blackout_s * np.exp(rng.normal(0, 0.05, len(table))),
    )
    return found[np.isfinite(found.measured_total_s)].reset_index(drop=True)


def of_own_files(count: int, seed: int) -> Iterator[tuple[int, pd.DataFrame]]:
    """Predictions of fresh migrations on hosts of hidden values, by how many rows calibrated."""
    for number in range(count):
        rng = np.random.default_rng([seed, number])
        line = float(rng.choice([1.0, 10.0, 25.0]))
        hidden = {
            "resident_share": rng.uniform(0.5, 0.95),
            "setup_s": np.exp(rng.uniform(-1, 2.3)),
            "handoff_ms": np.exp(rng.uniform(3, 6.5)),
            "stream_limit_gbps": float(rng.choice([3.0, 8.0, 12.0, 40.0])),
        }
        size = OWN_SIZES[number % len(OWN_SIZES)]
        table, fresh = (measured(machines(rows, line, rng), hidden, rng) for rows in (size, FRESH))
        if len(table) >= size / 2 and len(fresh):
            host = calibrate(table, seed=seed)
            yield size, predict(unmeasured(fresh), host).join(fresh.filter(like="measured_"))


def line(size: int, found: pd.DataFrame) -> str:
    """Errors and coverage of all rows that so many rows calibrated."""
    error = 100 * (found.total_s / found.measured_total_s - 1).abs()
    figures = [error.median(), error.mean(), error.quantile(0.9), 100 * (error <= 10).mean()]
    for name in ("total_s", "blackout_s"):
        figures += [100 * share for share in coverage(found, name, found[f"measured_{name}"]).values()]
    return f"{size:6d}{len(found):7d}" + "".join(f"{v:8.1f}" for v in figures)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("table", type=Path, nargs="?")
    parser.add_argument("--simulated", type=int, metavar="FILES")
    parser.add_argument("--parts", type=int, default=5, help="fifths of the days that are held out in turn")
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    if (asked.table is None) == (asked.simulated is None):
        parser.error("give TABLE, or --simulated FILES")
    told = (
        of_own_files(asked.simulated, asked.seed)
        if asked.table is None
        else of_days(asked.table, asked.parts, asked.seed)
    )
    found: dict[int, list[pd.DataFrame]] = {}
    for size, part in told:
        found.setdefault(size, []).append(part)
    head = ["median", "mean", "P90", "in 10", "time 50", "90", "down 50", "90"]
    print("  rows judged" + "".join(f"{h:>8}" for h in head))
    for size in sorted(found):
        print(line(size, pd.concat(found[size])), flush=True)


if __name__ == "__main__":
    main()
