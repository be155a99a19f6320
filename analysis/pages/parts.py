"""The parts of a notebook that reports and their index look for: title, question, takeaway, first figure."""

import base64
import re
from collections.abc import Iterator

from bs4 import BeautifulSoup
from nbformat import NotebookNode

PICTURES = ("image/png", "image/svg+xml")


def title_of(notebook: NotebookNode) -> str:
    """The first heading of a notebook, as plain text; empty if it has none."""
    for cell in notebook.cells:
        heading = re.search(r"^#\s+(.+)$", cell.source, re.MULTILINE)
        if cell.cell_type == "markdown" and heading:
            return re.sub(r"[*_`$]", "", heading[1]).strip()
    return ""


def role_of(output: NotebookNode) -> str:
    """What an output is for, such as ``takeaway``; empty for an ordinary one."""
    return str(output.get("metadata", {}).get("study", {}).get("role", ""))


def outputs(notebook: NotebookNode) -> Iterator[NotebookNode]:
    """All outputs of a notebook in order."""
    for cell in notebook.cells:
        yield from cell.get("outputs", [])


def question(notebook: NotebookNode) -> str:
    """The first paragraph after the title, as markdown; empty if there is none."""
    texts = [cell.source for cell in notebook.cells if cell.cell_type == "markdown"]
    after = re.split(r"^# .*$", "\n\n".join(texts), maxsplit=1, flags=re.MULTILINE)[-1]
    return next((block for block in blocks(after) if is_text(block)), "")


def blocks(text: str) -> list[str]:
    """The paragraphs of a text in Markdown."""
    return [block for block in (part.strip() for part in re.split(r"\n\s*\n", text)) if block]


def is_text(block: str) -> bool:
    """Whether a paragraph is text: no heading, list, table or HTML."""
    return block[0] not in "#<|-"


def takeaway(notebook: NotebookNode) -> str:
    """What the notebook concluded from its numbers, as markdown or plain text; empty if it did not."""
    found = takeaway_output(notebook)
    return text_of(found) if found else ""


def takeaway_output(notebook: NotebookNode) -> NotebookNode | None:
    """The output with the role takeaway; None if there is none."""
    return next((output for output in outputs(notebook) if role_of(output) == "takeaway"), None)


def text_of(output: NotebookNode) -> str:
    """An output as markdown or plain text."""
    data = output.get("data", {})
    page = BeautifulSoup(data.get("text/html", ""), "html.parser")
    return str(data.get("text/markdown") or page.get_text(" ", strip=True) or data.get("text/plain", ""))


def is_figure(output: NotebookNode) -> bool:
    """Whether an output is a picture, or has one beside what it shows."""
    return any(kind in output.get("data", {}) for kind in PICTURES)


def first_figure(notebook: NotebookNode) -> tuple[bytes, str]:
    """The first picture of a notebook, PNG or SVG, with its alternative text; empty if there is none."""
    for output in filter(is_figure, outputs(notebook)):
        kind = next(kind for kind in PICTURES if kind in output.data)
        alt, data = output.metadata.get(kind, {}).get("alt", ""), output.data[kind]
        return base64.b64decode(data) if kind == "image/png" else data.encode(), alt
    return b"", ""
