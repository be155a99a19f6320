"""Ceilings of the link: each by hand, which of them binds, and what more of anything does."""

from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import ndtri

from analysis.model.laws import link
from analysis.model.link import rates
from analysis.model.migration import filled

fixed = settings(derandomize=True, deadline=None, max_examples=200)


class Goodput(NamedTuple):
    """The lowest ceilings [Gbit/s], their names, and all ceilings by name."""

    gbps: np.ndarray
    limited_by: np.ndarray
    ceilings: dict[str, np.ndarray]


def goodput(**given):
    """The goodput of links: defaults, and what is given."""
    found = rates(filled(**given), ceilings=True)
    rows = np.stack(list(found.ceilings.values()), axis=1).tolist()
    names = np.array([link.CEILINGS[link.binding(row, min(row))] for row in rows])
    return Goodput(found.goodput_gbps, names, found.ceilings)


# --- by hand ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mtu", "header", "frame", "share"),
    [(1500, 40, 38, 1460 / 1538), (9000, 52, 38, 8948 / 9038), (1500, 0, 0, 1.0)],
    ids=["ethernet", "jumbo with time stamps", "no overhead"],
)
def test_framing_by_hand(mtu, header, frame, share):
    """Payload over what the line carries for it: 1,460 of 1,538 bytes."""
    assert link.framing_efficiency(mtu, header, frame) == pytest.approx(share)


def test_streams_by_hand():
    """Four connections of 4 Gbit/s each carry 16 Gbit/s."""
    assert link.stream_ceiling(4, 4, 0.0, np.inf) == 16


@pytest.mark.parametrize(("spread", "line"), [(0.1, 4), (0.4, 3), (0.4, 40), (1.5, 4), (2, 0.1)])
def test_core_that_varies_carries_the_mean_of_the_smaller(spread, line):
    """E[min(L, C)], C log-normal around 4 Gbit/s, against the mean of many equally likely ceilings."""
    chances = (np.arange(200_000) + 0.5) / 200_000
    expected = np.minimum(line, 4 * np.exp(spread * ndtri(chances))).mean()
    assert link.stream_ceiling(1, 4.0, spread, line) == pytest.approx(expected, rel=1e-3)


def test_core_that_varies_beside_an_endless_line_carries_its_mean():
    """The mean of a log-normal of median 4 and spread 0.4: 4 exp(0.08)."""
    assert link.stream_ceiling(1, 4.0, 0.4, np.inf) == pytest.approx(4 * np.exp(0.08))


@pytest.mark.parametrize("line", [10.0, np.inf])
def test_core_without_limit_is_no_ceiling(line):
    """``stream_limit_gbps`` may be infinite: then the line is left, without a warning."""
    assert link.stream_ceiling(1, np.inf, 0.0, line) == np.inf


@pytest.mark.parametrize(
    ("mtu", "payload"), [(1500, 1024), (9000, 4096), (576, 512), (2091, 1024), (2092, 2048), (65535, 4096)]
)
def test_rdma_framing_by_hand(mtu, payload):
    """The largest power of two up to 4,096 that fits beside 44 bytes of headers."""
    assert link.rdma_efficiency(mtu, 38) == pytest.approx(payload / (payload + 82))


def test_window_by_hand():
    """125 MB a second over one second are 1 Gbit/s; where it equals the line the corner takes 10 %.

    (1 + 1)**(-1 / 6.5) = 0.8988.
    """
    got = [link.window_ceiling(line, 125e6, 1.0, 1) for line in (10.0, 1.0, 0.01)]
    np.testing.assert_allclose(got, [1, 2 ** (-1 / 6.5), 0.01], rtol=1e-6)
    assert link.window_ceiling(10.0, 125e6, 1.0, 4) == pytest.approx(4, rel=1e-3)


@pytest.mark.parametrize(
    ("line", "way", "expected"), [(10.0, 0.0, 10), (np.inf, 1.0, 1), (np.inf, 0.0, np.inf)]
)
def test_window_without_a_way_or_a_line(line, way, expected):
    """No round trip leaves the line; on an endless line the window alone counts."""
    assert link.window_ceiling(line, 125e6, way, 1) == pytest.approx(expected)


