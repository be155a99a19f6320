"""The script that measures on a foreign table: units by hand, whole days in a fold, constants found back."""

import numpy as np
import pandas as pd
import pytest

from analysis.model.migration import migrate
from analysis.studies.hosts.prediction import unmeasured
from benchmarks import foreign

DAY_S = 86_400


def raw(rows=80, seed=0):
    """A made-up table with the foreign one's columns; every other row of another technique."""
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "Migration ID": np.arange(rows) * DAY_S // 7,
            "Migration Technique": np.where(np.arange(rows) % 2, "xbzrle", "Original"),
            "Workload": rng.choice(["calm", "wild"], rows),
            "Available Network Bandwidth (mbps)": 900,
            "Page Dirty Rate (4KB pages per second)": rng.integers(3_000, 25_000, rows),
            "VM_SIZE (MB)": rng.uniform(300, 2000, rows),
            "Page transfer rate (MB/s)": rng.integers(50, 150, rows),
            "Total Migration Time (ms)": 12_000,
            "Downtime (ms)": 150,
            "Total Transferred Data (KB)": 2**20,
        }
    )


@pytest.fixture
def table(tmp_path):
    """The made-up table as the script reads it."""
    raw().to_csv(tmp_path / "table.csv", index=False)
    return foreign.read(tmp_path / "table.csv")


def test_units_and_names(table):
    """Plain rows alone; MiB to GiB, MiB/s to Gbit/s, ms to s, and pages over the link's rate by hand."""
    first = raw().iloc[0]
    assert len(table) == 40
    assert table.memory_gib[0] == pytest.approx(first["VM_SIZE (MB)"] / 1024)
    limit = first["Page transfer rate (MB/s)"]
    assert table.stream_limit_gbps[0] == pytest.approx(limit * 8 * 1.048576 / 1000)
    assert (table.measured_total_s[0], table.measured_blackout_s[0], table.measured_stream_gib[0]) == (
        12,
        0.15,
        1,
    )
    pages = first["Page Dirty Rate (4KB pages per second)"]
    assert table.measured_writes_over_link[0] == pytest.approx(pages * 4096 / 2**20 / min(limit, 112.2))


def test_an_outcome_is_no_input(table):
    """The "available" bandwidth is bytes over time: another one changes nothing that a predictor sees."""
    assert not any("vailable" in name for name in table.columns)
    assert (table.bandwidth_gbps == 1.0).all()


def test_a_day_is_never_split(table):
    """Rows of one day share their fold; of a workload left out, their workload."""
    fold = foreign.folds(table, "day", seed=0)
    assert fold.groupby(table.measured_day).nunique().eq(1).all()
    assert foreign.folds(table, "workload", seed=0).equals(table.workload)


def test_constants_of_each_workload_are_found_back(tmp_path):
    """Times made with 0.6 of the writes for the one and 0.9 for the other: so it says."""
    raw(200).to_csv(tmp_path / "table.csv", index=False)
    table = foreign.read(tmp_path / "table.csv")
    hidden = {"calm": 0.6, "wild": 0.9}
    truth = unmeasured(table).assign(
        dirty_pages_per_s=table.dirty_pages_per_s * table.workload.map(hidden),
        working_set_gib=table.working_set_gib * 0.25,
    )
    table["measured_total_s"] = migrate(truth).total_s
    table = table[np.isfinite(table.measured_total_s)].reset_index(drop=True)
    host = foreign.constants(table, np.full(len(table), True), foreign.Grid(table))
    usual = {name: host.estimate(name).value for name in ("dirty_pages_per_s", "working_set_gib")}
    for workload, share in hidden.items():
        found = {name: host.estimate(name, workload).value * usual[name] for name in usual}
        assert found == pytest.approx({"dirty_pages_per_s": share, "working_set_gib": 0.25})


def test_a_line_of_figures(table):
    """Ten per cent too long everywhere and 20 ms off: that is what every figure says."""
    predicted = pd.DataFrame(
        {"total_s": table.measured_total_s * 1.1, "blackout_s": table.measured_blackout_s + 0.02}
    )
    words = foreign.line("name", table, predicted).split()
    assert words[1:4] == ["10.0"] * 3
    assert words[-3:] == ["20", "20", "0"]


def test_alike_rows_are_of_one_workload_and_within_a_twentieth(table):
    """By hand: 10 and 12 s are alike on other days; another workload, or 10 % more memory, is not."""
    rows = table.iloc[[0] * 4].reset_index(drop=True).assign(
        workload=["calm", "calm", "wild", "calm"], measured_day=["1", "2", "2", "3"],
        measured_total_s=[10.0, 12.0, 30.0, 30.0], memory_gib=[1.0, 1.02, 1.0, 1.1],
    )  # fmt: skip
    assert sorted(foreign.apart(rows, same_day=False)) == pytest.approx([100 / 6, 20])
    assert not len(foreign.apart(rows, same_day=True))
