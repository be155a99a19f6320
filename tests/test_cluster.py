"""A Dask cluster that goes away: told in one sentence, and nothing is waited for or printed afterwards."""

import gc
import logging
import threading
from contextlib import closing

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


def test_a_worker_that_is_being_replaced_is_waited_for(monkeypatch):
    """A scheduler whose workers died is no user's mistake until none has come back."""
    monkeypatch.setattr(cluster, "REPLACED_S", 0.2)
    none = {"n_workers": 0, "threads_per_worker": 1, "processes": False, "protocol": "tcp"}
    with distributed.LocalCluster(**none, host="127.0.0.1", dashboard_address=None) as dask:
        with pytest.raises(ParameterError, match="has no workers: start `dask worker tcp://"):
            cluster.connect(dask.scheduler_address)
        monkeypatch.setattr(cluster, "REPLACED_S", 60.0)
        later = threading.Timer(0.5, dask.scale, [1])
        later.start()
        with closing(cluster.connect(dask.scheduler_address)) as client:
            assert len(client.nthreads()) == 1
        later.join()
