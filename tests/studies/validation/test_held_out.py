"""Whole groups are held out, and nothing of them reaches the predictor.

That this study is then ahead of its rivals is a test of notebook 05, which computes the table.
"""

import numpy as np
import pandas as pd
import pytest

from analysis.errors import UserError
from analysis.observations.lab import read_migrations
from analysis.studies.validation import held_out as cv
from analysis.studies.validation.migrations import plain as is_plain


@pytest.fixture(scope="module")
def plain():
    """The open plain migrations that were completed."""
    observed = read_migrations()
    chosen = observed[is_plain(observed) & (observed.measured_verdict != "never")]
    return chosen.reset_index(drop=True)


class Spy:
    """A predictor that remembers which rows it was given, and answers with the rows' own numbers."""

    def __init__(self):
        self.calls = []

    def __call__(self, train, test):
        self.calls.append((set(train.migration), set(test.migration)))
        return pd.DataFrame({"total_s": test.number.to_numpy()})


@pytest.mark.parametrize("grouping", cv.GROUPINGS)
def test_no_row_of_a_group_reaches_its_predictor(plain, grouping):
    """Each group is predicted once, from all other groups and none of its own rows."""
    groups, spy = cv.GROUPINGS[grouping](plain), Spy()
    cv.held_out(plain.assign(number=0.0), groups, spy)
    everything = set(plain.migration)
    assert sorted(map(sorted, (test for _, test in spy.calls))) == sorted(
        sorted(part.migration) for _, part in plain.groupby(groups)
    )
    assert all(train == everything - test for train, test in spy.calls)


def test_held_out_predictions_stand_in_the_rows_order(plain):
    """Groups are predicted one after the other, and each prediction comes back to its own row."""
    shuffled = plain.sample(frac=1, random_state=3).assign(number=np.arange(float(len(plain))))
    found = cv.held_out(shuffled, shuffled.write_pattern, Spy())
    assert found.total_s.tolist() == shuffled.number.tolist()
    assert found.index.equals(shuffled.index)


def test_links_are_grouped_by_ranges():
    """The upper end belongs to a range: 0.3 Gbit/s to the slowest, 0.5 to the next."""
    table = pd.DataFrame({"bandwidth_gbps": [0.2, 0.3, 0.301, 0.5, 1.0, 100.0]})
    assert cv.link_groups(table).tolist() == [
        "0 to 0.3 Gbit/s",
        "0 to 0.3 Gbit/s",
        "0.3 to 0.5 Gbit/s",
        "0.3 to 0.5 Gbit/s",
        "0.8 to 1.05 Gbit/s",
        "1.05 to inf Gbit/s",
    ]


def test_what_may_be_known_beforehand_has_nothing_measured(plain):
    """Parameters and the kind of migration; no measurement, no load, no name of the row."""
    names = set(cv.inputs(plain))
    assert not any(name.startswith("measured_") for name in names)
    assert names.isdisjoint({"host_load", "migration", "group", "repeat", "time_limit_s"})


@pytest.mark.parametrize("name", cv.predictors())
def test_nothing_measured_of_the_held_out_rows_is_used(plain, name):
    """With every measurement of the test rows replaced by nonsense, each model predicts the same."""
    train, test = plain.iloc[:12], plain.iloc[12:20]
    nonsense = {c: 1e6 for c in test if c.startswith("measured_") and c != "measured_verdict"}
    honest, spied = (cv.predictors()[name](train, t) for t in (test, test.assign(**nonsense, host_load="99")))
    np.testing.assert_array_equal(honest.total_s, spied.total_s)


def test_every_rival_has_its_place_in_the_table():
    """This study, the five models by name, and boosted trees where scikit-learn is installed."""
    pytest.importorskip("sklearn")
    assert len(cv.predictors()) == 7
    assert next(iter(cv.predictors())) == cv.OURS


def test_one_group_alone_cannot_be_held_out(plain):
    """Nothing is left to calibrate on, and that is said."""
    with pytest.raises(UserError, match="too few to calibrate"):
        cv.held_out(plain, pd.Series("one", index=plain.index), cv.by_this_study)


