"""Designs, and the questions that sweeps ask of the model."""

import numpy as np
import pandas as pd
import pytest

from analysis.model.migration import migrate, passes
from analysis.parameters import PARAMETERS
from analysis.studies import grids


def test_grid_holds_every_combination():
    """Two lists of two and three values make six rows, the last list varying fastest."""
    table = grids.grid(bandwidth_gbps=[1, 10], spare_cores=[1, 2, 4], memory_gib=8)
    assert table.shape == (6, 3)
    assert table["spare_cores"].tolist() == [1, 2, 4, 1, 2, 4]
    assert (table["memory_gib"] == 8).all()


def test_grid_keeps_texts_whole():
    """A text is one value, not a list of letters."""
    assert grids.grid(write_pattern="zipf")["write_pattern"].tolist() == ["zipf"]


@pytest.mark.parametrize("values", [[1.0, 2.5, 100.0], [0.0, 5.0]])
def test_refined_keeps_the_values(values):
    """The values themselves are among the finer ones, which stay within their range and ascend."""
    fine = grids.refined(values, 20)
    assert set(values) <= set(fine)
    assert (fine.min(), fine.max()) == (min(values), max(values))
    assert (np.diff(fine) > 0).all()


def test_first_value_reaching():
    """A value that is reached, lost and reached again counts from the last time on."""
    table = pd.DataFrame({"x": [1, 2, 3, 4], "y": [9, 1, 9, 9]})
    assert grids.first_value_reaching(table, "x", "y", 5) == 3
    assert np.isnan(grids.first_value_reaching(table, "x", "y", 10))


def test_most_converging_lies_on_the_boundary():
    """Just below the rate found a migration converges, a per cent above it does not."""
    most = grids.most_converging("dirty_pages_per_s", 1, 1e9, bandwidth_gbps=1)
    verdicts = migrate(bandwidth_gbps=1, dirty_pages_per_s=[0.99 * most, 1.01 * most])["converged"]
    assert verdicts.tolist() == [True, False]


def test_most_converging_has_ends():
    """0 where nothing converges, infinite where everything does."""
    never = {"blackout_target_ms": 0, "pass_limit": 1}
    assert grids.most_converging("dirty_pages_per_s", 1000, 1e6, **never) == 0
    assert grids.most_converging("dirty_pages_per_s", 1, 1e9, working_set_gib=0.01) == np.inf


def test_goal_comes_from_the_rule_or_as_given():
    """Hyper-V's goal is 750 ms; a given one replaces it."""
    assert grids.goal_s("hyperv") == 0.75
    assert grids.goal_s("hyperv", 100) == pytest.approx(0.1)
    assert grids.goal_s("xen", None, 50 / 262144) == pytest.approx(1)


def test_distinct_memory_is_the_uniform_law():
    """W (1 - exp(-d t / W)) for 1000 pages written 1000 times a second, after 1 s: 632 pages."""
    guest = pd.DataFrame({"dirty_pages_per_s": [1000.0], "working_set_gib": [1000 / 262144]})
    assert grids.distinct_gib([1.0], guest)[0, 0] * 262144 == pytest.approx(632.12, abs=0.01)


def test_distinct_memory_takes_a_time_for_each_row():
    """Times of shape (rows, 1) are each scenario's own."""
    guests = grids.grid(dirty_pages_per_s=[100.0, 1000.0])
    own = grids.distinct_gib(np.array([[1.0], [2.0]]), guests)
    both = grids.distinct_gib([1.0, 2.0], guests)
    assert own[:, 0] == pytest.approx([both[0, 0], both[1, 1]])


def test_dirtied_is_tidy():
    """One row a pattern and a time, each curve rising."""
    curves = grids.dirtied(np.array([0.1, 1.0, 10.0]), grids.grid(write_pattern=["uniform", "zipf"]))
    assert len(curves) == 6
    for _, part in curves.groupby("write_pattern"):
        assert part.sort_values("seconds")["dirtied_gib"].is_monotonic_increasing


@pytest.mark.parametrize("rule", ["hyperv", "qemu", "xen"])
def test_course_meets_the_passes(rule):
    """The course starts each pass with what the one before left, and ends at the brownout's end."""
    scenario = {"dirty_pages_per_s": 20000.0, "bandwidth_gbps": 1.0, "stop_rule": rule, "pass_limit": 6}
    course, steps = grids.course(**scenario), passes(**scenario)
    pages = course.groupby("pass_number")["to_send_gib"].first().to_numpy() * 262144
    assert pages[0] == pytest.approx(0.9 * 16 * 262144)
    assert pages[1:] == pytest.approx(steps["remaining_pages"].to_numpy()[:-1])
    found = course.groupby("pass_number")["dirtied_gib"].last().to_numpy() * 262144
    assert found == pytest.approx(steps["dirtied_pages"].to_numpy())
    assert course["time_s"].is_monotonic_increasing


