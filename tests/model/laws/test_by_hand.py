"""Single laws by hand, where a whole migration would hardly show a fault: limits, marks, clocks, loops."""

import math
from decimal import Decimal
from itertools import pairwise

import numpy as np
import pytest
from scipy import special as scipy_special

from analysis.model import migration
from analysis.model.laws import changing, compression, link, memory, one, passes, rings, special
from analysis.model.laws.scenario import coded, scenarios
from analysis.model.stop_rules import STOP_RULES
from analysis.parameters import STOP_RULES as NAMES
from tests.model import twin

CARRIES_ALL = {
    "stream_limit_gbps": 1e6,
    "stream_limit_spread": 0,
    "socket_buffer_kib": 1e9,
    "receive_buffers": 1e5,
}
CARRIES_ALL |= {"send_buffers": 1e5, "header_bytes": 0, "frame_overhead_bytes": 0, "mtu_bytes": 1500}


def asked(**values):
    """One scenario with defaults where nothing is said."""
    return next(scenarios(migration.filled(**values)))


def ceilings(**values):
    """Every ceiling by its name."""
    filled, p = one.work().ceilings, asked(**CARRIES_ALL | values)
    link.goodput(p, p.bandwidth_limit_share, filled)
    return dict(zip(link.CEILINGS, filled, strict=True))


def changes(**places):
    """The list of a rule that changes, all 0 but for some places by their names."""
    c = [0.0] * changing.CHANGES
    for name, value in places.items():
        c[getattr(changing, name)] = value
    return c


# --- special functions and codes ------------------------------------------------------------------


def test_the_polynomial_is_what_its_recipe_gives():
    """Made anew from fractions and the C library, the terms of the module are the same."""
    assert special._series() == pytest.approx(special._SERIES, rel=1e-12)
    for x in (0.0, 0.5, 1.0, 3.999, 4.0, 6.0, 30.0):
        assert special._scaled(x) == pytest.approx(scipy_special.erfcx(x), rel=3e-14)
    assert special.ndtr(1.0) == pytest.approx(0.8413447460685429, rel=1e-14)
    assert special.erfcx(1e16) == pytest.approx(5.641895835477563e-17, rel=1e-15)
    assert special.erfcx(math.inf) == 0
    assert (special.ndtr(-39.0), special.ndtr(39.0)) == (0.0, 1.0)


def test_fields_of_rules_stand_by_their_codes():
    """What the laws keep of the table of rules is the table's, in the order of their names."""
    for law in (passes, changing):
        assert law._of_each("target_ms") == tuple(float(STOP_RULES[name].target_ms) for name in NAMES)
        assert sum(law._of_each("target_ends_passes")) == sum(STOP_RULES[n].target_ends_passes for n in NAMES)


def test_words_for_all_rows_are_coded_once():
    """A word that holds for all rows stays one number, laid over as many."""
    codes = coded("transport", np.broadcast_to(np.array(["smb"], object), 5))
    assert codes.tolist() == [2.0] * 5
    assert codes.strides == (0,)


# --- the link ---------------------------------------------------------------------------------------


def test_a_limit_on_smb_counts_all_adapters_and_holds_smb_alone():
    """0.3 of the line for each of two adapters leaves SMB 0.6 of it, over RDMA too; TCP/IP has no limit."""
    for transport in ("smb", "smb_direct"):
        found = ceilings(transport=transport, smb_limit_share=0.3, adapters=2)
        assert found["bandwidth_limit"] == pytest.approx(0.6 * found["line_rate"])
        assert ceilings(transport=transport, smb_limit_share=0.5, adapters=2)["bandwidth_limit"] == math.inf
    assert ceilings(transport="tcpip", smb_limit_share=0.3, adapters=2)["bandwidth_limit"] == math.inf


def test_the_first_of_equally_low_ceilings_binds():
    """Within half a per cent of the lowest, that share included, the first named; beyond it the lowest."""
    assert link.binding([1.0 * (1 + link.TIE), 1.0], 1.0) == 0
    assert link.binding([1.0051, 1.0], 1.0) == 1


def test_one_value_holds_for_every_scenario():
    """A column of one value beside one of two: both scenarios have it."""
    made = list(scenarios({"memory_gib": np.array([4.0]), "bandwidth_gbps": np.array([1.0, 10.0])}))
    assert [(p.memory_gib, p.bandwidth_gbps) for p in made] == [(4, 1), (4, 10)]


