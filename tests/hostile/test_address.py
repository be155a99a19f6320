"""The page's address: a case that was sent on may hold anything, and runs nothing."""

import pytest

from tests.explorer import made
from tests.hostile.faces_address import ADDRESSES

LEFT_OUT = "Not understood in the address, and left out: "


SET = """(hash) => new Promise((done) => {
    const unchanged = setTimeout(done, 1000);
    addEventListener("hashchange", () => { clearTimeout(unchanged); setTimeout(done); }, { once: true });
    location.hash = hash;
})"""
"""Puts an address in place, and waits until the page has read it."""


@pytest.mark.nightly
def test_what_is_none_is_told_and_left_out(browser, tmp_path):
    """Each name that is none, or whose value is not allowed, is told; none of its scripts runs."""
    path = made.report(tmp_path, "calculator", made.notebook())  # in no other page is the address a case
    page, faults = browser.new_page(), []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("dialog", lambda dialog: (faults.append("dialog"), dialog.dismiss()))
    page.goto(path.as_uri())
    told = {}
    for given, _ in ADDRESSES:
        page.evaluate("document.querySelector('.note').textContent = ''")
        page.evaluate(SET, "#" + given)
        told[given] = page.locator(".note").first.text_content()
    assert (page.evaluate("window.ran || 0"), faults) == (0, [])
    wrong = {}
    for given, left_out in ADDRESSES:
        expected = f"{LEFT_OUT}{', '.join(left_out)}." if left_out else ""
        if told[given] != expected:
            wrong[given[:60]] = (told[given][:120], expected[:120])
    assert wrong == {}
    page.close()
