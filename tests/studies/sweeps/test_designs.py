"""Designs of sweeps: which rows they have, in which order, and what is no design."""

import itertools
import math

import numpy as np
import pandas as pd
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.parameters import PARAMETERS, ParameterError
from analysis.studies.sweeps import designs
from analysis.studies.sweeps.designs import CHUNK, Design, parse, read


def rows_of(design: Design) -> pd.DataFrame:
    """All rows of a design: what varies."""
    stretches = []
    for start in range(0, design.rows, CHUNK):
        columns, _ = design.stretch(start)
        rows = min(CHUNK, design.rows - start)
        stretches.append(pd.DataFrame({name: np.broadcast_to(columns[name], rows) for name in design.names}))
    return pd.concat(stretches, ignore_index=True)


def values(design: Design, name: str) -> list:
    """The values of an axis."""
    return design.axis(name).cells(None).tolist()


def design_of(text: str) -> Design:
    """The design that a file of this text has."""
    return parse(yaml.safe_load(text))


# --- every combination --------------------------------------------------------------------------


def test_grid_has_every_combination_in_order():
    """Text is outermost, what sets the link's rate next, what only the passes follow innermost."""
    design = design_of("parameters: {memory_gib: [4, 8], bandwidth_gbps: [1, 10], transport: [smb, tcpip]}")
    assert design.names == ("transport", "bandwidth_gbps", "memory_gib")
    expected = list(itertools.product(["smb", "tcpip"], [1.0, 10.0], [4.0, 8.0]))
    assert list(rows_of(design).itertuples(index=False, name=None)) == expected
    assert (design.rows, design.random) == (8, False)


def test_grid_of_several_stretches_is_that_of_one(monkeypatch):
    """Rows do not follow from where a stretch of them begins."""
    text = "parameters: {memory_gib: {from: 1, to: 7, count: 7}, transport: [smb, tcpip], network: [shared]}"
    whole = rows_of(design_of(text))
    monkeypatch.setattr(designs, "CHUNK", 4)
    monkeypatch.setitem(globals(), "CHUNK", 4)
    pd.testing.assert_frame_equal(rows_of(design_of(text)), whole)


@settings(max_examples=80, deadline=None, derandomize=True)
@given(
    shape=st.lists(st.integers(1, 9), min_size=1, max_size=4),
    start=st.integers(0, 3_000),
    rows=st.integers(1, 300),
)
def test_places_in_turn_are_those_of_every_combination(shape, start, rows):
    """Wherever a stretch begins and ends: numpy's unravel_index; one place where all rows have the same."""
    start %= math.prod(shape)
    rows = min(rows, math.prod(shape) - start)
    every = np.unravel_index(np.arange(start, start + rows), shape)
    steps = np.cumprod([1, *shape[:0:-1]])[::-1]
    for step, count, expected in zip(steps.tolist(), shape, every, strict=True):
        found = designs._turns(start, rows, step, count)
        assert len(found) in (1, rows)
        assert np.broadcast_to(found, rows).tolist() == expected.tolist()


def test_range_has_count_and_spacing():
    """A range is so many values, both ends among them, evenly apart or in even ratios."""
    ranges = (
        "{memory_gib: {from: 1, to: 16, count: 5, spacing: log}, working_set_gib: {from: 0, to: 1, count: 3}}"
    )
    design = design_of(f"parameters: {ranges}")
    assert values(design, "memory_gib") == pytest.approx([1, 2, 4, 8, 16])
    assert values(design, "working_set_gib") == pytest.approx([0, 0.5, 1])


def test_numbers_that_yaml_takes_for_texts_are_numbers():
    """1e6 and 2e5, texts to YAML, and 3.0, no integer to it, are what they look like."""
    text = "parameters: {dirty_pages_per_s: {from: 1e1, to: 2e5, count: 3.0}}\nrows: 1e6\nseed: 2.0"
    design = design_of(text)
    assert design.rows == 1_000_000
    assert design.seed == 2
    assert values(design, "dirty_pages_per_s") == pytest.approx([10, 100_005, 200_000])


