"""Many migrations at once: one alone is the model's own, shares are fair, passes answer to the share."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.errors import UserError
from analysis.model.laws.compression import WAIT_NORM
from analysis.model.laws.passes import REASONS
from analysis.model.migration import filled, migrate
from analysis.model.units import GBIT, GIB
from analysis.studies.drain import course
from analysis.studies.drain.orders import Bench, order_of
from analysis.studies.drain.placement import placed
from analysis.studies.drain.simulation import Extra, moves_of, outcome, simulate
from analysis.studies.drain.tables import CANCEL, GAVE_UP, PAUSE, Nodes, Policy
from tests.studies.drain.cases import PLAIN, machines, nodes, problem, random_drain

SECONDS_A_GIB = GIB * 8 / GBIT
"""Of a link of 1 Gbit/s without any overhead."""
FREE = PLAIN | {
    "frame_overhead_bytes": 0,
    "header_bytes": 0,
    "stream_limit_gbps": 1000,
    "receive_buffers": 1e6,
}


def pair(limit=100):
    """Two nodes with links that hold nothing."""
    limits = np.full(2, limit)
    return Nodes(np.full(4, 1e12), np.full(2, 1e9), limits, limits, np.zeros((1, 2), np.int64))


def alone(row):
    """One migration in the simulation."""
    one = np.zeros(1, np.int64)
    moves, found = moves_of(filled(row), one, one + 1, np.array([[0, 3, -1, -1]]), one - 1, Extra.none(1))
    ran = simulate(moves, pair(), one)
    return ran, outcome(ran, found, moves.moves).iloc[0]


def scenarios(count, seed):
    """Migrations over the width of the parameters."""
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "memory_gib": rng.uniform(0.5, 64, count),
            "dirty_pages_per_s": rng.choice([0, 1e3, 5e3, 2e4, 8e4, 3e5], count),
            "working_set_gib": rng.uniform(0.01, 8, count),
            "bandwidth_gbps": rng.choice([0.5, 1, 10, 25], count),
            "write_pattern": rng.choice(["uniform", "hotcold", "zipf", "sequential"], count),
            "transport": rng.choice(["tcpip", "compression", "smb", "smb_direct"], count),
            "compressor_waits": rng.choice(["no", "yes", "in_turn"], count),
            "spare_cores": rng.choice([0.5, 2, 8], count),
            "stop_rule": rng.choice(["hyperv", "qemu", "xen", "simgrid", "hyperv_2008r2"], count),
            "bandwidth_limit_share": rng.choice([1, 0.3], count),
            "idle_dirty_pages_per_s": rng.choice([0, 40], count),
            "send_ahead_mib": rng.choice([0, 2.4], count),
            "pass_limit": rng.choice([np.nan, 3], count),
            "resident_share": rng.uniform(0.05, 1, count),
        }
    )


@pytest.mark.parametrize("seed", range(3))
def test_one_machine_alone_is_what_the_model_says(seed):
    """Without sharing, times, pauses, passes, reasons and what binds are migrate()'s, to 1e-9."""
    table = scenarios(40, seed)
    wanted = migrate(table)
    ends = wanted.stop_reason != "endless"
    assert ends.sum() > 25
    for k in np.flatnonzero(ends):
        ran, found = alone(table.iloc[[k]])
        told = wanted.iloc[k]
        assert ran.makespan_s == pytest.approx(told.total_s, rel=1e-9)
        assert found.blackout_s == pytest.approx(told.blackout_s, rel=1e-9)
        for name in ("passes", "stop_reason", "converged", "limited_by"):
            assert found[name] == told[name]


def test_a_machine_that_never_ends_alone_is_given_up():
    """An endless migration does not run for ever in the simulation either: it is told as given up."""
    row = pd.DataFrame({"dirty_pages_per_s": [1e6], "working_set_gib": [8.0], "stop_rule": ["qemu"]})
    assert migrate(row).stop_reason[0] == "endless"
    ran, _ = alone(row)
    assert ran.given_up.all()
    assert not ran.ended.any()


@pytest.mark.parametrize("count", [1, 2, 3, 5])
def test_equal_machines_without_dirtying_share_as_processor_sharing(count):
    """n equal machines at once on one link all end after n times one machine's time."""
    plan = _first(problem(machines(count, memory_gib=2.0), nodes("ab", bandwidth_gbps=1.0), limit=9,
                          dirty_pages_per_s=0, **FREE))  # fmt: skip
    assert plan.ran.course.end_s == pytest.approx(np.full(count, count * 2 * SECONDS_A_GIB), rel=1e-6)


def test_unequal_machines_share_as_processor_sharing():
    """1, 2 and 3 GiB at once: the closed form of processor sharing, 3, 5 and 6 GiB's time."""
    plan = _first(problem(machines(3, memory_gib=[1.0, 2.0, 3.0]), nodes("ab", bandwidth_gbps=1.0), limit=9,
                          dirty_pages_per_s=0, **FREE))  # fmt: skip
    assert plan.ran.course.end_s == pytest.approx(np.array([3.0, 5.0, 6.0]) * SECONDS_A_GIB, rel=1e-6)


