"""A Dask cluster, for batches of reports and for sweeps: the extra ``cluster``."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from typing import Any

from analysis.errors import WorkError
from analysis.parameters import ParameterError

SCHEMES = ("tcp", "tls", "ws", "wss", "ucx")
"""How a scheduler may be spoken to. ``inproc`` is none: this process has no scheduler of its own."""
CLOSES_S = 2.0
"""How long a scheduler may take to hear that its client goes: one that went away itself never does."""
REPLACED_S = 5.0
"""How long a scheduler may be without workers: one that died is replaced in a second or two."""
QUIET = ("distributed.client", "distributed.core", "distributed.utils", "tornado.application")
"""Who logs tracebacks when a scheduler goes away, which is told in a sentence."""
_ADDRESS = re.compile(
    r"(?:(?P<scheme>[^:/]*)://)?(?P<host>\[[0-9A-Fa-f:.%]+\]|[^\s:/\[\]]*)(?::(?P<port>[^:/]*))?/?"
)


def check_address(address: str | None) -> None:
    """ParameterError for what cannot be the address of a scheduler, asked before all else; None is none.

    >>> check_address("tcp://head-node:8786")
    """
    if address is None:
        return
    found = _ADDRESS.fullmatch(address)
    port = found["port"] or "" if found else ""
    if not found or not found["host"]:
        fault = "it names no host" if found and found["port"] else "it takes the form tcp://HOST:PORT"
    elif found["scheme"] is not None and found["scheme"] not in SCHEMES:
        fault = f"it begins with {found['scheme']}://, and takes one of {', '.join(SCHEMES)}"
    elif found["port"] is None:
        fault = "its port is missing, which is mostly 8786: tcp://HOST:PORT"
    elif not (port.isascii() and port.isdigit() and 0 < int(port[:9]) < 65536):
        fault = f"its port is {port!r}, and takes a whole number from 1 to 65535"
    else:
        return
    raise ParameterError(f"{address!r} is no address of a Dask scheduler: {fault}")


def connect(address: str, timeout: str = "10s") -> Any:
    """A client of the scheduler at an address; ParameterError where none answers, or it has no workers."""
    check_address(address)
    try:
        client_of = _client()
    except ImportError:
        reason = "--scheduler needs Dask, the extra `cluster`: pip install -e '.[cluster]'"
        raise ParameterError(reason) from None
    for name in QUIET:
        logging.getLogger(name).setLevel(logging.CRITICAL)
    try:
        client = client_of(address, timeout=timeout, set_as_default=False)
    except (OSError, ValueError, TimeoutError) as error:
        raise ParameterError(f"no Dask scheduler answers at {address}: {_first_line(error)}") from None
    try:
        client.wait_for_workers(1, timeout=REPLACED_S)
    except TimeoutError:
        client.close()
        reason = f"the Dask scheduler at {address} has no workers: start `dask worker {address}`"
        raise ParameterError(reason) from None
    return client


@cache
def _client() -> Any:
    """Dask's client, but closed only by who opened it, and not for longer than it may take.

    Dask's own closes once more as it is thrown away, for 20 s where its scheduler went away before, with a
    traceback in the end.
    """
    import distributed

    class Client(distributed.Client):
        def __del__(self) -> None:
            pass

        def close(self, timeout: Any = CLOSES_S) -> Any:
            with suppress(TimeoutError):
                return super().close(timeout)  # type: ignore[no-untyped-call]

    return Client


def check_answers(address: str | None) -> None:
    """As :func:`connect` refuses, for who is about to write a folder; None is no scheduler."""
    if address is not None:
        connect(address).close()


@contextmanager
def told(address: str) -> Iterator[None]:
    """Turn the end of a scheduler, or of too many workers, into one sentence; WorkError."""
    from concurrent.futures import CancelledError

    import distributed
    from distributed.client import FutureCancelledError
    from distributed.comm.core import CommClosedError

    try:
        yield
    except distributed.scheduler.KilledWorker as error:
        raise WorkError(f"the workers of {address} keep ending: {_first_line(error)}") from None
    except (CancelledError, FutureCancelledError, CommClosedError, ConnectionError) as error:
        raise WorkError(f"the Dask scheduler at {address} went away: {_first_line(error)}") from None


def _first_line(error: BaseException) -> str:
    if reason := getattr(error, "reason", None):  # of a future, whose sentence is about keys
        return str(reason).replace("-", " ")
    return str(error).strip().partition("\n")[0] or type(error).__name__
