"""What every way of making passes gives of whole migrations: the same numbers, whatever the table is like.

The kernels that are compiled here are those of one class of pages; those of more are in test_engine.py.
"""

import numpy as np
import pytest

from analysis import migrate
from analysis.model import engine
from analysis.model.engine import Way
from analysis.model.migration import evaluate, filled
from analysis.model.stop_rules import STOP_RULES as PRESETS
from analysis.parameters import PARAMETERS, defaults
from analysis.studies.sweeps import designs
from tests.model import twin
from tests.scenarios import PLAIN_RULES

# Measured, so it may be measured anew: the twin is told.
twin.RULES["qemu"]["head_start_s"] = PRESETS["qemu"].head_start_s

needs_numba = pytest.mark.skipif(engine.find_spec("numba") is None, reason="Numba is not installed")
EVERY = [way if way == "plain" else pytest.param(way, marks=needs_numba) for way in engine.WAYS]
pytestmark = pytest.mark.thorough


@pytest.mark.parametrize("way", EVERY)
@pytest.mark.parametrize("name", [p.name for p in PARAMETERS.values() if p.choices])
def test_words_alone_may_vary(name, way):
    """Columns of one value beside words, on a ring that overflows: what migrate says of the same rows."""
    same_for_all = {"receive_buffers": 64, "receive_delay_us": 100, "dirty_pages_per_s": 2e4}
    if way == "compiled":  # with a limit on passes the kernels are those that the other test compiles
        same_for_all["pass_limit"] = 30
    words = list(PARAMETERS[name].choices)
    columns, _ = designs.parse({"parameters": {name: words, **same_for_all}}).stretch(0)
    found, expected = evaluate(columns, Way(way)), migrate(**{name: words}, **same_for_all)
    for outcome in ("goodput_gbps", "passes", "blackout_s", "total_s"):
        got = np.broadcast_to(found[outcome], len(words))
        np.testing.assert_allclose(got, expected[outcome], rtol=1e-9, err_msg=outcome)


@needs_numba
def test_only_rows_whose_rule_lifts_the_limit_pause_without_it():
    """Three rules in turn, with a limit and without: the kernel's pauses and volumes are the laws'."""
    asked = {"stop_rule": np.resize(["hyperv", "qemu", "xen"], 12), "pass_limit": 30, "memory_gib": 8}
    asked |= {"bandwidth_limit_share": np.repeat([0.2, 1.0], 6), "bandwidth_gbps": np.linspace(1, 4, 12)}
    columns = filled(**asked, dirty_pages_per_s=2e4, transport="compression")
    by_kernel, by_laws = (evaluate(columns, Way(way)) for way in ("compiled", "laws"))
    for outcome in ("blackout_s", "total_s", "stream_gib"):
        np.testing.assert_allclose(by_kernel[outcome], by_laws[outcome], rtol=1e-12, err_msg=outcome)


@pytest.mark.parametrize("rule", PLAIN_RULES)
@pytest.mark.parametrize("way", EVERY)
def test_all_ways_know_the_time_of_zero_pages(rule, way, monkeypatch):
    """54 GiB of headers and writes meanwhile, by every kernel and every rule as the twin has them."""
    monkeypatch.setenv("MIGRATION_STUDY_KERNEL", way)
    given = defaults() | {"memory_gib": 2457.6, "resident_share": 0.01, "dirty_pages_per_s": 3000.0}
    given |= {"stop_rule": rule, "write_pattern": "uniform", "pass_limit": 4, "blackout_target_ms": 200}
    row = migrate(**given).iloc[0]
    plain = {name: None if value != value else value for name, value in given.items()}
    expected = twin.migrate(**plain)
    for name in ("brownout_s", "blackout_s", "total_s", "stream_gib"):
        assert row[name] == pytest.approx(expected[name], rel=1e-6), name
