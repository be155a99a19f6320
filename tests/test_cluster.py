"""A Dask cluster that goes away: told in one sentence, and nothing is waited for or printed afterwards."""

import gc
import logging

import pytest

from analysis import cluster
from analysis.errors import WorkError
from analysis.parameters import ParameterError

distributed = pytest.importorskip("distributed", reason="no Dask here: nothing runs on a cluster")
ADDRESS = "tcp://head-node:8786"


def test_a_client_that_nobody_hears_closes_in_its_time_and_only_once(monkeypatch):
    """Closing waits two seconds for a scheduler that went away, and a client thrown away closes no more."""
    asked = []

    def never(self, timeout):
        asked.append(timeout)
        raise TimeoutError

    monkeypatch.setattr(distributed.Client, "close", never)
    client = object.__new__(cluster._client())
    assert client.close() is None
    del client
    gc.collect()
    assert asked == [2]


def test_futures_of_a_scheduler_that_went_away_are_told_by_their_reason():
    """Not by their keys, which say nothing to a person."""
    error = distributed.client.FutureCancelledError("_Prepared-5d32b61a", "scheduler-connection-lost")
    with (
        pytest.raises(
            WorkError, match=f"^the Dask scheduler at {ADDRESS} went away: scheduler connection lost$"
        ),
        cluster.told(ADDRESS),
    ):
        raise error


def test_dask_logs_no_traceback_of_what_is_told_in_a_sentence():
    """By none of its parts that try to reach a scheduler, nor by the library that calls them."""
    with pytest.raises(ParameterError, match="no Dask scheduler answers"):
        cluster.connect("tcp://127.0.0.1:9", timeout="200 ms")
    assert {logging.getLogger(name).level for name in cluster.QUIET} == {logging.CRITICAL}
