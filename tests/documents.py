"""The README and the pages of docs/ as tests read them: commands, what these print, and files shown.

A ``sh`` block holds commands. A ``text`` block right after one is what its last command prints. A block under
the mark ``<!-- file: NAME -->`` is the content of a file that later commands use. ``python`` blocks are
programs.

To renew what commands print, the README's table of errors, the tables of benchmarks and of foreign truths:
``python -m tests.documents``.
"""

import os
import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
import venv
from importlib.util import cache_from_source
from pathlib import Path
from typing import NamedTuple

from benchmarks import tables
from tests.warm import Warm

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
_BLOCK = re.compile(
    r"(?:^<!-- file: (?P<file>\S+) -->\n)?^```(?P<kind>\w*)\n(?P<text>.*?)^```$", re.DOTALL | re.MULTILINE
)
_TABLE = re.compile(r"(?<=<!-- accuracy -->\n).*?(?=<!-- /accuracy -->)", re.DOTALL)

_TRUTH = re.compile(r"(?<=<!-- truth -->\n).*?(?=<!-- /truth -->)", re.DOTALL)
_PLAIN = re.compile(r"python -m analysis [^|<>;&$*?`\\\\]*")
"""A command of the study in which nothing is left for a shell to do but to part its words."""

_BENCH = re.compile(r"(?<=<!-- bench: )(\w+)( -->\n).*?(?=<!-- /bench -->)", re.DOTALL)


class Block(NamedTuple):
    """A fenced block: its language, its text, where it stands, and the file that it shows, if any."""

    kind: str
    text: str
    start: int
    end: int
    file: str = ""


class Step(NamedTuple):
    """What a page does: show a file, give a command or a program; with what that prints where it is shown."""

    kind: str
    text: str
    printed: Block | None = None
    file: str = ""


def blocks(page: str) -> list[Block]:
    """The fenced blocks of a page's text, in order."""
    return [
        Block(m["kind"], m["text"], m.start("text"), m.end("text"), m["file"] or "")
        for m in _BLOCK.finditer(page)
    ]


def steps(page: str) -> list[Step]:
    """What a page's text does, in order: files, commands (a line each, or more by a backslash), programs."""
    found: list[Step] = []
    before = None
    for block in blocks(page):
        if block.file:
            found.append(Step("file", block.text, file=block.file))
        elif block.kind == "sh":
            found += [Step("sh", line) for line in commands(block.text)]
        elif block.kind == "python":
            found.append(Step("python", block.text))
        elif block.kind == "text" and before and page[before.end : block.start] == "```\n\n```text\n":
            found[-1] = found[-1]._replace(printed=block)
        before = block
    return found


def commands(text: str) -> list[str]:
    """The commands of a block, without the remarks at their ends."""
    lines = [re.sub(r"(^|\s+)# .*$", "", line) for line in text.replace("\\\n", " ").splitlines()]
    return [line for line in lines if line.strip()]


def files(page: Path) -> dict[str, str]:
    """The files that a page shows, by their names."""
    return {b.file: b.text for b in blocks(page.read_text(encoding="utf-8")) if b.file}


def copy(folder: Path) -> Path:
    """A fresh copy of the study, set up as ``make`` does: what git clones, and what is not yet committed.

    Its environment has the packages of the one that runs this, so that nothing is downloaded.
    """
    for name in _kept():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, folder / name)
        if name.endswith(".py"):
            _compiled(name, folder)
    _environment(folder / ".venv", folder)
    (folder / ".venv" / ".ready").write_text(f"{folder}\n")
    return folder


def _compiled(name: str, folder: Path) -> None:
    """The bytecode that this Python has of a module goes along, so that it is not made anew for each copy.

    So does the machine code that Numba keeps beside it.
    """
    made = Path(cache_from_source(name))
    kept = (ROOT / made.parent).glob(f"{Path(name).stem}.*.nb?")
    for file in (ROOT / made, *kept):
        if file.is_file():
            (folder / made.parent).mkdir(exist_ok=True)
            shutil.copy2(file, folder / made.parent)


def _kept() -> list[str]:
    """Names of the files that git keeps, or would; without git, of all that was not made here."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    try:
        found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
        listed = found.stdout.split("\0")
    except (OSError, subprocess.CalledProcessError):
        here = (path.relative_to(ROOT) for path in ROOT.rglob("*"))
        made = {".venv", "reports", "sweeps", "__pycache__"}
        listed = [path.as_posix() for path in here if made.isdisjoint(path.parts)]
    return [name for name in listed if name and (ROOT / name).is_file()]


def _environment(home: Path, study: Path) -> None:
    """An environment of its own, whose packages are those of this Python and whose study is the copy."""
    venv.create(home, with_pip=False, symlinks=True)
    here = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    there = home / Path(sysconfig.get_path("purelib")).relative_to(sys.prefix)
    (there / "packages.pth").write_text("\n".join([str(study), *sorted(here)]) + "\n")
    for name in ("share", "etc"):  # templates and kernels of Jupyter
        if (Path(sys.prefix) / name).is_dir():
            (home / name).symlink_to(Path(sys.prefix) / name)
    for script in Path(sysconfig.get_path("scripts")).iterdir():
        if not (home / "bin" / script.name).exists():
            _own(script, home / "bin")


def _own(script: Path, bin_folder: Path) -> None:
    """A console script for the Python of another environment; a link for what is none."""
    head, _, rest = script.read_bytes().partition(b"\n")
    if not (head.startswith(b"#!") and b"python" in head):
        (bin_folder / script.name).symlink_to(script)
        return
    (bin_folder / script.name).write_bytes(b"#!" + bytes(bin_folder / "python") + b"\n" + rest)
    (bin_folder / script.name).chmod(0o755)


def bare_shell(command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a command in bash as a new user's terminal has it: PATH and HOME, and nothing else."""
    shell = [shutil.which("bash") or "bash", "--noprofile", "--norc", "-c", command]
    bare = _bare(folder)
    return subprocess.run(
        shell, cwd=folder, env=bare, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )


