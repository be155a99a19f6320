"""Executed notebook to one self-contained HTML file: no script, style, font or formula from a network.

Built on nbconvert with a template of this study (``templates/study``): code is folded away, formulas are
MathML, pictures keep their alternative texts, and the same notebook gives the same file to the byte.
"""

import re
import sys
import tempfile
from functools import cache
from html import escape
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import jinja2
from latex2mathml import converter
from nbconvert import HTMLExporter
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath, MathInlineParser
from nbformat import NotebookNode
from traitlets.config import Config

TEMPLATES = Path(__file__).parent / "templates"

# --- the notebook ---------------------------------------------------------------------


def title_of(notebook: NotebookNode) -> str:
    """The first heading of a notebook, as plain text; empty if it has none."""
    for cell in notebook.cells:
        heading = re.search(r"^#\s+(.+)$", cell.source, re.MULTILINE)
        if cell.cell_type == "markdown" and heading:
            return re.sub(r"[*_`$]", "", heading[1]).strip()
    return ""


def role_of(output: NotebookNode) -> str:
    """What an output is for, such as ``takeaway``; empty for an ordinary one."""
    return output.get("metadata", {}).get("study", {}).get("role", "")


def told(value: Any) -> str:
    """A parameter's value as a person would write it.

    >>> told([10.0, 2.5]), told(150000.0), told(None), told("xen")
    ('10, 2.5', '150,000', 'by preset', 'xen')
    """
    if isinstance(value, (list, tuple)):
        return ", ".join(map(told, value))
    if value is None:
        return "by preset"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:,.10g}" if isinstance(value, (int, float)) else str(value)


def tidy(notebook: NotebookNode) -> None:
    """Take out of an executed notebook, in place, what differs between machines or runs but tells nothing.

    Cell ids become the cell's number (papermill gives its own cell a random one); paths lose the part that
    belongs to this machine.
    """
    for number, cell in enumerate(notebook.cells):
        cell["id"] = f"cell-{number}"
        if "outputs" in cell:
            cell["outputs"] = [_tidy_texts(output) for output in cell.outputs]
    # The state of widgets, under random names: nothing draws it without a kernel and a network.
    notebook.metadata.pop("widgets", None)
    record = notebook.metadata.get("papermill", {})
    for key in ("input_path", "output_path"):
        if key in record:
            record[key] = Path(record[key]).name


def _tidy_texts(value: Any, key: str = "") -> Any:
    """The same output with machine paths taken out of every text; pictures are left alone."""
    if isinstance(value, dict):
        return NotebookNode({name: _tidy_texts(item, name) for name, item in value.items()})
    if isinstance(value, list):
        return [_tidy_texts(item, key) for item in value]
    if isinstance(value, str) and not key.startswith("image/"):
        return without_paths(value)
    return value


def without_paths(text: str) -> str:
    """A text without this machine's folders: the study's files relative, others shortened.

    Warnings and tracebacks name files in full; a report is sent to people who have no business with that.
    """
    text = re.sub(re.escape(tempfile.gettempdir()) + r"/ipykernel_\d+/\d+\.py", "cell", text)
    for folder, short in _machine_folders():
        text = text.replace(folder, short)
    return text


@cache
def _machine_folders() -> list[tuple[str, str]]:
    """Folders of this machine and what stands for them, the longest first so that inner ones win."""
    study = Path(__file__).resolve().parents[2]
    folders = {f"{study}/": "", f"{Path.cwd()}/": "", f"{sys.prefix}/": "…/", f"{sys.base_prefix}/": "…/"}
    folders |= {f"{tempfile.gettempdir()}/": "…/", f"{Path.home()}/": "~/", str(study): "."}
    # The root folder would stand for every path, and for every slash in the text.
    return sorted(((f, s) for f, s in folders.items() if f.strip("/")), key=lambda pair: -len(pair[0]))


# --- text and formulas ----------------------------------------------------------------


