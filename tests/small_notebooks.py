"""Small notebooks of the study's form, for the tests of batches and of pages."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import nbformat
from nbformat import v4

if TYPE_CHECKING:
    from analysis.batch.run import Outcome

# One grey pixel: a figure without the seconds that importing matplotlib takes.
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR42mNoAAAAggCB2gGQ6QAAAABJRU5ErkJggg=="

GOOD = [
    ("md", "# How long at 10 Gbit/s?\n\nDoes a *wider* link help, and is $r = D/B$ below one?\n\n## Law"),
    ("parameters", "n: int = 2  # how many [1]\nlabel: str = 'x'  # a name [text]"),
    ("md", "$$W(1-e^{-rt/W})$$\n\nIt costs $5 or $6, see `$HOME`."),
    ("code", "import warnings\nprint(n * 2)\nwarnings.warn('careful')"),
    (
        "code",
        "from IPython.display import display\n"
        f"display({{'image/png': '{PIXEL}', 'text/plain': 'fig'}}, raw=True,\n"
        "        metadata={'image/png': {'alt': 'time over <link> rate'}})",
    ),
    (
        "code",
        "from analysis.pages.results import record\n"
        "record(links=n, total_s=n / 2, limited_by='line_rate', endless_s=float('inf'))",
    ),
    (
        "code",
        "display({'text/markdown': f'With **{n}** links it is quicker.'}, raw=True,\n"
        "        metadata={'study': {'role': 'takeaway'}})",
    ),
]
BROKEN = [
    ("md", "# What breaks?\n\nDoes a failed notebook stay readable?"),
    ("parameters", "n: int = 1  # how many [1]"),
    ("code", "print('before')"),
    ("code", "import pathlib\nraise ValueError(f'no {pathlib.Path.cwd()}/such.csv')"),
    ("code", "print('never reached')"),
]
PLAIN = [("md", "# Without figures"), ("md", "Is a card without a figure fine?"), ("code", "1 + 1")]


def build(cells: list[tuple[str, str]]) -> nbformat.NotebookNode:
    """A notebook of the study's form from (kind, source) pairs."""
    notebook = v4.new_notebook()
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    notebook.metadata = {"kernelspec": kernel, "language_info": {"name": "python"}}
    for kind, source in cells:
        tags = {"metadata": {"tags": ["parameters"]}} if kind == "parameters" else {}
        cell = v4.new_markdown_cell(source) if kind == "md" else v4.new_code_cell(source, **tags)
        notebook.cells.append(cell)
    return nbformat.from_dict(notebook)


def save(cells: list[tuple[str, str]], path: Path) -> Path:
    """Write such a notebook and return its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(build(cells), path)
    return path


def pretend_to_execute(task, target, watched=None, on_cell=None, manager=None):
    """Stand in for a kernel: copy the notebook, and fail if it is the broken one."""
    nbformat.write(nbformat.read(task.notebook, as_version=4), target)
    return 0.1, RuntimeError("broken") if task.name == "bad" else None


def without_time(page: Path) -> str:
    """A report without the time it was made."""
    return re.sub(r"<time .*?</time>", "", page.read_text(encoding="utf-8"))


@dataclass
class Batch:
    """An executed batch: where it is, what it said, what came of it."""

    out: Path
    notebooks: list[Path]
    lines: list[str] = field(default_factory=list)
    outcomes: list[Outcome] = field(default_factory=list)
