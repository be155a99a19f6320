"""How right a calibration is on single foreign migrations: `python benchmarks/single.py FORM PLACE`.

Forms are `openstack FILE` and `paths FOLDER`, neither of which this script fetches. FILE is the table
`lvm_tun_off_shared_storage_sml_timeout_infinity.json` of osic/benchmarking_live-migration (Apache 2.0): 840
moves of busy machines of 4, 8 and 16 GB, one at a time, of which the time alone is told. FOLDER is a copy of
david78k/miglog (no licence): idle guests over round trips of 0.4 to 180 ms, QEMU's own account of each move,
read by the study's reader.

Each is calibrated on a part and judged on the rest: every other round, two sizes of three, one memory size.
"""

import argparse
import json
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from analysis.observations.files import read_all
from analysis.studies.hosts.calibration import calibrate
from analysis.studies.hosts.host import Host
from analysis.studies.hosts.prediction import predict, unmeasured

MEMORY_GIB = {"small": 4.0, "medium": 8.0, "large": 16.0}
SPARK = {"bandwidth_gbps": 10.0, "dirty_pages_per_s": 2000.0, "working_set_gib": 0.5, "stop_rule": "qemu"}
"""What the table does not tell: a stream of 100 kB/s through Spark writes little; two ports of 10 Gbit/s."""
IDLE = {"bandwidth_gbps": 1.0, "dirty_pages_per_s": 0.0, "stop_rule": "qemu", "blackout_target_ms": 30.0}
PLACE = re.compile(r"umem(?P<used_mib>\d+)/(?P<round_trip_ms>[\d.]+)ms/.*\b1vms-r\d+\.mig$")

Parts = Iterator[tuple[str, pd.Series]]


def openstack(path: Path) -> tuple[pd.DataFrame, Parts]:
    """The moves that an OpenStack table tells, and the parts that calibrate, by name."""
    told = json.loads(path.read_text())
    table = pd.DataFrame(
        {
            "memory_gib": MEMORY_GIB[size],
            "measured_round": int(turn),
            "measured_total_s": float(took),
            **SPARK,
        }
        for size, of_size in told.items()
        for turn, machines in of_size["ITERATION"].items()
        for took in machines.values()
    )
    odd = table.measured_round % 2 == 1
    parts = {
        "odd rounds": odd,
        "even rounds": ~odd,
        "all but medium": table.memory_gib != MEMORY_GIB["medium"],
    }
    return table, iter(parts.items())


def paths(folder: Path) -> tuple[pd.DataFrame, Parts]:
    """Single moves over long paths, and one memory size after the other."""
    found = {
        file: place for file in sorted(folder.rglob("*.mig")) if (place := PLACE.search(file.as_posix()))
    }
    rows = []
    for file, place in found.items():
        measured = read_all([file]).migrations.iloc[0]
        kept = measured[["memory_gib", *(f"measured_{n}" for n in ("total_s", "blackout_s", "stream_gib"))]]
        used_gib = float(place["used_mib"]) / 1024
        rows.append(
            {
                **kept,
                **IDLE,
                "round_trip_ms": float(place["round_trip_ms"]),
                "resident_share": used_gib / measured.memory_gib,
                "setup_s": measured.measured_setup_s,
                "measured_used_mib": float(place["used_mib"]),
            }
        )
    table = pd.DataFrame(rows)
    sizes = table.measured_used_mib
    return table, (
        (f"{size:g} MiB", sizes == size) for size, rows in sizes.value_counts().items() if rows > 4
    )


def judged(host: Host, table: pd.DataFrame) -> str:
    """Errors of a host on a table: of time in per cent, of the time frozen in ms where it was measured."""
    said = predict(unmeasured(table), host)
    error = 100 * (said.total_s.to_numpy() / table.measured_total_s.to_numpy() - 1)
    size = np.abs(error)
    line = (
        f"median {np.median(size):5.1f} %, P90 {np.quantile(size, 0.9):5.1f} %, bias {error.mean():+5.1f} %"
    )
    inside = (table.measured_total_s.to_numpy() >= said.total_s_low90) & (
        table.measured_total_s.to_numpy() <= said.total_s_high90
    )
    line += f", 90 % interval holds {100 * inside.mean():3.0f} %"
    if "measured_blackout_s" in table:
        frozen = 1000 * (said.blackout_s.to_numpy() - table.measured_blackout_s.to_numpy())
        line += f", frozen {np.median(np.abs(frozen)):.1f} ms"
    return line


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("form", choices=("openstack", "paths"))
    parser.add_argument("place", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    table, parts = (openstack if asked.form == "openstack" else paths)(asked.place)
    for name, part in parts:
        host = calibrate(table[part].reset_index(drop=True), seed=asked.seed)
        for word, rows in (("on itself", table[part]), ("on the rest", table[~part])):
            print(f"{name:15} {word:12} {len(rows):4d} rows: {judged(host, rows)}", flush=True)


if __name__ == "__main__":
    main()
