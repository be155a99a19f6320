"""A program that has imported the study and answers each command by a fork: ``python -m tests.warm``.

Half of a command's time goes into starting Python and importing pandas. Tests that give many commands have
them answered here: each in a process of its own that starts as ``python -m analysis`` does once all is
imported, in the folder and with the environment given. Commands on the front page are run for real.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import runpy
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

ALWAYS = ("pandas", "scipy.optimize", "scipy.spatial", "jsonschema", "pint", "yaml", "numba")
VERBS = Path(__file__).resolve().parents[1] / "analysis" / "cli"


class Warm:
    """The tests' end of such a program."""

    def __init__(self) -> None:
        here = [sys.executable, "-m", "tests.warm"]
        root = Path(__file__).resolve().parents[1]
        self._process = subprocess.Popen(
            here, cwd=root, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def run(
        self, arguments: list[str], folder: Path, environment: dict[str, str]
    ) -> subprocess.CompletedProcess[str]:
        """What ``python -m analysis`` with these arguments does in a folder."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        said = Path(tempfile.mkdtemp())
        request = {"arguments": arguments, "folder": str(folder), "environment": environment}
        self._process.stdin.write(json.dumps(request | {"said": str(said)}) + "\n")
        self._process.stdin.flush()
        code = int(self._process.stdout.readline())
        out, err = ((said / name).read_text(encoding="utf-8") for name in ("out", "err"))
        shutil.rmtree(said)
        return subprocess.CompletedProcess(arguments, code, out, err)

    def close(self) -> None:
        """End it."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait()


def serve() -> dict[str, Any] | None:
    """Import, then fork for each request; in a fork the request that it is for, at the end None."""
    for name in (*ALWAYS, *(f"analysis.cli.{verb.stem}" for verb in sorted(VERBS.glob("[a-z]*.py")))):
        importlib.import_module(name)
    importlib.import_module("analysis.model.migration").load_compiled()
    gc.freeze()
    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            return dict(json.loads(line))
        print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)
    return None


def become(request: dict[str, Any]) -> None:
    """In a fork: be the command, to its exit code."""
    nothing = os.open(os.devnull, os.O_RDONLY)
    said = [os.open(Path(request["said"]) / name, os.O_WRONLY | os.O_CREAT) for name in ("out", "err")]
    for number, file in enumerate([nothing, *said]):
        os.dup2(file, number)
    os.environ.clear()
    os.environ.update(request["environment"])
    os.chdir(request["folder"])
    sys.path[0] = request["folder"]
    sys.argv[1:] = request["arguments"]
    runpy.run_module("analysis", run_name="__main__", alter_sys=True)


if __name__ == "__main__" and (asked := serve()) is not None:
    become(asked)