def _bare(folder: Path, active: bool = False) -> dict[str, str]:
    """The environment of a new user's terminal, with that of the study activated or not."""
    home, own = folder / ".home", folder / ".venv"
    home.mkdir(exist_ok=True)
    bare = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": str(home)}
    return bare | {"PATH": f"{own / 'bin'}:{bare['PATH']}", "VIRTUAL_ENV": str(own)} if active else bare


class Terminal:
    """A bare shell in a copy of the study, in which the steps of a page are taken one after the other.

    Nothing is activated until the page says so; then it stays, as in a terminal. A program that is ``warm``
    answers the study's own commands, where the shell would do nothing but start them.
    """

    ACTIVATE = ". .venv/bin/activate"

    def __init__(self, folder: Path, warm: Warm | None = None) -> None:
        self.folder, self.warm, self.active = folder, warm, False

    def take(self, step: Step) -> subprocess.CompletedProcess[str]:
        """Take a step; what became of it."""
        if step.kind == "file":
            (self.folder / step.file).write_text(step.text, encoding="utf-8")
            return subprocess.CompletedProcess(step.file, 0, "", "")
        self.active |= step.text == self.ACTIVATE
        if self.warm and self.active and step.kind == "sh" and _PLAIN.fullmatch(step.text):
            return self.warm.run(shlex.split(step.text)[3:], self.folder, _bare(self.folder, self.active))
        command = step.text if step.kind == "sh" else f"python -c {shlex.quote(step.text)}"
        return bare_shell(f"{self.ACTIVATE} && {command}" if self.active else command, self.folder)


# --- the README's table of errors -------------------------------------------------------------


def accuracy_table() -> str:
    """How right the model is, as the README shows it, computed from the measurements."""
    from analysis.cli.validated import validated
    from analysis.observations.lab import DATA

    migrations = validated([DATA / "migrations.csv"])
    link = validated([DATA / "buffers.csv"])
    rows = [("predicted", "measured on", "median error", "9 in 10 below")]
    rows += [("---",) * 4]
    for name, part, on in (
        ("total time", migrations["plain"], "plain pre-copy, {n} migrations"),
        ("total time", migrations, "all {n} migrations"),
    ):
        rows.append((name, on.format(n=part["n"]), *_shares(part["total_s"])))
    on = f"all {migrations['n']} migrations"
    rows.append(("bytes sent", on, *_shares(migrations["transferred_bytes"])))
    downtime = migrations["downtime_ms"].values()
    rows.append(("time frozen", on, *(f"{value:.0f} ms" for value in downtime)))
    rows.append(("throughput of the link", f"{link['n']} set-ups of TCP", *_shares(link["throughput"])))
    right = migrations["convergence"]["accuracy"]
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    verdict = f"Whether a migration converges is told rightly for {100 * right:.1f} % of them."
    return "\n".join(lines) + f"\n\n{verdict}\n"


def _shares(part: dict) -> list[str]:
    return [f"{100 * part[name]:.1f} %" for name in ("median_relative_error", "p90_relative_error")]


def shown_accuracy(page: str) -> str:
    """The table between its marks."""
    return _TABLE.search(page)[0]


# --- what benchmarks recorded -------------------------------------------------------------------


def with_benchmarks(page: str) -> str:
    """A page with the tables of its benchmarks as they were recorded."""
    return _BENCH.sub(lambda m: m[1] + m[2] + tables.shown(m[1]), page)


# --- foreign truths -----------------------------------------------------------------------------


def with_truths(page: str) -> str:
    """A page with the table of how far the study is from truths of others, as it is now."""
    if not _TRUTH.search(page):
        return page
    from tests import truth

    shown = truth.table()
    return _TRUTH.sub(lambda _: shown, page)


# --- renewing ---------------------------------------------------------------------------------


def renew(folder: Path) -> None:
    """Write anew, into the pages of this checkout, what their commands print and the table of errors."""
    for page in PAGES:
        text, terminal = page.read_text(encoding="utf-8"), Terminal(folder)
        prints: list[tuple[Block, str]] = []
        for step in steps(text):
            if step.printed or step.kind == "file" or step.text == Terminal.ACTIVATE or _makes_a_file(step):
                done = terminal.take(step)
                done.check_returncode()
                if step.printed:
                    prints.append((step.printed, done.stdout))
        new = text
        for block, printed in reversed(prints):
            new = new[: block.start] + printed + new[block.end :]
        new = with_truths(with_benchmarks(_TABLE.sub(lambda _: accuracy_table(), new)))
        if new != text:
            page.write_text(new, encoding="utf-8")
            print(f"{os.path.relpath(page)} renewed")


def _makes_a_file(step: Step) -> bool:
    """True for a command that leaves a host which a later one may ask for."""
    return step.kind == "sh" and " calibrate " in step.text


if __name__ == "__main__":
    import tempfile

    with tempfile.TemporaryDirectory() as name:
        renew(copy(Path(name)))
