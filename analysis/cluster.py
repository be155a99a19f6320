"""A Dask cluster, for batches of reports and for sweeps: the extra ``cluster``."""

from __future__ import annotations

from typing import Any

from analysis.parameters import ParameterError


def connect(address: str, timeout: str = "10s") -> Any:
    """A client of the scheduler at an address; ParameterError where none answers, or it has no workers."""
    try:
        import distributed
    except ImportError:
        reason = "--scheduler needs Dask, the extra `cluster`: pip install -e '.[cluster]'"
        raise ParameterError(reason) from None
    try:
        client = distributed.Client(address, timeout=timeout, set_as_default=False)
    except (OSError, ValueError, TimeoutError) as error:
        raise ParameterError(f"no Dask scheduler answers at {address}: {_first_line(error)}") from None
    if not client.nthreads():
        client.close()
        raise ParameterError(f"the Dask scheduler at {address} has no workers: start `dask worker {address}`")
    return client


def _first_line(error: BaseException) -> str:
    return str(error).strip().partition("\n")[0] or type(error).__name__
