"""How many rows a second a sweep writes, and in how much memory: `make bench BENCH=sweep`.

Two designs, end to end from the command line, the start of its processes included: `random`, scenarios of
the speed yardstick, each with a link of its own; and `grid`, every combination of line rates, write rates,
working sets and memory. Memory is the largest sum over all processes of what each holds for itself and its
share of the rest (PSS), looked at four times a second. `--reduce` makes every design take turns with the same
one with three reductions: quantiles of the total, and histograms of the pause and of what was sent, by 300
line rates of the random scenarios and by all line rates of the grid.
"""

from __future__ import annotations

import argparse
import json
import math
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import yaml

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks import record

STUDY = Path(__file__).resolve().parents[1]


def design(kind: str, rows: int) -> dict:
    """A design of about so many rows."""
    outcomes = ["total_s", "blackout_s", "memory_sent_gib", "passes"]
    if kind == "random":
        parameters = {
            "memory_gib": {"from": 1, "to": 256, "spacing": "log"},
            "working_set_gib": {"from": 0.01, "to": 0.5, "of": "memory_gib"},
            "bandwidth_gbps": {"from": 1, "to": 100, "spacing": "log"},
            # 0.01 to 1.5 of the line, in pages of 4 KiB a Gbit
            "dirty_pages_per_s": {"from": 305.2, "to": 45776.0, "spacing": "log", "of": "bandwidth_gbps"},
            "blackout_target_ms": {"from": 10, "to": 1000, "spacing": "log"},
            "pass_limit": 30,
        }
        return {"parameters": parameters, "rows": rows, "outcomes": outcomes, "precision": "single"}
    side = round(rows ** (1 / 4))
    parameters = {
        name: {"from": low, "to": high, "count": side, "spacing": "log"}
        for name, low, high in (
            ("bandwidth_gbps", 1, 100),
            ("memory_gib", 4, 256),
            ("working_set_gib", 0.1, 4),
            ("dirty_pages_per_s", 100, 1e6),
        )
    }
    reduce = {"by_link": {"quantiles": "total_s", "by": ["bandwidth_gbps"]}}
    return {"parameters": parameters, "outcomes": outcomes, "precision": "single", "reduce": reduce}


def three(kind: str) -> dict:
    """Three reductions, by line rate."""
    by = {"bandwidth_gbps": 300} if kind == "random" else ["bandwidth_gbps"]

    def histogram(of: str, low: float, high: float) -> dict:
        edges = {"from": low, "to": high, "count": 40, "spacing": "log"}
        return {"histogram": of, "by": by, "edges": edges}

    spread = {"quantiles": "total_s", "by": by, "at": [0.05, 0.5, 0.95]}
    return {"spread": spread, "pauses": histogram("blackout_s", 0.01, 100)} | {
        "sent": histogram("memory_sent_gib", 1, 1000)
    }


def pss_mib(process: int) -> float:
    """Proportional set size of a process and its children; those that end meanwhile count nothing."""
    total = 0.0
    for place in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((place / "stat").read_text().rpartition(")")[2].split()[1])
            if int(place.name) == process or parent == process:
                rollup = (place / "smaps_rollup").read_text()
                total += int(rollup.partition("\nPss:")[2].split()[0]) / 1024
        except (OSError, ValueError, IndexError):
            continue
    return total


def run(kind: str, rows: int, folder: Path, keep_rows: bool, reduce: dict | None = None) -> dict:
    """One sweep from the command line; with ``reduce`` these are its reductions, maybe none."""
    file = folder / f"{kind}.yml"
    body = design(kind, rows)
    file.write_text(yaml.safe_dump(body if reduce is None else {**body, "reduce": reduce}))
    out = folder / kind
    command = [sys.executable, "-m", "analysis", "sweep", str(file), "--out", str(out), "--json"]
    begun = time.perf_counter()
    process = subprocess.Popen(
        command + ([] if keep_rows else ["--no-rows"]), cwd=STUDY, stdout=subprocess.PIPE, text=True
    )
    most, done = [0.0], threading.Event()

    def watch() -> None:
        while not done.wait(0.25):
            most[0] = max(most[0], pss_mib(process.pid))

    watcher = threading.Thread(target=watch)
    watcher.start()
    text = process.communicate()[0]
    done.set()
    watcher.join()
    seconds = time.perf_counter() - begun
    if process.returncode:
        sys.exit(f"error: the sweep {kind!r} failed")
    figures = json.loads(text)
    size = sum(part.stat().st_size for part in out.glob("part-*.parquet"))
    shutil.rmtree(out)
    return {
        "rows": figures["rows"],
        "seconds_with_start": round(seconds, 1),
        "rows_per_s": round(figures["rows"] / seconds),
        "rows_per_s_without_start": figures["rows_per_s"],
        "peak_mib": round(most[0]) if math.isfinite(most[0]) else None,
        "gigabytes": round(size / 1e9, 2),
    }


def in_turns(kind: str, asked: argparse.Namespace) -> dict[str, list[dict]]:
    """Runs of a design in every turn: as it is, or without and with three reductions."""
    ways = {"without": {}, "with three reductions": three(kind)} if asked.reduce else {"": None}
    found: dict[str, list[dict]] = {name: [] for name in ways}
    for _ in range(asked.turns):
        for name, reduce in ways.items():
            with tempfile.TemporaryDirectory() as folder:
                # Without rows and without reductions there would be nothing to make.
                keep = not asked.no_rows or reduce == {}
                found[name].append(run(kind, asked.rows, Path(folder), keep, reduce))
            print(json.dumps({"design": f"{kind} {name}".strip()} | found[name][-1]), flush=True)
    return found


def figures_of(kind: str, found: dict[str, list[dict]]) -> dict[str, dict]:
    """Rows a second, and what three reductions leave of them within a turn."""
    figures = {}
    for name, runs in found.items():
        rates = [one["rows_per_s_without_start"] for one in runs]
        figures[f"{kind} {name}".strip() + ", rows a second"] = record.figure(rates, "1/s", "more")
    if len(found) > 1:
        plain, reduced = ([one["rows_per_s_without_start"] for one in runs] for runs in found.values())
        share = [b / a for a, b in zip(plain, reduced, strict=True)]
        figures[f"{kind}, rate with three reductions over without"] = record.figure(share, "", "more")
    return figures


def main() -> None:
    """Measure and print the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rows", type=int, default=100_000_000)
    parser.add_argument("--turns", type=int, default=1)
    parser.add_argument("--design", choices=("random", "grid"), action="append")
    parser.add_argument("--no-rows", action="store_true", help="reductions only")
    parser.add_argument("--reduce", action="store_true", help="without and with three reductions in turn")
    record.arguments(parser)
    asked = parser.parse_args()
    figures: dict[str, dict] = {}
    for kind in asked.design or ("random", "grid"):
        figures |= figures_of(kind, in_turns(kind, asked))
    record.finish("sweep", figures, asked)


if __name__ == "__main__":
    main()
