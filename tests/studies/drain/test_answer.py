"""The whole answer: intervals from a host, a roll through a cluster, PowerShell, and what is compared."""

import numpy as np
import pytest

from analysis.errors import UserError
from analysis.observations.lab import LABORATORY
from analysis.studies.drain import powershell, scatter
from analysis.studies.drain.answer import Asked, drain
from analysis.studies.drain.compare import on_line, over_limits
from analysis.studies.drain.orders import Bench
from analysis.studies.drain.roll import roll
from analysis.studies.drain.simulation import outcome
from analysis.studies.drain.systems import SYSTEMS, system
from analysis.studies.drain.tables import Policy
from analysis.studies.hosts.host import load_host
from tests.studies.drain.cases import machines, nodes, problem


def test_intervals_come_from_the_hosts_scatter():
    """On a calibrated host the makespan has intervals around it, the surer the wider."""
    host = load_host(LABORATORY)
    made = problem(machines(4, memory_gib=0.5), nodes("ab", bandwidth_gbps=0.5), host=host, stop_rule="qemu")
    one, again = (drain(made, Asked(draws=32, seed=3)) for _ in range(2))
    assert (one.draws == again.draws).all()
    low50, high50 = scatter.interval(one.draws, one.makespan_s, 50)
    low90, high90 = scatter.interval(one.draws, one.makespan_s, 90)
    assert low90 <= low50 <= one.makespan_s <= high50 <= high90
    assert low90 < high90
    assert one.makespan_s <= scatter.reserve(one.draws, one.makespan_s) <= one.draws.max()


def test_over_many_machines_scatter_cancels_out():
    """One by one, nine machines scatter less in all, for their size, than one does."""
    host = load_host(LABORATORY)
    spread = {}
    for count in (1, 9):
        made = problem(machines(count, memory_gib=0.5), nodes("ab", bandwidth_gbps=0.5), host=host, limit=1,
                       dirty_pages_per_s=0)  # fmt: skip
        found = drain(made, Asked(draws=32))
        spread[count] = found.draws.std() / found.draws.mean()
    assert spread[9] < spread[1]


def test_without_a_host_nothing_is_drawn():
    """No interval is made up where nothing of the scatter is known."""
    found = drain(problem(machines(2)))
    assert not len(found.draws)
    assert np.isnan(scatter.interval(found.draws, found.makespan_s, 90)).all()


def _of(table, told):
    return lambda name: problem(table, told, empty=(name,), limit=1)


def test_a_roll_empties_reboots_and_fills_each_node():
    """Two nodes: the sum of drain, reboot and return of both; everyone is home at the end."""
    table = machines(3, node=["a", "a", "b"], memory_gib=[2.0, 4.0, 2.0])
    found = roll(_of(table, nodes("abc", free_gib=16.0)), ["a", "b"], 10.0)
    assert [(s.node, s.what) for s in found.stages] == [
        ("a", "drain"), ("a", "return"), ("b", "drain"), ("b", "return"),
    ]  # fmt: skip
    assert found.makespan_s == pytest.approx(sum(s.drain.makespan_s for s in found.stages) + 1200)
    assert found.bound_s <= found.makespan_s
    back = found.stages[1].drain.moves
    assert sorted(back.machine) == ["m0", "m1"]
    assert set(back.destination) == {"a"}
    assert found.stages[2].start_s == pytest.approx(
        found.stages[1].start_s + found.stages[1].drain.makespan_s
    )


def test_a_roll_stops_where_a_machine_cannot_leave():
    """A node that cannot be emptied cannot be rebooted: said with machine, reason and what helps."""
    table = machines(2, node=["a", "b"], memory_gib=[32.0, 2.0])
    with pytest.raises(UserError, match=r"m0.*32 GiB"):
        roll(_of(table, nodes("ab", free_gib=16.0)), ["a", "b"], 10.0)


def test_powershell_has_the_moves_in_their_order():
    """Names are quoted so that an apostrophe is harmless; low priority goes by quick migration."""
    table = machines(2, machine=["it's", "m1"], priority=[2000.0, 1000.0])
    said = powershell.script(drain(problem(table, nodes("ab"))))
    assert "Name = 'it''s'; From = 'a'; To = 'b'; Kind = 'Live'" in said
    assert "Name = 'm1'; From = 'a'; To = 'b'; Kind = 'Quick'" in said
    assert said.index("it''s") < said.index("'m1'")


