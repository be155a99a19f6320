"""What several test files share."""

import atexit
import gc
import io
import json
import os
import pickle
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest
from filelock import FileLock

# As in a fresh program: looking for examples in docstrings loads the compiled kernel, and from then on every
# table of some size would compile one for itself, for seconds. Tests that are about a way name it.
os.environ.setdefault("MIGRATION_STUDY_KERNEL", "laws")
# Workers have a processor each: linear algebra on all of them would spend as much again on waiting in turns.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")

import analysis.pages  # noqa: F401  (first, so that nbformat is imported without its slow format checker)
from tests.small_notebooks import BROKEN, GOOD, PLAIN, Batch, save

# As programs of the study do: no worker looks for garbage in all that it loaded before it ends.
atexit.register(gc.freeze)
COMPILING = pytest.StashKey[subprocess.Popen[bytes]]()
UNTOLD = pytest.StashKey[bool]()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int | None:
    """One worker more than there are processors: some tests wait for a kernel, a browser or a server."""
    from analysis.model.engine import cores

    return None if "PYTEST_XDIST_AUTO_NUM_WORKERS" in os.environ else cores() + 1


COMPILED = "MIGRATION_STUDY_TESTS_COMPILED"
"""In the environment of workers: the file that is there once the machine code is."""
COMPILE = """
from pathlib import Path
import sys
try:
    from analysis.model import by_laws, migration
    by_laws.outcomes(migration.filled(adapters=[1, 1]), compiled=True)
finally:
    Path(sys.argv[1]).touch()
"""


def pytest_sessionstart(session: pytest.Session) -> None:
    """Have the laws compiled once, beside the first tests, and not by each worker that comes to need them."""
    if not hasattr(session.config, "workerinput") and "MUTANT_UNDER_TEST" not in os.environ:
        done = os.environ[COMPILED] = os.path.join(tempfile.mkdtemp(), "compiled")
        session.config.stash[COMPILING] = subprocess.Popen([sys.executable, "-c", COMPILE, done])


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Tell the laws once they are compiled: they look whether they are but once, most likely before."""
    if item.config.stash.get(UNTOLD, True) and os.path.exists(os.environ.get(COMPILED, "")):
        from analysis.model import by_laws

        by_laws.kept.cache_clear()
        item.config.stash[UNTOLD] = False


@pytest.fixture(scope="session")
def machine_code() -> None:
    """The laws' machine code lies on the disk: for tests whose programs would each compile them."""
    until = time.monotonic() + 300  # and then they do
    while not os.path.exists(os.environ.get(COMPILED, os.devnull)) and time.monotonic() < until:
        time.sleep(0.2)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """What is still being compiled goes on for nobody."""
    if (compiling := session.config.stash.get(COMPILING, None)) is not None:
        compiling.kill()
        compiling.wait()
        shutil.rmtree(os.path.dirname(os.environ.pop(COMPILED)))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with slow tests first, so that no worker begins a long one when the others are done."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


@pytest.fixture
def standard_error(monkeypatch: pytest.MonkeyPatch) -> Callable[[bool], io.StringIO]:
    """A function that puts another standard error in place, a terminal or not, and returns it."""

    def put(terminal: bool) -> io.StringIO:
        screen = io.StringIO()
        monkeypatch.setattr(screen, "isatty", lambda: terminal, raising=False)
        monkeypatch.setattr(sys, "stderr", screen)
        return screen

    return put


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
    # One process for all pages: starting another for each is most of what opening a page costs.
    quiet += ["--renderer-process-limit=1", "--disable-site-isolation-trials", "--in-process-gpu"]
    with sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=path, headless=True, args=quiet)
        yield Browser(chromium)
        chromium.close()


@pytest.fixture(scope="session")
def kernels(repository: Path, machine_code: None) -> Iterator[type]:
    """How kernels of the notebooks are started: forks of one process, which imports and loads for all."""
    from analysis.batch import forked

    with forked.manager(
        [path.read_bytes() for path in (repository / "notebooks").glob("*.ipynb")]
    ) as manager:
        yield manager


class Browser:
    """Chromium with one window, in which each page is a tab: a window of its own costs as much as a page."""

    def __init__(self, chromium: Any) -> None:
        self.new_context = chromium.new_context
        self._window = chromium.new_context()
        self._window.new_page()  # stays, so that the window does

    def new_page(self, viewport: dict[str, int] | None = None, color_scheme: str = "light") -> Any:
        """A page of a size and a colour scheme, 1280 by 720 and light if not told."""
        page = self._window.new_page()
        page.set_viewport_size(viewport or {"width": 1280, "height": 720})
        page.emulate_media(color_scheme=color_scheme)
        return page


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


