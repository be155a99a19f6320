"""Ceilings of the link: each by hand, which of them binds, and what more of anything does."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.model import link
from analysis.parameters import check, defaults

fixed = settings(derandomize=True, deadline=None, max_examples=200)


def goodput(**given):
    """The goodput of one link: defaults, and what is given."""
    return link.goodput({name: np.atleast_1d(value) for name, value in check(defaults() | given).items()})


# --- by hand ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mtu", "header", "frame", "share"),
    [(1500, 40, 38, 1460 / 1538), (9000, 52, 38, 8948 / 9038), (1500, 0, 0, 1.0)],
    ids=["ethernet", "jumbo with time stamps", "no overhead"],
)
def test_framing_by_hand(mtu, header, frame, share):
    """Payload over what the line carries for it: 1,460 of 1,538 bytes."""
    assert link.framing_efficiency(mtu, header, frame) == pytest.approx(share)


def test_ring_by_hand():
    """512 packets of 1,460 bytes every 100 us: 512 * 1460 * 8 bit / 1e-4 s = 59.8016 Gbit/s."""
    assert link.ring_ceiling(512, 1460, 1e-4) == pytest.approx(59.8016)


def test_ring_that_is_emptied_at_once_is_no_ceiling():
    """Without a wait any number of descriptors will do."""
    assert link.ring_ceiling(1, 1460, 0.0) == np.inf


def test_streams_by_hand():
    """Four connections of 4 Gbit/s each carry 16 Gbit/s."""
    assert link.stream_ceiling(4, 4) == 16


BINDS = {
    # 10 Gbit/s * 1460/1538 = 9.492848
    "line_rate": ({}, 10 * 1460 / 1538),
    "bandwidth_limit": ({"bandwidth_limit_share": 0.25}, 2.5 * 1460 / 1538),
    "other_traffic": ({"network": "shared", "background_share": 0.4}, 6 * 1460 / 1538),
    # 32 * 1460 * 8 / 50e-6 = 7.4752e9; the receiver waits 50 us more
    "send_buffers": ({"send_buffers": 32}, 7.4752),
    # 32 * 1460 * 8 / (50 + 50)e-6 = 3.7376e9
    "receive_buffers": ({"receive_buffers": 32}, 3.7376),
    "streams": ({"stream_limit_gbps": 4}, 4.0),
}


@pytest.mark.parametrize("name", BINDS)
def test_each_ceiling_can_bind(name):
    """One parameter lowered, its ceiling binds and is named."""
    given, gbps = BINDS[name]
    found = goodput(**given)
    assert found.limited_by.tolist() == [name]
    assert found.gbps == pytest.approx(gbps)


def test_receiver_waits_for_interrupt_and_processor():
    """The same ring holds the receiver back more than the sender by the busy processor's delay."""
    ceilings = goodput(interrupt_moderation_us=100, receive_delay_us=300).ceilings
    assert ceilings["send_buffers"] == pytest.approx(4 * ceilings["receive_buffers"])


# --- limits -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "given",
    [
        {"send_buffers": 1e6, "receive_buffers": 1e6},
        {"interrupt_moderation_us": 0, "receive_delay_us": 0, "send_buffers": 1, "receive_buffers": 1},
        {"bandwidth_limit_share": 1},
        {"network": "dedicated", "background_share": 0.9},
        {"network": "shared", "background_share": 0},
        {"streams": 1024},
    ],
    ids=[
        "huge rings",
        "no wait",
        "limit of all",
        "other traffic elsewhere",
        "no other traffic",
        "many streams",
    ],
)
def test_the_line_is_left(given):
    """Where nothing else holds, the framed line rate does, to the last bit."""
    found = goodput(**given)
    assert found.limited_by.tolist() == ["line_rate"]
    assert found.gbps[0] == 10 * link.framing_efficiency(1500, 40, 38)


def test_lowest_of_equal_ceilings_is_the_first_named():
    """A tie is told the same way every time."""
    found = link.lowest({"b": np.array([2.0, 1.0]), "a": np.array([2.0, 3.0]), "c": np.array([1.0, 1.0])})
    assert found.gbps.tolist() == [1, 1]
    assert found.limited_by.tolist() == ["c", "b"]


# --- vectors ------------------------------------------------------------------------------


def test_vector_equals_scalar():
    """A column of links is each of them alone."""
    bandwidth, buffers = [1, 10, 100, 400], [8, 64, 512, 4096]
    together = goodput(bandwidth_gbps=bandwidth, receive_buffers=buffers, streams=[1, 2, 4, 64])
    for i in range(4):
        alone = goodput(bandwidth_gbps=bandwidth[i], receive_buffers=buffers[i], streams=[1, 2, 4, 64][i])
        assert alone.gbps[0] == together.gbps[i]
        assert alone.limited_by[0] == together.limited_by[i]


def test_rings_of_many_sizes():
    """Descriptors broadcast over one wait."""
    np.testing.assert_allclose(link.ring_ceiling([256, 512], 1460, 1e-4), [29.9008, 59.8016])


@pytest.mark.xfail(raises=ValueError, reason="the wait does not broadcast over one number of descriptors")
def test_one_ring_and_many_waits():
    """Waits broadcast over one number of descriptors."""
    np.testing.assert_allclose(link.ring_ceiling(512, 1460, [1e-4, 2e-4]), [59.8016, 29.9008])


# --- what holds for all -------------------------------------------------------------------

LINKS = {
    "bandwidth_gbps": st.floats(0.001, 1000),
    "mtu_bytes": st.floats(576, 65535),
    "header_bytes": st.floats(0, 500),
    "frame_overhead_bytes": st.floats(0, 500),
    "send_buffers": st.integers(1, 100000),
    "receive_buffers": st.integers(1, 100000),
    "interrupt_moderation_us": st.just(0.0) | st.floats(1e-3, 1e4),
    "receive_delay_us": st.just(0.0) | st.floats(1e-3, 1e4),
    "streams": st.integers(1, 64),
    "stream_limit_gbps": st.floats(0.1, 100),
    "network": st.sampled_from(["dedicated", "shared"]),
    "background_share": st.floats(0, 0.999),
    "bandwidth_limit_share": st.floats(0.0001, 1),
}


@fixed
@given(given=st.fixed_dictionaries(LINKS))
def test_goodput_is_positive_within_the_line_and_named(given):
    """0 < goodput <= line rate, and the named ceiling is the goodput."""
    found = goodput(**given)
    assert 0 < found.gbps[0] <= given["bandwidth_gbps"]
    assert found.ceilings[found.limited_by[0]][0] == found.gbps[0]
    assert all(found.gbps[0] <= ceiling[0] for ceiling in found.ceilings.values())


@fixed
@given(
    given=st.fixed_dictionaries(LINKS),
    name=st.sampled_from(
        ["bandwidth_gbps", "send_buffers", "receive_buffers", "streams", "stream_limit_gbps"]
    ),
    factor=st.integers(2, 5),
)
def test_more_of_a_ceiling_never_slows_and_frees_only_itself(given, name, factor):
    """A larger ceiling never lowers goodput, and never more than in proportion raises it."""
    before, after = goodput(**given).gbps[0], goodput(**given | {name: given[name] * factor}).gbps[0]
    assert before <= after <= before * factor * (1 + 1e-12)
