"""Sweeps into a folder: the same rows however they were made, carried on, and nothing else touched."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from click.testing import CliRunner

from analysis import migrate
from analysis.__main__ import main
from analysis.errors import UserError
from analysis.parameters import OUTCOMES, ParameterError
from analysis.studies.sweeps import designs
from analysis.studies.sweeps import sweep as sweeps
from analysis.studies.sweeps.sweep import PART, _State, beside, sweep

DESIGN = {
    "parameters": {
        "transport": ["tcpip", "compression", "smb"],
        "stop_rule": ["hyperv", "hyperv_2008r2"],
        "bandwidth_gbps": [1, 10],
        "dirty_pages_per_s": {"from": 0, "to": 1e6, "count": 20},
        "working_set_gib": {"from": 0.1, "to": 0.9, "count": 3, "of": "memory_gib"},
        "memory_gib": {"from": 1, "to": 64, "count": 4, "spacing": "log"},
        "network": "shared",
    },
    "reduce": {
        "done": {"quantiles": "total_s", "by": ["bandwidth_gbps"]},
        "file": {"best": "total_s", "over": "transport", "by": ["bandwidth_gbps", "dirty_pages_per_s"]},
    },
}
ROWS = 3 * 2 * 2 * 20 * 3 * 4
RULES = {
    "parameters": {
        "stop_rule": ["hyperv", "qemu", "xen", "simgrid"],
        "dirty_pages_per_s": [0, 1e4, 1e6],
        "bandwidth_gbps": [1, 10],
        "memory_gib": [1, 4],
        "pass_limit": [None, 3],
    }
}
RANDOM = {
    "parameters": {
        "memory_gib": {"from": 1, "to": 64, "spacing": "log"},
        "dirty_pages_per_s": {"from": 0, "to": 1e5},
        "transport": ["tcpip", "smb"],
    },
    "rows": 5_000,
    "seed": 7,
    "outcomes": ["total_s", "limited_by", "passes"],
    "reduce": {"spread": {"quantiles": "total_s", "by": {"memory_gib": 5}}},
}


@pytest.fixture
def small(monkeypatch):
    """Parts of 400 rows, in this process: a small sweep has several."""
    for module in (designs, sweeps):
        monkeypatch.setattr(module, "CHUNK", 200)
    monkeypatch.setattr(sweeps, "PART", 400)


def rows_in(folder: Path) -> pd.DataFrame:
    """All rows of a dataset."""
    return pd.concat([pd.read_parquet(part) for part in parts(folder)], ignore_index=True)


def parts(folder: Path) -> list[Path]:
    """Files of its parts, in order."""
    return sorted(Path(folder).glob("part-*.parquet"))


def same(one, other) -> None:
    """Two sweeps have the same rows and reductions, to the last bit."""
    assert [p.name for p in parts(one.path)] == [p.name for p in parts(other.path)]
    for mine, its in zip(parts(one.path), parts(other.path), strict=True):
        assert mine.read_bytes() == its.read_bytes()
    assert one.tables.keys() == other.tables.keys()
    for name, table in one.tables.items():
        pd.testing.assert_frame_equal(table, other.tables[name], check_exact=True)


def stopping(after: int):
    """A callback of progress that stops a sweep when so many rows are done."""

    def progress(done, total):
        if done >= after:
            raise KeyboardInterrupt

    return progress


def by_name(table: pd.DataFrame) -> pd.DataFrame:
    """A table whose names are texts instead of categories."""
    words = table.select_dtypes(["category", "object", "str"]).columns
    return table.astype(dict.fromkeys(words, object))


# --- rows ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("design", [DESIGN, RULES, RANDOM], ids=["grid", "rules", "random"])
@pytest.mark.parametrize(("precision", "rtol"), [("double", 1e-9), ("single", 1e-5)])
def test_rows_are_what_migrate_says_of_them(tmp_path, small, design, precision, rtol):
    """Every row of a dataset holds the outcomes that migrate has for its parameters, names decoded."""
    swept = sweep({**design, "precision": precision}, tmp_path / "s")
    rows = rows_in(swept.path)
    outcomes = list(design.get("outcomes", OUTCOMES))
    varying = [name for name in rows if name not in OUTCOMES]
    # Parameters as the model had them, before they were written in single precision.
    given = rows_in(sweep(design, tmp_path / "double").path)[varying]
    expected = migrate(by_name(given), network=design["parameters"].get("network", "dedicated"))
    assert len(rows) == swept.rows == swept.new_rows == designs.parse(design).rows
    assert list(rows) == [*varying, *outcomes]
    expected = by_name(expected)[outcomes]
    pd.testing.assert_frame_equal(by_name(rows)[outcomes], expected, rtol=rtol, atol=1e-9, check_dtype=False)
    assert rows.total_s.dtype == (np.float32 if precision == "single" else np.float64)
    assert rows.limited_by.dtype == "category"
    assert rows.passes.dtype == np.int32


@pytest.mark.parametrize("rule", ["qemu", "xen", "simgrid"])
def test_one_stop_rule_holds_for_all_rows(tmp_path, rule, monkeypatch):
    """A rule that does not vary, of the kind that the kernel leaves to the laws, holds for every row."""
    monkeypatch.setenv("MIGRATION_STUDY_KERNEL", "laws")
    swept = sweep({"parameters": {"stop_rule": rule, "dirty_pages_per_s": [0, 1e3, 1e6, 1e8]}}, tmp_path)
    expected = migrate(stop_rule=rule, dirty_pages_per_s=[0, 1e3, 1e6, 1e8])
    assert rows_in(swept.path).total_s.tolist() == pytest.approx(expected.total_s.tolist())


def test_constants_alone_are_a_sweep(tmp_path):
    """A design in which nothing varies has one row, or as many as it asks for."""
    one = sweep({"parameters": {"memory_gib": 4}}, tmp_path / "one")
    assert rows_in(one.path).total_s.tolist() == pytest.approx(migrate(memory_gib=4).total_s.tolist())
    many = sweep({"parameters": {"memory_gib": 4}, "rows": 3}, tmp_path / "many")
    assert rows_in(many.path).total_s.tolist() == rows_in(one.path).total_s.tolist() * 3


def test_reductions_are_files_too(tmp_path, small):
    """Each table lies beside the parts as Parquet, and says what the rows say."""
    swept = sweep(DESIGN, tmp_path)
    rows = rows_in(tmp_path)
    for name, table in swept.tables.items():
        pd.testing.assert_frame_equal(pd.read_parquet(beside(tmp_path) / f"{name}.parquet"), table)
    exact = rows.groupby("bandwidth_gbps").total_s.quantile(0.5, interpolation="lower")
    assert swept.tables["done"].q50.tolist() == pytest.approx(exact.tolist(), rel=0.005)


def test_reductions_only_write_no_part(tmp_path, small):
    """Without rows the tables are the same and no part is written; without both there is nothing to do."""
    full, bare = sweep(DESIGN, tmp_path / "full"), sweep(DESIGN, tmp_path / "bare", rows=False)
    assert not parts(bare.path)
    for name, table in full.tables.items():
        pd.testing.assert_frame_equal(bare.tables[name], table)
    with pytest.raises(ParameterError, match="without rows and without reductions makes nothing"):
        sweep({"parameters": {"memory_gib": 1}}, tmp_path / "none", rows=False)


# --- carrying on --------------------------------------------------------------------------------


@pytest.mark.parametrize("rows", [True, False], ids=["rows", "reductions"])
def test_stopped_sweep_is_carried_on(tmp_path, small, rows):
    """Stopped between parts it makes only those that are left, and ends like one that was not stopped."""
    whole = sweep(DESIGN, tmp_path / "whole", rows=rows)
    with pytest.raises(KeyboardInterrupt):
        sweep(DESIGN, tmp_path / "cut", rows=rows, progress=stopping(1_200))
    written = {part: part.stat().st_mtime_ns for part in parts(tmp_path / "cut")}
    assert len(written) == (3 if rows else 0)
    said = []
    cut = sweep(DESIGN, tmp_path / "cut", rows=rows, progress=lambda *done: said.append(done))
    assert said[0] == (1_200, ROWS)
    assert said[-1] == (ROWS, ROWS)
    assert cut.new_rows == ROWS - 1_200
    assert {part: part.stat().st_mtime_ns for part in written} == written
    same(whole, cut)
    assert sweep(DESIGN, tmp_path / "cut", rows=rows).new_rows == 0


def test_part_counted_halfway_is_made_again(tmp_path, small, monkeypatch):
    """Stopped amid the adding of sums, no part counts twice."""
    whole = sweep(DESIGN, tmp_path / "whole")

    class Stopping(dict):
        def items(self):
            yield from list(super().items())[:1]
            raise KeyboardInterrupt

    add = _State.add

    def adding(state, part, sums):
        add(state, part, Stopping(sums) if part == 4 else sums)

    monkeypatch.setattr(_State, "add", adding)
    with pytest.raises(KeyboardInterrupt):
        sweep(DESIGN, tmp_path / "cut")
    monkeypatch.setattr(_State, "add", add)
    same(whole, sweep(DESIGN, tmp_path / "cut"))


@pytest.mark.parametrize("reduce", [True, False], ids=["reductions", "rows"])
@pytest.mark.parametrize("harm", ["missing", "short", "empty"])
def test_damaged_part_is_made_again(tmp_path, small, reduce, harm):
    """A part that is gone or cut short is made anew and counts once; without sums the others are kept."""
    design = DESIGN if reduce else {"parameters": DESIGN["parameters"]}
    whole, hurt = sweep(design, tmp_path / "whole"), sweep(design, tmp_path / "hurt")
    part = parts(hurt.path)[2]
    content = part.read_bytes()
    if harm == "missing":
        part.unlink()
    else:
        part.write_bytes(content[:-20] if harm == "short" else b"")
    again = sweep(design, hurt.path)
    assert again.new_rows == (ROWS if reduce else 400)
    same(whole, again)


@pytest.mark.parametrize("content", [None, b"", b"PK\x03\x04 and no more", b"nonsense"])
def test_damaged_sums_begin_anew(tmp_path, small, content):
    """Where what is done is not known, an own sweep begins anew without a word of force."""
    whole, hurt = sweep(DESIGN, tmp_path / "whole"), sweep(DESIGN, tmp_path / "hurt")
    sums = hurt.beside / "sums.npz"
    sums.unlink() if content is None else sums.write_bytes(content)
    again = sweep(DESIGN, hurt.path)
    assert again.new_rows == ROWS
    same(whole, again)


def test_sums_cut_short_begin_anew(tmp_path, small):
    """An archive that ends too early, as after a power cut, is no reason for a traceback."""
    whole, hurt = sweep(DESIGN, tmp_path / "whole"), sweep(DESIGN, tmp_path / "hurt")
    sums = hurt.beside / "sums.npz"
    sums.write_bytes(sums.read_bytes()[:-100])
    same(whole, sweep(DESIGN, hurt.path))


def test_killed_processes_leave_nothing(tmp_path, small):
    """A file that a killed process was writing is gone once the sweep is whole."""
    sweep(DESIGN, tmp_path)
    (tmp_path / ".part-000001.parquet.99").write_bytes(b"half")
    sweep(DESIGN, tmp_path)
    assert not [file.name for file in tmp_path.iterdir() if file.name.startswith(".")]


# --- folders ------------------------------------------------------------------------------------


def test_folder_of_something_else_is_left_alone(tmp_path):
    """A folder that holds no sweep is refused, and `force` does not change that."""
    for name, content in (("notes.txt", "mine"), ("sweep.json", "[1]"), ("sweep.json", "{}")):
        for place in (Path, beside):
            out = tmp_path / f"{place.__name__}{name}{len(content)}"
            folder = place(out)
            folder.mkdir()
            (folder / name).write_text(content)
            for force in (False, True):
                with pytest.raises(ParameterError, match="holds something else than a sweep: name another"):
                    sweep(RANDOM, out, force=force)
            assert [(file.name, file.read_text()) for file in folder.iterdir()] == [(name, content)]


def test_folder_of_another_design_is_replaced_with_leave_only(tmp_path, small):
    """Another design is refused; `force` removes that sweep's files and none beside them."""
    sweep(DESIGN, tmp_path)
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(ParameterError, match="another design, or by another version"):
        sweep(RANDOM, tmp_path)
    assert len(rows_in(tmp_path)) == ROWS
    other = sweep(RANDOM, tmp_path, force=True)
    assert len(rows_in(tmp_path)) == other.new_rows == 5_000
    assert {file.name for file in tmp_path.iterdir() if not file.name.startswith("part-")} == {"notes.txt"}
    kept = {file.name for file in beside(tmp_path).iterdir()}
    assert kept == {"spread.parquet", "spread.csv", "sums.npz", "sweep.json"}


