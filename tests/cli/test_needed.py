"""A Python without the study's packages: one sentence that says which, and what helps."""

import ast
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from analysis.cli.needed import NEEDED, missing

OPTIONAL = {"numba"}
"""Dependencies that the package does without."""


def bare(repository, *arguments):
    """The command line under this Python without its packages (-S): the standard library is all there is."""
    return subprocess.run(
        [sys.executable, "-S", "-m", "analysis", *arguments], cwd=repository, capture_output=True, text=True
    )


@pytest.mark.parametrize("arguments", [["predict"], ["--help"], []])
def test_what_is_missing_is_said_in_a_sentence(repository, arguments):
    """The interpreter, all that it lacks, and what to do; exit code 2, no traceback."""
    result = bare(repository, *arguments)
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr == (
        f"error: this Python ({sys.executable}) lacks the study's packages ({', '.join(NEEDED)}); "
        "set them up with make setup and activate them: . .venv/bin/activate\n"
    )


def test_one_missing_package_is_enough(monkeypatch):
    """A Python with some of them is told the others."""
    assert missing() == []
    monkeypatch.setitem(sys.modules, "pandas", None)
    assert missing() == ["pandas"]


def test_all_that_is_imported_is_asked_for(repository):
    """The list is that of the dependencies in pyproject.toml that the package imports."""
    project = tomllib.loads((repository / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = {canonicalize_name(Requirement(line).name) for line in project["dependencies"]}
    modules = {
        module
        for module, homes in packages_distributions().items()
        if wanted & {canonicalize_name(home) for home in homes}
    }
    imported = set()
    for path in (repository / "analysis").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                imported |= {name.name.split(".")[0] for name in node.names}
            elif isinstance(node, ast.ImportFrom):
                imported.add((node.module or "").split(".")[0])
    assert set(NEEDED) == (modules & imported) - OPTIONAL
