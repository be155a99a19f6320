"""How fast decisions are: `make bench BENCH=decisions`.

Sobol indices of fourteen parameters from 2**20 scenarios with their intervals, and 10,000 random questions of
what is needed in one call; each the best of some tries, the compiled kernel loaded before.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from analysis.model import compiled  # noqa: F401  (loads the kernel)
from analysis.model.migration import migrate
from analysis.studies.decisions.planning import plan
from analysis.studies.decisions.sensitivity import axis, sensitivity
from benchmarks import record

VARIED = (
    "memory_gib", "resident_share", "dirty_pages_per_s", "working_set_gib", "bandwidth_gbps", "round_trip_ms",
    "send_buffers", "receive_buffers", "interrupt_moderation_us", "receive_delay_us", "socket_buffer_kib",
    "stream_limit_gbps", "handoff_ms", "setup_s",
)  # fmt: skip


def best(call: Callable[[], object], tries: int) -> float:
    """Seconds of the quickest of some calls."""
    seconds = []
    for _ in range(tries):
        begun = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - begun)
    return round(min(seconds), 2)


def questions(count: int) -> tuple[pd.DataFrame, dict[str, np.ndarray]]:
    """Random machines, and targets around what they take on a line of 10 Gbit/s."""
    rng = np.random.default_rng(1)

    def spread(low: float, high: float) -> np.ndarray:
        return np.exp(rng.uniform(np.log(low), np.log(high), count))

    table = pd.DataFrame(
        {
            "memory_gib": spread(2, 256),
            "dirty_pages_per_s": spread(100, 3e5),
            "working_set_gib": spread(0.1, 16),
            "receive_buffers": np.rint(spread(64, 4096)),
            "receive_delay_us": spread(10, 2000),
        }
    )
    found = migrate(table)
    total = found.total_s.to_numpy() * spread(0.4, 2.5)
    blackout = found.blackout_s.to_numpy() * 1000 * spread(0.5, 2)
    return table, {"total_s": total, "blackout_ms": np.minimum(blackout, 900 * total)}


def main() -> None:
    """Measure and print the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--tries", type=int, default=3)
    record.arguments(parser)
    asked = parser.parse_args()
    tries = asked.tries
    axes = [axis(name) for name in VARIED]
    sensitivity(axes=axes, samples=64)
    evaluations = 2**16 * (len(axes) + 2)
    seconds = best(lambda: sensitivity(axes=axes, samples=2**16), tries)
    print(json.dumps({"sobol_evaluations": evaluations, "seconds": seconds}), flush=True)
    figures = {f"{evaluations} evaluations of Sobol": record.figure([seconds], "s")}
    table, targets = questions(10_000)
    seconds = best(lambda: plan("bandwidth_gbps", targets, table), tries)
    print(json.dumps({"plan_questions": len(table), "seconds": seconds}), flush=True)
    figures[f"{len(table)} questions of plan"] = record.figure([seconds], "s")
    record.finish("decisions", figures, asked)


if __name__ == "__main__":
    main()
