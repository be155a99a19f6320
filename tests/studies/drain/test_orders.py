"""Orders, list schedules and the search: never below the bound, never worse than the best list, optimal if
small."""

import itertools
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.studies.drain import orders
from analysis.studies.drain.bounds import _least_pages, lower_bound
from analysis.studies.drain.course import GIB_PER_GBIT
from analysis.studies.drain.orders import ROOMS, USUAL, Bench, best_plan, order_of, search, usual_plans
from analysis.studies.drain.placement import placed
from analysis.studies.drain.simulation import simulate
from analysis.studies.drain.tables import SPILLS, Policy
from tests.studies.drain.cases import machines, nodes, problem, random_drain

RULES = st.sampled_from(["hyperv", "qemu", "xen", "simgrid"])


def bench(found, policy=None, *, compiled=False):
    """Where plans are tried."""
    return Bench(found, policy or Policy(), compiled=compiled)


@pytest.mark.thorough
@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 10**6), limit=st.integers(1, 6), rule=RULES, fixed=st.booleans(),
    transport=st.sampled_from(["tcpip", "compression"]), waits=st.sampled_from(["no", "yes", "in_turn"]),
    barrier=st.booleans(), room=st.sampled_from(ROOMS),
)  # fmt: skip
def test_no_plan_beats_its_bound(seed, limit, rule, fixed, transport, waits, barrier, room):
    """Whatever order, placement, number at once, rule or transport: no makespan is below the bound."""
    table, node_table = random_drain(seed, 7, fixed=fixed)
    empty = () if fixed else (table.machines.node[0],)
    found = problem(table, node_table, empty=empty, limit=limit, stop_rule=rule, transport=transport,
                    compressor_waits=waits, spare_cores=1.0, pass_limit=30)  # fmt: skip
    order = np.random.default_rng(seed).permutation(len(found))
    to = placed(found, order)
    plan = bench(found, Policy(barrier, 0.0, room)).plan("any", order, to)
    assert plan.ran.makespan_s >= lower_bound(found, to) * (1 - 1e-9) or not plan.ran.ended.all()


def test_the_bound_by_hand():
    """Three machines alone on a link at full rate one after the other need what the bound says, and no
    less."""
    table = machines(3, memory_gib=[2.0, 3.0, 4.0], dirty_pages_per_s=0.0)
    found = problem(table, nodes("ab", bandwidth_gbps=1.0), limit=1)
    to = placed(found, np.arange(3))
    alone = found.to(to)[1].total_s
    assert lower_bound(found, to) == pytest.approx(alone.sum())
    assert bench(found).plan("one", np.arange(3), to).makespan_s == pytest.approx(alone.sum())
    wide = problem(table, nodes("ab", bandwidth_gbps=1.0), limit=9)
    assert lower_bound(wide, to) == pytest.approx(alone.sum() - 2 * 2.2 - 2 * 4 * 2**23 / 949e6, rel=1e-3)


def test_orders_by_name():
    """Each order sorts by what its name says, and keeps the inventory's order among equals."""
    table = machines(
        4, memory_gib=[4.0, 8.0, 2.0, 8.0], priority=[2000.0, 1000.0, 3000.0, 2000.0],
        dirty_pages_per_s=[100.0, 50.0, 9000.0, 0.0],
    )  # fmt: skip
    found = problem(table)
    told = {name: order_of(found, name).tolist() for name in USUAL}
    assert told["priority"] == [2, 0, 3, 1]
    assert told["first"] == [0, 1, 2, 3]
    assert told["smallest"] == [2, 0, 1, 3]
    assert told["largest"] == [1, 3, 0, 2]
    assert told["hardest"] == [2, 0, 1, 3]


def test_at_full_rate_moves_do_not_share():
    """The list schedule sends one at a time over a link, though four may, and is no slower for it."""
    table = machines(4, memory_gib=4.0, dirty_pages_per_s=8000.0, working_set_gib=1.0)
    found = problem(table, nodes("ab", bandwidth_gbps=1.0), limit=4)
    to = placed(found, np.arange(4))
    at_once = bench(found).plan("shared", np.arange(4), to)
    one = bench(found).plan("list", np.arange(4), to, room=1.0)
    assert one.ran.course.shared_s.max() < 1e-9
    assert at_once.ran.course.shared_s.min() > 1
    assert one.makespan_s < at_once.makespan_s
    # The set-up of the next runs while the last still sends.
    assert one.ran.course.carry_s[1] == pytest.approx(one.ran.course.end_s[0] - 0.2, abs=0.01)


