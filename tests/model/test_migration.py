"""The whole migration: by hand, against the slow twin, as tables, and what holds for all scenarios."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from analysis import migrate, passes
from analysis.model import dirtying
from analysis.model.laws import rings
from analysis.model.migration import ceilings
from analysis.model.stop_rules import STOP_RULES as PRESETS
from analysis.model.units import PAGES_PER_GIB
from analysis.parameters import (
    CONGESTION_CONTROLS,
    NETWORKS,
    OUTCOMES,
    PARAMETERS,
    TRANSPORTS,
    WRITE_PATTERNS,
    ParameterError,
    defaults,
)

# The tests are no package, so the twin is loaded from its file.
from tests.model import twin
from tests.scenarios import PLAIN_RULES

HEAD_START_S = PRESETS["qemu"].head_start_s
"""Measured, so it may be measured anew: the twin is told."""
twin.RULES["qemu"]["head_start_s"] = HEAD_START_S

fixed = settings(derandomize=True, deadline=None, max_examples=150)

ONE_GIB_PER_S = 8 * 2**30 / 1e9
"""Gbit/s that carry 1 GiB of payload in a second when nothing is added to it."""
BARE = {
    "bandwidth_gbps": ONE_GIB_PER_S,
    "header_bytes": 0,
    "frame_overhead_bytes": 0,
    "page_header_bytes": 0,
    "interrupt_moderation_us": 0,
    "receive_delay_us": 0,
    "round_trip_ms": 0,
    "resident_share": 1,
    "memory_gib": 1,
    "working_set_gib": 1,
    "write_pattern": "sequential",
}
"""1 GiB over 1 GiB/s, 262,144 pages a second, with no overhead anywhere."""
INFINITE = {
    "bandwidth_gbps": np.inf,
    "stream_limit_gbps": np.inf,
    "interrupt_moderation_us": 0,
    "receive_delay_us": 0,
    "round_trip_ms": 0,
}
TIMES = ["brownout_s", "blackout_s", "total_s"]
VOLUMES = ["memory_sent_gib", "stream_gib", "wire_gib"]


# --- by hand ----------------------------------------------------------------------------


def test_migration_by_hand():
    """1 GiB at 1 GiB/s, dirtied at a tenth of that, set-up 2 s, hand-off 0.2 s, state 4 MiB.

    Passes: 1 + 0.1 + 0.01 + 0.001 + 0.0001 s = 1.1111 s; left 262,144e-5 = 2.62144 pages, 1e-5 s.
    Blackout: 0.00001 + 4 / 1024 + 0.2 = 0.20391625 s. Total: 2 + 1.1111 + 0.20391625 = 3.31501625 s.
    Sent: 1.11111 GiB of memory, with the state 1.11501625 GiB on stream and wire.
    """
    row = migrate(**BARE, dirty_pages_per_s=26214.4, state_mib=4, handoff_ms=200, setup_s=2).iloc[0]
    assert row.passes == 5
    assert row.stop_reason == "pass_limit"
    assert row.converged
    assert row.limited_by == "line_rate"
    expected = {
        "goodput_gbps": ONE_GIB_PER_S,
        "memory_rate_gib_per_s": 1.0,
        "brownout_s": 1.1111,
        "blackout_s": 0.20391625,
        "total_s": 3.31501625,
        "residual_pages": 2.62144,
        "memory_sent_gib": 1.11111,
        "stream_gib": 1.11501625,
        "wire_gib": 1.11501625,
    }
    for name, value in expected.items():
        assert row[name] == pytest.approx(value, rel=1e-12), name


def test_overheads_by_hand():
    """Page headers of 1/16 page and framing of 1,000 to 1,250 bytes: 17/16 of the stream, 5/4 of the wire.

    Goodput 0.8 GiB/s, memory 0.8 * 16/17 GiB/s; 1 GiB takes 17/12.8 = 1.328125 s; 17/16 GiB of
    stream are 1.328125 GiB of wire.
    """
    framing = {"mtu_bytes": 1200, "header_bytes": 200, "frame_overhead_bytes": 50, "page_header_bytes": 256}
    row = migrate(**BARE | framing, dirty_pages_per_s=0, state_mib=0, handoff_ms=0, setup_s=0).iloc[0]
    assert row.memory_rate_gib_per_s == pytest.approx(0.8 * 16 / 17)
    assert row.total_s == pytest.approx(1.328125)
    assert row.memory_sent_gib == pytest.approx(1)
    assert row.stream_gib == pytest.approx(17 / 16)
    assert row.wire_gib == pytest.approx(1.328125)


def test_compression_by_hand():
    """Ratio 2 and cores enough: 1 GiB in half a second and half a GiB; one core of 0.5 GiB/s: 1.25 GiB/s.

    The core's 0.5 GiB/s need 0.25 of the link, 0.75 go raw. The state is not compressed.
    """
    given = {"transport": "compression", "compression_ratio": 2, "compress_gib_per_s_per_core": 0.5}
    fixed_parts = {"dirty_pages_per_s": 0, "state_mib": 512, "handoff_ms": 0, "setup_s": 0}
    rows = migrate(**BARE, **given, **fixed_parts, spare_cores=[16, 1, 0])
    np.testing.assert_allclose(rows.memory_rate_gib_per_s, [2, 1.25, 1])
    np.testing.assert_allclose(rows.brownout_s, [0.5, 0.8, 1])
    np.testing.assert_allclose(rows.blackout_s, [0.5, 0.5, 0.5])
    np.testing.assert_allclose(rows.stream_gib, [1, 1.3, 1.5])
    assert rows.limited_by.tolist() == ["line_rate", "spare_cores", "spare_cores"]


def test_working_set_is_at_most_the_memory():
    """A working set larger than the machine is the machine."""
    rows = migrate(memory_gib=2, working_set_gib=[2, 3, 1000], dirty_pages_per_s=1e6)
    np.testing.assert_array_equal(rows.total_s, rows.total_s[0])
    assert rows.residual_pages.max() <= 2 * PAGES_PER_GIB


# --- limits -------------------------------------------------------------------------------


@pytest.mark.parametrize("rule", PLAIN_RULES)
@pytest.mark.parametrize(
    "idle", [{"dirty_pages_per_s": 0}, {"working_set_gib": 0}], ids=["no writes", "no set"]
)
@pytest.mark.parametrize("pattern", WRITE_PATTERNS)
def test_without_dirtying_there_is_one_pass_and_the_time_of_the_bytes(rule, idle, pattern):
    """One pass; set-up, hand-off and the bytes at goodput are the total, whatever the rule.

    QEMU's residual has a head start of some ms, and its pause begins with that much to send or more.
    """
    row = migrate(stop_rule=rule, write_pattern=pattern, zero_page_bytes=0, **idle).iloc[0]
    assert row.passes == 1
    assert row.converged
    assert row.memory_sent_gib == pytest.approx(16 * 0.9)
    head_start = HEAD_START_S if rule == "qemu" else 0
    sending_s = row.stream_gib * 2**33 / (row.goodput_gbps * 1e9)
    assert row.total_s == pytest.approx(2 + 0.2 + sending_s - head_start)


@pytest.mark.parametrize(
    ("rule", "passes_made", "reason"),
    [("hyperv", 5, "pass_limit"), ("hyperv_2008r2", 10, "pass_limit"), ("xen", 4, "sent_limit")],
)
def test_dirtying_above_the_link_meets_the_rules_limit(rule, passes_made, reason):
    """All memory is written again in every pass: 5 or 10 passes, or 4 to exceed three times the memory."""
    given = BARE | {"write_pattern": "sequential", "dirty_pages_per_s": 1e6, "stop_rule": rule}
    row = migrate(**given).iloc[0]
    assert (row.passes, row.stop_reason) == (passes_made, reason)
    assert row.residual_pages == PAGES_PER_GIB
    assert not row.converged
    assert row.brownout_s == pytest.approx(passes_made)
    assert row.memory_sent_gib == pytest.approx(passes_made + 1)


def test_dirtying_above_the_link_never_ends_under_qemu():
    """Infinite times and volumes are said so: endless, not converged."""
    row = migrate(dirty_pages_per_s=1e7, stop_rule="qemu").iloc[0]
    assert row.stop_reason == "endless"
    assert not row.converged
    assert [row[name] for name in ("brownout_s", "total_s", *VOLUMES)] == [np.inf] * 5


@pytest.mark.parametrize("rule", PLAIN_RULES)
@pytest.mark.parametrize("transport", TRANSPORTS)
def test_infinite_link_leaves_set_up_and_hand_off(rule, transport):
    """With a link that costs nothing 2 s of set-up and 0.2 s of hand-off are left, and no warning.

    Without rings the passes take no time at all; the laws of the rings have 1e15 packets of 1,460 bytes a
    second stand for an endless rate, which are 11 ns, the 9 bytes of each of 1.6 GiB of zero pages included.
    """
    row = migrate(**INFINITE, stop_rule=rule, transport=transport).iloc[0]
    assert row.total_s == pytest.approx(2.2)
    sent_gib = 14.4 * 4104 / 4096 + 1.6 * 9 / 4096
    stands_for_none = 0 if transport == "smb_direct" else sent_gib * 2**30 / (rings.FASTEST * 1460)
    assert row.brownout_s == pytest.approx(stands_for_none, rel=1e-6, abs=0)
    assert row.memory_sent_gib == pytest.approx(14.4)


@pytest.mark.parametrize("bandwidth", [1e9, np.inf])
@pytest.mark.parametrize("rule", PLAIN_RULES)
@pytest.mark.parametrize("transport", TRANSPORTS)
def test_very_fast_link_leaves_nearly_set_up_and_hand_off(rule, transport, bandwidth):
    """At a million Tbit/s the rest is below a millisecond; QEMU's checks last longer than the copy."""
    fast = INFINITE | {"bandwidth_gbps": bandwidth, "stream_limit_gbps": 1e9}
    row = migrate(**fast, stop_rule=rule, transport=transport).iloc[0]
    assert row.total_s == pytest.approx(2.2, abs=1e-3)
    assert row.memory_sent_gib == pytest.approx(14.4)


