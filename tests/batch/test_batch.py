"""Batches: grids, what is up to date, failures, kills, a real Dask cluster, and plain papermill."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner

from analysis import cluster
from analysis.__main__ import main
from analysis.batch import execution, grid, pool, progress, run, uptodate
from analysis.batch.progress import Lines
from analysis.pages import index
from analysis.parameters import ParameterError
from tests.small_notebooks import BROKEN, GOOD, PLAIN, pretend_to_execute, save

READER = [
    ("md", "# Which data?\n\nIs what was read named?"),
    ("parameters", 'data_file: str = "none"  # a table [path]'),
    ("code", "import pandas as pd\nlen(pd.read_csv(data_file))"),
]
SLOW = [
    ("md", "# How slow?\n\nDoes it end?"),
    ("parameters", "n: int = 1  # which [1]\nmarks: str = '.'  # where it leaves its marks [path]"),
    ("code", "import pathlib, time\nwith open(pathlib.Path(marks) / str(n), 'a') as f:\n    f.write('x')"),
    ("code", "time.sleep(0.4)"),
    ("code", "from analysis.pages.results import record\nrecord(number=n)"),
]


def told(*notebooks, out, **options):
    """Run a batch; return its outcomes and the lines it told."""
    lines: list[str] = []
    parameters = options.pop("parameters", {})
    return run.report(notebooks, parameters, out, progress=Lines(lines.append), **options), lines


@pytest.fixture
def pretended(monkeypatch):
    """No kernel is started: notebooks are only copied."""
    monkeypatch.setattr(execution, "execute", pretend_to_execute)


# --- grids ----------------------------------------------------------------------------


def test_every_scenario_has_its_report(tmp_path, pretended):
    """Each notebook that has the parameters runs once for each scenario, under its name."""
    notebooks = [save(GOOD, tmp_path / "a.ipynb"), save(PLAIN, tmp_path / "b.ipynb")]
    scenarios = grid.parse({"scenarios": {"few": {"n": 1}, "many": {"n": "1e2"}}})
    outcomes, lines = told(*notebooks, out=tmp_path / "out", scenarios=scenarios)
    assert [(o.run.name, dict(o.run.parameters)) for o in outcomes] == [
        ("a--few", {"n": 1}),
        ("a--many", {"n": 100}),
    ]
    assert lines[0] == "b: has no parameter n; left out of the grid"
    assert (tmp_path / "out" / "a--many.html").exists()


@pytest.mark.parametrize(
    ("parameters", "content", "said"),
    [
        ({}, {"cross": {"m": [1]}}, "none of the notebooks has a parameter 'm'"),
        ({}, {"cross": {"n": ["x"]}}, "n = 'x' is not allowed: it takes a whole number"),
        ({"n": 1}, {"cross": {"n": [1]}}, "'n' is set by -p and by the grid"),
        ({}, {"scenarios": {"s": {"n": 1}, "t": {"k": 1}}}, "none of the notebooks has all of k, n"),
    ],
)
def test_grid_is_checked_before_anything_runs(tmp_path, parameters, content, said):
    """A wrong name or value in a grid is refused, and nothing is written."""
    cells = [("md", "# T"), ("parameters", "k: int = 1  # other [1]")]
    notebooks = [save(GOOD, tmp_path / "a.ipynb"), save(cells, tmp_path / "b.ipynb")]
    with pytest.raises(ParameterError, match=said):
        told(*notebooks, out=tmp_path / "out", parameters=parameters, scenarios=grid.parse(content))
    assert not (tmp_path / "out").exists()


def test_grid_on_the_command_line(tmp_path, pretended):
    """``--grid`` reads a file that may name its notebooks; the rows name scenario and values."""
    save(GOOD, tmp_path / "a.ipynb")
    (tmp_path / "g.yml").write_text(f"notebooks: ['{tmp_path / 'a.ipynb'}']\ncross:\n  n: [1, 1e1]\n")
    result = CliRunner().invoke(
        main, ["report", "--grid", str(tmp_path / "g.yml"), "--out", str(tmp_path / "out"), "--json"]
    )
    assert result.exit_code == 0, result.stderr
    assert [(row["scenario"], row["parameters"]) for row in json.loads(result.stdout)] == [
        ("n=1", {"n": 1}),
        ("n=1e1", {"n": 10}),
    ]


# --- up to date -----------------------------------------------------------------------


def test_second_run_does_nothing_and_says_so(tmp_path, pretended):
    """What is up to date is not run again; with ``force`` it is."""
    notebook = save(GOOD, tmp_path / "a.ipynb")
    told(notebook, out=tmp_path / "out")
    outcomes, lines = told(notebook, out=tmp_path / "out")
    assert [outcome.fresh for outcome in outcomes] == [False]
    assert lines[0] == "1 report of 1 up to date, not run again (--force runs all)"
    assert told(notebook, out=tmp_path / "out", force=True)[0][0].fresh


def test_what_changed_is_run_again(tmp_path, pretended, monkeypatch):
    """Another notebook, other parameters, other code, or a report that is gone: each makes a new run."""
    notebook, out = save(GOOD, tmp_path / "a.ipynb"), tmp_path / "out"

    def fresh(**options):
        return told(notebook, out=out, **options)[0][0].fresh

    assert fresh()
    assert fresh(parameters={"n": 9})
    assert fresh()
    save([*GOOD, ("code", "1")], notebook)
    assert fresh()
    (out / "a.html").unlink()
    assert fresh()
    assert not fresh()
    monkeypatch.setattr(uptodate, "code", lambda: "other")
    assert fresh()


def test_failed_run_is_tried_again(tmp_path, pretended):
    """A failure is never up to date."""
    notebook = save(BROKEN, tmp_path / "bad.ipynb")
    for _ in range(2):
        assert told(notebook, out=tmp_path / "out")[0][0].fresh


def test_data_that_was_read_is_named_and_watched(tmp_path):
    """The report names the file its kernel read, with a checksum; when the file changes it is run again."""
    notebook, data, out = save(READER, tmp_path / "r.ipynb"), tmp_path / "table.csv", tmp_path / "out"
    data.write_text("a\n1\n")
    options = {"out": out, "parameters": {"data_file": str(data)}}
    (outcome,), _ = told(notebook, **options)
    ((name, checksum),) = outcome.record["data"].items()
    assert Path(name).name == "table.csv"
    assert checksum[:12] in (out / "r.html").read_text(encoding="utf-8")
    assert not told(notebook, **options)[0][0].fresh
    data.write_text("a\n2\n")
    assert told(notebook, **options)[0][0].fresh


def test_half_written_files_are_swept_up(tmp_path, pretended):
    """What a kill left half written is gone after the next run."""
    half = tmp_path / "out" / "executed" / ".a.html.123.part"
    half.parent.mkdir(parents=True)
    half.write_text("half")
    told(save(GOOD, tmp_path / "a.ipynb"), out=tmp_path / "out")
    assert not half.exists()


# --- killed ---------------------------------------------------------------------------


@pytest.mark.slow
def test_killed_batch_carries_on(tmp_path):
    """Killed by SIGKILL in the middle and started again: nothing finished is repeated, nothing is lost."""
    notebook, marks, out = save(SLOW, tmp_path / "slow.ipynb"), tmp_path / "marks", tmp_path / "out"
    marks.mkdir()
    (tmp_path / "g.yml").write_text(
        f"scenarios: {{s: {{marks: '{marks}'}}}}\ncross: {{n: [1, 2, 3, 4, 5, 6]}}\n"
    )
    command = [sys.executable, "-m", "analysis", "report", str(notebook), "--workers", "2"]
    command += ["--grid", str(tmp_path / "g.yml"), "--out", str(out)]
    first = subprocess.Popen(command, stderr=subprocess.DEVNULL, start_new_session=True)
    _wait(lambda: len(list(index.records(out))) >= 2, 60)
    first.send_signal(signal.SIGKILL)
    first.wait()
    finished = {record["parameters"]["n"] for record in index.records(out)}
    assert 2 <= len(finished) < 6
    second = subprocess.run(command, capture_output=True, text=True, check=False)
    assert second.returncode == 0, second.stderr
    assert f"{len(finished)} reports of 6 up to date" in second.stderr
    assert all((marks / str(n)).read_text() == "x" for n in finished)
    assert sorted(pd.read_parquet(out / "results.parquet")["number"]) == [1, 2, 3, 4, 5, 6]


def _wait(true, seconds):
    """Wait until something is true; fail if it does not become so."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.05)


