"""The page that leads to the reports: a card each with question, takeaway and first figure, and all numbers.

Runs of a grid stand together, one group for each notebook. The tables of numbers are sorted by a click or a
key on a column's name; without a script they are plain tables.
"""

import base64
import io
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import MISSING, dataclass, fields, replace
from pathlib import Path
from typing import Any

import jinja2
from bs4 import BeautifulSoup
from markupsafe import Markup
from nbformat import NotebookNode
from PIL import Image

from analysis.pages import files, html, inputs, policy, results, sentences
from analysis.pages.parts import first_figure, outputs, question, role_of, takeaway, title_of

# The folder, in a folder of reports, of the executed notebooks. It is not called `notebooks`, so that reports
# written beside the study's own notebooks never meet them.
EXECUTED = "executed"

# Twice the width of a card in pixels, so that it is sharp on a fine screen; a grid's cards are smaller.
THUMBNAIL_PX = 800
THUMBNAIL_COLOURS = 64
# Beyond so many cards the index would be heavier than its reports: the rest of a grid goes without a picture.
MOST_PICTURES = 36

VERSION = 2
"""Of the records of runs; those of before versions were counted, 1, have the same fields."""
FAULTS = (
    "it is damaged",
    f"it is of a later version than {VERSION}, which this study reads",
    "it is of an earlier version that this study no longer reads; run its notebook again",
)
NEEDED = {"name", "notebook", "scenario", "inputs", "rows", "failure", "digest", "data", "seconds"}
"""What of a record is read."""


@dataclass(frozen=True)
class Card:
    """What the index shows of one report; texts are HTML, ``failure`` as the run left it.

    ``computes``: the report takes a reader's own numbers.
    """

    href: str
    title: str
    question: str
    takeaway: str
    thumbnail: str
    alt: str
    seconds: float
    parameters: dict[str, Any]
    failure: dict[str, Any] | None
    scenario: str = ""
    machine: str = ""
    computes: bool = False


@dataclass(frozen=True)
class Group:
    """The runs of a grid over one notebook: what they share, and a card each."""

    anchor: str
    title: str
    question: str
    cards: list[Card]


@dataclass(frozen=True)
class Numbers:
    """A table of the index: a caption, the columns with their units, and rows that begin with a link."""

    caption: str
    columns: list[tuple[str, str]]
    rows: list[tuple[str, str, list[Any]]]


def write(out: Path, found: Sequence[Mapping[str, Any]] | None = None) -> Path:
    """Write ``index.html`` over all reports in a folder and return its path."""
    return files.write(out / "index.html", render(list(records(out)) if found is None else found))


def render(found: Sequence[Mapping[str, Any]]) -> str:
    """The index page of some records."""
    loader = jinja2.FileSystemLoader(html.TEMPLATES)
    environment = jinja2.Environment(loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True)
    environment.filters["shown"] = results.shown
    script = html.scripts("sort.js", "study/common.js")
    own = next((record["card"]["href"] for record in found if record["card"].get("computes")), "")
    return environment.get_template("index.html.j2").render(
        policy=policy.policy([policy.digest(script)]),
        script=Markup(script),
        own=own,
        cards=[Card(**record["card"]) for record in found if not record["scenario"]],
        groups=list(groups(found)),
        tables=list(tables(found)),
        total=len(found),
        failed=sum(record["failure"] is not None for record in found),
    )


def records(out: Path) -> Iterator[dict[str, Any]]:
    """The records of all finished runs of a folder whose report is there, by name.

    Those that cannot be read are left out; :func:`unreadable` tells which.
    """
    for _, record in _found(out):
        if isinstance(record, dict):
            yield record


def unreadable(out: Path) -> list[str]:
    """A sentence for each record of a folder that is damaged, or of a later version of the study."""
    return [
        f"{path}: {fault}; its report is not on the index" for path, fault in _found(out) if fault in FAULTS
    ]


def _found(out: Path) -> Iterator[tuple[Path, dict[str, Any] | str]]:
    """Each record of a folder, or what is wrong with it."""
    for path in sorted((out / EXECUTED).glob("*.json"), key=lambda path: natural(path.stem)):
        if (out / f"{path.stem}.html").exists():
            yield path, _record(path)


def _record(path: Path) -> dict[str, Any] | str:
    """A record of this version, or an earlier one as this version has it; otherwise what is wrong with it."""
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError):
        return FAULTS[0]
    if not isinstance(record, dict) or not isinstance(record.get("card"), dict):
        return FAULTS[0]
    if isinstance(version := record.get("version", 1), int) and version > VERSION:
        return FAULTS[1]
    needed = {field.name for field in fields(Card) if field.default is MISSING}
    known = {field.name for field in fields(Card)}
    if not needed <= set(record["card"]) <= known or not set(record) >= NEEDED:
        return FAULTS[2]
    return record


def natural(name: str) -> list[tuple[float, str]]:
    """What to sort names by so that their numbers come in the order of their size.

    >>> sorted(["a=1e6", "a=5000", "a=40"], key=natural)
    ['a=40', 'a=5000', 'a=1e6']
    """
    parts = re.split(r"(?<![\d.])(\d+(?:\.\d+)?(?:e[+-]?\d+)?)", name)
    return [(float(part), "") if i % 2 else (-1.0, part) for i, part in enumerate(parts)]


