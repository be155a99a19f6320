"""How a command is stopped: by Ctrl-C, by a supervisor, by the end of its terminal, by a full disk."""

from __future__ import annotations

import errno
import os
import signal
import threading
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
CALLED_BACK = {"_raw_object_cache_notify", "_raw_object_cache_getbuffer"}
"""Functions of llvmlite that the compiler calls: what is raised in one is printed, and lost."""
SOON_S = 0.02
"""After which a signal that met one of them is sent again."""


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

    A signal that whoever started the command had switched off, as ``nohup`` does, stays so.
    """
    if signal.getsignal(signal.SIGINT) is _leave:
        signal.signal(signal.SIGINT, _interrupt)
    for name in STOPS:
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) in (signal.SIG_DFL, _leave):
            signal.signal(number, _stop)


def _interrupt(number: int, frame: FrameType | None) -> None:
    if not _put_off(number, frame):
        raise KeyboardInterrupt


def _stop(number: int, frame: FrameType | None) -> None:
    if not _put_off(number, frame):
        signal.signal(number, signal.SIG_DFL)  # whoever asks twice does not want to wait
        raise KeyboardInterrupt


def _put_off(number: int, frame: FrameType | None) -> bool:
    """True where a signal has come while the compiler called back; it comes again then."""
    while frame is not None and frame.f_code.co_name not in CALLED_BACK:
        frame = frame.f_back
    if frame is None:
        return False
    again = threading.Timer(SOON_S, os.kill, (os.getpid(), number))
    again.daemon = True
    again.start()
    return True


def sentence(error: OSError) -> str | None:
    """What a fault of the machine is in words, with the file; None for a fault of the program."""
    said = WORDS.get(error.errno or 0)
    if said is None:
        return None
    place = f" ('{error.filename}')" if error.filename else ""
    return f"{said}{place}; what is done is kept, the same command carries on"
