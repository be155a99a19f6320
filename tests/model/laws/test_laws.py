"""The plain laws of one migration beside the tables': the same figures, whatever is asked."""

import sys

import numpy as np
import pytest
from scipy import special as scipy_special

from analysis.model import engine, link, migration
from analysis.model.laws import one, special
from analysis.model.laws.passes import ENDLESS
from analysis.model.laws.scenario import scenarios
from tests import scenarios as drawn


def outcomes(columns):
    """Outcomes by the plain laws, a list for each name."""
    lists = one.work()
    made = [one.migrated(p, lists) for p in scenarios(columns)]
    return {name: np.array([getattr(row, name) for row in made], float) for name in one.Outcome._fields}


@pytest.mark.parametrize("seed", range(3))
def test_any_migration_is_that_of_the_tables(seed):
    """All outcomes of 400 scenarios over all parameters, patterns, transports and rules are equal."""
    columns = migration.filled(drawn.anywhere(400, seed))
    plain, table = outcomes(columns), migration.evaluate(columns, engine.Way("general"))
    endless = table["stop_reason"] == ENDLESS
    for name, values in plain.items():
        given = np.broadcast_to(np.asarray(table[name], float), len(values))
        if name == "passes":
            # In a table an endless row is seen by all the classes of its widest row.
            values, given = values[~endless], given[~endless]
        np.testing.assert_allclose(values, given, rtol=1e-11, err_msg=name)


def test_passes_are_those_of_the_table():
    """Followed pass by pass, a migration is the table of its passes, QEMU's late stretch among them."""
    asked = {"dirty_pages_per_s": 3e5, "working_set_gib": 8, "stop_rule": "qemu", "pass_limit": 6}
    log, lists = [], one.work()
    one.followed(next(scenarios(migration.filled(**asked))), lists, log)
    table = migration.passes(**asked)
    assert len(log) == len(table) == 7
    for name in ("duration_s", "sent_pages", "dirtied_pages", "remaining_pages"):
        np.testing.assert_allclose([getattr(made, name) for made in log], table[name], rtol=1e-12)


def test_lists_may_be_used_again():
    """What one migration leaves in the lists does not reach the next."""
    columns = migration.filled(drawn.anywhere(30, 5))
    lists = one.work()
    again = [one.migrated(p, lists) for p in scenarios(columns)]
    assert again == [one.migrated(p, one.work()) for p in scenarios(columns)]


@pytest.mark.skipif(engine.find_spec("numba") is None, reason="Numba is not installed")
def test_compiled_laws_are_the_plain_ones_bit_for_bit():
    """Rates, what binds and every ceiling of 3,000 links, and of links of which most things are the same."""
    from analysis.model import rows

    mostly = migration.filled(receive_buffers=np.arange(4, 600), transport="compression")
    mostly["bandwidth_gbps"] = mostly["bandwidth_gbps"][:1]
    for columns in (migration.filled(drawn.anywhere(3000, 7)), mostly):
        coded = [link.coded(name, columns[name]) for name in link.FIELDS]
        compiled, plain = np.empty((2, link.RATES + len(link.CEILINGS), max(map(len, coded))))
        rows.fill_rates(coded, compiled)
        link._fill_singly(coded, plain)
        np.testing.assert_array_equal(compiled, plain)
        short = np.empty((link.RATES, compiled.shape[1]))
        rows.fill_rates(coded, short)
        np.testing.assert_array_equal(short, compiled[: link.RATES])


def test_equal_links_are_made_once(monkeypatch):
    """Of 600 machines on three links the laws are asked three times, and each machine gets its own link's."""
    monkeypatch.setattr(link, "_singly", 0)
    gbps = np.resize([1.0, 10.0, 25.0], 600)
    found = link.rates(migration.filled(bandwidth_gbps=gbps, memory_gib=np.arange(1.0, 601.0)))
    alone = [link.rates(migration.filled(bandwidth_gbps=one)).goodput_gbps[0] for one in (1.0, 10.0, 25.0)]
    np.testing.assert_array_equal(found.goodput_gbps, np.resize(alone, 600))
    assert link._singly == (3 if "analysis.model.rows" in sys.modules else 6)


@pytest.mark.parametrize("law", ["erfcx", "ndtr"])
def test_special_functions_are_scipys(law):
    """Fourteen digits of SciPy's over all their range."""
    x = np.concatenate([[0.0], np.geomspace(1e-9, 1e9, 4000)])
    x = x if law == "erfcx" else np.concatenate([-x[x < 37], x])
    ours = np.array([getattr(special, law)(float(value)) for value in x])
    np.testing.assert_allclose(ours, getattr(scipy_special, law)(x), rtol=2e-13)
