"""The list from first row to last: what is done is not done again, what was disturbed is tried anew."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

from data.collect.laboratory import guest, leftovers, machine, migration, tables
from data.collect.laboratory.configurations import Configuration
from data.collect.laboratory.disturbance import disturbed
from data.collect.laboratory.machine import LaboratoryError
from data.collect.laboratory.records import Records
from data.collect.qemu import QmpError

ATTEMPTS = 3
"""How often a row is tried in one run; the next run tries what is left again."""


class Stopped(BaseException):
    """The laboratory was told to end, by a signal; everything is put away before it does."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


@dataclass
class Done:
    """What a run did: rows measured, rows that were there, and why others are not, by their keys."""

    measured: int
    before: int
    left: dict[str, str]
    tables: list[Path]


@contextmanager
def orderly() -> Iterator[None]:
    """Let SIGTERM and Ctrl+C end the work once: a second one does not disturb what puts things away."""
    numbers = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)

    def end(number: int, frame: FrameType | None) -> None:
        for each in numbers:
            signal.signal(each, signal.SIG_IGN)
        raise Stopped(number)

    before = {number: signal.signal(number, end) for number in numbers}
    try:
        yield
    except Stopped:
        leftovers.own()
        raise
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


Tell = Callable[[Configuration, str], None]
"""Hears of each row: ``had``, ``begins``, ``done``, or why an attempt does not count."""


def run(configurations: list[Configuration], out: Path, accelerator: str, tell: Tell, prefix: str) -> Done:
    """Measure what the folder does not hold yet; the tables are written anew after every row."""
    records = Records(out)
    had = {record["key"] for record in records.good()}
    todo = [one for one in configurations if one.key not in had]
    left: dict[str, str] = {}
    made: list[Path] = tables.write(out, records.good(), prefix) if had else []
    for one in configurations:
        if one.key in had:
            tell(one, "had")
    leftovers.tidy()
    with orderly(), leftovers.folder() as folder:
        image, version = guest.build(Path(folder)), machine.version()
        for one in todo:
            why = attempts(one, image, accelerator, version, records, tell)
            if why is None:
                made = tables.write(out, records.good(), prefix)
            else:
                left[one.key] = why
    return Done(len(todo) - len(left), len(configurations) - len(todo), left, made)


def attempts(
    one: Configuration, image: Path, accelerator: str, version: str, records: Records, tell: Tell
) -> str | None:
    """Try one row until it counts; why it does not after the last attempt."""
    why: str | None = None
    for _ in range(ATTEMPTS):
        tell(one, "begins")
        why = attempt(one, image, accelerator, version, records)
        tell(one, why or "done")
        if why is None:
            return None
    return why


def attempt(one: Configuration, image: Path, accelerator: str, version: str, records: Records) -> str | None:
    """Measure once and keep the record; why it does not count, or None."""
    try:
        record: dict[str, Any] = migration.measure(one, image, accelerator)
    except (LaboratoryError, QmpError) as error:
        return str(error)
    except ConnectionError as error:
        return f"a QEMU ended while it was asked: {error.strerror}"
    except subprocess.CalledProcessError as error:
        return f"`{' '.join(map(str, error.cmd))}` failed"
    why = disturbed(record) if record["status"] in ("completed", "timeout") else f"QEMU: {record['error']}"
    records.add(record | {"disturbed": why, "qemu": version, "accelerator": accelerator})
    return why
