"""The answer first: how an executed notebook is put in order for a report.

In JupyterLab a notebook reads as it runs, with its conclusion at the end. A report begins with question,
answer, key numbers and the first figure; what explains them follows, what they were made from comes last.
"""

import copy
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from nbformat import NotebookNode, from_dict

from analysis.pages import inputs, parts, results, sentences

Render = Callable[[str], str]
"""Markdown to HTML."""

MOST_NUMBERS = 4
FIGURE = "first-figure"
"""The anchor of the figure at the top."""
_MOVED = f'<p class="moved"><a href="#cell-id={FIGURE}">The figure of this part stands at the top.</a></p>'


def answer_first(notebook: NotebookNode, render: Render) -> NotebookNode:
    """A copy of an executed notebook in the order of a report; the notebook itself stays as it is."""
    copied = copy.deepcopy(notebook)
    numbers, conclusion = key_numbers(copied), _take(copied, _is_takeaway)
    figure = _take(copied, parts.is_figure, _display(_MOVED, "moved"))
    panel = _take(copied, _is_panel)
    answer, rest = _told(conclusion, render)
    title = _title(copied.cells)
    top = [
        _cell("markdown", "lead", title.text, study_lead=True),
        *([_shown(FIGURE, figure)] if figure else []),
        *([_shown("what-if", panel)] if panel else []),
        *([_shown("more", _display(rest, "takeaway more"))] if rest else []),
        *([title.left] if title.left.source.strip() else []),
    ]
    copied.cells[title.place : title.place + title.cells] = top
    study = copied.metadata.get("study", {})
    machine = inputs.machine(study.get("inputs", []), study.get("data", {}))
    copied.metadata["lead"] = {"answer": answer, "numbers": numbers, "machine": machine}
    _provenance_last(copied)
    copied.metadata["contents"] = contents(copied, render)
    return copied


# --- the answer -----------------------------------------------------------------------


def _is_takeaway(output: NotebookNode) -> bool:
    return parts.role_of(output) == "takeaway"


def _is_panel(output: NotebookNode) -> bool:
    return parts.role_of(output) == "what-if"


def _told(output: NotebookNode | None, render: Render) -> tuple[str, str]:
    """Answer and what follows it, as HTML; a conclusion that is only HTML is kept whole."""
    if output is None:
        return "", ""
    data = output.get("data", {})
    if "text/markdown" not in data and "text/html" in data:
        return str(data["text/html"]), ""
    answer, rest = sentences.answer(parts.text_of(output))
    return render(answer), render(rest) if rest else ""


def key_numbers(notebook: NotebookNode) -> list[list[str]]:
    """Two to four numbers of the answer, each with its name: those given with the takeaway, or the recorded.

    They are computed where they are given; here nothing is rounded but what was only recorded.
    """
    output = parts.takeaway_output(notebook)
    given = output.metadata["study"].get("numbers", []) if output else []
    return [list(map(str, pair)) for pair in given[:MOST_NUMBERS]] or _recorded(notebook)


def _recorded(notebook: NotebookNode) -> list[list[str]]:
    """The first numbers of a run that recorded one row; what a migration takes before all others."""
    rows = results.recorded_rows(notebook)
    if len(rows) != 1:
        return []
    first = ("total_s", "blackout_s", "brownout_s")
    names = [name for name, value in rows[0].items() if isinstance(value, (int, float)) and name not in first]
    chosen = [*(name for name in first if name in rows[0]), *names][:MOST_NUMBERS]
    return [[results.words(name), results.with_unit(name, rows[0][name])] for name in chosen]


# --- the title ------------------------------------------------------------------------


@dataclass(frozen=True)
class _Title:
    """Where the title and its question stand, in how many cells, as what text, and what is left of these."""

    place: int
    cells: int
    text: str
    left: NotebookNode


