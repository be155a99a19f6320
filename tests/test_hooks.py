"""The hooks before a commit: local, downloading nothing, and each refuses the fault it is for."""

import json
import re
import shlex
import subprocess
import sys

import pytest
import yaml

PYTHON = ".venv/bin/python"


@pytest.fixture(scope="module")
def hooks(repository):
    """The hooks by their ids."""
    content = yaml.safe_load((repository / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
    assert [repo["repo"] for repo in content["repos"]] == ["local"]
    return {hook["id"]: hook for hook in content["repos"][0]["hooks"]}


def run(hook, repository, *files):
    """A hook's command with the Python that runs the tests, in the repository."""
    program, *arguments = shlex.split(hook["entry"])
    assert program == PYTHON
    command = [sys.executable, *arguments, *map(str, files)]
    return subprocess.run(command, cwd=repository, capture_output=True, text=True)


def test_hooks_use_the_environment_of_the_study(hooks):
    """Language system: pre-commit makes no environment of its own and asks no index."""
    assert {hook["language"] for hook in hooks.values()} == {"system"}
    assert all(hook["entry"].startswith(f"{PYTHON} -m ") for hook in hooks.values())


def test_a_mistake_is_refused(hooks, repository, tmp_path):
    """An import that nothing uses does not get into a commit."""
    (tmp_path / "wrong.py").write_text('"""Wrong."""\n\nimport os\n')
    assert run(hooks["ruff-check"], repository, tmp_path / "wrong.py").returncode == 1


def test_the_format_is_put_right(hooks, repository, tmp_path):
    """What is not formatted is formatted, which pre-commit takes for a reason to stop."""
    (tmp_path / "wide.py").write_text("x  =  1\n")
    assert run(hooks["ruff-format"], repository, tmp_path / "wide.py").returncode == 0
    assert (tmp_path / "wide.py").read_text() == "x = 1\n"


def test_notebooks_are_looked_at_when_one_changes(hooks, repository, tmp_path):
    """The hook runs the test of their form, for notebooks of the study alone; one with an output fails it."""
    hook = hooks["notebooks"]
    assert re.search(hook["files"], "notebooks/01-bandwidth.ipynb")
    assert not re.search(hook["files"], "tests/01-bandwidth.ipynb")
    test = shlex.split(hook["entry"])[-1]
    (tmp_path / "tests").mkdir()
    (tmp_path / "notebooks").mkdir()
    (tmp_path / test).write_text((repository / test).read_text(encoding="utf-8"))
    notebook = json.loads((repository / "notebooks" / "01-bandwidth.ipynb").read_text(encoding="utf-8"))
    for count, code in ((None, 0), (1, 1)):
        notebook["cells"][1]["execution_count"] = count
        (tmp_path / "notebooks" / "01-bandwidth.ipynb").write_text(json.dumps(notebook))
        assert run(hook, tmp_path).returncode == code