def test_compression_at_its_limits():
    """Endless link and cores are endless and compress nothing; without cores nothing is compressed."""
    for waits in range(3):
        assert compression.compressed_rate(math.inf, 2.0, math.inf, 1.0, waits) == (math.inf, 1.0)
    assert compression.compressing_rate(math.inf, 0.0) == 0.0
    assert compression.compressed_rate(1.0, 2.0, 1.0, 0.0, 0) == (1.0, 1.0)
    assert compression.compressed_rate(1.0, 2.0, 1.0, 0.0, 1) == (0.0, 1.0)
    assert compression.compressed_rate(0.0, 2.0, 1.0, 0.0, compression.IN_TURN) == (0.0, 1.0)
    # Link and cores alike, each would give 2: in turn they give 2 * 2**(-1/4).
    in_turn = compression.compressed_rate(1.0, 2.0, 2.0, 1.0, compression.IN_TURN)
    assert in_turn == pytest.approx((2 * 2**-0.25, 2.0))


def test_integral_of_arrivals_keeps_its_digits():
    """(D^2)(x - 1 + exp(-x)) for x just below a thousandth, where it is a series, beside 40 digits."""
    x = Decimal("0.0009")
    exact = float(x - 1 + (-x).exp())
    assert rings._arrivals_up_to(0.0009 * 7, 0.0, 7.0) == pytest.approx(49 * exact, rel=1e-10)


def test_a_path_as_long_as_the_moderation_waits_for_the_next_interrupt():
    """Packets come back a packet's time after the ring was emptied: the twin's integrals, to 1e-7."""
    path = 0.2e-3
    law = rings.receive_ring(64, 1e5, path, 1e-4, path, 1, *rings.AIMD["reno"])
    assert law == pytest.approx(twin.receive_ring(64, 1e5, path, 1e-4, path, 1, "reno"), rel=1e-7)


def test_what_is_sent_ahead_by_hand():
    """2 MiB ahead are 512 pages; 1,000 zero pages of 8 bytes cost 8000 / 4096 of them, compressed or not."""
    p = asked(
        send_ahead_mib=2, page_header_bytes=0, zero_page_bytes=8, memory_gib=2000 / 2**18, resident_share=0.5,
        extra_resident_mib=0,
    )  # fmt: skip
    assert memory.ahead_pages(p, math.inf, 1.0, math.inf) == pytest.approx(512 - 8000 / 4096)
    assert memory.ahead_pages(p, 1e9 / 8 / 4096, 1.0, 1.0) == pytest.approx(512 - 8000 / 4096)
    assert memory.ahead_pages(p, math.inf, 2.0, math.inf) == pytest.approx(1024 - 16000 / 4096)


# --- memory and passes --------------------------------------------------------------------------------


@pytest.mark.parametrize("pages", [3.5, 16.0, 16.3, 20.0, 1e6])
def test_zipf_classes_hold_every_page_and_write(pages):
    """However few pages: the classes' sizes add up to the working set, their writes to the guest's."""
    p = asked(write_pattern="zipf", working_set_gib=pages / 2**18, memory_gib=16, zipf_exponent=0.9)
    w = one.work()
    n = memory.fill_classes(p, w.rates, w.sizes)
    assert sum(w.sizes[: n - 1]) == pytest.approx(pages)
    assert sum(w.rates[: n - 1]) == pytest.approx(p.dirty_pages_per_s)
    assert w.rates[n - 1] == p.idle_dirty_pages_per_s


def test_what_takes_how_long():
    """Half a page a second: two seconds for one. At no rate nothing takes no time, something for ever."""
    assert passes.over(1, 0.5) == 2
    assert (passes.over(0, 0), passes.over(1e-9, 0)) == (0, math.inf)


def test_distinct_pages_by_hand():
    """100 pages met at random by 50 writes: 100 (1 - exp(-1/2)); in turn 50, and never more than all."""
    m = [0.0] * passes.MACHINE
    assert passes.distinct_pages(m, [10.0], [100.0], 1, 5.0) == pytest.approx(100 * (1 - math.exp(-0.5)))
    m[passes.CYCLIC] = 1.0
    assert passes.distinct_pages(m, [10.0], [100.0], 1, 5.0) == pytest.approx(50)
    assert passes.distinct_pages(m, [10.0], [100.0], 1, 50.0) == 100
    assert passes.distinct_pages(m, [10.0, 10.0], [0.0, 0.5], 2, 50.0) == pytest.approx(0.5)


def test_marks_stand_at_powers_of_two():
    """Brent: passes 1, 2, 4 and 8 are marks; only from the second on is what was left remembered."""
    p, w = asked(dirty_pages_per_s=1e6, bandwidth_gbps=1, stop_rule="hyperv_2008r2", pass_limit=9), one.work()
    n, seen, left = one.start(p, w), [], []
    one._begin(p, w, n)
    for _ in range(9):
        left.append(w.state[passes.LEFT])
        passes.make_pass(p, w.machine, w.changes, w.rates, w.sizes, w.state, w.waiting, w.marked, n)
        seen.append((w.state[passes.AT_MARK], w.state[passes.MARKED]))
    assert [mark for mark, _ in seen] == [1, 2, 2, 4, 4, 4, 4, 8, 8]
    # A mark is set before its pass: what the pass before it left.
    assert [seen[k][1] for k in (0, 1, 3, 7)] == [-1.0, left[1], left[3], left[7]]


