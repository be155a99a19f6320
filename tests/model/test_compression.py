"""What compressing buys: hand-worked rates, limits and the accounting of link and cores."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.model.laws import compression
from analysis.model.laws.compression import break_even_rate, compressor_binds, full_gain_rate
from analysis.parameters import COMPRESSOR_WAITS

fixed = settings(derandomize=True, deadline=None, max_examples=200)


def compressed_rate(link, ratio, speed_per_core, cores, waits="no"):
    """The law, with the word for what a page does when the compressor is busy."""
    return compression.compressed_rate(link, ratio, speed_per_core, cores, COMPRESSOR_WAITS.index(waits))


def test_link_binds_by_hand():
    """1 GiB/s of link, ratio 2, 4 cores of 1 GiB/s: the cores keep up, so 2 GiB/s of memory."""
    rate, ratio = compressed_rate(1.0, ratio=2.0, speed_per_core=1.0, cores=4)
    assert (rate, ratio) == (2.0, 2.0)


def test_cores_bind_by_hand():
    """2 GiB/s of link, ratio 4, 3 cores of 0.5 GiB/s.

    The cores compress 1.5 GiB/s, which take 1.5 / 4 = 0.375 GiB/s of the link; the other
    2 - 0.375 = 1.625 GiB/s carry raw pages: 1.5 + 1.625 = 3.125 GiB/s, 1.5625 per byte sent.
    """
    rate, ratio = compressed_rate(2.0, ratio=4.0, speed_per_core=0.5, cores=3)
    assert rate == pytest.approx(3.125)
    assert ratio == pytest.approx(1.5625)


def test_cores_bind_only_where_the_link_waits_for_them():
    """Four cores of 0.27 GiB/s at ratio 2 fill a link of up to 0.54 GiB/s; at 0.54 they do not bind yet."""
    binds = [compressor_binds(link, ratio=2.0, speed_per_core=0.27, cores=4) for link in (0.5, 0.54, 0.55)]
    assert binds == [False, False, True]


@pytest.mark.parametrize(
    ("ratio", "cores", "expected"),
    [(1.0, 8, 1.0), (3.0, 0, 1.0), (3.0, np.inf, 3.0)],
    ids=["ratio 1", "no spare cores", "no end of cores"],
)
def test_limits(ratio, cores, expected):
    """Nothing gained from a ratio of 1 or without cores; the whole ratio with cores enough."""
    rate, effective = compressed_rate(1.0, ratio, 0.27, cores)
    assert rate == pytest.approx(expected)
    assert effective == pytest.approx(expected)


def test_no_link_moves_nothing():
    """A link of rate 0 copies nothing and its ratio is 1."""
    assert [float(v) for v in compressed_rate(0.0, 2.0, 1.0, 4)] == [0.0, 1.0]


@pytest.mark.parametrize(("waits", "least"), [("yes", 1), ("in_turn", 2**-0.25)])
def test_pages_that_wait_by_hand(waits, least):
    """2 GiB/s of link at ratio 4, 3 cores of 0.5 GiB/s: 1.5 GiB/s at most, and always ratio 4.

    In turn: (8**-4 + 1.5**-4)**(-1/4); where both can do the same, 2**(-1/4) of it is left.
    """
    rate, ratio = compressed_rate(2.0, 4.0, 0.5, 3, waits)
    assert rate == pytest.approx(1.5 if waits == "yes" else (8**-4 + 1.5**-4) ** -0.25)
    assert ratio == pytest.approx(4)
    assert compressed_rate(2.0, 4.0, 4.0, 2, waits)[0] == pytest.approx(8 * least)


def test_forms_agree_where_cores_more_than_suffice():
    """With hundred times the cores needed nobody waits."""
    rates = [float(compressed_rate(1.0, 2.0, 1.0, 200, waits)[0]) for waits in ("no", "yes", "in_turn")]
    assert rates == pytest.approx([2, 2, 2], rel=1e-7)


@pytest.mark.parametrize("waits", ["yes", "in_turn"])
def test_endless_link_is_held_by_the_cores_where_pages_wait(waits):
    """4 cores of 0.27 GiB/s are 1.08 GiB/s."""
    rate, ratio = compressed_rate(np.inf, 2.0, 0.27, 4, waits)
    assert rate == pytest.approx(1.08)
    assert ratio == pytest.approx(2)


def test_break_even_by_hand():
    """Cores of 1.08 GiB/s: waiting for them pays on links below that, whole gain below 1.08 / ratio."""
    assert break_even_rate(0.27, 4) == pytest.approx(1.08)
    assert full_gain_rate(2.0, 0.27, 4) == pytest.approx(0.54)
    for link, faster in ((1.07, True), (1.09, False)):
        assert (compressed_rate(link, 2.0, 0.27, 4, "yes")[0] > link) == faster
    assert compressed_rate(0.54, 2.0, 0.27, 4)[0] == pytest.approx(1.08)
    assert compressed_rate(0.55, 2.0, 0.27, 4)[0] < 1.1


@pytest.mark.parametrize("cores", [0, 4])
def test_infinite_link_needs_no_compression(cores):
    """On an endless link memory goes as fast as without compression."""
    rate, _ = compressed_rate(np.inf, 2.0, 0.27, cores)
    assert rate == np.inf


@fixed
@given(
    link=st.floats(1e-4, 100),
    ratio=st.floats(1, 100),
    speed=st.floats(1e-3, 10),
    cores=st.floats(0.01, 256),
    more=st.floats(1, 10),
)
def test_waiting_costs_and_never_pays_twice(link, ratio, speed, cores, more):
    """In turn <= waiting <= not waiting; each at its whole ratio, and never less with more of anything."""
    turn, wait, free = (
        float(compressed_rate(link, ratio, speed, cores, w)[0]) for w in ("in_turn", "yes", "no")
    )
    assert 2**-0.25 * wait * (1 - 1e-12) <= turn <= wait * (1 + 1e-12)
    assert wait <= free * (1 + 1e-12)
    for waits, rate in (("in_turn", turn), ("yes", wait)):
        assert compressed_rate(link, ratio, speed, cores, waits)[1] == pytest.approx(ratio)
        least = rate * (1 - 1e-12)
        assert compressed_rate(link, ratio, speed, cores * more, waits)[0] >= least
        assert compressed_rate(link * more, ratio, speed, cores, waits)[0] >= least
        assert compressed_rate(link, ratio * more, speed, cores, waits)[0] >= least


@fixed
@given(
    link=st.floats(1e-4, 100),
    ratio=st.floats(1, 100),
    speed=st.floats(1e-3, 10),
    cores=st.floats(0, 256),
    more=st.floats(1, 10),
)
def test_compression_never_hurts(link, ratio, speed, cores, more):
    """From the plain link to ratio times it, and never less with more cores, link or ratio."""
    rate, effective = map(float, compressed_rate(link, ratio, speed, cores))
    assert link * (1 - 1e-12) <= rate <= link * ratio * (1 + 1e-12)
    assert rate == pytest.approx(link * effective)
    least = rate * (1 - 1e-12)
    assert compressed_rate(link, ratio, speed, cores * more)[0] >= least
    assert compressed_rate(link * more, ratio, speed, cores)[0] >= least
    assert compressed_rate(link, ratio * more, speed, cores)[0] >= least


@fixed
@given(
    link=st.floats(1e-4, 100), ratio=st.floats(1.01, 100), speed=st.floats(1e-3, 10), cores=st.floats(0, 256)
)
def test_link_is_always_full_and_the_flag_says_who_waits(link, ratio, speed, cores):
    """Compressed and raw bytes together fill the link; the cores bind exactly when the ratio is missed."""
    rate, _ = map(float, compressed_rate(link, ratio, speed, cores))
    compressed = (rate - link) / (1 - 1 / ratio)
    assert compressed <= min(speed * cores, link * ratio) * (1 + 1e-9) + 1e-9 * link / (1 - 1 / ratio)
    if compressor_binds(link, ratio, speed, cores):
        assert rate <= link * ratio
    else:
        assert rate == pytest.approx(link * ratio)
