"""Figures out of words: a number is read whole or not at all; names, paths and identifiers are none."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.observations.durations import durations, number_of, without_names


def seconds(text, *names):
    """The one duration of a text, NaN where it is not clear; a list where there are none or several."""
    found = [told.seconds for told in durations(without_names(text, names))]
    return found[0] if len(found) == 1 else found


@pytest.mark.parametrize(
    ("text", "right"),
    [
        ("1\N{RIGHT SINGLE QUOTATION MARK}234 ms", 1.234),
        ("1'234 ms", 1.234),
        ("1\N{NO-BREAK SPACE}234 ms", 1.234),
        ("1\N{THIN SPACE}234 ms", 1.234),
        ("1\u066c234 ms", 1.234),
        ("1,23,456 ms", 123.456),
        ("1.234.567 ms", 1234.567),
        ("00:01:05 seconds", 65),
        ("1:05 s", 65),
        ("1:05,5 Sekunden", 65.5),
        ("1m 5s", 65),
        ("1m5s", 65),
        ("1 minute 5 seconds", 65),
        ("1 h 2 min and 3 s", 3723),
        ("1 Stunde und 5 Sekunden", 3605),
        ("5 s 300 ms", 5.3),
        ("5 minutes", 300),
        ("5E-05 seconds", 5e-5),
        ("1E+03 ms", 1),
        ("2.5e3 ms", 2.5),
        ("3.264 seconds", 3.264),
        ("0.234 ms", 0.000234),
        ("19,43 Sekunden", 19.43),
        ("\u0661\u0662 s", 12),
        ("250 \N{MICRO SIGN}s", 0.00025),
    ],
)
def test_a_duration_is_read_whole(text, right):
    """Separators of every culture, exponents, minutes and clocks: the whole duration in seconds."""
    assert seconds(f"The machine was paused for {text}.") == pytest.approx(right)
    assert seconds(text) == pytest.approx(right)


@pytest.mark.parametrize(
    "text",
    ["1 heure 5 s", "5-6 s", "1.234 ms", "1,234 ms", "1.234 s", "1.234 Sekunden", "5 to 6 s", "5 bis 6 s",
     "~5 s", "1'23 s", "10.0.0.1 s", "1:75 s", "00:01:05 ms", "1/2 s", "5 ms 6 s", "1.5 min 5 s",
     "5--6 s", "1 000 ms", "-5 s", "12.5.3 s", "2 Quarks 5 s"],
)  # fmt: skip
def test_what_can_be_read_in_two_ways_is_not_read(text):
    """A part of a number, of a range or of a longer duration is never taken for all of it."""
    found = seconds(f"It took {text}.")
    assert isinstance(found, list) or math.isnan(found)


@pytest.mark.parametrize(
    ("text", "names", "right"),
    [
        ("Memory of 'Windows 10 S' moved in 11 seconds", (), 11),
        ("Memory of Windows 10 S moved in 11 seconds", ("Windows 10 S",), 11),
        (r"C:\Node 5 s\disk 7 s.vhdx moved in 11 seconds", (), [pytest.approx(math.nan, nan_ok=True), 11]),
        (r"\\node 5 s\share 3 s\x.vhdx moved in 11 seconds", (), 11),
        ("/srv/5 s/x moved in 11 seconds", (), 11),
        ("/srv/5s/x moved in 11 seconds", (), 11),
        ("https://host/5s moved in 11 seconds", (), 11),
        ("node-5 s was left in 11 seconds", (), 11),
        ('"10 ms" was moved in 11 seconds', (), 11),
        ("\u201e10 ms\u201c was moved in 11 seconds", (), 11),
        ("\u00ab10 ms\u00bb was moved in 11 seconds", (), 11),
        ("0x5 s; id {0B1F6A7C-1111-2222-3333-444455556666} moved in 11 seconds", (), 11),
    ],
)
def test_a_name_never_is_a_figure(text, names, right):
    """Quoted names, names given, paths, addresses and identifiers; where they end is unclear, it is told."""
    found = seconds(text, *names)
    assert (found if isinstance(right, list) else [found]) == (right if isinstance(right, list) else [right])


@given(st.integers(0, 10**9), st.sampled_from("'\u2019\u00a0\u202f\u2009"))
def test_groups_of_thousands_change_nothing(value, mark):
    """Whatever sets thousands apart, the number is the same."""
    assert number_of(f"{value:,}".replace(",", mark)) == value


@given(st.floats(0, 1e9, allow_subnormal=False), st.sampled_from(["{:.2f}", "{:.6e}", "{:.1f}"]))
def test_a_decimal_comma_changes_nothing(value, form):
    """A comma and a point are the same number, or neither is read."""
    text = form.format(value)
    both = number_of(text), number_of(text.replace(".", ","))
    assert both[0] == both[1] == float(text)


@given(st.text(max_size=40))
def test_any_text_has_only_durations_that_can_be(text):
    """Whatever the text, every duration is NaN with a reason or a finite number of at least 0."""
    for told in durations(without_names(text)):
        assert bool(told.why) == math.isnan(told.seconds)
        assert math.isnan(told.seconds) or told.seconds >= 0
