"""Binary event logs, sound and damaged, through the very reader and parser that a user's log goes through.

The logs are written by ``evtx_log`` after the documented format: no Windows wrote them.
"""

import pytest
from evtx import PyEvtxParser
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from analysis.errors import UserError
from analysis.observations.events import read_events
from analysis.observations.recognise import read_record, recognise
from tests.observations import forms

ONE, OTHER = forms.Migration(), forms.Migration("db", (4, 5), (3000, 5000), 2)
LOG = forms.events_evtx(ONE)
CHUNK = forms.evtx_log.HEADER
RECORDS = CHUNK + forms.evtx_log.RECORDS


@pytest.fixture
def path(tmp_path):
    """A file whose name tells nothing."""
    return tmp_path / "recorded"


def flipped(log, at):
    """A log with the bits of one byte turned."""
    return log[:at] + bytes([log[at] ^ 0xFF]) + log[at + 1 :]


def test_a_log_is_read_back(path):
    """A migration in a binary log has its machine, its phases, and its records as source."""
    path.write_bytes(LOG)
    assert recognise(path) == "events"
    found = read_record(path)
    (row,) = found.migrations.itertuples()
    assert (row.vm, row.vm_id, row.status) == (ONE.vm, forms.VM_ID, "completed")
    assert (row.measured_brownout_s, row.measured_blackout_s) == (sum(ONE.pass_s), ONE.pause_s)
    assert row.measured_total_s == ONE.total_s
    assert found.samples.source_line.tolist() == [1, 2, 3]
    assert found.samples.time_s.tolist() == pytest.approx([0, 1, 2])


def test_the_parser_finds_the_checksums_right(path):
    """The writer is held to the format by the parser, which here refuses a wrong checksum."""
    path.write_bytes(LOG)
    assert len(list(PyEvtxParser(str(path), validate_checksums=True).records())) == 3
    path.write_bytes(flipped(LOG, CHUNK + 124))
    with pytest.raises(RuntimeError):
        list(PyEvtxParser(str(path), validate_checksums=True).records())


def test_a_bare_number_waits_for_a_pattern(path):
    """20415's property has no unit, so a note tells it; a pattern reads it from the properties."""
    path.write_bytes(LOG)
    assert any("line 3: event 20415 is not read" in note for note in read_events(path).notes)
    found = read_events(path, pattern=rf"{forms.VM_ID}\|(?P<blackout_ms>\d+)$")
    assert found.samples.blackout_s.tolist()[-1] == ONE.pause_s


def test_a_second_chunk_is_read(path):
    """A log of two chunks is read to its end."""
    path.write_bytes(LOG + forms.events_evtx(OTHER, forms.VM_ID[::-1])[CHUNK:])
    assert read_record(path).migrations.vm.tolist() == ["web", "db"]


def test_a_log_that_is_cut_off(path):
    """Records before the cut are read, and the cut is told; cut behind the last record nothing is lost."""
    second = LOG.index(b"**\0\0", RECORDS + 8)
    third = LOG.index(b"**\0\0", second + 8)
    for end, read in ((third + 900, 2), (len(LOG) - 20_000, 3)):
        path.write_bytes(LOG[:end])
        found = read_record(path)
        assert len(found.samples) == read
        assert found.migrations.measured_total_s.tolist() == [ONE.total_s]
        assert any("cut off within its last chunk" in note for note in found.notes)


@pytest.mark.parametrize("at", [CHUNK + 52, CHUNK + 124])
def test_a_wrong_checksum_is_told(path, at):
    """Of the records or of the chunk's header: what stands there is read, with a warning."""
    path.write_bytes(flipped(LOG, at))
    found = read_record(path)
    assert found.migrations.measured_total_s.tolist() == [ONE.total_s]
    assert any("the checksum of chunk 1 is wrong, so its figures may be false" in n for n in found.notes)


def test_a_damaged_figure_is_not_silent(path):
    """A digit that was changed cannot be told from a true one, but that something was changed can."""
    path.write_bytes(LOG.replace("11.00".encode("utf-16-le"), "91.00".encode("utf-16-le")))
    found = read_record(path)
    assert found.migrations.measured_brownout_s.tolist() == [91]
    assert any("the checksum of chunk 1 is wrong" in note for note in found.notes)


@settings(max_examples=60, deadline=None, database=None, derandomize=True,
          suppress_health_check=list(HealthCheck))  # fmt: skip
@given(
    st.lists(st.tuples(st.integers(0, RECORDS + 4000), st.integers(0, 255)), min_size=1, max_size=6),
    st.none() | st.integers(0, len(LOG)),
)
def test_damage_is_told_in_sentences(tmp_path, changes, end):
    """Whatever bytes are changed: the figures that were written, or a sentence that names the file."""
    path, log = tmp_path / "recorded", bytearray(LOG)
    for at, byte in changes:
        log[at] = byte
    path.write_bytes(bytes(log[:end]))
    found, notes = attempt(path)
    assert all(str(path) in note for note in notes)
    told = found is None or any("checksum" in note or "cut off" in note for note in notes)
    assert told or found.migrations.measured_total_s.tolist() == [ONE.total_s]


def attempt(path):
    """What is read and its notes; or None and the one sentence."""
    try:
        found = read_record(path)
    except UserError as error:
        return None, [str(error)]
    return found, found.notes
