#!/usr/bin/env python3
"""Record a live migration of QEMU: ask `query-migrate` again and again, an answer a line.

    python3 data/collect/qemu.py /run/vm/qmp.sock --out web.jsonl --known bandwidth_gbps=10

Start it before the migration, on the sending host; it waits for the migration, and ends when that does. The
socket is one that QEMU opened with `-qmp unix:PATH,server=on,wait=off`. Needs Python 3.11 and nothing else.
What it writes is read by `python -m analysis observe web.jsonl`, and by `calibrate` and `validate` where
`--known` says what was known beforehand (names and units: `python -m analysis predict --help`).
"""

from __future__ import annotations

import argparse
import json
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, nullcontext
from datetime import UTC, datetime
from typing import IO, Any

ENDED = ("completed", "failed", "cancelled")
UNBEGUN = ("none", "")


class QmpError(Exception):
    """QEMU cannot be asked; the message is one sentence."""


class Qmp:
    """A session with QEMU's monitor over a unix socket."""

    def __init__(self, path: str, timeout_s: float = 30.0):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(timeout_s)
        self.lines = self.socket.makefile("rb")
        try:
            self._begin(path)
        except BaseException:
            self.close()
            raise

    def _begin(self, path: str) -> None:
        try:
            self.socket.connect(path)
        except OSError as error:
            raise QmpError(f"there is no QEMU at {path}: {error.strerror or error}") from None
        if "QMP" not in self._next():
            raise QmpError(f"what answers at {path} is not QEMU's monitor")
        self.ask("qmp_capabilities")

    def close(self) -> None:
        """End the session; QEMU goes on."""
        self.lines.close()
        self.socket.close()

    def ask(self, command: str, arguments: dict[str, Any] | None = None) -> Any:
        """The answer to a command; events that come in between are passed over."""
        told = {"execute": command} | ({"arguments": arguments} if arguments else {})
        self.socket.sendall(json.dumps(told).encode() + b"\n")
        while True:
            answer = self._next()
            if "return" in answer:
                return answer["return"]
            if "error" in answer:
                raise QmpError(f"QEMU refused {command}: {answer['error'].get('desc', answer['error'])}")

    def _next(self) -> dict[str, Any]:
        try:
            line = self.lines.readline()
            answer = json.loads(line)
        except TimeoutError:
            raise QmpError("QEMU does not answer") from None
        except (OSError, ValueError):
            raise QmpError("QEMU ended the session") from None
        if not isinstance(answer, dict):
            raise QmpError("what answers is not QEMU's monitor")
        return answer


def samples(qmp: Qmp, interval_s: float) -> Iterator[dict[str, Any]]:
    """Answers from the begin of the next migration to its end.

    A migration that was over before is not taken for the next one.
    """
    before = qmp.ask("query-migrate")
    waiting = before.get("status", "") in (*UNBEGUN, *ENDED)
    due = time.monotonic()
    while True:
        answer = qmp.ask("query-migrate")
        status = answer.get("status", "")
        if not (waiting and (status in UNBEGUN or answer == before)):
            waiting = False
            yield answer
            if status in ENDED:
                return
        due = max(due + interval_s, time.monotonic())
        time.sleep(max(due - time.monotonic(), 0))


def write(out: IO[str], name: str, known: dict[str, Any], answers: Iterator[dict[str, Any]]) -> int:
    """Write what was known and each answer, a line each, at once; the number of answers."""
    if known:
        print(json.dumps({"migration": name, "known": known}), file=out, flush=True)
    count = 0
    for answer in answers:
        count += 1
        at = datetime.now(UTC).isoformat(timespec="milliseconds")
        print(json.dumps({"migration": name, "time": at, "return": answer}), file=out, flush=True)
    return count


def opened(path: str) -> AbstractContextManager[IO[str]]:
    """A new file, or standard output for ``-``."""
    return nullcontext(sys.stdout) if path == "-" else open(path, "x", encoding="utf-8")


def given(text: str) -> tuple[str, Any]:
    """`name=value` as a pair; a value that is a number becomes one."""
    name, found, value = text.partition("=")
    if not (found and name and value):
        raise argparse.ArgumentTypeError(f"{text!r} is not of the form name=value")
    try:
        return name, float(value)
    except ValueError:
        return name, value


def arguments(words: list[str] | None = None) -> argparse.Namespace:
    """What the command line says."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("socket", help="QEMU's QMP socket")
    parser.add_argument("--out", default="-", help="file to write, - for standard output (default)")
    parser.add_argument("--name", default="migration", help="what the migration is called")
    parser.add_argument(
        "--interval", type=float, default=0.1, help="seconds between two questions (default 0.1)"
    )
    parser.add_argument("--known", type=given, action="append", default=[], metavar="NAME=VALUE",
                        help="a parameter known beforehand; may be given several times")  # fmt: skip
    return parser.parse_args(words)


def main(words: list[str] | None = None) -> int:
    """Record one migration; 0 when it ended, 1 when QEMU could not be asked, 130 when stopped."""
    options = arguments(words)
    try:
        with closing(Qmp(options.socket)) as qmp, opened(options.out) as out:
            count = write(out, options.name, dict(options.known), samples(qmp, options.interval))
    except FileExistsError:
        print(f"error: {options.out} exists already; nothing was recorded", file=sys.stderr)
        return 1
    except QmpError as error:
        print(f"error: {error}; what was recorded is kept", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("stopped; what was recorded is kept", file=sys.stderr)
        return 130
    print(f"{count} samples recorded", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