@pytest.mark.parametrize(
    ("plain", "given"),
    [
        ({}, {"compression_ratio": 1}),
        ({}, {"spare_cores": 0}),
        ({}, {"send_buffers": 1e6, "receive_buffers": 1e6, "transport": "tcpip"}),
    ],
    ids=["ratio 1", "no spare cores", "huge rings"],
)
def test_what_gains_nothing_changes_nothing(plain, given):
    """Compression without gain leaves the plain migration; so do rings without end, to a rare overflow."""
    before = migrate(**plain).iloc[0]
    after = migrate(**{"transport": "compression"} | given).iloc[0]
    for name in ("total_s", "blackout_s", "stream_gib", "passes", "memory_rate_gib_per_s"):
        assert after[name] == pytest.approx(before[name], rel=1e-5), name


@pytest.mark.parametrize("rule", PLAIN_RULES)
def test_nothing_resident_takes_no_brownout(rule):
    """A machine of zero pages that nobody tells of: set-up, state and hand-off."""
    row = migrate(resident_share=0, stop_rule=rule, zero_page_bytes=0).iloc[0]
    assert (row.brownout_s, row.memory_sent_gib, row.passes) == (0, 0, 1)


# --- the twin -----------------------------------------------------------------------------


def scenarios(seed, rows):
    """Random scenarios over every pattern, transport, rule and network, all parameters drawn."""
    rng = np.random.default_rng(seed)

    def spread(low, high):
        return 10 ** rng.uniform(np.log10(low), np.log10(high), rows)

    def some(share, values, otherwise):
        return np.where(rng.random(rows) < share, values, otherwise)

    pattern = rng.choice(WRITE_PATTERNS, rows)
    transport = rng.choice(TRANSPORTS, rows)
    waits = rng.choice(PARAMETERS["compressor_waits"].choices, rows)
    cores = rng.choice([0, 0.5, 2, 16], rows)
    return pd.DataFrame(
        {
            "memory_gib": spread(0.05, 64),
            "resident_share": some(0.2, 1.0, rng.uniform(0.02, 1, rows)),
            "extra_resident_mib": rng.choice([0, 0, 60, 1e5], rows),
            "top_content_share": rng.choice([0, 1 / 64, 0.3, 1], rows),
            "dirty_pages_per_s": some(0.05, 0.0, spread(1, 1e6)),
            # The exact Zipf law is a sum over every page: small sets of whole pages for it.
            "working_set_gib": np.where(
                pattern == "zipf", rng.integers(1, 3000, rows) / PAGES_PER_GIB, spread(0.001, 64)
            ),
            "write_pattern": pattern,
            "hot_page_share": rng.choice([0, 0.05, 0.3, 1], rows),
            "hot_write_share": rng.uniform(0, 1, rows),
            "zipf_exponent": rng.uniform(0, 1.2, rows),
            "idle_dirty_pages_per_s": some(0.5, 0.0, spread(1, 1e4)),
            "idle_working_set_mib": spread(0.1, 10),
            "bandwidth_gbps": spread(0.1, 100),
            "mtu_bytes": rng.choice([600.0, 1500.0, 9000.0], rows),
            "header_bytes": rng.choice([40.0, 52.0], rows),
            "frame_overhead_bytes": rng.choice([14.0, 38.0], rows),
            "round_trip_ms": some(0.3, 0.0, spread(0.01, 20)),
            "send_buffers": rng.integers(8, 4096, rows),
            "receive_buffers": rng.integers(8, 4096, rows),
            "receive_queues": rng.choice([1, 2, 8], rows),
            "interrupt_moderation_us": rng.choice([0, 50, 200], rows),
            "receive_delay_us": rng.choice([0, 20, 50, 500], rows),
            "send_moderation_us": rng.choice([np.nan, 0, 100], rows),
            "send_delay_us": rng.choice([0, 0, 100], rows),
            "socket_buffer_kib": spread(64, 65536),
            "congestion_control": rng.choice(CONGESTION_CONTROLS, rows),
            "streams": rng.choice([np.nan, 1, 2, 7], rows),
            "stream_limit_gbps": spread(1, 20),
            "stream_limit_spread": rng.choice([0, 0, 0.4, 1.5], rows),
            "send_ahead_mib": rng.choice([0, 0, 2.4, 64], rows),
            "transport": transport,
            "bandwidth_limit_share": rng.choice([1, 0.75, 0.25], rows),
            "network": rng.choice(NETWORKS, rows),
            "background_share": rng.uniform(0, 0.9, rows),
            "compression_ratio": rng.uniform(1, 5, rows),
            "compress_gib_per_s_per_core": spread(0.05, 1),
            "spare_cores": cores,
            "compressor_waits": waits,
            "stop_rule": rng.choice(PLAIN_RULES, rows),
            "pass_limit": rng.choice([np.nan, np.nan, 1, 3, 20], rows),
            "blackout_target_ms": rng.choice([np.nan, np.nan, 0, 30, 1000, 20000], rows),
            "page_header_bytes": rng.choice([0, 8, 16], rows),
            "zero_page_bytes": rng.choice([0, 9], rows),
            "state_mib": rng.uniform(0, 64, rows),
            "handoff_ms": rng.uniform(0, 500, rows),
            "setup_s": rng.uniform(0, 5, rows),
            "adapter_limit_gbps": some(0.8, np.nan, spread(0.3, 30)),
        }
    )


