"""A synthetic migration, written in every form, is read back to the same passes and totals."""

import json

import pytest

from analysis.observations.qemu import read_qemu
from analysis.observations.recognise import read_record, recognise
from tests.observations import forms

ONE, OTHER = forms.Migration(), forms.Migration("db", (4, 5), (3000, 5000), 2, 40960, 1.25)
ZONE = " (W. Europe Standard Time)(-60)"


def written(folder, text, encoding="utf-8"):
    """A file whose name tells nothing."""
    path = folder / "recorded"
    path.write_bytes(text.encode(encoding))
    return path


def wrapped(answers):
    """Answers as one list without QMP's wrapper."""
    return json.dumps([answer["return"] for answer in answers], indent=2)


QEMU = {
    "lines": forms.json_lines,
    "one list": wrapped,
    "one after the other": lambda a: "\n".join(json.dumps(x, indent=4) for x in a),
    "a session": lambda a: '{"QMP": {"version": {}}}\n{"return": {}}\n' + forms.json_lines(a),
}


@pytest.mark.parametrize("form", QEMU)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_qemu(tmp_path, form, encoding):
    """Answers of query-migrate in every arrangement are the same migration."""
    path = written(tmp_path, QEMU[form](forms.qmp(ONE)), encoding)
    assert recognise(path) == "qemu"
    check(read_record(path), ONE, exact=True)


def test_qemu_interleaved(tmp_path):
    """Two migrations at the same time are told apart by their keys."""
    pairs = zip(forms.qmp(ONE, "a"), [*forms.qmp(OTHER, "b"), None], strict=True)
    found = read_qemu(written(tmp_path, forms.json_lines([x for pair in pairs for x in pair if x])))
    for key, migration in (("a", ONE), ("b", OTHER)):
        check(part(found, key), migration, exact=True)


def test_libvirt(tmp_path):
    """domjobinfo, asked again and again, is the same migration, as coarse as its three decimals."""
    path = written(tmp_path, forms.domjobinfo(ONE))
    assert recognise(path) == "libvirt"
    check(read_record(path), ONE, exact=True, pages=0.3)


COUNTERS = {
    "typeperf": lambda m: forms.pdh(m),
    "relog": lambda m: forms.pdh(m, zone=ZONE, text=False),
    "described": lambda m: forms.pdh(m, zone=ZONE, description=True),
    "decimal comma": lambda m: forms.pdh(m, comma=True),
    "Get-Counter": forms.get_counter,
}


@pytest.mark.parametrize("form", COUNTERS)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_counters(tmp_path, form, encoding):
    """Performance counters of every form are the same migration."""
    path = written(tmp_path, COUNTERS[form](ONE), encoding)
    assert recognise(path) == "counters"
    found = read_record(path)
    check(found, ONE)
    row = found.migrations.iloc[0]
    assert row.measured_compression_ratio == pytest.approx(ONE.ratio)
    assert row.posted_receive_buffers_least == 15
    assert row.discarded_received_packets == ONE.total_s


def test_counters_of_two_migrations_at_once(tmp_path):
    """Instances tell two migrations apart that run at the same time."""
    found = read_record(written(tmp_path, forms.pdh(ONE, OTHER)))
    for migration in (ONE, OTHER):
        check(part(found, migration.vm), migration)


@pytest.mark.parametrize("german", [False, True])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_counters_in_one_cell(tmp_path, german, encoding):
    """Get-Counter through Export-Csv as it is: one cell has all values of a moment, in the host's writing."""
    path = written(tmp_path, forms.readings(ONE, german=german), encoding)
    assert recognise(path) == "counters"
    check(read_record(path), ONE)


def test_counters_with_a_gap(tmp_path):
    """A row without values in the middle is a gap; with the clock set back too, times are not told."""
    rows = forms.pdh(ONE).split("\r\n")
    at = next(i for i, row in enumerate(rows) if forms.stamp(10) in row)
    rows[at] = rows[2].replace(forms.stamp(0), forms.stamp(10))
    check(read_record(written(tmp_path, "\r\n".join(rows))), ONE)
    late = [row.replace("2026 21:", "2026 20:") for row in rows[at + 1 :]]
    found = read_record(written(tmp_path, "\r\n".join([*rows[: at + 1], *late])))
    assert found.migrations.measured_total_s.isna().all()
    assert found.samples.time_s.isna().all()


def test_counters_of_a_german_windows(tmp_path):
    """Translated names are not guessed: without them a sentence, with them the same migration."""
    path = written(tmp_path, forms.pdh(ONE, comma=True, german=True), "cp1252")
    silent = read_record(path)
    assert silent.migrations.empty
    assert any("in another language" in note for note in silent.notes)
    check(read_record(path, names=forms.GERMAN), ONE)


@pytest.mark.parametrize("form", ["events_csv", "events_xml", "events_clixml"])
def test_events(tmp_path, form):
    """Events of every form are the same migration."""
    path = written(tmp_path, getattr(forms, form)(ONE))
    assert recognise(path) == "events"
    row = read_record(path).migrations.iloc[0]
    assert (row.vm, row.vm_id, row.status) == (ONE.vm, forms.VM_ID, "completed")
    assert row.measured_brownout_s == sum(ONE.pass_s)
    assert row.measured_blackout_s == ONE.pause_s
    assert row.residual_pages == 700


def part(found, key):
    """One migration of a record."""
    tables = [t[t.migration == key] for t in (found.migrations, found.passes, found.samples)]
    return type(found)(found.kind, *tables, found.notes)


def check(found, migration, exact=False, pages=1e-6):
    """The record holds this one migration, its passes and totals, each row with its source."""
    assert len(found.migrations) == 1
    row, size = found.migrations.iloc[0], 2**30
    assert row.status == "completed"
    assert row.measured_total_s == pytest.approx(migration.total_s)
    assert row.measured_blackout_s == pytest.approx(migration.pause_s)
    assert row.measured_stream_gib == pytest.approx(migration.stream_bytes / size, rel=1e-5)
    assert row.measured_throughput_gbps == pytest.approx(
        8e-9 * migration.stream_bytes / migration.total_s, rel=1e-4
    )
    assert found.passes.pass_number.tolist() == list(range(len(migration.pass_s) + 1))
    assert found.passes.dirtied_pages.tolist() == pytest.approx([0, *migration.dirtied], abs=pages)
    assert found.passes.duration_s.tolist() == pytest.approx([*migration.pass_s, migration.pause_s])
    if exact:
        assert row.memory_gib == pytest.approx(migration.memory_pages * forms.PAGE / size)
    for table in (found.migrations, found.passes, found.samples):
        assert (table.source_line > 0).all()
        assert (table.source_file == "recorded").all()
