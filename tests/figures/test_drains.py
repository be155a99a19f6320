"""Pictures and sentences on drains say what their numbers are."""

from dataclasses import replace

import matplotlib.pyplot as plt
import pandas as pd
import pytest

from analysis.figures import drains
from analysis.figures.language import NO_BREAK, alternative_text, title_of
from analysis.studies.drain.answer import Asked, drain
from tests.studies.drain.cases import machines, nodes, problem


def told(text):
    """A text with ordinary spaces and in one line."""
    return " ".join(text.replace(NO_BREAK, " ").split())


@pytest.fixture(scope="module")
def found():
    """A small drain."""
    table = machines(4, memory_gib=[2.0, 8.0, 2.0, 4.0], priority=[2000.0, 2000.0, 1000.0, 2000.0])
    return drain(problem(table, nodes("abc"), limit=2), Asked(seconds=0.5, tries=10))


def test_a_gantt_says_who_is_last(found):
    """A bar for each move; the title names the last to arrive, the text where all went."""
    fig = drains.gantt(found.moves)
    assert len(fig.axes[0].patches) == 2 * len(found.moves)
    last = found.moves.machine[found.moves.end_s.idxmax()]
    assert told(title_of(fig)).startswith("4 machines are moved in ")
    assert f"{last} is the last to arrive" in told(title_of(fig))
    assert " to b" in alternative_text(fig)
    assert " to c" in alternative_text(fig)
    plt.close(fig)


@pytest.mark.parametrize(
    ("times", "said"),
    [
        ([80.0, 40.0, 60.0], "On 10 Gbit/s 2 at once are quickest: 40 s instead of 80 s with 1"),
        ([40.0, 40.1, 40.2], "On 10 Gbit/s it makes no difference how many move at once: 40 s"),
        ([40.0, 44.0, 50.0], "On 10 Gbit/s 1 at once is quickest: 40 s instead of 50 s with 3"),
        ([40.0, 39.9, 50.0], "On 10 Gbit/s 2 at once are quickest: 40 s instead of 50 s with 3"),
    ],
)
def test_how_many_at_once_is_told_as_it_is(times, said):
    """The title says what is quickest, or that it does not matter."""
    table = pd.DataFrame(
        {"bandwidth_gbps": 10.0, "parallel_limit": [1, 2, 3], "makespan_s": times, "bound_s": 30.0,
         "blackout_s": [0.2, 0.3, 0.4]}
    )  # fmt: skip
    fig = drains.over_limits(table)
    assert told(title_of(fig)) == said
    assert "pauses" in alternative_text(fig)
    plt.close(fig)


def test_pauses_that_are_alike_are_drawn_alike():
    """Pauses of 202.80 and 202.83 ms differ by nothing that a person sees: the axis begins at zero."""
    table = pd.DataFrame(
        {"bandwidth_gbps": 10.0, "parallel_limit": [1, 2], "makespan_s": [80.0, 40.0], "bound_s": 30.0,
         "blackout_s": [0.20280, 0.20283]}
    )  # fmt: skip
    fig = drains.over_limits(table)
    assert fig.axes[1].get_ylim() == pytest.approx((0, 0.2535), rel=1e-3)
    plt.close(fig)


def test_the_takeaway_is_written_from_the_numbers(found):
    """How long, how far from the bound, how many at once, who is frozen longest, who is in the way."""
    over = pd.DataFrame(
        {"bandwidth_gbps": 10.0, "parallel_limit": [1, 2], "makespan_s": [30.0, 20.0], "blackout_s": 0.2}
    )
    said = told(drains.takeaway(found, found, over, 10.0))
    assert "With **2** at once it is quickest on 10 Gbit/s: 20 s." in said
    assert "Every machine finds a place and converges." in said
    stuck = replace(found, unplaced=[{"machine": "giant"}])
    assert told(drains.takeaway(stuck, found, over, 10.0)).startswith("The system moves all but giant in **")
    assert "longest pause, live" in drains.key_numbers(found, found)
    assert drains.plans_table(found).index[0] in found.plans