BINDS = {
    # 10 Gbit/s * 1460/1538 = 9.492848
    "line_rate": ({}, 10 * 1460 / 1538),
    "bandwidth_limit": ({"bandwidth_limit_share": 0.25}, 2.5 * 1460 / 1538),
    "other_traffic": ({"network": "shared", "background_share": 0.4}, 6 * 1460 / 1538),
    # 32 packets a 50 us interrupt: 32 * 1460 * 8 bit / 50e-6 s = 7.4752e9
    "send_buffers": ({"send_buffers": 32}, 7.4752),
    # One 100 us moderation, no delay, overflow in every cycle: 0.9 * 0.85 * (32 + 0.53) * 1460 * 8 / 100e-6
    "receive_buffers": (
        {
            "receive_buffers": 32,
            "interrupt_moderation_us": 100,
            "receive_delay_us": 0,
            "round_trip_ms": 0,
        },
        0.9 * 0.85 * 32.53 * 1460 * 8 / 1e5,
    ),
    # 64 KiB in 10 ms of path, 0.1 ms of adapters and 6.7 packets of 1538 bytes
    "socket_buffer": (
        {"socket_buffer_kib": 64, "round_trip_ms": 10},
        65536 * 8 / (10.1e-3 + 6.7 * 1538 * 8 / 1e10) / 1e9,
    ),
    "streams": ({"stream_limit_gbps": 4}, 4.0),
    "host_adapter": ({"adapter_limit_gbps": 4.5}, 4.5),
}


def test_no_ceiling_is_forgotten_here():
    """Every ceiling is among those that bind below."""
    assert set(BINDS) == set(goodput().ceilings)


@pytest.mark.parametrize("name", BINDS)
def test_each_ceiling_can_bind(name):
    """One parameter lowered, its ceiling binds and is named."""
    given, gbps = BINDS[name]
    found = goodput(**given)
    assert found.limited_by.tolist() == [name]
    assert found.gbps == pytest.approx(gbps, rel=1e-5)


def test_busy_processor_holds_the_receiver_alone():
    """The delay of emptying a ring slows receiving; sending has a delay of its own."""
    calm, busy = (
        goodput(send_buffers=32, receive_buffers=64, receive_delay_us=us).ceilings for us in (0, 300)
    )
    assert calm["send_buffers"] == busy["send_buffers"]
    assert calm["receive_buffers"] > 3 * busy["receive_buffers"]
    late = goodput(send_buffers=32, receive_buffers=64, receive_delay_us=0, send_delay_us=300).ceilings
    assert late["send_buffers"] < 0.5 * calm["send_buffers"]
    assert late["receive_buffers"] == calm["receive_buffers"]


@pytest.mark.parametrize(
    "held",
    [
        {"stream_limit_gbps": 2},
        {"adapter_limit_gbps": 2},
        {"network": "shared", "background_share": 0.8},
        {"bandwidth_limit_share": 0.2},
    ],
    ids=["streams", "adapter", "other traffic", "limit"],
)
def test_receive_ring_meets_only_what_the_others_let_through(held):
    """128 descriptors overflow in every cycle of a 10 Gbit/s line; at 2 Gbit/s they are never full.

    170,000 packets a second and 400 us of moderation are 68; no delay.
    """
    ring = {"receive_buffers": 128, "interrupt_moderation_us": 400, "receive_delay_us": 0}
    assert goodput(**ring).limited_by.tolist() == ["receive_buffers"]
    found = goodput(**ring, **held)
    assert found.ceilings["receive_buffers"][0] == np.inf
    assert found.gbps[0] == pytest.approx(2, rel=0.06)


