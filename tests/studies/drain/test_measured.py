"""Measured drains: what is predicted of them, where that fails, and what a rolling window would gain."""

import pytest

from analysis.studies.drain import measured


@pytest.fixture(scope="module")
def drains():
    """The OpenStack drains."""
    return measured.read_drains()


def test_the_drains_are_as_described(drains):
    """Forty drains of twelve machines at each level, 206, 253 and 269 s on the mean."""
    whole = drains.groupby(["at_once", "drain"]).agg(s=("drain_s", "first"), n=("machine", "size"))
    assert (whole.n == 12).all()
    assert whole.groupby("at_once").s.agg(["size", "mean"]).round(0).to_numpy().tolist() == [
        [40, 206], [40, 253], [40, 269],
    ]  # fmt: skip


def test_one_by_one_is_predicted_by_its_own_machine(drains):
    """Twelve times one machine and its pause make the drain one by one, in the simulation too."""
    told = measured.one_by_one(drains)
    assert told["machine_s"] == pytest.approx(16.54, abs=0.01)
    one = measured.blind(drains).set_index("at_once").loc[1]
    assert one.shared_s == pytest.approx(205.9, rel=0.002)
    assert one.queued_s == pytest.approx(205.9, rel=1e-9)


def test_more_at_once_is_not_predicted_from_one_by_one(drains):
    """The documented miss: both readings fall short by a fifth and more, and the docs say why."""
    table = measured.blind(drains).set_index("at_once")
    assert table.shared_error.loc[[2, 4]].round(2).tolist() == [-0.25, -0.33]
    assert table.queued_error.loc[[2, 4]].round(2).tolist() == [-0.20, -0.26]
    ends = measured.staggered(drains)
    # One after the other: a shared link would let all of a batch end together.
    assert ends.loc[2].dropna().tolist() == pytest.approx([22.9, 41.0], abs=0.05)
    assert ends.loc[4].tolist() == pytest.approx([29.3, 45.5, 64.2, 85.4], abs=0.05)


def test_what_the_drains_one_by_one_cannot_tell(drains):
    """Two at once never end together: the second takes a whole machine's time after the first, so nothing
    that it sent before counted, and no share of a link is told. The first ends later than alone by what
    drains one by one have no trace of; the beat at which ends are told, 2.4 s, is the same."""
    found = measured.in_turn(drains).set_index("at_once")
    alone = measured.one_by_one(drains)["machine_s"]
    assert found.step_s.loc[[2, 4]].tolist() == pytest.approx([18.2, 18.7], abs=0.05)
    assert (found.step_s.loc[[2, 4]] > alone).all()
    assert found.least_step_s[2] > 11
    assert found.first_later_s.loc[[2, 4]].tolist() == pytest.approx([6.3, 12.8], abs=0.05)
    assert found.poll_s.loc[[1, 2]].tolist() == pytest.approx([2.4, 2.4], abs=0.05)


def test_four_at_once_follow_from_one_and_two(drains):
    """With what a second machine adds, four at once are predicted within 5 %."""
    found = measured.four_from_two(drains)
    assert abs(found["error"]) < 0.05
    alone, ends = measured.one_by_one(drains)["machine_s"], measured.staggered(drains)
    gap = measured._gaps(drains[drains.at_once == 2]).mean()
    assert gap > 0.5
    batch = 4 * alone + 3 * (ends.loc[2, 2] - 2 * alone) + gap
    assert found["predicted_s"] == pytest.approx(3 * batch)


def test_a_rolling_window_gains(drains):
    """The same machines in a rolling window: 203 and 193 s as the facts have it; intervals hold the mean."""
    gain = measured.rolling_gain(drains, draws=500)
    assert gain.rolling_s.round(0).tolist() == [203, 193]
    assert ((gain.low90 < gain.gain) & (gain.gain < gain.high90)).all()
    assert (gain.low90 > 0.15).all()


def test_published_drains_of_hyperv():
    """On 1 Gbit/s the link binds and all three are within 20 %; on 10 Gbit/s the documented misses."""
    table = measured.hyperv_drains()
    slow, fast = table[table.bandwidth_gbps == 1], table[table.bandwidth_gbps == 10]
    assert len(slow) == len(fast) == 3
    assert (slow.error.abs() < 0.2).all()
    assert fast.error.round(1).tolist() == [-0.5, -0.5, 0.5]
    assert abs(fast.four_s.iloc[-1] / fast.measured_s.iloc[-1] - 1) < 0.2
