"""What sweeps tell without their rows: against numpy and pandas on the rows themselves."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.model.migration import CODED, evaluate
from analysis.parameters import ParameterError
from analysis.studies.sweeps import reductions, tally
from analysis.studies.sweeps.counting import Bins
from analysis.studies.sweeps.designs import CHUNK, Axis, Design, parse

GRID = {
    "transport": ["tcpip", "compression", "smb"],
    "bandwidth_gbps": [1, 10, 25],
    "memory_gib": {"from": 1, "to": 64, "count": 40, "spacing": "log"},
    "dirty_pages_per_s": {"from": 0, "to": 1e6, "count": 60},
}
NUMBER = {"memory_gib": {"from": 1, "to": 64}}


def design_with(reduce: dict, parameters: dict = GRID, **more) -> Design:
    """A design that asks for some reductions."""
    return parse({"parameters": parameters, "reduce": reduce, **more})


def only(design: Design):
    """The one reduction of a design."""
    (reduction,) = reductions.made(design).values()
    return reduction


def gathered(reduction, stretches, compiled: bool = False) -> np.ndarray:
    """What stretches of rows, each (places, outcomes, rows), add up to, each by a gathering of its own."""
    numbers = np.zeros(reduction.size)
    for stretch in stretches:
        gathering = reductions.Gathering({"r": reduction}, compiled)
        gathering.take(*stretch)
        where, amount = gathering.made()["r"]
        numbers[where] += amount
    return numbers


def reduced(
    design: Design, values: np.ndarray, places: dict | None = None, parts: int = 1, compiled: bool = False
) -> pd.DataFrame:
    """The table of a reduction of these values, taken so many parts at a time."""
    reduction = only(design)
    stretches = [
        ({name: place[at] for name, place in (places or {}).items()}, {reduction.of: values[at]}, len(at))
        for at in np.array_split(np.arange(len(values)), parts)
    ]
    return reduction.result(gathered(reduction, stretches, compiled))


def swept(design: Design) -> tuple[pd.DataFrame, pd.DataFrame]:
    """All rows of a design and the table of its reduction."""
    reduction, stretches, rows = only(design), [], []
    for start in range(0, design.rows, CHUNK):
        length = min(CHUNK, design.rows - start)
        columns, places = design.stretch(start)
        outcomes = evaluate(columns)
        stretches.append((places, outcomes, length))
        varying = {name: columns[name] for name in design.names}
        numeric = {name: value for name, value in outcomes.items() if name not in CODED}
        rows.append(pd.DataFrame({k: np.broadcast_to(v, length) for k, v in (varying | numeric).items()}))
    return pd.concat(rows, ignore_index=True), reduction.result(gathered(reduction, stretches))


# --- quantiles ----------------------------------------------------------------------------------


def test_quantiles_are_within_half_a_percent():
    """Over twelve decades, and in every cell, against numpy's inverse of the distribution."""
    draw = np.random.default_rng(1)
    values, cell = 10 ** draw.uniform(-5, 8, 30_000), draw.integers(3, size=30_000)
    at = [0, 0.01, 0.25, 0.5, 0.9, 0.999, 1]
    design = design_with({"q": {"quantiles": "total_s", "by": ["bandwidth_gbps"], "at": at}})
    table = reduced(design, values, {"bandwidth_gbps": cell}, parts=7)
    assert table.bandwidth_gbps.tolist() == [1, 10, 25]
    assert table.rows.sum() == len(values)
    for k in range(3):
        exact = np.quantile(values[cell == k], at, method="inverted_cdf")
        assert table.iloc[k, 1:-1].to_numpy(float) == pytest.approx(exact, rel=0.005)


def test_quantiles_know_nothing_and_for_ever():
    """Zeros are told as 0, what never ends as infinite; a cell without rows has no quantile."""
    design = design_with({"q": {"quantiles": "total_s", "by": "bandwidth_gbps", "at": [0.1, 0.5, 0.9]}})
    table = reduced(design, np.array([0, 3.0, np.inf]), {"bandwidth_gbps": np.array([1, 1, 1])})
    assert table.loc[1, ["q10", "q50", "q90"]].tolist() == [0, pytest.approx(3, rel=0.005), math.inf]
    assert table.loc[[0, 2], ["q10", "q50", "q90"]].isna().all(axis=None)
    assert table.rows.tolist() == [0, 3, 0]


def test_columns_of_quantiles_differ():
    """Shares near each other, or near all, have names of their own."""
    at = [0.001, 0.005, 0.05, 0.07, 0.5, 0.999, 0.9995, 0.9999, 1]
    table = reduced(design_with({"q": {"quantiles": "total_s", "at": at}}), np.ones(3))
    assert list(table) == "q00.1 q00.5 q05 q07 q50 q99.9 q99.95 q99.99 q100 rows".split()