def test_adapter_holds_all_connections_but_not_rdma():
    """4.5 Gbit/s in all, whatever the connections; SMB Direct goes past the host."""
    assert goodput(adapter_limit_gbps=4.5, streams=[1, 8]).gbps.tolist() == [4.5, 4.5]
    assert goodput(adapter_limit_gbps=4.5, transport="smb_direct").limited_by[0] == "line_rate"
    assert goodput().ceilings["host_adapter"][0] == np.inf


def test_send_moderation_of_its_own():
    """Empty: the interrupts of both adapters are alike; given, it replaces them for sending."""
    both = goodput(send_buffers=32, interrupt_moderation_us=100).ceilings["send_buffers"]
    own = goodput(send_buffers=32, interrupt_moderation_us=5, send_moderation_us=100).ceilings["send_buffers"]
    assert own == both


def test_queues_share_connections_and_line():
    """Four connections in four queues: four rings, each of a quarter of the line.

    One connection uses one queue, however many there are.
    """
    small = {"receive_buffers": 16, "interrupt_moderation_us": 50, "receive_delay_us": 0, "round_trip_ms": 0}
    one, four, idle = (
        goodput(**small, streams=streams, receive_queues=queues).ceilings["receive_buffers"]
        for streams, queues in ((4, 1), (4, 4), (1, 4))
    )
    single = goodput(**small, streams=1, receive_queues=1, bandwidth_gbps=2.5).ceilings["receive_buffers"]
    assert four == pytest.approx(4 * single)
    assert four > 3 * one
    assert idle == goodput(**small, streams=1, receive_queues=1).ceilings["receive_buffers"]


def test_bbr_minds_no_loss():
    """It gets what the ring passes of a saturated line: more than CUBIC, and that more than Reno."""
    rates = [
        goodput(receive_buffers=32, congestion_control=name).gbps[0] for name in ("bbr", "cubic", "reno")
    ]
    assert rates == sorted(rates, reverse=True)
    assert len(set(rates)) == 3


# --- limits -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "given",
    [
        {"send_buffers": 1e6, "receive_buffers": 1e6},
        {"interrupt_moderation_us": 0, "receive_delay_us": 0, "send_buffers": 1, "receive_buffers": 1},
        {"bandwidth_limit_share": 1},
        {"network": "dedicated", "background_share": 0.9},
        {"network": "shared", "background_share": 0},
        {"streams": 1024, "receive_buffers": 1e6},
        {"socket_buffer_kib": 1e9},
        {"round_trip_ms": 0},
    ],
    ids=[
        "huge rings",
        "no wait",
        "limit of all",
        "other traffic elsewhere",
        "no other traffic",
        "many streams",
        "huge window",
        "no path",
    ],
)
def test_the_line_is_left(given):
    """Where nothing else holds, the framed line rate does, but for rare overflows and a corner far off."""
    found = goodput(**given)
    assert found.limited_by.tolist() == ["line_rate"]
    assert found.gbps[0] == pytest.approx(10 * link.framing_efficiency(1500, 40, 38), rel=1e-4)


def test_lowest_of_equal_ceilings_is_the_first_named():
    """A tie is told the same way every time."""
    assert link.binding([2.0, 2.0, 1.0], 1.0) == 2
    assert link.binding([1.0, 3.0, 1.0], 1.0) == 0


def test_nearly_equal_ceilings_are_equally_low():
    """Within half a per cent the first named binds; beyond that the lowest itself."""
    assert link.binding([1.004, 1.0], 1.0) == 0
    assert link.binding([1.006, 1.0], 1.0) == 1


# --- vectors ------------------------------------------------------------------------------