def _title(cells: Sequence[NotebookNode]) -> _Title:
    """Title and question, cut out of the first cells; a notebook without a title is called a report."""
    for place, cell in enumerate(cells):
        found = re.search(r"^#\s+.+$", cell.source, re.MULTILINE) if cell.cell_type == "markdown" else None
        if found:
            last, under = cell, cell.source[found.end() :]
            following = cells[place + 1 : place + 2]
            if not under.strip() and following and following[0].cell_type == "markdown":
                last, under = following[0], following[0].source
            asked, left = _first_text(under)
            text = f"{cell.source[: found.end()]}\n\n{asked}"
            background = _node({**last, "id": "background", "source": left})
            return _Title(place, 1 if last is cell else 2, text, background)
    return _Title(0, 0, "# Report", _cell("markdown", "background", ""))


def _first_text(text: str) -> tuple[str, str]:
    """The first paragraph if it is text, and the others."""
    found = parts.blocks(text)
    if not found or not parts.is_text(found[0]):
        return "", text
    return found[0], text.replace(found[0], "", 1)


# --- cells ----------------------------------------------------------------------------


def _take(
    notebook: NotebookNode, wanted: Callable[[NotebookNode], bool], instead: NotebookNode | None = None
) -> NotebookNode | None:
    """Take the first such output out of its cell, and put another in its place."""
    for cell in notebook.cells:
        removed = "remove-cell" in cell.metadata.get("tags", [])
        outputs: list[NotebookNode] = [] if removed else cell.get("outputs", [])
        for place, output in enumerate(outputs):
            if wanted(output):
                outputs[place : place + 1] = [instead] if instead else []
                cell.metadata["study_taken"] = parts.role_of(output) or "figure"
                return output
    return None


def _display(page: str, role: str) -> NotebookNode:
    """An output of HTML with a role."""
    data = {"text/html": page}
    return _node({"output_type": "display_data", "data": data, "metadata": {"study": {"role": role}}})


def _shown(ident: str, output: NotebookNode) -> NotebookNode:
    """A cell that shows one output and no code."""
    cell = {"cell_type": "code", "id": ident, "metadata": {"tags": ["remove-input"]}, "source": ""}
    return _node(cell | {"outputs": [output], "execution_count": None})


def _cell(kind: str, ident: str, source: str, **about: Any) -> NotebookNode:
    return _node({"cell_type": kind, "id": ident, "metadata": about, "source": source})


def _node(content: dict[str, Any]) -> NotebookNode:
    node: NotebookNode = from_dict(content)
    return node


# --- what a report was made from ------------------------------------------------------


def _provenance_last(notebook: NotebookNode) -> None:
    """Code and numbers of the conclusion go to the end, under a heading with what the run was made from."""
    if not notebook.metadata.get("study", {}).get("versions"):
        return
    moved = []
    for place, cell in enumerate(notebook.cells):
        bare = all(parts.role_of(output) == "results" for output in cell.get("outputs", []))
        if cell.metadata.get("study_taken") == "takeaway" and bare:
            headed = place and re.fullmatch(r"\s*#+[^\n]*\s*", notebook.cells[place - 1].source)
            moved = notebook.cells[place - 1 if headed else place : place + 1]
    kept = [cell for cell in notebook.cells if cell not in moved]
    about = _cell("markdown", "about", "## About this run")
    notebook.cells = [*kept, about, *moved[-1:]]


# --- list of contents -----------------------------------------------------------------


def contents(notebook: NotebookNode, render: Render) -> list[list[str]]:
    """Anchor and words of every part of a report; cells are told the anchors of their headings."""
    found: list[list[str]] = []
    for cell in notebook.cells:
        if cell.cell_type == "markdown" and "remove-cell" not in cell.metadata.get("tags", []):
            anchors = []
            for heading in headings(cell.source):
                anchors.append(f"part-{len(found) + 1}")
                found.append([anchors[-1], re.sub(r"</?(p|a)\b[^>]*>", "", render(heading)).strip()])
            cell.metadata["study_anchors"] = anchors
    return found


def headings(source: str) -> Iterator[str]:
    """The headings of the second level in a text, those in blocks of code left out.

    >>> list(headings("## One *way*\\n```\\n## not this\\n```\\n### nor this"))
    ['One *way*']
    """
    fenced = False
    for line in source.splitlines():
        fenced ^= line.lstrip().startswith(("```", "~~~"))
        found = re.fullmatch(r"##\s+(.+?)\s*#*", line)
        if found and not fenced:
            yield found[1]
