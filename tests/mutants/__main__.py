"""Mutation testing, ``make mutants``: mutmut changes one thing of a module at a time; a test has to notice.

mutmut copes with plain functions and narrow tests: it imports the study once, forks a process a mutant and
runs only the tests that reach the changed function, the quickest first. (cosmic-ray starts Python, pandas and
pytest anew for each.) What came of a mutant is kept in ``.mutants/`` and holds as long as its function stays
as it is; with ``--share`` only some are tried, drawn by ``--seed``. Numba cannot compile what mutmut makes of
the laws, so tests of the compiled ones are left out, and of the kernel only what cuts its tables is changed.

Survivors that are known stand in ``survivors.txt`` with a reason each; new ones are printed without.
"""

from __future__ import annotations

import argparse
import ast
import difflib
import json
import os
import random
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
WORK = ROOT / ".mutants"
REASONS = Path(__file__).with_name("survivors.txt")
NEEDED = ("analysis", "tests", "data", "docs", "notebooks", "benchmarks")
ALIVE, UNREACHED = 0, 33
"""Exit codes: no test failed; no test reaches the function."""
NONE = "no_mutant"
"""The name of none."""


class Group(NamedTuple):
    """Modules that are changed, tests that have to notice, and the least share that these must kill.

    ``without``: parts of the names of tests that need machine code of what is changed, or a second and more.
    """

    modules: tuple[str, ...]
    tests: tuple[str, ...]
    least: float
    without: tuple[str, ...] = ()


def _room(name: str, *modules: str, without: tuple[str, ...] = ()) -> Group:
    """Modules of a room of the studies (all), with the tests of that room."""
    folder = f"analysis/studies/{name}"
    found = tuple(f"{folder}/{each}.py" for each in modules) or (folder,)
    return Group(found, (f"tests/studies/{name}",), 0.8, without)


GROUPS = {
    "laws": Group(
        ("analysis/model/laws",),
        (
            *("tests/model/laws", "tests/model/test_rings.py", "tests/model/test_compression.py"),
            *("tests/model/test_link.py", "tests/model/test_changing.py"),
        ),
        0.9,
        ("compiled", "any_migration", "all_ways", "twin_agrees", "fast_ways", "ends_in_its"),
    ),
    "tables": Group(
        (
            *("analysis/model/by_laws.py", "analysis/model/dirtying.py", "analysis/model/engine.py"),
            *("analysis/model/factors.py", "analysis/model/link.py", "analysis/model/migration.py"),
            *("analysis/model/precopy.py", "analysis/model/stop_rules.py"),
        ),
        ("tests/model",),
        0.9,
        ("kernel_on_disk", "do_without", "any_migration", "twin_agrees"),
    ),
    "questions": Group(
        (
            *("analysis/studies/transports.py", "analysis/studies/overflows.py"),
            *("analysis/studies/scaling.py", "analysis/studies/traffic.py"),
            *("analysis/studies/hosts/conformal.py", "analysis/studies/sweeps/counting.py"),
        ),
        (
            *("tests/studies/test_transports.py", "tests/studies/test_overflows.py"),
            *("tests/studies/test_scaling.py", "tests/studies/test_traffic.py"),
            *("tests/studies/hosts/test_conformal.py", "tests/studies/sweeps/test_reductions.py"),
        ),
        0.8,
    ),
    "grids": Group(("analysis/studies/grids.py",), ("tests/studies/test_grids.py",), 0.8),
    **{name: _room(name) for name in ("decisions", "drain", "hosts", "running", "validation")},
    "sweeps": _room("sweeps", without=("dying_workers",)),
}
SETTINGS = """[mutmut]
source_paths=
{modules}
also_copy=
{needed}
    conftest.py
pytest_add_cli_args_test_selection=
{tests}
pytest_add_cli_args=
    -p
    no:cacheprovider
    -m
    not hypothesis and not slow and not nightly
{without}
timeout_multiplier=2
timeout_constant=2
use_git_change_detection=false
"""


def laid_out(name: str, group: Group) -> Path:
    """A folder in which mutmut works: what is tested lies beside what mutmut keeps."""
    folder = WORK / name
    folder.mkdir(parents=True, exist_ok=True)
    for each in (*NEEDED, "conftest.py", "pyproject.toml", "README.md"):
        if not (folder / each).is_symlink():
            (folder / each).symlink_to(ROOT / each)
    listed = {
        key: "\n".join(f"    {path}" for path in paths)
        for key, paths in (("modules", group.modules), ("needed", NEEDED), ("tests", group.tests))
    }
    without = " and ".join(f"not {name}" for name in group.without)
    listed["without"] = f"    -k\n    {without}" if without else ""
    (folder / "setup.cfg").write_text(SETTINGS.format(**listed), encoding="utf-8")
    # mutmut copies what is not there yet: tests that have changed since have to go.
    for each in NEEDED:
        if each != "analysis":
            shutil.rmtree(folder / "mutants" / each, ignore_errors=True)
    return folder


def tried(folder: Path, share: float, seed: int, children: int) -> None:
    """Have mutmut try a share of the mutants, drawn by a seed, or all that it has not tried yet."""
    _forget_survivors(folder)
    if share == 1:
        _mutmut(folder, children)
        return
    codes = _codes(folder, children)
    chosen = random.Random(seed).sample(list(codes), max(round(share * len(codes)), 1))
    if left := [name for name in chosen if codes[name] is None]:
        _mutmut(folder, children, *left)


