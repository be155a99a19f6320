"""The script that measures what an earlier migration is worth: whom it judges, and by whom."""

import numpy as np
import pandas as pd

from analysis.observations.lab import LABORATORY
from analysis.studies.hosts.host import load_host
from benchmarks import earlier


def test_only_those_with_others_alike_are_judged():
    """Of three machines two are alike: each of these is told the other's time, and is predicted apart."""
    known = {"memory_gib": [4.0, 4.0, 8.0], "stop_rule": "qemu", "bandwidth_gbps": 1.0}
    measured = {"measured_total_s": [37.2, 37.4, 70.0], "measured_blackout_s": [0.0, 0.3, 0.3]}
    table = pd.DataFrame(known | measured)
    found = earlier.judged(load_host(LABORATORY), table, np.ones(3, bool), last=1, seed=0)
    alone, both, measured = found["total_s"]
    assert measured.tolist() == [37.2, 37.4]
    assert alone.total_s.iloc[0] == alone.total_s.iloc[1]
    assert alone.total_s.iloc[1] > both.total_s.iloc[0] > both.total_s.iloc[1]
    assert earlier.line("total_s", alone, alone.total_s).split()[:4] == ["0.0", "0.0", "100.0", "100.0"]