def test_course_of_an_endless_migration_is_cut():
    """A migration that would never end is followed for a while only; this one is seen after more passes."""
    scenario = {"dirty_pages_per_s": 32_000.0, "bandwidth_gbps": 1.0, "stop_rule": "qemu"}
    scenario |= {"blackout_target_ms": 30}
    found = migrate(**scenario).iloc[0]
    assert found["stop_reason"] == "endless"
    assert found["passes"] > grids.DRAWN_PASSES
    course = grids.course(**scenario)
    assert course["pass_number"].max() == grids.DRAWN_PASSES


def test_one_map_is_independent_of_the_machine():
    """For few writes the dirty rate is the writes' own, 4 KiB each, whatever the working set."""
    guests = grids.grid(dirty_pages_per_s=1000.0, working_set_gib=[4.0, 8.0], bandwidth_gbps=1.0)
    table = grids.on_one_map(guests)
    assert table["dirtied_gbps"].to_numpy() == pytest.approx(1000 * 4096 * 8 / 1e9, rel=1e-3)
    assert table["sent_gbps"].iloc[0] == pytest.approx(0.949 * 4096 / 4104, rel=1e-3)


def test_nothing_beyond_the_diagonal_converges():
    """u(T) < b T is necessary: with any number of passes, no migration beyond it converges."""
    guests = grids.grid(
        write_pattern=["uniform", "hotcold", "zipf", "sequential"],
        dirty_pages_per_s=np.geomspace(1e3, 1e6, 12),
        bandwidth_gbps=np.geomspace(0.2, 20, 12),
        pass_limit=200,
    )
    table = grids.on_one_map(guests)
    beyond = table["dirtied_gbps"] > 1.001 * table["sent_gbps"]
    assert beyond.any()
    assert not table.loc[beyond, "converged"].any()


def test_left_per_pass_is_time_to_send():
    """What a pass leaves takes its pages over the rate: of a steady series, each a fixed share."""
    steps = grids.left_per_pass(dirty_pages_per_s=10000.0, working_set_gib=1e3, memory_gib=1e3, pass_limit=4)
    ratio = steps["left_s"].to_numpy()[1:] / steps["left_s"].to_numpy()[:-1]
    rate = migrate(dirty_pages_per_s=10000.0)["memory_rate_gib_per_s"].iloc[0] * 262144
    assert ratio == pytest.approx(10000 / rate, rel=0.01)


@pytest.mark.parametrize("ring", ["receive_buffers", "send_buffers"])
def test_buffers_needed_are_just_enough(ring):
    """The number found carries 99 % of the link, one less does not."""
    link = {"bandwidth_gbps": 10.0, "receive_delay_us": 250.0}
    other = {"receive_buffers": 10**6, "send_buffers": 10**6}
    need = grids.buffers_needed(grids.grid(**link), ring)[0]
    goodput = migrate(**link, **other | {ring: [need - 1, need, 10**6]})["goodput_gbps"].to_numpy()
    assert need > 10
    assert goodput[0] < 0.99 * goodput[2] <= goodput[1]


def test_a_line_beyond_the_connection_asks_for_no_more():
    """One connection of 12 Gbit/s fills a ring alike on 40 and on 100 Gbit/s, and more than on 1 Gbit/s."""
    slow, fast, faster = grids.buffers_needed(grids.grid(bandwidth_gbps=[1.0, 40.0, 100.0]))
    assert slow < fast == faster


def test_one_buffer_is_found_too():
    """On a line so slow that a packet takes longer than the interrupt, a single send buffer is enough."""
    assert (
        grids.buffers_needed(grids.grid(bandwidth_gbps=0.01, interrupt_moderation_us=0.0), "send_buffers")[0]
        == 1
    )


def test_longest_delay_agrees_with_the_buffers_needed():
    """With the buffers that a delay needs, just that delay is bridged."""
    need = grids.buffers_needed(grids.grid(bandwidth_gbps=10.0, receive_delay_us=100.0))[0]
    assert grids.longest_delay_us(bandwidth_gbps=10.0, receive_buffers=need) == pytest.approx(100, rel=0.05)
    assert grids.longest_delay_us(bandwidth_gbps=10.0, receive_buffers=1) == 0


def test_compression_gain_by_hand():
    """On a slow link the full ratio; the cores needed for it are ratio times rate over a core's speed."""
    row = grids.compression_gain(grids.grid(bandwidth_gbps=1.0, compression_ratio=2.0)).iloc[0]
    assert row["rate_gain"] == pytest.approx(2.0)
    assert row["cores_needed"] == pytest.approx(2 * 0.9493 / 8 * 1e9 / 2**30 / 0.27, rel=1e-3)
    assert row["gain"] > 1


def test_typical_is_the_median():
    """Medians of numbers, the commonest text, without what a map varies itself."""
    table = pd.DataFrame(
        {"memory_gib": [1.0, 2.0, 9.0], "write_pattern": ["zipf", "zipf", "uniform"], "bandwidth_gbps": 1.0}
    )
    assert grids.typical(table, PARAMETERS) == {"memory_gib": 2.0, "write_pattern": "zipf"}


def test_a_limit_of_passes_is_the_rules_own_unless_given():
    """Hyper-V stops after 5, QEMU as its rule is told, SimGrid never; a number that is given goes before."""
    assert grids.limit_of("hyperv") == 5
    assert grids.limit_of("simgrid") == np.inf
    assert grids.limit_of("simgrid", 7) == 7


