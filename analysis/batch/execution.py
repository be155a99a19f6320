"""One notebook executed in a kernel of its own, and what is made of it: report, record, numbers.

Nothing here knows of other runs or of the folder they go to, so that it can run in a thread, or on another
machine of a cluster: texts go in, texts come out.
"""

import json
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import nbformat
import papermill
from jupyter_core.utils import ensure_event_loop
from papermill.engines import NBClientEngine, papermill_engines
from traitlets.config import Config

from analysis.batch import inputs, reads, temporary, uptodate
from analysis.pages import html, index, results

OnCell = Callable[[int, int], None]
"""Told the number of the cell that begins and how many there are."""


@dataclass(frozen=True)
class Run:
    """One notebook to execute with the parameters given; ``name`` names everything it leaves."""

    name: str
    notebook: Path
    parameters: Mapping[str, Any] = field(default_factory=dict)
    scenario: str = ""


@dataclass(frozen=True)
class Failure:
    """Why a run failed: the cell as Jupyter counts it (None if no cell ran), and the error in one line."""

    cell: int | None
    error: str


@dataclass(frozen=True)
class Finished:
    """What a run leaves: its report, its executed notebook and its record."""

    page: str
    notebook: str
    record: dict[str, Any]


# --- the kernel -----------------------------------------------------------------------


class Engine(NBClientEngine):  # type: ignore[misc] # papermill has no types
    """papermill's own engine, which also tells the cell it is at and writes the notebook once, at the end."""

    @classmethod
    def execute_managed_notebook(
        cls, nb_man: Any, kernel_name: str, on_cell: OnCell | None = None, **kwargs: Any
    ) -> None:
        """Execute the cells; papermill writes after each of them, which the runner has no use for."""
        begin, total = nb_man.cell_start, len(nb_man.nb.cells)

        def cell_start(cell: Any, cell_index: int | None = None, **options: Any) -> None:
            if on_cell and cell_index is not None:
                on_cell(cell_index + 1, total)
            begin(cell, cell_index, **options)

        nb_man.cell_start, nb_man.save = cell_start, lambda **_: None
        try:
            super().execute_managed_notebook(nb_man, kernel_name, **kwargs)
        finally:
            del nb_man.save, nb_man.cell_start


papermill_engines.register("study", Engine)


def kernel_config(watched: Path | None = None) -> Config:
    """How kernels are started and ended.

    ipykernel 7 warns at every start that its sockets are not encrypted; `auto` encrypts where it can. What a
    kernel logs at its end (that it was interrupted, to be shut down) would tear the lines of progress. It is
    ended at once: nothing is left to say when the last cell is done.
    """
    arguments = ["--IPKernelApp.log_level=CRITICAL"]
    if watched:
        arguments.append(f"--IPKernelApp.exec_lines={reads.watching(watched)}")
    return Config(
        KernelManager={"transport_encryption": "auto"},
        NotebookClient={"extra_arguments": arguments, "shutdown_kernel": "immediate"},
    )


@contextmanager
def kernel_environment() -> Iterator[None]:
    """Keep what is particular to a user or a machine out of the kernels started within.

    An IPython profile could change any result; MPLBACKEND=agg would leave out every figure. What kernels and
    runs keep in files while they run lies in one folder, which is removed at the end.
    """
    before = dict(os.environ)
    with temporary.folder() as folder:
        os.environ.pop("MPLBACKEND", None)
        for name in ("IPYTHONDIR", "JUPYTER_RUNTIME_DIR", "TMPDIR", "TEMP", "TMP"):
            os.environ[name] = str(folder / name.lower())
            (folder / name.lower()).mkdir()
        given, tempfile.tempdir = tempfile.tempdir, os.environ["TMPDIR"]
        try:
            yield
        finally:
            tempfile.tempdir = given
            os.environ.clear()
            os.environ.update(before)


