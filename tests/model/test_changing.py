"""Stop rules that change while pre-copy runs: every way against the others, a twin, and numbers by hand."""

import numpy as np
import pandas as pd
import pytest

from analysis import migrate, passes
from analysis.model import migration
from analysis.model.engine import Way
from analysis.model.laws import one
from analysis.model.stop_rules import LIMITS_IN_TIME
from analysis.model.stop_rules import STOP_RULES as PRESETS
from analysis.parameters import defaults
from tests.model import twin
from tests.scenarios import CHANGING_RULES as CHANGING

ROWS = 500
OUTCOMES = list(one.Outcome._fields)

# A machine of 2 GiB of content that the link sends in 20 s, with nothing else that takes time.
BARE = {
    **{"memory_gib": 2, "resident_share": 1, "top_content_share": 0, "idle_dirty_pages_per_s": 0},
    **{"bandwidth_gbps": 0.859, "header_bytes": 0, "frame_overhead_bytes": 0, "page_header_bytes": 0},
    **{"stream_limit_gbps": 1e6, "socket_buffer_kib": 1e9, "state_mib": 0, "handoff_ms": 0, "setup_s": 0},
    **{"send_buffers": 100_000, "receive_buffers": 100_000, "zero_page_bytes": 0, "transport": "tcpip"},
}
RATE = 0.859e9 / 8 / 4096


def drawn(rows, seed):
    """Random machines under every rule that changes, with times short enough for a twin to wait for."""
    rng = np.random.default_rng(seed)

    def spread(low, high):
        return 10 ** rng.uniform(np.log10(low), np.log10(high), rows)

    def some(share, values):
        return np.where(rng.random(rows) < share, values, np.nan)

    return pd.DataFrame(
        {
            "memory_gib": spread(0.1, 4),
            "resident_share": rng.uniform(0, 1, rows),
            "top_content_share": rng.choice([0, 1 / 64, 0.2], rows),
            "bandwidth_gbps": spread(0.3, 5),
            "dirty_pages_per_s": spread(1e4, 4e5),
            "working_set_gib": spread(0.1, 3),
            "write_pattern": rng.choice(["uniform", "hotcold", "sequential"], rows),
            "send_ahead_mib": rng.choice([0, 2.4, 64], rows),
            "stop_rule": rng.choice([*CHANGING, "qemu_autoconverge", "qemu", "hyperv"], rows),
            "pass_limit": some(0.1, 6),
            "blackout_target_ms": some(0.2, spread(10, 1000)),
            "last_target_ms": some(0.3, spread(100, 4000)),
            "target_steps": some(0.3, rng.integers(0, 12, rows)),
            "target_step_s": some(0.8, spread(0.05, 5)),
            "give_up_after_s": some(0.5, spread(2, 30)),
            "write_processor_share": rng.choice([0, 0.02, 0.5, 1], rows),
            "bandwidth_limit_share": rng.choice([1, 0.6], rows),
        }
    )


def by_twin(row):
    """The twin's outcomes for a row, what is left to the rule told by None."""
    given = defaults() | row.to_dict()
    return twin.migrate(
        **{n: None if isinstance(v, float) and np.isnan(v) else v for n, v in given.items()},
        receive=lambda buffers, rate, *_: rate,
    )


@pytest.fixture(scope="module")
def table():
    """Random migrations on links whose rings lose nothing, with the outcomes of the laws as they stand."""
    asked = drawn(ROWS, 20_261_130).assign(send_buffers=100_000, receive_buffers=100_000)
    return asked.join(pd.DataFrame(migration.evaluate(migration.filled(asked), Way("plain"))))


def test_every_rule_ends_in_its_ways(table):
    """The comparisons mean something: all these rules' reasons are among the rows, often enough."""
    counts = pd.Series(np.array(one.passes.REASONS)[table.stop_reason]).value_counts()
    assert set(counts.index) >= {
        "nothing_left",
        "target_met",
        "pass_limit",
        "post_copy",
        "cancelled",
        "time_up",
    }
    assert counts[["target_met", "post_copy", "cancelled", "time_up"]].min() >= 10
    assert (table.throttled_share > 0).sum() > 10
    assert table.groupby("stop_rule").size().min() > 20


@pytest.mark.parametrize("way", ["laws", pytest.param("compiled", marks=pytest.mark.nightly)])
def test_rows_keep_their_order_by_every_way(table, way):
    """Rows of all rules mixed come out as the plain laws have them, to 1e-12 and in their order."""
    found = migration.evaluate(migration.filled(table.drop(columns=OUTCOMES)), Way(way))
    for name, column in found.items():
        np.testing.assert_allclose(
            np.asarray(column, float), table[name].astype(float), rtol=1e-12, atol=1e-12, err_msg=name
        )


