"""One at a time around a scenario: swings, the first lever, and where it is the first."""

import numpy as np
import pytest

from analysis.model.migration import migrate
from analysis.studies.decisions.sensitivity import axis, sensitivity
from analysis.studies.decisions.tornado import finding, lead, tornado

MACHINE = {"memory_gib": 64.0, "dirty_pages_per_s": 20000.0}


def found(*ranges, **known):
    """A small sample over some ranges around a machine."""
    return sensitivity({**MACHINE, **known}, [axis(text) for text in ranges], samples=256)


def test_swings_are_those_of_the_model():
    """Ends, base and width of a bar are what migrate() says of the scenario with one parameter moved."""
    row = tornado(found("bandwidth_gbps=1:40:log", "setup_s=1:5")).query(
        "outcome == 'total_s' and parameter == 'bandwidth_gbps'"
    )
    ends = migrate(bandwidth_gbps=[1.0, 10.0, 40.0], **MACHINE).total_s.to_numpy()
    assert row[["at_low", "at_base", "at_high"]].to_numpy()[0] == pytest.approx(ends)
    assert row.swing.item() >= (ends[0] - ends[2]) * (1 - 1e-12)


def test_widest_first():
    """The bars of each outcome are in the order of their width."""
    for _, part in tornado(found("bandwidth_gbps", "setup_s", "receive_buffers")).groupby("outcome"):
        assert (np.diff(part.swing) <= 0).all()


def test_the_first_lever_is_the_first_up_to_where_another_binds():
    """The line rate leads from the slow end up to where one connection's core binds, and stays no longer."""
    told = lead(found("bandwidth_gbps", "receive_buffers", "memory_gib"))
    assert (told.parameter, told.low, told.here) == ("bandwidth_gbps", 1.0, True)
    above = migrate(bandwidth_gbps=[told.high, 100.0], **MACHINE).total_s.to_numpy()
    assert above[0] / above[1] == pytest.approx(1.05, abs=0.06)


def test_beyond_it_another_does_more():
    """With compression and few cores the cores gain more than a faster line, once the line is fast enough."""
    told = lead(found("bandwidth_gbps", "spare_cores", transport="compression", spare_cores=1.0))
    assert told.parameter == "bandwidth_gbps"
    assert (told.instead, told.beyond) == ("spare_cores", "spare_cores")
    assert not told.here
    assert told.high < 10


def test_facts_are_no_levers():
    """Where only the machine's own numbers vary nothing is called a lever."""
    some = found("memory_gib", "dirty_pages_per_s")
    assert lead(some).parameter == ""
    assert finding(some).startswith("Over these ranges the total time hangs most on **memory** (total index")
    assert finding(some).endswith("nothing that varies is a lever.")


def test_a_choice_of_words_is_a_lever():
    """The transport is one, and has no range to be the first in."""
    told = lead(found("transport=tcpip,compression", "memory_gib", spare_cores=16.0))
    assert (told.parameter, told.here) == ("transport", True)
    assert np.isnan(told.low)


def test_the_sentence_has_its_numbers():
    """It names the lever with its index and interval, and both ends of the range in which that holds."""
    some = found("bandwidth_gbps", "receive_buffers", "memory_gib")
    told, row = lead(some), some.of("total_s").set_index("parameter").loc["bandwidth_gbps"]
    text = finding(some)
    assert text.startswith("The first lever on the total time is **line rate**")
    assert f"(total index {row.total:.2f}, {row.total_low:.2f} to {row.total_high:.2f})" in text
    assert f"from **1 Gbit/s** to **{told.high:.4g} Gbit/s**" in text


def test_an_endless_end_is_told_as_such():
    """Where a slow line never ends under QEMU's rule the swing is endless, and a lever that ends it leads."""
    busy = {"stop_rule": "qemu", "dirty_pages_per_s": 3e5, "working_set_gib": 8.0}
    some = sensitivity(MACHINE | busy, [axis("bandwidth_gbps=1:20")], samples=16)
    swings = tornado(some).set_index(["outcome", "parameter"])
    assert np.isinf(swings.loc[("total_s", "bandwidth_gbps"), "swing"])
    assert lead(some).parameter == "bandwidth_gbps"
    assert "nan" not in finding(some)