def test_multiples_take_another_parameters_value():
    """With `of` a value is so many times that of the other parameter: an axis, a constant, or the default."""
    axis = "working_set_gib: {from: 0.25, to: 0.5, count: 2, of: memory_gib}"
    rows = rows_of(design_of(f"parameters: {{{axis}, memory_gib: [4, 8]}}"))
    assert sorted(zip(rows.memory_gib, rows.working_set_gib, strict=True)) == [(4, 1), (4, 2), (8, 2), (8, 4)]
    constant = rows_of(design_of(f"parameters: {{{axis}, memory_gib: 12}}"))
    assert constant.working_set_gib.tolist() == [3, 6]
    default = rows_of(design_of(f"parameters: {{{axis}}}"))
    assert default.working_set_gib.tolist() == [4, 8]


def test_whole_parameters_take_whole_numbers():
    """A parameter that counts things has whole numbers in grids, each once, random rows and multiples."""
    grid = rows_of(design_of("parameters: {receive_queues: {from: 1, to: 4, count: 9}}"))
    assert grid.receive_queues.tolist() == [1, 2, 3, 4]
    for spacing in ("linear", "log"):
        text = f"parameters: {{receive_queues: {{from: 1, to: 8, spacing: {spacing}}}}}\nrows: 500"
        assert set(rows_of(design_of(text)).receive_queues) == set(range(1, 9))
    multiples = "{streams: {from: 1, to: 2.6, count: 3, of: receive_queues}, receive_queues: [1, 2]}"
    assert set(rows_of(design_of(f"parameters: {multiples}")).streams) == {1, 2, 3, 4, 5}


def test_constants_are_no_axes():
    """A single value holds for all rows; streams follow from the transport as in the model."""
    design = design_of("parameters: {memory_gib: 3, transport: smb, pass_limit: null}")
    columns, places = design.stretch(0)
    assert (design.rows, design.names, places) == (1, (), {})
    assert columns["memory_gib"].tolist() == [3]
    assert columns["transport"].tolist() == ["smb"]
    assert columns["streams"].tolist() == [4]
    assert set(columns) == set(PARAMETERS)


def test_lists_may_hold_what_a_preset_fills_in():
    """An empty value, where the parameter has one, stands in a list beside numbers."""
    empty, three = values(design_of("parameters: {pass_limit: [null, 3]}"), "pass_limit")
    assert math.isnan(empty)
    assert three == 3


def test_arrays_and_tuples_are_lists():
    """A design made in Python may hold numpy's arrays."""
    design = parse({"parameters": {"memory_gib": np.array([1, 2]), "transport": ("smb", "tcpip")}})
    assert design.rows == 4


# --- random scenarios ---------------------------------------------------------------------------

RANDOM = """
parameters:
  memory_gib: {from: 1, to: 256, spacing: log}
  bandwidth_gbps: {from: 1, to: 100}
  transport: [smb, tcpip, compression]
  dirty_pages_per_s: {from: 1000, to: 5000, count: 5}
  working_set_gib: {from: 0.1, to: 0.5, of: memory_gib}
rows: 200_000
seed: 3
"""


def test_random_rows_follow_from_seed_and_place_alone():
    """The second stretch is the same without the first and in a longer design; another seed's differs."""
    whole = rows_of(design_of(RANDOM))
    again, _ = design_of(RANDOM.replace("200_000", "400_000")).stretch(CHUNK)
    tail = whole[CHUNK:].reset_index(drop=True)
    longer = pd.DataFrame({name: again[name][: len(tail)] for name in whole})
    pd.testing.assert_frame_equal(tail, longer)
    other = rows_of(design_of(RANDOM.replace("seed: 3", "seed: 4")))
    assert not np.isin(other.memory_gib, whole.memory_gib).any()
    assert whole.memory_gib.is_unique