def test_refined_by_hand():
    """By ratio above zero, else by difference; what three digits cannot tell from an end is left out."""
    assert grids.refined([1, 100], 5).tolist() == [1, 3.16, 10, 31.6, 100]
    assert grids.refined([4, 0], 5).tolist() == [0, 1, 2, 3, 4]
    assert grids.refined([1, 1.001], 5).tolist() == [1, 1.001]
    assert len(grids.refined([1, 1e6])) == 120


def test_numbers_of_so_many_digits():
    """Over a power of ten the step becomes ten times as long; both ends are there."""
    assert grids.of_digits(0.98, 1.2, 2).tolist() == [0.98, 0.99, 1.0, 1.1, 1.2]
    assert grids.of_digits(8, 30, 1).tolist() == [8, 9, 10, 20, 30]


@pytest.mark.parametrize(
    ("writes", "most", "shown"),
    [
        (1000, 5e4, (10, 2.5e5)),
        (2000, np.inf, (20, 4e4)),
        (0, np.inf, (1e3, 2e6)),
        (0, 400, (4, 8000)),
        (0.5, 0, (0.005, 10)),
    ],
)
def test_a_map_shows_the_guest_and_the_edge(writes, most, shown):
    """From a hundredth of the lower of both to twenty times the guest's writes or five times the higher."""
    assert grids.writes_to_show(writes, most) == pytest.approx(shown)


def test_dirtied_stands_beside_its_pattern_and_time():
    """A curve for each pattern, each value that of the law at its time."""
    times, guests = np.array([0.5, 20.0]), grids.grid(write_pattern=["uniform", "zipf"])
    curves, law = grids.dirtied(times, guests), grids.distinct_gib([0.5, 20], guests)
    assert curves["write_pattern"].tolist() == ["uniform", "zipf"] * 2
    assert curves["seconds"].tolist() == [0.5, 0.5, 20, 20]
    assert curves["dirtied_gib"].tolist() == law.T.ravel().tolist()


def test_each_pass_of_a_table_stands_beside_its_scenario():
    """In rows of their own numbers, with the columns that were asked for and those of passes."""
    steps = grids.left_per_pass(memory_gib=[4, 8], pass_limit=2, dirty_pages_per_s=20_000)
    assert steps.index.tolist() == [0, 1, 2, 3]
    assert steps["memory_gib"].tolist() == [4, 4, 8, 8]
    assert list(steps)[:4] == ["memory_gib", "pass_limit", "dirty_pages_per_s", "pass_number"]


def test_buffers_are_whole_and_a_matter_of_one_ring():
    """Neither the other ring nor the guest changes them, and none carry more than endless ones."""
    link = grids.grid(bandwidth_gbps=10, receive_delay_us=137)
    need = grids.buffers_needed(link)[0]
    assert need == int(need)
    assert grids.buffers_needed(link.assign(send_buffers=8, dirty_pages_per_s=1e5)) == need
    assert grids.buffers_needed(link, share=1.01) == np.inf


def test_a_delay_is_told_in_two_digits():
    """As a person would write it; infinite where buffers carry the link at a second too."""
    delay_us = grids.longest_delay_us(bandwidth_gbps=10, receive_buffers=731)
    assert delay_us == float(f"{delay_us:.1e}")
    assert grids.longest_delay_us(bandwidth_gbps=0.001, receive_buffers=10**5) == np.inf


def test_gain_is_the_total_time_without_over_with():
    """As two migrations alone."""
    guest = {"bandwidth_gbps": 1, "compression_ratio": 2}
    row = grids.compression_gain(grids.grid(**guest)).iloc[0]
    without, packed = migrate(transport=["tcpip", "compression"], **guest)["total_s"]
    assert (row["plain_total_s"], row["total_s"], row["gain"]) == (without, packed, without / packed)


def test_the_course_of_a_pass_is_steady():
    """Sent evenly from its start to its end, numbered through; nothing is dirty where nobody writes."""
    scenario = {"memory_gib": 4, "dirty_pages_per_s": 2e4, "pass_limit": 2}
    course, step = grids.course(points=3, **scenario), passes(**scenario).iloc[0]
    assert course.index.tolist() == [0, 1, 2, 3, 4, 5]
    assert course["time_s"].to_numpy()[:3] - step["start_s"] == pytest.approx(
        [0, step["duration_s"] / 2, step["duration_s"]]
    )
    sent = course["to_send_gib"][0] - course["to_send_gib"].to_numpy()[:3]
    assert sent * 262144 == pytest.approx([0, step["sent_pages"] / 2, step["sent_pages"]])
    assert grids.course(points=3, memory_gib=4, dirty_pages_per_s=0)["dirtied_gib"].tolist() == [0, 0, 0]
    small = grids.course(points=3, memory_gib=4, working_set_gib=0.01, dirty_pages_per_s=2e4, pass_limit=1)
    assert small["dirtied_gib"].tolist() == pytest.approx([0, 0.01, 0.01], abs=1e-6)
