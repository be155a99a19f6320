"""Files that are whole or not there, and folders that one run has for itself."""

import os

import pytest

from analysis import alone, whole
from analysis.errors import UserError


def test_a_file_that_is_not_finished_leaves_the_earlier_one(tmp_path):
    """Whatever stops the writing, the old content stays and nothing half-written lies beside it."""
    path = tmp_path / "host.yml"
    whole.write(path, "old")

    def stopped() -> None:
        with whole.replaced(path) as half:
            half.write_text("ne")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stopped()
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["host.yml"]


def test_line_ends_are_those_given(tmp_path):
    """No system adds carriage returns: a file is the same wherever it was made."""
    assert whole.write(tmp_path / "a" / "t.csv", "a\nb\r\n").read_bytes() == b"a\nb\r\n"


@pytest.mark.skipif(os.name == "nt", reason="links need leave on Windows")
def test_a_link_stays_a_link(tmp_path):
    """What a link leads to gets the new content."""
    (tmp_path / "target").write_text("old")
    (tmp_path / "link").symlink_to(tmp_path / "target")
    whole.write(tmp_path / "link", "new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "target").read_text() == "new"


@pytest.mark.skipif(not os.path.exists("/dev/null"), reason="no devices here")
def test_a_device_is_written_to_and_stays(tmp_path):
    """/dev/null is not replaced by a file, even by root."""
    whole.write(whole.Path("/dev/null"), "gone")
    assert not os.path.isfile("/dev/null")


def test_a_folder_is_for_one_run(tmp_path):
    """A second run is refused in one sentence with the name the user gave; afterwards nothing is left."""
    said = "another run is writing into the folder 'reports': wait until it has ended, or name another"
    with (
        alone.in_folder(tmp_path),
        pytest.raises(UserError, match=said),
        alone.in_folder(tmp_path, "reports"),
    ):
        pass
    assert os.listdir(tmp_path) == []


def test_a_lock_that_was_left_hinders_nobody(tmp_path):
    """A killed run leaves its lock file: the next one takes the folder, and the file away."""
    (tmp_path / alone.LOCK).touch()
    with alone.in_folder(tmp_path):
        pass
    assert os.listdir(tmp_path) == []
