"""What holds of every migration, on 2,000 random ones; the exceptions are in docs/model-exceptions.md."""

import numpy as np
import pandas as pd
import pytest

from analysis.model.laws.link import TIE
from analysis.model.migration import ceilings, migrate
from analysis.model.stop_rules import STOP_RULES
from analysis.model.units import GBIT, GIB
from analysis.parameters import CONGESTION_CONTROLS, TRANSPORTS, WRITE_PATTERNS
from tests.scenarios import PLAIN_RULES

ROWS = 2000
SETUP_S = 2.0
HEAD_START_S = {name: rule.head_start_s for name, rule in STOP_RULES.items()}
ROUNDING = 1e-4
"""One more descriptor may carry so much less where the law's fill and window turn: one ring in 100,000."""


def drawn(seed):
    """Scenarios of all transports, rules, patterns and controls, from idle links to rings that overflow."""
    rng = np.random.default_rng(seed)

    def spread(low, high, never=0.0):
        values = np.exp(rng.uniform(np.log(low), np.log(high), ROWS))
        return np.where(rng.random(ROWS) < never, 0.0, values)

    rule = rng.choice(PLAIN_RULES, ROWS)
    endless = np.isin(rule, ["qemu", "simgrid"])
    return pd.DataFrame(
        {
            "memory_gib": spread(0.25, 2048),
            "resident_share": rng.uniform(0, 1, ROWS) * (rng.random(ROWS) < 0.8),
            "dirty_pages_per_s": spread(10, 1e6, never=0.25),
            "working_set_gib": spread(0.01, 200),
            "write_pattern": rng.choice(WRITE_PATTERNS, ROWS),
            "bandwidth_gbps": spread(0.1, 400),
            "round_trip_ms": spread(0.01, 50, never=0.25),
            "receive_buffers": 2.0 ** rng.integers(4, 14, ROWS),
            "send_buffers": 2.0 ** rng.integers(5, 14, ROWS),
            "interrupt_moderation_us": spread(1, 500, never=0.3),
            "receive_delay_us": spread(1, 2000, never=0.25),
            "socket_buffer_kib": spread(64, 1e6),
            "streams": rng.integers(1, 9, ROWS).astype(float),
            "stream_limit_gbps": spread(2, 1000),
            "receive_queues": rng.choice([1, 2, 4], ROWS),
            "transport": rng.choice(TRANSPORTS, ROWS),
            "spare_cores": rng.uniform(0, 16, ROWS),
            "compression_ratio": rng.uniform(1, 4, ROWS),
            "congestion_control": rng.choice(CONGESTION_CONTROLS, ROWS),
            "mtu_bytes": rng.choice([1500, 9014], ROWS),
            "stop_rule": rule,
            "pass_limit": np.where(endless, rng.choice([np.nan, 5, 30], ROWS), np.nan),
            "setup_s": SETUP_S,
        }
    )


MORE = {
    "receive_buffers": [2.0, 1.01],
    "send_buffers": [2.0, 1.01],
    "spare_cores": [2.0, 1.01],
}
"""What never does harm, and times as much of it as is tried."""
MAY_OVERFLOW = {
    "bandwidth_gbps": [2.0, 1.3, 1.01],
    "round_trip_ms": [0.0, 0.5, 0.9],
    "socket_buffer_kib": [2.0],
    "stream_limit_gbps": [2.0],
}
"""What brings packets faster to the receive ring, which may then overflow: the named exception."""


@pytest.fixture(scope="module", params=[1, 2023])
def scenarios(request):
    """Two draws."""
    return drawn(request.param)


@pytest.fixture(scope="module")
def outcomes(scenarios):
    """The scenarios with what the model says of them."""
    return migrate(scenarios)


@pytest.fixture(scope="module")
def changed(scenarios):
    """The scenarios with so many times as much of something, and what the model says: by name and times.

    All in one table: the few migrations that go on for thousands of passes make them side by side.
    """
    tables = {}
    for name, factors in {**MORE, **MAY_OVERFLOW, "memory_gib": [1.5]}.items():
        for times in factors:
            values = times * scenarios[name]
            tables[name, times] = scenarios.assign(**{name: np.ceil(values) if "buffers" in name else values})
    whole = migrate(pd.concat(tables.values(), ignore_index=True))
    return {key: whole.iloc[i * ROWS : (i + 1) * ROWS].reset_index(drop=True) for i, key in enumerate(tables)}


def test_the_draw_meets_every_ceiling(outcomes):
    """What is not drawn would not be tested: all ceilings that the draw can meet, all reasons to stop."""
    assert {"line_rate", "socket_buffer", "streams", "send_buffers", "receive_buffers", "spare_cores"} <= set(
        outcomes.limited_by
    )
    assert {"nothing_left", "few_pages", "target_met", "pass_limit", "sent_limit", "endless"} == set(
        outcomes.stop_reason
    )


def test_no_migration_is_faster_than_its_bytes(outcomes):
    """Never below the work bound: set-up and the wire's bytes at the line's rate, less QEMU's head start."""
    wire_s = outcomes.wire_gib * GIB * 8 / (outcomes.bandwidth_gbps * GBIT)
    least = SETUP_S + wire_s - outcomes.stop_rule.map(HEAD_START_S)
    finite = np.isfinite(outcomes.total_s)
    assert finite.sum() > ROWS / 2
    assert (outcomes.total_s[finite] >= least[finite] * (1 - 1e-9)).all()


def test_without_writes_a_migration_takes_its_bytes_over_the_rate(scenarios):
    """Zero pages, content and state at the rate of the stream, set-up and hand-off; in one pass."""
    idle = migrate(scenarios.assign(dirty_pages_per_s=0.0, transport="tcpip"))
    sent_s = idle.stream_gib * GIB * 8 / (idle.goodput_gbps * GBIT)
    early_s = SETUP_S + 0.2 + sent_s - idle.total_s
    assert (early_s >= -1e-9 * idle.total_s).all()
    assert (early_s <= idle.stop_rule.map(HEAD_START_S) + 1e-9 * idle.total_s).all()


def test_more_memory_is_never_shorter(changed, outcomes):
    """Half as much again, all else the same."""
    larger = changed["memory_gib", 1.5]
    assert (larger.total_s >= outcomes.total_s * (1 - 1e-9)).all()


@pytest.mark.parametrize(("name", "times"), [(name, k) for name, ks in MORE.items() for k in ks])
def test_more_buffers_and_cores_are_never_slower(changed, outcomes, name, times):
    """In goodput and in total time."""
    more = changed[name, times]
    assert (more.goodput_gbps >= outcomes.goodput_gbps * (1 - ROUNDING)).all()
    assert (more.total_s <= outcomes.total_s * (1 + 10 * ROUNDING)).all()


@pytest.mark.parametrize(("name", "times"), [(name, k) for name, ks in MAY_OVERFLOW.items() for k in ks])
def test_what_is_slower_for_being_faster_says_why(scenarios, changed, outcomes, name, times):
    """Only by a receive ring, which is named: by ``limited_by``, or by its ceiling below the compressor's.

    Ceilings within half a per cent of the lowest count as equally low, so less than that need not be named.
    """
    quicker = changed[name, times]
    slower = quicker.total_s > outcomes.total_s * (1 + TIE)
    assert 0 < slower.sum() < ROWS / 20
    assert (quicker.goodput_gbps < outcomes.goodput_gbps)[slower].all()
    asked = quicker.loc[slower, scenarios.columns]
    assert (ceilings(asked).limited_by == "receive_buffers").all()
    assert quicker.limited_by[slower].isin(["receive_buffers", "spare_cores"]).all()
