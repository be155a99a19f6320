"""The verb watch where a source is silent or vanishes, and on a narrow terminal."""

import shutil

import pytest

from analysis.cli import watch
from analysis.errors import UserError
from analysis.observations.following import ROTATES, follow_file
from analysis.observations.tables import TableError
from analysis.studies.running.watching import Watch


class Said:
    """A teller that keeps what is said."""

    def __init__(self):
        self.shown, self.asides, self.ends = [], [], []
        self.show, self.aside, self.end = self.shown.append, self.asides.append, self.ends.append


@pytest.fixture
def log(repository, tmp_path):
    """A log of Proxmox whose migration has not ended."""
    examples = repository / "tests" / "observations" / "examples" / "forms"
    return shutil.copy(examples / "proxmox_running.log", tmp_path / "task.log")


def test_a_file_that_vanishes_ends_with_its_record(log):
    """What it told until then is the record, and that it is gone is said."""

    def looks():
        yield log
        log.unlink()
        yield log

    said = Said()
    assert watch._follow(looks(), watch.Reading(Watch(), {}), said, 0.0) == 0
    assert said.asides == [f"{log} is gone: what it told until then"]
    assert [(one.migration, one.status) for one in said.ends] == [("150", "active")]


def test_a_file_that_is_rotated_may_come_back(log):
    """As many looks as are granted pass without it, and it is followed on; then it is gone for good."""
    away, slept = log.with_suffix(".1"), []
    at = {1: lambda: log.rename(away), 1 + ROTATES: lambda: away.rename(log), 6 + ROTATES: log.unlink}

    def sleep(_):
        slept.append(len(slept))
        at.get(len(slept), lambda: None)()

    assert set(follow_file(log, 0.0, sleep)) == {log}
    assert len(slept) == 6 + ROTATES + ROTATES + 1


def test_a_silent_source_is_told(log, monkeypatch):
    """It says what is silent, for how long, and how the migration stands."""
    monkeypatch.setattr(watch, "SILENT_S", 0.0)
    said = Said()
    watch._follow(iter([log, log]), watch.Reading(Watch(), {}), said, 0.0)
    (sentence,) = said.asides
    assert sentence.startswith("task.log tells nothing new for ")
    assert sentence.endswith("s; 150 is active")


def test_what_has_just_begun_may_be_known_later(tmp_path, log):
    """Half a line is nothing that is read: what grows is waited for, what does not is refused."""
    begun, reading = tmp_path / "begun.log", watch.Reading(Watch(), {})
    begun.write_bytes(log.read_bytes()[:40])
    assert reading.now(begun) is None
    with pytest.raises(TableError, match="is none of what is read here"):
        reading.now(begun, last=True)
    begun.write_bytes(log.read_bytes())
    assert reading.now(begun).migration == "150"


def test_what_does_not_grow_and_is_nothing_is_refused(tmp_path, monkeypatch):
    """A small file of something else is waited for a while, not for ever."""
    other = tmp_path / "notes.txt"
    other.write_text("nothing of the kind")
    monkeypatch.setattr(watch, "SILENT_S", 0.0)
    with pytest.raises(TableError, match="is none of what is read here"):
        watch._follow(iter([other, other]), watch.Reading(Watch(), {}), Said(), 0.0)


def test_a_table_tells_of_none_that_is_running(repository):
    """An own table is of migrations that are over: a sentence, not a wait."""
    path = repository / "tests" / "observations" / "examples" / "forms" / "own_table_excel.csv"
    with pytest.raises(UserError, match="a table of migrations: it tells of none that is running"):
        watch.Reading(Watch(), {}).now(path)


def test_no_terminal_cuts_a_line():
    """Each part stands whole where it fits, and none is lost."""
    line = (
        " 21% | pass 1, 724 MiB left | 0.839 Gbit/s | ends in 7.6 s (5.1 s to 17 s) | binds: "
        + 9 * "nothing "
    )
    made = watch.folded(line.rstrip(), 80)
    assert max(map(len, made.splitlines())) <= 80
    assert (
        made.splitlines()[0] == " 21% | pass 1, 724 MiB left | 0.839 Gbit/s | ends in 7.6 s (5.1 s to 17 s)"
    )
    assert made.replace("|", " ").split() == line.replace("|", " ").split()
    assert watch.folded(" 21% | pass 1", 80) == " 21% | pass 1"
