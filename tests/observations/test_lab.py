"""The laboratory's tables become scenarios in the names of the parameters."""

import io
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analysis.observations.lab import DATA, read_migrations, read_passes
from analysis.parameters import PARAMETERS, check


@pytest.fixture(scope="module")
def migrations():
    return read_migrations()


def test_every_migration_of_the_repository_is_read(migrations):
    """144 migrations with 909 synchronisations, as data/README.md says."""
    assert len(migrations) == 144
    assert len(read_passes()) == 909
    assert set(read_passes().migration) <= set(migrations.migration)


def test_scenarios_are_within_the_allowed_ranges(migrations):
    """Each scenario column is a parameter and each value passes its check."""
    check({name: migrations[name].to_numpy() for name in migrations if name in PARAMETERS})


def test_units_are_converted_once(migrations):
    """A row read by hand: 512 MiB, 64 MiB written, 200 Mbit/s, 100 ms, 22.146 s, 532,620,980 bytes."""
    row = migrations.set_index("migration").loc["c3b3b7528679"]
    assert (row.memory_gib, row.working_set_gib, row.bandwidth_gbps) == (0.5, 0.0625, 0.2)
    assert (row.blackout_target_ms, row.measured_total_s) == (100, 22.146)
    assert row.measured_stream_gib * 2**30 == pytest.approx(532_620_980)


def test_filled_memory_and_the_guests_own_are_resident(migrations):
    """What is sent as content is what the program filled and some 70 MiB of the guest's kernel.

    What the kernel fills at any size stands in ``extra_resident_mib``, its records of pages in the share.
    """
    raw = pd.read_csv(DATA / "migrations.csv")
    own = migrations.resident_share * raw.memory_mib + migrations.extra_resident_mib - raw.filled_mib
    assert own[migrations.resident_share < 1].between(60, 85).all()
    assert (migrations.extra_resident_mib.nunique(), migrations.extra_resident_mib[0]) == (1, 62.5)


def test_nothing_measured_stands_among_the_parameters(migrations):
    """Were every outcome another, the scenario would be the same: no parameter is read from one."""
    raw = pd.read_csv(DATA / "migrations.csv", dtype=str, keep_default_na=False)
    measured = ["total_time_s", "downtime_s", "transferred_bytes", "throughput_mbit_per_s", "host_load"]
    measured += ["pages_sent", "zero_pages_sent", "bitmap_syncs", "sampled_dirty_mib_per_s", "setup_time_s"]
    assert set(measured) <= set(raw)
    other = _scenario_of(
        raw.assign(**dict.fromkeys(measured, "7"), pass_limit_reached_s="", status="timeout")
    )
    pd.testing.assert_frame_equal(other, migrations[list(other)])


def _scenario_of(raw):
    """Parameters that the reader makes of a table of texts."""
    text = io.StringIO()
    raw.to_csv(text, index=False)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "m.csv"
        path.write_text(text.getvalue())
        table = read_migrations(path)
    return table[[c for c in table if c in PARAMETERS]]


def test_compressing_methods_are_compression(migrations):
    """The others go as they are; speed and ratio differ by method and content, not by what was reached."""
    compresses = migrations.method.isin(["compress", "multifd-zstd", "multifd-zlib"])
    assert (compresses == (migrations.transport == "compression")).all()
    assert (migrations.compression_ratio[compresses] > 1).all()


def test_verdicts_are_those_of_the_file(migrations):
    """One migration was cancelled, those with a time of the pass limit were forced."""
    raw = pd.read_csv(DATA / "migrations.csv")
    counts = migrations.measured_verdict.value_counts()
    assert counts["never"] == (raw.status == "timeout").sum() == 1
    assert counts["forced"] == raw.pass_limit_reached_s.notna().sum()


@pytest.mark.parametrize(
    ("flows", "on_s", "off_s", "share"),
    [
        (0, 0, 0, 0.0),
        (1, 0, 0, 1 / 2),  # always on: half of the link
        (2, 0, 0, 2 / 3),
        (1, 2, 2, 1 / 4),  # half of the time half of the link
        (2, 2, 2, 5 / 12),  # 1/4 * 0 + 1/2 * 1/2 + 1/4 * 2/3
    ],
)
def test_other_flows_take_their_fair_share(tmp_path, flows, on_s, off_s, share):
    """The mean share of the link that other flows take, worked by hand for few flows."""
    raw = pd.read_csv(DATA / "migrations.csv").head(1)
    raw.assign(cross_flows=flows, cross_on_s=on_s, cross_off_s=off_s).to_csv(tmp_path / "m.csv", index=False)
    row = read_migrations(tmp_path / "m.csv").iloc[0]
    assert row.background_share == pytest.approx(share)
    assert row.network == ("shared" if flows else "dedicated")


def test_passes_are_in_order_of_time():
    """Within a migration the synchronisations are numbered in the order in which they happened."""
    steps = read_passes().groupby("migration").time_s.diff().dropna()
    assert (steps >= 0).all()
    assert np.isfinite(read_passes().drop(columns="migration").to_numpy()).all()
