"""How a command is stopped: by Ctrl-C, by a supervisor, by the end of its terminal, by a full disk."""

from __future__ import annotations

import errno
import os
import signal
import sys
import threading
from collections.abc import Callable
from types import FrameType

STOPS = ("SIGTERM", "SIGHUP", "SIGBREAK")
"""Signals that stop a command as Ctrl-C does; not every system has each."""
WORDS = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the quota of disk space is used up",
    errno.EROFS: "the disk can only be read",
    errno.EACCES: "permission denied",
    errno.EPERM: "not permitted",
    errno.EIO: "the disk failed",
    errno.EMFILE: "too many files are open",
    errno.ENFILE: "too many files are open on this machine",
    errno.ENOMEM: "too little memory",
}
"""Faults of the machine, as a user reads them."""
SOON_S = 0.02
"""After which a signal is sent again that came where it is lost."""


def early() -> None:
    """While a program loads what it needs: a signal ends it at once, nothing is there to keep."""
    for name in ("SIGINT", *STOPS):
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) in (signal.SIG_DFL, signal.default_int_handler):
            signal.signal(number, _leave)


def _leave(number: int, frame: FrameType | None) -> None:
    os.write(2, b"error: stopped\n")
    os._exit(130)


def listen() -> None:
    """From now on SIGTERM, and the end of the terminal, stop in order: what is done is kept.

    A signal that whoever started the command had switched off, as ``nohup`` does, stays so. One that comes
    while an object ends, or machine code calls back, where what is raised is printed and lost, comes again.
    """
    if signal.getsignal(signal.SIGINT) is _leave:
        signal.signal(signal.SIGINT, _interrupt)
    for name in STOPS:
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) in (signal.SIG_DFL, _leave):
            signal.signal(number, _stop)
    if not isinstance(sys.unraisablehook, _Lost):
        sys.unraisablehook = _Lost(sys.unraisablehook)


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt(number)


def _stop(number: int, frame: FrameType | None) -> None:
    signal.signal(number, signal.SIG_DFL)  # whoever asks twice does not want to wait
    raise KeyboardInterrupt(number)


class _Lost:
    """Where Python brings what was raised and nobody can catch: a signal is sent again, the rest is told."""

    def __init__(self, others: Callable[[sys.UnraisableHookArgs], object]) -> None:
        self.others = others

    def __call__(self, lost: sys.UnraisableHookArgs) -> None:
        match lost.exc_value:
            case KeyboardInterrupt(args=(int(number),)):
                signal.signal(number, _interrupt if number == signal.SIGINT else _stop)
                again = threading.Timer(SOON_S, os.kill, (os.getpid(), number))
                again.daemon = True
                again.start()
            case _:
                self.others(lost)


def sentence(error: OSError) -> str | None:
    """What a fault of the machine is in words, with the file; None for a fault of the program."""
    said = WORDS.get(error.errno or 0)
    if said is None:
        return None
    place = f" ('{error.filename}')" if error.filename else ""
    return f"{said}{place}; what is done is kept, the same command carries on"
