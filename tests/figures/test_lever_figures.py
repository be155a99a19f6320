"""Figures of what hangs on what and of what is needed: they show the numbers that they stand for."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

from analysis.figures import levers
from analysis.figures.words import percent
from analysis.model.migration import migrate
from analysis.studies.decisions.planning import plan, values_along
from analysis.studies.decisions.sensitivity import sensitivity, varied
from analysis.studies.decisions.tornado import tornado
from analysis.studies.grids import grid

MACHINE = {"memory_gib": 16.0, "dirty_pages_per_s": 2e4, "working_set_gib": 4.0, "bandwidth_gbps": 10.0}
RATE, DIRTY = levers.words("bandwidth_gbps"), levers.words("dirty_pages_per_s")
RANGES = ["bandwidth_gbps=1:25", "dirty_pages_per_s=0:400000", "transport=tcpip,smb", "resident_share=0.5:1"]


@pytest.fixture(scope="module")
def found():
    """What hangs on four parameters."""
    return sensitivity(MACHINE, varied(RANGES, MACHINE), samples=64, seed=1)


@pytest.fixture(scope="module")
def swings(found):
    """What each of them alone makes of the scenario."""
    return tornado(found)


@pytest.fixture(autouse=True)
def closed():
    """No figure stays open."""
    yield
    plt.close("all")


def test_a_bar_is_a_total_index(found):
    """In each of the three panels, in the order of the total time's; names of levers are bold."""
    fig = levers.indices(found)
    titles = [ax.get_title(loc="left") for ax in fig.axes]
    assert titles == ["total time", "brownout", "blackout"]
    order = found.of("total_s").parameter.tolist()
    for ax, outcome in zip(fig.axes, ("total_s", "brownout_s", "blackout_s"), strict=True):
        totals = found.of(outcome).set_index("parameter").total[order]
        assert [bar.get_width() for bar in ax.patches] == pytest.approx(totals.tolist())
    weights = {tick.get_text(): tick.get_fontweight() for tick in fig.axes[0].get_yticklabels()}
    assert weights[RATE] == "bold"
    assert weights[DIRTY] == "normal"


def test_the_alternative_names_the_largest(found):
    """Of each outcome, with its index."""
    first = found.of("total_s").iloc[0]
    alt = levers._indices_alt(found, ("total_s",))
    assert f"{levers.words(first.parameter)} {first.total:.2f}" in alt


def test_a_swing_goes_from_the_least_to_the_most(swings):
    """Each parameter's bar, up to the end of the axis where it may never end, which is said."""
    fig = levers.tornado(swings)
    time = swings[swings.outcome == "total_s"].head(levers.SHOWN)
    ax = fig.axes[0]
    assert [bar.get_x() for bar in ax.patches] == pytest.approx(time.least.tolist())
    high = ax.get_xlim()[1]
    ends = [bar.get_x() + bar.get_width() for bar in ax.patches]
    assert ends == pytest.approx(np.minimum(time.most, high).tolist())
    told = [text.get_text() for text in ax.texts]
    assert told.count("never ends") == np.isinf(time.most).sum()


def test_what_never_ends_is_in_the_title(swings):
    """The widest swing in words: two times, a time and no end, or no end at all."""
    first = swings[swings.outcome == "total_s"].iloc[0].copy()
    assert " to " in levers._widest(first.replace({first["most"]: first["least"] + 1}))
    first["most"] = np.inf
    assert levers._widest(first).endswith("to never ending")
    first["least"] = np.inf
    assert levers._widest(first).endswith("it never ends")


def test_ends_of_a_range_are_told_as_briefly_as_they_can(swings):
    """Words by their names, shares as per cent, numbers with the unit once."""
    rows = swings.drop_duplicates("parameter").set_index("parameter", drop=False).to_dict("index")
    assert levers._ends(rows["resident_share"]) == f"{percent(0.5)} to {percent(1.0)}"
    assert levers._ends(rows["bandwidth_gbps"]) == "1 to 25\N{NO-BREAK SPACE}Gbit/s"
    assert levers._ends(rows["transport"]) == "TCP/IP to SMB"


def test_the_table_of_ranges_has_a_row_a_parameter(found, swings):
    """With its own value, whether one can turn it, and its index between the ends of its interval."""
    table = levers.ranges_table(found, swings)
    assert sorted(table.index) == sorted(levers.words(name) for name in found.of("total_s").parameter)
    assert table.loc[RATE, "a lever"] == "yes"
    assert table.loc[DIRTY, "a lever"] == ""
    index = found.of("total_s").set_index("parameter").loc["bandwidth_gbps"]
    assert table.loc[RATE, "total index"].startswith(f"{index.total:.3f} (")


def asked(targets, **machine):
    """What bandwidth is needed, and outcomes along it."""
    given = {name: value for name, value in MACHINE.items() if name != "bandwidth_gbps"} | machine
    answer = plan("bandwidth_gbps", targets, grid(**given))
    return answer, migrate(grid(**given | {"bandwidth_gbps": values_along(answer)}))


def test_a_curve_with_its_target_and_the_answer():
    """A panel a target, whose line is the limit; what is enough is in the title and the table."""
    answer, curve = asked({"total_s": 30.0, "blackout_ms": 500.0})
    fig = levers.needed(answer, curve)
    assert len(fig.axes) == 2
    limits = [line.get_ydata()[0] for ax in fig.axes for line in ax.lines if line.get_linestyle() == "--"]
    assert limits == [30.0, 0.5]
    np.testing.assert_allclose(fig.axes[0].lines[0].get_ydata(), curve.total_s)
    least = levers._named("bandwidth_gbps", answer.table.value[0])
    assert levers._needed_title(answer, 0) == f"{RATE.capitalize()}: at least {least}"
    assert levers.needed_table(answer, []).loc["this machine", RATE] == f"at least {least}"
    assert "where none" not in levers.needed_caption(answer)


def test_where_none_is_enough_it_is_said():
    """In the title, the table and its caption; why, where passes go on without end."""
    answer, curve = asked({"total_s": 1e-3})
    levers.needed(answer, curve)
    assert levers._needed_title(answer, 0) == f"No {RATE} in this range is enough"
    assert levers.needed_table(answer, ["memory_gib"])[RATE].tolist() == ["none is enough"]
    assert levers.needed_caption(answer).endswith("what the nearest value gives")
    endless = {"stop_rule": "qemu", "dirty_pages_per_s": 1e9, "working_set_gib": 15.0}
    answer, curve = asked({"total_s": 60.0}, **endless)
    fig = levers.needed(answer, curve)
    assert levers._needed_title(answer, 0).endswith("its passes go on without end")
    assert "its passes go on without end" in [text.get_text() for text in fig.axes[0].texts]
