"""The explorer notebook: executed by papermill, its page in a browser, and used in a real JupyterLab."""

import contextlib
import json
import os
import re
import secrets
import shutil
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import nbformat
import pytest

from analysis.batch.execution import Run, execute, kernel_environment
from analysis.explorer.panel import GROUPS
from analysis.pages import html

PICTURE = "svg.scene"


@pytest.fixture(scope="module")
def notebook_path(repository):
    """The notebook as it is in git."""
    return repository / "notebooks" / "08-explorer.ipynb"


@pytest.fixture(scope="module")
def pages(notebook_path, tmp_path_factory, kernels):
    """The reports of two executions with the notebook's own values: in a kernel of its own, and in a fork."""
    folder = tmp_path_factory.mktemp("explorer")

    def page(name, manager):
        target = folder / f"{name}.ipynb"
        _, error = execute(Run(name, notebook_path), target, manager=manager)
        if error:
            raise error
        notebook = nbformat.read(target, as_version=4)
        html.tidy(notebook)
        report = folder / f"{name}.html"
        report.write_text(html.export(notebook, notebook_path.parent), encoding="utf-8", newline="\n")
        return report

    with kernel_environment(), ThreadPoolExecutor(2) as pool:
        return list(pool.map(page, ("first", "second"), (None, kernels)))


@pytest.fixture
def executed(pages):
    """The first of the executed notebooks."""
    return nbformat.read(pages[0].with_suffix(".ipynb"), as_version=4)


@pytest.fixture
def opened(pages, browser):
    """The report in a browser without a network; fails the test if a script fails in it."""
    context = browser.new_context(viewport={"width": 1000, "height": 900}, offline=True)
    page, errors = context.new_page(), []
    page.on("pageerror", lambda error: errors.append(error))
    page.goto(pages[0].as_uri())
    page.locator(".calculator .more").wait_for(state="visible")
    yield page
    context.close()
    assert errors == []


def seen(page):
    """The alternative text of the picture, once it is drawn, and the answer beside the controls."""
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => setTimeout(done)))")
    picture = page.locator(f".picture {PICTURE}").get_attribute("aria-label")
    return picture, " ".join(page.locator(".calculator .told").inner_text().split())


def test_page_is_the_same_to_the_byte(pages):
    """Two executions give the same report: what differs between them stays in the live notebook."""
    first, second = (page.read_bytes() for page in pages)
    assert first == second


def test_page_is_small_and_has_no_trace_of_widgets(pages):
    """The report is below 1 MB; what only works with a kernel leaves no block and no word in it."""
    text = pages[0].read_text(encoding="utf-8")
    assert len(text.encode()) < 1_000_000
    assert not re.search(r"widget-view|model_id|Every parameter|JupyterLab:", text)


def test_takeaway_is_computed(pages):
    """The report begins with sentences that have the numbers of the starting values."""
    text = pages[0].read_text(encoding="utf-8")
    said = re.search(r'class="study-takeaway">(.*?)</p>', text, re.DOTALL)[1]
    assert re.search(r"<strong>[\d.]+\s\w+</strong>", said.replace("\N{NO-BREAK SPACE}", " "))


@pytest.mark.parametrize("width", [1000, 390])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_page_in_a_browser(pages, look_at, width, scheme):
    """No request, no error, nothing wider than the window, on a desk and on a phone, light and dark."""
    assert look_at(pages[0], width, scheme) == []


def test_report_begins_with_the_answer(executed, begins_with_the_answer):
    """Question, answer, numbers and the picture in the first window; all of it whole on phone and paper."""
    assert begins_with_the_answer(executed) == []