def test_another_model_is_another_sweep(monkeypatch):
    """The digest of the code is of every module of the model, the parameters, and what counts rows."""
    read, seen = Path.read_bytes, set()

    def noted(path):
        seen.add(path)
        return read(path)

    monkeypatch.setattr(Path, "read_bytes", noted)
    first = sweeps._code()
    package = Path(sweeps.__file__).parents[2]
    model = {path for path in package.rglob("*.py") if (package / "model") in path.parents}
    own = {Path(sweeps.__file__).parent / f"{n}.py" for n in ("counting", "designs", "reductions", "tally")}
    assert len(model) > 20
    assert seen == {*model, package / "parameters.py", *own}
    monkeypatch.setattr(Path, "read_bytes", lambda path: read(path) + b"#" * (path.name == "tally.py"))
    assert sweeps._code() != first


def test_force_carries_on_the_same_design(tmp_path, small):
    """Leave to remove another design removes nothing of this one."""
    sweep(DESIGN, tmp_path)
    assert sweep(DESIGN, tmp_path, force=True).new_rows == 0


def test_folder_that_cannot_be_is_told(tmp_path):
    """A file where the folder should be is a user's mistake."""
    (tmp_path / "file").write_text("")
    for folder in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(UserError, match=r"cannot be written: '.*file' is no folder"):
            sweep(RANDOM, folder)


