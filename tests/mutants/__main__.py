"""Mutation testing, ``make mutants``: mutmut changes one thing of a module at a time; a test has to notice.

mutmut copes with plain functions and narrow tests: it imports the study once, forks a process a mutant and
runs only the tests that reach the changed function, the quickest first. (cosmic-ray starts Python, pandas and
pytest anew for each.) What came of a mutant is kept in ``.mutants/`` and holds as long as its function stays
as it is; with ``--share`` only some are tried, drawn by ``--seed``: those whose numbers end in so many of ten
digits. Numba cannot compile what mutmut makes of the laws, so tests of the compiled ones are left out.

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


class Group(NamedTuple):
    """Modules that are changed, tests that have to notice, and the least share that these must kill."""

    modules: tuple[str, ...]
    tests: tuple[str, ...]
    least: float


GROUPS = {
    "model": Group(
        ("analysis/model/laws",),
        (
            *("tests/model/laws", "tests/model/test_rings.py", "tests/model/test_compression.py"),
            *("tests/model/test_link.py", "tests/model/test_changing.py"),
        ),
        0.9,
    ),
    "studies": Group(
        (
            *(
                "analysis/studies/transports.py",
                "analysis/studies/overflows.py",
                "analysis/studies/scaling.py",
            ),
            *("analysis/studies/traffic.py", "analysis/studies/hosts/conformal.py"),
            "analysis/studies/sweeps/counting.py",
        ),
        (
            *("tests/studies/test_transports.py", "tests/studies/test_overflows.py"),
            *("tests/studies/test_scaling.py", "tests/studies/test_traffic.py"),
            *("tests/studies/hosts/test_conformal.py", "tests/studies/sweeps/test_reductions.py"),
        ),
        0.8,
    ),
}
WITHOUT = ("compiled", "any_migration", "all_ways", "twin_agrees", "fast_ways", "ends_in_its")
"""Parts of the names of tests that need machine code, or a second and more."""
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
    -k
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
    without = " and ".join(f"not {name}" for name in WITHOUT)
    (folder / "setup.cfg").write_text(SETTINGS.format(**listed, without=without), encoding="utf-8")
    # mutmut copies what is not there yet: tests that have changed since have to go.
    for each in NEEDED:
        if each != "analysis":
            shutil.rmtree(folder / "mutants" / each, ignore_errors=True)
    return folder


def tried(folder: Path, digits: str, children: int) -> None:
    """Have mutmut try the mutants whose numbers end in some digits, or all that it has not tried yet."""
    _forget_survivors(folder)
    names = [f"*__mutmut_{digit}" for digit in digits] + [f"*__mutmut_*{digit}" for digit in digits]
    command = [sys.executable, "-m", "mutmut", "run", "--max-children", str(children)]
    env = os.environ | {"MIGRATION_STUDY_KERNEL": "numpy"}
    done = subprocess.run(
        [*command, *(names if len(digits) < 10 else [])], cwd=folder, env=env, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    if done.returncode:
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
    parser.add_argument(
        "--share", type=float, default=1.0, help="share to try, in tenths (all, kept ones not anew)"
    )
    parser.add_argument("--seed", type=int, default=1, help="of the share")
    parser.add_argument("--children", type=int, default=os.cpu_count() or 1, help="processes at a time")
    parser.add_argument("--fresh", action="store_true", help="forget what was kept")
    asked = parser.parse_args()
    digits = "".join(random.Random(asked.seed).sample("0123456789", max(round(10 * asked.share), 1)))
    reasons, enough = known(), True
    for name in asked.only or GROUPS:
        if asked.fresh:
            shutil.rmtree(WORK / name, ignore_errors=True)
        folder = laid_out(name, GROUPS[name])
        tried(folder, digits, asked.children)
        enough &= report(name, GROUPS[name], list(found(folder)), reasons)
    return 0 if enough else 1


if __name__ == "__main__":
    sys.exit(main())
