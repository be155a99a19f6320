"""Earlier migrations of a machine on the command line: what is said of them, and what is refused."""

import pytest

from analysis.cli.last import sentences
from analysis.cli.predicted import predicted
from analysis.cli.predictions import answer, seconds
from analysis.errors import UserError
from analysis.observations.lab import LABORATORY

MACHINE = {"memory_gib": "4", "stop_rule": "qemu", "dirty_pages_per_s": "3000", "bandwidth_gbps": "1"}


def row(**last):
    return predicted(MACHINE, LABORATORY, last=last)[0]


def test_earlier_migrations_stand_beside_what_the_host_says():
    """The answer is drawn to them; how much they count and what the host alone says follow, also as JSON."""
    alone, both = row(), row(last_total_s=[37.2], last_blackout_s=[0.3])
    assert both["last_total_s"] == [37.2]
    assert both["total_s_of_host"] == alone["total_s"] < both["total_s"] < 37.2
    told = answer(both)
    share = f"{100 * both['total_s_weight']:.0f} %"
    assert f"Earlier times count {share}: the host alone says {seconds(alone['total_s'])} (nine in" in told
    assert "Earlier pauses count" in told
    assert "far off" not in told
    assert "Earlier" not in answer(alone)


def test_an_earlier_time_that_is_another_machines_is_told():
    """Far beyond one in a thousand it is said; below what the content takes it is left out."""
    long, short = answer(row(last_total_s=[90.0])), answer(row(last_total_s=[12.0]))
    assert "note: 90 s is far off: by the host all but one in a thousand lie between 35.8 s and" in long
    assert "and its content alone takes 33.3 s: left out. Was it another configuration" in short


def test_a_host_without_repeats_and_one_that_sees_no_end_say_so():
    """Nobody knows what one time tells of the next; and what never ends cannot have ended."""
    known = {"last_total_s": [12.0], "total_s_of_host": 12.5, "total_s_weight": float("nan"), "work_s": 9.0}
    known |= {f"total_s_of_host_{end}": s for end, s in (("low90", 12), ("high90", 13), ("low999", 11.5))}
    told = sentences(known | {"total_s_of_host_high999": 13.5})
    assert len(told) == 1
    assert told[0].startswith("Earlier migrations count nothing: the host was calibrated to no repeats")
    endless = dict.fromkeys(
        ("total_s_of_host", "total_s_of_host_low999", "total_s_of_host_high999"), float("inf")
    )
    assert sentences(known | endless)[1].startswith("note: by the host it never ends, so 12 s was hardly")


@pytest.mark.parametrize(
    ("options", "host", "last", "said"),
    [
        ({}, None, "last_total_s", "--last-time is weighed by how much migrations on a calibrated host scat"),
        ({"memory_gib": "4,8"}, LABORATORY, "last_blackout_s", "--last-blackout tells of one machine"),
    ],
)  # fmt: skip
def test_earlier_migrations_want_a_host_and_one_machine(options, host, last, said):
    """Without a host nobody knows what one time tells; two values of an option are two machines."""
    with pytest.raises(UserError) as found:
        predicted(options, host, last={last: [12.0]})
    assert str(found.value).startswith(said)
