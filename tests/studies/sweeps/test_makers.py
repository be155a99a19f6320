"""Who makes the parts of a sweep: processes that are ended from outside are replaced."""

import multiprocessing
import os
from concurrent.futures import Future
from contextlib import nullcontext

import pytest

from analysis import cluster
from analysis.errors import WorkError
from analysis.studies.sweeps import makers
from tests.soak.parts import dying_at

SQUARES = [(0, 0), (1, 1), (2, 4), (3, 9), (4, 16)]
posix = pytest.mark.skipif(os.name == "nt", reason="SIGKILL is POSIX")


def test_parts_come_in_their_order(tmp_path):
    """By this process, and by two others."""
    make = dying_at(-1, tmp_path)
    assert list(makers.made_here(make, range(5))) == SQUARES
    assert list(makers.made_by_pool(make, range(5), 2)) == SQUARES


def test_workers_of_a_cluster_keep_memory_first(monkeypatch):
    """Each part goes to the scheduler as this maker's, once, whatever was made of it before."""
    asked, kept = [], []

    class Client:
        nthreads = staticmethod(lambda: {"a": 1, "b": 2})

        def submit(self, make, part, pure):
            asked.append((part, pure))
            done = Future()
            done.set_result(make(part))
            return done

    monkeypatch.setattr(cluster, "connect", lambda address: nullcontext(Client()))
    monkeypatch.setattr(cluster, "told", nullcontext)
    monkeypatch.setattr(makers, "keep_memory", lambda: kept.append(True))
    made = list(makers.made_by_cluster(lambda part: (part, part * part), range(5), "tcp://host:8786"))
    assert made == SQUARES
    assert asked == [(part, False) for part in range(5)]
    assert len(kept) == 5


@posix
def test_a_process_that_dies_is_replaced(tmp_path):
    """Killed once, as for want of memory: every part is made, none twice."""
    assert list(makers.made_by_pool(dying_at(2, tmp_path), range(5), 2)) == SQUARES


@posix
def test_a_part_that_always_kills_ends_in_a_sentence(tmp_path):
    """What was made before is handed in; then one sentence says how often it was ended, and what helps."""
    making = makers.made_by_pool(dying_at(1, tmp_path, always=True), range(5), 1)
    assert next(making) == (0, 0)
    with pytest.raises(WorkError, match=r"ended from outside 4 times in a row .* fewer --workers"):
        next(making)


@posix
def test_a_pool_that_is_stopped_while_it_starts_leaves_no_process(tmp_path, monkeypatch):
    """It does not know yet what it started, which would wait for parts, and this process for it, for ever."""
    start = makers._Process.start

    def stopped(process):
        start(process)
        raise KeyboardInterrupt

    monkeypatch.setattr(makers._Process, "start", stopped)
    with pytest.raises(KeyboardInterrupt):
        list(makers.made_by_pool(dying_at(-1, tmp_path), range(5), 2))
    assert multiprocessing.active_children() == []
