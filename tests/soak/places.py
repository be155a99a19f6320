"""Places that give trouble: a full disk, one that can only be read, a folder that another run writes to."""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path

from tests.soak import processes
from tests.soak.work import ALL, Work, made

WORKS = {work.name: work for work in ALL}


def full_disk(folder: Path) -> list[str]:
    """A disk that fills up: one sentence, exit code 1, nothing half-written; with room it carries on."""
    if os.geteuid() != 0 or not Path("/proc/mounts").exists():
        return []
    faults = []
    for name, kib in (("sweep", 12_000), ("report", 80), ("calibrate", 16), ("drain", 16)):
        work = WORKS[name]
        with processes.small_disk(folder / name, kib) as disk:
            work.prepare(disk)
            if kib < 50:  # what is written is small: nothing is free
                _fill(disk / "filling")
            code, said = _run(work, disk, folder / f"{name} kept")
            if code != 1 or "the disk is full" not in said or "Traceback" in said:
                faults.append(f"full disk, {name}: ended with {code}, says {said[-800:]}")
            halves = [p.name for p in disk.rglob(".*") if p.is_file()]
            if halves:
                faults.append(f"full disk, {name}: left {', '.join(halves)}")
            os.system(f"mount -o remount,size=200m '{disk}'")
            (disk / "filling").unlink(missing_ok=True)
            code, said = _run(work, disk, folder / f"{name} kept")
            if code != 0:
                faults.append(f"disk with room again, {name}: ended with {code}, says {said[-800:]}")
    return faults


def _fill(file: Path) -> None:
    with contextlib.suppress(OSError), file.open("wb", buffering=0) as grows:
        while True:
            grows.write(bytes(512))


def folder_to_read(folder: Path) -> list[str]:
    """A disk that can only be read: one sentence, exit code 2, before anything is evaluated."""
    if os.geteuid() != 0:
        return []
    faults = []
    with processes.small_disk(folder / "disk", 5000) as disk:
        for name in ("sweep", "report", "calibrate", "drain"):
            WORKS[name].prepare(disk / name) if (disk / name).mkdir() is None else None
        os.system(f"mount -o remount,ro '{disk}'")
        for name in ("sweep", "report", "calibrate", "drain"):
            code, said = _run(WORKS[name], disk / name, folder / "kept")
            if code != 2 or "cannot be written" not in said or "Traceback" in said:
                faults.append(f"read-only, {name}: ended with {code}, says {said[-500:]}")
    return faults


def two_at_once(folder: Path) -> list[str]:
    """Two runs into one folder: the second is refused in one sentence, the first ends as if alone."""
    faults = []
    for name in ("sweep", "report"):
        work, place = WORKS[name], folder / name
        place.mkdir(parents=True)
        work.prepare(place)
        env = processes.environment(f"two-{name}", work.environment, folder / "kept")
        first = processes.start(work.arguments, place, env, folder / "first.txt")
        until = time.monotonic() + 120
        while not any(place.rglob(".lock")) and time.monotonic() < until:
            time.sleep(0.02)
        code, said = _run(work, place, folder / "kept")
        if first.poll() is None and (code != 2 or "another run is writing into the folder" not in said):
            faults.append(f"two at once, {name}: the second ended with {code}, says {said[-500:]}")
        if first.wait(600) != 0:
            faults.append(f"two at once, {name}: the first says {(folder / 'first.txt').read_text()[-500:]}")
        if not made(place) or any(place.rglob(".*")):
            faults.append(f"two at once, {name}: {[p.name for p in place.rglob('.*')]} are left")
    return faults


CHECKS = (full_disk, folder_to_read, two_at_once)


def _run(work: Work, place: Path, kept: Path) -> tuple[int, str]:
    env = processes.environment(place.name, work.environment, kept)
    said = kept / "said.txt"
    code = processes.start(work.arguments, place, env, said).wait(600)
    return code, said.read_text(encoding="utf-8", errors="replace")
