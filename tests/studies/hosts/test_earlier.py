"""Earlier migrations of a machine draw a prediction to them, as far as a host's two scatters say."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.errors import UserError
from analysis.observations.lab import LABORATORY
from analysis.studies.hosts import earlier
from analysis.studies.hosts.drawing import NINETY
from analysis.studies.hosts.earlier import Spreads, updated, weights, width
from analysis.studies.hosts.host import load_host
from analysis.studies.hosts.prediction import predict

MACHINE = pd.DataFrame({"memory_gib": [4.0], "stop_rule": "qemu", "dirty_pages_per_s": 3000.0,
                        "bandwidth_gbps": 1.0})  # fmt: skip


@pytest.fixture(scope="module")
def laboratory():
    return load_host(LABORATORY)


def said(middle=10.0, spread=0.05):
    """A prediction of a total time whose intervals are those of a normal law of its logarithm."""
    sides = [("low", -1), ("high", 1)]
    ends = {
        f"total_s_{end}{level}": middle * np.exp(side * times * spread)
        for end, side in sides
        for level, times in ((50, 0.6745), (90, NINETY))
    }
    return pd.DataFrame({"total_s": [middle], **ends})


def after(told, repeats=0.03, own=0.0, least=0.0, table=None):
    one = np.array([repeats]), np.array([own])
    table = said() if table is None else table
    return updated(table, "total_s", [np.array(told, float)], Spreads(*one), np.array([least])).iloc[0]


def test_one_earlier_time_by_hand():
    """Spread 5 %, repeats 3 %: s^2 / V = 0.36, so w = 0.64 and V' / V = 0.36 + 0.36 * 0.64 = 0.5904."""
    row = after([11.0])
    assert row.total_s_weight == pytest.approx(0.64)
    assert row.total_s == pytest.approx(10 * 1.1**0.64)
    assert row.total_s_high90 / row.total_s == pytest.approx(np.exp(NINETY * 0.05 * np.sqrt(0.5904)))
    assert row.total_s / row.total_s_low50 == pytest.approx(np.exp(0.6745 * 0.05 * np.sqrt(0.5904)))
    assert (row.total_s_of_host, row.total_s_of_host_low90) == (
        10.0,
        pytest.approx(10 * np.exp(-NINETY * 0.05)),
    )


def test_four_earlier_times_are_what_a_grid_of_configurations_says():
    """Bayes by summation over 4,001 deviations of the configuration: mean and spread of the next time."""
    told = np.log([10.4, 11.0, 10.7, 10.9])
    of = np.linspace(-0.3, 0.3, 4001)
    s, t = 0.03, 0.04
    weight = np.exp(-0.5 * (of / t) ** 2) * np.prod(
        [np.exp(-0.5 * ((y - np.log(10) - of) / s) ** 2) for y in told], axis=0
    )
    mean = (weight * of).sum() / weight.sum()
    variance = (weight * (of - mean) ** 2).sum() / weight.sum() + s**2
    row = after(np.exp(told), repeats=s)
    assert row.total_s == pytest.approx(10 * np.exp(mean), rel=1e-6)
    assert np.log(row.total_s_high90 / row.total_s) == pytest.approx(NINETY * np.sqrt(variance), rel=1e-6)


def test_without_an_earlier_time_the_prediction_stays():
    """Not a bit of it changes, nor where the host knows no repeats; then nobody knows the weight."""
    ends = list(said())
    assert after([])[ends].tolist() == said().iloc[0].tolist()
    unknown = after([11.0], repeats=np.nan)
    assert unknown[ends].tolist() == said().iloc[0].tolist()
    assert np.isnan(unknown.total_s_weight)


def test_ever_more_earlier_times_are_their_mean():
    """A million of them at 12 s: 12 s, and the interval is that of repeats alone."""
    row = after([12.0] * 1_000_000)
    assert row.total_s == pytest.approx(12.0, rel=1e-5)
    assert row.total_s_high90 / row.total_s == pytest.approx(np.exp(NINETY * 0.03), rel=1e-5)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.floats(1.0, 100.0), max_size=6), st.floats(0, 0.3), st.floats(0, 0.3), st.floats(0, 0.3))
def test_an_interval_is_never_wider_than_without(told, spread, repeats, own):
    """Relative to the prediction, whatever was told; and the prediction lies between host and mean."""
    before = said(spread=spread)
    row = after(told, repeats, own, table=before)
    found = row.to_frame().T.astype(float)
    assert width(found, "total_s")[0] <= width(before, "total_s")[0] + 1e-9
    mean = np.exp(np.mean(np.log(told))) if told else 10.0
    assert min(10.0, mean) - 1e-9 <= row.total_s <= max(10.0, mean) + 1e-9


def test_what_a_host_does_not_know_of_itself_is_no_scatter_of_repeats():
    """Repeats said to scatter more than all do leave half of the variance where the host owns half of it."""
    share, narrower = weights(
        np.array([1]), np.array([0.05]), Spreads(np.array([0.2]), np.array([0.05 / 2**0.5]))
    )
    assert share[0] == pytest.approx(0.5)
    assert narrower[0] == pytest.approx(np.sqrt(0.75))


