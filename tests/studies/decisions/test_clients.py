"""What a client feels: chances worked by hand, invariants, and the statement with its conditions."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.model.migration import migrate
from analysis.parameters import ParameterError
from analysis.studies.decisions import clients
from analysis.studies.decisions.clients import OBSERVERS, Observer, chance, effects, felt, statement

HEARTBEAT = Observer("beats", "missed", "removes the node", "a test", period_s=1.0, count=5)
LEASE = Observer("lease", "lease", "fails over", "a test", period_s=5.0, limit_s=20.0)
PING = Observer("ping", "lost", "loses an echo", "a test", period_s=1.0, drops=False)
CONNECT = Observer("connect", "connect", "fails to connect", "a test", stack="Windows")
REQUEST = Observer("request", "wait", "gives up", "a test", limit_s=2.0, stack="Windows")


def paused(blackout_s, **more):
    """A table of migrations with these blackouts."""
    return pd.DataFrame({"blackout_s": np.atleast_1d(blackout_s).astype(float), **more})


@pytest.mark.parametrize(
    ("observer", "outage", "expected"),
    [
        (HEARTBEAT, 3.9, 0.0),
        (HEARTBEAT, 4.25, 0.25),
        (HEARTBEAT, 5.0, 1.0),
        (LEASE, 14.9, 0.0),
        (LEASE, 17.5, 0.5),
        (LEASE, 20.0, 1.0),
        (PING, 0.2, 0.2),
        (PING, 3.0, 1.0),
        (REQUEST, 0.85, 0.0),  # sent again after 0.9 s at the latest
        (CONNECT, 15.0, 0.0),  # the last of its packets goes out after 15 s
        (CONNECT, 20.0, 0.25),
        (REQUEST, 2.0, 1.0),  # at 2.1 s, which is too late for whoever waits 2 s
    ],
)
def test_chances_by_hand(observer, outage, expected):
    """Five heartbeats a second apart, a lease of 20 s renewed each 5, pings, connections, requests."""
    assert float(chance(observer, outage)) == pytest.approx(expected)


@given(st.floats(0, 200), st.floats(0, 60))
def test_a_longer_outage_is_no_likelier_to_pass_unnoticed(outage, more):
    """Every observer's chance to notice rises with the outage, and stays within 0 and 1."""
    for one in OBSERVERS:
        shorter, longer = (float(chance(one, value)) for value in (outage, outage + more))
        assert 0 <= shorter <= longer + 1e-12 <= 1 + 1e-9


def test_where_an_observer_begins_its_chance_leaves_zero():
    """Just below the outage that a row names nothing happens; with two messages' time more something may."""
    for one in OBSERVERS:
        if one.law != "lost":
            assert float(chance(one, 0.999 * one.begins_s)) == 0, one.name
            assert float(chance(one, 1.001 * one.begins_s + 0.2)) > 0, one.name


@given(st.floats(0.001, 9))
def test_a_client_waits_longer_than_the_blackout_and_at_most_by_its_length(blackout):
    """Its longest stall is above the blackout, and below twice and a time-out of it."""
    longest = felt(paused(blackout)).client_stall_longest_s[0]
    assert blackout * 0.999 <= longest + clients.MESSAGE_S
    assert longest <= 2.0 * blackout + 0.35


def test_learning_the_way_lengthens_the_outage_but_not_the_lease():
    """A network that needs a second to learn adds it to what a client feels; a guest's lease is spared."""
    table = paused(15.5)
    assert felt(table, 1000).outage_s[0] == pytest.approx(16.5)
    assert float(chance(LEASE, 15.5, 1.0)) == float(chance(LEASE, 15.5)) == pytest.approx(0.1)


def test_no_drop_no_perceived_downtime():
    """A blackout of 0.2 s: both hold, and the sentences name the first condition that would end it."""
    first, second = statement(felt(paused(0.2)).iloc[0])
    assert first.startswith("No dropped connection, no perceived downtime: a client that runs into the pause")
    assert second == (
        "First to drop would be an availability group's session, from an outage of 5.23 s on; here it is "
        "0.2 s."
    )


def test_perceived_and_dropped():
    """After 3 s a person has waited; after 12 s a replica is gone, after 9.5 s perhaps a cluster's node."""
    assert statement(felt(paused(3)).iloc[0])[0].startswith("No dropped connection, but perceived downtime")
    told = statement(felt(paused(12)).iloc[0])[0]
    assert "an availability group's session disconnects the replica (chance 100 %), and so do" in told
    chances = clients.drop_chances(paused(9.5)).iloc[0]
    assert chances["a guest cluster on one subnet (since 2016)"] == pytest.approx(0.5)


def test_who_waits_in_vain_is_not_said_to_wait():
    """Linux gives a connection up after 925 s: of an outage of 2,073 s nobody waits through it."""
    assert "gives up its connection after 925 s." in statement(felt(paused(2073)).iloc[0])[1]
    assert "waits" in statement(felt(paused(400)).iloc[0])[1]


def test_an_endless_migration_is_felt_by_nobody():
    """Passes without end never come to a pause: no figure, and a sentence that says so."""
    row = migrate(stop_rule="qemu", dirty_pages_per_s=1e6, working_set_gib=8, bandwidth_gbps=1)
    told = felt(row)
    assert told[list(clients.COLUMNS)].isna().all(axis=None)
    assert statement(told.iloc[0]) == ["The guest is never paused, so no client feels a pause."]


def test_an_interval_makes_a_chance():
    """Blackouts from 3 to 7 s on a host: five heartbeats are lost with a chance, not for sure."""
    ends = {"_low90": 3.0, "_low50": 4.0, "_high50": 5.0, "_high90": 7.0}
    table = paused(4.5, **{f"blackout_s{end}": [value] for end, value in ends.items()})
    told = felt(table, observers=[HEARTBEAT])
    assert 0.3 < told.drop_chance[0] < 0.9
    assert told.client_stall_longest_s_low90[0] < told.client_stall_longest_s_high90[0]


def test_every_row_has_its_source():
    """Each observer says where its figures come from, and all laws are met."""
    assert all(one.source for one in OBSERVERS)
    assert {one.law for one in OBSERVERS} == {"stall", "connect", "lost", "missed", "wait", "lease"}
    table = effects(felt(paused(5.0)).iloc[0])
    assert list(table["name"]) == [one.name for one in OBSERVERS]


def test_a_wrong_time_to_learn_is_a_sentence():
    """What was given, and what is allowed."""
    with pytest.raises(ParameterError, match="relearn_ms = -5 is not allowed"):
        felt(paused(1.0), -5)
    with pytest.raises(ParameterError, match="relearn_ms = 'soon' is not allowed"):
        felt(paused(1.0), "soon")