def came_back(left, marked, rose=0.0, number=5.0, moved=0.0):
    """Whether a migration with one class of pages is taken for back at its mark."""
    state = [0.0] * passes.STATE
    state[passes.PASS], state[passes.LEFT], state[passes.MARKED], state[passes.ROSE] = (
        number,
        left,
        marked,
        rose,
    )
    return passes._came_back(state, [0.5 + moved], [0.5], 1)


def test_a_loop_is_told_by_what_is_left():
    """To a billionth, or to a ten-thousandth where it rose meanwhile; not in the first pass."""
    assert came_back(1e6, 1e6)
    assert not came_back(1e6 + 1, 1e6)
    assert came_back(1e6 + 90, 1e6, rose=1.0)
    assert not came_back(1e6 + 110, 1e6, rose=1.0)
    assert not came_back(1e6, 1e6, number=1.0)
    assert not came_back(1e6, 1e6, moved=1e-8)
    assert came_back(1e-9, 0.0)


def test_creeping_is_told_by_the_pace_since_the_mark():
    """From pass 11 to 18, 8 passes, 80 pages fewer: 10 a pass, 199,820 in all the passes that may be made."""
    state = [0.0] * passes.STATE
    state[passes.PASS], state[passes.AT_MARK], state[passes.LEFT], state[passes.MARKED] = (
        18,
        11,
        1e6,
        1e6 + 80,
    )
    most = 10 * (passes.ENDLESS_PASSES - 18)
    assert passes._creeps(state, most + 1)
    assert not passes._creeps(state, most)
    state[passes.PASS] = 17
    assert not passes._creeps(state, 1e9)


@pytest.mark.parametrize(
    "rule", ["kubevirt_stall", "kubevirt_ramp", "nova", "proxmox", "qemu_autoconverge", "qemu"]
)
def test_what_is_followed_is_the_migration(rule):
    """Passes and repeated ones follow each other without a gap, count up, and add up to what is told."""
    p = asked(
        stop_rule=rule, dirty_pages_per_s=3e5, working_set_gib=0.5, memory_gib=2, bandwidth_gbps=3, streams=4,
        write_pattern="sequential", idle_dirty_pages_per_s=0, give_up_after_s=60, zero_page_bytes=0,
    )  # fmt: skip
    log, told = [], None
    told = one.followed(p, one.work(), log)
    assert told == one.migrated(p, one.work())
    for before, after in pairwise(log):
        assert after.start_s == pytest.approx(before.start_s + before.duration_s, rel=1e-9)
        assert after.number > before.number
    assert log[0].start_s == 0
    assert log[-1].number in (told.passes, told.passes + 1)
    assert log[-1].remaining_pages == told.residual_pages
    if told.stop_reason != passes.CANCELLED:
        assert sum(each.duration_s for each in log) == pytest.approx(told.brownout_s, rel=1e-9)
        sent = sum(each.sent_pages for each in log)
        assert (sent + told.residual_pages) / 2**18 == pytest.approx(told.memory_sent_gib, rel=1e-9)
    assert all(each.sent_pages > 0 for each in log)


# --- a rule that changes ----------------------------------------------------------------------------


def test_a_target_below_a_millisecond_counts():
    """Half a millisecond at 1e6 pages a second is 500 pages; without a target none, even endlessly fast."""
    assert changing.target_pages(changes(FIRST_MS=0.5), 1e6, 0.0) == 500
    assert changing.target_pages(changes(), math.inf, 0.0) == 0


def test_the_throttle_looks_each_second_and_acts_at_the_second_time():
    """More than half of what was sent is dirty: nothing at 0.9 s and at 1 s, the first throttle at 2 s."""
    c = changes(FIRST_THROTTLE=0.2, MORE_THROTTLE=0.1)
    changing._look(c, 0.5, 60, 30)
    changing._look(c, 0.9, 40, 21)
    assert (c[changing.LOOKED_S], c[changing.LOOK_SENT], c[changing.LOOK_DIRTIED]) == (0, 100, 51)
    changing._look(c, 1.0, 100, 50)
    assert (c[changing.LOOKED_S], c[changing.LOOK_SENT], c[changing.LOOK_DIRTIED]) == (1, 0, 0)
    assert (c[changing.HIGH], c[changing.THROTTLE], c[changing.QUIET]) == (1, 0, 0)
    changing._look(c, 2.0, 100, 51)
    assert (c[changing.HIGH], c[changing.THROTTLE]) == (0, 0.2)
    changing._look(c, 3.0, 100, 50)
    assert (c[changing.HIGH], c[changing.QUIET]) == (0, 1)
    for second in (4.0, 5.0):
        changing._look(c, second, 100, 51)
    assert c[changing.THROTTLE] == pytest.approx(0.3)


