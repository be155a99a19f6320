"""Grid files: scenarios by name, crossed lists, and one sentence for every mistake in them."""

import pytest
import yaml

from analysis.batch import grid
from analysis.parameters import ParameterError
from tests import documents


def test_scenarios_and_cross_multiply():
    """Every scenario is combined with every combination of the crossed values, and named after both."""
    made = grid.parse({"scenarios": {"old": {"a": 1}, "new": None}, "cross": {"b": [1, 2.5], "c": ["x"]}})
    assert dict(made.scenarios) == {
        "old,b=1,c=x": {"a": 1, "b": 1, "c": "x"},
        "old,b=2.5,c=x": {"a": 1, "b": 2.5, "c": "x"},
        "new,b=1,c=x": {"b": 1, "c": "x"},
        "new,b=2.5,c=x": {"b": 2.5, "c": "x"},
    }
    assert made.names == {"a", "b", "c"}


def test_cross_alone_and_scenarios_alone():
    """Either key is enough."""
    assert list(grid.parse({"cross": {"b": [1, 2]}}).scenarios) == ["b=1", "b=2"]
    assert list(grid.parse({"scenarios": {"to day": {"b": 1}}}).scenarios) == ["to-day"]


def test_long_names_are_numbered():
    """A name that no file system would take becomes the number of its combination."""
    made = grid.parse({"cross": {"a_long_parameter": [list(range(100)), list(range(200))]}})
    assert list(made.scenarios) == ["cross=1", "cross=2"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({}, "it takes the keys scenarios, cross and notebooks"),
        ([1], "it takes the keys"),
        ({"scenarois": {}}, "there is no key 'scenarois'; did you mean 'scenarios'"),
        ({"notebooks": ["a"]}, "neither scenarios nor values"),
        ({"scenarios": {"x": 5}}, "'x' under 'scenarios' takes the form name: {parameter: value}"),
        ({"scenarios": [1]}, "'scenarios' takes lines of the form"),
        ({"cross": {"b": 5}}, "'b' under 'cross' takes the form parameter: "),
        ({"cross": {"b": []}}, "'b' under 'cross'"),
        ({"scenarios": {"x": {"b": 1}}, "cross": {"b": [1]}}, "'b' is set by a scenario and crossed"),
        ({"scenarios": {"a b": {"b": 1}, "a-b": {"b": 2}}}, "both be called 'a-b'"),
        ({"cross": {"a": list(range(200)), "b": list(range(200))}}, "more than 10,000 scenarios"),
        ({"cross": {"b": [1]}, "notebooks": 5}, "'notebooks' takes a list"),
    ],
)
def test_mistake_is_one_sentence(content, said):
    """What is wrong with a grid is said with the name of the key."""
    with pytest.raises(ParameterError, match=said):
        grid.parse(content)


def test_file_that_is_no_yaml_names_its_line(tmp_path):
    """A fault of YAML is told with file and line; a missing file by its name."""
    (tmp_path / "g.yml").write_text("cross:\n  a: [1, 2\nb: 3\n")
    with pytest.raises(ParameterError, match=r"'g.yml' is not valid YAML, line 3"):
        grid.read(tmp_path / "g.yml")
    with pytest.raises(ParameterError, match="cannot be read: No such file"):
        grid.read(tmp_path / "none.yml")


def test_the_grid_that_is_shown_is_one(repository):
    """The grid shown to readers is valid, and makes what the text says."""
    text = documents.files(repository / "docs" / "batches.md")["grid.yml"]
    made = grid.parse(yaml.safe_load(text))
    assert len(made.scenarios) == 6
    assert "database,bandwidth_gbps=10" in made.scenarios
