"""What benchmarks measured, as one JSON that a later run is compared with: `--out FILE`, `--against FILE`.

A figure is the median of several turns with the least and the most of them. Figures without a unit are ratios
of two things that took turns in one run: whatever else the machine did fell on both, so they are compared
between any two runs. Figures with a unit are compared where machine and processors are the same. It is a
regression where the worse end of the old turns is passed by the better end of the new ones, and by more than
:data:`NOISE`: a run of one turn has no spread, and only the latter.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

STUDY = Path(__file__).resolve().parents[1]
KEPT = Path(__file__).with_name("measured")
"""What docs/ shows: `python -m tests.documents` writes it there."""
NOISE = 0.05
"""Share by which a figure may be worse beyond its spread."""
FORMAT = 1
PACKAGES = ("numpy", "numba", "llvmlite", "pandas", "pyarrow", "scipy")


def figure(turns: Iterable[float], unit: str = "", better: str = "less") -> dict[str, Any]:
    """A figure of some turns; without a unit a ratio. ``better``: less or more."""
    values = np.array(list(turns), float)
    ends = {"median": np.median(values), "least": values.min(), "most": values.max()}
    return {name: float(f"{value:.6g}") for name, value in ends.items()} | {
        "turns": len(values), "unit": unit, "better": better,
    }  # fmt: skip


def arguments(parser: argparse.ArgumentParser) -> None:
    """The options that all benchmarks share."""
    parser.add_argument("--out", type=Path, help="write the figures to this file")
    parser.add_argument(
        "--against", type=Path, help="compare with a file of an earlier run; 1 if it is slower"
    )


def machine() -> dict[str, Any]:
    """What was measured on, without a name or a path of it."""
    return {
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "system": platform.system(),
        "load": round(os.getloadavg()[0], 1) if hasattr(os, "getloadavg") else None,
    }


def _processor() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return platform.processor() or platform.machine()
    told = dict(line.split(":", 1) for line in text.partition("\n\n")[0].splitlines() if ":" in line)
    named = {key.strip(): value.strip() for key, value in told.items()}
    parts = [named.get("model name", platform.machine())]
    parts += [f"{key} {named[key]}" for key in ("cpu family", "model") if key in named]
    return ", ".join(parts)


def commit() -> str:
    """The commit of this checkout, with a plus where something is not committed; empty without git."""

    def git(*words: str) -> str:
        try:
            return subprocess.run(
                ["git", *words], cwd=STUDY, capture_output=True, text=True, check=True
            ).stdout.strip()
        except (OSError, subprocess.CalledProcessError):
            return ""

    return git("rev-parse", "--short=12", "HEAD") + ("+" if git("status", "--porcelain") else "")


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""


def recorded(benchmark: str, figures: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """The whole record of a run."""
    return {
        "format": FORMAT,
        "benchmark": benchmark,
        "date": datetime.now(UTC).date().isoformat(),
        "commit": commit(),
        "machine": machine(),
        "versions": {"python": platform.python_version()} | {name: _version(name) for name in PACKAGES},
        "figures": dict(figures),
    }


def read(file: Path) -> dict[str, Any]:
    """A record from a file; ends the program in a sentence where it is none."""
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        sys.exit(f"error: {file.name} cannot be read as figures of a benchmark: {error}")
    if not isinstance(found, dict) or found.get("format") != FORMAT or "figures" not in found:
        sys.exit(f"error: {file.name} holds no figures of a benchmark of this version")
    return found


def compared(new: Mapping[str, Any], old: Mapping[str, Any]) -> list[dict[str, Any]]:
    """New over old for every figure that both have and that can be compared, above 1 where it is worse.

    ``least`` and ``most`` are of any new turn over any old one; ``regression`` as the module says.
    """
    alike = all(new["machine"].get(key) == old["machine"].get(key) for key in ("processor", "cores"))
    rows = []
    for name, now in new["figures"].items():
        then = old["figures"].get(name)
        if then is None or then["unit"] != now["unit"] or (now["unit"] and not alike):
            continue
        rows.append({"figure": name, **_ratio(now, then)})
    return rows


def _ratio(now: Mapping[str, Any], then: Mapping[str, Any]) -> dict[str, Any]:
    up = now["better"] == "less"
    (a, b) = (now, then) if up else (then, now)
    median, least, most = a["median"] / b["median"], a["least"] / b["most"], a["most"] / b["least"]
    return {"ratio": median, "least": least, "most": most, "regression": bool(least > 1 + NOISE)}


def told(rows: Iterable[Mapping[str, Any]], old: Mapping[str, Any]) -> str:
    """A comparison as text."""
    lines = [
        f"Cost over that of {old['commit'] or 'the file'} ({old['date']}), least to most of any two turns:"
    ]
    for row in rows:
        mark = "  SLOWER" if row["regression"] else ""
        spread = f"{row['ratio']:7.3f} ({row['least']:.3f} to {row['most']:.3f})"
        lines.append(f"  {row['figure']:58}{spread}{mark}")
    return "\n".join(lines)


def finish(benchmark: str, figures: Mapping[str, Mapping[str, Any]], asked: argparse.Namespace) -> None:
    """Write the record, compare it where that was asked for, and end with 1 on a regression."""
    old = read(asked.against) if asked.against else None
    new = recorded(benchmark, figures)
    if asked.out:
        asked.out.parent.mkdir(parents=True, exist_ok=True)
        asked.out.write_text(json.dumps(new, indent=1) + "\n", encoding="utf-8")
    if old is None:
        return
    if old["benchmark"] != benchmark:
        sys.exit(f"error: {asked.against.name} is of the benchmark {old['benchmark']!r}, not {benchmark!r}")
    rows = compared(new, old)
    print(told(rows, old))
    worse = sum(row["regression"] for row in rows)
    if not rows:
        sys.exit("error: no figure can be compared: another machine, or other figures")
    if worse:
        sys.exit(f"{worse} of {len(rows)} figures are worse by more than their spread")
