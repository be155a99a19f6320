"""An end whose time is a little less than the last poll's: QEMU stamps it before it says so."""

import json

import pytest

from analysis.observations.files import read_all


def answer(ms, status, sent, left):
    """An answer of query-migrate."""
    ram = {"total": 2**28, "transferred": sent, "remaining": left, "dirty-sync-count": 1}
    ended = {"downtime": 20} if status == "completed" else {}
    return json.dumps({"return": {"status": status, "total-time": ms, "ram": ram, **ended}})


@pytest.mark.parametrize("end_ms", [4990, 5010])
def test_an_end_that_counts_a_little_less_is_the_end(tmp_path, end_ms):
    """The last poll under way at 5.00 s, the end at 4.99 s: completed after 4.99 s."""
    path = tmp_path / "told.jsonl"
    polls = [answer(1000 * n, "active", 5 * 10**7 * n, 2**28 - 5 * 10**7 * n) for n in range(1, 6)]
    path.write_text("\n".join([*polls, answer(end_ms, "completed", 251 * 10**6, 0)]))
    (row,) = read_all([path]).migrations.to_dict("records")
    assert (row["status"], row["measured_total_s"]) == ("completed", end_ms / 1000)
