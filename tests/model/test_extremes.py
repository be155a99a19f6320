"""The ends of what is allowed: whatever the checks let through, the model answers without a warning."""

import itertools
import sys

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis import migrate
from analysis.parameters import (
    COMPRESSOR_WAITS,
    CONGESTION_CONTROLS,
    NETWORKS,
    OUTCOMES,
    PARAMETERS,
    STOP_RULES,
    TRANSPORTS,
    WRITE_PATTERNS,
    ParameterError,
)

NUMBERS = [name for name, p in PARAMETERS.items() if not p.choices]
TINY = (sys.float_info.min * sys.float_info.epsilon, 1e-310, 1e-300, 1e-100, 1e-30, 1e-12)
HUGE = (1e12, 1e30, 1e100, 1e300, sys.float_info.max, np.inf)


def allowed(parameter, value):
    """Whether a value passes the parameter's own check."""
    try:
        parameter.check(value)
    except ParameterError:
        return False
    return True


def extremes(name):
    """The bounds of a parameter, their neighbours, and the tiniest and largest numbers that it takes."""
    p = PARAMETERS[name]
    bounds = [bound for bound in (p.low, p.high, p.least, p.most) if np.isfinite(bound)]
    near = [np.nextafter(bound, to) for bound in bounds for to in (-np.inf, np.inf)]
    tried = dict.fromkeys(map(float, (*bounds, *near, *TINY, *HUGE)))
    return [value for value in tried if allowed(p, value)]


EXTREMES = {name: extremes(name) for name in NUMBERS}


def settled(**given):
    """A row for each pattern, transport and network, with the other names in turn, and few passes."""
    rows = list(itertools.product(WRITE_PATTERNS, TRANSPORTS, NETWORKS))
    table = pd.DataFrame(rows, columns=["write_pattern", "transport", "network"])
    turns = {
        "stop_rule": STOP_RULES,
        "compressor_waits": COMPRESSOR_WAITS,
        "congestion_control": CONGESTION_CONTROLS,
    }
    for name, choices in turns.items():
        table[name] = np.resize(np.array(choices, object), len(table))
    # Without a limit some rules would go on for thousands of passes.
    return table.assign(**{"pass_limit": 4, "idle_dirty_pages_per_s": 40, **given})


def assert_answered(scenarios):
    """Every outcome is a number, if an infinite one; warnings are errors in these tests."""
    found = migrate(scenarios)[[name for name in OUTCOMES if name not in ("limited_by", "stop_reason")]]
    assert not found.astype(float).isna().any(axis=None)


@pytest.mark.parametrize("name", NUMBERS)
def test_each_extreme_value_has_an_answer(name):
    """One parameter at the ends of its range, the others ordinary."""
    for value in EXTREMES[name]:
        assert_answered(settled(**{name: value}))


@settings(deadline=None, max_examples=60, derandomize=True)
@given(data=st.data(), names=st.lists(st.sampled_from(NUMBERS), min_size=2, max_size=6, unique=True))
def test_extreme_values_together_have_an_answer(data, names):
    """Some parameters at the ends of their ranges at once."""
    chosen = {name: data.draw(st.sampled_from(EXTREMES[name]), label=name) for name in names}
    if chosen.get("pass_limit", 0) > 100:
        chosen["pass_limit"] = 100
    assert_answered(settled(**chosen))


def test_a_hot_share_too_small_to_be_one_is_refused():
    """5e-323 of the working set overflowed where writes are divided by pages; 0 means no hot pages."""
    with pytest.raises(
        ParameterError, match=r"^hot_page_share = 4.94066e-323 .*; it is 0 or at least 1e-12$"
    ):
        migrate(write_pattern="hotcold", hot_page_share=5e-323)
    none, some = migrate(
        write_pattern="hotcold", hot_page_share=[0, 1e-12], hot_write_share=0.5
    ).residual_pages
    assert none > some > 0


def test_a_link_too_fast_to_be_one_is_refused():
    """1e300 Gbit/s overflows in packets a second; infinity means a link that costs nothing."""
    with pytest.raises(
        ParameterError, match=r"^bandwidth_gbps = 1e\+300 .*; it is at most 1e\+12, or infinite$"
    ):
        migrate(bandwidth_gbps=1e300)


def test_no_cores_compress_nothing_however_fast_they_are():
    """An endless speed times no cores is nothing: the migration goes as TCP/IP does."""
    given = {"compress_gib_per_s_per_core": np.inf, "spare_cores": 0}
    rows = migrate(**given, transport=["compression", "tcpip"])
    assert rows.total_s[0] == rows.total_s[1]
    assert rows.limited_by[0] == "spare_cores"


def test_every_tiny_amount_is_refused_or_answered():
    """Each parameter whose least is given refuses what lies between 0 and it, and takes both."""
    given_least = [p for p in PARAMETERS.values() if p.least]
    assert {p.name for p in given_least} >= {"hot_page_share", "working_set_gib", "blackout_target_ms"}
    for p in given_least:
        assert p.check([0, p.least]).tolist() == [0, p.least]
        with pytest.raises(ParameterError, match=f"; it is 0 or at least {p.least:g}"):
            p.check(np.nextafter(p.least, 0))