# --- Dask -----------------------------------------------------------------------------


@pytest.mark.slow
def test_batch_runs_on_a_dask_cluster(tmp_path, dask):
    """The same batch on a real scheduler and two workers: same reports, numbers, failure and progress."""
    from distributed import Client

    with Client(dask, set_as_default=False) as client:
        client.wait_for_workers(2, timeout=60)
    notebooks = [save(GOOD, tmp_path / "good.ipynb"), save(BROKEN, tmp_path / "broken.ipynb")]
    outcomes, lines = told(
        *notebooks, out=tmp_path / "out", scenarios=grid.parse({"cross": {"n": [2, 3]}}), scheduler=dask
    )
    assert [(o.run.name, o.failure is None) for o in outcomes] == [
        ("good--n=2", True),
        ("good--n=3", True),
        ("broken--n=2", False),
        ("broken--n=3", False),
    ]
    assert sorted(pd.read_csv(tmp_path / "out" / "results.csv")["links"]) == [2, 3]
    assert f"Running 4 notebooks, on the workers of {dask}" in lines
    assert lines[-1].startswith("4 reports in ")


def test_scheduler_that_is_not_there_is_said(tmp_path, monkeypatch):
    """An address where no scheduler answers is a user's mistake, told before anything is written."""
    pytest.importorskip("distributed", reason="no Dask here: no batch on a cluster")
    with pytest.raises(ParameterError, match=r"no Dask scheduler answers at tcp://127\.0\.0\.1:9"):
        list(pool.cluster([], "tcp://127.0.0.1:9", Lines(), timeout="1s"))
    monkeypatch.setattr(cluster, "connect", partial(cluster.connect, timeout="1s"))
    notebook = save(GOOD, tmp_path / "in" / "good.ipynb")
    with pytest.raises(ParameterError, match="no Dask scheduler answers"):
        run.report([notebook], {}, tmp_path / "out", progress=Lines(), scheduler="tcp://127.0.0.1:9")
    assert not (tmp_path / "out").exists()


