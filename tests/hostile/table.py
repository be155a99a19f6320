"""The table of what a stranger could give, a file for each face, and one case of it run in this process.

A case is what follows ``migration-study`` on a command line (``given``), the files that lie there
(``files``), and what has to be said (``says``) with which exit code (``code``, 2 if left out). A file's
content is a text, bytes as ``hex``, or a ``text`` so many ``times`` between ``head`` and ``tail``. ``repeat``
does the same for a word of the command. ``nightly``: too slow for every run of the tests.
"""

from __future__ import annotations

import shlex
import traceback
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from click.testing import CliRunner, Result

from analysis.__main__ import main

FOLDER = Path(__file__).parent / "faces"
FACES = tuple(sorted(path.stem for path in FOLDER.glob("*.yml")))


@dataclass(frozen=True)
class Case:
    """One thing given to one face, and what has to be said to it."""

    face: str
    number: int
    given: str
    says: str
    code: int = 2
    files: Mapping[str, Any] = field(default_factory=dict)
    repeat: Mapping[str, Any] = field(default_factory=dict)
    nightly: bool = False

    @property
    def name(self) -> str:
        """A name that is short and printable."""
        return f"{self.face}-{self.number}"

    @property
    def words(self) -> list[str]:
        """The words of the command."""
        given = self.given
        for word, (text, times) in self.repeat.items():
            given = given.replace(word, text * times)
        return shlex.split(given)

    def lay(self, folder: Path) -> None:
        """Write the files of the case into a folder."""
        for name, content in self.files.items():
            (folder / name).write_bytes(_bytes(content))


def _bytes(content: Any) -> bytes:
    if isinstance(content, str):
        return content.encode()
    if "hex" in content:
        return bytes.fromhex(content["hex"])
    return f"{content.get('head', '')}{content['text'] * content['times']}{content.get('tail', '')}".encode()


def cases() -> Iterator[Case]:
    """Every case of every face."""
    for face in FACES:
        text = (FOLDER / f"{face}.yml").read_text(encoding="utf-8")
        for number, one in enumerate(yaml.load(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader)), 1):
            yield Case(face, number, **one)


def run(case: Case) -> Result:
    """Run a case in the current folder, every warning of Python an error."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return CliRunner().invoke(main, case.words)


def faults(case: Case, result: Result, before: set[Path], after: set[Path]) -> list[str]:
    """What is wrong with how a case ended, a sentence each; none where it ended as it should."""
    found = []
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        found.append("a traceback: " + "".join(traceback.format_exception(result.exception))[-600:])
    if result.exit_code != case.code:
        found.append(f"exit code {result.exit_code}, not {case.code}")
    if case.says not in " ".join(result.output.split()):
        found.append(f"it says {' '.join(result.output.split())[:400]!r}")
    for word in ("Traceback", "Warning:"):
        if word in result.output:
            found.append(f"{word} in what it says")
    if case.code == 2 and result.stdout:
        found.append("a mistake writes to standard output")
    if case.code == 2 and after != before:
        found.append(f"files are left: {sorted(map(str, after - before))}")
    return found