EMPTY = [name for name, p in PARAMETERS.items() if not p.choices and math.isnan(p.default)]
"""Parameters that may be empty, which the twin is told by None."""


def for_twin(scenario):
    """The twin's arguments for one scenario: every parameter, those not given at their default."""
    given = defaults() | {name: value for name, value in scenario.items() if name in PARAMETERS}
    return {name: None if name in EMPTY and math.isnan(value) else value for name, value in given.items()}


def model_ring(buffers, rate, moderation_s, delay_s, round_trip_s, streams, control):
    """The model's ring law, so that all the rest can be compared to rounding."""
    if rings.overflow_chance(buffers, rate, moderation_s, delay_s) < rings.NEVER:
        return rate
    if control == "bbr":
        return float(rings.blind_ring(buffers, rate, moderation_s, delay_s))
    law = rings.AIMD[control]
    return float(rings.receive_ring(buffers, rate, moderation_s, delay_s, round_trip_s, streams, *law))


def model_classes(scenario):
    """The model's classes of one Zipf row, so that all the rest can be compared to rounding."""
    pages = min(scenario.working_set_gib, scenario.memory_gib) * PAGES_PER_GIB
    classes = dirtying.write_classes(
        "zipf", scenario.dirty_pages_per_s, pages, 0.1, 0.9, scenario.zipf_exponent
    )
    return list(zip(classes.rates[0].tolist(), classes.sizes[0].tolist(), strict=True))


def by_twin(scenario):
    """The twin's outcomes with the model's Zipf classes and ring law."""
    groups = model_classes(scenario) if scenario.write_pattern == "zipf" else None
    return twin.migrate(groups=groups, receive=model_ring, **for_twin(scenario))


@pytest.fixture(scope="module")
def pairs():
    """Random scenarios with the outcomes of the model, all rows in one call, and those of the twin.

    The twin waits for a residual that comes back to the last bit. Where it has lost its patience before, the
    model must have seen the loop by its tolerance; nothing else of those few can be compared.
    """
    drawn = scenarios(seed=20_261_123, rows=1500)
    expected = pd.DataFrame([by_twin(row) for _, row in drawn.iterrows()])
    soon = expected.stop_reason != "unfinished"
    assert soon.mean() > 0.99
    found = migrate(drawn)
    assert (found.stop_reason[~soon] == "endless").all()
    return found[soon], expected[soon]


@pytest.fixture(scope="module")
def compared(pairs):
    """The model's outcomes of the random scenarios, beside the scenarios."""
    return pairs[0]


def test_random_scenarios_reach_every_end(compared):
    """The comparison below means something: every rule, pattern, reason to stop and ceiling is among them."""
    assert set(compared.stop_reason) == {
        "nothing_left",
        "few_pages",
        "target_met",
        "pass_limit",
        "sent_limit",
        "endless",
    }
    assert compared.groupby(["stop_rule", "write_pattern"]).size().min() >= 50
    assert set(compared.limited_by) == {*ceilings().columns[2:], "spare_cores"}
    assert (compared.limited_by == "receive_buffers").sum() >= 20


@pytest.mark.parametrize("name", OUTCOMES)
def test_model_agrees_with_the_twin(pairs, name):
    """All outcomes to 1e-9; of an endless one only that it is, for a loop may be noticed at another pass."""
    model, expected = pairs
    sure = np.full(len(model), True)
    if name in ("passes", "residual_pages", "blackout_s"):
        sure = model.stop_reason != "endless"
    got, due = model.loc[sure, name], expected.loc[sure, name]
    if got.dtype.kind == "f":
        np.testing.assert_allclose(got, due, rtol=1e-9, atol=1e-9)
    else:
        pd.testing.assert_series_equal(got, due, check_dtype=False)


def test_ring_law_agrees_with_the_twins_integrals():
    """The receive ring's ceiling to 1e-3 of what the others let through, which is what 16 nodes give.

    Over the windows, arrivals bend where a window fills a cycle's fixed part: a corner where the delay is
    short. On a piece of length h Gauss's rule of 16 nodes may miss a corner by some h / (2 * 16)**2 of
    the change of slope; windows spread over 0.3 to 0.5 of the lossless one. Overshoot and all the
    rest agree far more closely (test_rings.py).
    """
    drawn = scenarios(seed=20_261_124, rows=4000)
    asked = drawn[(drawn.transport != "smb_direct") & (drawn.congestion_control != "bbr")]
    found = ceilings(asked)
    bound = np.flatnonzero(np.isfinite(found.receive_buffers))
    assert len(bound) > 100
    for i in bound:
        exact = twin.ceilings(for_twin(asked.iloc[i]))
        offered = min(value for name, value in exact.items() if not name.endswith("_buffers"))
        expected = exact.get("receive_buffers", offered)
        assert found.receive_buffers[i] == pytest.approx(expected, abs=1e-3 * offered)


@pytest.mark.parametrize("ceiling", ["send_buffers", "socket_buffer", "streams", "host_adapter"])
def test_ceilings_agree_with_the_twin(compared, ceiling):
    """The others to 1e-9, the ceiling of a varying core against an integral too."""
    asked = compared[compared.transport != "smb_direct"]
    found = ceilings(asked[[name for name in asked if name in PARAMETERS]])
    for value, (_, row) in zip(found[ceiling], asked.iterrows(), strict=True):
        expected = twin.ceilings(for_twin(row), receive=model_ring)
        line = expected["line_rate"]
        assert min(value, 100 * line) == pytest.approx(expected.get(ceiling, 100 * line), rel=1e-9) or (
            # One that carries the whole line but for the last bit is none.
            min(value, line) == pytest.approx(min(expected.get(ceiling, line), line), rel=1e-12)
        )


def test_zipf_agrees_with_the_twins_sum_over_all_ranks(compared):
    """The 1e-4 of u(t) in times and volumes: what stays dirty of what is written in a chain of passes.

    Each pass hands its error on and adds its own, so the pages of pass n are off by n times 1e-4
    at most where u is proportional to t, and by less where it saturates; passes of a few pages that
    decide when to stop may differ by one, which moves less than a page. Hyper-V's rule, which has no
    threshold that a small difference could cross, is compared, on links that carry something.
    """
    rows = compared[(compared.write_pattern == "zipf") & (compared.stop_rule == "hyperv")]
    rows = rows[rows.memory_rate_gib_per_s > 0]
    for _, row in rows.iterrows():
        expected = twin.migrate(receive=model_ring, **for_twin(row))
        page_s = 1 / (row.memory_rate_gib_per_s * PAGES_PER_GIB)
        assert row.total_s == pytest.approx(expected["total_s"], rel=1e-4 * row.passes, abs=page_s)
        assert row.memory_sent_gib == pytest.approx(
            expected["memory_sent_gib"], rel=1e-4 * row.passes, abs=1 / PAGES_PER_GIB
        )