@pytest.mark.parametrize("reader", ["pandas", "duckdb", "polars"])
def test_others_read_the_folder_as_it_lies(tmp_path, small, reader):
    """The folder holds nothing but its parts: a reader that knows nothing of sweeps finds all rows."""
    module = pytest.importorskip(reader, reason=f"no {reader} here")
    swept = sweep(DESIGN, tmp_path / "out")
    if reader == "duckdb":
        count = module.sql(f"select count(*) from '{swept.path}/*.parquet'").fetchall()[0][0]
    else:
        count = len(module.read_parquet(str(swept.path)))
    assert count == ROWS


def test_reductions_are_written_for_a_spreadsheet_too(tmp_path, small):
    """The CSV beside has the same cells as the table."""
    swept = sweep(RANDOM, tmp_path / "out")
    pd.testing.assert_frame_equal(pd.read_csv(swept.beside / "spread.csv"), swept.tables["spread"])


# --- many processes -----------------------------------------------------------------------------

LAWS = {**os.environ, "MIGRATION_STUDY_KERNEL": "laws"}
"""For programs of their own, which load the laws that are compiled already, and compile no kernel."""
DIRECT = {**RANDOM, "parameters": {**RANDOM["parameters"], "transport": "smb_direct"}}
"""Rows that cost half: no ring of buffers is looked at."""
LARGE = {**DIRECT, "rows": 4 * PART + 1_000, "precision": "single"}
"""Enough for a pool: processes of their own begin with the sizes of the module."""