def test_random_rows_lie_in_their_ranges():
    """Ranges, lists and multiples are kept, every listed value comes equally often, logarithms are even."""
    rows = rows_of(design_of(RANDOM))
    assert len(rows) == 200_000
    assert rows.memory_gib.between(1, 256).all()
    assert rows.bandwidth_gbps.between(1, 100).all()
    assert (rows.working_set_gib / rows.memory_gib).between(0.1 - 1e-12, 0.5 + 1e-12).all()
    assert rows.transport.value_counts(normalize=True).to_dict() == pytest.approx(
        {"smb": 1 / 3, "tcpip": 1 / 3, "compression": 1 / 3}, abs=0.02
    )
    assert set(rows.dirty_pages_per_s) == {1000, 2000, 3000, 4000, 5000}
    assert rows.memory_gib.median() == pytest.approx(16, rel=0.05)
    assert rows.bandwidth_gbps.median() == pytest.approx(50.5, rel=0.05)


# --- what is no design --------------------------------------------------------------------------

FAULTS = {
    "[1, 2]": "a design is a mapping with the key 'parameters', not [1, 2]",
    "null": "a design is a mapping with the key 'parameters', not None",
    "rows: 3": "the key 'parameters' is missing",
    "parameters: {}": "parameters: {} is not allowed: it names at least one",
    "parameters: [memory_gib]": "parameters: ['memory_gib'] is not allowed: it takes a mapping",
    "parameter: {memory_gib: 1}": "'parameter' is no key of a sweep; did you mean 'parameters'?",
    "{1: 2, parameters: {memory_gib: 1}}": "1 is no key of a sweep: parameters, rows, seed, outcomes, "
    "precision, reduce, host, preset are",
    "parameters: {memory_gb: [1]}": "'memory_gb' is no parameter of a sweep; did you mean 'memory_gib'?",
    "parameters: {1: [3]}": "1 is no parameter of a sweep",
    "{parameters: {memory_gib: 1}, outcomes: [total_z]}": "'total_z' is no outcome of a sweep; "
    "did you mean 'total_s'?",
    "{parameters: {memory_gib: 1}, outcomes: []}": "outcomes: [] is not allowed: it names at least one",
    "{parameters: {memory_gib: 1}, outcomes: [passes, passes]}": "outcomes: ['passes', 'passes'] is not "
    "allowed: each is named once",
    "{parameters: {memory_gib: 1}, precision: singel}": "precision: 'singel' is not allowed: it takes one of "
    "single, double; did you mean 'single'?",
    "{parameters: {memory_gib: 1}, rows: 0}": "rows: 0 is not allowed: it takes at least 1",
    "{parameters: {memory_gib: 1}, rows: true}": "rows: True is not allowed: it takes a whole number",
    "{parameters: {memory_gib: 1}, rows: many}": "rows: 'many' is not allowed: it takes a whole number",
    "{parameters: {memory_gib: 1}, rows: 1e15}": "rows: 1000000000000000 is not allowed: it takes at most "
    "1,000,000,000,000",
    "{parameters: {memory_gib: 1}, seed: -1}": "seed: -1 is not allowed: it takes at least 0",
    "{parameters: {memory_gib: 1}, reduce: [1]}": "reduce: [1] is not allowed: it takes a mapping",
    "parameters: {memory_gib: {form: 1, to: 2, count: 2}}": "'form' is no key of memory_gib of a sweep; "
    "did you mean 'from'?",
    "parameters: {memory_gib: {from: 1, count: 2}}": "memory_gib: the key 'to' is missing",
    "parameters: {memory_gib: {from: x, to: 3, count: 2}}": "memory_gib: from: 'x' is not allowed: it takes "
    "a number",
    "parameters: {memory_gib: {from: true, to: 3, count: 2}}": "memory_gib: from: True is not allowed: it "
    "takes a number",
    "parameters: {memory_gib: {from: 5, to: 3, count: 2}}": "memory_gib: `from` = 5 must be no more than "
    "`to` = 3",
    "parameters: {working_set_gib: {from: 0, to: 3, count: 2, spacing: log}}": "working_set_gib: `from` = 0 "
    "must be above 0 for logarithmic spacing",
    "parameters: {memory_gib: {from: 1, to: 3, count: 2, spacing: lgo}}": "memory_gib: spacing: 'lgo' is not "
    "allowed: it takes one of linear, log; did you mean 'log'?",
    "parameters: {bandwidth_gbps: {from: 1, to: .inf, count: 2}}": "bandwidth_gbps: `to` = inf must be "
    "finite",
    "parameters: {memory_gib: {from: .nan, to: 3, count: 2}}": "memory_gib = nan is not allowed: it takes a "
    "number from 0.001 to 262144 [GiB]",
    "parameters: {memory_gib: {from: 0, to: 3, count: 2}}": "memory_gib = 0 is not allowed: it takes a "
    "number from 0.001 to 262144 [GiB]",
    "parameters: {transport: {from: 0, to: 3, count: 2}}": "transport is a text: list its values, it has no "
    "range",
    "parameters: {memory_gib: {from: 1, to: 3}}": "memory_gib: a range needs a count, unless `rows` asks for "
    "random scenarios",
    "parameters: {memory_gib: {from: 1, to: 3, count: 0}}": "memory_gib: count: 0 is not allowed: it takes "
    "at least 1",
    "parameters: {memory_gib: {from: 1, to: 3, count: 1e11}}": "memory_gib: count: 100000000000 is not "
    "allowed: it takes at most 1,000,000",
    "parameters: {memory_gib: []}": "memory_gib has no values",
    "parameters: {memory_gib: [[1, 2], [3, 4]]}": "memory_gib: a list of values holds no lists",
    "parameters: {memory_gib: [1, 2, 1]}": "memory_gib lists 1.0 twice: its rows would count twice",
    "parameters: {memory_gib: [true]}": "memory_gib = True is not allowed: it takes a number from 0.001 to "
    "262144 [GiB]",
    "parameters: {memory_gib: null}": "memory_gib = None is not allowed: it takes a number from 0.001 to "
    "262144 [GiB]",
    "parameters: {memory_gib: -3}": "memory_gib = -3 is not allowed: it takes a number from 0.001 to "
    "262144 [GiB]",
    "parameters: {transport: [tcp]}": "transport = 'tcp' is not allowed: it takes one of tcpip, compression, "
    "smb, smb_direct; did you mean 'tcpip'?",
    "parameters: {send_buffers: {from: 1.5, to: 3, count: 2}}": "send_buffers = 1.5 is not allowed: it takes "
    "a whole number from 1 to 1e+06 [descriptors]",
    "parameters: {working_set_gib: {from: 0.1, to: 1, count: 2, of: memory}}": "'memory' is no parameter of "
    "a sweep; did you mean 'memory_gib'?",
    "parameters: {working_set_gib: {from: 0.1, to: 1, count: 2, of: transport}}": "working_set_gib cannot "
    "be a multiple of transport, which is a text",
    "parameters: {working_set_gib: {from: 0.1, to: 1, count: 2, of: pass_limit}}": "working_set_gib is a "
    "multiple of pass_limit, which has no value here: give it",
    "parameters: {working_set_gib: {from: 0.1, to: 1, count: 2, of: working_set_gib}}": "working_set_gib is "
    "a multiple of working_set_gib, which is one itself",
    "parameters: {working_set_gib: {from: 0.1, to: 1, count: 2, of: memory_gib}, memory_gib: {from: 1, to: 2,"
    " count: 2, of: bandwidth_gbps}}": "working_set_gib is a multiple of memory_gib, which is one itself",
    "parameters: {resident_share: {from: 0.01, to: 0.1, count: 2, of: memory_gib}}": "resident_share = 1.6 "
    "is not allowed: it takes a number from 0 to 1 [0-1]",
    "parameters: {memory_gib: {from: 1, to: 9, count: 1e6}, bandwidth_gbps: {from: 1, to: 9, count: 1e6}, "
    "state_mib: [1, 2]}": "every combination would be 2,000,000,000,000 rows, more than 1,000,000,000,000",
}


