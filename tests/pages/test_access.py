"""Reports and index for everybody: axe-core finds nothing grave; tables are sorted by keys."""

import pytest

from analysis.batch import grid, run
from analysis.batch.progress import Lines
from tests.small_notebooks import GOOD, save


@pytest.fixture(scope="module")
def scenarios(tmp_path_factory, browser):
    """A folder with three scenarios of one notebook and one report beside them."""
    folder = tmp_path_factory.mktemp("scenarios")
    notebook, quiet = save(GOOD, folder / "good.ipynb"), Lines(lambda line: None)
    out = folder / "out"
    made = grid.parse({"cross": {"n": [20, 3, 100]}})
    run.report([notebook], {}, out, progress=quiet, scenarios=made)
    return out


@pytest.mark.parametrize(("width", "scheme"), [(1000, "dark"), (390, "light")])
@pytest.mark.parametrize("name", ["index", "1-good", "2-broken", "3-plain"])
def test_axe_finds_nothing_grave(batch, browser, axe, name, width, scheme):
    """No page has a fault that axe-core calls serious or critical."""
    page = browser.new_page(viewport={"width": width, "height": 800}, color_scheme=scheme)
    page.goto((batch.out / f"{name}.html").as_uri())
    faults = axe(page)
    page.close()
    assert faults == []


def test_numbers_are_sorted_by_keyboard(scenarios, browser):
    """Enter on the name of a column sorts by its numbers, once more the other way, and says so."""
    page = browser.new_page()
    page.goto((scenarios / "index.html").as_uri())
    heading = page.locator("#numbers th", has_text="links")
    for order, numbers in (("ascending", ["3", "20", "100"]), ("descending", ["100", "20", "3"])):
        heading.get_by_role("button").focus()
        page.keyboard.press("Enter")
        assert heading.get_attribute("aria-sort") == order
        column = page.locator("#numbers tbody tr td:nth-of-type(2)").all_inner_texts()
        assert column == numbers
    page.close()


def test_scenarios_stand_together(scenarios, browser, axe, look_at):
    """The runs of a grid are one group, a card each in the order of their values; the page is sound."""
    page = browser.new_page()
    page.goto((scenarios / "index.html").as_uri())
    assert page.locator("section#good .name").all_inner_texts() == ["n=3", "n=20", "n=100"]
    assert axe(page) == []
    page.close()
    assert look_at(scenarios / "index.html", 390) == []


def test_table_is_plain_without_scripts(scenarios, browser):
    """With scripts off the numbers are a table all the same."""
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto((scenarios / "index.html").as_uri())
    assert page.locator("#numbers tbody tr").count() == 3
    assert page.locator("#numbers thead button").count() == 0
    context.close()


def test_report_tells_what_it_was_made_from(scenarios, browser):
    """One line says what differs, and unfolds into all parameters; data, versions and time are at the end."""
    page = browser.new_page()
    page.goto((scenarios / "good--n=3.html").as_uri())
    line = page.locator(".inputs > summary")
    assert " ".join(line.inner_text().split()) == "Parameters: 1 of 2 changed: n = 3 instead of 2"
    row = page.locator(".inputs tr", has_text="how many")
    assert not row.is_visible()
    line.click()
    assert row.locator("strong").inner_text() == "3"
    told = page.get_by_role("region", name="About this run").inner_text()
    for said in ("n=3", "no file was read", "Python 3.", "UTC"):
        assert said in told
    page.close()