@pytest.fixture(scope="module")
def alone(tmp_path_factory, machine_code):
    """A large sweep made by this process alone."""
    return sweep(LARGE, tmp_path_factory.mktemp("alone") / "s", workers=1)


@pytest.mark.slow
def test_a_pool_makes_the_same(tmp_path, alone):
    """Two processes make the same parts, to the byte, and the same tables; stopped, they carry on."""
    with pytest.raises(KeyboardInterrupt):
        sweep(LARGE, tmp_path / "two", workers=2, progress=stopping(1))
    assert 1 <= len(parts(tmp_path / "two")) <= 5
    two = sweep(LARGE, tmp_path / "two", workers=2)
    assert 0 < two.new_rows < two.rows
    same(alone, two)


@pytest.mark.slow
def test_a_dask_cluster_makes_the_same(tmp_path, alone, dask):
    """A real scheduler with two workers makes the same parts and tables."""
    same(alone, sweep(LARGE, tmp_path / "cluster", scheduler=dask))


def test_scheduler_that_is_not_there_is_said(tmp_path, monkeypatch):
    """An address where no scheduler answers is a user's mistake, told before anything is written."""
    pytest.importorskip("distributed", reason="no Dask here: no sweep on a cluster")
    from analysis import cluster

    connect = cluster.connect
    monkeypatch.setattr(cluster, "connect", lambda address: connect(address, timeout="1s"))
    with pytest.raises(ParameterError, match=r"no Dask scheduler answers at tcp://127\.0\.0\.1:9"):
        sweep(RANDOM, tmp_path / "s", scheduler="tcp://127.0.0.1:9")
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_memory_does_not_grow_with_rows(tmp_path, machine_code):
    """The peak of a sweep of eight parts is hardly above that of two.

    On Linux the system's count of a program begins with what the program held that started it: this one's.
    """
    code = (
        "import re, resource, sys\n"
        "from pathlib import Path\n"
        "from analysis.studies.sweeps import sweep\n"
        "design = {'parameters': {'memory_gib': {'from': 1, 'to': 64}}}\n"
        "design |= {'rows': int(sys.argv[1]) * sweep.CHUNK, 'reduce': {'q': {'quantiles': 'total_s'}}}\n"
        "sweep.PART = sweep.CHUNK\n"
        "sweep.sweep(design, sys.argv[2], workers=1)\n"
        "status = Path('/proc/self/status')\n"
        "own = re.search(r'VmHWM:\\s+(\\d+) kB', status.read_text() if status.exists() else '')\n"
        "print(own[1] if own else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)\n"
    )
    peaks = []
    for number in (2, 8):
        command = [sys.executable, "-c", code, str(number), str(tmp_path / str(number))]
        peaks.append(
            int(subprocess.run(command, capture_output=True, text=True, check=True, env=LAWS).stdout)
        )
    rows_kib = 6 * 65_536 * 14 * 8 / 1024
    assert peaks[1] - peaks[0] < 0.3 * rows_kib