def test_quantiles_of_a_sweep_are_those_of_its_rows():
    """Reductions over a grid that is evaluated say what pandas says of all its rows."""
    rows, table = swept(
        design_with({"q": {"quantiles": "blackout_s", "by": ["transport", "bandwidth_gbps"]}})
    )
    exact = rows.groupby(["transport", "bandwidth_gbps"], sort=False).blackout_s
    for share, column in ((0.05, "q05"), (0.5, "q50"), (0.95, "q95")):
        expected = exact.quantile(share, interpolation="lower")
        higher = exact.quantile(share, interpolation="higher")
        assert (table[column].to_numpy() >= expected.to_numpy() * 0.995).all()
        assert (table[column].to_numpy() <= higher.to_numpy() * 1.005).all()


# --- histograms ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "edges",
    [
        [1, 2.5, 7, 40],
        {"from": 0.5, "to": 50, "count": 12},
        {"from": 0.01, "to": 100, "count": 30, "spacing": "log"},
        {"from": 1, "to": 1.01, "count": 1},  # as far apart as the bins of quantiles
    ],
)
def test_histogram_counts_as_numpy_does(edges):
    """Counts between edges are numpy's; the bins below and above hold what is left."""
    values = np.random.default_rng(2).lognormal(1, 2, 5_000)
    values[:3] = 0, np.inf, 1
    table = reduced(design_with({"h": {"histogram": "total_s", "edges": edges}}), values, parts=4)
    bounds = table["to"].to_numpy()[:-1]
    assert table["from"].tolist() == [-math.inf, *bounds]
    assert table.rows.tolist()[1:-1] == np.histogram(values[np.isfinite(values)], bounds)[0].tolist()
    assert table.rows.iloc[[0, -1]].tolist() == [(values < bounds[0]).sum(), (values >= bounds[-1]).sum()]


def test_histogram_by_cells_of_a_range():
    """A range of a random design is cut into equal cells, by its spacing, told by their middles."""
    parameters = {"memory_gib": {"from": 1, "to": 256, "spacing": "log"}, "bandwidth_gbps": [1, 10]}
    body = {"histogram": "total_s", "by": {"memory_gib": 4, "bandwidth_gbps": None}, "edges": [10, 100]}
    rows, table = swept(design_with({"h": body}, parameters, rows=20_000, seed=5))
    assert table.memory_gib.unique() == pytest.approx([2, 8, 32, 128])
    cell = pd.cut(rows.memory_gib, [1, 4, 16, 64, 256], right=False, labels=False)
    among = pd.cut(rows.total_s, [-np.inf, 10, 100, np.inf], right=False, labels=False)
    expected = rows.groupby([cell, rows.bandwidth_gbps.rename("b"), among]).size()
    every = pd.MultiIndex.from_product([range(4), [1, 10], range(3)])
    assert table.rows.tolist() == expected.reindex(every, fill_value=0).tolist()


def test_verdicts_are_counted():
    """An outcome that is yes or no is counted as 1 and 0."""
    rows, table = swept(design_with({"h": {"histogram": "converged", "edges": [0, 0.5, 1.5]}}))
    assert table.rows.tolist() == [0, (~rows.converged).sum(), rows.converged.sum(), 0]


# --- the best option ----------------------------------------------------------------------------


