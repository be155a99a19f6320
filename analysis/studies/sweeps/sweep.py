"""Sweeps: a design evaluated into a Parquet dataset and reductions, in bounded memory, by one machine or
many.

Rows are evaluated in stretches and written in parts, one file each; a part is whole or not there. What has
been done stands in ``sweep.json`` and the sums of reductions in ``sums.npz``, so that the same call carries
on where it stopped. Who makes parts, `makers` says.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
import zipfile
import zlib
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from analysis import alone, cluster, spreadsheets, whole, writable
from analysis.arrays import Columns
from analysis.model.engine import Way, cores, way_for
from analysis.model.migration import CODED, evaluate
from analysis.parameters import OUTCOMES, ParameterError
from analysis.studies.sweeps import designs, makers, reductions
from analysis.studies.sweeps.designs import CHUNK, Design

PART = 4 * CHUNK
"""Rows of a part: half a million, some tens of megabytes."""
WORTH_POOL = 4 * PART
"""Rows from which processes of their own pay."""
SAVE_EVERY_S = 30.0
"""How often the sums of reductions are written down."""
FORMAT = 2
ENDS = ("parquet", "csv")
"""Forms of a reduction's table."""


@dataclass(frozen=True)
class Swept:
    """What a sweep made: rows in all and of this call, seconds it took, tables of reductions, its folders.

    ``path``: the folder of the rows, with nothing else in it, so that pandas, DuckDB and Polars read it as it
    lies (without rows it is ``beside``). ``beside``: the folder of the reductions and of what has been done.
    """

    rows: int
    new_rows: int
    seconds: float
    path: Path
    beside: Path
    tables: Mapping[str, pd.DataFrame]

    @property
    def rows_per_s(self) -> float:
        """Rows of this call over the seconds it took."""
        return self.new_rows / self.seconds if self.new_rows else 0.0


def sweep(
    design: Design | Mapping[str, Any] | str | Path,
    out: str | Path,
    *,
    workers: int | None = None,
    scheduler: str | None = None,
    rows: bool = True,
    force: bool = False,
    host_file: str | Path = "",
    preset: str = "",
    progress: Callable[[int, int], None] | None = None,
) -> Swept:
    """Evaluate a design: its rows into a folder of ``part-*.parquet``, its reductions into one beside it.

    Beside ``out`` lies ``out.sweep`` with each reduction as Parquet and as CSV, and with what has been done.

    Parameters
    ----------
    design
        A :class:`.designs.Design`, the mapping of a design file, or the path of one.
    out
        Folder of the dataset. A sweep of the same design that was stopped in it is carried on; one of
        another design is a ParameterError, unless ``force`` gives leave to remove it.
    workers
        Processes; one for each processor if not given.
    scheduler
        Address of a Dask scheduler instead; its workers must see the folder by the same path.
    rows
        False writes reductions only: a map of a billion rows needs no billion rows on disk.
    host_file, preset
        A calibrated host and a version of Windows Server, if the design names none: what it does not say is
        theirs (:func:`analysis.studies.hosts.host.on`).
    progress
        Called with rows done and rows in all, now and then.

    Raises
    ------
    ParameterError
        For a design that is none, a folder with something else in it, or a scheduler that does not answer.
    UserError
        For a folder that cannot be written, before anything is evaluated.
    """
    design = _design(design).on(host_file, preset)
    cluster.check_address(scheduler)
    if not rows and not design.reduce:
        raise ParameterError("a sweep without rows and without reductions makes nothing")
    cluster.check_answers(scheduler)
    begun = time.monotonic()
    folder = Path(out)
    for place in (folder, beside(folder)) if rows else (beside(folder),):
        writable.folder(place)
        place.mkdir(parents=True, exist_ok=True)
    with alone.in_folder(beside(folder), folder):
        state = _State(design, folder, rows, force)
        new = _made(state, workers, scheduler, progress or (lambda done, total: None))
        tables = _tables(state)
    taken = time.monotonic() - begun
    path = state.folder if rows else state.beside
    return Swept(design.rows, new, taken, path, state.beside, tables)


def _made(
    state: _State, workers: int | None, scheduler: str | None, report: Callable[[int, int], None]
) -> int:
    """Make the parts that are left; the number of rows that were made."""
    design = state.design
    done_before = state.rows_done
    todo = [k for k in range(_parts(design)) if k not in state.done]
    report(state.rows_done, design.rows)
    try:
        with closing(_making(state, workers or cores(), scheduler, todo)) as making:
            for part, sums in making:
                state.add(part, sums)
                report(state.rows_done, design.rows)
    finally:
        state.save()
    return state.rows_done - done_before


def _tables(state: _State) -> dict[str, pd.DataFrame]:
    """The tables of a sweep's reductions, written down; what killed runs left half written goes."""
    tables = {name: reduction.result(state.sums[name]) for name, reduction in state.reductions.items()}
    for name, table in tables.items():
        whole.write(state.beside / f"{name}.parquet", table.to_parquet())
        whole.write(state.beside / f"{name}.csv", spreadsheets.csv(table))
    for stray in state.folder.glob(".part-*"):  # by a process that was killed
        stray.unlink(missing_ok=True)
    whole.remove_halves(state.beside)
    return tables


