"""How long a calibration takes, and a prediction with its intervals: `make bench BENCH=hosts`.

Calibrations of 1,000 and 5,000 rows, each in a program of its own, start and the loading of the kernel
included: the laboratory's migrations drawn again, their measurements scattered by 1 %, which asks for a dozen
quantities. Predictions on the laboratory's host beside the model on 64 plain rows for each row, in turns.
Seconds are of the processors, which a busy machine lengthens less than the clock's; `wall` is the clock's.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from analysis.model import compiled  # noqa: F401  (loads the kernel)
from analysis.model.migration import migrate, parameters_in
from analysis.observations.files import read_observed
from analysis.observations.lab import DATA
from analysis.studies.hosts.calibration import calibrate
from analysis.studies.hosts.host import load_host
from analysis.studies.hosts.prediction import DRAWS, predict, unmeasured
from benchmarks import record

SIZES = (1_000, 5_000)
PREDICTED = 500
"""Rows of a prediction."""
SCATTER = 0.01


def migrations(rows: int, seed: int = 1) -> pd.DataFrame:
    """The laboratory's migrations drawn again, what was measured scattered."""
    table, _ = read_observed([DATA / "migrations.csv"])
    draw = np.random.default_rng(seed)
    table = table.iloc[draw.integers(0, len(table), rows)].reset_index(drop=True)
    for name in ("measured_total_s", "measured_stream_gib", "measured_blackout_s"):
        table[name] = table[name] * np.exp(draw.normal(0, SCATTER, rows))
    return table


def calibrated_here(rows: int) -> None:
    """One calibration in this program; prints seconds of the clock and of the processors, and most memory."""
    table = migrations(rows)
    begun = time.perf_counter()
    calibrate(table)
    used = resource.getrusage(resource.RUSAGE_SELF)
    figures = {"wall": time.perf_counter() - begun, "cpu": used.ru_utime + used.ru_stime}
    print(json.dumps(figures | {"mib": peak_mib()}))


def peak_mib() -> float:
    """Most memory of this program; what getrusage tells has that of its parent in it."""
    status = Path("/proc/self/status")
    if not status.exists():
        return float(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
    return int(status.read_text(encoding="utf-8").partition("VmHWM:")[2].split()[0]) / 1024


def calibrated(rows: int) -> dict[str, float]:
    """The same in a program of its own."""
    code = f"from benchmarks import hosts; hosts.calibrated_here({rows})"
    done = subprocess.run([sys.executable, "-c", code], cwd=record.STUDY, stdout=subprocess.PIPE, check=True)
    figures: dict[str, float] = json.loads(done.stdout)
    return figures


def drawn(turns: int) -> list[float]:
    """Processor time of predictions over that of the model on as many plain rows as they draw."""
    host, table = load_host(DATA / "laboratory.yml"), unmeasured(migrations(PREDICTED))
    plain = parameters_in(host.apply(table))
    many = plain.loc[plain.index.repeat(DRAWS)].reset_index(drop=True)
    ratios = []
    for turn in range(turns + 1):
        begun = time.process_time()
        migrate(many)
        between = time.process_time()
        predict(table, host)
        if turn:  # the first compiles
            ratios.append((time.process_time() - between) / (between - begun))
    return ratios


def main() -> None:
    """Measure and print the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--turns", type=int, default=5)
    record.arguments(parser)
    asked = parser.parse_args()
    ratio = record.figure(drawn(asked.turns))
    figures = {f"predictions of {DRAWS} draws over as many plain rows": ratio}
    print(json.dumps({"drawn_over_plain": ratio}), flush=True)
    for rows in SIZES:
        found = [calibrated(rows) for _ in range(max(1, asked.turns // 2))]
        print(json.dumps({"rows": rows} | {k: round(v, 1) for k, v in found[-1].items()}), flush=True)
        for key, unit in (("wall", "s"), ("cpu", "s"), ("mib", "MiB")):
            values = [one[key] for one in found]
            figures[f"calibrate {rows:,} rows, {key}"] = record.figure(values, unit)
    record.finish("hosts", figures, asked)


if __name__ == "__main__":
    main()
