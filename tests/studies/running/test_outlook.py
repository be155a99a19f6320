"""How a running migration ends: the model from where it stands, its intervals, and what helps."""

import math
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from analysis.model.dirtying import WriteClasses
from analysis.model.migration import migrate
from analysis.studies.running import levers, widths
from analysis.studies.running.belief import DRAWS, _sampled
from analysis.studies.running.course import course
from analysis.studies.running.forecast import Rule, _left_of, ends, guests, paused_now
from analysis.studies.running.guests import UNKNOWNS, Told
from analysis.studies.running.outlook import _binds, _seen, outlook, quantile
from tests.studies.running.test_course import polls


def told(rate, size):
    """A guest that is known: so many uniform writes a second over so many pages, content of 10,000."""
    classes = WriteClasses(np.array([[rate]]), np.array([[size]]), np.zeros((1, 1), bool))
    return Told(classes, content_pages=10_000.0, scatter=0.0)


KNOWN = {"memory_gib": 10_000 / 2**18, "resident_share": 1.0, "top_content_share": 0.0,
         "zero_page_bytes": 0.0, "working_set_gib": 3000 / 2**18, "bandwidth_gbps": 1000 * 4104 * 8 / 1e9,
         "frame_overhead_bytes": 0.0, "header_bytes": 0.0, "send_buffers": 1e6, "receive_buffers": 1e6,
         "setup_s": 0.0, "handoff_ms": 5.0, "state_mib": 0.0, "stop_rule": "qemu",
         "blackout_target_ms": 100.0, "pass_limit": 30}  # fmt: skip


@pytest.mark.parametrize("rate", [0.0, 300.0, 900.0])
@pytest.mark.parametrize("until", [2.0, 9.0])
def test_from_within_the_first_pass_it_ends_as_the_model_says(rate, until):
    """A guest known to the page on a steady link: the same end as predicted beforehand, from any moment."""
    here = course([p for p in polls(step_s=0.1) if p.time_s <= until])
    rule = Rule(pass_limit=30)
    found = ends(here, rule, guests(here, told(rate, 3000.0)))
    expected = migrate(dirty_pages_per_s=rate, **KNOWN).iloc[0]
    assert np.median(found.end_s) == pytest.approx(expected.total_s, rel=0.01)
    assert np.median(found.blackout_s) == pytest.approx(expected.blackout_s, abs=0.03)


def test_a_guest_that_outwrites_the_link_never_ends():
    """Three times what the link carries, over a working set far above the limit, and no limit on passes."""
    here = course(polls(found=(7000, 6900, 6900)))
    now = outlook(here, Rule(), told(3000.0, 8000.0))
    assert math.isinf(now.end_s)
    assert now.converge_chance == now.progress == 0
    assert now.binds == "writes"
    # Twenty times the limit lets 2,000 pages wait, and every pass leaves more.
    assert {one.name for one in now.levers} == {"throttle", "pause"}


def test_what_helps_converges_and_nothing_is_offered_where_all_is_well():
    """Each lever that sets a value makes it converge nearly surely; a calm guest needs none."""
    here = course(polls(found=(7000, 6900, 6900)))
    for one in outlook(here, Rule(), told(3000.0, 8000.0)).levers:
        assert one.converge_chance >= 0.9
        assert math.isfinite(one.end_s)
    assert outlook(here, Rule(), told(1.0, 100.0)).levers == ()


def test_a_pause_now_sends_what_remains_and_what_was_dirtied():
    """What waits over the rate: 100 pages a second, written in turn, come to what remains of the pass."""
    here = course(polls(step_s=0.1))
    classes = WriteClasses(np.array([[100.0]]), np.array([[9000.0]]), np.ones((1, 1), bool))
    known = Told(classes, content_pages=10_000.0, scatter=0.0)
    found = paused_now(here, Rule(pause_s=0.0), guests(here, known))
    waits = here.remaining_pages + 100.0 * (here.time_s - here.start_s)
    assert np.median(found.blackout_s) == pytest.approx(waits / 1000, rel=0.01)


def test_what_the_looks_found_tells_the_guest():
    """2,400 pages of 3,000 in 10 s and then fewer in shorter passes: rate and working set are found."""
    rate, size, found, waits = 600.0, 3000.0, [], 10_000.0
    for _ in range(4):
        waits = size * -math.expm1(-rate * waits / 1000 / size)
        found.append(waits)
    here = course(polls(step_s=0.05, found=found))
    who = guests(here, Told())
    assert np.median(who.classes.rates.sum(axis=1)) == pytest.approx(rate, rel=0.1)
    assert np.median(who.classes.sizes.sum(axis=1)) == pytest.approx(size, rel=0.1)


