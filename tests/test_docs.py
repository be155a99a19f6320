"""README and docs/: every command works as it stands, every figure is computed, links lead somewhere."""

import os
import re

import pytest
import yaml

from analysis.studies.sweeps import designs
from analysis.studies.sweeps.sweep import sweep
from tests import documents
from tests.warm import Warm

LEFT_OUT = {
    r"make report\b.*": "runs every notebook for a minute or more; tests/notebooks runs each",
    r"make (-k )?(check )?test\b.*": "is what runs this very test",
    r"make (thorough|nightly|fuzz|soak|ordinary|versions|gallery|bench)\b.*": "minutes",
    r"make format": "changes its folder",
    r"python benchmarks/(foreign|single|earlier).py .*": "the reader's own tables: tests/benchmarks has some",
    r"make lab\b.*|jupyter lab .*": "a server, until it is stopped; see tests/test_makefile.py",
    r"make laboratory\b.*|.* data.collect.laboratory.*": "needs root; tests/collect has a nightly run",
    r"conda .*": "needs conda and its packages",
    r"python -m analysis report": "the same as make report",
    r"python3 -m venv .*|\. study/bin/activate|migration-study report": "nightly, in tests/test_wheel.py",
    r"(python -m )?pip install .*": "asks the package index",
    r".*--scheduler .*": "needs a Dask cluster; tests/batch and tests/studies/sweeps have one",
    r"pre-commit install": "needs pre-commit and a git repository",
    r"python -m tests.documents": "writes into the pages that this test reads",
}
"""Commands that are not run here, as patterns, and why."""
SLOW = [
    r"python -m analysis drain .*--seconds .*",
    r"pytest .*",
    r"papermill notebooks/.*",
    r"python -m analysis (report|sweep) .+",
    r".*\bsweep\(.*",
    r"python -m tests\.hostile",
    r"python benchmarks/(curve|earlier)\.py.*",
]
"""Commands of ten seconds or more, which `make nightly` runs."""

POSIX = pytest.mark.skipif(os.name == "nt", reason="commands are given for bash and make")
ids = {"ids": lambda page: page.relative_to(documents.ROOT).as_posix()}


def text_of(page):
    return page.read_text(encoding="utf-8")


def is_one_of(patterns, step):
    return any(re.fullmatch(pattern, step.text, re.DOTALL) for pattern in patterns)


def run_steps(page, *, slow):
    """The steps of a page that are run, without those that are left out, and with the slow ones if asked."""
    skipped = [*LEFT_OUT, *([] if slow else SLOW)]
    return [step for step in documents.steps(text_of(page)) if not is_one_of(skipped, step)]


def runs(page, *, slow):
    return any(step.kind != "file" for step in run_steps(page, slow=slow))


QUICK = [page for page in documents.PAGES if runs(page, slow=False)]
MANY = ("decisions", "drain", "questions", "watch")
"""Pages with many commands, on rooms that have tests of their own."""
LONG = [page for page in documents.PAGES if any(is_one_of(SLOW, s) for s in run_steps(page, slow=True))]


@pytest.fixture(scope="module")
def warm(machine_code):
    """A program that answers commands of the study without importing it anew for each."""
    program = Warm()
    yield program
    program.close()


def take(page, folder, *, slow, warm=None):
    """Take a page's steps in a fresh copy; each works, and prints what the page says it prints.

    Those of the front page are started as a reader starts them, whatever is ``warm``.
    """
    terminal = documents.Terminal(documents.copy(folder), None if page.name == "README.md" else warm)
    for step in run_steps(page, slow=slow):
        done = terminal.take(step)
        assert done.returncode == 0, f"{page.name}: {step.text}\n{done.stdout}{done.stderr}"
        if step.printed:
            assert done.stdout == step.printed.text, f"{page.name}: {step.text} (python -m tests.documents)"


@POSIX
@pytest.mark.slow
@pytest.mark.parametrize(
    "page",
    [pytest.param(p, marks=[pytest.mark.thorough] if p.stem in MANY else []) for p in QUICK],
    **ids,
)
def test_every_quick_command_works_as_it_stands(page, tmp_path, warm):
    """In a fresh copy and a bare shell the commands of a page, one after the other, do what it says."""
    take(page, tmp_path, slow=False, warm=warm)


@POSIX
@pytest.mark.nightly
@pytest.mark.parametrize("page", LONG, **ids)
def test_every_slow_command_works_as_it_stands(page, tmp_path):
    """The same with the commands that take long."""
    take(page, tmp_path, slow=True)


def test_only_what_is_shown_is_left_out():
    """Every pattern of the two tables above is that of a command on a page, so that none outlives it."""
    shown = [step for page in documents.PAGES for step in documents.steps(text_of(page))]
    for pattern in [*LEFT_OUT, *SLOW]:
        assert any(is_one_of([pattern], step) for step in shown), pattern


@pytest.mark.parametrize("page", documents.PAGES, **ids)
def test_every_block_says_what_it_is(page):
    """A block is commands, what they print, a program or a file: nothing is shown that no test reads."""
    text = text_of(page)
    assert len(re.findall(r"^ *```", text, re.MULTILINE)) == 2 * len(documents.blocks(text))
    printed = {step.printed for step in documents.steps(text)}
    for block in documents.blocks(text):
        assert block.file or block.kind in ("sh", "python") or block in printed, block.text


@pytest.mark.parametrize("page", documents.PAGES, **ids)
def test_every_link_leads_somewhere(page):
    """Files that a page links to exist, and so do their headings."""
    for link in re.findall(r"\]\(([^):]+)\)", text_of(page)):
        name, _, anchor = link.partition("#")
        target = (page.parent / name) if name else page
        assert target.exists(), link
        if anchor:
            heads = re.findall(r"^#+ (.*)$", text_of(target), re.MULTILINE)
            assert anchor in [re.sub(r"[^\w -]", "", head).lower().replace(" ", "-") for head in heads], link


@pytest.mark.parametrize("page", documents.PAGES, **ids)
def test_every_path_in_the_text_exists(page):
    """Folders and files of the study that a page names in passing are there."""
    own = "analysis|notebooks|data|tests|benchmarks|docs"
    for name in re.findall(rf"`((?:{own})/[\w./-]*)`", text_of(page)):
        assert (documents.ROOT / name).exists(), name


def test_the_index_lists_every_page():
    """docs/README.md leads to each page beside it."""
    listed = set(re.findall(r"\]\(([\w-]+\.md)\)", text_of(documents.ROOT / "docs" / "README.md")))
    assert listed == {page.name for page in (documents.ROOT / "docs").glob("*.md")} - {"README.md"}


def test_every_verb_is_explained():
    """The page on the command line has a line for each verb."""
    from analysis.__main__ import main

    page = text_of(documents.ROOT / "docs" / "command-line.md")
    assert set(re.findall(r"^\| `([\w-]+)` \|", page, re.MULTILINE)) == set(main.commands)


def test_the_design_that_is_shown_is_swept(tmp_path):
    """The design file as it is shown is read, and a small one of its kind gives the three tables."""
    text = documents.files(documents.ROOT / "docs" / "sweeps.md")["design.yml"]
    content = yaml.safe_load(text)
    assert designs.parse(content).rows == 200 * 200 * 10 * 3 * 3
    for name in ("bandwidth_gbps", "dirty_pages_per_s"):
        content["parameters"][name]["count"] = 3
    swept = sweep(content, tmp_path / "sweep")
    assert set(swept.tables) == {"spread", "pauses", "choice"}
    assert swept.rows == swept.tables["spread"]["rows"].sum() == swept.tables["pauses"]["rows"].sum() == 810
