"""Notebooks into HTML: offline, described, without this machine's paths, formulas as MathML."""

import tempfile
from pathlib import Path

import pytest
from bs4 import BeautifulSoup
from nbformat import v4

from analysis.pages import html
from tests.small_notebooks import GOOD, PIXEL, build


def page_of(cells, outputs=()):
    """The page of a notebook whose last cell has some outputs."""
    notebook = build(cells)
    if outputs:
        notebook.cells[-1].outputs = list(outputs)
    html.tidy(notebook)
    return html.export(notebook, Path("."))


@pytest.mark.parametrize("width", [1000, 390])
@pytest.mark.parametrize("name", ["1-good", "2-broken", "3-plain"])
def test_report_in_a_browser(batch, look_at, name, width):
    """A report asks for nothing outside, raises no error, fits its window and describes its pictures."""
    assert look_at(batch.out / f"{name}.html", width) == []


def test_code_unfolds_at_the_button(batch, browser):
    """All code is folded at first, and one button unfolds and folds it."""
    page = browser.new_page()
    page.goto((batch.out / "3-plain.html").as_uri())
    code = page.locator("details.code .highlight")
    assert not code.is_visible()
    page.get_by_role("button", name="Show code").click()
    assert code.is_visible()
    page.get_by_role("button", name="Hide code").click()
    assert not code.is_visible()
    page.close()


def test_no_path_of_this_machine(batch):
    """Neither reports nor executed notebooks tell where they were made."""
    for path in [*batch.out.glob("*.html"), *batch.out.glob("executed/*.ipynb")]:
        text = path.read_text(encoding="utf-8")
        for folder in (str(batch.out.parent), str(Path.cwd()), "/ipykernel_"):
            assert folder not in text, path.name


def test_without_paths_shortens_the_temporary_file_of_a_cell():
    """The file ipykernel keeps a cell in is called cell, as a warning would name it."""
    text = f"{tempfile.gettempdir()}/ipykernel_12/3456.py:2: UserWarning: careful"
    assert html.without_paths(text) == "cell:2: UserWarning: careful"


def test_title_and_language():
    """The page has the notebook's first heading as its title, without markup, and a language."""
    page = page_of([("md", "# How *long*?\n\ntext"), ("code", "1")])
    assert "<title>How long?</title>" in page
    assert '<html lang="en">' in page


def test_alternative_text_is_kept_and_escaped():
    """The text given with a figure is its alternative text, whatever characters it has."""
    figure = v4.new_output("display_data", {"image/png": PIXEL})
    figure.metadata = {"image/png": {"alt": 'a "b" <c> & d'}}
    page = BeautifulSoup(page_of([("md", "# T"), ("code", "f()")], [figure]), "html.parser")
    assert page.img["alt"] == 'a "b" <c> & d'


def test_role_of_an_output_is_its_class():
    """An output that says it is the takeaway can be styled as such."""
    output = v4.new_output("display_data", {"text/markdown": "So."}, metadata={"study": {"role": "takeaway"}})
    assert 'class="study-takeaway"' in page_of([("md", "# T"), ("code", "f()")], [output])


@pytest.mark.parametrize(("tag", "result"), [("remove-input", True), ("remove-cell", False)])
def test_tags_remove_code_or_cell(tag, result):
    """remove-input leaves the result alone, remove-cell nothing."""
    notebook = build([("md", "# T"), ("code", "secret()")])
    notebook.cells[1].metadata.tags = [tag]
    notebook.cells[1].outputs = [v4.new_output("stream", text="shown")]
    html.tidy(notebook)
    page = html.export(notebook, Path("."))
    assert ("secret" in page, "shown" in page) == (False, result)


def test_tidy_numbers_the_cells():
    """Cell ids come from the cell's place, so that two runs give the same page."""
    notebook = build(GOOD)
    html.tidy(notebook)
    assert [cell.id for cell in notebook.cells] == [f"cell-{n}" for n in range(len(GOOD))]


@pytest.mark.parametrize("text", ["is $x$", "is ($r=D/B$)", "$$x$$", r"\begin{align}x&=1\end{align}"])
def test_formulas_become_mathml(text):
    """Formulas in a line, in a display and in an environment are MathML, with no dollar left."""
    page = html.markdown(text)
    assert "<math" in page
    assert "$" not in page


@pytest.mark.parametrize(
    "text",
    ["costs $5 or $6", "from $5-$10", "`$x$`", "    $x$", r"\$x\$", "run `a$b` for $5 `c$`", "$ x $", "$5"],
)
def test_dollars_that_are_no_formula(text):
    """Amounts of money, code and escaped dollars stay what they are."""
    page = html.markdown(text)
    assert "<math" not in page
    assert "$" in page


@pytest.mark.parametrize("latex", [r"\unheardof{x}", "x_{"])
def test_formula_beyond_the_converter_stays_readable(latex):
    """What cannot be converted is shown as its source, never as broken markup."""
    assert html.mathml(latex).startswith("<code>")


def test_tags_in_a_line_stay_pairs():
    """A tag opened in a line is closed where the author closes it."""
    assert '<a href="#x">there</a>' in html.markdown('see <a href="#x">there</a>')


def test_formula_with_comparison_survives():
    """Less-than and ampersand in a formula are characters, not markup."""
    assert "&#x0003C;" in html.markdown("is $a < b$")


def test_a_page_is_the_same_where_a_kernel_did_not_tell_its_language():
    """On a loaded machine its answer may come too late; code is coloured as IPython's all the same."""
    notebook = v4.new_notebook(metadata={"language_info": {"name": "python"}})
    html.tidy(notebook)
    assert notebook.metadata.language_info.pygments_lexer == "ipython3"