def test_a_stalled_migration_first_tries_its_last_target():
    """KubeVirt: stalled for 40 s with little enough left the target is raised, once; then it gives up."""
    c = changes(
        GIVE_UP_S=1e3, GIVE_UP_PASS=math.inf, STALL_S=40, RAISES=1, LAST_MS=1000, BEST=900.0, BEST_S=5
    )
    assert not changing.gives_up(c, 3, 44.9, 950, 600)
    assert c[changing.GROWN] == 0
    assert not changing.gives_up(c, 4, 45, 900, 600)  # 1.5 times 600 a second for a second
    assert (c[changing.GROWN], c[changing.BEST_S]) == (1, 45)
    assert changing.gives_up(c, 5, 85, 900, 600)
    too_much = changes(GIVE_UP_S=1e3, GIVE_UP_PASS=math.inf, STALL_S=40, RAISES=1, LAST_MS=1000, BEST=900.0)
    assert changing.gives_up(too_much, 4, 45, 901, 600)
    assert changing.gives_up(changes(GIVE_UP_S=10, STALL_S=1e9, GIVE_UP_PASS=1e9, BEST=1e9), 1, 10, 5, 1)
    assert changing.gives_up(changes(GIVE_UP_S=1e9, STALL_S=1e9, GIVE_UP_PASS=7, BEST=1e9), 7, 10, 5, 1)


def test_what_is_remembered_as_least_is_less_by_a_share_and_a_page():
    """Of 1,000 with a share of 4 %: 959 is not less by enough, 958.9 is."""
    c = changes(GIVE_UP_S=1e3, GIVE_UP_PASS=math.inf, STALL_S=1e3, STALL_SHARE=0.04, BEST=1000.0)
    changing.gives_up(c, 3, 7, 959, 1)
    assert (c[changing.BEST], c[changing.BEST_S]) == (1000, 0)
    changing.gives_up(c, 3, 8, 958.9, 1)
    assert (c[changing.BEST], c[changing.BEST_S]) == (958.9, 8)


def test_a_loop_is_counted_as_often_as_it_fits():
    """A loop of 2 passes in 4 s, closed at 10 s, fits twice before 19 s; where it just fits, once less."""
    c = changes(MARK_S=6, MARK_SENT=100, GIVE_UP_S=19, STALL_S=1e9, THROTTLE=0.25, SLOWED_S=1)
    changing.repeat(c, 10, 180, 2)
    assert (c[changing.SKIPPED_S], c[changing.SKIPPED_SENT], c[changing.REPEATED]) == (8, 160, 4)
    assert (c[changing.MARK_S], c[changing.MARK_SENT], c[changing.SLOWED_S]) == (14, 260, 3)
    full = changes(MARK_S=6, MARK_SENT=100, GIVE_UP_S=18, STALL_S=1e9)
    changing.repeat(full, 10, 180, 2)
    assert full[changing.REPEATED] == 2
    still = changes(MARK_S=10, GIVE_UP_S=19, STALL_S=1e9)
    changing.repeat(still, 10, 180, 2)
    assert still[changing.REPEATED] == 0
    quick = changes(MARK_S=9.5, GIVE_UP_S=12, STALL_S=1e9)
    changing.repeat(quick, 10, 180, 1)
    assert quick[changing.REPEATED] == 3


def test_a_rule_is_settled_when_passes_change_it_no_more():
    """A doubling target when it is the last one; a throttle, as at the mark, at its end or idle."""
    doubling = {"FIRST_MS": 100, "LAST_MS": 400, "RISES": 5}
    assert [changing.settled(changes(GROWN=k, **doubling)) for k in (1, 2)] == [False, True]
    fixed = {"RISES": math.inf, "FIRST_THROTTLE": 0.2}
    assert not changing.settled(changes(**fixed))
    assert changing.settled(changes(QUIET=1, **fixed))
    assert not changing.settled(changes(THROTTLE=0.99, MARK_THROTTLE=0.9, **fixed))
    assert changing.settled(changes(THROTTLE=0.99, MARK_THROTTLE=0.99, **fixed))
    assert changing.settled(changes(RISES=math.inf))


def test_the_clock_has_one_next_change():
    """A step each 10 s from 5 s on: after two of three the next is at 35 s; then only giving up is left."""
    c = changes(SINCE_S=5, STEPS=3, EVERY_S=10, GIVE_UP_S=100, STALL_S=70, BEST_S=20)
    assert [changing.next_change_s(c, at) for at in (0, 15, 25, 35)] == [15, 25, 35, 90]
    c[changing.GROWN] = 1
    assert changing.next_change_s(c, 0) == 90