def _first(found, policy=None, queue=None):
    """The machines in the order of the inventory, as placed."""
    bench = Bench(found, policy or Policy(), compiled=False)
    order = order_of(found, "first") if queue is None else np.asarray(queue)
    return bench.plan("first", order, placed(found, order))


def test_a_machine_that_converges_alone_may_not_beside_five_others():
    """The share of the moment decides: five passes are enough alone, and not on a sixth of the link."""
    busy = {"memory_gib": 4.0, "dirty_pages_per_s": 20000.0, "working_set_gib": 2.0}
    one = _first(problem(machines(1, **busy), nodes("ab", bandwidth_gbps=2.0), limit=9))
    six = _first(problem(machines(6, **busy), nodes("ab", bandwidth_gbps=2.0), limit=9))
    assert one.ran.course.converged.all()
    assert not six.ran.course.converged.any()
    assert (six.ran.course.residual > 50 * np.maximum(one.ran.course.residual, 1)).all()


def test_who_loses_its_neighbours_catches_up():
    """A pass that began on half a link ends sooner once the neighbour has gone: between alone and half."""
    both = _first(problem(machines(2, memory_gib=[1.0, 8.0]), nodes("ab", bandwidth_gbps=1.0), limit=9,
                          dirty_pages_per_s=0, **FREE))  # fmt: skip
    assert both.ran.course.end_s[1] == pytest.approx(9 * SECONDS_A_GIB, rel=1e-6)


@pytest.mark.thorough
@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10**6), limit=st.integers(1, 6), barrier=st.booleans())
def test_no_link_ever_carries_more_than_it_can(seed, limit, barrier):
    """The sum of the rates on a link is at most its line rate at every moment, and all machines arrive."""
    found = problem(*random_drain(seed), empty=(), limit=limit)
    plan = _first(found, Policy(barrier))
    assert plan.ran.ended.all()
    line = found.cluster.nodes(found.present).line_gbps
    assert (plan.ran.peak_gbps <= line * (1 + 1e-9)).all()
    assert (plan.ran.course.wire_gbit[plan.ran.ended] > 0).all()


def _at_once(course_of, nodes_of, moment):
    """Moves under way at a moment, by node."""
    runs = (course_of.start_s <= moment) & (moment < course_of.end_s)
    return np.bincount(nodes_of[runs], minlength=4)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10**6), limit=st.integers(1, 3))
def test_limits_hold_at_source_and_destination(seed, limit):
    """Never more than the limit leave a node or come to it at once."""
    found = problem(*random_drain(seed, 8), empty=(), limit=limit)
    plan = _first(found)
    for moment in plan.ran.course.start_s:
        assert _at_once(plan.ran.course, found.source, moment).max() <= limit
        assert _at_once(plan.ran.course, plan.destination, moment).max() <= limit


def test_a_batch_waits_for_its_slowest():
    """With a barrier the third machine begins when both of the first batch have ended, and the gap has
    passed."""
    table = machines(4, memory_gib=[1.0, 4.0, 1.0, 1.0])
    plan = _first(problem(table, nodes("ab"), limit=2), Policy(barrier=True, gap_s=3.0))
    ran = plan.ran.course
    assert ran.start_s[2] == pytest.approx(max(ran.end_s[:2]) + 3.0)
    assert ran.start_s[3] == ran.start_s[2]
    rolling = _first(problem(table, nodes("ab"), limit=2)).ran.course
    assert rolling.start_s[2] == pytest.approx(min(rolling.end_s[:2]))


def test_memory_is_held_from_the_start_and_freed_at_the_end():
    """Two machines change places where one fits beside the other only after that one has gone."""
    table = machines(2, node=["a", "b"], destination=["b", "a"], memory_gib=[4.0, 8.0])
    found = problem(table, nodes("ab", free_gib=[8.0, 2.0]), empty=(), limit=2)
    ran = _first(found).ran
    assert ran.ended.all()
    assert ran.course.start_s[0] == pytest.approx(ran.course.end_s[1])
    stuck = problem(table, nodes("ab", free_gib=[7.0, 2.0]), empty=(), limit=2)
    assert _first(stuck).ran.stuck.all()


def test_a_group_never_shares_a_node():
    """Machines of one group go to different nodes, and one that must follow another waits until it has
    left."""
    found = problem(machines(2, group="dc"), nodes("abc"), limit=2)
    assert len(set(_first(found).destination)) == 2
    table = machines(2, node=["a", "b"], destination=["b", "c"], group="dc")
    ran = _first(problem(table, nodes("abc"), empty=())).ran.course
    assert ran.start_s[0] == pytest.approx(ran.end_s[1])


