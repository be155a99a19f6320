"""The index page: a card per report, read from the executed notebooks alone."""

import base64
import io

import pytest
from nbformat import v4
from PIL import Image

from analysis.pages import index
from tests import screens
from tests.small_notebooks import build, save


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1000, 390])
def test_index_in_a_browser(batch, look_at, width, scheme):
    """The index asks for nothing outside, fits its window and describes its pictures, light and dark."""
    assert look_at(batch.out / "index.html", width, scheme) == []


def test_index_is_whole_on_paper(batch, browser):
    """Printed across, no table of numbers is cut at the edge of the paper."""
    assert screens.faults_on_paper(browser, batch.out / "index.html", screens.LONG_SIDE) == []


def test_card_tells_question_takeaway_and_figure(batch):
    """A card is read from the executed notebook: nothing of it is typed anywhere else."""
    good = index.Card(**next(index.records(batch.out))["card"])
    assert good.title == "How long at 10 Gbit/s?"
    assert good.question.startswith("<p>Does a <em>wider</em> link help")
    assert "<math" in good.question
    assert good.takeaway == "<p>With <strong>3</strong> links it is quicker.</p>"
    assert good.alt == "time over <link> rate"
    assert good.parameters == {"n": 3}
    assert good.failure is None


def test_failed_card_names_its_cell(batch):
    """The card of a failed run says so and leads to the cell."""
    page = (batch.out / "index.html").read_text(encoding="utf-8")
    assert "1 of them failed" in page
    assert 'href="2-broken.html#papermill-error-cell">cell [4]</a>' in page


def test_every_card_leads_to_its_report(batch, browser):
    """Clicking a card anywhere opens its report."""
    page = browser.new_page()
    page.goto((batch.out / "index.html").as_uri())
    page.locator(".card", has_text="Without figures").click()
    assert page.title() == "Without figures"
    page.close()


def test_question_may_stand_in_the_next_cell():
    """The question is the first paragraph after the title, in the same cell or a later one."""
    notebook = build([("md", "# T"), ("code", "1"), ("md", "## Part\n\nWhy\nso?\n\nMore.")])
    assert index.question(notebook) == "Why\nso?"


def test_card_without_anything_is_still_a_card():
    """A notebook without title, text, figure and takeaway gets a card named after its file."""
    card = index.card(build([("code", "1")]), "bare.html")
    assert (card.title, card.question, card.takeaway, card.thumbnail) == ("bare", "", "", "")


def test_takeaway_in_html_alone_is_read_as_text():
    """A takeaway that was only given as HTML gives its text."""
    notebook = build([("code", "1")])
    data, meta = {"text/html": "<p>So <b>it</b> is.</p>"}, {"study": {"role": "takeaway"}}
    notebook.cells[0].outputs = [v4.new_output("display_data", data, metadata=meta)]
    assert index.takeaway(notebook) == "So it is."


def test_thumbnail_is_no_wider_than_needed():
    """A large figure is shrunk to the width of a card, its proportions kept."""
    large = io.BytesIO()
    Image.new("RGB", (1600, 900)).save(large, "PNG")
    small = base64.b64decode(index.thumbnail(large.getvalue()).partition(",")[2])
    assert Image.open(io.BytesIO(small)).size == (800, 450)


def test_links_inside_a_card_are_unwrapped():
    """A card is one link, so its texts hold none."""
    assert index.inline("see [there](x.html)") == "<p>see there</p>"


def test_empty_folder_has_an_index_that_says_so(tmp_path):
    """Without any report the page says what to do."""
    assert "make report" in index.write(tmp_path).read_text(encoding="utf-8")


def test_executed_notebook_without_record_has_no_card(tmp_path):
    """A run that was killed before its record was written is not shown."""
    save([("md", "# T")], tmp_path / "executed" / "half.ipynb")
    assert list(index.records(tmp_path)) == []
