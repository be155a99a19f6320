"""The preset `simgrid` beside SimGrid itself where it is installed, and beside its recurrence everywhere."""

import numpy as np
import pandas as pd
import pytest

from analysis import migrate
from benchmarks import simgrid

needs_simgrid = pytest.mark.skipif(not simgrid.available(), reason=simgrid.missing() or "it is there")


def recurrence(memory, working_set, dirtied, bandwidth, latency=0.0):
    """SimGrid's migration of one busy machine in plain Python: total, downtime, transfers.

    Each transfer takes its bytes over the bandwidth and the latency once, in which the machine writes on.
    What takes 30 ms at the rate of the last transfer is sent while paused; an acknowledgement follows.
    """
    left, total, transfers = memory, 0.0, 0
    while True:
        took = left / bandwidth + latency
        total, transfers, reached = total + took, transfers + 1, left / took
        left = min(dirtied * took, working_set)
        if left <= 0.030 * reached:
            break
    downtime = left / bandwidth + latency
    return total + downtime + latency, downtime, transfers + 1


def by_recurrence(table):
    """The recurrence for each row of a table of the study's parameters."""
    given = zip(
        table.memory_gib * 2**30,
        table.working_set_gib * 2**30,
        table.dirty_pages_per_s * 4096,
        table.bandwidth_gbps * 1e9 / 8,
        table.round_trip_ms / 2000,
        strict=True,
    )
    return pd.DataFrame([recurrence(*row) for row in given], columns=["total_s", "downtime_s", "transfers"])


def by_preset(table):
    """The same outcomes from the study's model."""
    found = migrate(table)
    assert found.converged.all()
    return pd.DataFrame(
        {"total_s": found.total_s, "downtime_s": found.blackout_s, "transfers": found.passes + 1}
    )


def assert_same(found, expected, total, downtime):
    """Equal numbers of transfers, and times within relative differences."""
    np.testing.assert_array_equal(found.transfers, expected.transfers)
    np.testing.assert_allclose(found.total_s, expected.total_s, rtol=total)
    np.testing.assert_allclose(found.downtime_s, expected.downtime_s, rtol=downtime)


BY_HAND = pd.DataFrame(
    {
        "memory_gib": 4e9 / 2**30,
        "working_set_gib": np.array([1e9, 1e9, 1e9, 29e6]) / 2**30,
        "dirty_pages_per_s": np.array([0.5e9, 0.01e9, 0, 0.99e9]) / 4096,
        "bandwidth_gbps": 8.0,
        **simgrid.BARE,
    }
)
"""4 GB at 1 GB/s with 30 ms being 30 MB. All in GB, transfer after transfer:

a half dirtied, of 1 GB at most: 4, 1, 0.5, 0.25, 0.125, 0.0625, 0.03125 (above 0.03), then 0.015625 paused;
a hundredth dirtied: 4, 0.04, then 0.0004 paused; nothing dirtied: 4, then nothing paused;
nearly all dirtied, but of 0.029: 4, then 0.029 paused."""
OUTCOMES_BY_HAND = pd.DataFrame(
    {
        "total_s": [5.984375, 4.0404, 4.0, 4.029],
        "downtime_s": [0.015625, 0.0004, 0.0, 0.029],
        "transfers": [8, 3, 2, 2],
    }
)


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    """The compiled program."""
    return simgrid.build(tmp_path_factory.mktemp("simgrid"))


# --- without SimGrid ------------------------------------------------------------------------


def test_the_preset_by_hand():
    """Four machines whose transfers are worked out above."""
    assert_same(by_preset(BY_HAND), OUTCOMES_BY_HAND, 1e-12, 1e-9)


def test_the_recurrence_by_hand():
    """The plain recurrence gives them as well, so that it can judge the others."""
    assert_same(by_recurrence(BY_HAND), OUTCOMES_BY_HAND, 1e-12, 1e-9)


def test_the_preset_is_the_recurrence():
    """A thousand random migrations agree to rounding, with equal numbers of transfers."""
    table = simgrid.scenarios(1000, seed=1)
    assert_same(by_preset(table), by_recurrence(table), 1e-11, 1e-9)


def test_the_random_migrations_are_spread_as_said():
    """Memory, link, working set and writing fill their ranges; writing stays below the link."""
    table = simgrid.scenarios(1000)
    written = table.dirty_pages_per_s * 4096 / (table.bandwidth_gbps * 1e9 / 8)
    for values, low, high in (
        (table.memory_gib * 2**30 / 1e9, 1, 256),
        (table.bandwidth_gbps, 1, 100),
        (table.working_set_gib / table.memory_gib, 0.01, 0.5),
        (written, 0.01, 0.99),
    ):
        assert low <= values.min() < low * 1.1
        assert high / 1.1 < values.max() <= high


def test_what_makes_simgrid_abort_is_endless_here():
    """1 GB, half of it written at 1.1 times the link: SimGrid runs 10^7 simulated seconds and aborts."""
    given = simgrid.BARE | {"memory_gib": 1, "working_set_gib": 0.5, "bandwidth_gbps": 8}
    found = migrate(**given, dirty_pages_per_s=1.1e9 / 4096)
    assert found.stop_reason.tolist() == ["endless"]
    assert found.total_s.tolist() == [np.inf]


@pytest.mark.parametrize(("network", "written", "round_trip_ms"), [("CM02", 1.0, 0), ("LV08", 0.5, 2.4)])
def test_migrations_without_an_end_are_not_simulated(network, written, round_trip_ms):
    """Dirtied as fast as the link, or half of that with 13.01 times 1.2 ms in every pass: refused."""
    table = BY_HAND.assign(dirty_pages_per_s=written * 1e9 / 4096, round_trip_ms=round_trip_ms)
    with pytest.raises(ValueError, match="does not converge"):
        simgrid.simulate("no program", table, network)


def test_a_program_that_fails_is_told(tmp_path):
    """An aborted simulation is an error with its code, not an empty table."""
    program = tmp_path / "aborts"
    program.write_text("#!/bin/sh\ncat >/dev/null\necho 'time out' >&2\nexit 3\n")
    program.chmod(0o755)
    with pytest.raises(RuntimeError, match=r"^SimGrid ended with 3: time out$"):
        simgrid.simulate(program, BY_HAND)


# --- with SimGrid ---------------------------------------------------------------------------


@needs_simgrid
def test_simgrid_by_hand(program):
    """SimGrid gives the machines worked out above, so the program asks it the right questions."""
    assert_same(simgrid.simulate(program, BY_HAND), OUTCOMES_BY_HAND, 1e-7, 1e-5)


@needs_simgrid
@pytest.mark.parametrize("network", simgrid.NETWORKS)
def test_the_preset_is_simgrid(program, network):
    """A thousand random migrations: totals within 1e-6, downtimes within 1e-4, equal numbers of transfers."""
    table = simgrid.scenarios(1000, seed=2)
    found = simgrid.simulate(program, table, network)
    assert_same(by_preset(table), found, 1e-6, 1e-4)
    assert found.attrs["seconds"] > 0


@needs_simgrid
def test_with_latency_simgrid_is_the_recurrence_with_latency(program):
    """Up to 1 ms in each transfer is all that SimGrid knows of one machine and the study's model does not."""
    table = simgrid.scenarios(200, seed=3).assign(round_trip_ms=np.linspace(0.02, 2, 200))
    table["dirty_pages_per_s"] *= 0.9
    assert_same(by_recurrence(table), simgrid.simulate(program, table), 1e-5, 1e-4)
