"""Figures and tables of advice and of clients: titles that follow from the rows, at their edges too."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from analysis.figures import advice as told
from analysis.figures import clients as felt_of
from analysis.figures import levers
from analysis.figures.language import alternative_text, title_of
from analysis.model.migration import migrate
from analysis.observations.stalls import read_stalls
from analysis.studies.decisions import advised, clients
from analysis.studies.decisions.advice import advise
from analysis.studies.decisions.changes import Situation
from analysis.studies.decisions.levers import at_hand
from analysis.studies.decisions.planning import plan
from analysis.studies.decisions.stalls import compared
from analysis.studies.hosts.host import Estimate, Host, on

CASES = {
    "a gain": ({"network": "shared", "background_share": 0.6}, "dedicated"),
    "nothing helps": ({"bandwidth_gbps": 1, "transport": "compression"}, ""),
    "no end today": ({"stop_rule": "qemu", "dirty_pages_per_s": 6e4, "bandwidth_gbps": 1}, "link=25"),
}


@pytest.fixture(autouse=True)
def _closed():
    """Draw without a screen and leave no figure open."""
    plt.switch_backend("agg")
    yield
    plt.close("all")


def rows_of(case, **more):
    asked, hand = CASES[case]
    asked = {"memory_gib": 16.0, "working_set_gib": 8.0} | asked
    return advised.felt(advise(Situation(on("", asked), at_hand=at_hand(hand), given=tuple(asked), **more)))


@pytest.mark.parametrize("case", CASES)
def test_the_picture_of_advice_says_the_first_line(case):
    """Its title names the first line's changes, or that nothing helps; the text tells every bar."""
    rows = rows_of(case)
    fig = told.ranked(rows)
    fig.draw_without_rendering()
    first = rows.iloc[0]["levers"]
    assert all(lever.what in title_of(fig).lower() or lever.what in title_of(fig) for lever in first[1:])
    assert first or title_of(fig).startswith("Nothing at hand helps: the line binds")
    assert "today: " in alternative_text(fig)
    assert told.takeaway(rows, "total").startswith("**Change ")
    assert 2 <= len(told.key_numbers(rows)) <= 4


def test_intervals_are_drawn_and_told():
    """On a host every gain has the ends of its interval, in the table and as a line over its bar."""
    host = Host("h", parameters=(Estimate("setup_s", 2.0, 1.5, 3.0),), scatter={"time": {"line_rate": 0.05}})
    rows = rows_of("a gain", host=host)
    assert told.ranked_table(rows)["less"].str.contains(" to ").all()
    fig = told.ranked(rows)
    fig.draw_without_rendering()
    ends = {y: high for line in fig.axes[0].collections for _, (high, y) in line.get_segments()}
    labels = {text.xy[1]: text.xy[0] for text in fig.axes[0].texts}
    assert len(ends) >= 1
    assert all(labels[y] >= high for y, high in ends.items())


def test_a_picture_of_hours_is_in_hours_and_several_cores_bind():
    """Ticks of five digits overprint each other; a single bar is no taller than one of several."""
    rows = advise(Situation({"memory_gib": 24576.0, "dirty_pages_per_s": 1e5, "working_set_gib": 512.0}))
    rows = advised.felt(rows)
    fig = told.ranked(rows)
    assert fig.axes[0].get_xlabel() == "total time [h]"
    assert max(fig.axes[0].get_ylim()) - min(fig.axes[0].get_ylim()) == len(fig.axes[0].texts) + 0.2
    nothing = rows.head(1).assign(levers=[()], size=0, binds_before="spare_cores", total_s=2.2)
    assert told.finding(nothing).startswith("Nothing at hand helps: the spare cores bind, and")


def test_how_tells_every_lever_that_gains_in_four_steps():
    """Today's value, the command, the price, the source; each lever once."""
    rows = rows_of("a gain")
    table = told.how_table(rows)
    gaining = rows[rows.verdict == "gain"]
    names = {lever.name for levers in gaining.levers for lever in levers}
    assert list(table["step"]) == ["today", "set", "price", "source"] * len(names)


@pytest.mark.parametrize("outage_s", [0.5, 691.0])
def test_the_law_is_drawn_with_this_outage(outage_s):
    """The title's ratio follows from the law; the outage here is marked, one of 11 minutes too."""
    fig = felt_of.stall_over_outage(outage_s)
    fig.draw_without_rendering()
    assert fig.axes[0].get_xlim()[1] > outage_s
    assert title_of(fig).startswith("A client waits longer than the outage")
    assert any("here" in text.get_text() for text in fig.axes[0].texts)


def test_the_measured_law_is_told_by_its_numbers():
    """How many cuts, and how near half of them are."""
    found = compared(read_stalls())
    title = title_of(felt_of.law_and_measurement(found))
    assert title.startswith(f"Half of {len(found)} measured stalls are within ")


def test_what_clients_feel_of_a_pause_and_of_none():
    """A row for each observer with its source; of a migration without end there is nothing to feel."""
    table = clients.felt(migrate(stop_rule=["hyperv", "qemu"], dirty_pages_per_s=1e6, bandwidth_gbps=1))
    known = felt_of.observers_table(clients.effects(table.iloc[0]))
    assert len(known) == len(clients.OBSERVERS)
    assert known["source"].str.len().gt(0).all()
    numbers = [felt_of.key_numbers(table.iloc[i]) for i in (0, 1)]
    assert np.isnan(table.outage_s[1])
    assert numbers[1]["outage"] == "none: it never ends"
    assert "chance that anything drops" in numbers[0]


def test_a_plan_without_end_says_so_instead_of_empty_axes():
    """No line lets a guest of 1e6 writes end under QEMU's rule: title and panels say it, no pause is told."""
    guest = {"stop_rule": "qemu", "dirty_pages_per_s": 1e6, "working_set_gib": 32.0, "memory_gib": 64.0}
    targets = {"total_s": 120.0, "blackout_ms": 500.0}
    found = plan("bandwidth_gbps", targets, pd.DataFrame([guest]))
    curve = migrate(pd.DataFrame([guest | {"bandwidth_gbps": line} for line in (1.0, 100.0)]))
    fig = levers.needed(found, curve)
    assert "No line rate in this range is enough: its passes go on without end" in title_of(fig)
    assert all(any("without end" in text.get_text() for text in ax.texts) for ax in fig.axes)
    assert "blackout goes from endless to endless" in alternative_text(fig).replace("\N{NO-BREAK SPACE}", " ")


@pytest.mark.parametrize(
    ("least", "most", "said"),
    [
        (46.0, 676.0, "46 s to 11 min 16 s"),
        (54.0, np.inf, "from 54 s to never ending"),
        (np.inf, np.inf, "it never ends"),
    ],
)
def test_the_widest_swing_is_told_with_its_ends(least, most, said):
    """A swing without end is no time; a name of several words takes no verb."""
    first = pd.Series({"parameter": "dirty_pages_per_s", "least": least, "most": most})
    told = levers._widest(first).replace("\N{NO-BREAK SPACE}", " ")
    assert told == f"One at a time, the total time hangs most on page writes: {said}"
