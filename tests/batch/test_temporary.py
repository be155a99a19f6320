"""What a batch keeps while it runs lies in one folder, which is gone afterwards, killed or not."""

import os
import tempfile

import pytest

from analysis import alone
from analysis.batch import execution, temporary


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    """The system's folder for temporary files is one of the test's own."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))


def test_folders_of_killed_batches_go_and_those_in_use_stay(tmp_path):
    """Another's folder is removed if nobody holds its lock."""
    left, used = (tmp_path / f"{temporary.PREFIX}{name}" for name in ("left", "used"))
    for folder in (left, used):
        folder.mkdir()
        (folder / "kernel.json").touch()
    with alone.in_folder(used):
        with temporary.folder() as own:
            assert own.is_dir()
            assert not left.exists()
        assert (used / "kernel.json").exists()
    assert [path.name for path in tmp_path.iterdir()] == [used.name]


def test_kernels_keep_everything_in_it(tmp_path):
    """Profiles, connections and temporary files of kernels and of this process; then all is as before."""
    before = dict(os.environ)
    with execution.kernel_environment():
        names = ("IPYTHONDIR", "JUPYTER_RUNTIME_DIR", "TMPDIR", "TEMP", "TMP")
        assert all(temporary.PREFIX in os.environ[name] for name in names)
        assert tempfile.gettempdir() == os.environ["TMPDIR"]
    assert dict(os.environ) == before
    assert list(tmp_path.iterdir()) == []
    assert tempfile.gettempdir() == str(tmp_path)
