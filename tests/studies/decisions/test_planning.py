"""What is needed: answers put back into the model, dense grids, hosts, and sentences for mistakes."""

import math

import numpy as np
import pandas as pd
import pytest
from scipy.stats import loguniform

from analysis.errors import UserError
from analysis.model.migration import VOLUMES, evaluate, migrate
from analysis.ranges import is_whole
from analysis.studies.decisions.crossings import Crossing, Stretches
from analysis.studies.decisions.planning import _listed, plan, values_along
from analysis.studies.decisions.questions import Modelled
from analysis.studies.hosts.host import Estimate, Host
from analysis.studies.hosts.prediction import predict

BOUNDS = {
    "memory_gib": (2, 256), "dirty_pages_per_s": (100, 3e5), "working_set_gib": (0.1, 16),
    "bandwidth_gbps": (1, 100), "receive_buffers": (64, 4096), "receive_delay_us": (10, 2000),
    "spare_cores": (0.5, 16), "compression_ratio": (1.2, 4),
}  # fmt: skip
WORDS = {
    "stop_rule": ["hyperv", "hyperv_2008r2", "xen"], "transport": ["tcpip", "compression", "smb"],
    "write_pattern": ["uniform", "hotcold"],
}  # fmt: skip


def questions(count, seed):
    """Random machines and hosts, and targets from less than half to more than twice what they take."""
    rng = np.random.default_rng(seed)
    table = pd.DataFrame({n: loguniform(*ends).rvs(count, random_state=rng) for n, ends in BOUNDS.items()})
    table = table.assign(**{name: rng.choice(words, count) for name, words in WORDS.items()})
    table["receive_buffers"] = table["receive_buffers"].round()
    out = migrate(table)
    total = out.total_s.to_numpy() * loguniform(0.4, 2.5).rvs(count, random_state=rng)
    blackout = out.blackout_s.to_numpy() * 1000 * loguniform(0.5, 2.0).rvs(count, random_state=rng)
    return table, {"total_s": total, "blackout_ms": np.minimum(blackout, total * 900)}


def met(table, targets):
    """Whether migrations keep to their targets, from what migrate() says."""
    out = migrate(table)
    times = (out.total_s <= targets["total_s"]) & (out.blackout_s * 1000 <= targets["blackout_ms"])
    return (times & np.isfinite(out.total_s)).to_numpy()


NAMES = ("bandwidth_gbps", "receive_buffers", "compression_ratio", "spare_cores", "memory_gib",
         "dirty_pages_per_s", "working_set_gib", "receive_delay_us")  # fmt: skip


@pytest.mark.thorough
@pytest.mark.parametrize("name", NAMES)
def test_answers_put_back_meet_their_targets_and_a_thousandth_less_does_not(name):
    """125 random questions a parameter, 1,000 in all; one less of what is counted. Where a thousandth less
    does, a crossing lies between, which is told."""
    table, targets = questions(125, NAMES.index(name))
    table = table.drop(columns=name)
    found = plan(name, targets, table)
    reached = found.table.reached.to_numpy()
    assert met(table.assign(**{name: found.rows[name]}), targets)[reached].all()
    some = reached & ~found.table.anything.to_numpy()
    step = (1 if is_whole(name) else 0.001 * found.table.value) * (1 if found.more_helps else -1)
    less = found.table.value - step
    still = np.flatnonzero(some)[
        met(table[some].assign(**{name: less[some]}), {n: v[some] for n, v in targets.items()})
    ]
    for row in still:
        ends = sorted([less[row], found.table.value[row]])
        assert any(ends[0] < one < ends[1] for one in found.table.crossings[row])
    assert len(still) <= 2


@pytest.mark.parametrize("name", NAMES[:6:2])
def test_a_dense_grid_finds_nothing_where_the_plan_says_none(name):
    """250 values over each range that is answered with none, and over each answer's stretch."""
    table, targets = questions(40, 100 + NAMES.index(name))
    table = table.drop(columns=name)
    found = plan(name, targets, table)
    values = np.array([np.resize(values_along(found, row, 250), 250) for row in range(len(table))])
    many = table.loc[table.index.repeat(250)].reset_index(drop=True).assign(**{name: values.ravel()})
    held = met(many, {n: np.repeat(v, 250) for n, v in targets.items()}).reshape(values.shape)
    reached = found.table.reached.to_numpy()
    assert 5 < reached.sum() < 35
    assert not held[~reached].any()
    ends = np.sort(found.table[["value", "holds_to"]].to_numpy(), axis=1)[:, :, None]
    inside = (values >= ends[:, 0]) & (values <= ends[:, 1])
    assert held[inside & reached[:, None]].all()


def test_by_hand_without_writes():
    """An idle guest: 54 GiB of content over the line, the state in the pause, 2.2 s fixed: a line of 8 Gbit/s
    needs so long, and for that long a line of 8 Gbit/s is needed."""
    idle = {"memory_gib": 60.0, "dirty_pages_per_s": 0.0, "stream_limit_gbps": 100.0}
    whole = migrate(bandwidth_gbps=8.0, **idle).total_s.item()
    found = plan("bandwidth_gbps", {"total_s": whole}, pd.DataFrame([idle]))
    assert found.table.value.item() == pytest.approx(8.0, rel=2e-4)
    content_bits = 54 * 2**30 * 8
    assert whole - 2.2 == pytest.approx(content_bits / 8e9, rel=0.1)


