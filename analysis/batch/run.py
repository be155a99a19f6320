"""Run notebooks side by side, each in a fresh kernel, and leave HTML reports, an index and their numbers.

One process drives all kernels: importing papermill costs more than starting a kernel, and threads are
enough because the work happens in the kernels.

A folder of reports holds ``index.html``, ``results.csv`` and ``.parquet``, and for each run ``NAME.html``,
``NAME.csv`` (its numbers) and ``executed/NAME.ipynb``, the notebook with what it printed and drew. What a run
leaves about itself, ``executed/NAME.json``, is written last: a run that has it was finished, whatever
happened afterwards, and the index is made from these records alone.
"""

import json
import os
import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from analysis import alone, spreadsheets, unusual, writable
from analysis import home as study
from analysis.batch import grid, inputs, pool, uptodate
from analysis.batch.execution import Failure, Finished, Run
from analysis.batch.progress import Lines
from analysis.batch.progress import shown as shown_progress
from analysis.cluster import check_address, check_answers
from analysis.pages import files, index, results
from analysis.parameters import PARAMETERS, ParameterError, nearest


@dataclass(frozen=True)
class Outcome:
    """What became of a run: its report and its record; ``fresh`` if it was executed now."""

    run: Run
    html: Path
    record: Mapping[str, Any]
    fresh: bool = True

    @property
    def failure(self) -> Failure | None:
        """The failure, if there was one."""
        return Failure(**self.record["failure"]) if self.record["failure"] else None

    def row(self) -> dict[str, Any]:
        """The outcome as one row of plain values, for JSON."""
        failure = self.record["failure"] or {"cell": None, "error": None}
        return {
            "name": self.run.name,
            "notebook": self.run.notebook.name,
            "scenario": self.run.scenario,
            "parameters": dict(self.run.parameters),
            "ok": self.failure is None,
            "up_to_date": not self.fresh,
            "seconds": self.record["seconds"],
            "html": str(self.html),
            "failed_cell": failure["cell"],
            "error": failure["error"],
            "results": self.record["rows"],
        }


def report(
    notebooks: Sequence[str | Path],
    parameters: Mapping[str, Any],
    out: Path,
    workers: int | None = None,
    progress: Lines | None = None,
    *,
    scenarios: grid.Grid | None = None,
    scheduler: str | None = None,
    force: bool = False,
) -> list[Outcome]:
    """Execute notebooks (all of ``notebooks/`` if none is named) and write their reports into ``out``.

    A parameter is given to every notebook that has it; a grid makes several runs of each. A run whose report
    is up to date is not executed again, unless ``force``. A failed notebook is reported like the others and
    does not stop them. Interrupted, it leaves the reports that were finished and their index.

    Raises :class:`ParameterError`, before any kernel starts, for a notebook that does not exist, for a
    parameter that none of the notebooks has or a value it does not take, for a notebook that its own result
    would overwrite, and for a scheduler that does not answer; UserError for a folder that cannot be written.
    """
    if progress is None:
        with shown_progress() as progress:
            return report(
                notebooks, parameters, out, workers, progress,
                scenarios=scenarios, scheduler=scheduler, force=force,
            )  # fmt: skip
    check_address(scheduler)
    scenarios = scenarios or grid.Grid()
    runs = plan(find(notebooks or scenarios.notebooks), parameters, progress, scenarios)
    if any(run.notebook.parent == out.resolve() / index.EXECUTED for run in runs):
        raise ParameterError(f"notebooks lie where their results go; choose another folder than '{out}'")
    check_answers(scheduler)
    executed = out / index.EXECUTED
    for place in (out, executed):
        writable.folder(place)
    executed.mkdir(parents=True, exist_ok=True)
    with alone.in_folder(executed, out):
        return _report(runs, out, workers, scheduler, progress, force)


