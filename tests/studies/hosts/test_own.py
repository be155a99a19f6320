"""The model calibrated to a reader's own migrations: to several, and to one alone."""

from dataclasses import replace

import pytest

from analysis.errors import UserError
from analysis.observations.files import read_all
from analysis.observations.lab import DATA
from analysis.observations.qmp import as_qmp, write_qmp
from analysis.studies.hosts import own
from analysis.studies.validation.migrations import compare

KEY = "4b28f6b0df5f"


@pytest.fixture(scope="module")
def several():
    """The ten migrations of the example, with the model calibrated to them."""
    found = read_all([DATA / "example_qemu.jsonl"])
    return found, own.fit(found)


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """One of them, with nothing known but what was recorded."""
    path = tmp_path_factory.mktemp("alone") / "one.jsonl"
    write_qmp(path, [{n: v for n, v in a.items() if n != "known"} for a in as_qmp(keys=[KEY])])
    found = read_all([path])
    return found, own.fit(found)


def scenario(fitted):
    return fitted.migrations[fitted.migrations.migration == KEY].reset_index(drop=True)


def test_the_example_is_what_the_converter_writes(tmp_path):
    """The example under data/ is made from data/migrations.csv and data/passes.csv."""
    example = DATA / "example_qemu.jsonl"
    keys = read_all([example]).migrations.migration
    write_qmp(tmp_path / "again.jsonl", as_qmp(keys=keys))
    assert (tmp_path / "again.jsonl").read_bytes() == example.read_bytes()


@pytest.mark.parametrize("which", ["several", "alone"])
def test_the_model_is_near_what_was_measured(which, request):
    """Calibrated to its own migrations, the model is within a few per cent of their times."""
    _, fitted = request.getfixturevalue(which)
    compared = compare(fitted.migrations, fitted.host)
    assert compared.total_error.abs().median() < 0.04


@pytest.mark.parametrize("which", ["several", "alone"])
def test_what_bound_it_and_what_helps_have_intervals(which, request):
    """The line bound this migration; a faster one helps, by a saving inside its interval."""
    _, fitted = request.getfixturevalue(which)
    bound = own.bound(scenario(fitted), fitted.host)
    assert bound.limited_by[0] == "line_rate"
    assert bound.share.sum() == pytest.approx(1)
    helped = own.would_help(scenario(fitted), fitted.host).set_index("change")
    faster = helped.loc["a link twice as fast"]
    assert 0.4 < faster.saved_share_low <= faster.saved_share <= faster.saved_share_high < 0.7
    assert helped.saved_share["as it was"] == 0
    assert helped.saved_share["half the page writes"] > 0.05


def test_the_course_is_the_measured_one(several):
    """Passes are drawn from look to look, and the outcome is the measured one."""
    found, fitted = several
    course, outcome, setup_s = own.course(found, KEY, fitted)
    looks = found.passes[found.passes.migration == KEY]
    assert course.pass_number.max() == len(looks) - 1
    assert course.time_s.max() == pytest.approx(looks.time_s.iloc[-1])
    assert setup_s == looks.time_s.iloc[0]
    assert outcome.total_s == 28.494


def test_two_looks_are_one_pass(several):
    """From the first look to the second one pass is drawn; of a single look there is nothing to draw."""
    found, fitted = several
    looks = found.passes[found.passes.migration == KEY]
    drawn, outcome, _ = own.course(replace(found, passes=looks.head(2)), KEY, fitted)
    assert (set(drawn.pass_number), outcome.passes) == ({1}, 1)
    assert outcome.residual_pages == looks.dirtied_pages.iloc[1]
    with pytest.raises(UserError, match="too few looks"):
        own.course(replace(found, passes=looks.head(1)), KEY, fitted)


def test_an_unknown_migration_is_named(several):
    """Asking for a migration that is not there names those that are."""
    with pytest.raises(UserError, match="there is no completed migration 'x'; there are c3b3b7528679"):
        own.chosen(several[1], "x")


@pytest.mark.thorough
def test_a_plain_table_says_that_it_has_no_passes():
    """Of data/migrations.csv the longest migration is chosen, and a sentence says that no pass is drawn."""
    found = read_all(["data/migrations.csv"])
    fitted = own.fit(found)
    key = own.chosen(fitted)
    assert fitted.migrations.set_index("migration").measured_total_s.idxmax() == key
    with pytest.raises(UserError, match="too few looks at the dirty pages"):
        own.course(found, key, fitted)
