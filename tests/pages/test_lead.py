"""The order of a report: answer first, explanation after it, provenance last; the notebook stays as it is."""

import copy
from pathlib import Path

import pytest
from bs4 import BeautifulSoup
from nbformat import v4

from analysis.pages import html, lead
from tests.small_notebooks import PIXEL, build

CELLS = [
    ("md", "# Is it *quick*?\n\n**Question: how quick?**\n\nBackground text."),
    ("parameters", "n: int = 1  # how many [1]"),
    ("md", "## First part\n\nWhat is seen in the figure."),
    ("code", "figure()"),
    ("md", "## Second part\n\n```\n## no heading\n```"),
    ("md", "## Takeaway"),
    ("code", "takeaway()"),
]
TEXT = "It takes **3 s**. " + " ".join(["Then", *(["so"] * 28), "on."]) + " The end is near."


def shown(role="", **data):
    """An output with a role; data by kind, slashes as underscores."""
    told = {name.replace("_", "/"): value for name, value in data.items()}
    return v4.new_output("display_data", told, metadata={"study": {"role": role}} if role else {})


@pytest.fixture
def notebook():
    """An executed notebook with a figure, a takeaway, recorded numbers and the record of its run."""
    made = build(CELLS)
    made.cells[3].outputs = [shown(image_png=PIXEL), shown(text_html="<p>a table</p>")]
    made.cells[6].outputs = [shown("takeaway", text_markdown=TEXT), shown("results", text_html="<p>all</p>")]
    rows = [[["total_s", 3.0], ["blackout_s", 0.5], ["limited_by", "line_rate"]]]
    made.cells[6].outputs[1].metadata["study"]["rows"] = rows
    line = {"name": "n", "value": 1, "unit": "1", "meaning": "how many", "default": 1, "changed": False}
    about = {"inputs": [line], "versions": {"Python": "3"}, "data": {"data/a.csv": "0123456789abcdef"}}
    made.metadata["study"] = about | {"finished": "2026-01-01 00:00", "scenario": ""}
    return made


def test_report_is_in_order(notebook):
    """Question, answer, numbers, parameters, figure, rest, background, parts, what it was made from."""
    text = html.export(notebook, Path(".")).partition("<main>")[2]
    texts = ["how quick?", "It takes <strong>3 s", '<dl class="key">', 'class="inputs"', "data:image/png"]
    texts += ["The end is near", "Background text", "What is seen", "a table"]
    texts += [">About this run</h2>", ">0123456789ab<"]
    assert [text.index(one) for one in texts] == sorted(text.index(one) for one in texts)
    assert [text.count(one) for one in texts] == [1] * len(texts)


def test_notebook_keeps_its_order(notebook):
    """What lies beside the report is the notebook as it ran; the same notebook gives the same page."""
    before = copy.deepcopy(notebook)
    first, second = (html.export(notebook, Path(".")) for _ in range(2))
    assert notebook == before
    assert first == second


def test_place_of_the_figure_leads_to_it(notebook):
    """Where the figure stood is a link to where it stands; the heading of the takeaway is gone."""
    page = BeautifulSoup(html.export(notebook, Path(".")), "html.parser")
    anchor = page.select_one(".moved a")["href"].removeprefix("#")
    assert page.find(id=anchor).img
    assert [heading.get_text() for heading in page.find_all("h2")] == [
        "First part",
        "Second part",
        "About this run",
    ]


def test_contents_lead_to_every_part(notebook):
    """The list of contents names the parts in their order, each link leads to its heading, one leads back."""
    page = BeautifulSoup(html.export(notebook, Path(".")), "html.parser")
    links = page.select(".contents a")
    assert [link.get_text() for link in links] == ["First part", "Second part", "About this run"]
    assert [page.find(id=link["href"][1:]).get_text() for link in links] == [a.get_text() for a in links]
    assert page.select_one(".bar > a")["href"] == "index.html"


def test_recorded_numbers_stand_in(notebook):
    """Without numbers given with the takeaway, those of the one recorded row are shown, with their units."""
    told = [[name, value.replace("\N{NO-BREAK SPACE}", " ")] for name, value in lead.key_numbers(notebook)]
    assert told == [["total", "3 s"], ["blackout", "0.5 s"]]


def test_given_numbers_are_shown(notebook):
    """Numbers given with the takeaway are shown as they are, four at most."""
    given = [[f"name {i}", f"{i} s"] for i in range(6)]
    notebook.cells[6].outputs[0].metadata["study"]["numbers"] = given
    assert lead.key_numbers(notebook) == given[:4]


def test_several_recorded_rows_have_no_first(notebook):
    """Of several rows none is the answer, so no number is taken from them."""
    study = notebook.cells[6].outputs[1].metadata["study"]
    study["rows"] = study["rows"] * 2
    assert lead.key_numbers(notebook) == []


def test_takeaway_of_html_alone_is_kept_whole(notebook):
    """What a foreign notebook concluded in HTML is moved as it is."""
    notebook.cells[6].outputs[0] = shown("takeaway", text_html="<ul><li>One. Two.</li></ul>")
    page = BeautifulSoup(html.export(notebook, Path(".")), "html.parser")
    assert str(page.select_one(".study-takeaway").ul) == "<ul><li>One. Two.</li></ul>"


def test_removed_cell_stays_removed(notebook):
    """What an author took out of the report is not brought back at its top."""
    notebook.cells[3].metadata.tags = ["remove-cell"]
    page = BeautifulSoup(html.export(notebook, Path(".")), "html.parser")
    assert page.img is None
    assert "a table" not in page.get_text()


def test_notebook_without_a_title_is_a_report():
    """A bare notebook gets a first heading, and nothing of it is lost."""
    bare = build([("code", "1"), ("md", "some text")])
    bare.cells[0].outputs = [shown(text_plain="seen")]
    page = BeautifulSoup(html.export(bare, Path(".")), "html.parser")
    assert [heading.get_text() for heading in page.find_all("h1")] == ["Report"]
    assert "seen" in page.get_text()
    assert "some text" in page.get_text()