def test_what_never_began_has_no_reason_to_have_stopped():
    """A quick migration has nothing left and converges; a move that never began says nothing."""
    found = problem(machines(2, priority=[1000.0, 2000.0]), nodes("ab"))
    crossing, alone = found.to(np.array([1, 1]))
    ran = Bench(found, Policy(), compiled=False).plan("any", np.arange(2), np.array([1, 1])).ran
    course = ran.course._replace(reason=np.array([ran.course.reason[0], -1]))
    told = outcome(ran._replace(course=course), alone, crossing.moves)
    assert told.kind.tolist() == ["quick", "live"]
    assert told.stop_reason.tolist() == ["nothing_left", ""]
    assert told.converged[0]


def test_each_move_is_as_its_own_destination_has_it():
    """To a node of 1 Gbit/s and one of 10: each takes as long as if both went where it goes."""
    found = problem(machines(2), nodes("abc", bandwidth_gbps=[10.0, 1.0, 10.0]))
    both, slow, fast = (found.to(np.array(to))[1].total_s for to in ([1, 2], [1, 1], [2, 2]))
    assert both.tolist() == [slow[0], fast[1]]
    assert slow[0] > 5 * fast[1]


def test_the_limit_on_smb_is_the_nodes():
    """By SMB a node with two adapters of a quarter each carries half of its line, however many move."""
    found = problem(machines(2), transport="smb", smb_limit_share=0.25, adapters=2.0, bandwidth_gbps=10.0)
    assert found.cluster.line_gbps == pytest.approx(5.0)
    plain = problem(machines(2), transport="tcpip", smb_limit_share=0.25, adapters=2.0, bandwidth_gbps=10.0)
    assert plain.cluster.line_gbps == pytest.approx(10.0)


def test_without_a_table_of_nodes_the_line_rate_asked_for_holds():
    """Each row is on its own line rate: on 1 Gbit/s a machine takes several times as long as on 10."""
    rows = over_limits(machines(1), None, system("hyperv"), empty=("a",), limits=[1], bandwidths=[1.0, 10.0])
    assert rows.makespan_s[0] > 4 * rows.makespan_s[1]


@pytest.mark.parametrize("name", SYSTEMS)
def test_every_system_empties_a_node(name):
    """Each preset runs, keeps its limits, and none is shorter than its bound."""
    found = drain(problem(machines(6, dirty_pages_per_s=500.0), nodes("abc"), rules=name))
    rules = system(name)
    starts = np.sort(found.moves.start_s.to_numpy())
    assert (starts < 0.001).sum() == min(rules.out_limit, rules.cluster_limit, 2 * rules.in_limit, 6)
    assert found.gap >= -1e-9


def test_how_many_at_once_is_compared():
    """A row for each limit and link; on one link that a machine fills, pauses only grow with the number."""
    table = over_limits(
        machines(6, dirty_pages_per_s=9000.0, working_set_gib=1.0), nodes("ab"), system("hyperv"),
        empty=("a",), limits=[1, 3, 6], bandwidths=[1.0, 10.0],
    )  # fmt: skip
    assert len(table) == 6
    assert (table.makespan_s >= table.bound_s * (1 - 1e-9)).all()
    slow = table[table.bandwidth_gbps == 1.0]
    assert (np.diff(slow.blackout_s) > 0).all()


def test_a_line_rate_that_is_asked_for_goes_before_that_of_the_nodes():
    """Nodes of 5 and 25 Gbit/s keep their own unless 1 is asked for; without any it is the default."""
    own = nodes("ab", bandwidth_gbps=[5.0, 25.0])
    kept, link = on_line(own, "B", None)
    assert (list(kept.machines.bandwidth_gbps), link) == ([5.0, 25.0], 25.0)
    asked, link = on_line(own, "b", 1.0)
    assert (list(asked.machines.bandwidth_gbps), link) == ([1.0, 1.0], 1.0)
    assert on_line(nodes("ab"), "a", None)[1] == on_line(None, "a", None)[1] == 10.0
