"""The form of every notebook in notebooks/, read as plain JSON: thin, clean, and explained to papermill."""

import json
import re
from pathlib import Path

import pytest

NOTEBOOKS = sorted((Path(__file__).resolve().parents[1] / "notebooks").glob("*.ipynb"))

# name: type = value  # help with the unit in [brackets]; papermill --help-notebook shows all of it.
PARAMETER = re.compile(r"[a-z]\w*: [a-z]\w*(\[[\w, ]+\])? = \S.*?  # \S.*\[[^\[\]]+\].*")


@pytest.fixture(params=NOTEBOOKS, ids=lambda path: path.stem)
def notebook(request):
    """One notebook of the study as JSON."""
    return json.loads(request.param.read_text(encoding="utf-8"))


def tagged(notebook: dict, tag: str) -> list[dict]:
    """The cells of a notebook with a tag."""
    return [cell for cell in notebook["cells"] if tag in cell["metadata"].get("tags", [])]


def code(notebook: dict) -> list[dict]:
    """The code cells of a notebook."""
    return [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]


def test_there_are_notebooks():
    """An empty folder would pass every other test of this file."""
    assert NOTEBOOKS


def test_one_cell_of_parameters(notebook):
    """papermill puts its values after the one cell tagged parameters."""
    assert len(tagged(notebook, "parameters")) == 1


def test_every_parameter_is_typed_and_explained(notebook):
    """Each line of that cell is `name: type = value  # help with unit in [brackets]`."""
    lines = "".join(tagged(notebook, "parameters")[0]["source"]).splitlines()
    assert [line for line in lines if not PARAMETER.fullmatch(line)] == []


def test_nothing_computed_is_stored(notebook):
    """Outputs and execution counts stay out of git."""
    assert not any(cell["outputs"] or cell["execution_count"] for cell in code(notebook))


def test_kernel_is_everyones(notebook):
    """The kernel is python3 with its language, not the environment of one laptop."""
    kernel = notebook["metadata"]["kernelspec"]
    assert (kernel["name"], kernel["language"]) == ("python3", "python")


def test_title_comes_first(notebook):
    """The first cell is text and begins with the title."""
    first = notebook["cells"][0]
    assert first["cell_type"] == "markdown"
    assert "".join(first["source"]).startswith("# ")


def test_logic_lives_in_the_package(notebook):
    """A notebook defines at most one function or class of its own."""
    lines = [line for cell in code(notebook) for line in "".join(cell["source"]).splitlines()]
    assert sum(bool(re.match(r"\s*(async )?(def|class) ", line)) for line in lines) <= 1


@pytest.mark.parametrize(
    ("line", "right"),
    [
        ("bandwidth_gbps: float = 10.0  # line rate of the migration network [Gbit/s]", True),
        ("grid: list[float] = [1, 10]  # line rates to compare [Gbit/s]", True),
        ("bandwidth_gbps = 10.0  # line rate [Gbit/s]", False),
        ("bandwidth_gbps: float = 10.0", False),
        ("bandwidth_gbps: float = 10.0  # line rate", False),
    ],
)
def test_the_rule_for_parameters(line, right):
    """The rule accepts a full line and refuses one without type, help or unit."""
    assert bool(PARAMETER.fullmatch(line)) is right
