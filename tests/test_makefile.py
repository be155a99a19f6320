"""make: the verbs are listed, and what is missing is said in one sentence."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="no make on the PATH")


@pytest.fixture
def make(repository, tmp_path):
    """A function that runs make in a copy of the Makefile, in a folder with a space in its name."""
    folder, programs = tmp_path / "a folder", tmp_path / "programs"
    folder.mkdir()
    programs.mkdir()
    for name in ("Makefile", "pyproject.toml", "lock.txt"):
        shutil.copy(repository / name, folder)

    def run(*arguments: str) -> subprocess.CompletedProcess:
        # `make test` started this: its flags and level must not reach the make under test.
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
        clean["PATH"] = f"{programs}{os.pathsep}{clean['PATH']}"
        return subprocess.run(["make", *arguments], cwd=folder, env=clean, capture_output=True, text=True)

    run.folder, run.programs = folder, programs
    return run


def program(path, *lines):
    """A shell script that can be executed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(["#!/bin/sh", *lines, ""]))
    path.chmod(0o755)
    return path


def pretend_python(make):
    """An interpreter that makes an environment with itself in it, and whose pip fails."""
    return program(
        make.folder / "python",
        'case "$*" in',
        '*"-m venv"*) mkdir -p .venv/bin; cp "$0" .venv/bin/python ;;',
        '*"-m pip"*) echo "pip: no such version"; exit 1 ;;',
        "-V) echo Python 3.12.1 ;;",
        "esac",
    )


def pretend_uv(make, *lines):
    """A uv on the PATH that prints lines where uv does, on standard error, then does what the last says."""
    return program(make.programs / "uv", *(f"echo '{line}' >&2" for line in lines[:-1]), lines[-1])


def test_help_lists_the_verbs(make):
    """make alone lists every verb with what it does: every target that is no file, but for one."""
    listed = [line.split()[1] for line in make().stdout.splitlines()]
    text = (Path(__file__).parents[1] / "Makefile").read_text(encoding="utf-8")
    assert [*listed, "moved"] == re.search(r"^\.PHONY: (.*)$", text, re.MULTILINE)[1].split()


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
    lines = f'case "$*" in *{fails_at}*) exit 1;; esac', 'echo "Python 3.9.2"'
    python = program(make.folder / "unfit python", *lines)
    result = make("test", f"PYTHON={python}")
    assert result.returncode != 0
    assert sentence in result.stderr
    assert not (make.folder / ".venv").exists()


def test_setup_says_one_line_and_what_to_do_next(make):
    """The packages' names go to a log; a person sees that it began, and how to go on. Once is enough."""
    pretend_uv(make, "+ numpy==2.4.6", "+ pandas==3.0.3", "exit 0")
    first, second = (make("setup", f"PYTHON={pretend_python(make)}") for _ in range(2))
    begun, ready = first.stdout.splitlines()
    assert begun.startswith("Setting up .venv with Python 3.12.1: ")
    assert ready == "Ready. Activate the environment: . .venv/bin/activate"
    assert (first.stderr, first.returncode) == ("", 0)
    assert "pandas==3.0.3" in (make.folder / ".venv" / "setup.log").read_text()
    assert (second.stdout.splitlines(), second.returncode) == ([ready], 0)


@pytest.mark.parametrize(
    "said",
    [
        "error: Failed to fetch: dns error: failed to lookup address information: Name or service not known",
        "error: client error (Connect): tcp connect error: Network is unreachable (os error 101)",
        "WARNING: Retrying: NewConnectionError: Temporary failure in name resolution",
    ],
)
def test_setup_without_a_network_ends_in_a_sentence(make, said):
    """Where no package index can be reached, that is said; pip does not try too, and nothing is set up."""
    pretend_uv(make, said, "exit 2")
    result = make("setup", f"PYTHON={pretend_python(make)}")
    sentence, *rest = result.stderr.splitlines()
    assert sentence.startswith("error: no package index can be reached; set-up needs a network")
    assert all(line.startswith("make: ***") for line in rest)
    assert result.returncode != 0
    assert len(result.stdout.splitlines()) == 1
    assert not (make.folder / ".venv" / ".ready").exists()


def test_setup_that_fails_shows_its_log(make):
    """For any other reason what uv and pip said is shown, and the last line says where it is kept."""
    pretend_uv(make, "no solution found", "exit 1")
    result = make("setup", f"PYTHON={pretend_python(make)}")
    said = [line for line in result.stderr.splitlines() if not line.startswith("make: ***")]
    assert said[:3] == [
        "no solution found",
        "uv could not install; trying pip with the same versions",
        "pip: no such version",
    ]
    assert said[3].startswith("error: the packages could not be installed")
    assert result.returncode != 0
    assert not (make.folder / ".venv" / ".ready").exists()


@pytest.mark.parametrize(("user", "more"), [("0", " --allow-root"), ("1000", "")])
def test_lab_opens_for_root_too(make, user, more):
    """JupyterLab refuses root, which a container often has alone: then, and only then, it is told to open."""
    program(make.programs / "id", f"echo {user}")
    program(make.folder / ".venv" / "bin" / "python", 'echo "$*"')
    (make.folder / ".venv" / ".ready").write_text(f"{make.folder}\n")
    assert make("lab", "ARGS=").stdout == f"-m jupyter lab notebooks{more}\n"


def test_continuous_integration_runs_what_the_readme_says(repository):
    """.ci/run can be executed and ends in make check test thorough, whose exit code is passed on."""
    script = repository / ".ci" / "run"
    assert script.stat().st_mode & 0o111
    assert script.read_text().splitlines()[-1] == "exec make -k check test thorough"


@pytest.mark.parametrize("fails", ["mypy", "pytest", "nothing"])
def test_check_and_tests_both_run_and_both_count(make, fails):
    """A fault of types does not keep the tests from running; either makes the whole fail."""
    lines = 'echo "$*"', f'case "$*" in *{fails}*) exit 1;; esac'
    program(make.folder / ".venv" / "bin" / "python", *lines)
    (make.folder / ".venv" / ".ready").write_text(f"{make.folder}\n")
    result = make("-k", "check", "test")
    assert "-m mypy" in result.stdout
    assert "-m pytest" in result.stdout
    assert (result.returncode != 0) is (fails != "nothing")


def test_import_is_light():
    """Importing the package loads neither numpy nor anything else that takes long."""
    code = "import sys, analysis; print(sorted({'numpy', 'click', 'importlib.metadata'} & set(sys.modules)))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout == "[]\n"
