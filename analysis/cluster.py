"""A Dask cluster, for batches of reports and for sweeps: the extra ``cluster``."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from analysis.errors import WorkError
from analysis.parameters import ParameterError

FORM = re.compile(r"(tcp|tls|ws|wss|ucx)://(\[[0-9A-Fa-f:.%]+\]|[^\s/:\[\]@?#]+):(\d{1,5})/?")
"""An address as `dask scheduler` prints it."""


def connect(address: str, timeout: str = "10s") -> Any:
    """A client of the scheduler at an address; ParameterError where none answers, or it has no workers."""
    try:
        import distributed
    except ImportError:
        reason = "--scheduler needs Dask, the extra `cluster`: pip install -e '.[cluster]'"
        raise ParameterError(reason) from None
    check(address)
    try:
        client = distributed.Client(address, timeout=timeout, set_as_default=False)
    except (OSError, ValueError, TimeoutError) as error:
        raise ParameterError(f"no Dask scheduler answers at {address}: {_first_line(error)}") from None
    if not client.nthreads():
        client.close()
        raise ParameterError(f"the Dask scheduler at {address} has no workers: start `dask worker {address}`")
    return client


def check(address: str) -> None:
    """ParameterError for what cannot be the address of a scheduler: Dask itself would wait for it."""
    found = FORM.fullmatch(address)
    if not found or not 0 < int(found[3]) < 65536:
        raise ParameterError(
            f"'{address}' is no address of a Dask scheduler; it takes the form tcp://HOST:PORT, as "
            "`dask scheduler` prints it"
        )


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
    return str(error).strip().partition("\n")[0] or type(error).__name__
