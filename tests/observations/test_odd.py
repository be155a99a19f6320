"""Files that are odd in ways that hosts, editors and copying make them: the right figures, or a sentence."""

import re

import pytest

from analysis.observations.recognise import read_record
from analysis.observations.tables import TableError
from tests.observations import forms

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


FORMS = {
    "typeperf": forms.pdh(ONE),
    "Get-Counter": forms.get_counter(ONE),
    "Readings": forms.readings(ONE),
    "qemu": forms.json_lines(forms.qmp(ONE)),
    "libvirt": forms.domjobinfo(ONE),
    "events as CSV": forms.events_csv(ONE),
    "events as XML": forms.events_xml(ONE),
    "events as Clixml": forms.events_clixml(ONE),
}


@pytest.mark.parametrize("form", FORMS)
def test_zeros_at_the_end(read, form):
    """A power cut leaves zeros behind what was written: they are told, and all before them is read."""
    found = read(FORMS[form].encode() + bytes(5000))
    assert found.migrations.measured_total_s.tolist() == pytest.approx([ONE.total_s])
    assert any("writing was broken off: from here on there are only zeros" in note for note in found.notes)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("ends", ["\r", "\n", "\r\n"])
def test_any_line_end(read, form, ends):
    """Carriage returns alone, line feeds alone, both: the same migration."""
    found = read(FORMS[form].replace("\r\n", "\n").replace("\n", ends))
    assert found.migrations.measured_total_s.tolist() == pytest.approx([ONE.total_s])


@pytest.mark.parametrize("mark", [";", "\t"])
def test_other_separators(read, mark):
    """Columns set apart by semicolons, with decimal commas too, or by tabs."""
    for comma in (False, True):
        found = read(forms.pdh(ONE, comma=comma).replace('","', f'"{mark}"'))
        assert found.migrations.measured_total_s.tolist() == [ONE.total_s]
        assert found.passes.dirtied_pages.tolist() == [0, *ONE.dirtied]


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        ("9,000.000000", "has another decimal mark than the values before it"),
        ("9\N{NO-BREAK SPACE}000.000000", "is not a number"),
        ("NaN", "is not a number"),
        ("1.#QNAN", "is not a number"),
        ("inf", "is not a number"),
        ("1e299", "is out of range"),
        ("0x10", "is not a number"),
        ("9_000", "is not a number"),
        ("-9000", "typeperf's word for no value"),
    ],
)
def test_a_value_that_is_none(read, value, sentence):
    """It is not taken for a figure, a sentence names it, and everything else is read."""
    found = read(forms.pdh(ONE).replace('"9000.000000"', f'"{value}"'))
    assert found.passes.dirtied_pages.tolist() == pytest.approx([0, float("nan"), 4000, 700], nan_ok=True)
    assert found.migrations.measured_total_s.tolist() == [ONE.total_s]
    assert any(re.search(rf"line \d+: .*{re.escape(sentence)}", note) for note in found.notes)


def test_a_comma_that_may_be_either(read):
    """In a file of whole numbers, 9,000 may be nine or nine thousand: neither is taken."""
    text = forms.get_counter(ONE).replace(".000000", "").replace('"9000"', '"9,000"')
    found = read(text)
    assert found.passes.dirtied_pages.isna().tolist() == [False, True, False, False]
    assert any("= '9,000' can be read in two ways" in note for note in found.notes)


def test_a_negative_zero_is_zero(read):
    """No table shows -0."""
    found = read(forms.pdh(ONE).replace('"9000.000000"', '"-0.000000"'))
    assert "-0" not in str(found.passes.dirtied_pages[1])


@pytest.mark.parametrize("number", ["1.500000", "1e18"])
def test_a_number_that_is_no_pass(read, number):
    """A pass and a half, or the quintillionth, is a gap in the counters."""
    found = read(forms.pdh(ONE).replace('"2.000000"', f'"{number}"'))
    assert found.passes.pass_number.tolist() == [0, 1, 3]
    assert any("is no number of a pass" in note for note in found.notes)
    assert found.migrations.measured_total_s.tolist() == [ONE.total_s]


