"""Parameters are checked before any kernel starts: names, types, ranges, texts that are numbers."""

import re

import numpy as np
import pytest

from analysis.batch import inputs
from analysis.parameters import ParameterError
from tests.small_notebooks import GOOD, save

LINES = "\n".join(
    [
        "bandwidth_gbps: float = 10.0  # line rate [Gbit/s]",
        "streams: float = None  # TCP connections, None as the transport has it [connections or None]",
        "send_buffers: int = 512  # transmit descriptors [descriptors]",
        'compressor_waits: str = "no"  # whether pages wait [no, yes or in_turn]',
        'stop_rule: str = "hyperv"  # whose rule [hyperv, xen]',
        "bandwidth_gbps_values: list = [1.0, 10.0]  # line rates to compare [Gbit/s]",
        'names: list = ["a"]  # some names [names]',
        "rdma: bool = True  # adapters can do it [True or False]",
        "draws: int = 5  # of no parameter of the study [draws]",
        "plain = 3",
    ]
)


@pytest.fixture(scope="module")
def known(tmp_path_factory):
    """The inputs of a notebook with a parameter of every kind."""
    path = tmp_path_factory.mktemp("inputs") / "kinds.ipynb"
    return inputs.inputs(save([("md", "# T"), ("parameters", LINES)], path))


def test_line_is_read_in_its_parts(known):
    """Name, kind, default, meaning and unit come from the notebook's own line."""
    expected = inputs.Input("bandwidth_gbps", "float", 10.0, "line rate", "Gbit/s")
    assert known["bandwidth_gbps"] == expected
    assert known["plain"].kind == "int"


@pytest.mark.parametrize(
    ("name", "given", "value"),
    [
        ("bandwidth_gbps", 25, 25.0),
        ("bandwidth_gbps", "1e1", 10.0),
        ("bandwidth_gbps", np.int64(5), 5.0),
        ("streams", None, None),
        ("streams", "none", None),
        ("send_buffers", 256.0, 256),
        ("send_buffers", np.float64(256), 256),
        ("compressor_waits", False, "no"),
        ("stop_rule", "xen", "xen"),
        ("bandwidth_gbps_values", (1, 25), [1, 25]),
        ("bandwidth_gbps_values", ["1e1", 25], [10.0, 25]),
        ("bandwidth_gbps_values", np.array([1.5, 2]), [1.5, 2.0]),
        ("bandwidth_gbps_values", "[1, 2]", [1, 2]),
        ("names", ["1e9"], ["1e9"]),
        ("rdma", "false", False),
        ("draws", "1e3", 1000),
        ("plain", "7", 7),
    ],
)
def test_value_is_converted(known, name, given, value):
    """What YAML, NumPy or the command line made of a value becomes what the notebook's line takes."""
    converted = inputs.check_value(known[name], given)
    assert converted == value
    assert type(converted) is type(value)


@pytest.mark.parametrize(
    ("name", "given", "said"),
    [
        (
            "bandwidth_gbps",
            "fast",
            "bandwidth_gbps = 'fast' is not allowed: it takes a finite number of at least 0.001 [Gbit/s]",
        ),
        ("bandwidth_gbps", True, "it takes a finite number"),
        ("bandwidth_gbps", -1, "it takes a number of at least 0.001 [Gbit/s]"),
        ("bandwidth_gbps", None, "it takes a finite number"),
        ("bandwidth_gbps", [1, 2], "it takes a finite number"),
        ("bandwidth_gbps", float("nan"), "it takes a finite number"),
        ("send_buffers", 2.5, "it takes a whole number"),
        ("send_buffers", 0, "it takes a whole number from 1"),
        ("stop_rule", "zen", "did you mean 'xen'?"),
        ("stop_rule", 5, "it takes one of hyperv, hyperv_2008r2"),
        ("names", "a", "it takes a list such as"),
        ("bandwidth_gbps_values", 5, "it takes a list such as [1.0, 10.0]"),
        ("bandwidth_gbps_values", [], "it takes a list"),
        ("bandwidth_gbps_values", [1, -5], "bandwidth_gbps = -5 is not allowed"),
        ("bandwidth_gbps_values", [1, "x"], "it takes a list"),
        ("rdma", 1, "it takes true or false"),
    ],
)
def test_wrong_value_is_refused_in_one_sentence(known, name, given, said):
    """A value of the wrong type or out of its range is refused with its name, itself and the rule."""
    with pytest.raises(ParameterError, match=re.escape(said)) as error:
        inputs.check_value(known[name], given)
    assert "\n" not in str(error.value)


def test_nothing_of_the_real_notebooks_is_refused(repository):
    """Every default of every notebook passes its own check."""
    for path in sorted((repository / "notebooks").glob("*.ipynb")):
        for line in inputs.inputs(path).values():
            inputs.check_value(line, line.default)


def test_broken_list_is_a_mistake():
    """A list that is not closed is refused with an example."""
    with pytest.raises(ParameterError, match=r"'\[1, 10' is not a list: write it like \[1, 10, 25\]"):
        inputs.literal("[1, 10")


def test_names_are_checked_over_all_notebooks(tmp_path):
    """A name that no notebook has is refused with the nearest one."""
    path = save(GOOD, tmp_path / "good.ipynb")
    with pytest.raises(ParameterError, match="parameter 'labell'; did you mean 'label'"):
        inputs.check_names(["labell"], {path: inputs.inputs(path)})
