"""Run notebooks side by side, each in a fresh kernel, and leave HTML reports and an index.

One process drives all kernels: importing papermill costs more than starting a kernel, and threads are
enough because the work happens in the kernels.

A folder of reports holds ``index.html``, ``NAME.html`` and ``executed/NAME.ipynb``, the notebook with
what it printed and drew.
What a run leaves about itself stands in the executed notebook's ``metadata.study``, so that the index can
be made from the folder alone.
"""

import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import nbformat
import papermill
from jupyter_core.utils import ensure_event_loop
from traitlets.config import Config

from analysis.parameters import ParameterError, nearest
from analysis.reports import html, index

# ipykernel 7 warns at every start that its sockets are not encrypted; `auto` encrypts where it can. What a
# kernel logs at its end (that it was interrupted, to be shut down) would tear the lines of progress.
KERNEL = Config(
    KernelManager={"transport_encryption": "auto"},
    NotebookClient={"extra_arguments": ["--IPKernelApp.log_level=CRITICAL"]},
)


@dataclass(frozen=True)
class Run:
    """One notebook to execute with the parameters given; ``name`` names everything it leaves."""

    name: str
    notebook: Path
    parameters: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Failure:
    """Why a run failed: the cell as Jupyter counts it (None if no cell ran), and the error in one line."""

    cell: int | None
    error: str


@dataclass(frozen=True)
class Outcome:
    """What became of a run: its report, the time it took [s], and the failure if there was one."""

    run: Run
    html: Path
    seconds: float
    failure: Failure | None

    def row(self) -> dict[str, Any]:
        """The outcome as one row of plain values, for JSON."""
        failure = asdict(self.failure) if self.failure else {"cell": None, "error": None}
        return {
            "name": self.run.name,
            "notebook": self.run.notebook.name,
            "parameters": dict(self.run.parameters),
            "ok": self.failure is None,
            "seconds": round(self.seconds, 2),
            "html": str(self.html),
            "failed_cell": failure["cell"],
            "error": failure["error"],
        }


def say(line: str) -> None:
    """Show a line of progress on standard error, at once."""
    print(line, file=sys.stderr, flush=True)


def report(
    notebooks: Sequence[str | Path],
    parameters: Mapping[str, Any],
    out: Path,
    workers: int | None = None,
    progress: Callable[[str], None] = say,
) -> list[Outcome]:
    """Execute notebooks (all of ``notebooks/`` if none is named) and write their reports into ``out``.

    A parameter is given to every notebook that has it. A failed notebook is reported like the others and
    does not stop them. Interrupted, it leaves the reports that were finished and their index.

    Raises :class:`ParameterError`, before any kernel starts, for a notebook that does not exist, for a
    parameter that none of the notebooks has, and for a notebook that its own result would overwrite.
    """
    runs = plan(find(notebooks), parameters, progress)
    if any(run.notebook.parent == out.resolve() / index.EXECUTED for run in runs):
        raise ParameterError(f"notebooks lie where their results go; choose another folder than '{out}'")
    workers = min(workers or os.cpu_count() or 1, len(runs))
    progress(f"Running {count(len(runs), 'notebook')}, {workers} at a time")
    start = time.perf_counter()
    outcomes: dict[str, Outcome] = {}
    try:
        for outcome in run_all(runs, out, workers):
            outcomes[outcome.run.name] = outcome
            progress(f"[{len(outcomes)}/{len(runs)}] {told(outcome)}")
    finally:
        page = index.write(out)
    failed = sum(outcome.failure is not None for outcome in outcomes.values())
    progress(
        f"{count(len(runs), 'report')} in {time.perf_counter() - start:.0f} s"
        f"{f', {failed} failed' if failed else ''}: open {page}"
    )
    return [outcomes[run.name] for run in runs]


def count(number: int, noun: str) -> str:
    """A number with its noun: ``1 report``, ``2 reports``."""
    return f"{number} {noun}" + ("" if number == 1 else "s")


def told(outcome: Outcome) -> str:
    """One line about a finished run."""
    name, seconds = outcome.run.name, f"{outcome.seconds:.1f} s"
    if outcome.failure is None:
        return f"{name}: done in {seconds}"
    place = f" in cell [{outcome.failure.cell}]" if outcome.failure.cell else ""
    return f"{name}: FAILED{place} after {seconds}: {outcome.failure.error}"


# --- which notebooks, which parameters -------------------------------------------------


def home() -> Path:
    """The folder of the study's notebooks: here, or beside the package."""
    here = Path("notebooks")
    return here if here.is_dir() else Path(__file__).resolve().parents[2] / "notebooks"


def find(names: Sequence[str | Path]) -> list[Path]:
    """The notebooks named by path or by file name in ``notebooks/``; all of that folder if none is."""
    if names:
        return [_find_one(Path(name)) for name in names]
    found = sorted(home().glob("*.ipynb"))
    if not found:
        raise ParameterError(f"there is no notebook in {home()}")
    return [path.resolve() for path in found]


def _find_one(name: Path) -> Path:
    """Find one notebook; ParameterError with the nearest name if there is none."""
    for path in (name, home() / name, home() / f"{name}.ipynb"):
        if path.is_file():
            return path.resolve()
    near = nearest(name.stem, [path.stem for path in home().glob("*.ipynb")])
    hint = f"; did you mean '{near}'?" if near else ""
    raise ParameterError(f"there is no notebook '{name}'{hint}")


