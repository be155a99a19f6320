"""The same everywhere: the same inputs and seed give the same numbers, pages and pictures, to the byte.

However many processes or threads make them, on a Dask cluster too, and whatever order Python gives the
members of a set. Times of day and running times are all that may differ.
"""

import hashlib
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from analysis.batch import forked, grid, run
from analysis.batch.progress import Lines
from analysis.model.engine import Way
from analysis.studies.drain import answer
from analysis.studies.sweeps import designs
from analysis.studies.sweeps import sweep as sweeps
from analysis.studies.sweeps.sweep import PART, sweep
from tests.small_notebooks import save
from tests.studies.drain.cases import machines, nodes, problem

QUIET = Lines(lambda line: None)
RANDOM = {
    "parameters": {
        "memory_gib": {"from": 1, "to": 64, "spacing": "log"},
        "dirty_pages_per_s": {"from": 0, "to": 1e5},
        "transport": ["tcpip", "smb"],
    },
    "rows": 1_400,
    "seed": 7,
    "reduce": {
        "spread": {"quantiles": "total_s", "by": {"memory_gib": 5}},
        "pauses": {"histogram": "blackout_s", "edges": [0.01, 0.1, 1], "by": {"dirty_pages_per_s": 4}},
    },
}
GRID = {
    "parameters": {
        "memory_gib": {"from": 1, "to": 64, "count": 3, "spacing": "log"},
        "dirty_pages_per_s": {"from": 0, "to": 1e5, "count": 60},
        "transport": ["tcpip", "compression"],
        "stop_rule": ["hyperv", "qemu"],
    },
    "reduce": {"best": {"best": "total_s", "over": "transport", "by": ["memory_gib", "stop_rule"]}},
}


def digests(*folders: Path) -> dict[str, str]:
    """A digest of every file below some folders, by its path; of an archive of sums, that of its content."""
    found = {}
    for folder in folders:
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            content = path.read_bytes()
            if path.suffix == ".npz":  # the archive has the time of its members
                with np.load(path) as saved:
                    content = b"".join(name.encode() + saved[name].tobytes() for name in sorted(saved))
            place = path.relative_to(folder.parent).as_posix().replace(folder.name, "", 1)
            found[place] = hashlib.sha256(content).hexdigest()
    return found


def files_of(made: sweeps.Swept) -> dict[str, str]:
    """Digests of all that a sweep left: rows, reductions and the book of what is done."""
    found = digests(made.path) | {f"beside{name}": digest for name, digest in digests(made.beside).items()}
    assert {"spread", "best"} & {Path(name).stem for name in found}
    return found


# --- sweeps -------------------------------------------------------------------------------------


@pytest.fixture
def small(monkeypatch):
    """Parts of 400 rows, made in pieces of 50: a small sweep has work for four threads."""
    for module in (designs, sweeps):
        monkeypatch.setattr(module, "CHUNK", 200)
    monkeypatch.setattr(sweeps, "PART", 400)
    monkeypatch.setattr("analysis.model.engine.CHUNK", 50)


@pytest.mark.parametrize("design", [RANDOM, GRID], ids=["random", "grid"])
def test_threads_make_the_same_sweep(tmp_path, small, monkeypatch, design):
    """One, two or four threads leave the same files: rows, tables as Parquet and CSV, sums."""
    made = []
    for threads in (1, 2, 4):
        monkeypatch.setattr(sweeps, "way_for", lambda rows, threads=threads: Way("numpy", threads))
        made.append(files_of(sweep(design, tmp_path / str(threads), workers=1)))
    assert len(made[0]) >= 6
    assert made[0] == made[1] == made[2]


LARGE = RANDOM | {"rows": 4 * PART + 1_000, "outcomes": ["total_s"], "precision": "single"}
"""Enough for a pool: processes of their own begin with the sizes of the module."""


@pytest.mark.nightly
def test_processes_and_dask_make_the_same_sweep(tmp_path, dask):
    """One, two or four processes, and two workers of a Dask scheduler, leave the same files."""
    made = [files_of(sweep(LARGE, tmp_path / str(n), workers=n)) for n in (1, 2, 4)]
    made.append(files_of(sweep(LARGE, tmp_path / "dask", scheduler=dask)))
    assert len(made[0]) >= 5 + 2 * len(LARGE["reduce"])
    assert made[0] == made[1] == made[2] == made[3]


# --- reports ------------------------------------------------------------------------------------

