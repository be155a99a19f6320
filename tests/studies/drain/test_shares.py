"""Max-min fair shares: by hand, and what defines them on random links."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.studies.drain.shares import fair_shares


def shares(links, ceiling, line):
    """Rates and peaks for lists."""
    peak = np.zeros(len(line))
    rate = fair_shares(np.array(links), np.array(ceiling, float), np.array(line, float), peak)
    return rate, peak


def test_by_hand():
    """A link of 10 shared by three of which one is held to 2: it has 2, the others 4 each."""
    rate, peak = shares([[0, -1], [0, -1], [0, -1]], [2, 99, 99], [10])
    assert rate.tolist() == pytest.approx([2, 4, 4])
    assert peak[0] == pytest.approx(10)


def test_what_one_cannot_use_others_get():
    """The textbook's line: one flow over both links, one on each; the second link is the wider."""
    rate, _ = shares([[0, 1], [0, -1], [1, -1]], [99, 99, 99], [1, 3])
    assert rate.tolist() == pytest.approx([0.5, 0.5, 2.5])


def test_without_a_full_link_all_have_their_ceiling():
    """Ceilings that fit are given exactly, not to rounding."""
    rate, _ = shares([[0, 1], [1, -1]], [0.1, 0.2], [0.1, 0.30000000000000004])
    assert rate.tolist() == [0.1, 0.2]


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10**6), flows=st.integers(1, 12), count=st.integers(1, 6))
def test_shares_are_max_min_fair(seed, flows, count):
    """No link is overfull, and who is below its ceiling is on a full link where nobody has more."""
    rng = np.random.default_rng(seed)
    links = np.array([rng.choice([*range(count), -1], 2, replace=count == 0) for _ in range(flows)])
    links[:, 1] = np.where(links[:, 1] == links[:, 0], -1, links[:, 1])
    ceiling, line = rng.uniform(0.1, 5, flows), rng.uniform(0.5, 10, count)
    rate, _ = shares(links, ceiling, line)
    used = np.array([rate[(links == link).any(axis=1)].sum() for link in range(count)])
    assert (used <= line * (1 + 1e-9)).all()
    for k in np.flatnonzero(rate < ceiling * (1 - 1e-9)):
        full = [link for link in links[k] if link >= 0 and used[link] >= line[link] * (1 - 1e-9)]
        assert any(rate[k] >= rate[(links == link).any(axis=1)].max() * (1 - 1e-9) for link in full)