@pytest.mark.thorough
@settings(max_examples=6, deadline=None)
@given(seed=st.integers(0, 10**6), limit=st.integers(1, 4))
def test_the_search_is_never_worse_than_the_best_list(seed, limit):
    """It begins there; and what it returns is what the simulation says of its own plan."""
    found = problem(*random_drain(seed, 9), empty=(), limit=limit)
    to = placed(found, np.arange(len(found)))
    here = bench(found)
    best = best_plan(usual_plans(here))
    better = search(here, best, 60.0, lower_bound(found, to), seed=1, until=25)
    assert better.makespan_s <= best.makespan_s
    again = simulate(found.to(better.destination)[0], here.nodes, better.order, better.policy)
    assert again.makespan_s == better.makespan_s


def brute_force(found, to, *, compiled=False):
    """The least makespan of all orders and rooms."""
    here = bench(found, compiled=compiled)
    return min(
        here.plan("all", np.array(order), to, room).makespan_s
        for order in itertools.permutations(range(len(found)))
        for room in ROOMS
    )


@pytest.mark.thorough
@pytest.mark.parametrize("seed", range(4))
def test_the_search_finds_the_optimum_of_four(seed):
    """On few machines no order is better than the one found."""
    found = problem(*random_drain(seed, 4, hosts=3), empty=(), limit=2)
    to = placed(found, np.arange(len(found)))
    here = bench(found)
    best = search(here, best_plan(usual_plans(here)), 1.0, lower_bound(found, to))
    assert best.makespan_s == pytest.approx(brute_force(found, to), rel=1e-12)


def test_the_search_leaves_a_bad_order_for_the_best():
    """Two slots, each held to a tenth of the link: the large machine last waits for a small one, and first
    it takes its own time alone, below which no plan is."""
    table = machines(3, memory_gib=[1.0, 1.0, 4.0], dirty_pages_per_s=0.0)
    found = problem(table, nodes("ab", bandwidth_gbps=10.0), limit=2, stream_limit_gbps=1.0)
    to, here = placed(found, np.arange(3)), bench(found)
    last = here.plan("last", np.arange(3), to)
    alone = found.to(to)[1].total_s
    assert last.makespan_s == pytest.approx(alone[0] + alone[2])
    assert search(here, last, 1.0, lower_bound(found, to)).makespan_s == pytest.approx(alone[2])


def test_a_plan_half_as_long_again_is_not_wandered_on_from(monkeypatch):
    """At little heat a much worse neighbour is left, and the next one is sought from where the search was."""
    seen = []

    def worse(_bench, here, _rng):
        seen.append(here.makespan_s)
        return SimpleNamespace(makespan_s=1.5 * here.makespan_s)

    monkeypatch.setattr(orders, "_changed", worse)
    start = SimpleNamespace(makespan_s=100.0)
    best = orders._wander(None, start, 60.0, 1.0, np.random.default_rng(0), 3)
    assert best is start
    assert seen == [100.0] * 3


def test_what_a_move_sends_at_least_by_hand():
    """In the 2 s before anybody waits a compressed copy, twice as small, has sent twice the pages."""
    found = problem(machines(1, memory_gib=8.0, dirty_pages_per_s=0.0), nodes("ab", bandwidth_gbps=1.0))
    crossing, alone = found.to(np.array([1]))
    m = crossing.moves._replace(head_start_s=np.array([2.0]), look_s=np.array([1.0]))
    packed = m._replace(compresses=m.compresses * 0 + SPILLS, ratio=m.ratio * 0 + 2.0)
    plain, half = (m.content - _least_pages(each, alone) for each in (m, packed))
    pages = 2 * m.ceiling_gbps * m.payload * GIB_PER_GBIT * m.page_gib_s
    assert plain == pytest.approx(pages)
    assert half == pytest.approx(2 * pages)


@pytest.mark.nightly
@pytest.mark.parametrize("count", [5, 6, 7])
def test_the_search_finds_the_optimum_up_to_seven(count, monkeypatch):
    """The same up to seven machines, where all orders are some thousands; also by the way that wanders."""
    monkeypatch.delenv("MIGRATION_STUDY_KERNEL")
    for seed in range(4):
        found = problem(*random_drain(seed, count, hosts=3), empty=(), limit=2)
        to = placed(found, np.arange(len(found)))
        here = bench(found, compiled=True)
        lists = best_plan(usual_plans(here))
        bound = lower_bound(found, to)
        optimum = brute_force(found, to, compiled=True)
        assert search(here, lists, 1.0, bound).makespan_s == pytest.approx(optimum, rel=1e-12)
        wandered = orders._wander(here, lists, 60.0, bound, np.random.default_rng(0), 1500)
        assert wandered.makespan_s == pytest.approx(optimum, rel=1e-9)
