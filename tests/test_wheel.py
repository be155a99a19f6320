"""Who has neither git nor make installs a wheel: it carries the notebooks and the data that they read."""

import hashlib
import json
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from analysis import home
from analysis.batch import run


def lock_lines(repository):
    """The lock, a package a line: its requirement, its checksums."""
    text = (repository / "lock.txt").read_text(encoding="utf-8").replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return [
        (line.partition(" --hash")[0].strip(), re.findall(r"--hash=sha256:([0-9a-f]{64})", line))
        for line in lines
    ]


def test_the_lock_is_constraints_with_checksums(repository):
    """lock.txt names the versions of constraints.txt, each with at least one checksum, and no address."""
    plain = (repository / "constraints.txt").read_text(encoding="utf-8").splitlines()
    locked = lock_lines(repository)
    assert [Requirement(name) for name, _ in locked] == [
        Requirement(line) for line in plain if not line.startswith("#")
    ]
    assert all(sums for _, sums in locked)
    assert "://" not in (repository / "lock.txt").read_text(encoding="utf-8")


def test_make_installs_from_the_lock_alone(repository):
    """Both uv and pip ask for the checksums; the study itself takes nothing along that is not locked."""
    text = (repository / "Makefile").read_text(encoding="utf-8")
    assert "LOCKED = --require-hashes -r lock.txt\n" in text
    assert "ITSELF = --no-deps --no-build-isolation -e .\n" in text
    assert text.count("$(LOCKED)") == text.count("$(ITSELF)") == 2


def test_what_builds_the_study_is_locked(repository):
    """The build's own requirement is one of the extra for tests, so that it comes from the lock too."""
    project = tomllib.loads((repository / "pyproject.toml").read_text(encoding="utf-8"))
    assert set(project["build-system"]["requires"]) <= set(
        project["project"]["optional-dependencies"]["test"]
    )


def test_the_study_is_found_in_its_folder(repository):
    """Here, where nothing was carried, notebooks and data are those of the repository."""
    assert repository == home.STUDY
    assert not home.CARRIED.exists()


def test_notebooks_are_found_as_commands_name_them(tmp_path, monkeypatch):
    """Where there is no folder notebooks/, `notebooks/08-explorer.ipynb` means the study's."""
    monkeypatch.chdir(tmp_path)
    found = run.find(["notebooks/08-explorer.ipynb", "08-explorer"])
    assert found == [home.STUDY / "notebooks" / "08-explorer.ipynb"] * 2


@pytest.fixture(scope="module")
def wheel(repository, tmp_path_factory):
    """The wheel of this study, built by what the lock brought; its files by their paths in it."""
    import zipfile

    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=repository, check=True, capture_output=True)
    path = next(folder.glob("*.whl"))
    with zipfile.ZipFile(path) as packed:
        return path, {name: packed.read(name) for name in packed.namelist()}


def test_the_wheel_carries_notebooks_and_data(repository, wheel):
    """Every notebook and every file of data, to the byte, with the page that tells their licences."""
    _, files = wheel
    for folder in ("notebooks", "data"):
        for path in (repository / folder).rglob("*"):
            if path.is_file() and not any(
                part in ("__pycache__", ".ipynb_checkpoints") for part in path.parts
            ):
                name = f"analysis/carried/{path.relative_to(repository).as_posix()}"
                assert files[name] == path.read_bytes(), name
    assert "analysis/carried/data/README.md" in files


def test_the_wheel_carries_nothing_else(repository, wheel):
    """No tests, no reports, nothing of this machine."""
    _, files = wheel
    assert {name.split("/")[0] for name in files} == {"analysis", "live_migration_study-0.1.0.dist-info"}
    told = b"".join(files.values())
    assert str(repository).encode() not in told


@pytest.mark.nightly
def test_a_wheel_alone_makes_reports_and_answers(repository, wheel, tmp_path):
    """Installed into an empty environment, in an empty folder with a space in its name: reports and answers.

    The report is, but for times and versions, the one that the repository makes.
    """
    uv = shutil.which("uv", path=f"{Path(sys.executable).parent}:{Path('/usr/local/bin')}") or shutil.which(
        "uv"
    )
    place, env = tmp_path / "an empty folder", tmp_path / "env"
    place.mkdir()
    python = env / "bin" / "python"
    lock = ["-c", str(repository / "constraints.txt")]
    subprocess.run([sys.executable, "-m", "venv", str(env)], check=True)
    install = [uv, "pip", "install", "--python", str(python)] if uv else [str(python), "-m", "pip", "install"]
    subprocess.run([*install, *lock, str(wheel[0])], check=True, capture_output=True)
    study = str(env / "bin" / "migration-study")

    def told(*arguments):
        done = subprocess.run([study, *arguments], cwd=place, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout

    (row,) = json.loads(told("predict", "--memory-gib", "64", "--json"))
    assert row["total_s"] > 0
    assert "completed" in told("validate", "data/migrations.csv")
    rows = json.loads(told("report", "--json", "--workers", "2"))
    assert [row["notebook"] for row in rows] == [
        path.name for path in sorted((repository / "notebooks").glob("*.ipynb"))
    ]
    assert all(row["ok"] for row in rows)
    assert (place / "reports" / "index.html").is_file()
    pages = "".join(path.read_text(encoding="utf-8") for path in (place / "reports").glob("*.html"))
    assert str(tmp_path) not in pages
    assert "data/migrations.csv" in pages
    assert hashlib.sha256((repository / "data" / "migrations.csv").read_bytes()).hexdigest()[:12] in pages
