"""The link laboratory's table becomes link scenarios in the names of the parameters."""

import numpy as np
import pandas as pd
import pytest

from analysis.errors import UserError
from analysis.observations.lab import DATA
from analysis.observations.transfers import COLUMNS, FACTORS, read_transfers
from analysis.parameters import PARAMETERS, check


@pytest.fixture(scope="module")
def transfers():
    """The transfers of the repository."""
    return read_transfers()


@pytest.fixture(scope="module")
def raw():
    """The same table as it lies in the file."""
    return pd.read_csv(DATA / "buffers.csv")


def write(folder, table):
    """A table as a CSV file in a folder."""
    path = folder / "buffers.csv"
    table.to_csv(path, index=False)
    return path


def test_every_configuration_is_read_once(transfers, raw):
    """271 runs of 211 configurations: one row each, in the order of the file."""
    assert (len(raw), len(transfers), transfers.runs.sum()) == (271, 211, 271)
    assert transfers.config_id.tolist() == list(dict.fromkeys(raw.config_id))


def test_every_value_is_allowed(transfers):
    """Each scenario column is a parameter and each value passes its check."""
    names = [name for name in transfers if name in PARAMETERS]
    assert len(names) == len(transfers.columns) - 4
    check({name: transfers[name].to_numpy() for name in names})


def test_a_row_by_hand(transfers):
    """200 Mbit/s through a bucket of 0.995, 100 us each way, 8 descriptors, 1 ms, BBR; nothing else set."""
    row = transfers.set_index("config_id").loc["6c3fdd62a6"]
    expected = {
        "bandwidth_gbps": 0.199,
        "round_trip_ms": 0.2,
        "mtu_bytes": 1500,
        "receive_buffers": 8,
        "interrupt_moderation_us": 1000,
        "receive_delay_us": 0,
        "send_buffers": 4096,
        "send_moderation_us": 0,
        "send_delay_us": 0,
        "streams": 1,
        "congestion_control": "bbr",
        "factor": "congestion_control",
        "header_bytes": 52,
        "frame_overhead_bytes": 0,
        "transport": "tcpip",
    }
    assert {name: row[name] for name in expected} == expected
    assert row.socket_buffer_kib > 1e6


def test_repeats_are_averaged(transfers, raw):
    """What is measured of a configuration is the mean of its runs."""
    mean = raw.groupby("config_id").goodput_mbit_s.mean() / 1000
    got = transfers.set_index("config_id").measured_goodput_gbps
    np.testing.assert_allclose(got, mean[got.index])
    assert (transfers.runs == raw.config_id.value_counts()[transfers.config_id].to_numpy()).all()


def test_factors_are_those_of_the_groups(transfers, raw):
    """Every group of the file has its factor, and every factor its transfers."""
    assert set(raw.group) == set(FACTORS)
    assert set(transfers.factor) == set(FACTORS.values())


def test_a_group_without_a_factor_is_its_own(tmp_path, raw):
    """A file of that form may vary something else."""
    table = raw.head(3).assign(group="pause_frames")
    assert set(read_transfers(write(tmp_path, table)).factor) == {"pause_frames"}


@pytest.mark.parametrize(
    ("receive", "send", "window"),
    [
        (65536, 0, 1.2504 * 65536 - 1401),  # 62.5 % of twice what is set, less a little
        (65536, 65536, 1.2504 * 65536 - 1401),
        (0, 65536, 1.9 * 65536),  # the least that a send buffer alone lets fly
        (0, 0, 1e12),
    ],
    ids=["receive", "both", "send", "neither"],
)
def test_window_by_hand(tmp_path, raw, receive, send, window):
    """The smaller of the windows of the buffers that are set, and none where none is."""
    table = raw.head(1).assign(so_rcvbuf_bytes=receive, so_sndbuf_bytes=send)
    assert read_transfers(write(tmp_path, table)).socket_buffer_kib[0] * 1024 == pytest.approx(window)


def test_smaller_of_two_buffers_is_the_window(tmp_path, raw):
    """A send buffer of 16 KiB holds back a receiver of 1 MiB (no row of the repository has two sizes)."""
    table = raw.head(1).assign(so_rcvbuf_bytes=2**20, so_sndbuf_bytes=2**14)
    assert read_transfers(write(tmp_path, table)).socket_buffer_kib[0] * 1024 == pytest.approx(1.9 * 2**14)


@pytest.mark.parametrize("name", COLUMNS)
def test_a_missing_column_is_told(tmp_path, raw, name):
    """The file and the column are named."""
    with pytest.raises(UserError, match=f"buffers.csv has no column {name}"):
        read_transfers(write(tmp_path, raw.head(3).drop(columns=name)))


def test_a_bad_value_is_told(tmp_path, raw):
    """With its line and column."""
    table = raw.head(3).astype({"n_rx": object})
    table.loc[1, "n_rx"] = "many"
    with pytest.raises(UserError, match="line 3, column n_rx: 'many' is not a number"):
        read_transfers(write(tmp_path, table))


def test_the_file_is_found_from_anywhere(tmp_path, monkeypatch):
    """``data/buffers.csv`` is the repository's, whatever the working directory."""
    monkeypatch.chdir(tmp_path)
    assert len(read_transfers("data/buffers.csv")) == 211


def test_rare_overflows_are_read_as_the_other_transfers():
    """36 runs of as many configurations in two groups that keep their names."""
    rare = read_transfers(DATA / "rare_overflows.csv")
    assert rare.factor.value_counts().to_dict() == {"rare": 26, "cliff": 10}
    assert (rare.runs == 1).all()
    assert rare.socket_buffer_kib.min() > 1e6
