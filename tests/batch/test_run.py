"""Running notebooks: names and parameters are checked first, failures are kept, nothing leaks."""

import json
import os

import nbformat
import pytest
from click.testing import CliRunner

from analysis.__main__ import main
from analysis.batch import execution, run
from analysis.batch.execution import Failure, failure_of, kernel_environment
from analysis.batch.grid import Grid
from analysis.batch.inputs import literal
from analysis.batch.progress import Lines
from analysis.pages import parts
from analysis.parameters import ParameterError
from tests.small_notebooks import BROKEN, GOOD, PLAIN, build, pretend_to_execute, save, without_time

QUIET = Lines(lambda line: None)


def test_outcomes_keep_the_order_asked_for(batch):
    """Outcomes come in the order of the notebooks, whichever was finished first."""
    assert [outcome.run.name for outcome in batch.outcomes] == ["1-good", "2-broken", "3-plain"]


def test_failure_stops_no_other(batch):
    """One notebook fails, the others are done."""
    assert [outcome.failure is None for outcome in batch.outcomes] == [True, False, True]


def test_failure_names_cell_and_error(batch):
    """A failure tells the cell as Jupyter counts it, with the error, without this machine's folders."""
    failure = batch.outcomes[1].failure
    # The parameters cell is [1], the injected parameters [2].
    assert failure.cell == 4
    assert failure.error.startswith("ValueError: no ")
    assert os.getcwd() not in failure.error


def test_failed_notebook_is_kept_and_converted(batch):
    """What ran before the failure is in the report, and what came after is not."""
    page = (batch.out / "2-broken.html").read_text(encoding="utf-8")
    assert "before" in page
    assert "ValueError" in page
    assert 'class="code failed"' in page
    executed = nbformat.read(batch.out / "executed" / "2-broken.ipynb", as_version=4)
    assert executed.metadata.study.failure.cell == 4


def test_progress_is_a_line_per_notebook(batch):
    """Progress starts with what will be done, counts each notebook and ends with where the index is."""
    assert batch.lines[0] == "3-plain: has no parameter n; runs without it"
    assert batch.lines[1] == "Running 3 notebooks, 2 at a time"
    assert sorted(line[:5] for line in batch.lines[2:5]) == ["[1/3]", "[2/3]", "[3/3]"]
    assert any("2-broken: FAILED in cell [4]" in line for line in batch.lines)
    assert batch.lines[5].startswith("3 reports in ")
    assert "1 failed" in batch.lines[5]
    assert batch.lines[5].endswith("index.html")


def test_parameter_reaches_the_kernel_as_a_number(batch):
    """``-p n 3`` is the number 3 in the notebook, not the text."""
    executed = nbformat.read(batch.out / "executed" / "1-good.ipynb", as_version=4)
    assert [o.text for o in parts.outputs(executed) if o.get("name") == "stdout"] == ["6\n"]


def test_same_inputs_give_the_same_report(batch, tmp_path):
    """A second execution gives the same report to the byte, but for the time stamp."""
    run.report(batch.notebooks[:1], {"n": 3}, tmp_path, progress=QUIET)
    assert without_time(tmp_path / "1-good.html") == without_time(batch.out / "1-good.html")


def test_unknown_parameter_is_refused_with_the_nearest(tmp_path):
    """A misspelt parameter stops the batch before any kernel starts and is told the right name."""
    notebook = save(GOOD, tmp_path / "good.ipynb")
    with pytest.raises(ParameterError, match=r"parameter 'lable'; did you mean 'label'\?"):
        run.report([notebook], {"lable": "y"}, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_unknown_notebook_is_refused_with_the_nearest(tmp_path, monkeypatch):
    """A misspelt notebook is told the nearest name in notebooks/."""
    save(PLAIN, tmp_path / "notebooks" / "01-bandwidth.ipynb")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ParameterError, match="did you mean '01-bandwidth'"):
        run.find(["01-bandwith"])


def test_notebooks_are_found_by_path_or_name(tmp_path, monkeypatch):
    """A path, a file name in notebooks/ with or without suffix, or nothing for all of them."""
    notebook = save(PLAIN, tmp_path / "notebooks" / "01-bandwidth.ipynb")
    monkeypatch.chdir(tmp_path)
    for names in ([notebook], ["01-bandwidth"], ["01-bandwidth.ipynb"], []):
        assert run.find(names) == [notebook]


def test_empty_folder_is_a_mistake(tmp_path, monkeypatch):
    """With no notebook at all there is nothing to report, and it is said so."""
    (tmp_path / "notebooks").mkdir()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ParameterError, match="there is no notebook in"):
        run.find([])


