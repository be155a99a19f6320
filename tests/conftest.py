"""What several test files share."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

import analysis.reports  # noqa: F401  (first, so that nbformat is imported without its slow format checker)


@pytest.fixture(scope="session")
def repository() -> Path:
    """The repository's folder."""
    return Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def browser() -> Iterator:
    """A headless Chromium, the system's own; tests that need it are skipped where there is none.

    For one file at a time: while it is open Playwright keeps an event loop running in the main thread, and
    papermill, in the next file, could not run its own there.
    """
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if path is None:
        pytest.skip("no chromium on the PATH: pages are not looked at")
    from playwright.sync_api import sync_playwright

    quiet = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]
    quiet += ["--disable-background-networking", "--disable-component-update", "--disable-sync"]
    with sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=path, headless=True, args=quiet)
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def look_at(browser):
    """A function that opens a page at a width and returns what is wrong with it, a sentence a fault."""

    def look(page_file: Path, width: int = 1000, scheme: str = "light") -> list[str]:
        page = browser.new_page(viewport={"width": width, "height": 800}, color_scheme=scheme)
        faults = []
        page.on("pageerror", lambda error: faults.append(f"script error: {error}"))
        page.on("console", lambda message: message.type == "error" and faults.append(message.text))
        page.on("request", lambda request: faults.extend(_outside(request.url)))
        page.goto(page_file.resolve().as_uri())
        if (wide := page.evaluate("document.documentElement.scrollWidth")) > width:
            faults.append(f"{wide} px wide in a window of {width} px")
        faults += page.evaluate(_FAULTS)
        page.close()
        return faults

    return look


def _outside(url: str) -> list[str]:
    """The fault of a page that asks for something outside its own file."""
    return [] if url.startswith(("file:", "data:")) else [f"asks for {url}"]


# Alternative texts (nbconvert puts its own sentence where there is none), language, title, one first heading.
_FAULTS = """() => {
  const faults = [], none = "No description has been provided";
  for (const image of document.images)
    if (!image.alt.trim() || image.alt.startsWith(none)) faults.push("a picture without alternative text");
  if (!document.documentElement.lang) faults.push("no language");
  if (!document.title) faults.push("no title");
  if (document.querySelectorAll("h1").length !== 1) faults.push("not exactly one h1");
  if (document.querySelector("script[src], link[href]")) faults.push("a script or style in another file");
  return faults;
}"""