# --- plain papermill ------------------------------------------------------------------


@pytest.mark.slow
def test_plain_papermill_tells_a_bad_value_in_one_sentence(repository, tmp_path):
    """papermill itself, from any directory: a bad value ends in a sentence, not in forty lines."""
    papermill = shutil.which(
        "papermill", path=os.pathsep.join([str(Path(sys.executable).parent), os.defpath])
    )
    if papermill is None:
        pytest.skip("no papermill command beside this Python")
    source = repository / "notebooks" / "01-bandwidth.ipynb"
    command = [papermill, str(source), "out.ipynb", "-p", "bandwidth_gbps", "-5", "--no-progress-bar"]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert result.returncode != 0
    said = result.stderr[result.stderr.index("PapermillExecutionError") :].strip().splitlines()
    assert said[-1] == (
        "ParameterError: bandwidth_gbps = -5 is not allowed: it takes a number of at least 0.001 [Gbit/s]"
    )
    assert not any("File " in line for line in said)


# --- progress -------------------------------------------------------------------------


def test_terminal_shows_moving_lines(capsys):
    """On a terminal each running notebook has a line with its cell, and the batch has one."""
    bars = progress.Bars()
    bars.begin(2)
    bars.cell("a", 3, 9)
    bars.moving.console.print(bars.moving)
    shown = capsys.readouterr().err
    assert "all notebooks" in shown
    assert "0/2 done" in shown
    assert "3/9 cells" in shown
    bars.done("a", "[1/2] a: done in 1.0 s")
    bars.moving.console.print(bars.moving)
    shown = capsys.readouterr().err
    assert "[1/2] a: done in 1.0 s" in shown
    assert "1/2 done" in shown
    assert "cells" not in shown


def test_long_notebook_tells_its_cell_now_and_then():
    """Without a terminal a long notebook tells where it is, but not at every cell."""
    lines: list[str] = []
    telling = Lines(lines.append, every_s=0.05)
    for number in (1, 2, 3):
        telling.cell("a", number, 9)
    time.sleep(0.06)
    telling.cell("a", 4, 9)
    assert lines == ["a: at cell 4 of 9"]