def test_vector_equals_scalar():
    """A column of links is each of them alone."""
    bandwidth, buffers = [1, 10, 100, 400], [8, 64, 512, 4096]
    together = goodput(bandwidth_gbps=bandwidth, receive_buffers=buffers, streams=[1, 2, 4, 64])
    for i in range(4):
        alone = goodput(bandwidth_gbps=bandwidth[i], receive_buffers=buffers[i], streams=[1, 2, 4, 64][i])
        assert alone.gbps[0] == together.gbps[i]
        assert alone.limited_by[0] == together.limited_by[i]


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
    "receive_queues": st.integers(1, 16),
    "round_trip_ms": st.just(0.0) | st.floats(1e-3, 1e3),
    "socket_buffer_kib": st.floats(1, 1e6),
    "congestion_control": st.sampled_from(["cubic", "reno", "bbr"]),
    "stream_limit_spread": st.just(0.0) | st.floats(0.01, 2),
    "transport": st.sampled_from(["tcpip", "compression", "smb", "smb_direct"]),
    "streams": st.integers(1, 64),
    "stream_limit_gbps": st.floats(0.1, 100),
    "adapter_limit_gbps": st.just(np.nan) | st.floats(0.1, 100),
    "network": st.sampled_from(["dedicated", "shared"]),
    "background_share": st.floats(0, 0.999),
    "bandwidth_limit_share": st.floats(0.0001, 1),
}


CEILINGS = (
    "send_buffers",
    "socket_buffer_kib",
    "stream_limit_gbps",
    "adapter_limit_gbps",
    "bandwidth_limit_share",
)


@fixed
@given(given=st.fixed_dictionaries(LINKS))
def test_goodput_is_positive_within_the_line_and_named(given):
    """0 < goodput <= line rate, and the named ceiling is the goodput to half a per cent."""
    found = goodput(**given)
    assert 0 < found.gbps[0] <= given["bandwidth_gbps"]
    assert found.gbps[0] <= found.ceilings[found.limited_by[0]][0] <= found.gbps[0] * 1.005 * (1 + 1e-12)
    assert all(found.gbps[0] <= ceiling[0] for ceiling in found.ceilings.values())


@fixed
@given(
    given=st.fixed_dictionaries(LINKS),
    name=st.sampled_from(CEILINGS),
    factor=st.integers(2, 5),
)
def test_more_of_a_ceiling_never_slows_and_frees_only_itself(given, name, factor):
    """A larger ceiling never lowers goodput, and never more than in proportion raises it.

    Not so where the receive rings are left the lowest: what more lets through may overflow them, and TCP
    slows down for a loss. A source blind to losses is never slower.
    """
    more = min(given[name] * factor, 1.0) if name.endswith("share") else given[name] * factor
    before, after = goodput(**given).gbps[0], goodput(**given | {name: more})
    assert after.gbps[0] <= before * factor * (1 + 1e-12)
    overflows = after.ceilings["receive_buffers"][0] == after.gbps[0]
    if not overflows or name == "send_buffers" or given["congestion_control"] == "bbr":
        assert before * (1 - 1e-12) <= after.gbps[0]


@fixed
@given(given=st.fixed_dictionaries(LINKS), more=st.integers(1, 1000))
def test_more_receive_buffers_never_slow(given, more):
    """They meet the packets that the other ceilings let through, however many they are themselves."""
    before = goodput(**given).gbps[0]
    after = goodput(**given | {"receive_buffers": given["receive_buffers"] + more}).gbps[0]
    assert after >= before * (1 - 1e-9)


@fixed
@given(given=st.fixed_dictionaries(LINKS), factor=st.floats(1, 5))
def test_a_longer_path_and_a_busier_core_never_help(given, factor):
    """A longer round trip never raises the window's ceiling, nor a longer delay that of the receive ring.

    The receive ring itself jumps where the round trip passes the moderation, so it is not asked about that.
    """
    longer = given | {"round_trip_ms": given["round_trip_ms"] * factor}
    before, after = goodput(**given).ceilings, goodput(**longer).ceilings
    assert after["socket_buffer"][0] <= before["socket_buffer"][0] * (1 + 1e-12)
    busier = given | {"receive_delay_us": given["receive_delay_us"] * factor}
    blind = {"congestion_control": "bbr"}
    before, after = goodput(**given | blind).ceilings, goodput(**busier | blind).ceilings
    assert after["receive_buffers"][0] <= before["receive_buffers"][0] * (1 + 1e-12)
