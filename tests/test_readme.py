"""The front page: short, with every notebook, and with figures that are computed."""

import re

from tests import documents

README = (documents.ROOT / "README.md").read_text(encoding="utf-8")


def test_the_front_page_is_short():
    """What does not fit into 120 lines has its page in docs/."""
    assert len(README.splitlines()) <= 120


def test_the_table_of_errors_is_computed():
    """How right the model is, as the README says it, follows from the measurements in data/."""
    assert documents.shown_accuracy(README) == documents.accuracy_table()


def test_every_notebook_is_in_the_readme():
    """The table of notebooks lists all of them."""
    listed = set(re.findall(r"\(notebooks/([\w-]+\.ipynb)\)", README))
    assert listed == {path.name for path in (documents.ROOT / "notebooks").glob("*.ipynb")}


def test_the_commands_of_the_front_page_are_those_of_make():
    """Set-up and tests are one command each, and continuous integration runs what the README names."""
    shown = [step.text for step in documents.steps(README) if step.kind == "sh"]
    assert {"make report", "make test"} <= set(shown)
    last = (documents.ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()[-1]
    assert f"`{last.removeprefix('exec ')}`" in README
