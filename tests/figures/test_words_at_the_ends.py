"""Titles and takeaways where a case is at an end: nothing converges, nothing differs, nothing helps."""

import numpy as np
import pandas as pd
import pytest

from analysis.figures import curves, key_numbers, maps, takeaways
from analysis.figures.language import duration, value_of
from analysis.figures.words import percent


def swept(converged, links=(1.0, 10.0, 25.0)):
    """Verdicts over links."""
    return pd.DataFrame({"bandwidth_gbps": links[: len(converged)], "converged": converged})


@pytest.mark.parametrize(
    ("converged", "said"),
    [
        ([True], "on this link"),
        ([True, True], "on every link from"),
        ([False, False], "On none of these links, up to"),
        ([True, False, False], "not a faster one"),
        ([True, True, False], "** to **"),
        ([True, False, True], "some slower links"),
    ],
)
def test_links_on_which_a_machine_converges(converged, said):
    """All of them, none, one, some, or from one on."""
    assert said in takeaways._to_converge(swept(converged))


@pytest.mark.parametrize(
    ("without", "packed", "said"),
    [
        (np.inf, np.inf, "does not help"),
        (np.inf, 10.0, "lets the migration **end**"),
        (10.0, np.inf, "keeps the migration from ending"),
        (10.0, 10.0, "gains nothing"),
    ],
)
def test_what_compression_does_to_the_end(without, packed, said):
    """Neither ends, one of them does, or both at the same time."""
    row = pd.Series({"plain_total_s": without, "total_s": packed, "gain": 1.0})
    assert said in takeaways._gained(row)


def test_pauses_that_do_not_differ_are_told_once():
    """The same for each, at most so long; where no migration ends that is the title."""
    rows = pd.DataFrame({
        "bandwidth_gbps": [1.0, 10.0] * 2,
        "write_pattern": ["uniform"] * 2 + ["zipf"] * 2,
        "blackout_s": [0.5, 0.2] * 2, "brownout_s": 1.0, "total_s": 2.0, "converged": True,
    })  # fmt: skip
    title = curves._phases_title(rows, "bandwidth_gbps", "write_pattern")
    assert title.endswith(f"the blackout is the same for each, at most {duration(0.5)}")
    one = curves._phases_title(rows[:2], "bandwidth_gbps", "write_pattern")
    assert one.endswith(f"the blackout is at most {duration(0.5)}")
    never = rows.assign(blackout_s=np.inf, brownout_s=np.inf, total_s=np.inf)
    assert curves._phases_title(never, "bandwidth_gbps", "write_pattern").endswith("never ends")


def test_a_boundary_needs_both_sides():
    """Where all converge, or none, nothing is drawn."""
    frame = pd.DataFrame({"residual_pages": [1.0, 2.0], "memory_rate_gib_per_s": 1.0, "converged": True})
    assert maps._boundary(None, frame, "x", "y") == ""
    assert maps._boundary(None, frame.assign(converged=False), "x", "y") == ""


def test_a_reader_s_own_migration_tells_what_was_measured():
    """A pause only where it was; what would have helped only where something would."""
    found = pd.DataFrame({"change": ["as it was"], "total_s": [12.0], "saved_share": [0.0]})
    alone = key_numbers.own(pd.Series({"measured_total_s": 11.0}), found)
    assert alone == {"measured, in all": duration(11.0), "the model says, in all": duration(12.0)}
    more = pd.DataFrame({"change": ["compression"], "total_s": [6.0], "saved_share": [0.5]})
    row = pd.Series({"measured_total_s": 11.0, "measured_blackout_s": 0.3})
    told = key_numbers.own(row, pd.concat([found, more], ignore_index=True))
    assert told["measured blackout"] == duration(0.3)
    assert told["less with compression"] == percent(0.5)


def test_counts_and_rates_without_an_end_have_words():
    """None enough, any rate, none."""
    assert key_numbers._count(np.inf) == "none enough"
    assert key_numbers._count(512) == value_of("receive_buffers", 512)
    assert [key_numbers._writes(rate) for rate in (np.inf, 0.0)] == ["any rate", "none"]
