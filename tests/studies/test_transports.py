"""Which option is best, and from which link on."""

import numpy as np
import pandas as pd
import pytest

from analysis.model.migration import migrate
from analysis.presets import HOSTS, host
from analysis.studies.grids import grid
from analysis.studies.transports import (
    best_of,
    break_even,
    by_version,
    compare_options,
    gives_way,
    pays_up_to,
    smb_limits,
    without_limit,
)

MACHINE = {"memory_gib": 64, "dirty_pages_per_s": 20000, "working_set_gib": 8}
LINKS = [1.0, 2.5, 5.0, 10.0, 25.0, 40.0, 100.0]


def compared(version="windows_2019", adapters=2, *, rdma=True, **given):
    """Options of one version over scenarios given by lists."""
    return compare_options(grid(**MACHINE | given), host(version), adapters, rdma=rdma)


def test_every_scenario_has_every_option_and_one_best():
    """Four options with RDMA, three without, one of them the best."""
    for rdma, options in ((True, 4), (False, 3)):
        table = compared(bandwidth_gbps=LINKS, spare_cores=4, rdma=rdma)
        assert len(table) == options * len(LINKS)
        assert (table.groupby("scenario").best.sum() == 1).all()
        assert len(best_of(table)) == len(LINKS)


def test_versions_without_options_have_none():
    """Windows Server 2012 knows TCP/IP only."""
    assert set(compared("windows_2012", bandwidth_gbps=10, spare_cores=4).transport) == {"tcpip"}


def test_faster_is_time_by_tcp_over_time_by_the_option():
    """The gain of an option, beside `migrate` itself."""
    table = compared(bandwidth_gbps=10, spare_cores=8).set_index("transport")
    times = {name: migrate(**MACHINE, transport=name, spare_cores=8).total_s[0] for name in table.index}
    for name, row in table.iterrows():
        assert row.faster == pytest.approx(times["tcpip"] / times[name])


def test_without_spare_cores_tcp_is_as_good_as_compression():
    """Compression without cores is TCP/IP; the one that takes less of the processors is named."""
    table = compared(bandwidth_gbps=[1, 10], spare_cores=0, rdma=False)
    assert list(best_of(table).transport) == ["tcpip", "tcpip"]


def test_many_cores_on_a_slow_link_make_compression_best():
    """At 1 Gbit/s 16 cores give the whole ratio, and no other option can beat the line."""
    (best,) = best_of(compared(bandwidth_gbps=1, spare_cores=16)).itertuples()
    assert best.transport == "compression"
    assert best.faster > 2


def test_on_a_fast_link_smb_direct_is_best_and_smb_without_rdma():
    """At 100 Gbit/s one connection is a tenth of the line."""
    assert best_of(compared(bandwidth_gbps=100, spare_cores=4)).transport[0] == "smb_direct"
    assert best_of(compared(bandwidth_gbps=100, spare_cores=4, rdma=False)).transport[0] == "smb"


def test_with_rdma_smb_is_smb_direct():
    """SMB uses RDMA by itself, so plain SMB is never the best where the adapters can do it."""
    table = compared(bandwidth_gbps=LINKS, spare_cores=[0, 2, 16])
    assert "smb" not in set(best_of(table).transport)


def test_the_limit_of_2022_counts_all_adapters():
    """25 % of two adapters is half of one, of four all of it, and it holds SMB alone."""
    for adapters, share in ((1, 0.25), (2, 0.5), (4, 1.0), (8, 1.0)):
        table = compared("windows_2022", adapters, bandwidth_gbps=25, spare_cores=4).set_index("transport")
        asked = {"bandwidth_gbps": 25, "transport": "smb_direct", "bandwidth_limit_share": share}
        assert table.goodput_gbps["smb_direct"] == pytest.approx(migrate(**asked).goodput_gbps[0])
        assert not set(table.limited_by[["tcpip", "compression"]]) & {"bandwidth_limit"}


