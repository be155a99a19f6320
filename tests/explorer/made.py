"""Reports with a page that computes, made without a kernel, for tests that open them in a browser."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from analysis.explorer import calculator
from analysis.explorer.followed import one
from analysis.explorer.picture import alternative, thumbnail
from analysis.figures.language import duration, number
from analysis.pages import html, index
from analysis.parameters import OUTCOMES

BUSY = {"memory_gib": 64.0, "dirty_pages_per_s": 150_000.0, "working_set_gib": 16.0}
PANEL = ("dirty_pages_per_s", "working_set_gib", "bandwidth_gbps")


def notebook(whole: bool = True, host: str = "", **case: Any) -> NotebookNode:
    """An executed notebook with the calculator, or with a figure and a panel below it."""
    run = one(**case)
    figure = {"image/svg+xml": thumbnail(run)}
    about = {"image/svg+xml": {"alt": alternative(run)}}
    trusted = calculator._trusted()
    if whole:
        page = {"text/html": calculator.calculator(host, **case)}
        shown = [_shown(figure | page, about | {"study": trusted | {"role": "calculator"}})]
    else:
        page = {"text/html": calculator.what_if(PANEL, PANEL[0], host, **case)}
        shown = [_shown(figure, about), _shown(page, {"study": trusted | {"role": "what-if"}})]
    takeaway = {"study": {"role": "takeaway", "numbers": []}}
    shown.append(new_output("display_data", data={"text/plain": "It takes some time."}, metadata=takeaway))
    title = "# What happens if I change this?\n\n**Question: what does each parameter do?**\n\nBackground."
    cells = [new_markdown_cell(title), new_markdown_cell("## A part\n\nText."), new_code_cell(outputs=shown)]
    for number_, cell in enumerate(cells):
        cell["id"] = f"cell-{number_}"
    return new_notebook(cells=cells)


def _shown(data: dict[str, str], metadata: dict[str, Any]) -> NotebookNode:
    return new_output("display_data", data=data | {"text/plain": "a figure"}, metadata=metadata)


def report(folder: Path, name: str, made: NotebookNode) -> Path:
    """The report of a notebook in a folder."""
    path = folder / f"{name}.html"
    path.write_text(html.export(made, folder), encoding="utf-8")
    return path


def index_of(folder: Path, made: dict[str, NotebookNode]) -> Path:
    """The index over some reports."""
    about = {"scenario": "", "failure": None, "rows": [], "inputs": []}
    records = [
        about | {"name": name, "notebook": f"{name}.ipynb", "card": asdict(index.card(each, f"{name}.html"))}
        for name, each in made.items()
    ]
    return index.write(folder, records)


def cells(outcome: Any) -> list[str]:
    """The figures of a migration as the page's table shows them, in the order of the outcomes."""
    return [_cell(outcome[name], told.unit) for name, told in OUTCOMES.items()]


def _cell(value: Any, unit: str) -> str:
    if isinstance(value, str):
        return value.replace("_", " ")
    if isinstance(value, bool) or type(value).__name__ == "bool":
        return "yes" if value else "no"
    return duration(value) if unit == "s" else f"{number(value, 4)} {unit}".strip()