def plan(
    notebooks: Sequence[Path], parameters: Mapping[str, Any], progress: Callable[[str], None] = say
) -> list[Run]:
    """One run per notebook, each with those parameters that its notebook has.

    Raises :class:`ParameterError` for a parameter that no notebook has, for two notebooks of one name and
    for a file that is no notebook.
    """
    stems = [path.stem for path in notebooks]
    for stem in stems:
        if stems.count(stem) > 1 or stem == "index":
            raise ParameterError(f"'{stem}' cannot name two pages of one folder of reports")
    values = {name: literal(value) for name, value in parameters.items()}
    known = {path: known_parameters(path) for path in notebooks}
    _check_names(values, known)
    runs = []
    for path in notebooks:
        lacking = [name for name in values if name not in known[path]]
        if lacking:
            progress(f"{path.stem}: has no parameter {', '.join(lacking)}; runs without it")
        given = {name: value for name, value in values.items() if name not in lacking}
        runs.append(Run(path.stem, path, given))
    return runs


def known_parameters(notebook: Path) -> set[str]:
    """The names in a notebook's parameters cell; ParameterError if it is no notebook papermill can run."""
    try:
        return set(papermill.inspect_notebook(str(notebook)))
    except Exception as error:  # papermill, nbformat and json each have their own
        reason = str(error).strip().partition("\n")[0][:200]
        raise ParameterError(f"'{notebook.name}' is not a notebook that can be run: {reason}") from error


def _check_names(given: Iterable[str], known: Mapping[Path, set[str]]) -> None:
    """Refuse a name that no notebook has: papermill would only log it and run with the default."""
    everywhere = set().union(*known.values())
    for name in given:
        if name not in everywhere:
            near = nearest(name, sorted(everywhere))
            hint = f"did you mean '{near}'?" if near else f"they have: {', '.join(sorted(everywhere))}"
            raise ParameterError(f"none of the notebooks has a parameter '{name}'; {hint}")


def literal(value: Any) -> Any:
    """The value a text stands for: a number, true, false, none, a list in brackets, or itself.

    >>> [literal(text) for text in ("5", "1e9", "true", "[1, 10]", "tcpip")]
    [5, 1000000000.0, True, [1, 10], 'tcpip']
    """
    if not isinstance(value, str):
        return value
    for kind in (int, float):
        try:
            return kind(value)
        except ValueError:
            continue
    if value.startswith("["):
        try:
            return json.loads(value)
        except ValueError:
            raise ParameterError(f"'{value}' is not a list: write it like [1, 10, 25]") from None
    return {"true": True, "false": False, "none": None}.get(value.lower(), value)


# --- execution ------------------------------------------------------------------------


def run_all(runs: Sequence[Run], out: Path, workers: int) -> Iterator[Outcome]:
    """Execute runs in a pool of threads; yield each outcome, report written, as it is finished."""
    executed = out.resolve() / index.EXECUTED
    executed.mkdir(parents=True, exist_ok=True)
    with kernel_environment():
        pool = ThreadPoolExecutor(workers)
        try:
            jobs = {pool.submit(execute, run, executed / f"{run.name}.ipynb"): run for run in runs}
            for job in as_completed(jobs):
                yield finish(jobs[job], out, *job.result())
        finally:
            # After an interruption the caller ends: do not wait for notebooks nobody reads any more.
            pool.shutdown(wait=False, cancel_futures=True)


@contextmanager
def kernel_environment() -> Iterator[None]:
    """Keep what is particular to a user or a machine out of the kernels started within.

    An IPython profile could change any result; MPLBACKEND=agg would leave out every figure.
    """
    before = dict(os.environ)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        os.environ.pop("MPLBACKEND", None)
        os.environ["IPYTHONDIR"] = folder
        try:
            yield
        finally:
            os.environ.clear()
            os.environ.update(before)


def execute(run: Run, target: Path) -> tuple[float, BaseException | None]:
    """Execute one notebook into ``target``; return the time it took [s] and the exception, if one came.

    Every path is absolute and no directory is changed: papermill's ``cwd`` is not safe among threads.
    """
    target.unlink(missing_ok=True)
    start, error = time.perf_counter(), None
    try:
        papermill.execute_notebook(
            str(run.notebook), str(target), dict(run.parameters), progress_bar=False, config=KERNEL
        )
    except Exception as raised:  # whatever a notebook does, the others go on
        error = raised
    finally:
        # Jupyter opens a loop in each thread and leaves it open; this thread will have no use for it.
        ensure_event_loop().close()
    return time.perf_counter() - start, error


def finish(run: Run, out: Path, seconds: float, error: BaseException | None) -> Outcome:
    """Record the run in its executed notebook, without this machine's paths, and write the report."""
    target = out.resolve() / index.EXECUTED / f"{run.name}.ipynb"
    # A kernel that never started leaves nothing behind: the report then shows the notebook as it was.
    notebook = nbformat.read(target if target.exists() else run.notebook, as_version=4)
    failure = failure_of(notebook, error) if error else None
    notebook.metadata["study"] = {
        "parameters": dict(run.parameters),
        "seconds": round(seconds, 2),
        "failure": asdict(failure) if failure else None,
    }
    html.tidy(notebook)
    nbformat.write(notebook, target)
    page = out / f"{run.name}.html"
    page.write_text(html.export(notebook, run.notebook.parent), encoding="utf-8", newline="\n")
    return Outcome(run, page, seconds, failure)


def failure_of(notebook: nbformat.NotebookNode, error: BaseException) -> Failure:
    """The cell that was running when the error came, and the error in one line."""
    cell = getattr(error, "exec_count", None)
    if cell is None:
        started = [c.execution_count for c in notebook.cells if c.get("execution_count")]
        cell = max(started, default=None)
    kind = getattr(error, "ename", type(error).__name__)
    message = getattr(error, "evalue", str(error)).strip().splitlines()
    return Failure(cell, html.without_paths(": ".join([kind, *message[:1]])))
