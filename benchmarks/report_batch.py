"""How long a batch of scenarios takes, beside the papermill command: `make bench BENCH=report_batch`.

Both run the same scenarios of one notebook, two at a time: this study's runner (one driver, forked kernels;
HTML, records, index and table included), and `papermill`, started two at a time by a shell (executed
notebooks only, no HTML). They take turns, a few scenarios each, so that whatever else the machine does falls
on both. The time for 100 is a hundred times the mean of a scenario: for the runner an upper bound, since each
of its turns pays its start anew.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks import record

STUDY = Path(__file__).resolve().parents[1]
PAPERMILL = Path(sys.executable).with_name("papermill")


def scenarios(number: int, first: int) -> dict[str, dict[str, float]]:
    """Scenarios by name: another memory size for each, so that none is a repetition."""
    return {f"s{i:03d}": {"memory_gib": 8.0 + i} for i in range(first, first + number)}


def by_runner(notebook: Path, chosen: dict[str, dict[str, float]], folder: Path, workers: int) -> float:
    """Seconds of one command of this study over all scenarios."""
    file = folder / "grid.yml"
    file.write_text(json.dumps({"scenarios": chosen}))
    command = [sys.executable, "-m", "analysis", "report", str(notebook), "--grid", str(file)]
    return timed([*command, "--out", str(folder / "reports"), "--workers", str(workers)])


def by_shell(notebook: Path, chosen: dict[str, dict[str, float]], folder: Path, workers: int) -> float:
    """Seconds of one papermill command a scenario, some at a time, started by xargs."""
    lines = [f"{name} {values['memory_gib']}" for name, values in chosen.items()]
    one = f'"{PAPERMILL}" --no-progress-bar "{notebook}" "{folder}/$0.ipynb" -p memory_gib "$1"'
    command = ["xargs", "-P", str(workers), "-L", "1", "sh", "-c", one]
    return timed(command, given="\n".join(lines) + "\n")


def timed(command: list[str], given: str = "") -> float:
    """Seconds that a command took; it must end well."""
    start = time.perf_counter()
    done = subprocess.run(command, input=given, cwd=STUDY, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"error: {command[:4]} failed:\n{done.stderr[-2000:]}")
    return time.perf_counter() - start


def main() -> None:
    """Measure both in turn and print the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--notebook", default="notebooks/03-dirty-rate.ipynb")
    parser.add_argument("--each", type=int, default=6, help="scenarios in a turn")
    parser.add_argument("--turns", type=int, default=2, help="turns of each")
    parser.add_argument("--workers", type=int, default=2, help="at a time")
    record.arguments(parser)
    options = parser.parse_args()
    notebook = (STUDY / options.notebook).resolve()
    seconds: dict[str, list[float]] = {"runner": [], "papermill": []}
    for turn in range(options.turns):
        chosen = scenarios(options.each, turn * options.each)
        for name, method in (("papermill", by_shell), ("runner", by_runner)):
            with tempfile.TemporaryDirectory() as folder:
                seconds[name].append(method(notebook, chosen, Path(folder), options.workers))
            print(f"turn {turn + 1}: {name} {seconds[name][-1]:.1f} s", file=sys.stderr, flush=True)
    print(json.dumps(figures(seconds, options.each), indent=2))
    ratios = [a / b for a, b in zip(seconds["runner"], seconds["papermill"], strict=True)]
    kept = {f"{name}, {options.each} reports": record.figure(s, "s") for name, s in seconds.items()}
    record.finish("report_batch", kept | {"runner over papermill": record.figure(ratios)}, options)


def figures(seconds: dict[str, list[float]], each: int) -> dict[str, Any]:
    """What was measured, and the time of a hundred scenarios by the mean."""
    mean = {name: sum(turns) / len(turns) / each for name, turns in seconds.items()}
    return {
        "cores": len(os.sched_getaffinity(0)),
        "load": round(os.getloadavg()[0], 1),
        "scenarios_in_a_turn": each,
        **{f"{name}_s": [round(value, 1) for value in turns] for name, turns in seconds.items()},
        **{f"{name}_s_for_100": round(100 * value) for name, value in mean.items()},
        "runner_of_papermill": round(mean["runner"] / mean["papermill"], 3),
    }


if __name__ == "__main__":
    main()