@pytest.mark.parametrize("rule", PLAIN_RULES)
def test_passes_agree_with_the_twin(pairs, rule):
    """Every pass of fifty migrations: when it began, what it sent, what was dirtied and what remained."""
    model, expected = pairs
    rows = model[(model.stop_rule == rule) & (model.stop_reason != "endless")].head(50)
    table = passes(rows[[name for name in rows if name in PARAMETERS]])
    for i, (index, row) in enumerate(rows.iterrows()):
        mine = table[table.scenario == i]
        due = np.array(expected.log[index])
        due[:, 1] += row.setup_s
        got = mine[["pass_number", "start_s", "duration_s", "sent_pages", "dirtied_pages", "remaining_pages"]]
        np.testing.assert_allclose(got.to_numpy(), due, rtol=1e-9, atol=1e-6, err_msg=f"row {index}")


def test_xen_counts_the_memory_assigned():
    """p2m_size is the whole machine: half of 1 GiB a pass exceeds 3 GiB after 7 passes."""
    given = BARE | {"resident_share": 0.5, "working_set_gib": 0.5, "dirty_pages_per_s": 1e6}
    row = migrate(**given, stop_rule="xen").iloc[0]
    assert (row.passes, row.stop_reason) == (7, "sent_limit")


def test_no_time_is_negative_when_most_memory_was_not_resident():
    """1 % of 100 GiB resident, all of it written during the migration: nothing may be below zero."""
    rings_and_core = {"send_buffers": 100_000, "receive_buffers": 100_000, "stream_limit_gbps": 100}
    row = migrate(
        memory_gib=100,
        resident_share=0.01,
        working_set_gib=100,
        dirty_pages_per_s=1e8,
        bandwidth_gbps=100,
        stop_rule="qemu",
        pass_limit=[1, 4],
        **rings_and_core,
    )
    assert (row[["residual_pages", *TIMES, *VOLUMES]] >= 0).all().all()


# --- where the model went wrong once --------------------------------------------------------


def test_a_second_pass_as_large_as_the_first_is_no_loop():
    """Half of 1 GiB is content, none at the top; in the 0.5 s of pass 1 half of all pages are written.

    With r ln(2) / 0.5 writes a second, r = 262,144, 131,072 pages remain, as many as at the start, but from
    here on 0.4 s * r = 104,858 may be left: passes send 2, 2, 1, 1, ... looks of 15,990.8 pages, and what
    waits is not dirtied anew. Pass 2 keeps 99,090 of them, 0.378 of all, and of the others it dirties
    1 - exp(-0.122 ln(2) / 0.5): 25,371 pages. So it goes on down to 103,778 in pass 9.
    """
    given = BARE | {"resident_share": 0.5, "top_content_share": 0, "write_pattern": "uniform"}
    given |= {"dirty_pages_per_s": 262144 * math.log(2) / 0.5, "blackout_target_ms": 400}
    given |= {"zero_page_bytes": 0, "stop_rule": "qemu"}
    kept = 131_072 - 2 * 0.061 * 262_144
    remaining = kept + (262_144 - kept) * (1 - 0.5 ** (0.122 / 0.5))
    assert passes(**given).remaining_pages[:2].tolist() == pytest.approx([131_072, remaining])
    row = migrate(**given).iloc[0]
    assert (row.passes, row.stop_reason) == (9, "target_met")


@pytest.mark.parametrize("idle_mib", [0.5, 2048])
def test_no_more_pages_are_dirty_than_there_are(idle_mib):
    """1 GiB all written in every pass and an idle guest's pages: at most 262,144 pages are left."""
    idle = {"idle_dirty_pages_per_s": 1e6, "idle_working_set_mib": idle_mib}
    row = migrate(memory_gib=1, working_set_gib=1, dirty_pages_per_s=1e9, **idle).iloc[0]
    assert row.residual_pages <= PAGES_PER_GIB


def test_no_time_is_negative_with_an_idle_guest_larger_than_the_machine():
    """Allowed values must not give a pause of minus a day."""
    idle = {"idle_dirty_pages_per_s": 1e9, "idle_working_set_mib": 1e6}
    row = migrate(memory_gib=1, dirty_pages_per_s=1e9, stop_rule="qemu", pass_limit=5, **idle)
    assert (row[["residual_pages", *TIMES, *VOLUMES]] >= 0).all().all()


@pytest.mark.parametrize("writes", [0, 5000])
@pytest.mark.parametrize("rule", PLAIN_RULES)
@pytest.mark.parametrize("waits", ["yes", "in_turn"])
def test_compressor_that_waits_for_no_core_never_ends(waits, rule, writes):
    """Allowed values: nothing is compressed, nothing is sent, and that is said without a warning."""
    given = {"transport": "compression", "compressor_waits": waits, "spare_cores": 0, "stop_rule": rule}
    row = migrate(**given, dirty_pages_per_s=writes).iloc[0]
    assert row.total_s == np.inf
    assert (row.stop_reason, row.limited_by, row.converged) == ("endless", "spare_cores", False)
    assert row.residual_pages >= 0


@pytest.mark.parametrize("rule", PLAIN_RULES)
def test_nothing_to_send_does_not_wait_for_a_link_that_carries_nothing(rule):
    """A machine of zero pages and no core to compress them: as on any other link, but for their headers.

    4,194,304 of them of 9 bytes take 32 ms of 9.5 Gbit/s, and none where no page is ever sent.
    """
    given = {"transport": "compression", "compressor_waits": "yes", "resident_share": 0, "stop_rule": rule}
    stuck, free = migrate(**given, spare_cores=[0, 16], zero_page_bytes=0).total_s
    assert stuck == free
    stuck, told = migrate(**given, spare_cores=[0, 16]).total_s
    assert stuck == free < told < free + 0.05


def test_residual_is_counted_at_the_ratio_at_which_it_is_sent():
    """QEMU lifts a limit of 5 % for the pause; one core of 0.5 GiB/s then compresses only part.

    Passes: 0.05 GiB/s of link, all at ratio 2. Pause: 1 GiB/s carries 0.5 GiB/s compressed in 0.25 and
    0.75 raw: 1.25 GiB/s, ratio 1.25. The pause lasts as long as its bytes on the whole link.
    """
    given = BARE | {"transport": "compression", "compression_ratio": 2, "compress_gib_per_s_per_core": 0.5}
    given |= {"spare_cores": 1, "bandwidth_limit_share": 0.05, "dirty_pages_per_s": 1e6, "state_mib": 0}
    row = migrate(**given, stop_rule="qemu", pass_limit=1, handoff_ms=0).iloc[0]
    sent_gib = row.memory_sent_gib - row.residual_pages / PAGES_PER_GIB
    paused_gib = row.residual_pages / PAGES_PER_GIB / 1.25
    assert row.blackout_s == pytest.approx(paused_gib - HEAD_START_S)
    assert row.stream_gib == pytest.approx(sent_gib / 2 + paused_gib)


def test_bytes_of_zero_pages_take_the_time_of_their_bytes():
    """1 TiB of which 1 % is content: 9 bytes for each zero page are 2.2 GiB, a fifth of what is sent.

    They are on the stream and take the link's time as all else does. (Facts, models 2.6: passing over zero
    pages takes 0.05 to 0.3 s/GiB of the processor's time beside the bytes, which is not in the model.)
    """
    given = {"memory_gib": 1024, "resident_share": 0.01, "dirty_pages_per_s": 0, "handoff_ms": 0}
    row = migrate(**given, zero_page_bytes=9).iloc[0]
    carried_gib = (row.brownout_s + row.blackout_s) * row.goodput_gbps * 1e9 / 8 / 2**30
    assert row.stream_gib == pytest.approx(carried_gib)
    zero_gib = 1024 * 0.99 * 9 / 4096
    without = migrate(**given, zero_page_bytes=0).iloc[0]
    assert row.stream_gib - without.stream_gib == pytest.approx(zero_gib)
    assert row.total_s - without.total_s == pytest.approx(zero_gib * 2**30 * 8 / (row.goodput_gbps * 1e9))


