"""The progress of reading a large file: on a terminal alone, after a second, on a line that is taken back."""

import pytest

from analysis.cli import reading


@pytest.fixture
def clock(monkeypatch):
    """A clock that is set by hand."""
    now = [0.0]
    monkeypatch.setattr(reading.time, "monotonic", lambda: now[0])
    return now


def test_nobody_is_told_where_nobody_looks(standard_error):
    """In a file of errors there is no progress."""
    standard_error(False)
    with reading.progress_bar() as show:
        assert show is None


def test_what_takes_long_is_told_now_and_then(standard_error, clock):
    """Not in the first second, not more than five times a second, and the line is empty in the end."""
    screen = standard_error(True)
    with reading.progress_bar() as show:
        for clock[0] in (0.5, 1.5, 1.6, 2.0):
            show(2**20 * 10, 2**20 * 40)
        show(1, 0)
        assert screen.getvalue() == "\rreading:  25% of 40 MiB" * 2
    assert screen.getvalue().endswith("\r" + " " * 40 + "\r")


def test_what_is_soon_read_leaves_nothing(standard_error, clock):
    """No line was written, and none is taken back."""
    screen = standard_error(True)
    with reading.progress_bar() as show:
        show(1, 2)
    assert screen.getvalue() == ""
