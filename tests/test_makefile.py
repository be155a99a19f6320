"""make: the verbs are listed, and what is missing is said in one sentence."""

import os
import shutil
import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="no make on the PATH")


@pytest.fixture
def make(repository, tmp_path):
    """A function that runs make in a copy of the Makefile, in a folder with a space in its name."""
    folder = tmp_path / "a folder"
    folder.mkdir()
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        shutil.copy(repository / name, folder)

    def run(*arguments: str) -> subprocess.CompletedProcess:
        # `make test` started this: its flags and level must not reach the make under test.
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
        return subprocess.run(["make", *arguments], cwd=folder, env=clean, capture_output=True, text=True)

    run.folder = folder
    return run


def test_help_lists_the_verbs(make):
    """make alone lists every verb with what it does."""
    listed = [line.split()[1] for line in make().stdout.splitlines()]
    assert listed == "help report test nightly fuzz lab bench format check lock clean".split()


def test_missing_python_is_said(make):
    """Without the interpreter named, one sentence says what to do."""
    result = make("test", "PYTHON=python0")
    assert result.returncode != 0
    assert result.stderr.startswith("error: no python0 found; install Python 3.11 or newer")


@pytest.mark.parametrize(
    ("fails_at", "sentence"),
    [
        ("version_info", "error: Python 3.11 or newer is needed"),
        ("ensurepip", "comes without venv; install it first"),
    ],
)
def test_unfit_python_is_said(make, fails_at, sentence):
    """An interpreter that is too old or has no venv is refused before anything is made."""
    python = make.folder / "unfit python"
    python.write_text(f'#!/bin/sh\ncase "$*" in *{fails_at}*) exit 1;; esac\necho "Python 3.9.2"\n')
    python.chmod(0o755)
    result = make("test", f"PYTHON={python}")
    assert result.returncode != 0
    assert sentence in result.stderr
    assert not (make.folder / ".venv").exists()


def test_continuous_integration_runs_make_test(repository):
    """.ci/run can be executed and ends in make test, whose exit code is passed on."""
    script = repository / ".ci" / "run"
    assert script.stat().st_mode & 0o111
    assert script.read_text().splitlines()[-1] == "exec make test"


def test_import_is_light():
    """Importing the package loads neither numpy nor anything else that takes long."""
    code = "import sys, analysis; print(sorted({'numpy', 'click', 'importlib.metadata'} & set(sys.modules)))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout == "[]\n"
