"""Files that are odd in ways that hosts, editors and copying make them: the right figures, or a sentence."""

import importlib.util
from pathlib import Path

import pytest

from analysis.observations.recognise import read_record

_SPEC = importlib.util.spec_from_file_location("forms", Path(__file__).with_name("forms.py"))
forms = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(forms)

ONE = forms.Migration()
OBJECT = "\\\\HV01\\Hyper-V VM Live Migration"


@pytest.fixture
def read(tmp_path):
    """A function that writes a file without a telling name, as text or bytes, and reads it."""

    def reading(content, encoding="utf-8", **how):
        path = tmp_path / "recorded"
        path.write_bytes(content if isinstance(content, bytes) else content.encode(encoding))
        return read_record(path, **how)

    return reading


def changed(text, second, change):
    """A recording with the row of one second changed by a function."""
    rows = text.split("\r\n")
    at = next(i for i, row in enumerate(rows) if forms.stamp(second) in row)
    return "\r\n".join([*rows[:at], change(rows[at]), *rows[at + 1 :]])


def blank(row):
    """A row of a recording without any value."""
    return ",".join([row.split(",")[0], *['" "'] * row.count(",")])


def test_two_gaps_in_one_migration(read):
    """Values without a pass number belong to the gap; totals still count from the migration's begin."""
    text = changed(forms.pdh(ONE), 6, blank)
    text = changed(text, 9, lambda row: row.replace('"2.000000"', '"x"', 1))
    found = read(text)
    (row,) = found.migrations.itertuples()
    assert row.measured_before_compression_gib == pytest.approx(ONE.sent_pages * forms.PAGE / 2**30)
    assert row.measured_stream_gib == pytest.approx(ONE.stream_bytes / 2**30)


def test_rounded_sizes_give_no_negative_pages(read):
    """domjobinfo rounds sizes to a thousandth: 0.997 MiB less is 255 pages sent and none found dirty."""
    answer = "Job type: {}\nTime elapsed: {} ms\nMemory remaining: {} MiB\nIteration: {}\nNormal pages: {}\n"
    text = "".join(
        answer.format(*values)
        for values in (("Unbounded", 0, 0.997, 1, 0), ("Unbounded", 100, "0.000", 2, 255),
                       ("Completed", 200, "0.000", 2, 255))
    )  # fmt: skip
    assert read(text).passes.dirtied_pages.tolist() == [0, 0]


def test_a_recording_that_begins_within_a_migration(read):
    """What was before its first row nobody knows: no total, no volume, and a sentence."""
    rows = forms.pdh(ONE).split("\r\n")
    found = read("\r\n".join([*rows[:2], *rows[7:]]))
    (row,) = found.migrations.itertuples()
    assert [row.measured_total_s, row.measured_stream_gib] == pytest.approx([float("nan")] * 2, nan_ok=True)
    assert any("line 3: the recording begins within the migration of web" in note for note in found.notes)
    assert found.passes.dirtied_pages.tolist()[1:] == list(ONE.dirtied)
    assert found.passes.duration_s.tolist()[1:] == [*ONE.pass_s[1:], ONE.pause_s]


def test_a_blackout_between_two_samples(read):
    """A pause that no sample shows is not 0: it is not told, and a sentence says so."""
    text = forms.pdh(ONE)
    found = read(changed(text, 2 + sum(ONE.pass_s), lambda row: row.replace('"1.000000"', '"0.000000"', 1)))
    assert found.migrations.measured_blackout_s.isna().all()
    assert any("no sample of web fell into its blackout" in note for note in found.notes)


def test_larger_pages_are_counted_as_4_kib(read):
    """A host with pages of 16 KiB tells a quarter as many of them; dirty pages are the study's."""
    answers = forms.qmp(ONE)
    for answer in answers:
        ram = answer["return"]["ram"]
        ram |= {"page-size": 4 * ram["page-size"], "normal": ram["normal"] / 4}
    found = read(forms.json_lines(answers))
    assert found.passes.dirtied_pages.tolist() == pytest.approx([0, *ONE.dirtied])
    assert found.migrations.measured_content_pages[0] == pytest.approx(ONE.sent_pages)


def test_a_date_that_may_be_read_in_two_ways(read):
    """The fifth of September and the ninth of May look alike; which was taken is told."""
    text = forms.readings(ONE)
    told = read(text.replace("9/22/2026 9:", "05/09/2026 09:").replace(" PM", "")).notes
    assert any("'05/09/2026 09:42:00' is read as month/day/year" in note for note in told)
    assert not any("month/day/year" in note for note in read(text).notes)


def test_a_reading_without_its_value(read):
    """A path below which no value stands shifts no other value into its place."""
    name = forms.NUMBER.lower()
    found = read(forms.readings(ONE).replace(f"{name} :\n3\n", f"{name} :\n", 1))
    assert any("paths and values of this cell do not pair up" in note for note in found.notes)
    assert found.passes.dirtied_pages.tolist() == [0, *ONE.dirtied]