def test_twin_agrees(table):
    """An independent account, pass by pass and look by look, gives the same outcomes to 1e-9.

    Of one without end only that it is; the last pass before giving up may have been cut in two by rounding.
    """
    asked = table[table.passes < 400].head(200)
    due = pd.DataFrame([by_twin(row) for _, row in asked.drop(columns=OUTCOMES).iterrows()])
    ends = asked.stop_reason.ne(one.passes.ENDLESS).to_numpy()
    assert (np.array(one.passes.REASONS)[asked.stop_reason] == due.stop_reason)[ends].all()
    assert due.stop_reason[~ends].isin(["endless", "unfinished"]).all()
    assert ends.sum() > 150
    rest = ["converged", "brownout_s", "total_s", "throttled_share", "post_copy_s", "memory_sent_gib"]
    for name in rest:
        pd.testing.assert_series_equal(
            asked[name][ends].astype(float), due[name].set_axis(asked.index)[ends].astype(float), rtol=1e-9
        )
    stays = ends & asked.stop_reason.ne(one.passes.CANCELLED).to_numpy()
    np.testing.assert_allclose(asked.passes[stays], due.passes[stays], atol=1)
    np.testing.assert_allclose(asked.blackout_s[stays], due.blackout_s[stays], rtol=1e-9)


@pytest.mark.parametrize("rule", [rule for rule in CHANGING if not rule.startswith("nova_")])
def test_passes_add_up(rule):
    """The passes listed, loops counted as one, add up to phase one and to what was sent."""
    row = {"stop_rule": rule, "dirty_pages_per_s": 4e5, "working_set_gib": 1, "memory_gib": 4} | {
        "bandwidth_gbps": 4, "zero_page_bytes": 0,
    }  # fmt: skip
    told, made = migrate(**row).iloc[0], passes(**row)
    if told.stop_reason != "cancelled":
        assert made.duration_s.sum() == pytest.approx(told.brownout_s, rel=1e-9)
        assert made.pass_number.is_monotonic_increasing
        assert made.pass_number.iloc[-1] in (told.passes, told.passes + 1)
    assert made.start_s.iloc[1:].to_numpy() == pytest.approx(
        (made.start_s + made.duration_s).iloc[:-1].to_numpy(), rel=1e-9
    )


def test_target_that_grows_by_the_clock_ends_a_plateau():
    """By hand: 0.4 GiB written in turn at nearly the link's rate stays; the fourth step ends it."""
    writes = {"write_pattern": "sequential", "dirty_pages_per_s": 0.999 * RATE, "working_set_gib": 0.4}
    left_s = 0.4 * 2**18 / RATE
    row = migrate(
        **BARE | writes, stop_rule="qemu", blackout_target_ms=100, last_target_ms=10_100, target_steps=10,
        target_step_s=30,
    ).iloc[0]  # fmt: skip
    steps = int(np.ceil((left_s - 0.1) / 1))
    assert row.stop_reason == "target_met"
    assert row.brownout_s == pytest.approx(steps * 30, abs=left_s + 0.061)
    assert row.residual_pages <= RATE * (0.1 + steps)


def test_given_up_in_the_middle_of_a_pass():
    """By hand: 5 of the first pass's 20 s go by; a quarter was sent, and the rest follows the guest."""
    row = migrate(**BARE | {"dirty_pages_per_s": 0}, stop_rule="qemu_post_copy", give_up_after_s=5).iloc[0]
    assert (row.stop_reason, row.brownout_s, row.blackout_s) == ("post_copy", pytest.approx(5), 0)
    assert row.residual_pages == pytest.approx(2 * 2**18 - 5 * RATE)
    assert row.post_copy_s == pytest.approx(row.residual_pages / RATE)
    assert row.total_s == pytest.approx(2 * 2**18 / RATE)


@pytest.mark.parametrize(("rule", "word"), [("nova", "cancelled"), ("nova_pause", "time_up")])
def test_time_out_for_each_gib(rule, word):
    """A machine that never comes down is given up after 800 s for each of at least 2 GiB, and says how."""
    given = BARE | {"dirty_pages_per_s": 1e6, "working_set_gib": 1.5, "memory_gib": 1.5}
    row, made = migrate(**given, stop_rule=rule).iloc[0], passes(**given, stop_rule=rule)
    assert row.stop_reason == word
    assert (made.start_s + made.duration_s).iloc[-1] == pytest.approx(1600)
    assert row.brownout_s == (pytest.approx(1600) if word == "time_up" else np.inf)
    assert np.isfinite(row.total_s) == (word == "time_up")