def _codes(folder: Path, children: int) -> dict[str, int | None]:
    """All mutants and what is kept of them; mutmut makes them before it finds that none has a name."""
    _mutmut(folder, children, NONE, but="nothing matches")
    codes: dict[str, int | None] = {}
    for file in sorted((folder / "mutants").rglob("*.py.meta")):
        codes |= json.loads(file.read_text(encoding="utf-8"))["exit_code_by_key"]
    return codes


def _mutmut(folder: Path, children: int, *names: str, but: str = "") -> None:
    """Run mutmut for mutants of some names, or all; its exit if it fails, but for what is expected."""
    command = [sys.executable, "-m", "mutmut", "run", "--max-children", str(children), *names]
    env = os.environ | {"MIGRATION_STUDY_KERNEL": "laws"}
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False)
    if done.returncode and not (but and but in done.stderr):
        raise SystemExit(done.stdout[-4000:] + done.stderr[-4000:])


def _forget_survivors(folder: Path) -> None:
    """Who survived is tried again: a test may have come that notices."""
    for file in (folder / "mutants").rglob("*.py.meta"):
        kept = json.loads(file.read_text(encoding="utf-8"))
        codes = kept["exit_code_by_key"]
        kept["exit_code_by_key"] = {k: None if c in (ALIVE, UNREACHED) else c for k, c in codes.items()}
        file.write_text(json.dumps(kept), encoding="utf-8")


class Mutant(NamedTuple):
    """One mutant: its function, what was changed, and the exit code of its tests."""

    function: str
    change: str
    code: int


def found(folder: Path) -> Iterator[Mutant]:
    """The mutants that were tried, as mutmut wrote them down."""
    for file in sorted((folder / "mutants").rglob("*.py.meta")):
        codes = json.loads(file.read_text(encoding="utf-8"))["exit_code_by_key"]
        tree = ast.parse(file.with_suffix("").read_text(encoding="utf-8"))
        bodies = {node.name: node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
        for key, code in codes.items():
            if code is None:
                continue
            module, _, name = key.rpartition(".")
            stem, _, _ = name.partition("__mutmut_")
            plain = stem.removeprefix("x_").replace("xǁ", "").replace("ǁ", ".")
            change = _change(bodies[f"{stem}__mutmut_orig"], bodies[name]) if code in (0, 33) else ""
            yield Mutant(f"{module.removeprefix('analysis.')}.{plain}", change, code)


def _change(before: ast.FunctionDef, after: ast.FunctionDef) -> str:
    """The changed line, before and after."""
    one, two = (ast.unparse(each).splitlines()[1:] for each in (before, after))
    lines = [line for line in difflib.ndiff(one, two) if line[:2] in ("- ", "+ ")]
    told = [next((line[2:].strip() for line in lines if line[0] == sign), "") for sign in "-+"]
    if told == ["", ""]:  # of the arguments
        told = [ast.unparse(each.args) for each in (before, after)]
    return " -> ".join(told)


def known() -> dict[str, str]:
    """Reasons of known survivors, by function and change."""
    lines = REASONS.read_text(encoding="utf-8").splitlines()
    pairs = [line.split(" # ", 1) for line in lines if line and not line.startswith("#")]
    return {name.strip(): reason for name, reason in pairs}


def report(name: str, group: Group, mutants: list[Mutant], reasons: dict[str, str]) -> bool:
    """Print how many were killed, by module, and who survived; whether they were enough."""
    alive = [m for m in mutants if m.code in (ALIVE, UNREACHED)]
    tries = Counter(m.function.rsplit(".", 1)[0] for m in mutants)
    lives = Counter(m.function.rsplit(".", 1)[0] for m in alive)
    for module, number in sorted(tries.items()):
        print(f"  {module:<34} {number - lives[module]:5} of {number:5} killed")
    share = 1 - len(alive) / max(len(mutants), 1)
    print(f"{name}: {len(mutants) - len(alive)} of {len(mutants)} killed, {100 * share:.1f} %, "
          f"at least {100 * group.least:.0f} %")  # fmt: skip
    for mutant in alive:
        line = f"{mutant.function}: {mutant.change}"
        reached = "" if mutant.code == ALIVE else " (no test reaches it)"
        print(f"  {line} # {reasons.get(line, '?')}{reached}")
    return share >= group.least


def main() -> int:
    """Try the mutants of the groups asked for."""
    parser = argparse.ArgumentParser(prog="make mutants", description=__doc__.splitlines()[0])
    parser.add_argument("--only", choices=GROUPS, action="append", help="one group (all)")
    parser.add_argument("--share", type=float, default=1.0, help="share to try (all, kept ones not anew)")
    parser.add_argument("--seed", type=int, default=1, help="of the share")
    parser.add_argument("--children", type=int, default=os.cpu_count() or 1, help="processes at a time")
    parser.add_argument("--fresh", action="store_true", help="forget what was kept")
    asked = parser.parse_args()
    reasons, enough = known(), True
    for name in asked.only or GROUPS:
        if asked.fresh:
            shutil.rmtree(WORK / name, ignore_errors=True)
        folder = laid_out(name, GROUPS[name])
        tried(folder, asked.share, asked.seed, asked.children)
        enough &= report(name, GROUPS[name], list(found(folder)), reasons)
    return 0 if enough else 1


if __name__ == "__main__":
    sys.exit(main())