def test_a_machine_of_zero_pages_alone_takes_the_time_of_their_headers():
    """24 TiB without content on 10 Gbit/s: 54 GiB of headers at 9.493 Gbit/s of payload take 48.86 s.

    The issue's case: it once crossed in the 0.2 s of the hand-off.
    """
    row = migrate(memory_gib=24576, resident_share=0, dirty_pages_per_s=0).iloc[0]
    assert row.stream_gib == pytest.approx(54, abs=0.01)
    assert row.brownout_s == pytest.approx(24576 * 2**18 * 9 * 8 / 9.4928e9, rel=1e-4)


def test_what_is_written_while_zero_pages_are_told_of_is_sent_again():
    """No content, 1,000 writes a second on much: after 48.86 s of headers some 48,860 pages are dirty.

    On 100 GiB two in a thousand fall on a page that was hit before.
    """
    row = passes(memory_gib=24576, resident_share=0, dirty_pages_per_s=1000, working_set_gib=100).iloc[0]
    assert row.dirtied_pages == pytest.approx(48_860, rel=0.002)


def test_a_residual_that_stays_is_noticed_soon():
    """It creeps for 1,000 passes, in which it changes by less and less; to the last bit it takes far more."""
    given = {"memory_gib": 1.672199, "resident_share": 1, "working_set_gib": 0.191891, "state_mib": 0}
    given |= {"write_pattern": "hotcold", "hot_page_share": 0.291152, "hot_write_share": 0.715144}
    given |= {"dirty_pages_per_s": 13075.192, "bandwidth_gbps": 0.4, "stop_rule": "qemu"}
    row = migrate(**given, blackout_target_ms=300).iloc[0]
    assert row.stop_reason == "endless"
    assert 500 < row.passes <= 1024


# --- tables -------------------------------------------------------------------------------


def test_scalar_arguments_give_one_row():
    """No argument at all is the default machine; scalars are one row, beside their outcomes."""
    assert len(migrate()) == 1
    row = migrate(bandwidth_gbps=25, stop_rule="xen")
    assert list(row) == ["bandwidth_gbps", "stop_rule", *OUTCOMES]
    assert row.bandwidth_gbps[0] == 25


def test_vector_equals_scalar(compared):
    """A row of a mixed table is what it is alone, to the last bits of a sum."""
    sample = compared.iloc[:: len(compared) // 40]
    for _, row in sample.iterrows():
        alone = migrate(**row[[n for n in row.index if n in PARAMETERS]].to_dict()).iloc[0]
        for name in OUTCOMES:
            if isinstance(row[name], str):
                assert alone[name] == row[name]
            else:
                assert alone[name] == pytest.approx(row[name], rel=1e-12), name


def test_arrays_broadcast_in_c_order():
    """Two rules down, three bandwidths across: six rows, the last axis fastest."""
    table = migrate(bandwidth_gbps=[1, 10, 25], stop_rule=[["hyperv"], ["qemu"]], memory_gib=4)
    assert table.bandwidth_gbps.tolist() == [1, 10, 25] * 2
    assert table.stop_rule.tolist() == ["hyperv"] * 3 + ["qemu"] * 3
    assert table.memory_gib.tolist() == [4] * 6
    alone = migrate(bandwidth_gbps=10, stop_rule="qemu", memory_gib=4)
    assert table.total_s[4] == pytest.approx(alone.total_s[0])


def test_a_table_comes_back_with_its_index_its_columns_and_the_outcomes():
    """Rows, index, labels and measurements are carried along; the caller's table is not touched."""
    given = pd.DataFrame(
        {"site": ["a", "b"], "memory_gib": [4, 8], "measured_s": [9.5, np.nan]}, index=["first", "second"]
    )
    before = given.copy(deep=True)
    got = migrate(given)
    pd.testing.assert_frame_equal(given, before)
    pd.testing.assert_frame_equal(got[list(given)], before)
    assert list(got) == [*given, *OUTCOMES]
    assert got.total_s["second"] == pytest.approx(migrate(memory_gib=8).total_s[0])


def test_keywords_beside_a_table():
    """A scalar or one value a row is added to the table, or replaces its column."""
    frame = pd.DataFrame({"memory_gib": [4, 8, 16]}, index=[7, 5, 3])
    got = migrate(frame, stop_rule="qemu", bandwidth_gbps=[1, 10, 25])
    expected = migrate(memory_gib=[4, 8, 16], stop_rule="qemu", bandwidth_gbps=[1, 10, 25])
    assert got.index.tolist() == [7, 5, 3]
    np.testing.assert_allclose(got.total_s, expected.total_s)
    assert migrate(frame, memory_gib=2).memory_gib.tolist() == [2, 2, 2]


def test_outcomes_are_not_taken_back():
    """A table with outcomes would have them overwritten: the column is named, and what to do."""
    once = migrate(memory_gib=[4, 8], stop_rule="qemu")
    with pytest.raises(
        ParameterError, match=r"the column 'goodput_gbps' is an outcome.* measured_goodput_gbps"
    ):
        migrate(once)
    again = migrate(once.drop(columns=list(OUTCOMES)))
    pd.testing.assert_frame_equal(again, once)


@pytest.mark.parametrize(
    "column",
    [
        pd.Series(pd.Categorical(["qemu", "xen"])),
        pd.Series(["qemu", "xen"], dtype="string"),
        pd.Series(["qemu", "xen"], dtype=object),
    ],
    ids=["category", "string", "object"],
)
def test_every_kind_of_text_column_is_read(column):
    """What a CSV, a Parquet file or a person makes of text."""
    got = migrate(pd.DataFrame({"stop_rule": column}))
    assert got.stop_reason.tolist() == ["target_met", "nothing_left"]


def test_missing_values_of_a_nullable_column_mean_as_the_preset_has_it():
    """An empty cell of a whole-number column."""
    got = migrate(pd.DataFrame({"pass_limit": pd.array([2, None], dtype="Int64")}), dirty_pages_per_s=1e6)
    assert got.passes.tolist() == [2, 5]


@pytest.mark.parametrize(
    "empty", [pd.DataFrame({"memory_gib": []}), pd.DataFrame()], ids=["columns", "nothing"]
)
def test_empty_table_stays_empty(empty):
    """No rows in, no rows out, with the outcome columns."""
    assert len(migrate(empty)) == 0
    assert set(OUTCOMES) <= set(migrate(empty))
    assert len(passes(empty)) == 0


def test_kinds_of_the_outcomes():
    """Counts are whole numbers, verdicts are truth values, names are text."""
    row = migrate()
    assert row.passes.dtype.kind == "i"
    assert row.converged.dtype == bool
    assert isinstance(row.limited_by[0], str)
    assert isinstance(row.stop_reason[0], str)


def test_passes_by_hand():
    """The hand-worked migration above, pass by pass, after 2 s of set-up."""
    table = passes(**BARE, dirty_pages_per_s=26214.4, setup_s=2)
    np.testing.assert_allclose(table.start_s, [2, 3, 3.1, 3.11, 3.111])
    np.testing.assert_allclose(table.duration_s, [1, 0.1, 0.01, 0.001, 0.0001])
    np.testing.assert_allclose(table.sent_pages, 262144 * 0.1 ** np.arange(5.0))
    np.testing.assert_allclose(table.remaining_pages, 262144 * 0.1 ** np.arange(1.0, 6))
    assert table.pass_number.tolist() == [1, 2, 3, 4, 5]
    assert table.scenario.tolist() == [0] * 5


def test_passes_are_in_the_order_of_scenarios_and_numbers():
    """Sorted by row, then by pass, and as many as the migration counts."""
    table = passes(dirty_pages_per_s=[0, 1e6, 1e4, 10])
    counts = migrate(dirty_pages_per_s=[0, 1e6, 1e4, 10]).passes
    assert table.scenario.tolist() == np.repeat(range(4), counts).tolist()
    for _, mine in table.groupby("scenario"):
        assert mine.pass_number.tolist() == list(range(1, len(mine) + 1))


def test_passes_show_the_stretch_until_a_late_pause():
    """Where a pass limit acts 60 ms late, one more row than passes, and the rows fill phase one."""
    given = {"dirty_pages_per_s": 1e6, "stop_rule": "qemu", "pass_limit": 3}
    table, row = passes(**given), migrate(**given).iloc[0]
    assert row.passes == 3
    assert table.pass_number.tolist() == [1, 2, 3, 4]
    assert table.duration_s.iloc[-1] == pytest.approx(0.06)
    assert table.duration_s.sum() == pytest.approx(row.brownout_s)
    assert table.remaining_pages.iloc[-1] == pytest.approx(row.residual_pages, rel=1e-12)


def test_ceilings_of_a_table():
    """One row each, the lowest and its name first; what does not hold is infinite."""
    table = ceilings(pd.DataFrame({"transport": ["tcpip", "smb_direct"], "bandwidth_gbps": [10, 100]}))
    assert table.limited_by.tolist() == ["line_rate", "line_rate"]
    np.testing.assert_allclose(table.goodput_gbps, [10 * 1460 / 1538, 100 * 1024 / 1106], rtol=1e-5)
    assert np.isinf(table.loc[1, ["send_buffers", "receive_buffers", "socket_buffer", "streams"]]).all()
    assert np.isinf(table[["bandwidth_limit", "other_traffic"]]).all().all()


# --- what a user is told ------------------------------------------------------------------


@pytest.mark.parametrize("call", [migrate, passes])
@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"bandwith_gbps": 10}, r"no parameter 'bandwith_gbps'; did you mean 'bandwidth_gbps'\?"),
        ({"bandwidth_gbps": -1}, r"bandwidth_gbps = -1 is not allowed"),
        ({"stop_rule": "hyper"}, r"stop_rule = 'hyper' is not allowed.* did you mean 'hyperv'\?"),
        ({"memory_gib": [1, float("nan")]}, r"memory_gib = nan is not allowed"),
        ({"streams": 1.5}, r"streams = 1.5 is not allowed: it takes a whole number"),
        ({"spare_cores": True}, r"spare_cores = True is not allowed"),
    ],
)
def test_mistakes_are_told(call, given, message):
    """Names and values are checked before anything is computed."""
    with pytest.raises(ParameterError, match=message):
        call(**given)