def test_throttle_tightens_every_second_look_above_half():
    """By hand: passes of 20 s find more than half dirty, so from the second on each other one adds a step."""
    given = BARE | {"dirty_pages_per_s": 1e9, "working_set_gib": 2, "write_processor_share": 0}
    row = migrate(**given, stop_rule="qemu_autoconverge", pass_limit=6).iloc[0]
    # 20 % from the end of pass 2, 30 % from that of pass 4, 40 % while the limit's order is on its way.
    pass_s, late_s = 2 * 2**18 / RATE, 0.06
    held_s = (0.2 * 2 + 0.3 * 2) * pass_s + 0.4 * late_s
    assert row.throttled_share == pytest.approx(held_s / (6 * pass_s + late_s), rel=1e-4)


def test_throttle_slows_only_writing_that_needs_the_time():
    """Half a processor is enough up to a throttle of a half; a writer that needs it all is slowed at once."""
    given = BARE | {"dirty_pages_per_s": 0.8 * RATE, "write_pattern": "sequential", "working_set_gib": 1.9}
    given |= {"stop_rule": "qemu_autoconverge", "blackout_target_ms": 30}
    rows = migrate(**given, write_processor_share=[0.0, 0.5, 1.0])
    plain = migrate(**given | {"stop_rule": "qemu"}).iloc[0]
    assert rows.total_s[0] == pytest.approx(plain.total_s)
    assert rows.total_s[2] < rows.total_s[1] < rows.total_s[0]


def test_a_plateau_ends_once_the_last_throttle_bites():
    """Writing that needs 2 % of a processor is slowed by 99 % alone, when passes have long been alike.

    By hand: 0.4 GiB written in turn at 1.5 of the link's rate stay dirty, until 1 % of a processor leaves
    half of the writes: 0.75 of the rate, and what remains falls to a target.
    """
    given = BARE | {"write_pattern": "sequential", "working_set_gib": 0.4, "dirty_pages_per_s": 1.5 * RATE}
    given |= {"stop_rule": "qemu_autoconverge", "write_processor_share": 0.02}
    row, made = migrate(**given).iloc[0], passes(**given).dirtied_pages
    assert row.stop_reason == "target_met"
    assert made[6:19].to_numpy() == pytest.approx(made[18], rel=1e-3)
    assert made[19] == pytest.approx(0.75 * made[18], rel=1e-3)


def test_doubling_takes_six_rises():
    """By hand: passes of a second or more each count one rise, so the target doubles with every sixth."""
    given = BARE | {"dirty_pages_per_s": RATE, "write_pattern": "sequential", "working_set_gib": 0.5}
    row = migrate(**given, stop_rule="proxmox").iloc[0]
    left_s = 0.5 * 2**18 / RATE
    doublings = int(np.ceil(np.log2(left_s / 0.1)))
    assert row.stop_reason == "target_met"
    assert row.passes == pytest.approx(6 * doublings, abs=1)


@pytest.mark.parametrize("rule", CHANGING)
def test_rule_without_need_of_it_ends_as_qemu(rule):
    """An idle guest ends by any rule as by QEMU's own with the same first target."""
    given = {"dirty_pages_per_s": 0, "idle_dirty_pages_per_s": 0, "memory_gib": 4}
    target_ms = PRESETS[rule].target_ms
    row = migrate(**given, stop_rule=rule).iloc[0]
    plain = migrate(**given, stop_rule="qemu", blackout_target_ms=target_ms).iloc[0]
    assert (row.stop_reason, row.total_s) == ("target_met", pytest.approx(plain.total_s, rel=1e-12))


def test_sources_and_parameters_are_told():
    """Every rule tells its source; each of the parameters in time changes a rule that has none."""
    assert all(PRESETS[name].source for name in CHANGING)
    given = BARE | {"dirty_pages_per_s": 1e6, "stop_rule": "qemu", "give_up_after_s": 300}
    asked = {"last_target_ms": 20_000, "target_steps": 10, "target_step_s": 5}
    assert set(LIMITS_IN_TIME) == {*asked, "give_up_after_s"}
    assert migrate(**given).stop_reason[0] == "cancelled"
    assert migrate(**given, **asked).stop_reason[0] == "target_met"
