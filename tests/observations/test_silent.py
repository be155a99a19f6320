"""Host files that once gave a wrong figure without a word: the right figure, or a sentence.

Small samples of whole kinds lie in ``examples/silent``; ``docs/silent-cases.md``
lists them with their answers.
"""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from analysis.__main__ import main
from analysis.observations.recognise import read_record
from tests.observations import forms

SILENT = Path(__file__).parent / "examples" / "silent"
ONE = forms.Migration()


def run(*arguments):
    """The command line with these arguments."""
    return CliRunner().invoke(main, [str(a) for a in arguments])


@pytest.fixture
def read(tmp_path):
    """A function that writes a file without a telling name and reads it."""

    def reading(text, encoding="utf-8"):
        path = tmp_path / "recorded"
        path.write_bytes(text.encode(encoding))
        return read_record(path)

    return reading


def told(found, words):
    """True where one of the notes says so."""
    return any(words in note for note in found.notes)


# --- another job ----------------------------------------------------------------------------


@pytest.mark.parametrize("job", ["Dump", "Save", "Snapshot", "Backup", "Restore", "Snapshot delete"])
def test_another_job_is_no_migration(read, job):
    """A dump of 12 s is not a migration of 12 s: it is left out, and a note says so."""
    text = (SILENT / "domjobinfo_dump.txt").read_text().replace("Dump", job)
    found = read(text)
    assert found.migrations.empty
    assert told(found, f"the operation '{job}' is no migration; it is left out")


def test_another_job_between_two_samples_of_a_migration(read):
    """A backup that was asked for in between changes nothing of the migration."""
    text = forms.domjobinfo(ONE)
    other = (SILENT / "domjobinfo_dump.txt").read_text().replace("Dump", "Backup")
    parts = text.split("\n\n")
    found = read("\n\n".join([*parts[:2], other, *parts[2:]]))
    assert found.migrations.measured_total_s.tolist() == [ONE.total_s]
    assert found.passes.dirtied_pages.tolist() == pytest.approx([0, *ONE.dirtied], abs=1)


def test_an_incoming_migration_is_one(read):
    """The destination's own answers are of a migration too."""
    found = read(forms.domjobinfo(ONE).replace("Outgoing", "Incoming"))
    assert found.migrations.measured_total_s.tolist() == [ONE.total_s]


def test_storage_is_told_apart_from_memory():
    """Of 10.15 GiB processed 10 are a disk's: 154.758 MiB of memory were sent."""
    found = read_record(SILENT / "domjobinfo_with_storage.txt")
    (row,) = found.migrations.itertuples()
    assert row.measured_stream_gib == pytest.approx(154.758 / 1024)
    assert row.measured_storage_gib == pytest.approx(10)
    assert told(found, "10 GiB are storage")


def test_storage_of_qemu_is_told_apart(read):
    """What query-migrate counts of disks stands beside the memory."""
    answers = forms.qmp(ONE)
    answers[-1]["return"]["disk"] = {"transferred": 2**33, "remaining": 0, "total": 2**33}
    (row,) = read(forms.json_lines(answers)).migrations.itertuples()
    assert (row.measured_stream_gib, row.measured_storage_gib) == (ONE.stream_bytes / 2**30, 8)


def test_pages_sent_as_differences_are_pages():
    """A quarter of the pages went as differences (xbzrle): the passes found 9,000, 4,000 and 700 pages."""
    found = read_record(SILENT / "domjobinfo_compressed_pages.txt")
    assert found.passes.dirtied_pages.round().tolist() == [0, 9000, 4000, 700]
    assert found.migrations.measured_content_pages.tolist() == [79236]


# --- samples that contradict each other -------------------------------------------------------


def spoilt(**changes):
    """The answers of one migration, the last of them with other figures."""
    answers = forms.qmp(ONE)
    for name, value in changes.items():
        last = answers[-1]["return"]
        (last if name in last else last["ram"])[name.replace("_", "-")] = value
    return forms.json_lines(answers)


@pytest.mark.parametrize(
    ("changes", "lost", "sentence"),
    [
        (
            {"remaining": 2**27},
            "measured_total_s",
            "is completed with 0.125 GiB of its memory still to be sent",
        ),
        ({"transferred": 2**20}, "measured_stream_gib", "fall from"),
        ({"mbps": 10.0}, "measured_throughput_gbps", "its bytes and time make"),
        ({"total-time": 0}, "measured_total_s", "the clock goes backwards"),
        ({"setup-time": 10**6}, "measured_setup_s", "it is not taken"),
        ({"downtime": 10**6}, "measured_blackout_s", "neither is taken"),
    ],
)
def test_figures_that_contradict_each_other_are_not_taken(read, changes, lost, sentence):
    """What two answers of one migration tell differently is told in a note and used by nobody."""
    found = read(spoilt(**changes))
    assert found.migrations[lost].isna().all()
    assert told(found, sentence)


