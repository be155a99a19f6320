"""How right the study is on foreign rows, beside learning alone: `python benchmarks/foreign.py TABLE.csv`.

TABLE is the raw table of Jo, Cho and Egger (SoCC 2017), which this script does not fetch: one row a
migration, QEMU on gigabit Ethernet, of which the plain ones are taken, or those of another `--technique`:
auto-converge under its rule, post-copy switched at once, compression by its compressor. Its column
"Available Network Bandwidth" is bytes over time, an outcome, and is not looked at.

Folds are whole days (`--by day`), or each workload is left out in turn (`--by workload`), with nothing known
of it but memory, link and write rate. On the rows outside a fold a first stage is found (`--first`):
`constants`, the shares of the writes and of the working set that fit each workload best, found on a grid
through the mechanism, and for workloads not seen those that fit all best, workload by workload; `calibrate`,
the study's own calibration on `--rows` of them; or `none`. Then the second stage is learnt on what it leaves.
Prints errors of time by writes over the link's rate, and of downtime; `--rivals` also boosted trees
(scikit-learn) on the same inputs and folds. `--floor` prints instead how far two migrations are apart that
are the same by all inputs, and what boosted trees reach that are told what only the migration itself shows:
no prediction from the inputs can be much better.
"""

import argparse
import time
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd

from analysis.model.migration import migrate
from analysis.studies.hosts import correction
from analysis.studies.hosts.calibration import calibrate
from analysis.studies.hosts.host import Estimate, Host, host_text
from analysis.studies.hosts.prediction import unmeasured

LINE_MIB_S = 112.2
"""Payload of gigabit Ethernet at an MTU of 1,500 bytes."""
REGIMES = (0.05, 0.2, 0.4, 0.7, 1.0)
SHARES_OF_WRITES = (0.3, 0.45, 0.6, 0.7, 0.8, 0.9, 1.0, 1.15)
SHARES_OF_MEMORY = (0.03, 0.06, 0.12, 0.25, 0.5, 1.0)
FEWEST_ROWS = 20
ENOUGH_ROWS = 150
"""Rows of a workload on which its constants are sought."""
WORST = 2.0
"""An error beyond this is no worse: an endless prediction must not decide alone."""


TECHNIQUES = {
    "original": ("original", {}),
    "auto-converge": ("auto-converge", {"stop_rule": "qemu_autoconverge"}),
    "post-copy": ("x-postcopy-ram", {"stop_rule": "qemu_post_copy", "give_up_after_s": 0.001}),
    "xbzrle": ("xbzrle", {}),
    "compress": ("compress", {"transport": "compression", "compressor_waits": "in_turn", "spare_cores": 1.0}),
}
"""Techniques by the names used here: what the table calls each, and what it is as a scenario."""


def read(path: Path, technique: str = "original") -> pd.DataFrame:
    """The migrations by a technique, by the study's names, with the day and the writes over the link."""
    raw, (called, more) = pd.read_csv(path), TECHNIQUES[technique]
    raw = raw[raw["Migration Technique"].str.lower() == called].reset_index(drop=True)
    limit = raw["Page transfer rate (MB/s)"].astype(float)
    writes = raw["Page Dirty Rate (4KB pages per second)"].astype(float)
    memory = raw["VM_SIZE (MB)"] / 1024
    known = {
        "memory_gib": memory,
        "resident_share": 1.0,
        "working_set_gib": memory,
        "dirty_pages_per_s": writes,
        "bandwidth_gbps": 1.0,
        "stream_limit_gbps": limit * 2**20 * 8 / 1e9,
        "stop_rule": "qemu",
        "blackout_target_ms": 300.0,
        "transport": "tcpip",
        "write_pattern": "uniform",
        "setup_s": 0.0,
        "handoff_ms": 5.0,
        "workload": raw["Workload"].astype(str),
        "measured_total_s": raw["Total Migration Time (ms)"] / 1000,
        "measured_blackout_s": raw["Downtime (ms)"] / 1000,
        "measured_stream_gib": raw["Total Transferred Data (KB)"] / 2**20,
    }
    day = pd.to_datetime(raw["Migration ID"], unit="s").dt.strftime("%Y-%m-%d")
    over = writes / 256 / np.minimum(limit, LINE_MIB_S)
    return pd.DataFrame(known | more).assign(measured_day=day, measured_writes_over_link=over)


def folds(table: pd.DataFrame, by: str, seed: int) -> pd.Series:
    """The fold of each row: its workload, or one of five in which its whole day lies."""
    if by == "workload":
        return table.workload
    days = np.array(sorted(table.measured_day.unique()))
    fold = np.random.default_rng(seed).permutation(len(days)) % 5
    return table.measured_day.map(dict(zip(days, fold, strict=True)))


