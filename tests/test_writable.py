"""A place that cannot be written to is told in one sentence, before anything runs, with exit code 2."""

import errno
import tempfile
from pathlib import Path

import pytest
from click.testing import CliRunner

from analysis import writable
from analysis.__main__ import main
from analysis.batch import run as batch
from analysis.errors import UserError
from analysis.observations import files
from analysis.observations.lab import DATA
from analysis.studies.hosts import calibration
from analysis.studies.sweeps import sweep as sweeps

EXAMPLE = DATA / "example_qemu.jsonl"


@pytest.fixture
def nothing_runs(monkeypatch):
    """Any work is a failure of the test."""

    def work(*_, **__):
        raise AssertionError("something ran")

    for module, name in ((batch, "execute_all"), (batch, "_task"), (sweeps, "_making")):
        monkeypatch.setattr(module, name, work)
    monkeypatch.setattr(files, "read_measured", work)
    monkeypatch.setattr(calibration, "calibrate", work)


def verbs(out):
    """Every verb that writes, asked to write there."""
    design = DATA.parent / "design.yml"
    notebook = DATA.parent / "notebooks" / "01-bandwidth.ipynb"
    return {
        "report": ["report", str(notebook), "--out", str(out)],
        "sweep": ["sweep", str(design), "--out", str(out)],
        "calibrate": ["calibrate", str(EXAMPLE), "--out", str(out)],
    }


def refused(verb, out, tmp_path):
    """What a verb says of a place, on one line."""
    design = tmp_path / "design.yml"
    design.write_text("parameters: {bandwidth_gbps: [1, 10]}\noutcomes: [total_s]\n")
    arguments = [str(design) if a.endswith("design.yml") else a for a in verbs(out)[verb]]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 2
    assert "Traceback" not in result.output
    (line,) = [line for line in result.stderr.splitlines() if line.startswith("error: ")]
    return line


@pytest.mark.parametrize("verb", verbs(""))
def test_below_a_file_nothing_can_be_made(verb, tmp_path, nothing_runs):
    """A folder or file below a file is refused, with the file's name."""
    (tmp_path / "notes.txt").write_text("x")
    said = refused(verb, tmp_path / "notes.txt" / "a" / "b", tmp_path)
    assert f"cannot be written: '{tmp_path / 'notes.txt'}' is no folder" in said


@pytest.mark.parametrize("verb", verbs(""))
def test_a_system_folder_is_refused_to_root_too(verb, tmp_path, nothing_runs):
    """Nothing can be made in /proc, whoever asks."""
    if not Path("/proc/self").exists():
        pytest.skip("no /proc here")
    assert "cannot be written: " in refused(verb, "/proc/reports", tmp_path)


@pytest.mark.parametrize("verb", verbs(""))
def test_a_read_only_place_is_refused(verb, tmp_path, nothing_runs, monkeypatch):
    """What the system says of a read-only disk stands in the sentence, with the folder that it is about."""

    def read_only(dir, **_):
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(tempfile, "TemporaryFile", read_only)
    said = refused(verb, tmp_path / "out", tmp_path)
    assert said.endswith(f"cannot be written: read-only file system ('{tmp_path}')")


def test_asking_leaves_nothing_behind(tmp_path):
    """Neither folders nor files are made by the question."""
    writable.folder(tmp_path / "a" / "b")
    writable.file(tmp_path / "c" / "host.yml")
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_there_is_kept(tmp_path, monkeypatch):
    """Its content stays as it is; one that may not be written over is refused with the system's word."""
    path = tmp_path / "host.yml"
    path.write_text("name: mine\n")
    writable.file(path)
    assert path.read_text() == "name: mine\n"

    def denied(*_, **__):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "open", denied)
    with pytest.raises(UserError, match=r"the file '.*host.yml' cannot be written: permission denied$"):
        writable.file(path)