def test_mistakes_in_a_table_are_told():
    """A bad value in a column is named as a keyword's is."""
    with pytest.raises(
        ParameterError, match=r"resident_share = 2 is not allowed: it takes a number from 0 to 1"
    ):
        migrate(pd.DataFrame({"resident_share": [0.5, 2]}))


@pytest.mark.parametrize("frame", [None, pd.DataFrame({"memory_gib": [1, 2, 3]})], ids=["keywords", "table"])
def test_lengths_that_do_not_fit_are_told_in_one_sentence(frame):
    """Two bandwidths for three machines: the names and lengths, in the study's own error."""
    given = {"bandwidth_gbps": [1, 2]} | ({} if frame is not None else {"memory_gib": [1, 2, 3]})
    with pytest.raises(ParameterError, match="bandwidth_gbps"):
        migrate(*([] if frame is None else [frame]), **given)


@pytest.mark.parametrize(
    ("column", "near"),
    [("bandwith_gbps", "bandwidth_gbps"), ("memory_gb", "memory_gib"), ("setup_ms", "setup_s")],
)
def test_misspelt_column_is_not_a_silent_default(column, near):
    """A column one letter away from a parameter is a mistake, as it is for a keyword."""
    with pytest.raises(ParameterError, match=f"no parameter '{column}'; did you mean '{near}'"):
        migrate(pd.DataFrame({column: [1, 10]}))


@pytest.mark.parametrize("column", ["site", "machine", "measured_total_s", "config_id", 0])
def test_labels_are_no_misspelt_parameters(column):
    """What is far from every parameter is a label and comes back."""
    assert column in migrate(pd.DataFrame({column: [1, 2]}))


def test_a_column_given_twice_is_told():
    """Two columns of one name are a user's mistake."""
    with pytest.raises(ParameterError, match=r"^the column 'memory_gib' is given twice$"):
        migrate(pd.DataFrame([[1, 2]], columns=["memory_gib", "memory_gib"]))


# --- every parameter counts ---------------------------------------------------------------

SHARED = {"network": "shared"}
SMALL_WINDOW = {"socket_buffer_kib": 64}
COMPRESSED = {"transport": "compression", "spare_cores": 1}
BUSY = {"dirty_pages_per_s": 1e5}
STUCK = {"dirty_pages_per_s": 3e5, "working_set_gib": 4, "stop_rule": "qemu", "last_target_ms": 4000} | {
    "target_steps": 8,
    "target_step_s": 10,
}
MATTERS = {
    "memory_gib": ({}, 8, 16),
    "resident_share": ({}, 0.5, 1),
    "extra_resident_mib": ({}, 0, 60),
    "top_content_share": ({"stop_rule": "qemu", "dirty_pages_per_s": 0}, 0, 1 / 64),
    "dirty_pages_per_s": ({}, 10, 1e5),
    "working_set_gib": (BUSY, 1, 2),
    "write_pattern": (BUSY, "uniform", "zipf"),
    "hot_page_share": (BUSY | {"write_pattern": "hotcold"}, 0.1, 0.2),
    "hot_write_share": (BUSY | {"write_pattern": "hotcold"}, 0.5, 0.9),
    "zipf_exponent": (BUSY | {"write_pattern": "zipf"}, 0.5, 1),
    "idle_dirty_pages_per_s": ({}, 0, 1000),
    "idle_working_set_mib": ({"idle_dirty_pages_per_s": 1000}, 1, 10),
    "bandwidth_gbps": ({}, 1, 10),
    "mtu_bytes": ({}, 1500, 9000),
    "header_bytes": ({}, 40, 52),
    "frame_overhead_bytes": ({}, 14, 38),
    "send_buffers": ({}, 16, 32),
    "receive_buffers": ({}, 16, 32),
    "receive_queues": ({"receive_buffers": 32, "streams": 4}, 1, 4),
    "round_trip_ms": (SMALL_WINDOW, 1, 100),
    "socket_buffer_kib": ({"round_trip_ms": 10}, 64, 1024),
    "congestion_control": ({"receive_buffers": 32}, "cubic", "bbr"),
    "send_moderation_us": ({"send_buffers": 32}, 50, 100),
    "send_delay_us": ({"send_buffers": 32}, 0, 100),
    "interrupt_moderation_us": ({"send_buffers": 32}, 50, 100),
    "receive_delay_us": ({"receive_buffers": 32}, 50, 100),
    "streams": ({"stream_limit_gbps": 2}, 1, 2),
    "stream_limit_gbps": ({}, 2, 4),
    "stream_limit_spread": ({"stream_limit_gbps": 8}, 0, 0.4),
    "adapter_limit_gbps": ({}, np.nan, 4.5),
    "send_ahead_mib": ({}, 0, 2.4),
    "transport": ({}, "tcpip", "smb_direct"),
    "bandwidth_limit_share": ({}, 0.5, 0.25),
    "smb_limit_share": ({"transport": "smb_direct"}, 0.25, 0.1),
    "adapters": ({"transport": "smb_direct", "smb_limit_share": 0.25}, 1, 2),
    "network": ({}, "dedicated", "shared"),
    "background_share": (SHARED, 0.1, 0.5),
    "compression_ratio": (COMPRESSED, 1.5, 3),
    "compress_gib_per_s_per_core": (COMPRESSED, 0.1, 0.3),
    "spare_cores": (COMPRESSED, 1, 2),
    "compressor_waits": (COMPRESSED, "no", "yes"),
    "pass_limit": (BUSY, 2, 3),
    "blackout_target_ms": (BUSY | {"stop_rule": "qemu"}, 100, 1000),
    "last_target_ms": (STUCK, 2000, 4000),
    "target_steps": (STUCK, 4, 8),
    "target_step_s": (STUCK, 10, 20),
    "give_up_after_s": (STUCK | {"stop_rule": "nova_pause", "dirty_pages_per_s": 6e5}, 30, 60),
    "write_processor_share": (STUCK | {"stop_rule": "qemu_autoconverge"}, 0.1, 1),
    "stop_rule": (BUSY, "hyperv", "qemu"),
    "page_header_bytes": ({}, 0, 8),
    "zero_page_bytes": ({}, 0, 9),
    "state_mib": ({}, 0, 100),
    "handoff_ms": ({}, 0, 100),
    "setup_s": ({}, 0, 1),
}
ELSEWHERE = {"background_burst_s"}
"""Spreads times, which is asked in studies/network.py; the mean that is computed here stays."""