class Grid:
    """The mechanism's times of every row for each pair of shares, computed once."""

    def __init__(self, table: pd.DataFrame):
        self.pairs = list(product(SHARES_OF_WRITES, SHARES_OF_MEMORY))
        rows = unmeasured(table)
        times = [
            migrate(
                rows.assign(
                    dirty_pages_per_s=rows.dirty_pages_per_s * writes,
                    working_set_gib=rows.working_set_gib * share,
                )
            ).total_s
            for writes, share in self.pairs
        ]
        measured = table.measured_total_s.to_numpy()
        self.errors = np.minimum(np.abs(np.array(times) / measured - 1), WORST)

    def best(self, groups: list[np.ndarray]) -> tuple[float, float]:
        """The pair with the least mean error over groups of rows, each group counting once."""
        mean = np.mean([self.errors[:, rows].mean(axis=1) for rows in groups], axis=0)
        return self.pairs[int(mean.argmin())]


def constants(table: pd.DataFrame, train: np.ndarray, grid: Grid) -> Host:
    """A host with shares of writes and of memory of each workload, and of the usual one for all others.

    What is stored of a workload is relative to the usual one, since both apply to it.
    """
    near = train & (table.measured_writes_over_link > 0.1).to_numpy()
    rows = {w: np.flatnonzero(near & (table.workload == w).to_numpy()) for w in table.workload.unique()}
    known = {w: r[:: max(1, len(r) // ENOUGH_ROWS)] for w, r in rows.items() if len(r) >= FEWEST_ROWS}
    usual = grid.best(list(known.values()))
    scales = []
    for at, name in enumerate(("dirty_pages_per_s", "working_set_gib")):
        scales.append(Estimate(name, *[usual[at]] * 3))
        for workload, chosen in known.items():
            own = grid.best([chosen])[at] / usual[at]
            scales.append(Estimate(name, own, own, own, "workload", workload))
    return Host("constants", scales=tuple(scales))


def first_stage(table: pd.DataFrame, train: np.ndarray, asked: argparse.Namespace, grid: Grid | None) -> Host:
    """The host found on the training rows by the way that was asked for."""
    if grid is not None:
        return constants(table, train, grid)
    if asked.first == "none":
        return Host()
    some = table[train].sample(min(asked.rows, int(train.sum())), random_state=asked.seed)
    return calibrate(some.reset_index(drop=True), free=asked.free.split(","), seed=asked.seed)


def second_stage(table: pd.DataFrame, host: Host, seed: int) -> Host:
    """The host with a correction learnt on the table."""
    on_host = host.apply(unmeasured(table))
    measured = {"total_s": table.measured_total_s, "blackout_s": table.measured_blackout_s}
    learnt = correction.learn(on_host, migrate(on_host), measured, "workload", seed)
    return Host(host.name, host.parameters, host.scales, correction=learnt)


def study(table: pd.DataFrame, fold: pd.Series, asked: argparse.Namespace) -> dict[str, pd.DataFrame]:
    """Predictions of every row by stages that were fitted on the other folds."""
    grid = Grid(table) if asked.first == "constants" else None
    parts: dict[str, list[pd.DataFrame]] = {"first stage": [], "both stages": []}
    for one in sorted(fold.unique()):
        start = time.process_time()
        train = (fold != one).to_numpy()
        host = first_stage(table, train, asked, grid)
        both = second_stage(table[train], host, asked.seed)
        rows = unmeasured(table[~train])
        said = migrate(host.apply(rows))
        parts["first stage"].append(said)
        parts["both stages"].append(correction.corrected(said, both, host.apply(rows)))
        size = len(host_text(both)) / 1000
        spent = time.process_time() - start
        print(f"fold {one}: {train.sum()} rows, host file {size:.0f} kB, {spent:.1f} s of CPU", flush=True)
    return {name: pd.concat(found).sort_index() for name, found in parts.items()}


def boosted(table: pd.DataFrame, fold: pd.Series, with_workload: bool) -> pd.DataFrame:
    """Learning alone: histogram gradient boosting with its defaults on logs of time and downtime."""
    from sklearn.ensemble import HistGradientBoostingRegressor

    x = table[["memory_gib", "stream_limit_gbps", "dirty_pages_per_s"]].copy()
    if with_workload:
        x["workload"] = table.workload.astype("category")
    found = pd.DataFrame(index=table.index, columns=["total_s", "blackout_s"], dtype=float)
    for one, name in product(sorted(fold.unique()), found):
        train = fold != one
        trees = HistGradientBoostingRegressor(categorical_features="from_dtype", random_state=0)
        trees.fit(x[train], np.log(table.loc[train, f"measured_{name}"] + 0.002))
        found.loc[~train, name] = np.exp(trees.predict(x[~train])) - 0.002
    return found


ALIKE = 0.05
"""Two rows of a workload are alike if memory, link and writes differ by less than this."""


def apart(table: pd.DataFrame, same_day: bool) -> np.ndarray:
    """Relative differences of time between rows and the nearest that is alike, of the same day or another."""
    from scipy.spatial import cKDTree

    inputs = table[["memory_gib", "stream_limit_gbps", "dirty_pages_per_s"]]
    found = []
    several = table.groupby("workload").workload.transform("size") > 1
    for _, rows in inputs[several].groupby(table.workload):
        scaled = np.log(rows.clip(lower=1e-3).to_numpy(float)) / ALIKE
        distances, near = map(np.asarray, cKDTree(scaled).query(scaled, k=min(30, len(rows)), p=np.inf))
        day, time_s = (table.loc[rows.index, c].to_numpy() for c in ("measured_day", "measured_total_s"))
        fits = (distances < 1) & (near != np.arange(len(rows))[:, None])
        fits &= (day[near] == day[:, None]) == same_day
        first = near[np.arange(len(rows)), fits.argmax(axis=1)]
        found.append((time_s[first] / time_s - 1)[fits.any(axis=1)])
    differences: np.ndarray = 100 * np.abs(np.concatenate(found))
    return differences


def told(table: pd.DataFrame, fold: pd.Series, outcomes: dict[str, pd.Series]) -> np.ndarray:
    """Errors of boosted trees, least absolute error, that know outcomes beside the inputs."""
    from sklearn.ensemble import HistGradientBoostingRegressor

    inputs = table[["memory_gib", "stream_limit_gbps", "dirty_pages_per_s"]].assign(**outcomes)
    inputs["workload"] = table.workload.astype("category")
    pace = np.log((table.measured_total_s / table.memory_gib).to_numpy(float))
    predicted = np.empty(len(table))
    for one in fold.unique():
        trees = HistGradientBoostingRegressor(
            loss="absolute_error", categorical_features="from_dtype", random_state=0
        )
        known = (fold != one).to_numpy()
        trees.fit(inputs[known], pace[known])
        predicted[~known] = trees.predict(inputs[~known])
    errors: np.ndarray = 100 * np.abs(np.exp(predicted - pace) - 1)
    return errors


def print_floor(table: pd.DataFrame, fold: pd.Series) -> None:
    """How far alike rows are apart, and what knowing the bytes or the rate would give."""
    sent = {"sent": table.measured_stream_gib / table.memory_gib}
    rate = {"rate": table.measured_stream_gib / table.measured_total_s}
    lines = {
        f"alike, on {name}": apart(table, same) for name, same in (("a day", True), ("other days", False))
    }
    for name, known in (("nothing", {}), ("bytes sent", sent), ("rate", rate), ("both", sent | rate)):
        lines[f"told {name}"] = told(table, fold, known)
    print(f"{'':20}{'rows':>7}{'median':>8}{'mean':>7}{'P90':>7}")
    for name, errors in lines.items():
        figures = np.median(errors), errors.mean(), np.quantile(errors, 0.9)
        print(f"{name:20}{len(errors):7}{figures[0]:8.1f}{figures[1]:7.1f}{figures[2]:7.1f}")


def line(name: str, table: pd.DataFrame, predicted: pd.DataFrame) -> str:
    """Errors of a predictor: median, mean, P90, share within 10 %, by regime, of downtime; endless ones."""
    endless = int(np.isinf(predicted.total_s).sum())
    error = 100 * (predicted.total_s / table.measured_total_s - 1).abs()
    over = table.measured_writes_over_link
    regime = np.searchsorted(REGIMES, over)
    means = [error[regime == k].mean() for k in range(len(REGIMES) + 1)]
    paused = 1000 * (predicted.blackout_s - table.measured_blackout_s).abs()
    figures = [error.median(), error.mean(), error.quantile(0.9), 100 * (error <= 10).mean()]
    figures += [error[over > 0.7].mean(), *means]
    told = "".join(f"{v:7.1f}" for v in figures)
    return f"{name:14}{told}{paused.median():8.0f}{paused.quantile(0.9):7.0f}{endless:9d}"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("table", type=Path)
    parser.add_argument("--technique", choices=tuple(TECHNIQUES), default="original")
    parser.add_argument("--by", choices=("day", "workload"), default="day")
    parser.add_argument("--first", choices=("constants", "calibrate", "none"), default="constants")
    parser.add_argument("--rows", type=int, default=300, help="rows that --first calibrate fits")
    parser.add_argument("--free", default="dirty_pages_per_s,working_set_gib", help="what it fits")
    parser.add_argument("--some", type=int, help="take only so many rows of the table")
    parser.add_argument("--rivals", action="store_true", help="boosted trees too")
    parser.add_argument("--floor", action="store_true", help="how far alike rows are apart, and no more")
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    table = read(asked.table, asked.technique)
    if asked.some:
        table = table.sample(asked.some, random_state=asked.seed).reset_index(drop=True)
    fold = folds(table, asked.by, asked.seed)
    if asked.floor:
        print_floor(table, fold)
        return
    found = study(table, fold, asked)
    if asked.rivals:
        found["boosted trees"] = boosted(table, fold, asked.by == "day")
    head = ["median", "mean", "P90", "in 10", ">0.7", *(f"<{r:g}" for r in REGIMES), ">1"]
    print("\nTime [%], then downtime [ms]: median and P90; then how many were called endless")
    print(f"{'':14}" + "".join(f"{h:>7}" for h in head) + "     down    P90  endless")
    for name, predicted in found.items():
        print(line(name, table, predicted))


if __name__ == "__main__":
    main()
