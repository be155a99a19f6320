"""QEMU: the virtual machine that leaves, and the one that it becomes."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path

from data.collect.qemu import Qmp, QmpError

QEMU = "qemu-system-x86_64"
NICENESS = -15
"""QEMU goes before other work: a late guest writes less than it was told."""
AUTOGROUP = "/proc/{}/autogroup"
"""Where Linux groups the processes of a session, niceness counts between groups."""
TRACED = ("migration_bitmap_sync_end", "migrate_set_state")


class LaboratoryError(Exception):
    """A measurement went wrong; the message is one sentence."""


@dataclass(frozen=True)
class Machine:
    """A running QEMU and where it is heard: monitor, serial line, trace."""

    process: subprocess.Popen[bytes]
    monitor: Path
    serial: Path
    trace: Path

    def wait_for(self, holds: Callable[[], bool], what: str, seconds: float = 120) -> None:
        """Wait until something holds; LaboratoryError where QEMU ends before, or it takes too long."""
        end = time.monotonic() + seconds
        while not holds():
            if self.process.poll() is not None:
                raise LaboratoryError(f"QEMU ended before {what}: {self.said()}")
            if time.monotonic() > end:
                raise LaboratoryError(f"{what} took more than {seconds:g} s")
            time.sleep(0.05)

    def said(self) -> str:
        """QEMU's last line on its error output."""
        lines = self.monitor.with_suffix(".err").read_text(errors="replace").split("\n")
        return next((line for line in reversed(lines) if line.strip()), "it said nothing")

    def session(self, undo: ExitStack) -> Qmp:
        """A session with its monitor, closed at the end."""
        self.wait_for(self.monitor.exists, "its monitor was there", 30)
        try:
            qmp = Qmp(str(self.monitor))
        except QmpError as error:
            raise LaboratoryError(f"{error} ({self.said()})") from None
        undo.callback(qmp.close)
        return qmp


def hardware(accelerator: str) -> list[str]:
    """QEMU's options that say what computes: the processor itself, or emulation."""
    return ["-accel", "kvm", "-cpu", "host"] if accelerator == "kvm" else ["-accel", "tcg", "-cpu", "max"]


def started(
    undo: ExitStack, folder: Path, space: str, options: list[str], niceness: int = NICENESS
) -> Machine:
    """QEMU in a namespace with these options; killed at the end, and by the kernel should this process be."""
    base = folder / space
    log = undo.enter_context(base.with_suffix(".err").open("wb"))
    process = subprocess.Popen(
        ["ip", "netns", "exec", space, "setpriv", "--pdeathsig", "KILL", "nice", "-n", str(niceness), QEMU,
         "-nodefaults", "-no-reboot", "-display", "none", "-msg", "timestamp=on",
         "-serial", f"file:{base}.serial", "-qmp", f"unix:{base}.qmp,server=on,wait=off",
         *(word for name in TRACED for word in ("-trace", name)), "-D", f"{base}.trace", *options],
        stdout=subprocess.DEVNULL, stderr=log, start_new_session=True,
    )  # fmt: skip
    undo.callback(process.wait)
    undo.callback(_kill, process.pid)
    with suppress(OSError):  # a kernel that makes no such groups: then niceness itself counts
        Path(AUTOGROUP.format(process.pid)).write_text(str(niceness))
    return Machine(process, base.with_suffix(".qmp"), base.with_suffix(".serial"), base.with_suffix(".trace"))


@dataclass(frozen=True)
class Processor:
    """The thread that is a guest's processor, from a moment on."""

    schedule: Path
    from_s: float
    from_ns: tuple[int, int]

    def shares(self) -> tuple[float, float]:
        """Per cent of the time since then in which it ran, and in which it waited to."""
        ran, waited = (now - then for now, then in zip(scheduled(self.schedule), self.from_ns, strict=True))
        span_s = time.monotonic() - self.from_s
        return ran / span_s / 1e7, waited / span_s / 1e7


def processor_of(one: Machine, qmp: Qmp) -> Processor:
    """The first processor of a machine, from now on."""
    thread = qmp.ask("query-cpus-fast")[0]["thread-id"]
    schedule = Path(f"/proc/{one.process.pid}/task/{thread}/schedstat")
    return Processor(schedule, time.monotonic(), scheduled(schedule))


def scheduled(schedule: Path) -> tuple[int, int]:
    """Nanoseconds in which a thread ran, and in which it waited to, since it began."""
    ran, waited, _ = schedule.read_text(encoding="ascii").split()
    return int(ran), int(waited)


def _kill(pid: int) -> None:
    """End a QEMU and what it started; one that ended by itself is no fault."""
    try:
        os.killpg(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def version() -> str:
    """The first line of ``qemu-system-x86_64 --version``."""
    said = subprocess.run([QEMU, "--version"], check=True, capture_output=True, text=True).stdout
    return said.splitlines()[0]
