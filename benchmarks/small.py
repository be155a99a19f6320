"""How long small things take, once all is loaded: `make bench BENCH=small`.

One migration by keywords and as a table of one row; a thousand random rows, each with a link of its own; and
a change in the panel of JupyterLab: a slider moved in a kernel of its own, from the move until all that the
browser is sent has come (`wall`), and what the kernel computed for it. Milliseconds of the processors, save
`wall`; a turn is the median of many calls.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from jupyter_client.manager import start_new_kernel

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from analysis import migrate
from analysis.model import by_laws
from analysis.model.migration import filled
from benchmarks import record

ONE: dict[str, Any] = {"memory_gib": 64, "dirty_pages_per_s": 20_000, "bandwidth_gbps": 10}
RANGES = {
    "memory_gib": (1, 256),
    "working_set_gib": (0.1, 16),
    "bandwidth_gbps": (1, 100),
    "dirty_pages_per_s": (1e3, 1e6),
}
ROWS, CALLS, CHANGES = 1_000, 50, 30

_PANEL = """
import time
from analysis.explorer.panel import Panel
control = Panel().controls["memory_gib"]
stops = [value for _, value in control.options]
"""
_CHANGE = """
begun = time.process_time()
control.value = stops[{k} % len(stops)]
print(time.process_time() - begun)
"""


def thousand(seed: int = 1) -> pd.DataFrame:
    """Random rows."""
    draw = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            name: np.exp(draw.uniform(math.log(low), math.log(high), ROWS))
            for name, (low, high) in RANGES.items()
        }
    )


def cpu_ms(work: Callable[[], object]) -> float:
    """Milliseconds of the processors that a call takes."""
    times = []
    for _ in range(CALLS):
        begun = time.process_time()
        work()
        times.append(1000 * (time.process_time() - begun))
    return statistics.median(times)


def tables(turns: int) -> dict[str, list[float]]:
    """Small tables, in turns."""
    many, row = thousand(), pd.DataFrame([ONE])
    by_laws.outcomes(filled(many), compiled=True)  # loads what a program of some length has
    works: dict[str, Callable[[], object]] = {
        "one row by keywords": lambda: migrate(**ONE),
        "a table of one row": lambda: migrate(row),
        "a table of 1,000 rows": lambda: migrate(many),
    }
    found: dict[str, list[float]] = {name: [] for name in works}
    for turn in range(turns + 1):
        for name, work in works.items():
            took = cpu_ms(work)
            found[name] += [took] if turn else []  # the first warms
    return found


def panel(turns: int) -> dict[str, list[float]]:
    """Changes of the panel in a kernel of its own."""
    manager, client = start_new_kernel(cwd=str(record.STUDY), stderr=subprocess.DEVNULL)
    found: dict[str, list[float]] = {"a change in the panel": [], "a change in the panel, wall": []}
    try:
        _run(client, _PANEL)
        for turn in range(turns + 1):
            took = [_run(client, _CHANGE.format(k=k)) for k in range(CHANGES)]
            for name, each in zip(found, zip(*took, strict=True), strict=True):
                found[name] += [statistics.median(each)] if turn else []
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
    return found


def _run(client: Any, code: str) -> tuple[float, float]:
    """Milliseconds that the kernel says, and those from here until it has nothing more to send."""
    said: list[str] = []

    def take(message: dict[str, Any]) -> None:
        content = message["content"]
        if message["header"]["msg_type"] == "error":
            sys.exit("\n".join(content["traceback"]))
        said.append(content.get("text", "") if message["header"]["msg_type"] == "stream" else "")

    begun = time.perf_counter()
    client.execute_interactive(code, output_hook=take, timeout=120)
    return 1000 * float("".join(said) or 0), 1000 * (time.perf_counter() - begun)


def main() -> None:
    """Measure and print the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--turns", type=int, default=7)
    record.arguments(parser)
    asked = parser.parse_args()
    found = tables(asked.turns) | panel(asked.turns)
    figures = {name: record.figure(times, "ms") for name, times in found.items()}
    for name, figure in figures.items():
        print(json.dumps({"what": name} | {key: figure[key] for key in ("median", "least", "most")}))
    record.finish("small", figures, asked)


if __name__ == "__main__":
    main()
