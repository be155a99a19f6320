"""The page that leads to the reports: a card each with question, takeaway and first figure."""

import base64
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2
import nbformat
from bs4 import BeautifulSoup
from nbformat import NotebookNode
from PIL import Image

from analysis.reports import html

# The folder, in a folder of reports, of the executed notebooks. It is not called `notebooks`, so that reports
# written beside the study's own notebooks never meet them.
EXECUTED = "executed"

# Twice the width of a card in pixels, so that it is sharp on a fine screen.
THUMBNAIL_PX = 800


@dataclass(frozen=True)
class Card:
    """What the index shows of one report; texts are HTML, ``failure`` as the run left it."""

    href: str
    title: str
    question: str
    takeaway: str
    thumbnail: str
    alt: str
    seconds: float
    parameters: dict[str, Any]
    failure: dict[str, Any] | None


def write(out: Path) -> Path:
    """Write ``index.html`` over all reports in a folder and return its path."""
    out.mkdir(parents=True, exist_ok=True)
    page = out / "index.html"
    page.write_text(render(list(cards(out))), encoding="utf-8", newline="\n")
    return page


def render(cards: list[Card]) -> str:
    """The index page of some cards."""
    loader = jinja2.FileSystemLoader(html.TEMPLATES)
    environment = jinja2.Environment(loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True)
    failed = sum(card.failure is not None for card in cards)
    return environment.get_template("index.html.j2").render(cards=cards, failed=failed)


def cards(out: Path) -> Iterator[Card]:
    """The cards of all executed notebooks of a folder whose report is there, by name."""
    for path in sorted((out / EXECUTED).glob("*.ipynb")):
        if (out / f"{path.stem}.html").exists():
            yield card(nbformat.read(path, as_version=4), f"{path.stem}.html")


def card(notebook: NotebookNode, href: str) -> Card:
    """Read one executed notebook into its card."""
    record = notebook.metadata.get("study", {})
    title = html.title_of(notebook) or Path(href).stem
    picture, alt = first_figure(notebook)
    return Card(
        href=href,
        title=title,
        question=inline(question(notebook)),
        takeaway=inline(takeaway(notebook)),
        thumbnail=thumbnail(picture) if picture else "",
        alt=alt or f"First figure of the report: {title}",
        seconds=record.get("seconds", 0.0),
        parameters=record.get("parameters", {}),
        failure=record.get("failure"),
    )


def question(notebook: NotebookNode) -> str:
    """The first paragraph after the title, as markdown; empty if there is none."""
    texts = [cell.source for cell in notebook.cells if cell.cell_type == "markdown"]
    after = re.split(r"^# .*$", "\n\n".join(texts), maxsplit=1, flags=re.MULTILINE)[-1]
    paragraphs = (block.strip() for block in re.split(r"\n\s*\n", after))
    return next((block for block in paragraphs if block and block[0] not in "#<|-"), "")


def outputs(notebook: NotebookNode) -> Iterator[NotebookNode]:
    """All outputs of a notebook in order."""
    for cell in notebook.cells:
        yield from cell.get("outputs", [])


def takeaway(notebook: NotebookNode) -> str:
    """What the notebook concluded from its numbers, as markdown or plain text; empty if it did not."""
    for output in outputs(notebook):
        if html.role_of(output) == "takeaway":
            data = output.get("data", {})
            page = BeautifulSoup(data.get("text/html", ""), "html.parser")
            return data.get("text/markdown") or page.get_text(" ", strip=True) or data.get("text/plain", "")
    return ""


def first_figure(notebook: NotebookNode) -> tuple[bytes, str]:
    """The first picture of a notebook as PNG bytes with its alternative text; empty if there is none."""
    for output in outputs(notebook):
        if "image/png" in output.get("data", {}):
            alt = output.metadata.get("image/png", {}).get("alt", "")
            return base64.b64decode(output.data["image/png"]), alt
    return b"", ""


def thumbnail(png: bytes) -> str:
    """A picture no wider than a card needs, as a data address."""
    picture = Image.open(io.BytesIO(png))
    if picture.width > THUMBNAIL_PX:
        picture = picture.convert("RGBA")
        picture.thumbnail((THUMBNAIL_PX, THUMBNAIL_PX))
        buffer = io.BytesIO()
        picture.save(buffer, "PNG", optimize=True)
        png = buffer.getvalue()
    return "data:image/png;base64," + base64.b64encode(png).decode()


def inline(text: str) -> str:
    """Markdown as HTML that fits inside a card: no links, since the card is one."""
    soup = BeautifulSoup(html.markdown(text), "html.parser")
    for link in soup.find_all("a"):
        link.unwrap()
    return str(soup).strip()