@pytest.fixture(scope="session")
def axe():
    """A function that returns what axe-core finds serious or critical on a page, a sentence each."""
    module = pytest.importorskip("axe_playwright_python.sync_playwright", reason="no axe-core here")

    def look(page) -> list[str]:
        found = module.Axe().run(page).response["violations"]
        grave = [fault for fault in found if fault["impact"] in ("serious", "critical")]
        return [f"{fault['id']}: {fault['nodes'][0]['html'][:200]}" for fault in grave]

    return look


@pytest.fixture(scope="module")
def begins_with_the_answer(browser, tmp_path_factory):
    """A function that returns what is wrong with beginning and print of a report, measured in Chromium.

    It takes a page, or an executed notebook, of which it makes the page of a run.
    """
    from analysis.pages import html
    from tests import screens

    def look(report: Path | Any) -> list[str]:
        path = report
        if not isinstance(report, Path):
            html.tidy(report)
            line = {"unit": "", "meaning": "as it was", "default": None, "changed": False}
            given = report.metadata.get("papermill", {}).get("parameters", {})
            inputs = [line | {"name": name, "value": value} for name, value in (given or {"n": 1}).items()]
            about = {"inputs": inputs, "versions": {"Python": "3"}, "data": {}, "scenario": ""}
            report.metadata["study"] = about | {"finished": "2026-01-01 00:00"}
            name = re.sub(r"\W+", "-", html.title_of(report))
            path = tmp_path_factory.mktemp("page") / f"{name}.html"
            path.write_text(html.export(report, Path(".")), encoding="utf-8")
        return screens.faults_of_the_first_screen(browser, path) + screens.faults_on_paper(browser, path)

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


@pytest.fixture(scope="module")
def dask(tmp_path_factory):
    """The address of a real Dask scheduler with two workers on loopback, each its own process."""
    distributed = pytest.importorskip("distributed", reason="no Dask here: nothing runs on a cluster")
    folder = tmp_path_factory.mktemp("dask")
    here = [sys.executable, "-m", "dask"]
    file = folder / "scheduler.json"
    quiet = {"cwd": folder, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    scheduler = [*here, "scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard"]
    started = [subprocess.Popen([*scheduler, "--scheduler-file", str(file)], **quiet)]
    try:
        until = time.monotonic() + 60
        while not (file.exists() and file.read_text().strip().endswith("}")):
            assert time.monotonic() < until, "no scheduler after a minute"
            time.sleep(0.1)
        address = json.loads(file.read_text())["address"]
        worker = [*here, "worker", address, "--host", "127.0.0.1", "--nthreads", "1", "--no-dashboard"]
        worker += ["--no-nanny"]  # one process each, that can be killed: ending in order takes seconds
        started += [subprocess.Popen(worker, **quiet) for _ in range(2)]
        with distributed.Client(address, set_as_default=False) as client:
            client.wait_for_workers(2, timeout=60)
        yield address
    finally:
        for process in reversed(started):
            process.kill()
            process.wait()


@pytest.fixture(scope="session")
def batch(tmp_path_factory: pytest.TempPathFactory) -> Batch:
    """Three notebooks, the second of which fails, executed in real kernels from a folder with a space."""
    return shared(tmp_path_factory, "a folder", _executed)


def _executed(folder: Path) -> Batch:
    # Here: papermill takes a second to import, and most tests do without it.
    from analysis.batch import run
    from analysis.batch.progress import Lines

    sources = {"1-good": GOOD, "2-broken": BROKEN, "3-plain": PLAIN}
    notebooks = [save(cells, folder / f"{name}.ipynb") for name, cells in sources.items()]
    done = Batch(folder / "reports", notebooks)
    done.outcomes = run.report(notebooks, {"n": "3"}, done.out, workers=2, progress=Lines(done.lines.append))
    return done


Made = TypeVar("Made")


def shared(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], Made]) -> Made:
    """What ``make`` leaves in a folder of that name and returns: made by one worker, only read by all."""
    base = factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / name
    kept = folder.with_suffix(".pickle")
    with FileLock(folder.with_suffix(".lock")):
        if not kept.exists():
            folder.mkdir()
            kept.write_bytes(pickle.dumps(make(folder)))
    found: Made = pickle.loads(kept.read_bytes())
    return found
