"""What compressing buys: hand-worked rates, limits and the accounting of link and cores."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.model.compression import compressed_rate, compressor_binds

fixed = settings(derandomize=True, deadline=None, max_examples=200)


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
    binds = compressor_binds([0.5, 0.54, 0.55], ratio=2.0, speed_per_core=0.27, cores=4)
    assert binds.tolist() == [False, False, True]


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


@pytest.mark.xfail(raises=RuntimeWarning, reason="inf / inf in the effective ratio")
@pytest.mark.parametrize("cores", [0, 4])
def test_infinite_link_needs_no_compression(cores):
    """On an endless link memory goes as fast as without compression."""
    rate, _ = compressed_rate(np.inf, 2.0, 0.27, cores)
    assert rate == np.inf


def test_arguments_broadcast_and_vector_equals_scalar():
    """Links across, cores down: each element is what the scalars give."""
    links, cores = [0.5, 1.0, 3.0], [[0], [2], [16]]
    rates, ratios = compressed_rate(links, 2.1, 0.27, cores)
    assert rates.shape == ratios.shape == (3, 3)
    for row, column in np.ndindex(3, 3):
        alone = compressed_rate(links[column], 2.1, 0.27, cores[row][0])
        assert (rates[row, column], ratios[row, column]) == tuple(map(float, alone))


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
