"""Executed notebook to one self-contained HTML file: no script, style, font or formula from a network.

Built on nbconvert with a template of this study (``templates/study``): code is folded away, formulas are
MathML, pictures keep their alternative texts, and the same notebook gives the same file to the byte.
"""

import re
import sys
import tempfile
from collections.abc import Callable, Iterable
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

from analysis import home
from analysis.pages import inputs, lead, policy
from analysis.pages.parts import role_of as role_of
from analysis.pages.parts import title_of as title_of

TEMPLATES = Path(__file__).parent / "templates"
_TEMPORARY = tempfile.gettempdir()
"""Where the system keeps what is temporary; a batch has a folder of its own there."""

# --- the notebook ---------------------------------------------------------------------


def tidy(notebook: NotebookNode) -> None:
    """Take out of an executed notebook, in place, what differs between machines or runs but tells nothing.

    Cell ids become the cell's number (papermill gives its own cell a random one); paths lose the part that
    belongs to this machine.
    """
    for number, cell in enumerate(notebook.cells):
        cell["id"] = f"cell-{number}"
        if "outputs" in cell:
            cell["outputs"] = [_tidy_texts(output) for output in cell.outputs]
    # What a kernel that is slow to answer never told: the page would be of other classes.
    language = notebook.metadata.get("language_info", {})
    if language.get("name") == "python":
        language.setdefault("pygments_lexer", "ipython3")
    # The state of widgets, under random names: nothing draws it without a kernel and a network.
    notebook.metadata.pop("widgets", None)
    record = notebook.metadata.get("papermill", {})
    for key in ("input_path", "output_path"):
        if key in record:
            record[key] = Path(record[key]).name


def _tidy_texts(value: Any, key: str = "") -> Any:
    """The same output with machine paths taken out of every text; pictures are left alone."""
    if isinstance(value, dict):
        tidied = {name: _tidy_texts(item, name) for name, item in value.items()}
        return NotebookNode(tidied)
    if isinstance(value, list):
        return [_tidy_texts(item, key) for item in value]
    if isinstance(value, str) and not key.startswith("image/"):
        return without_paths(value)
    return value


def without_paths(text: str) -> str:
    """A text without this machine's folders: the study's files relative, others shortened.

    Warnings and tracebacks name files in full; a report is sent to people who have no business with that.
    """
    text = re.sub(re.escape(tempfile.gettempdir()) + r"[/\\]ipykernel_\d+[/\\]\d+\.py", "cell", text)
    for folder, short in _machine_folders(tempfile.gettempdir()):
        text = text.replace(folder, short)
    return text


@cache
def _machine_folders(temporary: str) -> list[tuple[str, str]]:
    """Folders of this machine and what stands for them, the longest first so that inner ones win."""
    study, modules = home.STUDY, Path(home.__file__).resolve().parents[1]
    places = dict.fromkeys([sys.prefix, sys.base_prefix, temporary, _TEMPORARY], "…/")
    places |= dict.fromkeys([str(study), str(modules), str(Path.cwd())], "") | {str(Path.home()): "~/"}
    # A place that is a root folder would stand for every path, and for every slash in the text.
    places = {place: short for place, short in places.items() if Path(place).name}
    folders = {f"{place}{end}": short for place, short in places.items() for end in "/\\"}
    return sorted((folders | {str(study): "."}).items(), key=lambda pair: -len(pair[0]))


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

    def __init__(self, anchors: Iterable[str] = (), **options: Any) -> None:
        super().__init__(**options)
        self.anchors = iter(anchors)

    def heading(self, text: str, level: int, **attrs: Any) -> str:
        """A heading; one of the second level bears its anchor of the list of contents."""
        anchor = next(self.anchors, None) if level == 2 else None
        return super().heading(text, level, **(attrs | {"id": anchor} if anchor else attrs))

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
    return scrolling(MarkdownWithMath(renderer, inline=_Inline(hard_wrap=False)).render(source))


def scrolling(page: str) -> str:
    """HTML whose tables each lie in a box of their own, scrolled there by hand or keys if they are wide.

    >>> scrolling("<table><caption>Times &amp; ends</caption></table>")[:75]
    '<div class="scroll" role="region" tabindex="0" aria-label="Times &amp; ends'
    """
    return re.sub(r"<table\b(?:(?!<table\b).)*?</table>", _boxed, page, flags=re.DOTALL)


def _boxed(table: re.Match[str]) -> str:
    caption = re.search(r"<caption>(.*?)</caption>", table[0], re.DOTALL)
    name = re.sub(r"<[^>]*>", "", caption[1]).replace('"', "&quot;") if caption else "Table"
    return f'<div class="scroll" role="region" tabindex="0" aria-label="{name}">{table[0]}</div>'


# --- the page -------------------------------------------------------------------------


class StudyExporter(HTMLExporter):
    """nbconvert's exporter with this study's template, formulas and folding of code."""

    def __init__(self, **kwargs: Any) -> None:
        removed = {
            "enabled": True,
            "remove_cell_tags": {"remove-cell"},
            "remove_input_tags": {"remove-input"},
        }
        super().__init__(  # type: ignore[no-untyped-call]
            config=Config(TagRemovePreprocessor={"enabled": True, **removed}),
            template_name="study",
            extra_template_basedirs=[str(TEMPLATES)],
            exclude_input_prompt=True,
            exclude_output_prompt=True,
            embed_images=True,
            **kwargs,
        )
        filters: dict[str, Callable[..., Any]] = {
            "role_of": role_of,
            "told": inputs.told,
            "told_unit": inputs.told_unit,
            "changed": inputs.changed,
            "changes": inputs.changes,
            "scrolling": scrolling,
            "mathml": lambda text: mathml(text.strip().strip("$"), "block"),
        }
        for name, function in filters.items():
            self.register_filter(name, function)  # type: ignore[no-untyped-call]

    @jinja2.pass_context
    def markdown2html(self, context: jinja2.runtime.Context, source: str) -> str:
        """Markdown to HTML; pictures beside the notebook and attached ones are embedded."""
        path = context.get("resources", {}).get("metadata", {}).get("path", "")
        cell = context.get("cell", {})
        attachments, anchors = cell.get("attachments", {}), cell.get("metadata", {}).get("study_anchors", [])
        return markdown(source, embed_images=True, path=path, attachments=attachments, anchors=anchors)


@cache
def _exporter() -> StudyExporter:
    """One exporter for all notebooks of a process: its templates are read and compiled once."""
    return StudyExporter()


@cache
def scripts(*names: str) -> str:
    """Scripts of the templates as one."""
    return "\n".join((TEMPLATES / name).read_text(encoding="utf-8") for name in names)


def export(notebook: NotebookNode, folder: Path) -> str:
    """The page of a tidied notebook; ``folder`` is where pictures named in its text are looked for."""
    title = title_of(notebook) or "Report"
    report = lead.answer_first(notebook, markdown)
    report.metadata["title"] = title
    script = scripts("study/report.js", "study/common.js")
    allowed = policy.policy([policy.digest(script), *policy.told(notebook)])
    resources = {"metadata": {"path": str(folder), "name": title}, "policy": allowed, "script": script}
    page, _ = _exporter().from_notebook_node(report, resources)
    return str(page)
