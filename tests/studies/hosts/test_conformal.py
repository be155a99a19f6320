"""Intervals that are multiplied by what held-out rows show: by hand, and their promise by simulation."""

import numpy as np
import pandas as pd
import pytest

from analysis.studies.hosts import conformal


def predicted(rows, half=0.1, middle=10.0):
    """Predictions of 10 s with intervals of 10 % on either side, as logarithms, half as much at 50 %."""
    table = {"total_s": np.full(rows, middle)}
    for level, width in ((50, half / 2), (90, half)):
        table |= {
            f"total_s_low{level}": middle * np.exp(-width),
            f"total_s_high{level}": middle * np.exp(width),
        }
    return pd.DataFrame(table)


def measured(factors):
    return pd.DataFrame({"total_s": 10.0 * np.exp(np.asarray(factors))})


def test_the_width_is_the_kth_score_by_hand():
    """19 rows off by 0.01 ... 0.19: of 20 the 18th, 0.18, over half an interval of 0.1; at 50 % the 10th."""
    off = np.arange(1, 20) / 100 * np.where(np.arange(19) % 2, 1, -1)
    (regime,) = conformal.learnt(predicted(19), measured(off), np.zeros(19))["total_s"]
    assert regime["90"] == pytest.approx(1.8)
    assert regime["50"] == pytest.approx(0.1 / 0.05)
    assert (regime["rows"], regime["up_to"]) == (19, conformal.NO_END)


@pytest.mark.parametrize(("off", "width"), [(0.02, 0.2), (0.3, 3.0), (9.0, conformal.MOST)])
def test_of_twelve_rows_the_farthest_counts(off, width):
    """The 12th of 13; a row that is off by a factor of thousands makes no law."""
    factors = np.append(np.zeros(11), off)
    (regime,) = conformal.learnt(predicted(12), measured(factors), np.zeros(12))["total_s"]
    assert regime["90"] == pytest.approx(width)


def test_too_few_rows_leave_intervals_as_they_are():
    """Nine measured rows: nothing is learnt."""
    assert conformal.learnt(predicted(9), measured(np.zeros(9)), np.zeros(9)) == {}


def test_what_was_not_measured_does_not_count():
    """Of thirty rows a third was not measured."""
    off = np.where(np.arange(30) % 3, 0.05, np.nan)
    assert conformal.learnt(predicted(30), measured(off), np.zeros(30))["total_s"][0]["rows"] == 20


def test_each_regime_with_enough_rows_has_its_own_width():
    """150 rows far below the link off by 5 %, 150 near it by 50 %; the 20 above it belong to the nearest."""
    ratio = np.repeat([0.01, 0.8, 1.5], [150, 150, 20])
    off = np.repeat([0.05, 0.5, 0.5], [150, 150, 20])
    found = conformal.learnt(predicted(320), measured(off), ratio)["total_s"]
    assert [(r["up_to"], r["rows"]) for r in found] == [(0.05, 150), (conformal.NO_END, 170)]
    assert [r["90"] for r in found] == [pytest.approx(0.5), pytest.approx(5)]


def test_an_interval_is_stretched_about_its_prediction_by_hand():
    """A width of 2 makes 10 s from 9.05 to 11.05 one from 8.19 to 12.21; of brownouts, as of totals."""
    widths = {"total_s": [{"up_to": conformal.NO_END, "rows": 50, "50": 1.0, "90": 2.0}]}
    found = conformal.widened(predicted(1), widths, np.zeros(1)).iloc[0]
    assert (found.total_s_low90, found.total_s_high90) == (
        pytest.approx(10 * np.exp(-0.2)),
        pytest.approx(10 * np.exp(0.2)),
    )
    assert found.total_s_high50 == pytest.approx(10 * np.exp(0.05))


def test_a_row_takes_the_width_of_its_regime():
    """Below 0.05 of the link as it is, above twice as wide, and a link that carries nothing as the last."""
    widths = {"total_s": [
        {"up_to": 0.05, "rows": 100, "50": 1.0, "90": 1.0},
        {"up_to": conformal.NO_END, "rows": 100, "50": 1.0, "90": 2.0},
    ]}  # fmt: skip
    found = conformal.widened(predicted(3), widths, np.array([0.01, 0.5, np.inf]))
    assert np.log(found.total_s_high90 / 10).tolist() == pytest.approx([0.1, 0.2, 0.2])