def test_this_study_is_calibrated_on_the_others_alone(plain, monkeypatch):
    """The rows to be predicted go in without measurements; the second stage is learnt where asked for."""
    monkeypatch.setattr(cv, "calibrate", lambda train, **asked: (list(train.migration), asked))
    monkeypatch.setattr(cv, "predict", lambda rows, host: (list(rows), len(rows), host))
    train, test = plain.iloc[:3], plain.iloc[3:5]
    known, names = list(cv.inputs(test)), list(train.migration)
    assert cv.by_this_study(train, test) == (known, 2, (names, {}))
    assert cv.by_this_study_corrected(train, test) == (known, 2, (names, {"learn_correction": True}))


def measured_and_found():
    """Two migrations that took 10 s, sent 2 GiB and froze for 0.1 s; predicted 11 and 300 s, past a limit."""
    table = pd.DataFrame({"measured_total_s": [10.0, 10.0], "measured_stream_gib": 2.0,
                          "measured_blackout_s": 0.1, "time_limit_s": [90.0, 90.0]})  # fmt: skip
    found = pd.DataFrame({"total_s": [11.0, 300.0], "stream_gib": [2.0, 3.0], "blackout_s": [0.1, 0.3]})
    return table, found


def test_errors_of_a_model_by_hand():
    """Of time 10 % and, cut at 90 s, 800 %; of bytes 0 and 50 %; of the downtime 0 and 200 ms."""
    row = cv._errors("a rival", "link speed", *measured_and_found())
    assert row == pytest.approx(
        {
            "model": "a rival", "held_out": "link speed", "time_median": 4.05, "time_p90": 0.1 + 0.9 * 7.9,
            "bytes_median": 0.25, "bytes_p90": 0.45, "downtime_ms_median": 100.0, "downtime_ms_p90": 180.0,
        }
    )  # fmt: skip


def test_the_share_inside_is_told_of_intervals_alone():
    """One of two inside nine in ten of time, both of the downtime; a rival without intervals has no share."""
    table, found = measured_and_found()
    assert cv._inside(table, found) == {}
    ends = {f"{name}_{end}{level}": value for name, low, high in (("total_s", [9.0, 200.0], 320.0),
            ("blackout_s", 0.0, 0.4)) for end, value in (("low", low), ("high", high))
            for level in (50, 90)}  # fmt: skip
    assert cv._inside(table, found.assign(**ends)) == {
        "time_inside_50": 0.5, "time_inside_90": 0.5, "downtime_inside_50": 1.0, "downtime_inside_90": 1.0,
    }  # fmt: skip


def test_the_league_has_a_row_for_each_model_and_grouping(plain, monkeypatch):
    """In sample first, then every predictor by every grouping; what never ended is left out."""
    rows = plain.assign(number=plain.measured_total_s)
    rows.loc[0, "measured_verdict"] = "never"

    def exact(_train, test):
        names = ("total_s", "stream_gib", "blackout_s")
        return pd.DataFrame({name: test[f"measured_{name}"].to_numpy() for name in names})

    monkeypatch.setattr(cv, "calibrate", len)
    monkeypatch.setattr(cv, "predict", lambda table, count: exact(None, rows.iloc[1:]).assign(total_s=count))
    monkeypatch.setattr(cv, "predictors", lambda: {"exact": exact})
    found = cv.league(rows)
    assert found[["model", "held_out"]].to_numpy().tolist() == [
        [cv.IN_SAMPLE, "nothing"], ["exact", "write pattern"], ["exact", "link speed"],
    ]  # fmt: skip
    assert found.time_median[1:].tolist() == [0, 0]
    sizes = (np.minimum(len(rows) - 1, rows.time_limit_s[1:]) / rows.measured_total_s[1:] - 1).abs()
    assert found.time_median[0] == pytest.approx(sizes.median())


@pytest.mark.nightly
def test_the_second_stage_does_no_harm_held_out(plain):
    """Offered as better, it must not make held-out times worse: at most a tenth above the first stage's."""
    groups = cv.link_groups(plain)
    found = {}
    for predictor in (cv.by_this_study, cv.by_this_study_corrected):
        predicted = cv.held_out(plain, groups, predictor)
        found[predictor] = (predicted.total_s / plain.measured_total_s - 1).abs().median()
    assert found[cv.by_this_study_corrected] <= 1.1 * found[cv.by_this_study]