def test_arrow_key_changes_picture_and_text(opened):
    """A slider is reached by Tab and moved by an arrow key; picture, text and the value read aloud follow."""
    slider = opened.locator("[data-slides=dirty_pages_per_s]")
    field = opened.locator("#calc-dirty_pages_per_s")
    while not slider.evaluate("input => input === document.activeElement"):
        opened.keyboard.press("Tab")
    before, value = seen(opened), slider.get_attribute("aria-valuetext")
    opened.keyboard.press("ArrowRight")
    after = seen(opened)
    assert after[0] != before[0]
    assert after[1] != before[1]
    assert slider.get_attribute("aria-valuetext") != value
    assert slider.get_attribute("aria-valuetext") == field.input_value()
    opened.keyboard.press("ArrowLeft")
    assert seen(opened) == before


def test_menu_changes_picture_and_text(opened):
    """Another transport is another picture and another answer, and the command names it."""
    before = seen(opened)
    opened.get_by_label("Transport").select_option(label="SMB Direct")
    after = seen(opened)
    assert after[0] != before[0]
    assert after[1] != before[1]
    assert "--transport smb_direct" in opened.locator(".command").input_value()


def test_address_holds_the_case(opened):
    """What was changed stands in the address, and the address opens the same case."""
    opened.locator("#calc-memory_gib").fill("96")
    opened.get_by_label("Transport").select_option(label="SMB")
    opened.wait_for_function("() => location.hash === '#memory_gib=96&transport=smb'")
    here = seen(opened)
    opened.goto("about:blank")
    opened.go_back()
    opened.locator(".calculator .more").wait_for(state="visible")
    assert (seen(opened), opened.locator("#calc-memory_gib").input_value()) == (here, "96")


def test_what_is_not_allowed_is_told(opened):
    """A value out of range is refused by the parameter's own rule; the last case stays."""
    before = seen(opened)
    opened.locator("#calc-memory_gib").fill("-3")
    assert "it takes a number from 0.001 to 262144" in opened.locator(".calculator .note").inner_text()
    assert seen(opened) == before


# --- in JupyterLab --------------------------------------------------------------------

# All cells stay in the page, seen or not, and no question about news comes up.
SETTINGS = {
    "notebook-extension/tracker": {"windowingMode": "none"},
    "apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
}


@pytest.fixture
def jupyterlab(notebook_path, tmp_path):
    """The address of a copy of the notebook in a JupyterLab server on this machine alone."""
    shutil.copy(notebook_path, tmp_path)
    for name, settings in SETTINGS.items():
        file = tmp_path / "settings" / "@jupyterlab" / f"{name}.jupyterlab-settings"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(settings), encoding="utf-8")
    own = {"JUPYTERLAB_SETTINGS_DIR": "settings", "JUPYTERLAB_WORKSPACES_DIR": "workspaces"}
    own |= {"JUPYTER_CONFIG_DIR": "config", "JUPYTER_RUNTIME_DIR": "runtime", "IPYTHONDIR": "ipython"}
    environment = os.environ | {name: str(tmp_path / folder) for name, folder in own.items()}
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    token = secrets.token_hex(8)
    command = f"jupyter lab --no-browser --allow-root --ip=127.0.0.1 --port={port} --ServerApp.port_retries=0"
    options = [f"--IdentityProvider.token={token}", "--LabApp.news_url="]
    with (
        open(tmp_path / "server.log", "w", encoding="utf-8") as log,
        subprocess.Popen(
            [sys.executable, "-m", *command.split(), *options],
            cwd=tmp_path,
            env=environment,
            stdout=log,
            stderr=subprocess.STDOUT,
        ) as server,
    ):
        try:
            _wait_for_port(port)
            yield f"http://127.0.0.1:{port}/lab/tree/{notebook_path.name}?token={token}"
        finally:
            server.terminate()


def _wait_for_port(port):
    """Return when something listens there; TimeoutError after a minute."""
    for _ in range(240):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.25)
    raise TimeoutError("JupyterLab did not start within a minute")


