"""What carries tables through the laws: which way is taken, and which rows and columns go where."""

import sys

import numpy as np
import pandas as pd
import pytest

from analysis.model import by_laws, dirtying, engine, link, migration
from analysis.model.engine import Way
from analysis.model.stop_rules import Rules

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


@pytest.mark.thorough
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


@pytest.mark.parametrize("patterns", [["uniform"] * 3, ["uniform", "zipf", "uniform"], ["zipf"] * 3])
def test_what_the_kernel_leaves_is_made_by_the_laws(patterns, monkeypatch):
    """A kernel that leaves its last row, beside rows that it is not given: every row is that of the laws."""
    plain, laws = by_laws.outcomes, []

    def kernel(p, way, wanted):
        found = plain(p, False)
        return found | {"total_s": np.append(found["total_s"][:-1], np.nan)}, [len(found["total_s"]) - 1]

    def others(p, compiled=None):
        laws.append(compiled)
        return plain(p, False)

    p = migration.filled(write_pattern=patterns, memory_gib=[4, 8, 16], dirty_pages_per_s=2e4)
    due = plain(p, False)
    monkeypatch.setattr(migration, "_by_kernel", kernel)
    monkeypatch.setattr(by_laws, "outcomes", others)
    made = migration.evaluate(p, Way("compiled"))
    for name, column in due.items():
        np.testing.assert_array_equal(made[name], column, err_msg=name)
    assert laws == [True]


def test_rows_of_plain_rules_are_the_kernels():
    """None is put apart where no rule changes, and those of a rule that does are, with the law of Zipf's."""
    plain = migration.filled(stop_rule=["qemu", "hyperv", "xen"])
    assert migration._apart(plain) is None
    mixed = migration.filled(stop_rule=["qemu", "nova", "xen"], write_pattern=["uniform", "uniform", "zipf"])
    assert migration._apart(mixed).tolist() == [False, True, True]


def test_rules_of_one_kind_are_not_taken_apart():
    """One kind where rules differ in their limits alone; else that of each row, by its number."""
    none = np.full(4, np.nan)
    kinds, of = engine._kinds(Rules.of(np.full(4, "xen"), np.array([1.0, 2, 3, np.nan]), none))
    assert (len(kinds), of) == (1, None)
    kinds, of = engine._kinds(Rules.of(np.array(["xen", "qemu", "xen", "qemu"]), none, none))
    assert of is not None
    told = [(kinds[code].guards, kinds[code].looks, kinds[code].limited) for code in of]
    assert told == [(True, False, True), (False, True, False)] * 2


def test_what_pays_is_asked_only_where_no_way_is_named(monkeypatch):
    """With the number of rows; of rates with that of links that differ, and what one costs."""
    asked = []
    monkeypatch.setattr(by_laws, "pays", lambda *rows: asked.append(rows))
    monkeypatch.setattr(by_laws, "loaded", lambda: False)
    p = migration.filled(bandwidth_gbps=[1, 10] * 6, pass_limit=2)
    by_laws.outcomes(p, compiled=False)
    by_laws.history(p, compiled=False)
    link.rates(p, compiled=False)
    assert asked == []
    by_laws.outcomes(p)
    by_laws.history(p)
    link.rates(p)
    assert asked == [(12,), (12,), (2, by_laws.RATE_S)]


def test_numbers_of_rows_and_passes_are_whole():
    """Neither is told with a decimal point."""
    log = migration.passes(memory_gib=[4, 8], pass_limit=2, dirty_pages_per_s=2e4)
    assert log[["scenario", "pass_number"]].to_numpy().dtype.kind == "i"
    assert log.scenario.tolist() == [0, 0, 1, 1]
    assert log.pass_number.tolist() == [1, 2, 1, 2]


def test_factors_by_hand():
    """Half of the whole content where no working set is told, half of what is told, never above a range."""
    p = migration.filled(memory_gib=8, resident_share=0.5, working_set_gib_factor=[0.5, 0.25])
    assert p["working_set_gib"].tolist() == [2, 1]
    p = migration.filled(
        working_set_gib=3, working_set_gib_factor=0.5, hot_page_share=0.5, hot_page_share_factor=3
    )
    assert (p["working_set_gib"].tolist(), p["hot_page_share"].tolist()) == ([1.5], [1])


def test_connections_are_those_given_or_the_transports():
    """One by TCP/IP, several by SMB, and any number that is asked for."""
    p = migration.filled(transport=["tcpip", "smb", "smb"], streams=[np.nan, np.nan, 7])
    assert p["streams"].tolist() == [migration.STREAMS["tcpip"], migration.STREAMS["smb"], 7]


def test_what_nobody_writes_stays_clean_for_ever():
    """After endless time every page that is written is dirty, and none of a class without writes."""
    classes = dirtying.WriteClasses(np.array([[0.0, 5.0]]), np.array([[10.0, 20.0]]), np.zeros((1, 2), bool))
    assert dirtying.distinct_pages(np.inf, classes).tolist() == [20]


def test_laws_are_compiled_where_they_may_be_and_it_pays(monkeypatch):
    """Not for few rows, not where they are to stay as they stand or without Numba; at once when loaded, else
    when as much was spent as loading costs, or compiling where no machine code is kept."""
    monkeypatch.setattr(by_laws, "find_spec", lambda name: name == "numba" or None)
    monkeypatch.setenv("MIGRATION_STUDY_KERNEL", "laws")
    monkeypatch.setattr(by_laws, "loaded", lambda: False)
    for kept, cost_s in ((True, by_laws.LOAD_S), (False, by_laws.COMPILE_S)):
        monkeypatch.setattr(by_laws, "kept", lambda kept=kept: kept)
        monkeypatch.setattr(by_laws, "_spent_s", 0.0)
        assert not by_laws.pays(by_laws.FEW, each_s=1e9)
        assert [by_laws.pays(10, each_s=0.04 * cost_s) for _ in range(3)] == [False, False, True]
        assert by_laws._spent_s == pytest.approx(1.2 * cost_s)
    monkeypatch.setattr(by_laws, "loaded", lambda: True)
    assert by_laws.pays(by_laws.FEW + 1, each_s=0)
    monkeypatch.setenv("MIGRATION_STUDY_KERNEL", "plain")
    assert not by_laws.pays(10**6)
    monkeypatch.delenv("MIGRATION_STUDY_KERNEL")
    assert by_laws.possible()
    monkeypatch.setattr(by_laws, "find_spec", lambda name: None)
    assert not by_laws.possible()
