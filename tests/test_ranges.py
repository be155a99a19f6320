"""Sensible ranges: within what is allowed and believed, for every parameter that can be planned."""

import pytest

from analysis.parameters import PARAMETERS, check
from analysis.ranges import TYPICAL, searched
from analysis.unusual import USUAL


@pytest.mark.parametrize("name", TYPICAL)
def test_a_usual_range_is_allowed_and_usual(name):
    """Both ends are allowed, in order, and nothing that the study would call unusual."""
    usual = TYPICAL[name]
    check({name: [usual.low, usual.high]})
    assert usual.low < usual.high
    assert usual.low > 0 or not usual.log
    if name in USUAL:
        assert USUAL[name].low <= usual.low < usual.high <= USUAL[name].high
    of, values = usual.needs
    assert not of or set(values) <= set(PARAMETERS[of].choices)


@pytest.mark.parametrize("name", TYPICAL)
def test_answers_are_looked_for_beyond_it(name):
    """The range of a plan is allowed and holds the usual one."""
    low, high, more_helps = searched(name)
    check({name: [low, high]})
    assert low <= TYPICAL[name].low
    assert high >= TYPICAL[name].high
    assert more_helps is TYPICAL[name].more_helps
