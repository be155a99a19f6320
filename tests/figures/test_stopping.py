"""The panel that sets the stop rules side by side."""

import numpy as np
import pytest

from analysis import migrate
from analysis.figures import stopping
from analysis.figures.language import alternative_text, title_of
from analysis.model.units import PAGES_PER_GIB
from analysis.studies import grids

MACHINE = {"memory_gib": 16.0, "working_set_gib": 8.0, "bandwidth_gbps": 10.0}
RATE = migrate(**MACHINE).memory_rate_gib_per_s[0] * PAGES_PER_GIB


def drawn(rate):
    """The outcomes by every rule compared, and the panel of them."""
    rules = {"stop_rule": list(stopping.COMPARED)}
    table = migrate(grids.grid(**MACHINE, dirty_pages_per_s=rate, **rules))
    return table, stopping.rules(table)


def test_busy_guest_is_told_the_price_of_each_rule():
    """Who never moves, who is slowed, who waits for pages: each rule says its own in the alternative text."""
    table, shown = drawn(2 * RATE)
    said = alternative_text(shown)
    told = {row.stop_rule: stopping.told(row) for _, row in table.iterrows()}
    assert all(f"{rule.replace('_', ' ')} {words}" in said for rule, words in told.items())
    assert told["qemu"] == "never ends"
    assert told["kubevirt"] == "cancelled by its time-out"
    assert "slower before" in told["qemu_autoconverge"]
    assert "waits for pages" in told["qemu_post_copy"]
    stay = np.isinf(table.total_s).sum()
    assert title_of(shown).startswith(f"{stay} of {len(table)} rules leave the machine where it is")


@pytest.mark.parametrize("rate", [0.0, 1e9])
def test_idle_and_wild_guests_are_drawn(rate):
    """Also where all rules end alike, and where most of them never do."""
    table, shown = drawn(rate)
    assert len(shown.axes[0].get_yticklabels()) == len(table)


def test_a_tiny_machine_is_seen_and_rules_that_end_alike_are_said_to():
    """Passes of 50 ms are on the axis although set-up takes 2 s; no rule is called the first."""
    rules = grids.grid(memory_gib=0.0625, working_set_gib=0.01, stop_rule=list(stopping.COMPARED))
    shown = stopping.rules(migrate(rules.assign(dirty_pages_per_s=0.0)))
    ax = shown.axes[0]
    copying = ax.containers[0].patches[0]
    assert copying.get_x() + copying.get_width() > 2 * ax.get_xlim()[0]
    assert title_of(shown).startswith("Every rule ends it alike: frozen for 200")