def test_a_time_that_cannot_be_is_left_out():
    """The content alone takes 9 s: 5 s was another machine; 9.5 s counts, and no time draws below 9 s."""
    assert after([5.0], least=9.0).total_s == 10.0
    assert after([5.0, 9.5], least=9.0).total_s == after([9.5], least=9.0).total_s < 10
    assert after([8.9] * 99, least=9.0).total_s == 9.0
    assert after([8.9], least=9.0).total_s_of_host_low999 == pytest.approx(10 * np.exp(-2 * NINETY * 0.05))


def test_what_is_lopsided_fades():
    """A thousand earlier ones leave both ends as far, and together the root of V'/V of what they were."""
    table = said().assign(total_s_low90=10 * np.exp(-0.02), total_s_high90=10 * np.exp(0.18))
    row = after([10.0] * 1000, table=table)
    up, down = np.log(row.total_s_high90 / row.total_s), np.log(row.total_s / row.total_s_low90)
    assert up == pytest.approx(down, rel=0.01)
    assert up + down == pytest.approx(2 * NINETY * 0.03, rel=0.001)


def test_what_never_ends_by_the_host_stays_so():
    """An earlier time contradicts it, and is no measure of anything the host says."""
    endless = said().assign(total_s=np.inf, total_s_low50=9.0, total_s_high50=np.inf, total_s_high90=np.inf)
    row = after([11.0], table=endless)
    assert (row.total_s, row.total_s_weight) == (np.inf, 0.0)


def test_an_interval_without_an_end_gets_one():
    """Where some draws never end, a time that was met says that this one does."""
    row = after([11.0], table=said().assign(total_s_high90=np.inf))
    assert np.isfinite(row.total_s_high90)
    assert row.total_s == pytest.approx(11.0, rel=0.01)


def test_parts_of_a_total_stay_its_parts(laboratory):
    """Brownout is what the pause and the set-up leave of the total, and its interval holds it."""
    alone = predict(MACHINE, laboratory).iloc[0]
    row = predict(MACHINE, laboratory, last_total_s=37.2, last_blackout_s=[0.30, 0.31]).iloc[0]
    set_up = alone.total_s - alone.brownout_s - alone.blackout_s
    assert row.brownout_s + row.blackout_s + set_up == pytest.approx(row.total_s)
    assert alone.total_s < row.total_s < 37.2
    assert alone.blackout_s < row.blackout_s < 0.31
    assert row.brownout_s_low90 < row.brownout_s_low50 < row.brownout_s < row.brownout_s_high50
    assert (
        row[["stream_gib", "converge_chance"]].tolist() == alone[["stream_gib", "converge_chance"]].tolist()
    )


def test_each_machine_of_a_table_has_its_own(laboratory):
    """Two rows with one and no earlier time: the second is as without."""
    two = pd.concat([MACHINE] * 2, ignore_index=True)
    found = predict(two, laboratory, last_total_s=[[37.2], []])
    assert found.total_s[0] == predict(MACHINE, laboratory, last_total_s=37.2).total_s[0]
    assert found.total_s[1] == predict(MACHINE, laboratory).total_s[0]


@pytest.mark.parametrize(
    ("host", "told", "sentence"),
    [
        (False, 12.0, "last_total_s is weighed by how much migrations on a calibrated host scatter"),
        (True, [[1.0], [2.0]], "are of 2 machines, and there are 1 scenarios"),
        (True, -3.0, "last_total_s = -3 is no duration: it is above 0 and at most 1e+07 s"),
        (True, ["soon"], "is no sequence of seconds"),
    ],
)
def test_what_is_no_earlier_time_is_told(laboratory, host, told, sentence):
    """No host to weigh it, another number of machines, no duration, no number."""
    with pytest.raises(UserError, match="(?s).*" + sentence.replace("+", r"\+")):
        predict(MACHINE, laboratory if host else None, last_total_s=told)


def test_names_are_those_of_predict():
    """What may be told is a keyword of predict, each of an outcome with intervals."""
    assert earlier.LAST.keys() <= predict.__annotations__.keys()


def test_the_brownout_is_known_as_much_better_as_the_total():
    """Where the total's interval has half its width, so has the brownout's; both around what is left."""
    middle, others = said(100.0, 0.2), said(80.0, 0.2)
    of_host = middle.join(others.rename(columns=lambda name: name.replace("total_s", "brownout_s")))
    of_host = of_host.assign(blackout_s=18.0)
    found = earlier.consistent(of_host.assign(**said(90.0, 0.1)), of_host).iloc[0]
    assert found.brownout_s == pytest.approx(70)
    assert found.brownout_s_high90 / 70 == pytest.approx(np.exp(NINETY * 0.1), rel=0.01)
    assert found.brownout_s_low50 / 70 == pytest.approx(np.exp(-0.6745 * 0.1), rel=0.01)