def _report(
    runs: Sequence[Run], out: Path, workers: int | None, scheduler: str | None, progress: Lines, force: bool
) -> list[Outcome]:
    """Execute runs, less those that are up to date, into a folder that is this batch's alone."""
    for line in remarks(runs):
        progress.tell(line)
    tasks = [_task(run) for run in runs]
    current = {} if force else _current(tasks, out)
    waiting = [task for task in tasks if task.run.name not in current]
    _announce(len(runs), len(current), waiting, workers, scheduler, progress)
    outcomes = dict(current)
    start = time.perf_counter()
    try:
        # Closed at once where the loop is left early: kernels end before the folder is let go.
        with closing(execute_all(waiting, out, workers, scheduler, progress)) as finished:
            for outcome in finished:
                outcomes[outcome.run.name] = outcome
                done = len(outcomes) - len(current)
                progress.done(outcome.run.name, f"[{done}/{len(waiting)}] {told(outcome)}")
    finally:
        page = gather(out)
    for line in index.unreadable(out):
        progress.tell(f"note: {line}")
    failed = sum(outcome.failure is not None for outcome in outcomes.values())
    progress.tell(
        f"{count(len(runs), 'report')} in {time.perf_counter() - start:.0f} s"
        f"{f', {failed} failed' if failed else ''}: open {page}"
    )
    return [outcomes[run.name] for run in runs]


def remarks(runs: Sequence[Run]) -> list[str]:
    """Lines on values given to runs that are allowed and hardly meant, each once."""
    found: dict[str, None] = {}
    for run in runs:
        given = {name.removesuffix("_values"): value for name, value in run.parameters.items()}
        known = {name: value for name, value in given.items() if name in PARAMETERS and value is not None}
        found |= dict.fromkeys(unusual.lines(unusual.remarks(known)))
    return list(found)


def _announce(
    total: int,
    current: int,
    waiting: Sequence[pool.Task],
    workers: int | None,
    scheduler: str | None,
    progress: Lines,
) -> None:
    """Say what will be done before it begins."""
    if current:
        progress.tell(f"{count(current, 'report')} of {total} up to date, not run again (--force runs all)")
    if waiting:
        where = f"on the workers of {scheduler}" if scheduler else f"{_width(workers, waiting)} at a time"
        progress.tell(f"Running {count(len(waiting), 'notebook')}, {where}")
        progress.begin(len(waiting))


def _width(workers: int | None, tasks: Sequence[pool.Task]) -> int:
    """How many notebooks run at a time: as asked, one a core if not, never more than there are."""
    return min(workers or os.cpu_count() or 1, len(tasks))


def execute_all(
    tasks: Sequence[pool.Task], out: Path, workers: int | None, scheduler: str | None, progress: Lines
) -> Generator[Outcome]:
    """Execute tasks here or on a cluster; yield each outcome, all its files written, as it is finished."""
    if not tasks:
        return
    if scheduler:
        finished = pool.cluster(tasks, scheduler, progress)
    else:
        finished = pool.threads(tasks, _width(workers, tasks), progress)
    with closing(finished):
        for run, made in finished:
            yield keep(run, made, out)


def keep(run: Run, made: Finished, out: Path) -> Outcome:
    """Write all that a run leaves; its record last, since it says that the rest is there."""
    executed = out / index.EXECUTED
    page = files.write(out / f"{run.name}.html", made.page)
    files.write(executed / f"{run.name}.ipynb", made.notebook)
    numbers = out / f"{run.name}.csv"
    if made.record["rows"]:
        files.write(numbers, spreadsheets.csv(results.table(made.record)))
    else:
        numbers.unlink(missing_ok=True)
    files.write(executed / f"{run.name}.json", json.dumps(made.record, indent=1))
    return Outcome(run, page, made.record)


def gather(out: Path) -> Path:
    """Write the index and the table of results over all reports of a folder; return the index."""
    for folder in (out, out / index.EXECUTED):
        files.remove_halves(folder)
    records = list(index.records(out))
    results.write(results.gather(records), out)
    return index.write(out, records)