def test_best_option_is_that_of_the_rows():
    """Means, least and next, by cell: what a groupby of the rows says."""
    body = {"best": "total_s", "over": "transport", "by": ["bandwidth_gbps", "memory_gib"]}
    rows, table = swept(design_with({"b": body}))
    means = rows.pivot_table("total_s", ["bandwidth_gbps", "memory_gib"], "transport", aggfunc="mean")
    assert table.best.tolist() == means.idxmin(axis=1).tolist()
    ordered = np.sort(means.to_numpy(), axis=1)
    assert table["mean"].to_numpy() == pytest.approx(ordered[:, 0])
    assert table.next_mean.to_numpy() == pytest.approx(ordered[:, 1])
    assert (table.rows == len(rows) // len(table)).all()


def test_best_option_of_ties_and_of_none():
    """Of what is the same to rounding it is the first; where nothing ends, or nothing is, there is none."""
    design = design_with({"b": {"best": "total_s", "over": "transport", "by": ["bandwidth_gbps"]}})
    sums = [0.1 + 0.2, 0.3, 0.4, math.inf, math.inf]
    places = {"bandwidth_gbps": np.array([0, 0, 0, 1, 1]), "transport": np.array([0, 1, 2, 0, 1])}
    table = reduced(design, np.array(sums), places)
    assert table.best[0] == "tcpip"
    assert table.best[1:].isna().all()
    assert table.next_mean.tolist() == [0.3, math.inf, math.inf]
    assert table.rows.tolist() == [3, 2, 0]


def test_nothing_is_the_least_of_all():
    """An option that leaves no page is the best, though nothing is less than nothing by a share."""
    design = design_with({"b": {"best": "residual_pages", "over": "transport", "by": ["bandwidth_gbps"]}})
    places = {"bandwidth_gbps": np.zeros(3, int), "transport": np.arange(3)}
    table = reduced(design, np.array([5.0, 0.0, 7.0]), places)
    assert (table.best[0], table["mean"][0], table.next_mean[0]) == ("compression", 0, 5)


# --- parts --------------------------------------------------------------------------------------

BODIES = (
    {"quantiles": "total_s", "by": ["bandwidth_gbps"]},
    {"histogram": "total_s", "by": ["bandwidth_gbps"], "edges": [1, 10, 100]},
    {"best": "total_s", "over": "transport", "by": ["bandwidth_gbps"]},
)


@settings(max_examples=30, deadline=None, derandomize=True)
@given(
    values=st.lists(st.floats(0, 1e12) | st.just(math.inf), min_size=1, max_size=60),
    parts=st.integers(1, 9),
    seed=st.integers(0, 99),
)
def test_parts_come_in_any_order(values, parts, seed):
    """However rows are cut into parts and in whatever order these come, the table is the same."""
    draw, values = np.random.default_rng(seed), np.array(values)
    places = {"bandwidth_gbps": draw.integers(3, size=len(values))}
    places["transport"] = draw.integers(3, size=len(values))
    other = draw.permutation(len(values))
    mixed = {name: place[other] for name, place in places.items()}
    for body in BODIES:
        design = design_with({"r": body})
        whole = reduced(design, values, places)
        cut = reduced(design, values[other], mixed, min(parts, len(values)))
        pd.testing.assert_frame_equal(whole, cut, rtol=1e-9)


@pytest.mark.thorough
@pytest.mark.parametrize("body", BODIES)
def test_the_compiled_way_gathers_the_same(body):
    """Cells of listed values and of a range, and every kind of reduction, compiled and in NumPy: the same
    numbers."""
    draw = np.random.default_rng(3)
    parameters = GRID | {"memory_gib": {"from": 1, "to": 64, "spacing": "log"}}
    by = {"bandwidth_gbps": None, "memory_gib": 7}
    design = design_with({"r": body | {"by": by}}, parameters, rows=500)
    places = {"bandwidth_gbps": draw.integers(3, size=500), "transport": draw.integers(3, size=500)}
    places["memory_gib"] = design.axis("memory_gib").drawn(draw, 500)
    stretch = places, {"total_s": draw.lognormal(1, 5, 500)}, 500
    plain, quick = (gathered(only(design), [stretch], compiled) for compiled in (False, True))
    assert plain.sum() > 0
    assert quick == pytest.approx(plain, rel=1e-12)


EDGES = st.lists(st.floats(-1e3, 1e9), min_size=2, max_size=30, unique=True).map(sorted)
EDGES |= st.sampled_from(
    [
        np.geomspace(1e-6, 1e9, 200).tolist(),
        np.linspace(0, 1e4, 300).tolist(),
        [1.0, np.nextafter(1.0, 2), 2.0],  # too near each other for a table of leading bits
        [-3.0, -2.0, -1.0],
        [0.0, 5e-324, 1.0],
        [1.0, math.inf],
    ]
)


@pytest.mark.thorough
@settings(max_examples=60, deadline=None, derandomize=True)
@given(edges=EDGES, values=st.lists(st.floats(-1e300, allow_nan=False), min_size=1, max_size=30))
def test_leading_bits_find_the_bin_that_a_search_finds(edges, values):
    """At the edges, next to them, far outside and among edges of any kind: numpy's searchsorted."""
    bins = Bins(np.array(edges))
    near = [np.nextafter(edge, side) for edge in edges for side in (-math.inf, math.inf)]
    values = np.array([*values, *edges, *near])
    cell, counts = np.zeros(len(values), np.int64), np.zeros(bins.number, np.int32)
    tally.count(values, bins, cell, counts)
    tally.number(values, bins, cell)
    assert cell.tolist() == np.searchsorted(edges, values, side="right").tolist()
    assert counts.tolist() == np.bincount(cell, minlength=bins.number).tolist()
    assert tally.told(counts).tolist() == np.flatnonzero(counts).tolist()


@settings(max_examples=50, deadline=None, derandomize=True)
@given(
    values=st.lists(st.floats(0, 1e12) | st.just(math.inf), min_size=1, max_size=40),
    at=st.lists(st.floats(0, 1), min_size=2, max_size=9),
)
def test_a_higher_quantile_is_never_below_a_lower_one(values, at):
    """Within a cell, for any rows and any shares, however near each other and in whatever order."""
    table = reduced(design_with({"q": {"quantiles": "total_s", "at": at}}), np.array(values))
    names = [reductions._percent(share) for share in sorted(at)]
    assert (table[names].to_numpy()[0][1:] >= table[names].to_numpy()[0][:-1]).all()


# --- what is no reduction -----------------------------------------------------------------------

FAULTS = [
    ({"r": {"median": "total_s"}}, "the reduction 'r' names none of quantiles, histogram, best"),
    ({"r": None}, "the reduction 'r' names none of quantiles, histogram, best"),
    ({"r": {"best": "total_s", "by": ["memory_gib"]}}, "the reduction 'r' lacks 'over'"),
    ({"r": {"histogram": "total_s"}}, "the reduction 'r' lacks 'edges'"),
    ({"r": {"best": "total_s", "ovr": "x"}}, "the reduction 'r' takes no 'ovr'; did you mean 'over'?"),
    (
        {"r": {"quantiles": "total"}},
        "the reduction 'r': 'total' is no outcome that is a number; did you mean 'total_s'?",
    ),
    ({"r": {"quantiles": "stop_reason"}}, "the reduction 'r': 'stop_reason' is no outcome that is a number"),
    (
        {"r": {"quantiles": "total_s", "by": ["memory"]}},
        "the reduction 'r': 'memory' does not vary in this design; did you mean 'memory_gib'?",
    ),
    ({"r": {"quantiles": "total_s", "by": 5}}, "the reduction 'r': by: 5 is no list of parameters"),
    ({"r": {"quantiles": "total_s", "at": [1.5]}}, "the reduction 'r': at: 1.5 is no share from 0 to 1"),
    ({"r": {"quantiles": "total_s", "at": [True]}}, "the reduction 'r': at: True is no share from 0 to 1"),
    (
        {"r": {"quantiles": "total_s", "at": 0.5}},
        "the reduction 'r': at: 0.5 is no list of shares from 0 to 1",
    ),
    (
        {"r": {"best": "total_s", "over": ["transport"]}},
        "the reduction 'r': over: ['transport'] is no parameter whose values are the options",
    ),
    (
        {"r": {"best": "total_s", "over": "transport", "by": ["transport"]}},
        "the reduction 'r': over: 'transport' makes the cells, too: every cell would have one option",
    ),
    (
        {"r": {"histogram": "total_s", "edges": {"from": 5, "to": 1, "count": 3}}},
        "the reduction 'r': edges: `from` = 5 must be no more than `to` = 1",
    ),
    (
        {"r": {"histogram": "total_s", "edges": {"from": 5, "cuont": 3}}},
        "the reduction 'r': 'cuont' is no key of edges of a sweep; did you mean 'count'?",
    ),
    (
        {"r": {"histogram": "total_s", "edges": {"from": 1, "to": 5}}},
        "the reduction 'r': edges: a range from one number to a greater one, and a count of bins",
    ),
    (
        {"a/b": {"quantiles": "total_s"}},
        "the reduction 'a/b' is named like no file of its own: letters, digits, _ and -, not part-...",
    ),
    (
        {"part-000000": {"quantiles": "total_s"}},
        "the reduction 'part-000000' is named like no file of its own: letters, digits, _ and -, "
        "not part-...",
    ),
]
FAULTS += [
    (
        {"r": {"histogram": "total_s", "edges": edges}},
        "the reduction 'r': edges are at least two numbers, each greater than the one before",
    )
    for edges in ([1], [2, 1], [1, 1], ["a", 2], [[1, 2]], [1, math.nan], 3)
]


@pytest.mark.parametrize(("reduce", "said"), FAULTS)
def test_what_is_no_reduction_is_told_in_a_sentence(reduce, said):
    """A mistake names the reduction and what it takes."""
    with pytest.raises(ParameterError) as fault:
        reductions.made(design_with(reduce))
    assert str(fault.value) == said


def test_cells_of_a_range_are_counted_by_the_design():
    """A range to draw from needs a number of cells, whatever stands instead."""
    for by in (["memory_gib"], {"memory_gib": 0}, {"memory_gib": True}, {"memory_gib": "many"}):
        design = design_with({"r": {"quantiles": "total_s", "by": by}}, NUMBER, rows=10)
        with pytest.raises(
            ParameterError, match=r"memory_gib is a range: say how many cells, by: {memory_gib: 50}"
        ):
            reductions.made(design)


def test_too_many_cells_are_told():
    """Counts that would not fit into memory are refused before anything runs."""
    axes = tuple(Axis(name, np.arange(1.0, 301)) for name in ("memory_gib", "state_mib"))
    design = Design(
        axes, rows=90_000, reduce={"r": {"quantiles": "total_s", "by": ["memory_gib", "state_mib"]}}
    )
    with pytest.raises(ParameterError, match=r"it would keep \d+,\d+,\d+ numbers, more than 30,000,000"):
        reductions.made(design)