def _design(given: Any) -> Design:
    if isinstance(given, Design):
        return given
    return designs.parse(given) if isinstance(given, Mapping) else designs.read(Path(given))


def _parts(design: Design) -> int:
    return -(-design.rows // PART)


def _rows_of(design: Design, part: int) -> int:
    return min(PART, design.rows - part * PART)


# --- what has been done -------------------------------------------------------------------------


class _State:
    """The folders of a sweep: which parts are done, and the sums of its reductions so far."""

    def __init__(self, design: Design, folder: Path, rows: bool, force: bool) -> None:
        self.folder, self.rows, self.design = folder, rows, design
        self.beside = beside(folder)
        self.reductions = reductions.made(design)
        self.sums = {
            name: np.zeros(reduction.size, np.int64 if reduction.counts else float)
            for name, reduction in self.reductions.items()
        }
        self.done: set[int] = set()
        self._saved = time.monotonic()
        self._whole = True
        self.digest = _digest(design, rows)
        places = [place for place in (folder, self.beside) if place.is_dir()]
        empty = not any(file.name != alone.LOCK for place in places for file in place.iterdir())
        if not empty and not self._carry_on():
            self._clear(force)
        self.save()

    @property
    def rows_done(self) -> int:
        """Rows of the parts that are done."""
        return sum(_rows_of(self.design, part) for part in self.done)

    def _carry_on(self) -> bool:
        """Take up what an earlier call has done of the same sweep; False if there is no such thing."""
        if self._book().get("digest") != self.digest:
            return False
        try:
            with (self.beside / "sums.npz").open("rb") as file, np.load(file) as saved:
                sums = {name: saved[f"of {name}"] for name in self.sums}
                done = set(saved["done"].tolist())
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error):
            return True  # of this sweep, but what is done is not known: begin anew
        there = {k for k in done if not self.rows or self._is_whole(k)}
        # A part that is gone was counted already: begin anew rather than count it twice.
        if there == done or not sums:
            self.sums, self.done = sums, there
        return True

    def _book(self) -> dict[str, Any]:
        """What ``sweep.json`` says; nothing if it is none of a sweep."""
        try:
            book = json.loads((self.beside / "sweep.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        ours = isinstance(book, dict) and "digest" in book and isinstance(book.get("design"), dict)
        return book if ours else {}

    def _is_whole(self, part: int) -> bool:
        """True where the file of a part is there to its end: what it holds stands there."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        try:
            rows: int = pq.read_metadata(_part_file(self.folder, part)).num_rows
        except (OSError, pa.ArrowInvalid):
            return False
        return rows == _rows_of(self.design, part)

    def _clear(self, force: bool) -> None:
        """Remove the files of another sweep, and no others."""
        book = self._book()
        if not book:
            raise ParameterError(
                f"the folder '{self.folder}' holds something else than a sweep: name another"
            )
        if not force:
            raise ParameterError(
                f"the folder '{self.folder}' holds a sweep of another design, or by another version of the "
                "model: name another, or give leave to remove it with --force"
            )
        reduced = [f"{Path(name).name}.{end}" for name in book["design"].get("reduce", {}) for end in ENDS]
        # The book last: a removal that is stopped can be taken up.
        for pattern in (
            "part-*.parquet",
            ".part-*",
            *reduced,
            ".*.part",
            "sums.npz",
            "sweep.json",
        ):
            for place in (self.folder, self.beside):
                for file in place.glob(pattern):
                    file.unlink()

    def add(self, part: int, sums: Mapping[str, tuple[np.ndarray, np.ndarray]]) -> None:
        """A part is done."""
        self._whole = False
        for name, (where, amount) in sums.items():
            self.sums[name][where] += amount
        self.done.add(part)
        self._whole = True
        if time.monotonic() - self._saved > SAVE_EVERY_S:
            self.save()

    def save(self) -> None:
        """Write down what is done, whole or not at all; nothing where :meth:`add` was stopped halfway."""
        if not self._whole:
            return
        book = {
            "format": FORMAT,
            "digest": self.digest,
            "design": _plain(self.design),
            "rows": self.design.rows,
            "rows_done": self.rows_done,
            "parts_hold_rows": self.rows,
        }
        # The book first, since a folder without it is no sweep's.
        whole.write(self.beside / "sweep.json", json.dumps(book, indent=1))
        named: dict[str, Any] = {f"of {name}": sums for name, sums in self.sums.items()}
        with whole.replaced(self.beside / "sums.npz") as half, half.open("wb") as file:
            np.savez(file, done=np.array(sorted(self.done), np.int64), **named)
        self._saved = time.monotonic()


def beside(folder: Path) -> Path:
    """Where what is not a row of a sweep into a folder lies: ``out.sweep`` beside ``out``."""
    whole = folder if folder.name else folder.resolve()
    return whole.with_name(f"{whole.name}.sweep")


def _plain(design: Design) -> dict[str, Any]:
    """A design as JSON can hold it."""
    body = asdict(design)
    for axis in body["axes"]:
        if axis["values"] is not None:
            axis["values"] = axis["values"].tolist()
    plain: dict[str, Any] = json.loads(json.dumps(body, default=str).replace("NaN", "null"))
    return plain


def _digest(design: Design, rows: bool) -> str:
    """What a sweep's content follows from: the design, what is written, the code of the model."""
    text = json.dumps([FORMAT, _plain(design), rows, _code()], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _code() -> str:
    """A digest of the code that computes outcomes: another model is another sweep."""
    package = Path(__file__).resolve().parents[2]
    files = [*sorted((package / "model").rglob("*.py")), package / "parameters.py"]
    files += [
        Path(__file__).with_name(f"{name}.py") for name in ("counting", "designs", "reductions", "tally")
    ]
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()


# --- parts --------------------------------------------------------------------------------------


def _part_file(folder: Path, part: int) -> Path:
    return folder / f"part-{part:06d}.parquet"


def make_part(
    design: Design, part: int, folder: str | None, way: Way
) -> tuple[int, dict[str, tuple[np.ndarray, np.ndarray]]]:
    """Evaluate the rows of one part; write them to its file, and return what they add to reductions."""
    kept = _Columns(design, _rows_of(design, part)) if folder else None
    wanted = reductions.made(design)
    gathering = reductions.Gathering(wanted, way.name == "compiled")
    needed = {*(design.outcomes if kept else ()), *(reduction.of for reduction in wanted.values())}
    for start in range(part * PART, part * PART + _rows_of(design, part), CHUNK):
        rows = min(CHUNK, design.rows - start)
        columns, places = design.stretch(start)
        outcomes = evaluate(columns, way, needed)
        if kept:
            kept.put(start - part * PART, rows, columns, outcomes, places)
        gathering.take(places, outcomes, rows)
    if folder and kept:
        kept.write(_part_file(Path(folder), part))
    return part, gathering.made()


class _Columns:
    """The columns of one part: parameters that vary and outcomes, names as numbers of a dictionary."""

    def __init__(self, design: Design, rows: int) -> None:
        number = np.float32 if design.precision == "single" else np.float64
        words = [axis for axis in design.axes if axis.is_text]
        self.names = {axis.name: axis.cells(None) for axis in words}
        self.names |= {name: CODED[name] for name in design.outcomes if name in CODED}
        kinds = dict.fromkeys([*self.names, "passes"], np.int32) | {"converged": bool}
        columns = (*design.names, *design.outcomes)
        self.arrays = {name: np.empty(rows, kinds.get(name, number)) for name in columns}

    def put(self, at: int, rows: int, columns: Columns, outcomes: Columns, places: Columns) -> None:
        """Take over a stretch of rows; words by their place on their axis."""
        for name, array in self.arrays.items():
            values = outcomes[name] if name in OUTCOMES else columns[name]
            array[at : at + rows] = places[name] if name in self.names and name in places else values

    def write(self, file: Path) -> None:
        """Write the part, whole or not at all."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        columns = {name: self._arrow(pa, name, array) for name, array in self.arrays.items()}
        # No value is ever missing; a file that could say so takes three times as long to write.
        fields = [pa.field(name, column.type, nullable=False) for name, column in columns.items()]
        schema = pa.schema(fields, {"migration_study_sweep": str(FORMAT)})
        temporary = file.with_name(f".{file.name}.{os.getpid()}")
        try:
            # Numbers of random scenarios do not compress; names do, by their dictionary.
            pq.write_table(
                pa.table(columns, schema), temporary, compression="none", use_dictionary=list(self.names),
                write_statistics=False, write_batch_size=len(next(iter(self.arrays.values()))),
            )  # fmt: skip
            os.replace(temporary, file)
        finally:
            temporary.unlink(missing_ok=True)

    def _arrow(self, pa: Any, name: str, array: np.ndarray) -> Any:
        if name not in self.names:
            return pa.array(array)
        return pa.DictionaryArray.from_arrays(pa.array(array), pa.array(self.names[name].tolist()))


def _making(
    state: _State, workers: int, scheduler: str | None, todo: Sequence[int]
) -> Generator[tuple[int, Any]]:
    """Parts as they are finished, by whoever makes them."""
    design = state.design
    place = str(state.folder.resolve()) if state.rows else None
    # By all rows, though some may be done: a sweep that is carried on is computed the same way.
    way = way_for(design.rows)
    if not scheduler and (workers == 1 or design.rows - state.rows_done < WORTH_POOL):
        return makers.made_here(partial(_part, design, place, way), todo)
    make = partial(_part, design, place, Way(way.name))
    if scheduler:
        return makers.made_by_cluster(make, todo, scheduler)
    return makers.made_by_pool(make, todo, workers)


def _part(design: Design, folder: str | None, way: Way, part: int) -> tuple[int, Any]:
    return make_part(design, part, folder, way)