def total(given):
    """The total time of one scenario."""
    return migrate(**given).total_s[0]


def test_no_parameter_is_forgotten_here():
    """Each is shown below to count, or known to count elsewhere."""
    assert {*MATTERS, *ELSEWHERE} == set(PARAMETERS)


@pytest.mark.parametrize("name", MATTERS)
def test_every_parameter_changes_the_answer(name):
    """Two values of it, two totals."""
    base, one, other = MATTERS[name]
    assert total(base | {name: one}) != total(base | {name: other})


def test_compression_is_a_transport_of_its_own():
    """With cores to spare it is faster than plain TCP/IP."""
    assert total({"transport": "compression"}) < total({"transport": "tcpip"})


@pytest.mark.parametrize("transport", ["smb", "smb_direct"])
def test_smb_passes_the_ceiling_of_one_stream(transport):
    """SMB has several connections, SMB Direct passes the host's cores: on 40 Gbit/s both beat one stream."""
    assert total({"transport": transport, "bandwidth_gbps": 40}) < total({"bandwidth_gbps": 40})


def test_connections_follow_the_transport():
    """One for TCP/IP and compression, four for SMB; a number given replaces them.

    With receive rings that never overflow.
    """
    given = {"bandwidth_gbps": 1000, "stream_limit_gbps": 2, "compression_ratio": 1, "receive_buffers": 4096}
    rows = migrate(**given, transport=["tcpip", "compression", "smb"])
    assert rows.goodput_gbps.tolist() == [2, 2, 8]
    assert migrate(**given, transport="smb", streams=3).goodput_gbps[0] == 6


def test_smb_direct_goes_past_the_host():
    """Two descriptors, a window of 1 KiB and a slow core hold TCP back, and leave RDMA its line."""
    host = {"send_buffers": 2, "receive_buffers": 2, "socket_buffer_kib": 1, "stream_limit_gbps": 0.1}
    rows = migrate(**host, transport=["smb", "smb_direct"])
    assert rows.goodput_gbps[0] < 0.2
    assert rows.goodput_gbps[1] == pytest.approx(10 * 1024 / (1024 + 44 + 38))
    limits = {"bandwidth_limit_share": 0.25, "network": "dedicated"}
    assert migrate(**host, **limits, transport="smb_direct").limited_by[0] == "bandwidth_limit"


def test_qemu_lifts_the_bandwidth_limit_in_phase_two():
    """1 GiB/s limited to a tenth: the residual of a forced stop goes ten times as fast as the passes.

    Hyper-V's limit holds on.
    """
    given = BARE | {"bandwidth_limit_share": 0.1, "dirty_pages_per_s": 1e6, "pass_limit": 1}
    rows = migrate(**given, stop_rule=["qemu", "hyperv"], handoff_ms=0, state_mib=0)
    assert rows.goodput_gbps.tolist() == pytest.approx([ONE_GIB_PER_S / 10] * 2)
    residual_gib = rows.residual_pages / PAGES_PER_GIB
    assert rows.blackout_s[0] == pytest.approx(residual_gib[0] - HEAD_START_S)
    assert rows.blackout_s[1] == pytest.approx(10 * residual_gib[1])


def test_pages_sent_ahead_take_no_time():
    """2.5 % of 1 GiB in the socket at once: the first pass is shorter by that, and by no more."""
    row = migrate(**BARE, dirty_pages_per_s=0, send_ahead_mib=[0, 25.6])
    assert row.brownout_s.tolist() == pytest.approx([1, 0.975])


# --- what holds for all -------------------------------------------------------------------

MACHINES = {
    "memory_gib": st.floats(0.01, 1024),
    "resident_share": st.floats(0.01, 1),
    "dirty_pages_per_s": st.just(0.0) | st.floats(0.1, 1e7),
    "working_set_gib": st.just(0.0) | st.floats(1e-4, 64),
    "write_pattern": st.sampled_from(WRITE_PATTERNS),
    "hot_page_share": st.just(0.0) | st.floats(PARAMETERS["hot_page_share"].least, 1),
    "hot_write_share": st.floats(0, 1),
    "zipf_exponent": st.floats(0, 2),
    "bandwidth_gbps": st.floats(0.05, 400),
    "receive_buffers": st.integers(16, 8192),
    "stream_limit_gbps": st.floats(1, 100),
    "transport": st.sampled_from(TRANSPORTS),
    "spare_cores": st.just(0.0) | st.floats(PARAMETERS["spare_cores"].least, 64),
    "network": st.sampled_from(NETWORKS),
    "state_mib": st.floats(0, 1000),
}
machines = st.fixed_dictionaries(MACHINES)


@fixed
@given(given=machines, rule=st.sampled_from(PLAIN_RULES), pass_limit=st.sampled_from([np.nan, 1, 7]))
def test_phases_add_up_and_nothing_is_negative(given, rule, pass_limit):
    """total = set-up + brownout + blackout; the stream is what the goodput carries in the two phases.

    With some ms more for QEMU's head start.
    """
    limit = 30 if rule == "qemu" and np.isnan(pass_limit) else pass_limit
    row = migrate(**given, stop_rule=rule, pass_limit=limit).iloc[0]
    assert row.total_s == pytest.approx(2 + row.brownout_s + row.blackout_s)
    numbers = row[[n for n in OUTCOMES if n not in ("limited_by", "stop_reason", "converged")]].astype(float)
    assert (numbers >= 0).all()
    assert not numbers.isna().any()
    assert row.blackout_s >= 0.2
    assert row.passes >= 1
    sending_s = row.total_s - 2 - 0.2
    gib_per_s = row.goodput_gbps * 1e9 / 8 / 2**30
    least, head_start = sending_s * gib_per_s, HEAD_START_S * gib_per_s if rule == "qemu" else 0
    assert least * (1 - 1e-6) <= row.stream_gib <= (least + head_start) * (1 + 1e-6)
    assert row.wire_gib >= row.stream_gib
    assert row.memory_sent_gib >= given["memory_gib"] * given["resident_share"] * (1 - 1e-12)


