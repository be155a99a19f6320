"""The same page in Firefox: it computes from a folder without a network, and takes a number by keys."""

import shutil

import pytest

from analysis.explorer.followed import one
from analysis.explorer.picture import answer, picture
from tests.explorer.made import BUSY, notebook, report
from tests.firefox import firefox

pytestmark = pytest.mark.thorough

SAID = "document.querySelector('.told').textContent"
DRAWN = """new Promise((done) => requestAnimationFrame(() => setTimeout(() =>
    done(document.querySelector('.picture svg').getAttribute('aria-label')))))"""


def test_page_in_firefox(tmp_path):
    """Opened from a folder with no network: keys change memory and line, answer and picture are Python's."""
    path = shutil.which("firefox-esr") or shutil.which("firefox")
    if path is None:
        pytest.skip("no firefox on the PATH: pages are not looked at in it")
    pytest.importorskip("websocket", reason="no websocket-client here: nobody speaks with Firefox")
    made = report(tmp_path, "a page", notebook(**BUSY))
    with firefox(path) as page:
        page.goto(made.as_uri())
        assert page.evaluate(SAID) == answer(one(**BUSY)).replace("**", "")
        page.evaluate("document.querySelector('.search').focus()")
        page.press("Tab", "Tab")
        assert page.evaluate("document.activeElement.id") == "calc-memory_gib"
        page.chord("Control", "a")
        page.press("9", "6")
        page.press("Tab", "Tab")
        assert page.evaluate("document.activeElement.id") == "calc-dirty_pages_per_s"
        page.chord("Control", "a")
        page.press(*"70000")
        now = one(**BUSY | {"memory_gib": 96, "dirty_pages_per_s": 70_000})
        assert page.evaluate(SAID) == answer(now).replace("**", "")
        label = picture(now).split('aria-label="')[1].split('"')[0]
        assert page.evaluate(DRAWN) == label.replace("&#x27;", "'")
        assert page.errors == []
