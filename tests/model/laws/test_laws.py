"""The plain laws of one migration beside the tables': the same figures, whatever is asked."""

import numpy as np
import pytest
from scipy import special as scipy_special

from analysis.model import engine, migration
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


@pytest.mark.parametrize("law", ["erfcx", "ndtr"])
def test_special_functions_are_scipys(law):
    """Fourteen digits of SciPy's over all their range."""
    x = np.concatenate([[0.0], np.geomspace(1e-9, 1e9, 4000)])
    x = x if law == "erfcx" else np.concatenate([-x[x < 37], x])
    ours = np.array([getattr(special, law)(float(value)) for value in x])
    np.testing.assert_allclose(ours, getattr(scipy_special, law)(x), rtol=2e-13)