@pytest.mark.parametrize(("text", "said"), FAULTS.items())
def test_what_is_no_design_is_told_in_a_sentence(text, said):
    """A mistake is told by its value, its rule and, where there is one, the nearest right name."""
    with pytest.raises(ParameterError) as fault:
        design_of(text)
    assert str(fault.value) == said


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"parameters: {memory_gib: [1, 2}", "the design 'd.yml' is not valid YAML, line 1"),
        (b"parameters: {memory_gib: \xff}", "the design 'd.yml' is not valid YAML"),
        (b"", "the design 'd.yml': a design is a mapping with the key 'parameters', not None"),
        (
            b"parameters:\n  memory_gib: [1]\n  memory_gib: [2]\n",
            "the design 'd.yml': 'memory_gib' is given twice, line 2 and after",
        ),
        (b"rows: 3\nparameters: {state_mib: 1}\nrows: 4", "the design 'd.yml': 'rows' is given twice"),
    ],
)
def test_what_is_no_design_file_is_told_with_its_name(tmp_path, content, said):
    """Broken YAML, other encodings, empty files and keys given twice name the file."""
    (tmp_path / "d.yml").write_bytes(content)
    with pytest.raises(ParameterError) as fault:
        read(tmp_path / "d.yml")
    assert str(fault.value).startswith(said)