def test_before_the_first_look_the_interval_is_wide_and_narrows_with_it():
    """Nothing tells how much is written before; afterwards something does."""
    found = (2500, 1300, 800, 500, 300)
    early, late = (
        outlook(course([p for p in polls(found=found, step_s=0.1) if p.time_s <= t]), Rule(), Told())
        for t in (5, 13)
    )
    width = [o.intervals["high90"] - o.intervals["low90"] for o in (early, late)]
    assert width[1] < width[0] / 3
    assert early.binds == "first_pass"


def test_progress_never_runs_backward():
    """It is the share of the predicted whole; where the prediction grows, progress stays."""
    here = course(polls())
    now = outlook(here, Rule(), Told(), before=0.97)
    assert now.progress == 0.97
    assert outlook(here, Rule(), Told()).progress == pytest.approx(here.time_s / now.end_s)


def test_the_end_lies_inside_its_intervals():
    """The 50 % interval inside the 90 % one, the end inside both, at any width."""
    ends_at = {"low50": 9.0, "low90": 8.0, "high50": 12.0, "high90": math.inf}
    made = widths.widened(ends_at, 10.0, 5.0, "later")
    assert made["low90"] < made["low50"] < 10 < made["high50"]
    assert math.isinf(made["high90"])
    assert widths.score(12.0, 10.0, ends_at, 5.0, 50) == pytest.approx(1)
    assert widths.score(8.0, 10.0, ends_at, 5.0, 90) == pytest.approx(1)


def test_quantiles_are_of_those_that_end():
    """Infinite ends are told by the chance to end, not by the time; all infinite is infinite."""
    assert quantile(np.array([1.0, 2.0, 3.0, np.inf]), 0.5) == 2
    assert math.isinf(quantile(np.full(4, np.inf), 0.5))


def test_before_anything_is_seen_guests_are_drawn_as_they_come():
    """No look and no sample: nothing is learnt, so the draws are the first ones, all alike in weight."""
    here = course([p for p in polls() if p.time_s < 5])
    z, log = _sampled("uniform", here, Told(), np.random.default_rng(1))
    assert np.array_equal(z, np.random.default_rng(1).standard_normal((DRAWS, UNKNOWNS)))
    assert np.ptp(log) == 0


@pytest.mark.parametrize(
    ("rule", "left"),
    [(Rule(pass_limit=30), 29), (Rule("hyperv"), 4), (Rule(), 199), (Rule("hyperv", pass_limit=1), 1)],
)
def test_the_pass_that_was_made_is_no_more_to_be_made(rule, left):
    """In the second pass: one less than the rule has, at least the one under way; of no limit 200."""
    found = _left_of(rule, course(polls()))
    assert found["pass_limit"].item() == left
    assert found["stop_rule"].item() == rule.name


def test_where_it_stands_is_told_in_gib():
    """262,144 pages are a GiB; where the source does not tell what remains there is no pass to number."""
    here = course(polls())
    seen = _seen(here)
    assert (seen["time_s"], seen["pass_number"], seen["link_gbps"]) == (here.time_s, 2, here.link_gbps)
    assert seen["remaining_gib"] == pytest.approx(here.remaining_pages / 2**18)
    assert seen["working_set_gib"] == pytest.approx(4000 / 2**18, rel=1e-3)
    assert seen["dirty_pages_per_s"] == here.dirty_pages_per_s
    assert _seen(replace(here, blind=True))["pass_number"] == 0


@pytest.mark.parametrize(
    ("ratio", "end_s", "converged", "by_limit", "binds"),
    [
        (0.51, 9.0, 1.0, False, "writes"),
        (0.5, 9.0, 1.0, False, "link"),
        (math.nan, 9.0, 1.0, False, "link"),
        (math.nan, 9.0, 0.0, False, "first_pass"),
        (0.1, math.inf, 0.0, False, "writes"),
        (0.1, 9.0, 0.0, True, "pass_limit"),
    ],
)
def test_what_the_end_hangs_on(ratio, end_s, converged, by_limit, binds):
    """More than half as many pages dirtied as sent are many; before a look nothing tells; then the rule."""
    here = SimpleNamespace(dirty_pages_per_s=1000.0 * ratio, pages_per_s=1000.0)
    found = SimpleNamespace(
        end_s=np.full(4, end_s), by_pass_limit=np.full(4, by_limit), converged=np.full(4, converged)
    )
    assert _binds(here, found) == binds


def test_a_limit_is_one_that_a_person_would_set():
    """Two digits, rounded up; what has two digits stays."""
    assert [levers._round(ms) for ms in (123.0, 150.0, 4.21, 1001.0)] == pytest.approx([130, 150, 4.3, 1100])


def test_an_end_that_was_foretold_as_never_lies_inside_or_out():
    """Inside where the interval is open above and begins before it, else as far out as can be."""
    open_above = {"low90": 8.0, "high90": math.inf}
    assert widths.score(8.0, math.inf, open_above, 5.0, 90) == 0
    assert math.isinf(widths.score(7.0, math.inf, open_above, 5.0, 90))
    assert math.isinf(widths.score(9.0, math.inf, {"low90": 8.0, "high90": 10.0}, 5.0, 90))
