"""The same migrations in SimGrid: what the preset `simgrid` reproduces, and the rate it is compared with.

    folder = Path(tempfile.mkdtemp())
    found = simulate(build(folder), scenarios(1000))
    found.attrs["seconds"]      # wall time of the migrations, one after another in one engine

Needs g++ and SimGrid's development files (on Debian and Ubuntu: apt install g++ libsimgrid-dev);
``available`` says whether they are there.
"""

import io
import os
import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from analysis.model.units import GBIT, GIB, PAGE_BYTES

SOURCE = Path(__file__).with_suffix(".cpp")
# Without the second a connection's rate is at most 4 MiB over twice the latency.
ALWAYS = ("--log=root.thresh:warning", "--cfg=network/TCP-gamma:0")


class Network(NamedTuple):
    """One of SimGrid's models: line rate over what memory gets of it, times that latency counts, options."""

    line: float
    latency: float
    options: tuple[str, ...]


NETWORKS = {
    "CM02": Network(1.0, 1.0, ("--cfg=network/model:CM02", "--cfg=network/crosstraffic:no")),
    "LV08": Network(1.05 / 0.97, 13.01, ("--cfg=network/model:LV08",)),
}
"""CM02 without other traffic is bytes over bandwidth. LV08, the default, takes 97 % of the line for payload,
of which acknowledgements in the other direction take as much as 5 %."""

TARGET_S = 0.030
"""Transfer time of the residual at which SimGrid ends pre-copy; it has no setter."""

BARE = {
    "header_bytes": 0.0,
    "frame_overhead_bytes": 0.0,
    "page_header_bytes": 0.0,
    "zero_page_bytes": 0.0,
    "resident_share": 1.0,
    "round_trip_ms": 0.0,
    "interrupt_moderation_us": 0.0,
    "receive_delay_us": 0.0,
    "socket_buffer_kib": np.inf,
    "stream_limit_gbps": np.inf,
    "state_mib": 0.0,
    "handoff_ms": 0.0,
    "setup_s": 0.0,
    "write_pattern": "sequential",
    "stop_rule": "simgrid",
}
"""What SimGrid knows nothing of set to nothing, its pattern of writing and its rule."""

FASTEST_WRITER = 0.99
"""Most that random machines dirty, as a share of the link. Nearer to 1 the passes grow without bound."""


def scenarios(n: int, seed: int = 0) -> pd.DataFrame:
    """Random migrations that converge, as parameters of the study.

    1 to 256 GB of memory, 1 to 50 % of it written, 1 to 100 Gbit/s, dirtied at 0.01 to 0.99 of that:
    below the link, so that each pass is shorter than the last, for SimGrid aborts at one without an end.
    """
    random = np.random.default_rng(seed)
    memory, link, dirtied = np.exp(
        random.uniform(np.log([1, 1, 0.01]), np.log([256, 100, FASTEST_WRITER]), (n, 3))
    ).T
    gib = memory * 1e9 / GIB
    chosen = {
        "memory_gib": gib,
        "working_set_gib": gib * random.uniform(0.01, 0.5, n),
        "bandwidth_gbps": link,
        "dirty_pages_per_s": dirtied * link * GBIT / 8 / PAGE_BYTES,
    }
    return pd.DataFrame(chosen).assign(**BARE)


def available() -> bool:
    """Whether a C++ compiler, SimGrid's headers and its library are there."""
    return not missing()


@cache
def missing() -> str:
    """What a build lacks, in a few words; empty where it has all."""
    if not shutil.which("g++"):
        return "there is no g++"
    trial = (
        "#include <simgrid/plugins/live_migration.h>\nint main() { sg_vm_live_migration_plugin_init(); }\n"
    )
    command = ["g++", "-x", "c++", "-", "-lsimgrid", "-o", os.devnull]
    linked = subprocess.run(command, input=trial, capture_output=True, text=True, check=False)
    return "SimGrid is not installed (libsimgrid-dev)" if linked.returncode else ""


def build(folder: Path) -> Path:
    """Compile the program into a folder and return its path."""
    program = Path(folder) / "simgrid"
    subprocess.run(["g++", "-O2", "-std=c++17", str(SOURCE), "-lsimgrid", "-o", str(program)], check=True)
    return program


def simulate(program: Path, given: pd.DataFrame, network: str = "CM02") -> pd.DataFrame:
    """Run migrations in SimGrid: ``total_s``, ``downtime_s`` and ``transfers`` (passes and the last one).

    The wall seconds of the migrations are in ``attrs["seconds"]``. The line is made so wide that memory gets
    ``bandwidth_gbps`` of it. Half of ``round_trip_ms`` is SimGrid's latency, which each transfer pays there
    and none does in the study's model. ValueError for migrations without an end, at which SimGrid would run
    for minutes and abort.
    """
    chosen = NETWORKS[network]
    latency, speed = given["round_trip_ms"] / 2000, given["bandwidth_gbps"] * GBIT / 8
    dirtied = given["dirty_pages_per_s"] * PAGE_BYTES
    if not _ends(dirtied / speed, latency * chosen.latency).all():
        raise ValueError("SimGrid aborts at a migration that does not converge")
    sizes = [(given[name] * GIB).round() for name in ("memory_gib", "working_set_gib")]
    table = pd.concat([*sizes, dirtied, speed * chosen.line, latency], axis=1)
    lines = table.to_csv(sep=" ", header=False, index=False)
    return _read(_run([str(program), *ALWAYS, *chosen.options], lines))


def _ends(ratio: pd.Series, latency_s: pd.Series) -> pd.Series:
    """Whether passes get short enough: each takes ``ratio`` of the last one's time, and the latency."""
    return latency_s < TARGET_S * (1 - ratio)


def _run(command: list[str], lines: str) -> str:
    done = subprocess.run(command, input=lines, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"SimGrid ended with {done.returncode}: {done.stderr.strip()[-500:]}")
    return done.stdout


def _read(told: str) -> pd.DataFrame:
    """The program's lines as a table: a migration each, and the seconds of all in the last."""
    *lines, seconds = told.splitlines()
    names = ["total_s", "downtime_s", "transfers"]
    table = pd.read_csv(io.StringIO("\n".join(lines)), sep=" ", names=names)
    table.attrs["seconds"] = float(seconds)
    return table
