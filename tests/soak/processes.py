"""Processes of a soak: started with a mark in their environment, which all that they start inherit."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

MARK = "MIGRATION_STUDY_SOAK"
RUN = "import signal, runpy; signal.signal(signal.SIGINT, signal.default_int_handler); " \
      "runpy.run_module('analysis', run_name='__main__', alter_sys=True)"  # fmt: skip
"""The command line as a terminal starts it: in the background of a shell Ctrl-C would be ignored."""


def environment(mark: str, more: Mapping[str, str], temporary: Path) -> dict[str, str]:
    """The environment of a command: its mark, and folders of its own for what is temporary.

    Where setproctitle is installed Dask names its processes by it, over the environment too if not told.
    """
    for name in ("temporary", "jupyter"):
        (temporary / name).mkdir(parents=True, exist_ok=True)
    own = {"TMPDIR": str(temporary / "temporary"), "JUPYTER_RUNTIME_DIR": str(temporary / "jupyter")}
    return dict(os.environ) | own | {MARK: mark, "COLUMNS": "100", "SPT_NOENV": "1"} | dict(more)


def start(arguments: list[str], folder: Path, env: Mapping[str, str], said: Path) -> subprocess.Popen[bytes]:
    """Start a command of the study in a session of its own; what it says on standard error goes to a file."""
    with said.open("wb") as error, said.with_suffix(".out").open("wb") as out:
        return subprocess.Popen(
            [sys.executable, "-c", RUN, *arguments], cwd=folder, env=dict(env),
            stdin=subprocess.DEVNULL, stdout=out, stderr=error, start_new_session=True,
        )  # fmt: skip


def marked(mark: str) -> dict[int, str]:
    """Process numbers and command lines of all living processes that carry a mark."""
    wanted, found = f"{MARK}={mark}".encode(), {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        with contextlib.suppress(OSError):
            if wanted in (entry / "environ").read_bytes().split(b"\0"):
                words = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                if words:  # one that has ended, and waits for its parent, has none
                    found[int(entry.name)] = words
    return found


def listens(pid: int) -> bool:
    """Whether a process answers SIGTERM, as the study does but for Python's own start and end."""
    with contextlib.suppress(OSError):
        caught = re.search(r"^SigCgt:\s*(\w+)", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
        return caught is not None and bool(int(caught[1], 16) >> (signal.SIGTERM - 1) & 1)
    return False


def left(mark: str, seconds: float) -> dict[int, str]:
    """Processes that still carry a mark after some time; they are ended."""
    until = time.monotonic() + seconds
    while (found := marked(mark)) and time.monotonic() < until:
        time.sleep(0.1)
    for pid in found:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    return found


class Cluster:
    """A Dask scheduler and two workers on loopback, each kept by a nanny that replaces it when it dies."""

    def __init__(self, mark: str, folder: Path) -> None:
        self.mark, self.folder = mark, folder
        self.started: list[subprocess.Popen[bytes]] = []
        self.env = environment(mark, {}, folder / "kept")
        file = folder / "scheduler.json"
        here = [sys.executable, "-m", "dask"]
        self._start([*here, "scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard",
                     "--scheduler-file", str(file)])  # fmt: skip
        until = time.monotonic() + 120
        while not (file.exists() and file.read_text().strip().endswith("}")):
            assert time.monotonic() < until, "no scheduler after two minutes"
            time.sleep(0.1)
        self.address: str = json.loads(file.read_text())["address"]
        self._start([*here, "worker", self.address, "--host", "127.0.0.1", "--nthreads", "1",
                     "--nworkers", "2", "--no-dashboard", "--local-directory", str(folder)])  # fmt: skip
        import distributed

        with distributed.Client(self.address, timeout="60s", set_as_default=False) as client:
            client.wait_for_workers(2, timeout=120)

    def _start(self, command: list[str]) -> None:
        quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        process = subprocess.Popen(command, cwd=self.folder, env=self.env, start_new_session=True, **quiet)
        self.started.append(process)

    def victims(self, word: str) -> list[int]:
        """Process numbers of the scheduler, of the workers (that nannies keep), or of their kernels."""
        wanted = {"scheduler": (" scheduler ",), "worker": ("spawn_main", "dask worker [")}.get(word, (word,))
        return [pid for pid, words in marked(self.mark).items() if any(each in words for each in wanted)]

    def close(self) -> None:
        """End all of it."""
        left(self.mark, 0)
        for process in self.started:
            process.wait()


@contextlib.contextmanager
def small_disk(folder: Path, kib: int) -> Iterator[Path]:
    """A disk of some KiB in memory, mounted in a folder; needs root and Linux."""
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={kib}k", "tmpfs", str(folder)], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)