def test_passes_where_the_clock_goes_back(read):
    """When summer time ends within a migration no duration is told, but every pass and its dirty pages."""
    rows = forms.pdh(ONE).split("\r\n")
    found = read("\r\n".join([*rows[:10], *(row.replace(" 21:", " 20:") for row in rows[10:])]))
    assert found.passes.dirtied_pages.tolist() == [0, *ONE.dirtied]
    assert found.passes.time_s.isna().all()


@pytest.mark.parametrize("form", ["events_csv", "events_clixml"])
def test_events_that_stand_twice(read, form):
    """Two exports that overlap, one after the other, are one migration."""
    found = read(getattr(forms, form)(ONE) * 2)
    assert found.migrations.measured_total_s.tolist() == [ONE.total_s]
    assert sum("stands here twice" in note for note in found.notes) == 3


def test_a_file_that_grows_while_it_is_read(tmp_path):
    """What is appended meanwhile is read or left for the next time; progress stays within the file's size."""
    path, told = tmp_path / "recorded", []
    path.write_text(forms.pdh(ONE, text=False) * 300, encoding="utf-8", newline="")

    def growing(done, size):
        told.append(done / size)
        with path.open("a", encoding="utf-8", newline="") as file:
            file.write(forms.pdh(ONE, text=False))

    found = read_record(path, progress=growing)
    assert len(found.migrations) >= 300
    assert told == sorted(told)
    assert told[-1] == 1


def test_what_is_no_file(tmp_path):
    """A folder, a file that is not there, an empty one: a sentence each."""
    (tmp_path / "empty").write_bytes(b"")
    for name, sentence in (("", "is a folder"), ("none", "there is no file"), ("empty", "is empty")):
        with pytest.raises(TableError, match=sentence):
            read_record(tmp_path / name)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("-11.00 seconds", "'11.00 seconds' can be read in two ways"),
        ("1 011 seconds", "'011 seconds' can be read in two ways"),
        ("11,000 seconds", "'11,000 seconds' can be read in two ways"),
        ("9" * 30 + " seconds", "can be read in two ways"),
        ("00:00:11", "it holds no number with a unit"),
        ("NaN seconds", "it holds no number with a unit"),
    ],
)
def test_a_duration_that_is_not_clear(read, text, sentence):
    """A part of a number or of a duration is not taken for all of it: no brownout, and a sentence."""
    found = read(forms.events_csv(ONE).replace("11.00 seconds", text))
    assert found.migrations.measured_brownout_s.isna().all()
    assert found.migrations.measured_blackout_s.tolist() == [ONE.pause_s]
    assert any("event 22508" in note and sentence in note for note in found.notes), found.notes


def test_seconds_by_their_symbol(read):
    """11.00 s are seconds as well."""
    found = read(forms.events_csv(ONE).replace("11.00 seconds", "11.00 s"))
    assert found.migrations.measured_brownout_s.tolist() == [11]


def test_pages_with_a_blank_between_thousands(read):
    """Of 1 700 dirty pages, 700 are not taken for all."""
    found = read(forms.events_csv(ONE).replace("700 dirty pages", "1 700 dirty pages"))
    assert found.migrations.residual_pages.isna().all()
    assert any("its number of pages can be read in two ways" in note for note in found.notes)


def test_a_figure_of_libvirt_beyond_all_bounds(read):
    """Four hundred digits are no time."""
    found = read(forms.domjobinfo(ONE).replace(f"{ONE.total_s * 1000}", "9" * 400))
    assert found.migrations.measured_total_s.isna().all()
    assert any("is out of range" in note for note in found.notes)


def test_a_clock_that_goes_back_and_forth_within_a_gap(read):
    """A row without the counters and with a stamp of an hour before: durations are not told, passes are."""
    rows = forms.pdh(ONE).split("\r\n")
    at = next(i for i, row in enumerate(rows) if forms.stamp(10) in row)
    rows[at : at + 1] = [blank(rows[at]), blank(rows[at]).replace(" 21:", " 20:")]
    found = read("\r\n".join(rows))
    assert found.passes.dirtied_pages.tolist() == [0, *ONE.dirtied]
    assert found.passes.duration_s.isna().all()
    assert found.migrations.measured_total_s.isna().all()