# --- the command --------------------------------------------------------------------------------


def run(*arguments):
    return CliRunner().invoke(main, ["sweep", *map(str, arguments)])


@pytest.fixture
def design_file(tmp_path):
    """A small design as a file."""
    file = tmp_path / "design.yml"
    file.write_text(yaml.safe_dump(RANDOM))
    return file


def test_command_says_what_it_made(tmp_path, design_file):
    """Words for a person, JSON alone on standard output for a program; again, nothing is made anew."""
    out = tmp_path / "out"
    result = run(design_file, "--out", out, "--json")
    figures = json.loads(result.stdout)
    assert result.exit_code == 0
    assert (figures["rows"], figures["new_rows"], figures["path"]) == (5_000, 5_000, str(out))
    assert figures["rows_per_s"] > 0
    assert figures["reductions"] == {"spread": 5}
    first, second, _, *printed = run(design_file, "--out", out).stdout.splitlines()
    assert first == f"5,000 rows, 0 of them now: {out}"
    assert second == f"{beside(out) / 'spread'}.csv, .parquet: 5 cells"
    assert len(printed) == 1 + 5


def test_command_without_rows(tmp_path, design_file):
    """--no-rows leaves the tables and no part."""
    assert run(design_file, "--out", tmp_path / "out", "--no-rows").exit_code == 0
    assert (beside(tmp_path / "out") / "spread.parquet").exists()
    assert not parts(tmp_path / "out")


