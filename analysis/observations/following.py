"""Sources that tell of a migration while it runs: a growing file, a command, a QMP socket, standard input.

Each is followed into a file that the readers read as a whole, again whenever there is news, so that what is
told on the way and at the end is what they tell of any file.
"""

from __future__ import annotations

import json
import os
import shlex
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, BinaryIO

from analysis.errors import UserError

Followed = Iterator[Path]
"""Gives the file to read each time there may be news, and ends where nothing more will come."""
COMPLETED = "--completed"
CHUNK = 1 << 16
ENDED = ("completed", "failed", "cancelled")
UNBEGUN = ("none", "")
ROTATES = 3
"""Looks after which a file that is not there does not come back."""


def follow_file(path: Path, interval_s: float, sleep: Callable[[float], None] = time.sleep) -> Followed:
    """A file that somebody else writes, while it is there; where it is gone, a few looks wait for it."""
    if not path.exists():
        raise UserError(f"there is no file {path}; for a command give --command, for standard input -")
    if path.is_dir():
        raise UserError(f"{path} is a folder; watch follows a file, a QMP socket or a command")
    gone = 0
    while gone <= ROTATES:
        gone = 0 if path.exists() else gone + 1
        yield path
        sleep(interval_s)


def follow_stdin(stream: BinaryIO, spool: Path) -> Followed:
    """What is written to standard input, as it comes; ends with it."""
    spool.touch()
    while chunk := os.read(stream.fileno(), CHUNK):
        with spool.open("ab") as out:
            out.write(chunk)
        yield spool


def follow_command(
    command: str, spool: Path, interval_s: float, sleep: Callable[[float], None] = time.sleep
) -> Followed:
    """What a command prints, again and again, until it fails or tells of no job any more.

    ``virsh domjobinfo`` forgets a job when it ends: then it is asked once for the completed one.
    """
    words = shlex.split(command)
    if not words:
        raise UserError("--command is empty; give for example 'virsh domjobinfo web'")
    seen = False
    while True:
        answer = _run(words)
        if _tells_of_a_job(answer):
            seen = True
            _append(spool, answer.stdout)
            yield spool
        elif seen:
            if _is_domjobinfo(words) and COMPLETED not in words:
                last = _run([*words, COMPLETED])
                if last.returncode == 0:
                    _append(spool, last.stdout)
                    yield spool
            return
        elif answer.returncode:
            told = " ".join(answer.stderr.split()) or f"it ended with {answer.returncode}"
            raise UserError(f"--command {command!r} failed: {told[:300]}")
        sleep(interval_s)


def _run(words: list[str]) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(words, capture_output=True, text=True, errors="replace", check=False)
    except OSError as error:
        raise UserError(f"--command cannot run {words[0]!r}: {error.strerror or error}") from None


def _is_domjobinfo(words: list[str]) -> bool:
    return "domjobinfo" in words


def _tells_of_a_job(answer: subprocess.CompletedProcess[str]) -> bool:
    """Whether a command succeeded and does not say that there is no job."""
    told = " ".join(answer.stdout.split()).lower()
    return answer.returncode == 0 and bool(told) and not told.replace(" ", "").startswith("jobtype:none")


def _append(spool: Path, text: str) -> None:
    with spool.open("a", encoding="utf-8") as out:
        out.write(text.rstrip("\n") + "\n\n")


def is_socket(path: Path) -> bool:
    """True for a unix socket, such as QEMU's ``-qmp unix:PATH,server=on,wait=off``."""
    return path.is_socket()


def follow_qmp(
    path: Path, spool: Path, interval_s: float, sleep: Callable[[float], None] = time.sleep
) -> Followed:
    """Answers of ``query-migrate``, from the begin of the migration under way, or the next, to its end.

    A migration that was over before is not taken for the next one. The downtime limit in force stands beside.
    """
    with _Monitor(path) as monitor:
        before = monitor.ask("query-migrate")
        waits = before.get("status", "") in (*UNBEGUN, *ENDED)
        known: dict[str, Any] = {}
        while True:
            answer = monitor.ask("query-migrate")
            status = answer.get("status", "")
            if not (waits and (status in UNBEGUN or answer == before)):
                waits = False
                known = _told(monitor, spool, known)
                _line(spool, {"return": answer})
                yield spool
                if status in ENDED:
                    return
            sleep(interval_s)


def _told(monitor: _Monitor, spool: Path, before: dict[str, Any]) -> dict[str, Any]:
    """The limit in force, written where it has changed."""
    limit = monitor.ask("query-migrate-parameters").get("downtime-limit")
    known = {} if limit is None else {"blackout_target_ms": float(limit)}
    if known != before:
        _line(spool, {"known": known})
    return known


def _line(spool: Path, value: dict[str, Any]) -> None:
    with spool.open("a", encoding="utf-8") as out:
        out.write(json.dumps(value) + "\n")


class _Monitor:
    """A session with QEMU's monitor."""

    def __init__(self, path: Path, timeout_s: float = 30.0) -> None:
        self.path = path
        if not hasattr(socket, "AF_UNIX"):
            raise UserError(f"this system has no sockets in files, such as {path}: watch a file or a command")
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(timeout_s)

    def __enter__(self) -> _Monitor:
        try:
            self.socket.connect(str(self.path))
        except OSError as error:
            self.socket.close()
            raise UserError(f"there is no QEMU at {self.path}: {error.strerror or error}") from None
        self.lines = self.socket.makefile("rb")
        with ExitStack() as failed:
            failed.callback(self.__exit__)
            if "QMP" not in self._next():
                raise UserError(f"what answers at {self.path} is not QEMU's monitor")
            self.ask("qmp_capabilities")
            failed.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self.lines.close()
        self.socket.close()

    def ask(self, command: str) -> dict[str, Any]:
        """The answer to a command; events that come in between are passed over."""
        self.socket.sendall(json.dumps({"execute": command}).encode() + b"\n")
        while True:
            answer = self._next()
            told = answer.get("return")
            if isinstance(told, dict):
                return told
            if "error" in answer:
                raise UserError(f"QEMU refused {command}: {answer['error']}")

    def _next(self) -> dict[str, Any]:
        try:
            answer = json.loads(self.lines.readline())
        except TimeoutError:
            raise UserError(f"QEMU at {self.path} does not answer") from None
        except (OSError, ValueError):
            raise UserError(f"QEMU at {self.path} ended the session before the migration did") from None
        if not isinstance(answer, dict):
            raise UserError(f"what answers at {self.path} is not QEMU's monitor")
        return answer
