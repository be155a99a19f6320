"""Stamps of logs: zones, years that are not told, clocks that jump."""

import math

import pytest

from analysis.observations.logs.lines import Course, LogLine, Stamps, moment, seconds
from analysis.observations.record import Notes

NOON = 1775044800.0
"""1 April 2026, 12:00 UTC."""


def at(text):
    """The moment of a line."""
    return Stamps(Notes("a.log")).line("a.log", 1, text).at_s


@pytest.mark.parametrize(
    ("text", "moment_s"),
    [
        ("2026-04-01 12:00:00.250 7 INFO", NOON + 0.25),
        ("2026-04-01 14:00:00,250+0200 INFO (migmon)", NOON + 0.25),
        ("2026-04-01T06:30:00.25-05:30 host", NOON + 0.25),
        ("Thread-1::INFO::2026-04-01 12:00:00,250::migration::x", NOON + 0.25),
        ("[2026-04-01 12:00:00 xend 3113] INFO", NOON),
        ('{"msg":"from 2020-01-01 00:00:00","timestamp":"2026-04-01T12:00:00.250Z"}', NOON + 0.25),
        ("2026-04-01 12:00:00Z plain", NOON),
    ],
)
def test_a_stamp_is_its_moment_in_utc(text, moment_s):
    """With a zone in UTC, without one on the log's own clock; in JSON the field and not the message."""
    assert at(text) == moment_s


@pytest.mark.parametrize("text", ["", "no stamp", "2026-13-01 12:00:00", "2026-04-01 25:00:00", "+99:99",
                                  "2026-04-01 12:00:00+99:00", "Foo 33 12:00:00 x"])  # fmt: skip
def test_what_is_no_stamp_has_no_moment(text):
    """Nothing is made of a month 13, an hour 25 or a zone of 99 hours."""
    assert math.isnan(at(text))


def test_a_log_without_years_goes_on_over_new_year():
    """From 31 December, 23:59:50, to 1 January, 00:00:05, are 15 s; one note says that no year is told."""
    notes = Notes("a.log")
    stamps = Stamps(notes)
    first = stamps.line("a.log", 1, "Dec 31 23:59:50 host x: y")
    second = stamps.line("a.log", 2, "Jan  1 00:00:05 host x: y")
    assert second.at_s - first.at_s == 15
    assert not first.dated
    assert notes.sentences() == ["a.log, line 1: its stamps tell no year"]


def test_a_moment_is_told_to_the_millisecond_where_it_is_known_so():
    """Whole seconds have no point; what no calendar has is nothing."""
    assert moment(NOON) == "2026-04-01 12:00:00"
    assert moment(NOON + 0.25) == "2026-04-01 12:00:00.250"
    assert moment(math.nan) is None
    assert moment(1e18) is None
    assert seconds("2026-04-01T12:00:00Z") == NOON
    assert math.isnan(seconds("2026-04-01T12:00:00Z and more"))


def test_counted_seconds_go_before_a_clock_that_jumps():
    """An hour forward between 5 s and 10 s: the end, 2.5 s after the last line, is at 12.5 s."""
    notes, course = Notes("a.log"), Course("web")
    course.counted(LogLine("a.log", 1, "", NOON + 5), 5.0, notes)
    assert course.at_end(LogLine("a.log", 1, "", NOON + 7)) == 7
    course.counted(LogLine("a.log", 2, "", NOON + 3610), 10.0, notes)
    assert course.at_end(LogLine("a.log", 3, "", NOON + 3612.5)) == 12.5
    assert "run apart by +3.6e+03 s" in notes.sentences()[0]


def test_stamps_alone_tell_no_time_once_they_go_back():
    """An hour back: from there on nothing is told; a fraction of a second is only another writer's line."""
    notes, course = Notes("a.log"), Course("web", began_s=NOON, last_at_s=NOON)
    assert course.since_began(LogLine("a.log", 1, "", NOON + 4), notes) == 4
    assert course.since_began(LogLine("a.log", 2, "", NOON + 3.5), notes) == 3.5
    assert math.isnan(course.since_began(LogLine("a.log", 3, "", NOON - 3590), notes))
    assert math.isnan(course.since_began(LogLine("a.log", 4, "", NOON + 9), notes))
