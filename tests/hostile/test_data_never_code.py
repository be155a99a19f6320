"""Names and values out of data are shown, and never become code: page, picture, table, script or terminal."""

import io
import re
import shutil
import subprocess

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from nbformat import v4

from analysis import spreadsheets
from analysis.__main__ import main
from analysis.cli import given
from analysis.figures import drains, language
from analysis.pages import html, index, results
from analysis.studies.drain import powershell
from analysis.studies.drain.inventory import read_inventory
from tests.small_notebooks import build

pytestmark = pytest.mark.thorough

CALL = "window.ran=(window.ran||0)+1;alert(1)"
NAMES = [
    f"<script>{CALL}</script>",
    f"<img src=x onerror='{CALL}'>",
    f"<svg onload={CALL}>",
    f'"><script>{CALL}</script>',
    f"' onmouseover='{CALL}' x='",
    f"</script><script>{CALL}</script>",
    f"</style><script>{CALL}</script>",
    f"<iframe srcdoc='<script>{CALL}</script>'></iframe>",
    f"[x](javascript:{CALL})",
    f"<a href='javascript:{CALL}' autofocus onfocus='{CALL}'>x</a>",
    f"<meta http-equiv=refresh content='0;url=javascript:{CALL}'>",
    f"{{{{constructor.constructor('{CALL}')()}}}}",
    f"<math><mtext></mtext><script>{CALL}</script></math>",
    f"<details open ontoggle='{CALL}'>",
    f"-->]]><script>{CALL}</script>",
    f"$<script>{CALL}</script>$",
    '=HYPERLINK("http://x")',
]
"""What would run, or leave its place, if a page, a picture or a formula took it for more than a text."""


def table_of(names):
    """Migrations whose machines bear such names."""
    return pd.DataFrame({"machine": names, "total_s": np.arange(len(names)) * 1.0})


def displayed(monkeypatch):
    """What a function of the figures displays, as outputs of a notebook."""
    shown = []

    def keep(data, metadata=None, raw=False):
        shown.append(v4.new_output("display_data", data, metadata=metadata or {}))

    monkeypatch.setattr(language, "display", keep)
    return shown


def hostile_report(monkeypatch):
    """A report every part of which holds every one of the names."""
    shown = displayed(monkeypatch)
    for name in NAMES:
        language.display_takeaway(f"The longest pause is **1 s** ({name}).", {name: name})
    recorded = results.rows(None, **{"total_s": 1.0}) + [{"machine": name} for name in NAMES]
    frame = table_of(NAMES)
    outputs = [
        *shown,
        v4.new_output("stream", text="\n".join(NAMES)),
        v4.new_output("stream", name="stderr", text="\n".join(f"\x1b[31m{name}" for name in NAMES)),
        v4.new_output("execute_result", {"text/plain": repr(NAMES), "text/html": frame.to_html()}),
        v4.new_output("error", ename=NAMES[0], evalue=NAMES[1], traceback=NAMES),
        v4.new_output(
            "display_data", {"text/plain": "\n".join(NAMES), "text/html": results._page(recorded[:1])}
        ),
    ]
    notebook = build(
        [("md", "# How long?\n\nA question."), ("parameters", "n: int = 1  # n [1]"), ("code", "f()")]
    )
    notebook.cells[-1].outputs = outputs
    html.tidy(notebook)
    line = {"unit": NAMES[2], "meaning": NAMES[3], "default": NAMES[4], "changed": True}
    inputs = [line | {"name": name, "value": name} for name in NAMES]
    about = {"inputs": inputs, "versions": {"Python": NAMES[5]}, "data": {NAMES[0]: NAMES[1]}}
    about |= {"scenario": NAMES[0], "parameters": dict.fromkeys(NAMES, NAMES[1])}
    notebook.metadata["study"] = about | {"finished": NAMES[2], "seconds": 1.0, "failure": None}
    return notebook


def hostile_records(notebook):
    """Records of runs, as an index is made from, whose names and values are hostile."""
    for k, name in enumerate(NAMES):
        card = vars(index.card(notebook, f"{k}.html")) | {"scenario": name, "machine": name, "alt": name}
        card |= {"parameters": {name: name}, "failure": {"cell": 3, "error": name} if k % 2 else None}
        rows = [{name: name, "total_s": 1.0}]
        about = {"name": name, "notebook": f"{name}.ipynb", "scenario": name if k % 3 else "", "rows": rows}
        line = {"name": name, "value": name, "unit": name, "meaning": name, "default": 1, "changed": True}
        yield about | {"card": card, "inputs": [line], "failure": card["failure"], "seconds": 1.0}


def count_of_what_runs(browser, path):
    """Scripts of the names that ran, dialogs and requests, after every element was hovered and focused."""
    page, seen = browser.new_page(), []
    page.on("dialog", lambda dialog: (seen.append("dialog"), dialog.dismiss()))
    page.on(
        "request",
        lambda request: None if request.url.startswith(("file:", "data:")) else seen.append(request.url),
    )
    page.goto(path.as_uri())
    page.evaluate(
        "document.querySelectorAll('*').forEach((e) => { for (const kind of ['mouseover', 'focus', 'toggle', "
        "'load', 'error']) e.dispatchEvent(new Event(kind)); })"
    )
    page.wait_for_timeout(100)
    ran = page.evaluate("window.ran || 0")
    policies = page.locator("meta[http-equiv=Content-Security-Policy]").count()
    page.close()
    return ran, seen, policies