def count(number: int, noun: str) -> str:
    """A number with its noun: ``1 report``, ``2 reports``."""
    return f"{number} {noun}" + ("" if number == 1 else "s")


def told(outcome: Outcome) -> str:
    """One line about a finished run."""
    name, seconds = outcome.run.name, f"{outcome.record['seconds']:.1f} s"
    if outcome.failure is None:
        return f"{name}: done in {seconds}"
    place = f" in cell [{outcome.failure.cell}]" if outcome.failure.cell else ""
    return f"{name}: FAILED{place} after {seconds}: {outcome.failure.error}"


# --- what is up to date ---------------------------------------------------------------


def _task(run: Run) -> pool.Task:
    source = run.notebook.read_bytes()
    return pool.Task(run, source, uptodate.digest(source, run.parameters))


def _current(tasks: Sequence[pool.Task], out: Path) -> dict[str, Outcome]:
    """The runs whose reports would come out the same, by name."""
    found = {record["name"]: record for record in index.records(out)}
    return {
        run.name: Outcome(run, out / f"{run.name}.html", found[run.name], fresh=False)
        for run, _, digest in tasks
        if run.name in found and uptodate.holds(found[run.name], digest)
    }


# --- which notebooks, which parameters -------------------------------------------------


def home() -> Path:
    """The folder of the study's notebooks: here, beside the package, or what a wheel carried."""
    here = Path("notebooks")
    return here if here.is_dir() else study.STUDY / "notebooks"


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
    for path in (name, study.STUDY / name, home() / name, home() / f"{name}.ipynb"):
        if path.is_file():
            return path.resolve()
    known = sorted(path.stem for path in home().glob("*.ipynb"))
    near = next((one for one in known if one.startswith(f"{name.stem}-")), "") or nearest(name.stem, known)
    hint = f"; did you mean '{near}'?" if near else ""
    raise ParameterError(f"there is no notebook '{name}'{hint}")


def plan(
    notebooks: Sequence[Path], parameters: Mapping[str, Any], progress: Lines, scenarios: grid.Grid
) -> list[Run]:
    """The runs: one per notebook and scenario, each with those parameters that its notebook has.

    Raises :class:`ParameterError` for a parameter that no notebook has, for a value that a parameter does not
    take, for two notebooks of one name and for a file that is no notebook.
    """
    stems = [path.stem for path in notebooks]
    for stem in stems:
        if stems.count(stem) > 1 or stem in ("index", "results"):
            raise ParameterError(f"'{stem}' cannot name two pages of one folder of reports")
    known = {path: inputs.inputs(path) for path in notebooks}
    inputs.check_names([*parameters, *sorted(scenarios.names)], known)
    twice = sorted(scenarios.names & set(parameters))
    if twice:
        raise ParameterError(f"'{twice[0]}' is set by -p and by the grid; leave one of them out")
    runs = [run for path in notebooks for run in _runs_of(path, known[path], parameters, scenarios, progress)]
    if not runs:
        raise ParameterError(f"none of the notebooks has all of {', '.join(sorted(scenarios.names))}")
    return runs


def _runs_of(
    path: Path,
    known: Mapping[str, inputs.Input],
    parameters: Mapping[str, Any],
    scenarios: grid.Grid,
    progress: Lines,
) -> Iterator[Run]:
    """The runs of one notebook, its parameters checked; none if it lacks a parameter of the grid."""
    lacking = [name for name in sorted(scenarios.names) if name not in known]
    if lacking:
        progress.tell(f"{path.stem}: has no parameter {', '.join(lacking)}; left out of the grid")
        return
    lacking = [name for name in parameters if name not in known]
    if lacking:
        progress.tell(f"{path.stem}: has no parameter {', '.join(lacking)}; runs without it")
    common = {name: value for name, value in parameters.items() if name not in lacking}
    for scenario, values in scenarios.scenarios.items():
        given = {name: inputs.check_value(known[name], value) for name, value in {**common, **values}.items()}
        yield Run(f"{path.stem}--{scenario}" if scenario else path.stem, path, given, scenario)