def mathml(latex: str, display: str = "inline") -> str:
    r"""A LaTeX formula as MathML; as its source in code type if it cannot be converted.

    >>> mathml(r"x").startswith("<math")
    True
    >>> mathml(r"\unheardof{x}")
    '<code>\\unheardof{x}</code>'
    """
    try:
        # The converter knows the unnumbered environment by its other name only.
        formula = converter.convert(latex.strip().replace("{aligned}", "{align*}"), display=display)
        tree = ElementTree.fromstring(formula)
    except Exception:  # the converter raises many kinds, and what it lets through need not be XML
        return f"<code>{escape(latex, quote=False)}</code>"
    if any((element.text or "").startswith("\\") for element in tree.iter()):
        return f"<code>{escape(latex, quote=False)}</code>"
    return formula.replace("<math ", f'<math alttext="{escape(" ".join(latex.split()))}" ', 1)


class _Formulas(IPythonRenderer):
    """Renders formulas as MathML where nbconvert leaves LaTeX for a script to find."""

    def inline_math(self, body: str) -> str:
        return mathml(body)

    def block_math(self, body: str) -> str:
        return mathml(body, "block")

    def inline_html(self, html: str) -> str:
        """A tag as it is: nbconvert would look for pictures in each tag, and close every one it sees open."""
        return super().inline_html(html) if "<img" in html else html

    def latex_environment(self, name: str, body: str) -> str:
        return mathml(f"\\begin{{{name}}}{body}\\end{{{name}}}", "block")


class _Inline(MathInlineParser):
    """Takes for a formula only what pandoc would: two amounts in dollars on a line are none.

    The opening dollar stands before, the closing one after something other than a space, no digit follows
    the closing one, and no code span begins between them.
    """

    SPECIFICATION = MathInlineParser.SPECIFICATION | {
        "inline_math_tex": r"(?<![$\\])\$(?=[^\s$])(?P<math_inline_tex>[^$`]*?[^\s$`\\])\$(?![\d$])"
    }


def markdown(source: str, **options: Any) -> str:
    """Markdown as HTML with formulas in MathML; the options are those of nbconvert's renderer."""
    renderer = _Formulas(escape=False, exclude_anchor_links=True, **options)
    return MarkdownWithMath(renderer, inline=_Inline(hard_wrap=False)).render(source)


# --- the page -------------------------------------------------------------------------


class StudyExporter(HTMLExporter):
    """nbconvert's exporter with this study's template, formulas and folding of code."""

    def __init__(self, **kwargs: Any) -> None:
        removed = {
            "enabled": True,
            "remove_cell_tags": {"remove-cell"},
            "remove_input_tags": {"remove-input"},
        }
        super().__init__(
            config=Config(TagRemovePreprocessor={"enabled": True, **removed}),
            template_name="study",
            extra_template_basedirs=[str(TEMPLATES)],
            exclude_input_prompt=True,
            exclude_output_prompt=True,
            embed_images=True,
            **kwargs,
        )
        self.register_filter("role_of", role_of)
        self.register_filter("told", told)
        self.register_filter("told_unit", lambda unit: {"us": "µs", "0-1": "0 to 1"}.get(unit, unit))
        self.register_filter("mathml", lambda text: mathml(text.strip().strip("$"), "block"))

    @jinja2.pass_context
    def markdown2html(self, context: jinja2.runtime.Context, source: str) -> str:
        """Markdown to HTML; pictures beside the notebook and attached ones are embedded."""
        path = context.get("resources", {}).get("metadata", {}).get("path", "")
        attachments = context.get("cell", {}).get("attachments", {})
        return markdown(source, embed_images=True, path=path, attachments=attachments)


@cache
def _exporter() -> StudyExporter:
    """One exporter for all notebooks of a process: its templates are read and compiled once."""
    return StudyExporter()


def export(notebook: NotebookNode, folder: Path) -> str:
    """The page of a tidied notebook; ``folder`` is where pictures named in its text are looked for."""
    title = title_of(notebook) or "Report"
    notebook.metadata["title"] = title
    for cell in notebook.cells:
        if cell.cell_type == "markdown" and re.search(r"^#\s", cell.source, re.MULTILINE):
            cell.metadata["study_title"] = True
            break
    resources = {"metadata": {"path": str(folder), "name": title}}
    page, _ = _exporter().from_notebook_node(notebook, resources)
    return page