FIGURE = [
    ("md", "# How long?\n\nIs every picture the same?"),
    ("parameters", "bandwidth_gbps: float = 10  # link [Gbit/s]"),
    (
        "code",
        "import numpy as np\nfrom analysis import migrate\nfrom analysis.figures import curves\n"
        "from analysis.figures.language import display_takeaway, show\n"
        "from analysis.pages.results import record",
    ),
    (
        "code",
        "table = migrate(memory_gib=np.arange(1, 9), bandwidth_gbps=bandwidth_gbps)\n"
        "import matplotlib.pyplot as plt\nimport seaborn as sns\n"
        "fig, ax = plt.subplots()\n"
        "sns.lineplot(table, x='memory_gib', y='total_s', ax=ax)\nshow(fig, 'time over memory')",
    ),
    ("code", "record(table.iloc[0])\ndisplay_takeaway(f'It takes **{table.total_s[0]:.2f} s**.')"),
]
CROSSED = grid.parse({"cross": {"bandwidth_gbps": [1, 10, 25]}})


def without_times(page: Path) -> str:
    """A page without the time it was made and the time that runs took."""
    text = re.sub(r"<time .*?</time>", "", page.read_text(encoding="utf-8"))
    return re.sub(r"ran for [0-9.]+ s", "", text)


def reported(out: Path, **how) -> dict[str, str]:
    """Pages, index and tables of a batch, by name, without times."""
    notebook = out.parent / "f.ipynb"
    if not notebook.exists():
        save(FIGURE, notebook)
    outcomes = run.report([notebook], {}, out, progress=QUIET, scenarios=CROSSED, **how)
    assert [outcome.failure for outcome in outcomes] == [None] * 3
    pages = {path.name: without_times(path) for path in out.glob("*.html")}
    assert len(pages) == 4
    assert all("data:image/png" in page for page in pages.values())
    return pages | {path.name: path.read_text(encoding="utf-8") for path in out.glob("*.csv")}


@pytest.mark.nightly
def test_reports_are_the_same_however_they_are_made(tmp_path, dask, monkeypatch):
    """Pages with their pictures, index and tables: one, two, four at a time, on Dask, by plain kernels."""
    made = [reported(tmp_path / str(n), workers=n) for n in (1, 2, 4)]
    made.append(reported(tmp_path / "dask", scheduler=dask))
    monkeypatch.setenv(forked.ORDINARY, "yes")
    made.append(reported(tmp_path / "ordinary", workers=2))
    for other in made[1:]:
        assert other == made[0]


# --- pictures and answers -----------------------------------------------------------------------


def test_a_drawn_plan_is_the_same_to_the_byte(tmp_path):
    """Drawn twice, a plan's SVG, PNG and PDF are the same: no date and no random name stands in them."""
    from analysis.cli.drained import Answered

    found = answer.drain(problem(machines(3), nodes("abc")))
    for end in (".svg", ".png", ".PDF"):
        for name in ("one", "two"):
            Answered(found, None, [], False).draw(tmp_path / f"{name}{end}")
        assert (tmp_path / f"one{end}").read_bytes() == (tmp_path / f"two{end}").read_bytes()


VERBS = [
    "predict --memory-gib 8,16 --transport tcpip,smb --host data/laboratory.yml --json",
    "plan bandwidth_gbps --memory-gib 64 --total-s 60 --host data/laboratory.yml --json",
    "sensitivity --memory-gib 64 --json",
    "advise --memory-gib 64 --dirty-pages-per-s 5e4 --json",
    "drain data/example_inventory.csv --nodes data/example_nodes.csv --node node1 --start 2099-05-04T22:00 "
    "--host data/laboratory.yml --json",
    "calibrate data/critical_migrations.csv --out {out}/host.yml --json",
    "validate data/critical_migrations.csv --json",
    "validate data/buffers.csv --json",
]


@pytest.mark.nightly
@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: " ".join(verb.split()[:2]))
def test_answers_are_the_same_in_another_process(tmp_path, verb):
    """Two processes, whose sets have other orders and whose libraries one thread or four, answer the same."""
    said = []
    for seed, threads in (("1", "1"), ("2", "4")):
        env = {**os.environ, "PYTHONHASHSEED": seed, "OMP_NUM_THREADS": threads}
        env |= {"OPENBLAS_NUM_THREADS": threads, "NUMBA_NUM_THREADS": threads}
        words = verb.format(out=tmp_path).split()
        done = subprocess.run(
            [sys.executable, "-m", "analysis", *words], env=env, capture_output=True, text=True, check=True
        )
        said.append(done.stdout)
        said[-1] += "".join(path.read_text("utf-8") for path in sorted(tmp_path.iterdir()))
    assert said[0] == said[1]
    assert len(said[0]) > 100