def test_command_names_the_folder_by_the_design(tmp_path, design_file, monkeypatch):
    """Without --out the dataset is sweeps/ and the design's name."""
    monkeypatch.chdir(tmp_path)
    assert run(design_file).exit_code == 0
    assert len(rows_in(tmp_path / "sweeps" / "design")) == 5_000


def test_command_tells_mistakes_in_a_sentence(tmp_path, design_file):
    """Exit code 2, one line on standard error, nothing on standard output."""
    wrong = tmp_path / "wrong.yml"
    wrong.write_text("parameters: {memory_gb: [1]}")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "notes.txt").write_text("mine")
    said = {
        (wrong, "--out", tmp_path / "a"): "error: the design 'wrong.yml': 'memory_gb' is no parameter",
        (tmp_path / "none.yml",): f"error: the design '{tmp_path / 'none.yml'}' cannot be read",
        (design_file, "--out", tmp_path / "full"): "holds something else than a sweep: name another",
        (design_file, "--out", tmp_path / "full" / "notes.txt"): "is a file",
        (design_file, "--workers", 0): "0 is not in the range",
        (design_file, "--foce"): "Did you mean '--force'",
    }
    for arguments, sentence in said.items():
        result = run(*arguments)
        assert (result.exit_code, result.stdout) == (2, "")
        assert sentence in result.stderr
        assert len(result.stderr.splitlines()) == 1


LIKE_A_TERMINAL = """
import runpy, signal
signal.signal(signal.SIGINT, signal.default_int_handler)
runpy.run_module("analysis", run_name="__main__", alter_sys=True)
"""
"""The command line as a terminal starts it: under `make test &` a process inherits that Ctrl-C is ignored."""


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="SIGINT to a process group is POSIX")
def test_ctrl_c_keeps_what_is_done(tmp_path, machine_code):
    """Ctrl-C, which a terminal sends to all processes of a command, ends it with 130; it carries on."""
    many = {**DIRECT, "rows": 400 * PART, "outcomes": ["total_s"]}
    file, out = tmp_path / "many.yml", tmp_path / "out"
    file.write_text(yaml.safe_dump(many, sort_keys=False))  # random rows follow from the order of the axes
    arguments = ["sweep", str(file), "--out", str(out), "--workers", "2"]
    with subprocess.Popen(
        [sys.executable, "-c", LIKE_A_TERMINAL, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env=LAWS,
    ) as process:
        until = time.monotonic() + 60
        # Four are under way at most, and they are taken in their order: with a fifth the first is done.
        while len(parts(out)) < 5:
            assert process.poll() is None
            assert time.monotonic() < until, "too few parts after a minute"
            time.sleep(0.05)
        os.killpg(process.pid, signal.SIGINT)
        stdout, stderr = process.communicate(timeout=60)
    assert (process.returncode, stdout) == (130, "")
    *progress, last = stderr.splitlines()  # progress is told only where the first parts took long
    assert all(line.endswith(" left") for line in progress)
    assert last == "error: stopped; what is done is kept, the same command carries on"
    done = json.loads((beside(out) / "sweep.json").read_text())["rows_done"]
    assert 0 < done < many["rows"]
    with pytest.raises(KeyboardInterrupt):
        sweep(many, out, workers=1, progress=stopping(done))
    assert json.loads((beside(out) / "sweep.json").read_text())["rows_done"] == done