def test_low_priority_is_saved_and_restored_beside_the_live_ones():
    """A machine of low priority is away for its memory over the storage's rate, twice, and holds no slot."""
    table = machines(2, priority=[1000.0, 2000.0], memory_gib=8.0)
    found = problem(table, nodes("ab"), limit=1, handoff_ms=0)
    ran = _first(found)
    told = outcome(ran.ran, found.to(ran.destination)[1], found.to(ran.destination)[0].moves)
    assert told.kind.tolist() == ["quick", "live"]
    assert told.blackout_s[0] == pytest.approx(16.0)
    assert ran.ran.course.start_s.tolist() == [0.0, 0.0]


def test_a_manager_that_takes_one_after_the_other():
    """What a source's manager does in turn delays each start by its time."""
    row = filled(pd.DataFrame({"memory_gib": [1.0, 1.0], "dirty_pages_per_s": 0.0}))
    none = np.zeros(2, np.int64)
    extra = Extra.none(2)._replace(serial_s=np.full(2, 3.0))
    moves, _ = moves_of(row, none, none + 1, np.array([[0, 3, -1, -1]] * 2), none - 1, extra)
    ran = simulate(moves, pair(), np.arange(2))
    assert ran.course.carry_s == pytest.approx(np.array([5.0, 8.0]))


def test_a_system_that_gives_up_or_pauses():
    """After its time a migration is given up, or its guest paused as it stands."""
    row = filled(pd.DataFrame({"dirty_pages_per_s": [1e6], "working_set_gib": [8.0], "stop_rule": ["qemu"]}))
    one = np.zeros(1, np.int64)
    told = {}
    for how in (CANCEL, PAUSE):
        extra = Extra.none(1)._replace(give_up_s=np.full(1, 30.0), give_up_how=one + how)
        moves, _ = moves_of(row, one, one + 1, np.array([[0, 3, -1, -1]]), one - 1, extra)
        told[how] = simulate(moves, pair(), one)
    assert told[CANCEL].given_up.all()
    assert told[CANCEL].course.end_s[0] == pytest.approx(32.0)
    assert told[PAUSE].ended.all()
    assert told[PAUSE].course.pause_s[0] == pytest.approx(32.0)
    assert told[PAUSE].course.residual[0] > 1000


def test_rule_that_changes_while_it_runs_is_refused():
    """A drain follows no clock of a rule's own, so it says so; its reason for giving up is the laws' own."""
    row = filled(pd.DataFrame({"memory_gib": [1.0], "stop_rule": ["nova"]}))
    one = np.zeros(1, np.int64)
    with pytest.raises(UserError, match=r"^stop_rule = 'nova': a drain follows no target that grows"):
        moves_of(row, one, one + 1, np.array([[0, 3, -1, -1]]), one - 1, Extra.none(1))
    assert REASONS[GAVE_UP] == "time_up"


def test_compressing_machines_share_the_cores_of_their_node():
    """Two that wait for one core each get half of it: twice the time of one alone."""
    how = {"transport": "compression", "compressor_waits": "yes", "spare_cores": 1, "dirty_pages_per_s": 0}
    plan = _first(problem(machines(2, memory_gib=2.0), nodes("ab"), limit=2, **FREE, **how))
    seconds = 2 * 2 / 0.27
    assert plan.ran.course.end_s == pytest.approx(np.full(2, seconds), rel=1e-6)


def test_nodes_behind_an_uplink_share_it():
    """Two sources behind one uplink of 1 Gbit/s get half of it each; within it nobody shares."""
    table = machines(2, node=["a", "b"], destination=["c", "d"], memory_gib=2.0)
    behind = nodes("abcd", bandwidth_gbps=10.0, uplink=["x", "x", "y", "y"], uplink_gbps=1.0)
    plan = _first(problem(table, behind, empty=(), dirty_pages_per_s=0, **FREE))
    assert plan.ran.course.end_s == pytest.approx(np.full(2, 4 * SECONDS_A_GIB), rel=1e-6)
    inside = machines(1, node="a", destination="b", memory_gib=2.0)
    quick = _first(problem(inside, behind, empty=(), dirty_pages_per_s=0, **FREE))
    assert quick.ran.course.end_s[0] == pytest.approx(0.2 * SECONDS_A_GIB, rel=1e-6)


def test_the_sharp_corner_is_the_models():
    """The law of a compressor that takes turns is written twice, with one constant."""
    assert course.WAIT_NORM == WAIT_NORM


@pytest.mark.nightly
def test_the_compiled_loop_is_the_same_loop(monkeypatch):
    """Compiled, every number is what Python makes of it."""
    monkeypatch.delenv("MIGRATION_STUDY_KERNEL")
    for seed in range(20):
        found = problem(*random_drain(seed, 12), empty=(), limit=3)
        order = np.random.default_rng(seed).permutation(len(found))
        to = placed(found, order)
        crossing, _ = found.to(to)
        start = found.cluster.nodes(found.present)
        for policy in (Policy(), Policy(barrier=True, gap_s=1.0), Policy(room=1.0)):
            one = simulate(crossing, start, order, policy)
            two = simulate(crossing, start, order, policy, compiled=True)
            for name, column in one.course._asdict().items():
                assert np.asarray(getattr(two.course, name)) == pytest.approx(
                    column, rel=1e-9, nan_ok=True
                ), name