def test_a_fixed_part_that_alone_is_too_much_is_named():
    """No line makes a pause of 100 ms where the hand-off takes 200."""
    found = plan("bandwidth_gbps", {"blackout_ms": 100})
    assert not found.table.reached.item()
    assert found.table.limited_by.item() == "handoff_ms"
    assert math.isnan(found.table.value.item())
    assert plan("bandwidth_gbps", {"total_s": 2.1}).table.limited_by.item() == "setup_s"


def test_a_ceiling_that_no_value_lifts_is_named():
    """A terabyte in a minute: one connection's core binds, however fast the line."""
    found = plan("bandwidth_gbps", {"total_s": 60}, pd.DataFrame({"memory_gib": [1024.0]}))
    assert found.table.limited_by.item() == "streams"


def test_more_of_it_may_be_too_much():
    """A faster line overflows a small ring: the answer says up to where it holds."""
    ring = {"memory_gib": 4.0, "receive_buffers": 256.0, "round_trip_ms": 5.0, "dirty_pages_per_s": 0.0,
            "stream_limit_gbps": 400.0}  # fmt: skip
    lines = np.geomspace(0.05, 800, 600)
    times = migrate(bandwidth_gbps=lines, **ring).total_s.to_numpy()
    assert times.min() < 0.99 * times[-1]
    mark = (times.min() + times[-1]) / 2
    answer = plan("bandwidth_gbps", {"total_s": mark}, pd.DataFrame([ring])).table.iloc[0]
    held = lines[times <= mark]
    assert answer.reached
    assert not answer.to_the_end
    assert answer.value <= held.max() <= answer.holds_to * 1.0001


def test_any_value_will_do():
    """Where the least helpful value is enough the answer is the end of the range, and says so."""
    answer = plan("spare_cores", {"total_s": 1e6}).table.iloc[0]
    assert (answer.value, answer.anything, answer.reached) == (0, True, True)


def test_only_what_is_on_offer():
    """Of lines of 1, 2.5, 10 and 25 Gbit/s the least that does; of two that do not, none."""
    assert plan("bandwidth_gbps", {"total_s": 30}, among=[25, 1, 10, 2.5]).table.value.item() == 10
    assert not plan("bandwidth_gbps", {"total_s": 30}, among=[1, 2.5]).table.reached.item()


def test_a_range_is_kept_to():
    """Between 1 and 2 Gbit/s none is enough, up to 20 one is."""
    assert not plan("bandwidth_gbps", {"total_s": 30}, between=(1, 2)).table.reached.item()
    assert plan("bandwidth_gbps", {"total_s": 30}, between=(1, 20)).table.reached.item()


def test_the_pre_copy_has_to_converge():
    """Up to the answer it converges, a thousandth above it does not."""
    most = plan("dirty_pages_per_s", {"converges": True}).table.value.item()
    assert migrate(dirty_pages_per_s=[most, most * 1.001]).converged.tolist() == [True, False]


def test_rows_open_as_scenarios():
    """Every parameter and outcome stands in the row, and migrate() says the same of it."""
    row = plan("bandwidth_gbps", {"total_s": 30}).rows.iloc[0]
    again = migrate(bandwidth_gbps=row.bandwidth_gbps).iloc[0]
    assert again.total_s == row.total_s <= 30
    assert {"setup_s", "stop_rule", "limited_by"} <= set(row.index)


# --- with a calibrated host -----------------------------------------------------------------------

HOST = Host(
    "here",
    parameters=(Estimate("handoff_ms", 50, 40, 60),),
    scales=(Estimate("bandwidth_gbps", 0.9, 0.85, 0.95),),
    scatter={"time": {"line_rate": 0.05}},
)
MACHINE = pd.DataFrame({"memory_gib": [32.0]})


def test_without_a_host_no_chance_is_known():
    """The chance is empty, not 1."""
    assert math.isnan(plan("bandwidth_gbps", {"total_s": 60}, MACHINE).table.chance.item())


def test_on_a_host_the_answer_is_that_of_its_prediction():
    """At the fitted values the target is just met, and about half of the draws meet it."""
    found = plan("bandwidth_gbps", {"total_s": 60}, MACHINE, host=HOST)
    table = MACHINE.assign(bandwidth_gbps=found.rows.bandwidth_gbps)
    said = predict(table, HOST, given=["memory_gib", "bandwidth_gbps"]).iloc[0]
    assert 59.9 < said.total_s <= 60
    assert 0.3 < found.table.chance.item() < 0.7


