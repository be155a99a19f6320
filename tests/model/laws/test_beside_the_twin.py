"""The plain laws of one migration beside the slow twin: every rule, pattern, transport and way out."""

import numpy as np
import pandas as pd
import pytest

from analysis.model import migration
from analysis.model.laws import link, one
from analysis.model.laws.passes import CANCELLED, ENDLESS, REASONS
from analysis.model.laws.rates import LIMITS
from analysis.model.laws.scenario import scenarios
from tests.model import test_changing, test_migration

WORDS = {"limited_by": LIMITS, "stop_reason": REASONS}
AFTER_ALL = ("passes", "residual_pages", "blackout_s")
"""Of a migration without end a loop may be noticed at another pass."""


def by_laws(table: pd.DataFrame) -> pd.DataFrame:
    """Outcomes of a table by the plain laws, a migration at a time."""
    made = pd.DataFrame([one.migrated(p, one.work()) for p in scenarios(migration.filled(table))])
    for name, words in WORDS.items():
        made[name] = np.array(words)[made[name]]
    return made


def compare(found: pd.DataFrame, due: pd.DataFrame, never: tuple[str, ...]) -> None:
    """Outcomes are the twin's to nine digits; of one that does not move the residual is nobody's."""
    moves = ~found.stop_reason.isin(never).to_numpy()
    for name in found:
        rows = moves if name in AFTER_ALL else np.full(len(found), True)
        got, twins = found[name][rows], due[name][rows]
        if name in WORDS:
            assert list(got) == list(twins)
        else:
            np.testing.assert_allclose(
                got.astype(float), twins.astype(float), rtol=1e-9, atol=1e-9, err_msg=name
            )


def test_steady_rules_are_the_twins():
    """100 migrations over all parameters under the rules that stay as they are."""
    asked = test_migration.scenarios(seed=11, rows=100)
    due = pd.DataFrame([test_migration.by_twin(row) for _, row in asked.iterrows()])
    soon = (due.stop_reason != "unfinished").to_numpy()
    assert soon.mean() > 0.97
    found = by_laws(asked[soon])
    assert set(found.stop_reason) >= {*REASONS[:6]} - {"sent_limit"}
    compare(found, due[soon].reset_index(drop=True), (REASONS[ENDLESS],))


def test_changing_rules_are_the_twins():
    """100 migrations under rules that raise their target, throttle the guest, or give up."""
    asked = test_changing.drawn(100, 12).assign(send_buffers=100_000, receive_buffers=100_000)
    due = pd.DataFrame([test_changing.by_twin(row) for _, row in asked.iterrows()])
    found = by_laws(asked)
    ends = (due.stop_reason != "unfinished").to_numpy() & (found.passes < 400).to_numpy()
    assert ends.mean() > 0.8
    stays = (REASONS[ENDLESS], REASONS[CANCELLED])
    compare(found[ends].reset_index(drop=True), due[ends].reset_index(drop=True), stays)


def test_every_ceiling_is_filled_in():
    """10 Gbit/s, 1,000 of 1,100 bytes payload: each ceiling by hand in its place, what is none is endless."""
    asked = {
        **{"bandwidth_gbps": 10, "mtu_bytes": 1040, "header_bytes": 40, "frame_overhead_bytes": 60},
        **{"bandwidth_limit_share": 0.5, "network": "shared", "background_share": 0.25},
        **{"streams": 2, "stream_limit_gbps": 4, "stream_limit_spread": 0, "adapter_limit_gbps": 7},
        **{"socket_buffer_kib": 1e9, "send_buffers": 100_000, "receive_buffers": 100_000},
    }
    line = 10 * 1000 / 1100
    ceilings = one.work().ceilings
    lowest = link.goodput(next(scenarios(migration.filled(**asked))), 0.5, ceilings)
    assert lowest == pytest.approx(line / 2)
    due = {"line_rate": line, "bandwidth_limit": line / 2, "other_traffic": 0.75 * line, "streams": 8}
    due |= {"host_adapter": 7, "send_buffers": np.inf, "receive_buffers": np.inf}
    found = dict(zip(link.CEILINGS, ceilings, strict=True))
    assert found.pop("socket_buffer") == pytest.approx(line)
    assert found == pytest.approx(due)