@pytest.mark.parametrize("content", ["", "not JSON", "{}", '{"cells": [], "metadata": {}, "nbformat": 4}'])
def test_file_that_is_no_notebook_is_refused(tmp_path, content):
    """A file that is no notebook, or names no kernel, is refused by its name before anything runs."""
    (tmp_path / "x.ipynb").write_text(content)
    with pytest.raises(ParameterError, match=r"'x.ipynb' is not a notebook that can be run"):
        run.report([tmp_path / "x.ipynb"], {}, tmp_path / "out")


def test_source_is_never_overwritten(tmp_path):
    """A notebook that lies where its result would go is refused and stays as it is."""
    notebook = save(PLAIN, tmp_path / "executed" / "a.ipynb")
    before = notebook.read_bytes()
    with pytest.raises(ParameterError, match="lie where their results go"):
        run.report([notebook], {}, tmp_path)
    assert notebook.read_bytes() == before


@pytest.mark.parametrize("names", [("a/x", "b/x"), ("index",)])
def test_two_pages_of_one_name_are_refused(tmp_path, names):
    """Two notebooks of one name, or one named index, would overwrite each other's page."""
    notebooks = [save(PLAIN, tmp_path / f"{name}.ipynb") for name in names]
    with pytest.raises(ParameterError, match="cannot name two pages"):
        run.plan(notebooks, {}, QUIET, Grid())


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("5", 5),
        ("1e9", 1e9),
        ("-0.5", -0.5),
        ("true", True),
        ("None", None),
        ("tcpip", "tcpip"),
        (7, 7),
        ("[1, 2.5]", [1, 2.5]),
    ],
)
def test_literal(text, value):
    """A text on the command line becomes the value it stands for, of the right type."""
    assert literal(text) == value
    assert type(literal(text)) is type(value)


def test_broken_list_is_a_mistake():
    """A list that is not closed is refused with an example."""
    with pytest.raises(ParameterError, match=r"'\[1, 10' is not a list: write it like \[1, 10, 25\]"):
        literal("[1, 10")


def test_kernel_environment_is_put_back(monkeypatch):
    """Kernels see a temporary IPython folder and no MPLBACKEND; afterwards all is as before."""
    monkeypatch.setenv("MPLBACKEND", "agg")
    before = dict(os.environ)
    with kernel_environment():
        assert "MPLBACKEND" not in os.environ
        assert os.path.isdir(os.environ["IPYTHONDIR"])
    assert dict(os.environ) == before


def test_interrupted_batch_keeps_what_was_finished(tmp_path, monkeypatch):
    """Stopped after the first notebook, its report and the index over it are there."""
    monkeypatch.setattr(execution, "execute", pretend_to_execute)
    notebooks = [save(PLAIN, tmp_path / f"{name}.ipynb") for name in ("a", "b", "c")]

    def stop_at_first(line: str) -> None:
        if line.startswith("[1/3]"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run.report(notebooks, {}, tmp_path / "out", workers=1, progress=Lines(stop_at_first))
    assert 'href="a.html"' in (tmp_path / "out" / "index.html").read_text(encoding="utf-8")


def test_kernel_that_dies_is_a_failure_of_its_cell():
    """An exception without a cell of its own is put down to the last cell that was counted."""
    notebook = build(BROKEN)
    notebook.cells[2].execution_count = 2
    failure = failure_of(notebook, RuntimeError("Kernel died\nmore"))
    assert failure == Failure(2, "RuntimeError: Kernel died")


def test_verb_writes_rows_as_json(tmp_path, monkeypatch):
    """``report --json`` writes a row per run to standard output and nothing else, and exits 1 on failure."""
    monkeypatch.setattr(execution, "execute", pretend_to_execute)
    good = save(GOOD, tmp_path / "good.ipynb")
    bad = save(BROKEN, tmp_path / "bad.ipynb")
    arguments = ["report", str(good), str(bad), "-p", "n", "5", "--out", str(tmp_path / "out"), "--json"]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 1
    rows = json.loads(result.stdout)
    assert [(row["name"], row["ok"], row["parameters"]) for row in rows] == [
        ("good", True, {"n": 5}),
        ("bad", False, {"n": 5}),
    ]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["reprot"], "error: there is no verb 'reprot'. Did you mean 'report'?"),
        (["report", "--wokers", "2"], "error: there is no option '--wokers'. Did you mean '--workers'?"),
        (["report", "nowhere.ipynb"], "error: there is no notebook 'nowhere.ipynb'"),
    ],
)
def test_users_mistake_is_one_sentence(arguments, sentence):
    """A user's mistake is told in one sentence on standard error, exit code 2, no traceback."""
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 2
    assert result.stderr.strip().startswith(sentence)
    assert len(result.stderr.strip().splitlines()) == 1
