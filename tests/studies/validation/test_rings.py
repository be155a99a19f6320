"""The link's laws on measured transfers: the accuracy that is claimed, and the naive laws by hand."""

import math

import numpy as np
import pandas as pd
import pytest

from analysis.observations.lab import DATA
from analysis.observations.transfers import FACTORS, read_transfers
from analysis.studies.validation.rings import LIMITED, NAIVE, compare_transfers, rival_errors, transfer_errors


@pytest.fixture(scope="module")
def compared():
    """The transfers of the repository with the model's goodput."""
    return compare_transfers(read_transfers())


def transfer(**given):
    """One transfer: 1,000 packets of 1,250 bytes a second (10 Mbit/s), of which 1,000 bytes are payload."""
    base = {
        "config_id": "a",
        "factor": "receive_ring",
        "runs": 1,
        "bandwidth_gbps": 0.01,
        "mtu_bytes": 1250.0,
        "header_bytes": 250.0,
        "frame_overhead_bytes": 0.0,
        "round_trip_ms": 0.0,
        "receive_buffers": 1e6,
        "interrupt_moderation_us": 1.0,
        "receive_delay_us": 0.0,
        "send_buffers": 1e6,
        "send_moderation_us": 1.0,
        "send_delay_us": 0.0,
        "streams": 1.0,
        "congestion_control": "cubic",
        "socket_buffer_kib": 1e9,
        "stream_limit_gbps": 1e6,
        "transport": "tcpip",
        "measured_goodput_gbps": 0.008,
    }
    return pd.DataFrame([base | given])


# --- the naive laws by hand ---------------------------------------------------------------


def test_littles_law_by_hand():
    """4 descriptors in 10 + 10 ms on the mean: 200 packets of 8,000 bits, 1.6 Mbit/s; the line has 8.

    For sending, a completion takes a packet's time, 1 ms, at least: 4 in 1 + 9 ms.
    """
    ring = {"receive_buffers": 4, "interrupt_moderation_us": 10_000, "receive_delay_us": 10_000}
    assert NAIVE["Little's law"](transfer(**ring))[0] == pytest.approx(0.0016)
    ring = {"send_buffers": 4, "send_moderation_us": 0, "send_delay_us": 9_000}
    assert NAIVE["Little's law"](transfer(**ring))[0] == pytest.approx(0.0032)
    assert NAIVE["Little's law"](transfer())[0] == pytest.approx(0.008)


def test_window_over_round_trip_by_hand():
    """1 KiB a 10 ms round trip: 8,192 bits in 0.01 s; two connections twice that; without a path the line."""
    law = NAIVE["window over round trip"]
    window = {"socket_buffer_kib": 1, "round_trip_ms": 10}
    assert law(transfer(**window))[0] == pytest.approx(0.0008192)
    assert law(transfer(**window, streams=2))[0] == pytest.approx(0.0016384)
    assert law(transfer(socket_buffer_kib=1))[0] == pytest.approx(0.008)


def test_mathis_by_hand():
    """16 descriptors are 16 ms; moderation 6 ms, delay 10 ms: a cycle overflows with chance 1/e.

    One loss for each of those, in 16 packets a cycle: p = 0.022992; round trip 4 + 16 = 20 ms;
    sqrt(1.5 / p) / 0.02 s = 403.85 packets of 8,000 bits.
    """
    ring = {"receive_buffers": 16, "interrupt_moderation_us": 6_000, "receive_delay_us": 10_000}
    expected = math.sqrt(1.5 / (math.exp(-1) / 16)) / 0.02 * 8000 / 1e9
    assert expected == pytest.approx(0.0032308, rel=1e-4)
    assert NAIVE["Mathis"](transfer(**ring, round_trip_ms=4))[0] == pytest.approx(expected)


@pytest.mark.parametrize("name", NAIVE)
def test_no_naive_law_exceeds_the_line(name, compared):
    """Each is held by the line, and says something of every transfer."""
    values = NAIVE[name](compared)
    assert (values > 0).all()
    assert (values <= compared.line_gbps * (1 + 1e-12)).all()


# --- errors by hand -----------------------------------------------------------------------


def test_errors_by_hand():
    """8 Mbit/s of line predicted, 10, 8 and 7 measured: errors -20, 0 and 14 %; one held below 97 %."""
    rows = pd.concat([transfer(measured_goodput_gbps=g) for g in (0.01, 0.008, 0.007)], ignore_index=True)
    errors = transfer_errors(compare_transfers(rows.assign(runs=[1, 2, 3])))
    assert (errors["n"], errors["runs"]) == (3, 6)
    assert errors["throughput"]["median_relative_error"] == pytest.approx(1 / 7, rel=1e-3)
    assert errors["throughput"]["p90_relative_error"] == pytest.approx(1 / 7 + 0.8 * (0.2 - 1 / 7), rel=1e-3)
    assert errors["throughput"]["bias"] == pytest.approx((-0.2 + 1 / 7) / 3, rel=1e-2)
    assert errors["throughput"]["by_factor"]["receive_ring"]["n"] == 3
    assert errors["limited"]["n"] == 1