def test_an_end_told_in_two_ways(read):
    """Completed and failed at one moment: neither is taken."""
    answers = forms.qmp(ONE)
    other = json.loads(json.dumps(answers[-1]).replace("completed", "failed"))
    found = read(forms.json_lines([*answers, other]))
    assert found.migrations.status.tolist() == ["contradicted"]
    assert found.migrations.measured_total_s.isna().all()
    assert told(found, "one moment is told as 'completed' and as 'failed'")


# --- two migrations taken for one, one for two --------------------------------------------------


def test_one_key_used_again():
    """What was known before the second migration is not known of the first: 1 and 10 Gbit/s."""
    found = json.loads(run("observe", SILENT / "qmp_two_recordings_one_name.jsonl", "--json").stdout)
    assert [row["bandwidth_gbps"] for row in found["migrations"]] == [1, 10]
    assert [row["dirty_pages_per_s"] for row in found["migrations"]] == [500, 9000]


@pytest.mark.parametrize("form", ["qmp", "domjobinfo"])
def test_the_same_recording_twice_in_one_file(read, form):
    """A file appended to itself holds one migration, and a note says so."""
    text = forms.json_lines(forms.qmp(ONE)) if form == "qmp" else forms.domjobinfo(ONE)
    found = read(text + "\n" + text)
    assert found.migrations.measured_total_s.tolist() == [ONE.total_s]
    assert told(found, "stands here twice; it counts once")


HEAD = '"TimeCreated","Id","Properties","Message"\n'
VM_ID = forms.VM_ID


def event(at, number, message, name="web"):
    """A row of Export-Csv."""
    tail = f"(Virtual machine ID {VM_ID})"
    return f'"9/22/2026 9:{at} PM","{number}","{name}|{VM_ID}","{message} {tail}"\n'


def whole(begun, failed=False):
    """The events of one migration that begins in a minute: 20 s and 2 s, or a failure."""
    if failed:
        return event(f"{begun:02}:00", 21024, "'web' failed.")
    return (
        event(f"{begun:02}:20", 22508, "'web' was transferred in 20.00 seconds.")
        + event(f"{begun:02}:22", 22509, "'web' was paused for 2000 ms.")
        + event(f"{begun:02}:23", 20415, "'web' was moved.")
    )


def test_success_then_failure():
    """What completed cannot fail: 11 s and 1 s completed, then a failure without durations."""
    found = read_record(SILENT / "events_success_then_failure.csv").migrations
    assert found.status.tolist() == ["completed", "failed"]
    assert found.measured_brownout_s.tolist() == pytest.approx([11, float("nan")], nan_ok=True)
    assert found.measured_blackout_s.tolist() == pytest.approx([1, float("nan")], nan_ok=True)


def test_failure_then_success():
    """What failed tells no phase afterwards: the durations are those of the second."""
    found = read_record(SILENT / "events_failure_then_success.csv").migrations
    assert found.status.tolist() == ["failed", "completed"]
    assert found.measured_brownout_s.tolist() == pytest.approx([float("nan"), 20], nan_ok=True)
    assert found.measured_blackout_s.tolist() == pytest.approx([float("nan"), 2], nan_ok=True)


@pytest.mark.parametrize("order", ["FS", "SF", "FFS", "SSF", "SFS", "FSF", "SS"])
def test_migrations_of_one_machine_in_any_order(read, order):
    """Failures and successes in any order, a minute or two apart, are as many migrations."""
    text = "".join(whole(2 * i, failed=c == "F") for i, c in enumerate(order))
    found = read(HEAD + text).migrations
    assert found.status.tolist() == ["failed" if c == "F" else "completed" for c in order]
    seen = found.measured_blackout_s.fillna(0).tolist()
    assert seen == [0 if c == "F" else 2 for c in order]


def test_two_words_for_one_failure(read):
    """The host's and the cluster's event of one failure are one failed migration; hours later it is two."""
    pair = event("10:00", 21024, "'web' failed."), event("10:05", 21111, "'web' failed.")
    assert read(HEAD + "".join(pair)).migrations.status.tolist() == ["failed"]
    later = pair[0], event("40:05", 21111, "'web' failed.")
    assert read(HEAD + "".join(later)).migrations.status.tolist() == ["failed", "failed"]


def test_a_success_of_which_only_the_end_is_told(read):
    """An end alone, and half an hour later another migration's phases: two."""
    text = event("10:00", 20415, "'web' was moved.") + whole(40)
    found = read(HEAD + text).migrations
    assert found.status.tolist() == ["completed", "completed"]
    assert found.measured_brownout_s.fillna(0).tolist() == [0, 20]


def test_a_machine_told_by_name_only_in_one_event(read):
    """An event without the machine's ID belongs to the machine of that name."""
    rows = whole(10).splitlines(keepends=True)
    bare = rows[2].replace(f"|{VM_ID}", "").replace(f" (Virtual machine ID {VM_ID})", "")
    found = read(HEAD + rows[0] + rows[1] + bare).migrations
    assert found.status.tolist() == ["completed"]


