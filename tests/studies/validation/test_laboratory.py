"""Error figures of the laboratory's migrations, apart by what is known, and as a table to be read."""

import numpy as np
import pytest

from analysis.observations.lab import LABORATORY, read_migrations
from analysis.studies.hosts.host import load_host
from analysis.studies.validation.laboratory import laboratory_errors, milliseconds, percent, summary


def test_figures_are_told_apart_by_what_is_known():
    """Of plain pre-copy, a compressing method and one that no model describes: two count, each for itself."""
    observed = read_migrations()
    kinds = ["precopy", "multifd-zstd"]
    rows = observed.loc[[observed.index[(observed.method == kind) & (observed.cross_flows == 0)
                                        & (observed.bandwidth_gbps < 1)][0] for kind in kinds]]  # fmt: skip
    rows = rows.loc[[*rows.index, rows.index[0]]].reset_index(drop=True)
    rows.loc[2, "method"] = "post-copy"
    host = load_host(LABORATORY)
    found = laboratory_errors(rows, host)
    assert (found["n"], found["left_out"], found["plain"]["n"], found["given_throughput"]["n"]) == (
        2,
        1,
        1,
        1,
    )
    assert {name: part["n"] for name, part in found["by_method"].items()} == dict.fromkeys(kinds, 1)
    assert found["plain"] == found["by_method"]["precopy"]
    assert found["given_throughput"] != found["plain"]
    assert laboratory_errors(rows.iloc[2:], host) == {"n": 0, "left_out": 1}


def test_a_table_that_a_person_reads():
    """Shares in per cent, times in whole milliseconds, a dash where nothing is known; what is not told has
    no column."""
    error = {
        "median_relative_error": 0.0123,
        "p90_relative_error": None,
        "share_within_10pct": 0.5,
        "bias": -0.02,
    }
    whole = {
        "n": 4, "n_completed": 3, "total_s": error, "transferred_bytes": error | {"bias": np.nan},
        "downtime_ms": {"median_absolute_error": 11.6, "p90_absolute_error": None},
        "convergence": {"accuracy": 1.0}, "coverage": {"90": 0.875},
    }  # fmt: skip
    shown = summary({"all": whole, "times": {"n": 1, "n_completed": 1, "total_s": error, "coverage": {}}})
    assert shown.loc["all"].to_dict() == {
        "migrations": "4", "completed": "3", "time median": "1.2 %", "time p90": "-",
        "time within 10 %": "50.0 %", "time bias": "-2.0 %", "bytes median": "1.2 %", "bytes p90": "-",
        "bytes within 10 %": "50.0 %", "bytes bias": "-", "downtime median": "12 ms", "downtime p90": "-",
        "verdict right": "100.0 %", "in 90 % interval": "87.5 %",
    }  # fmt: skip
    assert shown.loc["times"].dropna().index.tolist() == [
        *("migrations", "completed", "time median", "time p90", "time within 10 %", "time bias"),
    ]


@pytest.mark.parametrize("value", [None, np.nan])
def test_what_is_not_known_is_a_dash(value):
    """Neither per cent nor milliseconds are made of nothing."""
    assert percent(value) == "-"
    assert milliseconds(None) == "-"
