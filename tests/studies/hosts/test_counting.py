"""Bytes as each way to migrate counts them."""

import pandas as pd
import pytest

from analysis import migrate
from analysis.studies.hosts.counting import as_counted


def test_bytes_are_counted_as_the_method_counts_them():
    """QEMU's multifd counts pages before compression; whoever has no column ``method`` counts the stream."""
    scenarios = pd.DataFrame({"transport": ["compression"] * 2, "method": ["multifd-zstd", "compress"]})
    out = migrate(scenarios)
    counted = as_counted(out, out)
    assert counted[0] == pytest.approx(out.memory_sent_gib[0] * (1 + 8 / 4096))
    assert counted[1] == out.stream_gib[1]
    pd.testing.assert_series_equal(as_counted(out, out.drop(columns="method")), out.stream_gib)
