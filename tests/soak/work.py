"""The commands that are interrupted, and what each must have made when it was left alone at last.

A new verb that writes files (the laboratory's) is entered in :data:`ALL`, and soaked from then on.
"""

from __future__ import annotations

import hashlib
import json
import re
import signal
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow.parquet as pq

from analysis.batch.forked import ORDINARY
from tests.small_notebooks import PIXEL, save

DATA = Path(__file__).resolve().parents[2] / "data"
SWEEP = """
parameters:
  bandwidth_gbps: {from: 1, to: 100, spacing: log}
  dirty_pages_per_s: {from: 100, to: 1.0e+5, spacing: log}
  transport: tcpip
rows: ROWS
seed: 3
outcomes: [total_s]
precision: single
reduce:
  spread: {quantiles: total_s, by: {bandwidth_gbps: 10}}
"""
NOTEBOOK = [
    ("md", "# How slow?\n\nDoes it end?"),
    ("parameters", "n: int = 1  # which [1]\nmarks: str = '.'  # where it leaves its marks [path]"),
    ("code", "import pathlib, time\ntime.sleep(0.3)"),
    (
        "code",
        "from IPython.display import display\n"
        f"display({{'image/png': '{PIXEL}', 'text/plain': 'fig'}}, raw=True)",
    ),
    ("code", "from analysis.pages.results import record\nrecord(number=n)"),
    ("code", "with open(pathlib.Path(marks) / str(n), 'a') as f:\n    f.write('x')"),
]
RUNS = 4


@dataclass(frozen=True)
class Work:
    """A command, run in a folder: its arguments, what is laid there before, who may be killed.

    ``victims``: the helpers that are killed, by a word of their command line, each with the signals that are
    sent. ``dask``: runs on a cluster. ``weight``: how many of so many rounds are its.
    """

    name: str
    arguments: list[str]
    prepare: Callable[[Path], None]
    victims: Mapping[str, Sequence[signal.Signals]] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    dask: bool = False
    weight: int = 1


def _design(rows: int) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        (folder / "design.yml").write_text(SWEEP.replace("ROWS", str(rows)), encoding="utf-8")

    return write


def _notebook(folder: Path) -> None:
    save(NOTEBOOK, folder / "slow.ipynb")
    (folder / "marks").mkdir()
    numbers = ", ".join(map(str, range(1, RUNS + 1)))
    # A path with a space in it, as YAML.
    marks = json.dumps(str(folder / "marks"))
    text = f"scenarios: {{s: {{marks: {marks}}}}}\ncross: {{n: [{numbers}]}}\n"
    (folder / "grid.yml").write_text(text, encoding="utf-8")


def _measured(folder: Path) -> None:
    lines = (DATA / "migrations.csv").read_text(encoding="utf-8").splitlines(keepends=True)
    (folder / "few.csv").write_text("".join(lines[:30]), encoding="utf-8")


def _nothing(folder: Path) -> None:
    pass


_SWEEP = ["sweep", "design.yml", "--out", "rows of it"]
_REPORT = ["report", "slow.ipynb", "--grid", "grid.yml", "--out", "out"]
_DRAIN = ["drain", str(DATA / "example_inventory.csv"), "--node", "node1", "--start", "2099-05-04T22:00"]
KILL, TERM = signal.SIGKILL, signal.SIGTERM
MANY, FEW = 2_100_000, 1_200_000
"""Rows from which a sweep has processes of its own, and rows that one process makes in three parts."""
ALL = [
    Work("sweep", [*_SWEEP, "--workers", "2"], _design(MANY), {"spawn_main": (KILL, TERM)}, weight=2),
    Work("sweep, one process", [*_SWEEP, "--workers", "1"], _design(FEW), weight=2),
    Work("report", [*_REPORT, "--workers", "2"], _notebook, {"zygote": (KILL, KILL, TERM)}, weight=4),
    Work(
        "report, no fork", [*_REPORT, "--workers", "2"], _notebook,
        {"ipykernel_launcher": (KILL, TERM)}, {ORDINARY: "1"}, weight=2,
    ),
    Work("calibrate", ["calibrate", "few.csv", "--out", "host.yml"], _measured, weight=2),
    Work("drain", [*_DRAIN, "--powershell", "plan.ps1"], _nothing, weight=2),
    Work(
        "sweep on Dask", _SWEEP, _design(FEW),
        {"worker": (KILL, KILL), "scheduler": (KILL, TERM)}, dask=True, weight=2,
    ),
    Work(
        "report on Dask", _REPORT, _notebook,
        {"worker": (KILL, KILL), "ipykernel_launcher": (KILL, TERM), "scheduler": (KILL, TERM)},
        dask=True, weight=2,
    ),
]  # fmt: skip

TIMES = re.compile(
    rb"<time .*?</time>|\"(finished|seconds|html)\": [^,\n]*|\"(start|end|duration|date)[_a-z]*\": [^,\n]*"
    rb"|ran for [^<]*"
)
"""What differs from run to run: when it was, and how long it took."""


def made(folder: Path) -> dict[str, bytes]:
    """Every file that a command left, but for what it was given: all but times, large ones as a checksum."""
    found = {}
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        name = path.relative_to(folder).as_posix()
        if name in ("design.yml", "grid.yml", "slow.ipynb", "few.csv"):
            continue
        found[name] = _content(path, folder)
    return found


def _content(path: Path, folder: Path) -> bytes:
    content = path.read_bytes()
    if path.name == "results.parquet":  # packed, so that a folder in it is not found as a whole
        table = pq.read_table(path)
        content = f"{table.schema}\n{table.to_pylist()}".encode()
    content = content.replace(str(folder).encode(), b"")
    if path.suffix in (".json", ".html", ".ipynb"):
        content = TIMES.sub(b"", content)
    if path.parent.name == "executed":
        content = b"there"  # compared by the page that is made from it
    if path.parent.name == "marks":
        content = b"x"  # how often a notebook ran is looked at by itself
    return content if len(content) < 2**20 else hashlib.sha256(content).digest()
