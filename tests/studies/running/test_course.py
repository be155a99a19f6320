"""What polls tell of a running migration: passes, the link, and where it stands."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.observations.polls import Poll
from analysis.studies.running.course import _Walk, course

PAGE = 4096


def polls(pages_per_s=1000.0, content=10_000, step_s=0.5, found=(4000,), memory=10_000):
    """Polls of a guest whose looks find so many pages, sent at a steady rate, to the end of the last pass."""
    made, at, number, start, waits = [], step_s, 1, 0.0, content
    looks = [*found]
    while True:
        while at - start >= waits / pages_per_s and looks:
            start, waits, number = start + waits / pages_per_s, looks.pop(0), number + 1
        left = waits - pages_per_s * (at - start)
        if left <= 0:
            return made
        sent = pages_per_s * at * (PAGE + 8)
        made.append(Poll(at, sent, left * PAGE, memory * PAGE, number, 0.0, 100.0))
        at += step_s


def test_passes_are_found_by_hand():
    """10,000 pages at 1,000 a second take 10 s; the look then finds 4,000, whatever was polled around it."""
    here = course(polls())
    assert (here.number, [one.number for one in here.seen]) == (2, [1])
    assert here.pages_per_s == pytest.approx(1000)
    assert here.link_gbps == pytest.approx(1000 * 4104 * 8 / 1e9)
    assert here.seen[0].found_pages == pytest.approx(4000, abs=1)
    assert here.seen[0].duration_s == pytest.approx(9.9, abs=0.11)  # a pass ends at the downtime limit
    assert here.dirty_pages_per_s == pytest.approx(4000 / here.seen[0].duration_s)
    assert here.content_pages == pytest.approx(10_000, rel=0.02)


def test_a_rise_tells_a_look_that_nobody_counts():
    """Without a count of looks a pass has ended where what remains rises."""
    counted, uncounted = (course(p) for p in (polls(), [p._replace(looks=math.nan) for p in polls()]))
    assert counted.seen == uncounted.seen


def test_the_limit_is_what_qemu_expects_while_it_knows_no_dirty_rate():
    """Later it is QEMU's own estimate of the downtime and no limit."""
    told = polls()
    assert course(told).limit_ms == 100
    later = [p._replace(dirty_pages_per_s=900.0, expected_blackout_ms=12.0) for p in told]
    assert math.isnan(course(later).limit_ms)


def test_pages_that_are_counted_count():
    """Pages without content pass in no time: where QEMU counts them, what a look found is exact."""
    before = Poll(9.0, 9000 * 4104, 6000 * PAGE, 15_000 * PAGE, 1, content_pages=9000, zero_pages=0)
    after = Poll(10.5, 10_500 * 4104, 3500 * PAGE, 15_000 * PAGE, 2, content_pages=10_500, zero_pages=5000)
    here = course([Poll(1.0, 1000 * 4104, 14_000 * PAGE, 15_000 * PAGE, 1), before, after])
    assert here.seen[0].found_pages == 3500 - 6000 + 1500 + 5000


def test_what_a_look_found_and_when_by_hand():
    """At 1,000 pages a second 600 wait, 100 of them within the limit: the pass ends half a second later.
    After the first pass, which passes over pages without content, what was sent counts; 800 were."""
    first = Poll(1.0, 1000 * 4104, 9000 * PAGE, 10_000 * PAGE, 1)
    before, now = Poll(9.0, 9000 * 4104, 600 * PAGE), Poll(10.0, 9800 * 4104, 3700 * PAGE)
    walk = _Walk(first, 1000.0, 4104.0, 100.0)
    assert walk._look(before, now) == pytest.approx((3700 - 100 + 500, 9.5, 100))
    walk.number = 2
    assert walk._look(before, now) == pytest.approx((3700 - 600 + 800, 9.5, 100))
    # Within the limit already: the look falls on the poll before, and all of it is left.
    assert walk._look(before._replace(remaining_bytes=50 * PAGE), now) == pytest.approx((4450, 9.0, 50))


def test_where_pages_are_counted_the_look_falls_where_they_say():
    """6,500 pages passed while what remains fell by 2,500: 4,000 were found, 500 of them sent since."""
    before = Poll(9.0, 9000 * 4104, 6000 * PAGE, content_pages=9000, zero_pages=0)
    now = Poll(10.5, 10_500 * 4104, 3500 * PAGE, content_pages=10_500, zero_pages=5000)
    assert _Walk(before, 1000.0, 4104.0, 0.0)._look(before, now) == pytest.approx((4000, 10.0, 0))


def test_two_looks_between_two_polls_tell_nothing_of_each():
    """What each of them found is not known, and is not guessed."""
    told = [p._replace(looks=p.looks + (p.looks > 1)) for p in polls()]
    here = course(told)
    assert math.isnan(here.seen[0].found_pages)
    assert here.number == 3
    assert math.isnan(here.dirty_pages_per_s)


@pytest.mark.parametrize("few", [[], polls()[:1], [polls()[0]] * 3])
def test_too_few_polls_are_no_course(few):
    """A rate takes two moments."""
    assert course(few) is None


def test_a_clock_that_goes_back_is_no_time():
    """A poll told twice, with an earlier one between: one moment, and no rate."""
    assert course([Poll(t, s, 0.0, math.nan, 0) for t, s in ((1.0, 0.0), (0.0, 0.0), (1.0, 1.0))]) is None
    assert course([Poll(t, 1e9 * t, 0.0, math.nan, 0) for t in (0.0, 5e-324)]) is None


@given(
    st.lists(
        st.tuples(*[st.floats(0, 1e12) | st.just(math.nan) for _ in range(3)], st.integers(0, 9)), max_size=8
    )
)
def test_any_polls_are_a_course_or_none(figures):
    """Whatever is polled: no error, no negative figure, a rate above zero."""
    here = course(Poll(t, s, r, math.nan, n) for t, s, r, n in figures)
    if here is not None:
        assert here.pages_per_s > 0
        assert here.began_pages >= 0
        assert all(p.duration_s >= 0 and p.left_pages >= 0 for p in here.seen)