def test_figures_without_rows_are_unknown_not_zero():
    """Where the line is the limit of every transfer there is no error of the others."""
    errors = transfer_errors(compare_transfers(transfer()))
    assert errors["limited"]["n"] == 0
    assert math.isnan(errors["limited"]["median_relative_error"])


def test_rows_keep_their_labels():
    """Whatever the index of the table, each error stands beside its own transfer."""
    rows = read_transfers().iloc[[7, 3, 150]].set_index(pd.Index(["x", "y", "z"]))
    got, alone = compare_transfers(rows), compare_transfers(read_transfers())
    assert got.index.tolist() == ["x", "y", "z"]
    np.testing.assert_array_equal(got.error, alone.error.iloc[[7, 3, 150]])


# --- the accuracy that is claimed ---------------------------------------------------------


def test_throughput_is_predicted(compared):
    """Median error at most 1.5 %, 90th percentile at most 12 %, over all 211 configurations."""
    errors = transfer_errors(compared)
    assert (errors["n"], errors["runs"]) == (211, 271)
    assert errors["throughput"]["median_relative_error"] <= 0.015
    assert errors["throughput"]["p90_relative_error"] <= 0.12
    assert abs(errors["throughput"]["bias"]) <= 0.02


@pytest.mark.parametrize(
    ("factor", "median", "p90"),
    [
        ("receive_ring", 0.02, 0.12),
        ("send_ring", 0.005, 0.03),
        ("both_rings", 0.02, 0.12),
        ("socket_buffer", 0.02, 0.10),
        ("flows", 0.03, 0.12),
        ("round_trip", 0.06, 0.40),
        ("congestion_control", 0.03, 0.45),
    ],
)
def test_every_factor_is_predicted(compared, factor, median, p90):
    """Each apart; weakest where small rings meet long paths, and for BBR where it loses much."""
    errors = transfer_errors(compared)["throughput"]["by_factor"]
    assert set(errors) == set(FACTORS.values())
    assert errors[factor]["median_relative_error"] <= median
    assert errors[factor]["p90_relative_error"] <= p90


def test_model_is_better_than_every_law_that_one_would_otherwise_trust(compared):
    """Over all transfers, in the median and in the 90th percentile, by more than a factor of five."""
    rivals = rival_errors(compared)
    assert set(rivals.columns.get_level_values(0)) == {"this study", *NAIVE}
    for name in NAIVE:
        for figure in ("median", "p90"):
            assert rivals.loc["all", ("this study", figure)] < rivals.loc["all", (name, figure)] / 5


def test_rivals_are_compared_on_every_transfer(compared):
    """All factors are there, each law has a figure for each, and ours are those of the error table."""
    rivals = rival_errors(compared)
    assert set(rivals.index) == {"all", *FACTORS.values()}
    assert rivals.notna().all().all()
    ours = transfer_errors(compared)["throughput"]
    assert rivals.loc["all", ("this study", "p90")] == pytest.approx(ours["p90_relative_error"])


def test_ceilings_that_bind_are_those_that_were_varied(compared):
    """Where a factor alone was varied, and the transfer was held, it or the line is named."""
    held = compared[compared.measured_goodput_gbps < LIMITED * compared.line_gbps]
    names = {"receive_ring": "receive_buffers", "send_ring": "send_buffers", "socket_buffer": "socket_buffer"}
    for factor, ceiling in names.items():
        named = held.loc[held.factor == factor, "limited_by"]
        assert (named == ceiling).mean() >= 0.9


def test_rare_overflows_are_predicted():
    """Small rings on long paths: median error at most 4 %, p90 13 % (39 and 57 % before renewals).

    A window that starts again from nothing after each loss would carry a third of what was measured.
    """
    compared = compare_transfers(read_transfers(DATA / "rare_overflows.csv"))
    rare = compared[compared.factor == "rare"]
    assert len(rare) == 26
    assert rare.error.abs().median() <= 0.04
    assert rare.error.abs().quantile(0.9) <= 0.13
    assert abs(rare.error.mean()) <= 0.03


def test_a_ring_barely_too_small_falls_as_steeply_as_measured():
    """16 packets, 10 ms, no delay: the full line up to 15.75 packets an interval, a quarter from 16.1."""
    compared = compare_transfers(read_transfers(DATA / "rare_overflows.csv"))
    cliff = compared[(compared.factor == "cliff") & (compared.receive_delay_us == 0)]
    below, beyond = cliff.interrupt_moderation_us <= 950, cliff.interrupt_moderation_us >= 970
    assert (below.sum(), beyond.sum()) == (2, 4)
    for goodput in (cliff.measured_goodput_gbps, cliff.goodput_gbps):
        share = goodput / cliff.line_gbps
        assert (share[below] > 0.99).all()
        assert (share[beyond] < 0.3).all()