def test_no_name_runs_in_a_page(monkeypatch, browser, tmp_path):
    """Of hostile names 0 scripts run in a report and an index; no dialog, no request; both have a policy.

    The policy is the second line: the index without it runs nothing either. That scripts would be counted, a
    page that takes the names for markup shows.
    """
    report = hostile_report(monkeypatch)
    listed = index.render(list(hostile_records(report)))
    bare = re.sub(r"<meta http-equiv=.Content-Security-Policy.[^>]*>", "", listed)
    pages = {"report": html.export(report, tmp_path), "index": listed, "bare": bare, "naive": "".join(NAMES)}
    told = {}
    for name, text in pages.items():
        path = tmp_path / f"{name}.html"
        path.write_text(text, encoding="utf-8")
        told[name] = count_of_what_runs(browser, path)
    assert told["report"] == told["index"] == (0, [], 1)
    assert told["bare"] == (0, [], 0)
    assert told["naive"][0] > 5


@pytest.mark.nightly
def test_no_name_runs_in_a_picture(browser, tmp_path):
    """A plan drawn as SVG, opened by itself, runs nothing of its machines' and nodes' names."""
    names = [*NAMES, "a$\\frac{$b", "_x", "$x_1$"]
    moves = table_of(names).assign(
        start_s=0.0, end_s=1.0 + np.arange(len(names)), blackout_s=0.1, kind="live",
        destination=names[::-1], source="n1",
    )  # fmt: skip
    path = tmp_path / "plan.svg"
    drains.gantt(moves).savefig(path)
    page, seen = browser.new_page(), []
    page.on("dialog", lambda dialog: (seen.append("dialog"), dialog.dismiss()))
    page.goto(path.as_uri())
    assert (page.evaluate("window.ran || 0"), seen) == (0, [])
    page.close()


@pytest.mark.parametrize("begin", ["=", "+", "-", "@", "\t=", "\r=", "\uff1d"])
def test_no_cell_of_a_table_is_a_formula(begin):
    """A text that a spreadsheet would take for a formula gets an apostrophe; numbers stay numbers."""
    table = pd.DataFrame({begin + "name": [begin + "cmd|' /C calc'!A0", "web"], "x": [-1.5, 2.0]})
    back = pd.read_csv(io.StringIO(spreadsheets.csv(table)), keep_default_na=False)
    begin = begin.replace("\r", "\n")
    assert back.iloc[0, 0] == f"'{begin}cmd|' /C calc'!A0"
    assert back.columns[0] == f"'{begin}name"
    assert back.x.tolist() == [-1.5, 2.0]


def test_results_of_runs_have_no_formula(monkeypatch):
    """The table of a run goes through the same: its scenario's name is no formula."""
    record = {"name": "=1+1", "notebook": "@x", "scenario": "-1", "inputs": [], "rows": [{"total_s": -1.0}]}
    assert spreadsheets.csv(results.table(record)).splitlines()[1] == "'=1+1,'@x,'-1,-1.0"


PLAIN_TEXT = re.compile("'(?:[^'\u2018\u2019\u201a\u201b]|['\u2018\u2019\u201a\u201b]{2})*'")
BREAKS_OUT = [
    "a'; Stop-Computer; '",
    "a\u2019; Stop-Computer; \u2018",
    "$(Stop-Computer)",
    "`$x",
    "a\u201b\u201a;b",
    '";x;"',
]


def test_a_machine_s_name_stays_a_text_in_powershell(tmp_path):
    """Every name of the plan is one quoted text: without them a line has the script's own words alone."""
    rows = "".join(f'"{name.replace(chr(34), chr(34) * 2)}",n1,4\n' for name in BREAKS_OUT)
    (tmp_path / "i.csv").write_text(f"machine,node,memory_gib\n{rows}z,n2,4\n", encoding="utf-8")
    script = tmp_path / "plan.ps1"
    done = CliRunner().invoke(
        main, ["drain", str(tmp_path / "i.csv"), "--node", "n1", "--powershell", str(script)]
    )
    assert done.exit_code == 0
    lines = [line for line in script.read_text("utf-8-sig").splitlines() if "Name =" in line]
    assert len(lines) == len(BREAKS_OUT)
    for line in lines:
        left = PLAIN_TEXT.sub("''", line).strip()
        assert left == "[pscustomobject]@{ Name = ''; From = ''; To = ''; Kind = '' }"


@pytest.mark.skipif(shutil.which("pwsh") is None, reason="no PowerShell here")
def test_powershell_reads_the_names_back():
    """PowerShell itself takes each quoted name for the text that it was."""
    for name in BREAKS_OUT:
        command = f"[Console]::Out.Write({powershell._quoted(name)})"
        told = subprocess.run(
            ["pwsh", "-NoProfile", "-c", command], capture_output=True, text=True, check=True
        )
        assert told.stdout == name


def test_no_name_is_obeyed_by_a_terminal():
    """Escapes, bells, overwritten lines and turned texts are shown as what they are."""
    told = given.shown("web\x1b]0;x\x07\x1b[2J\r\u202e01 \ud800 two\nlines")
    assert told == "web\\x1b]0;x\\x07\\x1b[2J\\r\\u202e01 \\ud800 two\nlines"
    told.encode("utf-8")


def test_a_name_that_cannot_be_printed_is_refused(tmp_path):
    """An inventory's names go into tables, pictures and scripts: one with a terminal's escape is none."""
    path = tmp_path / "i.csv"
    path.write_text("machine,node\na\x1b[2J,n1\n")
    with pytest.raises(ValueError, match=r"line 2: the name 'a\\x1b\[2J' of a machine cannot be printed"):
        read_inventory(path, {"memory_gib": 4})