@fixed
@given(given=machines, rule=st.sampled_from(["hyperv", "hyperv_2008r2"]), factor=st.floats(1, 20))
def test_more_bandwidth_never_takes_longer_under_hyperv(given, rule, factor):
    """Brownout and total never grow; the blackout by no more than the one page that may be left unsent.

    r_i shrinks with the rate in every pass, so the passes are no more than before. Passes end with
    less than one page left: an earlier end may leave more of that page for the pause.
    """
    pair = migrate(
        **given | {"bandwidth_gbps": [given["bandwidth_gbps"], given["bandwidth_gbps"] * factor]},
        stop_rule=rule,
    )
    slow, fast = pair.iloc[0], pair.iloc[1]
    page_s = 1 / (fast.memory_rate_gib_per_s * PAGES_PER_GIB)
    assert fast.total_s <= slow.total_s * (1 + 1e-12)
    assert fast.brownout_s <= slow.brownout_s * (1 + 1e-12)
    assert fast.blackout_s <= slow.blackout_s * (1 + 1e-12) + page_s
    assert fast.passes <= slow.passes


@fixed
@given(given=machines, factor=st.floats(1, 20))
def test_more_bandwidth_never_takes_longer_under_xen_unless_the_volume_ended_it(given, factor):
    """A migration that Xen did not give up for its volume is never slower on a faster link.

    One that it did give up may be: sending less in each pass, the faster one may be allowed one
    pass more (the next test shows it).
    """
    pair = migrate(
        **given | {"bandwidth_gbps": [given["bandwidth_gbps"], given["bandwidth_gbps"] * factor]},
        stop_rule="xen",
    )
    slow, fast = pair.iloc[0], pair.iloc[1]
    if slow.stop_reason != "sent_limit":
        assert fast.stop_reason != "sent_limit"
        assert fast.total_s <= slow.total_s * (1 + 1e-12)
    else:
        assert fast.memory_sent_gib <= slow.memory_sent_gib * (1 + 1e-12) or fast.passes > slow.passes


def test_xen_may_take_longer_on_a_faster_link():
    """The exact place: dirtying l of what is sent, four passes send 1 + l + l^2 + l^3 of the memory.

    That is 3 at l = 0.8105: at 0.811 four passes exceed it, at 0.8094 (link 0.2 % faster) it takes five.
    """
    rate = 262144.0
    pair = migrate(
        **BARE | {"bandwidth_gbps": [ONE_GIB_PER_S, ONE_GIB_PER_S * 1.002]},
        dirty_pages_per_s=0.811 * rate,
        stop_rule="xen",
    )
    assert pair.passes.tolist() == [4, 5]
    assert set(pair.stop_reason) == {"sent_limit"}
    assert pair.brownout_s[1] > pair.brownout_s[0]
    assert pair.converged.tolist() == [False, False]


@fixed
@given(given=machines, factor=st.floats(1, 20))
def test_more_bandwidth_takes_at_most_one_check_a_pass_longer_under_qemu(given, factor):
    """A faster link may take longer, by at most 61 ms for each of its passes, and never stops converging.

    Passes end at checks 61 ms apart, up to one check later than the target was met. How much less
    than the target is then left is a matter of how the checks fall; with little less, short passes
    of one check each follow until it is. Without dirtying no such pass follows and time never grows.
    """
    pair = migrate(
        **given | {"bandwidth_gbps": [given["bandwidth_gbps"], given["bandwidth_gbps"] * factor]},
        stop_rule="qemu",
    )
    slow, fast = pair.iloc[0], pair.iloc[1]
    if slow.stop_reason == "endless":
        return
    assert fast.stop_reason != "endless"
    allowed = 0.061 * fast.passes if given["dirty_pages_per_s"] * given["working_set_gib"] else 0
    assert fast.total_s <= slow.total_s * (1 + 1e-12) + allowed


def test_qemu_may_take_longer_on_a_faster_link():
    """The exact place, where checks fall differently: 10,000 pages, S = 300, 50 pages dirtied in any pass.

    At 1,000 pages a second (10,000 - 300) / 61 = 159.02, so 160 checks leave 240 pages, which with
    50 (1 - 240 / 10,000) = 48.8 more are below S: one pass. On a link 0.02 % faster (10,000 - 300.06)
    / 61.0122 = 158.98: 159 checks leave 299.06 pages, 48.505 more are above S, and a pass of one check
    sends 61.0122 of the 347.565. It leaves 286.553, among them 0.82446 of the 50; the others are hit again,
    8.777. So after 160 checks here too 295.33 pages remain and not 288.8: 6.5 ms more.
    """
    pages = 1 / PAGES_PER_GIB
    rate = 1000 * pages * ONE_GIB_PER_S
    given = BARE | {"memory_gib": 10_000 * pages, "working_set_gib": 50 * pages}
    given |= {"bandwidth_gbps": [rate, rate * 1.0002], "dirty_pages_per_s": 1000, "state_mib": 0}
    pair = migrate(**given, stop_rule="qemu")
    assert pair.passes.tolist() == [1, 2]
    assert pair.total_s[0] == pytest.approx(2.2 + 10.0488 - HEAD_START_S)
    assert pair.total_s[1] - pair.total_s[0] == pytest.approx(295.33 / 1000.2 - 0.2888, abs=1e-5)


@fixed
@given(given=machines, rule=st.sampled_from(["hyperv", "hyperv_2008r2"]), factor=st.floats(1, 100))
def test_more_dirtying_never_sends_less_under_hyperv(given, rule, factor):
    """Memory sent, total time and passes never shrink when the guest writes faster."""
    pair = migrate(
        **given | {"dirty_pages_per_s": [given["dirty_pages_per_s"], given["dirty_pages_per_s"] * factor]},
        stop_rule=rule,
    )
    calm, busy = pair.iloc[0], pair.iloc[1]
    for name in ("memory_sent_gib", "stream_gib", "total_s", "passes", "brownout_s"):
        assert busy[name] >= calm[name] * (1 - 1e-12), name


OVERFLOWING = dict.fromkeys(("dirty_pages_per_s", "working_set_gib", "hot_page_share", "hot_write_share",
                             "zipf_exponent", "spare_cores", "state_mib"), 0.0) | {
    "memory_gib": 1.0, "resident_share": 1.0, "write_pattern": "uniform", "bandwidth_gbps": 2.0,
    "receive_buffers": 16, "stream_limit_gbps": 1.0, "transport": "smb", "network": "dedicated"}  # fmt: skip
"""Found by Hypothesis: at 1.4 Gbit/s the ring of 16 buffers loses less, and the link carries 0.3 % more."""


@fixed
@example(given=OVERFLOWING, factor=1.0)
@given(given=machines, factor=st.floats(1, 10))
def test_other_traffic_never_helps_and_cores_never_hurt_under_hyperv(given, factor):
    """A shared network is never faster than a dedicated one, and more spare cores never take longer.

    Not so where the receive ring binds: what the whole line lets through may overflow it, and TCP slows
    down for a loss.
    """
    both = migrate(**given | {"network": ["dedicated", "shared"]})
    alone, shared = both.total_s
    if both.limited_by[0] != "receive_buffers":
        assert alone <= shared * (1 + 1e-12)
    more, fewer = migrate(
        **given | {"spare_cores": [given["spare_cores"] * factor, given["spare_cores"]]}
    ).total_s
    assert more <= fewer * (1 + 1e-12)