def test_a_chance_asked_for_takes_more():
    """The surer, the faster a line; the end of the 90 % interval is where 95 in 100 keep to the target."""
    lines = [plan("bandwidth_gbps", {"total_s": 60}, MACHINE, host=HOST, chance=c) for c in (0.5, 0.95)]
    values = [found.table.value.item() for found in lines]
    assert values[0] < values[1]
    assert lines[1].table.chance.item() == pytest.approx(0.95, abs=0.011)
    table = MACHINE.assign(bandwidth_gbps=values[1])
    said = predict(table, HOST, given=["memory_gib", "bandwidth_gbps"]).iloc[0]
    assert said.total_s_high90 == pytest.approx(60, rel=0.02)


def test_a_chance_is_of_all_targets_together():
    """Two targets are met together no more often than each alone."""
    both = {"total_s": 40.0, "blackout_ms": 66.0}
    at = {"among": [8.0]}
    alone = [
        plan("bandwidth_gbps", {n: v}, MACHINE, host=HOST, **at).table.chance.item() for n, v in both.items()
    ]
    together = plan("bandwidth_gbps", both, MACHINE, host=HOST, **at).table.chance.item()
    assert 0 < together <= min(alone) < 1
    assert together == pytest.approx(math.prod(alone), abs=0.2)


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: plan("bandwith_gbps", {"total_s": 1}), "did you mean 'bandwidth_gbps'"),
        (lambda: plan("transport", {"total_s": 1}), "transport is no number but one of tcpip"),
        (lambda: plan("pass_limit", {"total_s": 1}), "of pass_limit neither more nor less helps in all"),
        (lambda: plan("memory_gib", {"totl_s": 1}), "there is no target 'totl_s'; did you mean 'total_s'?"),
        (lambda: plan("memory_gib", {"speed": 1}), "there are total_s, brownout_s, blackout_ms, converges"),
        (lambda: plan("memory_gib", {}), "name at least one target"),
        (lambda: plan("memory_gib", {"total_s": 0}), "total_s = 0 is no target"),
        (lambda: plan("memory_gib", {"total_s": math.nan}), "total_s = nan is no target"),
        (lambda: plan("memory_gib", {"total_s": "soon"}), "total_s = 'soon' is not allowed"),
        (
            lambda: plan("memory_gib", {"total_s": 60, "blackout_ms": 70000}),
            "blackout_ms = 70000 contradicts total_s = 60",
        ),
        (
            lambda: plan("memory_gib", {"total_s": 60, "brownout_s": 60}),
            "brownout_s = 60 contradicts total_s = 60",
        ),
        (lambda: plan("memory_gib", {"total_s": 60}, chance=0.9), "of a calibrated host: give --host"),
        (
            lambda: plan("memory_gib", {"total_s": 60}, host=HOST, chance=1),
            "it takes a number from 0.01 to 0.995",
        ),
        (lambda: plan("memory_gib", {"total_s": 60}, MACHINE), "memory_gib is what is asked for"),
        (lambda: plan("memory_gib", {"total_s": 60}, between=(9, 1)), "between 9 and 1 there is nothing"),
        (
            lambda: plan("memory_gib", {"total_s": 60}, between=(1, 9), among=[1]),
            "--between and --among both say where to look",
        ),
        (lambda: plan("memory_gib", {"total_s": 60}, among=[-1]), "memory_gib = -1 is not allowed"),
    ],
)
def test_a_mistake_is_a_sentence(call, sentence):
    """What was given, and what is allowed."""
    with pytest.raises(UserError) as error:
        call()
    assert sentence in str(error.value)


def test_crossings_are_listed_in_ascending_order_each_once():
    """What begins is told by its value behind the crossing, what ends by the one before; twins are one."""
    before, after = np.array([5.0, 1.0, 2.9999999, 8.0]), np.array([5.1, 1.1, 3.0, 8.1])
    begins = np.array([False, True, True, True])
    seen = Crossing(np.array([0, 0, 0, 1]), before, after, begins)
    twice = Crossing(*(np.concatenate([column, column]) for column in seen))
    none = np.empty(0)
    assert _listed(Stretches(none, none, none, none, twice), 3) == [[1.1, 3.0, 5.0], [8.1], []]


def test_a_look_asks_for_no_volumes(monkeypatch):
    """Bytes sent take time to work out and tell a plan nothing: its looks leave them out, by any way."""
    seen = []

    def noted(p, way, wanted):
        seen.append((way.name, set(wanted) & set(VOLUMES)))
        return evaluate(p, way, wanted)

    monkeypatch.setattr("analysis.studies.decisions.questions.evaluate", noted)
    asked = Modelled("bandwidth_gbps", pd.DataFrame(index=range(1)), pd.DataFrame({"total_s": [60.0]}))
    assert asked.look(np.zeros(2, int), np.array([1.0, 10.0])).held.tolist() == [False, True]
    assert seen == [("laws", set())]


def test_nothing_asked_is_nothing_looked_at():
    """Of no question there is neither how far it is from its target nor a kind."""
    asked = Modelled("bandwidth_gbps", pd.DataFrame(index=range(1)), pd.DataFrame({"total_s": [60.0]}))
    seen = asked.look(np.empty(0, int), np.empty(0))
    assert (seen.excess.shape, seen.kind.shape, seen.kind.dtype.kind) == ((0,), (0,), "i")
