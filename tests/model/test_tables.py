"""What carries tables through the laws: which way is taken, and which rows and columns go where."""

import sys

import numpy as np
import pandas as pd
import pytest

from analysis.model import by_laws, engine, migration
from analysis.model.engine import Way

needs_numba = pytest.mark.skipif(engine.find_spec("numba") is None, reason="Numba is not installed")


def test_the_kernel_is_taken_from_so_many_rows_on(monkeypatch):
    """Where it pays to load it, with fewer rows once it is loaded, and never without Numba."""
    monkeypatch.delenv("MIGRATION_STUDY_KERNEL", raising=False)
    monkeypatch.delitem(sys.modules, "analysis.model.compiled", raising=False)
    monkeypatch.setattr(engine, "find_spec", lambda name: name == "numba" or None)
    laws, kernel = Way("laws"), Way("compiled", engine.cores())
    few, many = engine.WORTH_CALLING, engine.WORTH_LOADING
    assert [engine.way_for(rows) for rows in (few, many - 1, many)] == [laws, laws, kernel]
    monkeypatch.setitem(sys.modules, "analysis.model.compiled", None)
    assert [engine.way_for(rows) for rows in (few - 1, few)] == [laws, kernel]
    monkeypatch.setattr(engine, "find_spec", lambda name: None)
    assert engine.way_for(many) == laws


@pytest.mark.parametrize(("name", "compiled"), [("plain", False), ("laws", None)])
def test_a_way_without_the_kernel_is_asked_of_the_laws(name, compiled, monkeypatch):
    """As they stand whatever it takes, or whichever of theirs pays."""
    asked = []
    monkeypatch.setattr(by_laws, "outcomes", lambda p, compiled=None: asked.append(compiled))
    migration.evaluate(migration.filled(memory_gib=[4, 8]), Way(name))
    assert asked == [compiled]


@needs_numba
def test_the_kernel_lifts_the_limit_and_leaves_rows_to_the_laws_as_they_are():
    """Under QEMU's rule with and without a bandwidth limit, beside patterns the kernel does not know: the
    outcomes of the laws, of the same kinds of numbers."""
    shares, patterns = np.tile([0.2, 1.0, 0.7], 20), np.repeat(["uniform", "zipf"], 30)
    given = {"stop_rule": "qemu", "pass_limit": 30, "dirty_pages_per_s": 2e4, "receive_delay_us": 100}
    p = migration.filled(**given, bandwidth_limit_share=shares, write_pattern=patterns)
    made, due = (migration.evaluate(p, Way(name)) for name in ("compiled", "plain"))
    assert made.keys() == due.keys()
    for name, column in due.items():
        np.testing.assert_allclose(made[name], column, rtol=1e-9, err_msg=name)
        assert made[name].dtype.kind == column.dtype.kind, name


def test_rows_whose_rule_changes_are_told():
    """A rule that gives up or raises its target, and any rule that is given a time to do so; no other row."""
    rules = ["hyperv", "nova", "qemu", "qemu", "qemu_autoconverge", "qemu_post_copy", "proxmox"]
    times = [np.nan, np.nan, np.nan, 100, np.nan, np.nan, np.nan]
    p = migration.filled(stop_rule=rules, give_up_after_s=times)
    assert migration.changing_rules(p).tolist() == [False, True, False, True, True, True, True]
    assert migration.changing_rules(migration.filled(stop_rule=["xen", "hyperv"])).tolist() == [False] * 2


def test_only_what_the_model_takes_is_kept_of_a_table():
    """Parameters and factors; no label, no measurement, no outcome, no number for a name."""
    columns = ["site", "memory_gib", "total_s", "bandwidth_gbps_factor", "measured_total_s", 7]
    kept = migration.parameters_in(pd.DataFrame([range(6)], columns=columns))
    assert list(kept) == ["memory_gib", "bandwidth_gbps_factor"]
