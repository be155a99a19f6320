"""The plain laws of one migration, and the same compiled for tables: equal bit for bit, whatever is asked."""

import numpy as np
import pytest
from scipy import special as scipy_special

from analysis.model import by_laws, engine, link, migration, precopy
from analysis.model.dirtying import write_classes
from analysis.model.laws import one, special
from analysis.model.laws.scenario import scenarios
from tests import scenarios as drawn

needs_numba = pytest.mark.skipif(engine.find_spec("numba") is None, reason="Numba is not installed")


@needs_numba
@pytest.mark.parametrize("seed", range(3))
def test_any_migration_is_that_of_compiled_tables_bit_for_bit(seed):
    """All outcomes and all passes of 300 scenarios over all parameters, patterns, transports and rules."""
    columns = migration.filled(drawn.anywhere(300, seed))
    plain, compiled = (by_laws.outcomes(columns, way) for way in (False, True))
    for name, values in plain.items():
        np.testing.assert_array_equal(compiled[name], values, err_msg=name)
    some = {name: column[:40] for name, column in columns.items()}
    for made, due in zip(*(by_laws.history(some, way) for way in (True, False)), strict=True):
        np.testing.assert_array_equal(made, due)


@needs_numba
def test_long_histories_are_made_in_stretches():
    """Tens of migrations of ten thousand passes each do not fit into the memory that is kept for them."""
    asked = {"pass_limit": 10_000, "dirty_pages_per_s": 1e6, "working_set_gib": [8, 4]}
    columns = {name: np.tile(c, 12) for name, c in migration.filled(**asked).items()}
    log = by_laws.history(columns, compiled=True)
    assert np.bincount(log.row).tolist() == [10_000] * 24
    assert (log.number[-10_000:] == np.arange(1, 10_001)).all()


@needs_numba
def test_machines_that_are_given_are_made_the_same_compiled():
    """Steady links and one that changes, with history and without: bit for bit."""
    n, draw = 50, np.random.default_rng(5)
    classes = write_classes("hotcold", draw.uniform(1e3, 2e5, n), 1e5, 0.1, 0.9, 1.0, 100.0, 1000.0)
    guest = precopy.Guest(draw.uniform(1e5, 1e6, n), np.full(n, 1e4), np.full(n, 1e3), classes)
    since = np.cumsum(draw.exponential(1.0, (n, 40)), axis=1) - 0.5
    varying = precopy.VaryingLink(since, draw.uniform(1e4, 1e5, since.shape), np.full(n, 500.0))
    steady = precopy.SteadyLink(draw.uniform(1e4, 1e5, n), np.full(n, 500.0))
    names = np.resize(np.array(["qemu", "hyperv", "nova"], object), n)
    rule = {"stop_rule": names, "pass_limit": np.full(n, 9.0)}
    for way in (steady, varying):
        plain, compiled = (precopy.precopy(guest, way, rule, history=True, compiled=c) for c in (False, True))
        for made, due in zip((*plain[:6], *plain.history), (*compiled[:6], *compiled.history), strict=True):
            np.testing.assert_array_equal(made, due)


def test_passes_are_those_of_the_table():
    """Followed pass by pass, a migration is the table of its passes, QEMU's late stretch among them."""
    asked = {"dirty_pages_per_s": 3e5, "working_set_gib": 8, "stop_rule": "qemu", "pass_limit": 6}
    log, lists = [], one.work()
    one.followed(next(scenarios(migration.filled(**asked))), lists, log)
    table = migration.passes(**asked)
    assert len(log) == len(table) == 7
    for name in ("duration_s", "sent_pages", "dirtied_pages", "remaining_pages"):
        np.testing.assert_array_equal([getattr(made, name) for made in log], table[name])


def test_lists_may_be_used_again():
    """What one migration leaves in the lists does not reach the next."""
    columns = migration.filled(drawn.anywhere(30, 5))
    lists = one.work()
    again = [one.migrated(p, lists) for p in scenarios(columns)]
    assert again == [one.migrated(p, one.work()) for p in scenarios(columns)]


@needs_numba
def test_compiled_rates_are_the_plain_ones_bit_for_bit():
    """Rates, what binds and every ceiling of 2,000 links, and of links of which most things are the same."""
    mostly = migration.filled(receive_buffers=np.arange(4, 600), transport="compression")
    mostly["bandwidth_gbps"] = mostly["bandwidth_gbps"][:1]
    for columns in (migration.filled(drawn.anywhere(2000, 7)), mostly):
        compiled, plain = (link.rates(columns, ceilings=True, compiled=way) for way in (True, False))
        for name in link.Rates._fields[:-1]:
            np.testing.assert_array_equal(getattr(compiled, name), getattr(plain, name))
        for name, column in plain.ceilings.items():
            np.testing.assert_array_equal(compiled.ceilings[name], column)
        np.testing.assert_array_equal(link.rates(columns, compiled=True).goodput_gbps, plain.goodput_gbps)


def test_equal_links_are_made_once(monkeypatch):
    """Of 600 machines on three links the laws are asked three times, and each machine gets its own link's."""
    asked, law = [], link.law.fill_rates
    monkeypatch.setattr(link.law, "fill_rates", lambda p, *lists: (asked.append(p), law(p, *lists)))
    gbps = np.resize([1.0, 10.0, 25.0], 600)
    machines = migration.filled(bandwidth_gbps=gbps, memory_gib=np.arange(1.0, 601.0))
    found = link.rates(machines, compiled=False)
    alone = [link.rates(migration.filled(bandwidth_gbps=one)).goodput_gbps[0] for one in (1.0, 10.0, 25.0)]
    np.testing.assert_array_equal(found.goodput_gbps, np.resize(alone, 600))
    assert len(asked) == 3 + 3


@pytest.mark.parametrize("law", ["erfcx", "ndtr"])
def test_special_functions_are_scipys(law):
    """Fourteen digits of SciPy's over all their range."""
    x = np.concatenate([[0.0], np.geomspace(1e-9, 1e9, 4000)])
    x = x if law == "erfcx" else np.concatenate([-x[x < 37], x])
    ours = np.array([getattr(special, law)(float(value)) for value in x])
    np.testing.assert_allclose(ours, getattr(scipy_special, law)(x), rtol=2e-13)