# --- runs of a grid -------------------------------------------------------------------


def groups(found: Sequence[Mapping[str, Any]]) -> Iterator[Group]:
    """The runs that are scenarios, together by notebook; the first ones with a picture."""
    pictures = MOST_PICTURES
    for notebook, members in by_notebook(record for record in found if record["scenario"]).items():
        shown = [Card(**record["card"]) for record in members]
        shown = [card if i < pictures else without_picture(card) for i, card in enumerate(shown)]
        pictures = max(0, pictures - len(shown))
        yield Group(Path(notebook).stem, shown[0].title, shown[0].question, shown)


def by_notebook(found: Iterable[Mapping[str, Any]]) -> dict[str, list[Mapping[str, Any]]]:
    """Records by their notebook, in the order they come."""
    together: dict[str, list[Mapping[str, Any]]] = {}
    for record in found:
        together.setdefault(record["notebook"], []).append(record)
    return together


def without_picture(card: Card) -> Card:
    """The same card without its thumbnail."""
    return replace(card, thumbnail="")


# --- tables of numbers ----------------------------------------------------------------


def tables(found: Sequence[Mapping[str, Any]]) -> Iterator[Numbers]:
    """A table for each notebook with several rows, and one for the numbers of all that have one row."""
    single = []
    for members in by_notebook(record for record in found if record["rows"]).values():
        if sum(len(record["rows"]) for record in members) > 1:
            yield wide(members)
        else:
            single += members
    if single:
        yield long(single)


def wide(members: Sequence[Mapping[str, Any]]) -> Numbers:
    """A row for each recorded row: the parameters in which the runs differ, then the numbers."""
    differing = differing_parameters(members)
    numbers = list(dict.fromkeys(name for record in members for row in record["rows"] for name in row))
    units = {line["name"]: line["unit"] for record in members for line in record["inputs"]}
    columns = [(name, units[name]) for name in differing if name not in numbers]
    columns += [(name, results.unit(name)) for name in numbers]
    rows = []
    for record in members:
        given = {line["name"]: line["value"] for line in record["inputs"]}
        for row in record["rows"]:
            values = [row.get(name, given.get(name)) for name, _ in columns]
            rows.append((f"{record['name']}.html", record["scenario"] or record["name"], values))
    return Numbers(members[0]["card"]["title"], columns, rows)


def differing_parameters(members: Sequence[Mapping[str, Any]]) -> list[str]:
    """The parameters that do not have the same value in all runs."""
    values: dict[str, set[str]] = {}
    for record in members:
        for line in record["inputs"]:
            values.setdefault(line["name"], set()).add(json.dumps(line["value"]))
    return [name for name, found in values.items() if len(found) > 1]


def long(members: Sequence[Mapping[str, Any]]) -> Numbers:
    """A row for each number of each run."""
    rows = [
        (f"{record['name']}.html", record["name"], [name, value, results.unit(name)])
        for record in members
        for name, value in record["rows"][0].items()
    ]
    return Numbers("Reports with one row of numbers", [("number", ""), ("value", ""), ("unit", "")], rows)


# --- one card -------------------------------------------------------------------------


def card(notebook: NotebookNode, href: str) -> Card:
    """Read one executed notebook into its card."""
    record = notebook.metadata.get("study", {})
    title = title_of(notebook) or Path(href).stem
    picture, alt = first_figure(notebook)
    return Card(
        href=href,
        title=title,
        question=inline(question(notebook)),
        takeaway=inline(sentences.brief(takeaway(notebook))),
        thumbnail=thumbnail(picture) if picture else "",
        alt=alt or f"First figure of the report: {title}",
        seconds=record.get("seconds", 0.0),
        parameters=record.get("parameters", {}),
        failure=record.get("failure"),
        scenario=record.get("scenario", ""),
        machine=inputs.machine(record.get("inputs", []), record.get("data", {})),
        computes=any(role_of(output) == "calculator" for output in outputs(notebook)),
    )


def thumbnail(data: bytes) -> str:
    """A picture no wider than a card needs, in few colours, as a data address."""
    if data.startswith(b"<svg"):
        return "data:image/svg+xml;base64," + base64.b64encode(data).decode()
    picture = Image.open(io.BytesIO(data))
    if picture.width > THUMBNAIL_PX:
        ground = Image.new("RGB", picture.size, "white")
        ground.paste(picture, mask=picture.getchannel("A") if picture.mode == "RGBA" else None)
        ground.thumbnail((THUMBNAIL_PX, THUMBNAIL_PX))
        buffer = io.BytesIO()
        ground.quantize(THUMBNAIL_COLOURS).save(buffer, "PNG", optimize=True)
        data = buffer.getvalue()
    return "data:image/png;base64," + base64.b64encode(data).decode()


def inline(text: str) -> str:
    """Markdown as HTML that fits inside a card: no links, since the card is one."""
    soup = BeautifulSoup(html.markdown(text), "html.parser")
    for link in soup.find_all("a"):
        link.unwrap()
    return str(soup).strip()