def test_design_file_that_is_not_there_is_told(tmp_path):
    """A file or folder that cannot be read is a user's mistake with its path."""
    with pytest.raises(ParameterError, match=r"cannot be read: No such file"):
        read(tmp_path / "none.yml")
    with pytest.raises(ParameterError, match=r"cannot be read: Is a directory"):
        read(tmp_path)


def test_random_axes_stay_in_the_order_of_the_file():
    """What is drawn follows from it: a place of a design moved on would be another scenario."""
    text = "{parameters: {memory_gib: {from: 1, to: 2}, transport: [smb, tcpip]}, rows: 5}"
    assert design_of(text).names == ("memory_gib", "transport")


def test_a_design_stands_on_its_host_or_its_preset(tmp_path):
    """A host's parameters hold where the design says nothing, its factors beside; a preset's alone too."""
    host = tmp_path / "host.yml"
    host.write_text("parameters:\n- {name: setup_s, value: 7, low: 6, high: 8}\n"
                    "scales:\n- {name: bandwidth_gbps, value: 0.5, low: 0.4, high: 0.6}\n")  # fmt: skip
    plain = design_of("parameters: {memory_gib: [1, 2], handoff_ms: 9}")
    on_host = plain.on(host)
    assert dict(on_host.constants) == {"handoff_ms": 9, "setup_s": 7}
    assert dict(on_host.factors) == {"bandwidth_gbps": 0.5}
    assert plain.on() is plain
    assert plain.on(preset="windows_2022").constants["smb_limit_share"] == 0.25


def test_what_is_hardly_meant_is_remarked():
    """A constant, a listed value, an end of a range are looked at; a multiple of another's is not."""
    odd = [
        "parameters: {bandwidth_gbps: 10000}",
        "parameters: {bandwidth_gbps: [1, 10000]}",
        "{parameters: {bandwidth_gbps: {from: 1, to: 10000}}, rows: 2}",
    ]
    assert all("bandwidth_gbps" in " ".join(designs.remarks(design_of(text))) for text in odd)
    assert designs.remarks(design_of("parameters: {memory_gib: [1, 2]}")) == []


def test_axis_that_does_not_vary_is_told():
    """Asking for what is constant names what varies, or the nearest of it."""
    design = design_of("parameters: {memory_gib: [1, 2], bandwidth_gbps: 3}")
    with pytest.raises(
        ParameterError, match="'memory' does not vary in this design; did you mean 'memory_gib'"
    ):
        design.axis("memory")
    with pytest.raises(ParameterError, match="'transport' does not vary in this design: memory_gib do"):
        design.axis("transport")
