"""Each published figure has one source: README, command line and report 05 say the same of the migrations."""

import json
import re

import pytest

from analysis.cli.validated import validated
from analysis.figures import evidence, key_numbers, language
from analysis.observations.lab import DATA
from analysis.studies.validation.laboratory import summary
from analysis.studies.validation.migrations import PLAIN_LINK_GBPS
from tests import documents

CELLS = [
    "".join(cell["source"])
    for cell in json.loads(
        (documents.ROOT / "notebooks" / "05-predicted-and-measured.ipynb").read_text(encoding="utf-8")
    )["cells"]
    if cell["cell_type"] == "code"
]
FIRST = next(i for i, source in enumerate(CELLS) if "figures = {" in source)
README = documents.shown_accuracy((documents.ROOT / "README.md").read_text(encoding="utf-8"))
MEASURED = (documents.ROOT / "docs" / "measured.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def told():
    """What `validate data/migrations.csv` answers."""
    return validated([DATA / "migrations.csv"])


@pytest.fixture(scope="module")
def notebook():
    """The names of notebook 05 after the cell of its errors, with its own parameters."""
    names: dict = {"In": CELLS}
    with pytest.MonkeyPatch.context() as patched:
        for module in (language, evidence):
            patched.setattr(module, "display", lambda *_, **__: None)
        for source in CELLS[: FIRST + 1]:
            exec(source, names)
    return names


def test_the_notebook_speaks_of_the_migrations_that_the_command_line_calls_plain(notebook, told):
    """The same migrations, by the same line rate, with the very same errors, to the last bit."""
    assert notebook["bandwidth_limit_gbps"] == PLAIN_LINK_GBPS
    assert notebook["figures"]["nominal link"] == told["plain"]
    assert len(notebook["compared"]) == told["plain"]["n"]


def test_the_readme_says_what_the_command_line_says(told):
    """Its rows of total time, bytes and pauses are the cells of `validate`; the mark of never is right."""
    cells = summary({"plain": told["plain"], "all": told}).T
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in README.splitlines() if "|" in line]
    shown = {row[0] + ", " + row[1]: row[2:] for row in rows}
    for column, where in (("plain", f"plain pre-copy, {told['plain']['n']}"), ("all", f"all {told['n']}")):
        errors = [cells[column]["time median"], cells[column]["time p90"]]
        assert shown[f"total time, {where} migrations"] == errors
    frozen = [cells["all"]["downtime median"], cells["all"]["downtime p90"]]
    assert shown[f"time frozen, all {told['n']} migrations"] == frozen


def test_the_report_says_what_the_readme_says(notebook):
    """The numbers at its top, and the table of the notebook, are those of the README's first row."""
    error = notebook["figures"]["nominal link"]["total_s"]
    numbers = key_numbers.validation(len(notebook["compared"]), error, 1.0)
    said = [numbers["median error of total time"], numbers["error at the 90th percentile"]]
    first = README.splitlines()[2]
    shown = [float(text.replace(language.NO_BREAK, " ").removesuffix(" %")) for text in said]
    assert [f"{value:.1f} %" for value in shown] == re.findall(r"[\d.]+ %", first)
    assert (
        f"{error['median_relative_error']:.1%} in the median"
        == f"{first.split('|')[3].strip()} in the median".replace(" %", "%")
    )


def test_the_figure_says_how_many_it_leaves_out(notebook, told):
    """Of 76 migrations 75 were completed: the table counts both, and the figure has the completed."""
    counts = summary(notebook["figures"])
    assert counts["migrations"]["nominal link"] == str(told["plain"]["n"])
    assert counts["completed"]["nominal link"] == str(told["plain"]["n_completed"])


def test_each_says_what_is_held_out():
    """README, docs and notebook say in a sentence that these figures are of a fit, with nothing held out."""
    readme = (documents.ROOT / "README.md").read_text(encoding="utf-8")
    path = documents.ROOT / "notebooks" / "05-predicted-and-measured.ipynb"
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    notebook = "\n".join("".join(cell["source"]) for cell in cells)
    for text in (readme, MEASURED, notebook):
        said = " ".join(text.split())
        assert re.search(r"Nothing (in it|in these figures)? ?is held out", said)
        assert "these very migrations" in said