def test_a_name_is_no_duration():
    """A machine called "Windows 10 S" took 11 s and was paused for 1 s."""
    (row,) = read_record(SILENT / "events_name_like_duration.csv").migrations.itertuples()
    assert (row.measured_brownout_s, row.measured_blackout_s) == (11, 1)


@pytest.mark.parametrize(
    ("text", "right"),
    [
        ("1\N{RIGHT SINGLE QUOTATION MARK}234 ms", 1.234),
        ("00:01:05 seconds", 65),
        ("1:05 s", 65),
        ("1m 5s", 65),
        ("1 heure 5 s", None),
        ("5E-05 seconds", 5e-5),
        ("1E+03 ms", 1),
        ("5-6 s", None),
        ("1.234 ms", None),
        ("1,234 ms", None),
    ],
)
def test_durations_in_the_text_of_an_event(read, text, right):
    """Read whole, or not taken and told."""
    found = read(HEAD + event("10:00", 22509, f"'web' was paused for {text}."))
    (row,) = found.migrations.itertuples()
    if right is None:
        assert row.measured_blackout_s != row.measured_blackout_s
        assert any("event 22509" in note and "a pattern can say" in note for note in found.notes)
    else:
        assert row.measured_blackout_s == pytest.approx(right)


# --- counters ----------------------------------------------------------------------------------


def test_counters_that_begin_anew():
    """Bytes that fall are of another migration: one given up in pass 1, then one of 12 s."""
    found = read_record(SILENT / "counters_begun_anew.csv")
    assert found.migrations.status.tolist() == ["given up", "completed"]
    assert found.migrations.measured_total_s.tolist() == pytest.approx([float("nan"), 12], nan_ok=True)
    assert told(
        found, "the bytes of web begin anew: another migration; the one before was given up in pass 1"
    )


@pytest.mark.parametrize("second", range(4, 12))
def test_given_up_at_any_moment_and_begun_anew(read, second):
    """Wherever the first is given up, the second is whole and the first has no total."""
    rows = forms.pdh(ONE, text=False).strip("\r\n").split("\r\n")
    head, body = rows[0], rows[1:]
    later = [row.replace(forms.stamp(i), forms.stamp(i + second - 2)) for i, row in enumerate(body)]
    found = read("\r\n".join([head, *body[:second], *later[2:], ""])).migrations
    assert found.status.tolist() == ["given up", "completed"]
    assert found.measured_total_s.tolist() == pytest.approx([float("nan"), ONE.total_s], nan_ok=True)


def test_counters_that_end_without_a_blackout():
    """Nothing says that it completed: in pass 2 with 4,000 pages open and no counter of the blackout."""
    found = read_record(SILENT / "counters_given_up.csv")
    assert found.migrations.status.tolist() == ["end not told"]
    assert found.migrations.measured_total_s.isna().all()
    assert told(found, "its counters end in pass 2 with 4,000 dirty pages")


def test_pages_that_could_not_be_sent_between_two_samples(read):
    """With the counter of the blackout there, a million open pages say that it was given up."""
    text = forms.pdh(ONE).replace('"1.000000","', '"0.000000","').replace('"700.000000"', '"1000000.000000"')
    rows = [row for row in text.split("\r\n") if forms.stamp(13) not in row]
    found = read("\r\n".join(rows))
    assert "completed" not in found.migrations.status.tolist()


def test_the_sum_of_all_machines_is_none():
    """The instance _Total is no machine: one migration, and a note."""
    found = read_record(SILENT / "counters_total_instance.csv")
    assert found.migrations.vm.tolist() == ["web"]
    assert sum("_Total" in note for note in found.notes) == 1


def test_one_card_in_two_sets_of_counters():
    """Network Adapter and Network Interface tell of one card: 12 packets, not 24."""
    found = read_record(SILENT / "counters_one_card_twice.csv")
    assert found.migrations.discarded_received_packets.tolist() == [12]
    assert told(found, "one card, counted once")


def test_one_card_written_in_two_ways(read):
    """Brackets and numbers of a card's name differ between the two sets."""
    text = (SILENT / "counters_one_card_twice.csv").read_text()
    text = text.replace("Adapter(nic 1)", "Adapter(Intel[R] X550 _2)")
    found = read(text.replace("Interface(nic 1)", "Interface(Intel(R) X550 #2)"))
    assert found.migrations.discarded_received_packets.tolist() == [12]


def test_two_cards_that_lose_in_step(read):
    """Two names that count alike may be one card: the sum stays, and a note says so."""
    text = (SILENT / "counters_one_card_twice.csv").read_text().replace("Interface(nic 1)", "Interface(team)")
    found = read(text)
    assert found.migrations.discarded_received_packets.tolist() == [24]
    assert told(found, "if they are one card")