def execute(
    run: Run,
    target: Path,
    watched: Path | None = None,
    on_cell: OnCell | None = None,
    manager: type | None = None,
) -> tuple[float, BaseException | None]:
    """Execute one notebook into ``target``; return the time it took [s] and the exception, if one came.

    ``manager``: the class of kernel manager that starts the kernel, if not the ordinary one. Every path is
    absolute and no directory is changed: papermill's ``cwd`` is not safe among threads.
    """
    target.unlink(missing_ok=True)
    options = {"engine_name": "study", "progress_bar": False, "autosave_cell_every": 0}
    options |= {"kernel_manager_class": manager} if manager else {}
    start, error = time.perf_counter(), None
    try:
        papermill.execute_notebook(
            str(run.notebook), str(target), dict(run.parameters),
            config=kernel_config(watched), on_cell=on_cell, **options,
        )  # fmt: skip
    except Exception as raised:  # whatever a notebook does, the others go on
        error = raised
    finally:
        # Jupyter opens a loop in each thread and leaves it open; this thread will have no use for it.
        ensure_event_loop().close()
    return time.perf_counter() - start, error


# --- what is made of it ---------------------------------------------------------------


def work(
    run: Run, source: bytes, digest: str, on_cell: OnCell | None = None, manager: type | None = None
) -> Finished:
    """Execute a notebook, given as the content of its file, and make all that the run leaves."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        given, target, watched = (Path(folder) / name for name in (run.notebook.name, "out.ipynb", "reads"))
        given.write_bytes(source)
        local = Run(run.name, given, run.parameters, run.scenario)
        seconds, error = execute(local, target, watched, on_cell, manager)
        # A kernel that never started leaves nothing behind: the report then shows the notebook as it was.
        notebook = nbformat.read(target if target.exists() else given, as_version=4)
        known, data = inputs.inputs(given), reads.noted(watched, run.parameters)
    failure = failure_of(notebook, error) if error else None
    record = {
        "version": index.VERSION,
        "name": run.name,
        "notebook": run.notebook.name,
        "scenario": run.scenario,
        "parameters": dict(run.parameters),
        "inputs": described(known, run.parameters),
        "data": data,
        "versions": uptodate.versions(),
        "seconds": round(seconds, 2),
        "finished": datetime.now(UTC).strftime("%Y-%m-%d %H:%M"),
        "failure": asdict(failure) if failure else None,
    }
    return finish(run, notebook, record, digest)


def finish(run: Run, notebook: nbformat.NotebookNode, record: dict[str, Any], digest: str) -> Finished:
    """Put the record into its executed notebook, without this machine's paths, and make the report."""
    html.tidy(notebook)
    notebook.metadata["study"] = json.loads(json.dumps(record))
    page = html.export(notebook, run.notebook.parent)
    card = asdict(index.card(notebook, f"{run.name}.html"))
    extra = {"digest": digest, "rows": results.recorded_rows(notebook), "card": card}
    return Finished(page, nbformat.writes(notebook), record | extra)


def described(known: Mapping[str, inputs.Input], given: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Every parameter of a run as a line of a table: value, unit, meaning, default, whether it differs."""
    lines = []
    for name, line in known.items():
        value = given.get(name, line.default)
        about = {"name": name, "value": value, "unit": line.unit, "meaning": line.meaning}
        lines.append(about | {"default": line.default, "changed": value != line.default})
    return lines


def failure_of(notebook: nbformat.NotebookNode, error: BaseException) -> Failure:
    """The cell that was running when the error came, and the error in one line."""
    cell = getattr(error, "exec_count", None)
    if cell is None:
        started = [c.execution_count for c in notebook.cells if c.get("execution_count")]
        cell = max(started, default=None)
    kind = getattr(error, "ename", type(error).__name__)
    message = getattr(error, "evalue", str(error)).strip().splitlines()
    return Failure(cell, html.without_paths(": ".join([kind, *message[:1]])))