def test_the_limit_moves_the_change_to_faster_links():
    """Held to half of an adapter, SMB Direct beats compression only on links about twice as fast."""
    links = np.geomspace(1, 100, 200)
    (held, by), (free, _) = (
        gives_way(compare_options(grid(bandwidth_gbps=links, spare_cores=4, **MACHINE), preset, 2))
        for preset in (host("windows_2022"), without_limit(host("windows_2022")))
    )
    assert by == "smb_direct"
    assert held / free == pytest.approx(2, rel=0.1)


def test_an_option_that_never_gives_way():
    """With many cores and no RDMA compression is best to the end of slow links: there is no such rate."""
    line, best = gives_way(compared(bandwidth_gbps=[1.0, 2.5, 5.0], spare_cores=32, rdma=False))
    assert np.isnan(line)
    assert best == "compression"


def test_up_to_which_link_it_pays():
    """The greatest rate at which the gain is at least as much as asked for; 0 where it never is."""
    table = compared(bandwidth_gbps=LINKS, spare_cores=1)
    gain = table[table.transport == "compression"].set_index("bandwidth_gbps").faster
    assert pays_up_to(table, 1.5) == gain.index[gain >= 1.5].max()
    assert pays_up_to(table, 50) == 0


def test_break_even_by_hand():
    """2 cores of 0.5 GiB/s at 2 to 1: pays up to 1 GiB/s = 8.59 Gbit/s, whole ratio up to half of it."""
    codecs = pd.DataFrame(
        {
            "compressor": ["even", "slow to unpack"],
            "compression_ratio": [2.0, 2.0],
            "compress_gib_per_s_per_core": [0.5, 0.5],
            "decompress_gib_per_s_per_core": [1.0, 0.25],
        }
    )
    table = break_even(codecs, [2])
    np.testing.assert_allclose(table.pays_gbps, [8.589934592, 4.294967296])
    np.testing.assert_allclose(table.full_gbps, table.pays_gbps / 2)
    assert break_even(codecs, [2, 4]).index.tolist() == [0, 1, 2, 3]


def test_above_break_even_waiting_loses_and_hyperv_does_not():
    """At the break-even rate a waiting compressor is as fast as none, above it slower; Hyper-V's never is."""
    given = {"compression_ratio": 2.0, "compress_gib_per_s_per_core": 0.5, "spare_cores": 2.0}
    given |= {"dirty_pages_per_s": 0, "header_bytes": 0, "frame_overhead_bytes": 0, "page_header_bytes": 0}
    given |= {"stream_limit_gbps": 1e6, "receive_buffers": 10**6, "send_buffers": 10**6}
    rates = np.array([4.0, 8.589934592, 20.0])
    plain = migrate(bandwidth_gbps=rates, **given).memory_rate_gib_per_s
    packed = {
        waits: migrate(
            bandwidth_gbps=rates, transport="compression", compressor_waits=waits, **given
        ).memory_rate_gib_per_s
        for waits in ("yes", "no")
    }
    gain = (packed["yes"] / plain).to_numpy()
    assert gain[0] > 1
    assert gain[1] == pytest.approx(1, rel=0.06)
    assert gain[2] < 1
    assert (packed["no"] >= plain).all()


def test_limits_of_nodes():
    """The worked examples of the documentation: 5, 10 and 12.5 Gbit/s."""
    table = smb_limits(host("windows_2022"), [(2, 10), (4, 10), (2, 25)], **MACHINE)
    assert list(table.limit_gbps) == [5, 10, 12.5]
    assert list(table.total_s > table.lifted_total_s * 1.01) == [True, False, True]


def test_versions():
    """One row a version, by its own default option and limits."""
    table = by_version(50, bandwidth_gbps=25, spare_cores=4, transport="smb", **MACHINE).set_index("host")
    assert list(table.index) == list(HOSTS)
    assert table.transport["windows_2012"] == "tcpip"
    assert table.transport["windows_2022"] == "compression"
    assert table.smb_limit_gbps["windows_2022"] == 12.5
    assert np.isinf(table.smb_limit_gbps["windows_2019"])
    assert np.isnan(table.smb_limit_gbps["windows_2008r2"])
    assert table.total_s["windows_2012"] > table.total_s["windows_2019"]