def test_what_never_ends_stays_so():
    """Infinite predictions and ends are neither moved nor made NaN."""
    table = predicted(2).assign(total_s=[10.0, np.inf], total_s_high90=np.inf, total_s_high50=[11.0, np.inf])
    widths = {"total_s": [{"up_to": conformal.NO_END, "rows": 50, "50": 3.0, "90": 3.0}]}
    found = conformal.widened(table, widths, np.zeros(2))
    assert np.isinf(found.total_s_high90).all()
    assert not found.isna().any(axis=None)


@pytest.mark.thorough
def test_new_rows_lie_inside_as_often_as_promised():
    """Whatever the errors' law, here heavy-tailed: over 200 samples 90 and 50 % of new rows are inside."""
    rng = np.random.default_rng(20_261_130)
    inside = {50: [], 90: []}
    for _ in range(200):
        old, new = 0.03 * rng.standard_t(2, (2, 60))
        widths = conformal.learnt(predicted(60), measured(old), np.zeros(60))
        found = conformal.widened(predicted(60), widths, np.zeros(60))
        for level, shares in inside.items():
            times = measured(new).total_s
            shares.append(times.between(found[f"total_s_low{level}"], found[f"total_s_high{level}"]).mean())
    assert np.mean(inside[90]) == pytest.approx(0.9, abs=0.02)
    assert np.mean(inside[50]) == pytest.approx(0.5, abs=0.02)


REGIMES = {
    "total_s": [{"up_to": 0.5, "90": 2.0, "50": 1.0}, {"up_to": conformal.NO_END, "90": 0.5, "50": 1.0}]
}


@pytest.mark.parametrize("name", ["total_s", "brownout_s"])
def test_draws_are_moved_by_the_regimes_width(name):
    """By hand: from 10 to 20 becomes to 40 where it is doubled, from 10 to 40 to 20 where it is halved.

    Phase one goes as the total time; what is endless, or has no width learnt, stays as it is.
    """
    middle, draws = np.array([10.0, 10.0, 10.0]), np.array([[20.0, 5.0], [40.0, 2.5], [np.inf, 10.0]])
    moved = conformal.drawn_apart(name, middle, draws, REGIMES, np.array([0.4, 0.5, 9.0]))
    np.testing.assert_allclose(moved, [[40, 2.5], [20, 5], [np.inf, 10]], rtol=1e-9)
    endless = conformal.drawn_apart(name, np.array([np.inf]), draws[:1], REGIMES, np.array([0.4]))
    np.testing.assert_array_equal(endless, draws[:1])
    np.testing.assert_array_equal(conformal.drawn_apart("stream_gib", middle, draws, REGIMES, middle), draws)


def test_draws_go_no_farther_apart_than_a_hundredfold():
    """Tenfold off, tripled in width, would be a thousandfold: a hundredfold is the end, or where it was."""
    widths = {"total_s": [{"up_to": conformal.NO_END, "90": 3.0, "50": 1.0}]}
    moved = conformal.drawn_apart(
        "total_s", np.array([1.0]), np.array([[10.0, 1e4]]), widths, np.array([0.1])
    )
    np.testing.assert_allclose(moved, [[100, 1e4]], rtol=1e-9)


def test_blackouts_are_moved_beside_their_floor():
    """2 ms stand beside each: 8 ms drawn of 3 ms is twice as much, doubled in width four times: 18 ms."""
    widths = {"blackout_s": [{"up_to": conformal.NO_END, "90": 2.0, "50": 1.0}]}
    drawn = conformal.drawn_apart(
        "blackout_s", np.array([0.003]), np.array([[0.008, 0.0]]), widths, np.array([0.1])
    )
    np.testing.assert_allclose(drawn, [[0.018, 0.0]], rtol=1e-6)
