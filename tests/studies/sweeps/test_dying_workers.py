"""A Dask worker that dies: it is replaced, or its work done by another, and the sweep ends the same."""

import os
import signal
import sys
import time

import pytest

from analysis.errors import WorkError
from analysis.studies.sweeps import makers
from analysis.studies.sweeps.sweep import PART, sweep
from tests.soak.parts import dying_at
from tests.soak.processes import Cluster

pytest.importorskip("distributed", reason="no Dask here: nothing runs on a cluster")
pytestmark = [
    pytest.mark.nightly,
    pytest.mark.skipif(sys.platform != "linux", reason="finds processes by /proc"),
]
DESIGN = {
    "parameters": {
        "memory_gib": {"from": 1, "to": 64, "spacing": "log"},
        "dirty_pages_per_s": {"from": 0, "to": 1e5},
        "transport": "tcpip",
    },
    "rows": 4 * PART + 1_000,
    "seed": 7,
    "outcomes": ["total_s"],
    "precision": "single",
    "reduce": {"spread": {"quantiles": "total_s", "by": {"memory_gib": 5}}},
}


@pytest.fixture
def cluster(tmp_path, monkeypatch):
    """A scheduler and two workers, each kept by a nanny that replaces it."""
    folder = tmp_path / "cluster"
    folder.mkdir()
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, sys.path)))
    made = Cluster(f"dying workers {tmp_path.name}", folder)
    yield made
    made.close()


def test_parts_of_a_worker_that_dies_are_made_again(tmp_path, cluster):
    """Killed in the middle of a part: every part is made, in order, none twice; the worker is replaced."""
    before = set(cluster.victims("worker"))
    made = list(makers.made_by_cluster(dying_at(2, tmp_path), range(5), cluster.address))
    assert made == [(part, part * part) for part in range(5)]
    until = time.monotonic() + 60
    while len(after := set(cluster.victims("worker"))) < 2 and time.monotonic() < until:
        time.sleep(0.1)
    assert len(after) == 2
    assert after != before


def test_a_part_that_kills_every_worker_ends_in_a_sentence(tmp_path, cluster):
    """After as many workers as Dask allows one part, a sentence; the parts before it are handed in."""
    making = makers.made_by_cluster(dying_at(1, tmp_path, always=True), range(2), cluster.address)
    assert next(making) == (0, 0)
    with pytest.raises(WorkError, match=r"the workers of tcp://.* keep ending"):
        next(making)


def test_a_sweep_whose_worker_is_killed_ends_the_same(tmp_path, cluster):
    """One worker is killed once the first part is there: rows and tables as if nobody had died."""
    alone = sweep(DESIGN, tmp_path / "alone", workers=1)
    killed: list[int] = []

    def progress(done: int, total: int) -> None:
        if 0 < done < total and not killed:
            killed.append(cluster.victims("worker")[0])
            os.kill(killed[0], signal.SIGKILL)

    other = sweep(DESIGN, tmp_path / "dask", scheduler=cluster.address, progress=progress)
    assert len(killed) == 1
    assert other.rows == alone.rows
    parts = sorted(alone.path.iterdir())
    assert [p.name for p in sorted(other.path.iterdir())] == [p.name for p in parts]
    assert all(p.read_bytes() == (other.path / p.name).read_bytes() for p in parts)
    assert other.tables["spread"].equals(alone.tables["spread"])