def run_all_cells(page):
    """Choose Run > Run All Cells; again if the kernel, idle but not yet connected, took no notice."""
    page.locator(".jp-Notebook-ExecutionIndicator[data-status=idle]").wait_for(state="attached")
    started = page.locator(".jp-InputPrompt", has_text=re.compile(r"\[[*\d]+\]"))
    for _ in range(8):
        page.wait_for_timeout(2000)
        if page.locator("dialog[aria-modal=true]").count():
            page.keyboard.press("Escape")
            continue
        page.get_by_role("menuitem", name="Run", exact=True).click()
        page.locator(".lm-Menu-itemLabel", has_text="Run All Cells").first.click()
        with contextlib.suppress(Exception):
            started.first.wait_for(state="attached", timeout=5000)
            return
    raise AssertionError("no cell began to run")


# Labels, tabs, fields and boxes of the panel that hide a part, and words of the picture beyond its edge.
CUT = """() => {
  const cut = [], seen = what => [...document.querySelectorAll(what)].filter(e => e.getClientRects().length);
  const boxes = ".widget-label, .lm-TabBar-tabLabel, .widget-tab-contents, .widget-vbox, .widget-hbox, input";
  for (const each of seen(boxes.split(", ").map(what => `.explorer-panel ${what}`).join()))
    if (each.clientWidth && each.scrollWidth > each.clientWidth + 1)
      cut.push(`${each.className}: ${each.value || each.textContent} needs ${each.scrollWidth} px`);
  const panel = document.querySelector(".explorer-panel"), edge = panel.getBoundingClientRect().right;
  for (const each of seen(".explorer-panel *"))
    if (each.getBoundingClientRect().right > edge + 1) cut.push(`${each.tagName} ends beyond the panel`);
  for (const word of seen(".explorer-panel svg.scene text")) {
    const {x, width} = word.getBBox();
    if (!word.hasAttribute("transform") && (x < -1 || x + width > 481)) cut.push(word.textContent);
  }
  return cut;
}"""


@pytest.mark.slow
def test_slider_in_jupyterlab_changes_the_picture(jupyterlab, browser):
    """Run All Cells in a real JupyterLab at 1280 px: nothing is cut, a slider and a typed value act.

    The kernel draws another picture at an arrow key on a slider, and at Enter after what was typed.
    """
    page = browser.new_page(viewport={"width": 1280, "height": 1000})
    page.set_default_timeout(180_000)
    errors = []
    page.on("pageerror", lambda error: errors.append(error))
    page.goto(jupyterlab)
    page.locator(".jp-Notebook").first.wait_for()
    run_all_cells(page)
    page.locator(".jp-OutputArea-output", has_text="This migration takes").first.wait_for(state="attached")
    picture = page.locator(f".widget-html {PICTURE}")
    assert not page.locator(".widget-html", has_text="Redrawn").count()

    for tab in GROUPS:
        page.get_by_role("tab", name=tab, exact=True).first.click()
        assert page.evaluate(CUT) == [], tab
    page.get_by_role("tab", name="Link", exact=True).first.click()
    page.locator(".widget-dropdown", has_text="Transport").locator("select").select_option(index=1)
    drawn = "said => document.querySelector('.widget-html svg.scene').ariaLabel.includes(said)"
    page.wait_for_function(drawn, arg="1.1 uncompressed")
    assert page.evaluate(CUT) == []
    line = page.locator(".widget-hbox", has_text="Line rate").locator("input[type=text]")
    line.fill("17.3Gbit/s")
    line.press("Enter")
    page.wait_for_function("input => input.value === '17.3 Gbit/s'", arg=line.element_handle())
    page.wait_for_function(drawn, arg="1.39 uncompressed")

    handle = page.locator(".widget-slider", has_text="Line rate").locator(".noUi-handle").first
    handle.focus()
    before = picture.get_attribute("aria-label")
    page.keyboard.press("ArrowRight")
    page.wait_for_function(
        "before => document.querySelector('.widget-html svg.scene').ariaLabel !== before", arg=before
    )
    assert picture.count() == 1

    # The control of the report works in the notebook too.
    control = page.locator(".calculator.whole")
    assert control.locator(".more").is_visible()
    said = control.locator(".told").inner_text()
    control.locator("[data-slides=bandwidth_gbps]").press("ArrowRight")
    assert control.locator(".told").inner_text() != said
    page.close()
    assert errors == []
