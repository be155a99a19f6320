"""Every notebook checks what papermill or a person hands it, by its own lines, before it computes."""

import json
import math
from pathlib import Path

import nbformat
import papermill
import pytest

from analysis.inputs import Input, check_parameters, read_lines
from analysis.parameters import ParameterError
from tests.small_notebooks import save

FOLDER = Path(__file__).resolve().parents[2] / "notebooks"
NAMES = {path.stem[:2]: path for path in sorted(FOLDER.glob("*.ipynb"))}


def cells(path: Path) -> list[str]:
    """The first three code cells of a notebook: imports, parameters, derived values."""
    code = [
        cell for cell in json.loads(path.read_text(encoding="utf-8"))["cells"] if cell["cell_type"] == "code"
    ]
    assert code[1]["metadata"]["tags"] == ["parameters"]
    return ["".join(cell["source"]) for cell in code[:3]]


SOURCES = {short: cells(path) for short, path in NAMES.items()}
LINES = {short: read_lines(source[1]) for short, source in SOURCES.items()}
ALL = [(short, line) for short, lines in LINES.items() for line in lines.values()]


def told(short: str, name: str, value: object) -> str:
    """What a notebook says of a value that was injected after its cell of parameters."""
    imports, parameters, derived = SOURCES[short]
    names = {"In": ["", imports, parameters, f"# Parameters\n{name} = {value!r}\n", derived]}
    exec("from analysis.inputs import check_parameters\n" + parameters, names)
    names[name] = value
    with pytest.raises(ParameterError) as error:
        exec(derived, names)
    return str(error.value)


def taken(short: str, name: str, value: object) -> object:
    """The value that a notebook goes on with."""
    names = {"In": [SOURCES[short][1]]}
    exec(SOURCES[short][1], names)
    names[name] = value
    check_parameters(names)
    return names[name]


# --- the lines -----------------------------------------------------------------------------


def test_each_notebook_has_a_number_of_its_own():
    """The table below names notebooks by their two digits; there are fourteen."""
    assert len(NAMES) == len(list(FOLDER.glob("*.ipynb")))
    assert {f"{number:02d}" for number in range(1, 15)} == set(NAMES)


@pytest.mark.parametrize("short", NAMES)
def test_the_cell_after_the_parameters_checks_first(short):
    """One thin call, before any derived value."""
    imports, _, derived = SOURCES[short]
    assert "from analysis.inputs import check_parameters" in imports.splitlines()
    assert derived.splitlines()[0] == "check_parameters(globals())"


@pytest.mark.parametrize(("short", "line"), ALL, ids=lambda x: getattr(x, "name", x))
def test_every_parameter_has_a_type_a_unit_and_a_range(short, line):
    """A type that the check knows, a unit, and for numbers a least value, for texts what they are."""
    assert line.unit
    kind = line.items if line.kind == "list" else line.kind
    assert kind in ("int", "float", "bool", "str")
    if kind in ("int", "float"):
        assert math.isfinite(line.bounds[0]) or line.choices
    if kind == "str":
        named = line.choices or (line.study and line.study.choices)
        assert named or line.unit.startswith(("path", "key", "expression", "options"))


@pytest.mark.parametrize("short", NAMES)
def test_every_default_is_taken_as_it_is(short):
    """A notebook as it stands passes its own check, and nothing changes by it."""
    names = {"In": [SOURCES[short][1]]}
    exec(SOURCES[short][1], names)
    before = {name: names[name] for name in LINES[short]}
    check_parameters(names)
    assert {name: names[name] for name in LINES[short]} == before


# --- hostile values ------------------------------------------------------------------------

TABLE = [
    ("06", "rdma", "maybe", "rdma = 'maybe' is not allowed: it takes true or false [True or False]"),
    ("06", "rdma", 0, "rdma = 0 is not allowed: it takes true or false [True or False]"),
    ("06", "rdma", "", "rdma = '' is not allowed: it takes true or false"),
    ("06", "block_kib", 5, "block_kib = 5 is not allowed: it takes one of 4, 64, 1024 [KiB]"),
    ("06", "adapters", 0, "adapters = 0 is not allowed: it takes a whole number from 1 to 64 [adapters]"),
    ("06", "adapters", 1.5, "adapters = 1.5 is not allowed: it takes a whole number from 1 to 64 [adapters]"),
    ("06", "host_version", "windows_2021", "did you mean 'windows_2025'?"),
    ("06", "host_version", "", "host_version = '' is not allowed: it takes one of windows_2008r2"),
    ("06", "memory_gib_values", [], "memory_gib_values = [] is not allowed: it takes a list such as [2, 8,"),
    ("01", "map_points", 0, "map_points = 0 is not allowed: it takes a whole number from 2 to 1000 [points]"),
    ("01", "map_points", "many", "map_points = 'many' is not allowed: it takes a whole number from 2"),
    ("01", "map_points", None, "map_points = None is not allowed: it takes a whole number from 2 to 1000"),
    ("01", "dirty_pages_per_s", "x", "dirty_pages_per_s = 'x' is not allowed: it takes a number from 0"),
    ("01", "dirty_pages_per_s", math.nan, "dirty_pages_per_s = nan is not allowed: it takes a number from 0"),
    ("01", "bandwidth_gbps", math.inf, "it takes a finite number of at least 0.001 [Gbit/s]"),
    ("01", "bandwidth_gbps_values", [10], "it takes two or more different values, such as [1, 2.5,"),
    ("04", "bandwidth_gbps_values", [10, 10], "it takes two or more different values, such as [1, 2.5,"),
    ("01", "bandwidth_gbps_values", 10, "bandwidth_gbps_values = 10 is not allowed: it takes two or more"),
    ("01", "bandwidth_gbps_values", "10", "bandwidth_gbps_values = '10' is not allowed: it takes two or"),
    ("01", "bandwidth_gbps_values", [1, math.inf], "bandwidth_gbps_values holds inf, which is not allowed"),
    ("01", "bandwidth_gbps_values", [1, -5], "bandwidth_gbps_values: bandwidth_gbps = -5 is not allowed"),
    ("01", "bandwidth_gbps_values", "[1, 2", "bandwidth_gbps_values: '[1, 2' is not a list: write it like"),
    ("01", "write_pattern", "zpif", "did you mean 'zipf'?"),
    ("02", "bandwidth_gbps_range", [1, 10, 100], "it takes the least and the greatest, such as [1.0, 100.0]"),
    ("02", "bandwidth_gbps_range", [100, 1], "each of at least 0.001 [Gbit/s]"),
    ("02", "bandwidth_gbps_range", [10, 10], "bandwidth_gbps_range = [10.0, 10.0] is not allowed"),
    ("02", "bandwidth_gbps_range", [0, 10], "bandwidth_gbps_range: bandwidth_gbps = 0 is not allowed"),
    ("02", "scaled_gbps_values", [0], "scaled_gbps_values holds 0, which is not allowed: it takes a list"),
    ("02", "transfers_file", "", "transfers_file = '' is not allowed: it takes a text [path from the"),
    ("03", "passes_shown", None, "passes_shown = None is not allowed: it takes a whole number from 1 to"),
    ("03", "write_pattern_values", [], "it takes a list such as"),
    ("03", "write_pattern_values", "zipf", "write_pattern_values = 'zipf' is not allowed: it takes a list"),
    ("03", "write_pattern_values", ["zpif"], "write_pattern_values: write_pattern = 'zpif' is not allowed"),
    ("04", "worthwhile_gain", math.nan, "worthwhile_gain = nan is not allowed: it takes a number from 1 to"),
    ("04", "worthwhile_gain", "0.5", "worthwhile_gain = 0.5 is not allowed: it takes a number from 1 to"),
    ("05", "bandwidth_limit_gbps", -1, "it takes a number from 0.001 to 1.5 [Gbit/s]"),
    ("05", "shown_migrations", True, "shown_migrations = True is not allowed: it takes a whole number"),
    ("07", "machines", 0, "machines = 0 is not allowed: it takes a whole number from 1 to 10000 [machines]"),
    ("07", "window_min", -5, "window_min = -5 is not allowed: it takes a number from 0.1 to 100000 [min]"),
    ("07", "draws", 1, "draws = 1 is not allowed: it takes a whole number from 100 to 1e+06 [draws]"),
    ("07", "seed", -1, "seed = -1 is not allowed: it takes a whole number from 0 to 1e+09 [seed]"),
    ("09", "files", "data/example_qemu.jsonl", "files = 'data/example_qemu.jsonl' is not allowed: it takes"),
    ("09", "files", [5], "files holds 5, which is not allowed: it takes a list such as"),
    ("09", "files", [""], "files holds '', which is not allowed"),
    ("09", "pattern", "(?P<blackout", "pattern = '(?P<blackout' is no regular expression"),
    ("09", "line_rate_gbps", "-1", "line_rate_gbps = -1 is not allowed: it takes a number from 0 to"),
    ("12", "goal", "speed", "goal = 'speed' is not allowed: it takes one of total, blackout"),
    ("12", "machines", 0, "machines = 0 is not allowed: it takes a whole number from 1 to 100000 [machines]"),
    ("12", "to_version", "windows_2021", "did you mean 'windows_2025'?"),
    ("13", "relearn_ms", -1, "relearn_ms = -1 is not allowed: it takes a number from 0 to 1e+06 [ms]"),
    ("09", "windows", "windows_2050", "windows = 'windows_2050' is not allowed: it takes one of windows_"),
]  # fmt: skip


@pytest.mark.parametrize(("short", "name", "value", "said"), TABLE)
def test_a_hostile_value_is_told_by_name(short, name, value, said):
    """The sentence names the parameter, what was given, what is allowed with its unit."""
    sentence = told(short, name, value)
    assert said in sentence
    assert sentence.startswith(name)
    assert "\n" not in sentence


def hostile(line: Input) -> list[object]:
    """Values that a line of this kind never takes."""
    low, high = line.bounds
    beyond = [low - 1, *([high * 2 + 1] if math.isfinite(high) else [])] if math.isfinite(low) else []
    wrong = {
        "int": [math.nan, math.inf, "fast", "1,5", True, [1], {"a": 1}, "", 2.5, *beyond],
        "float": [math.nan, -math.inf, "fast", "1,5", False, [1.0], {"a": 1}, "", *beyond],
        "bool": [1, 0.0, "maybe", "", [True], None],
        "str": [5, 2.5, ["a"], {"a": 1}, "   "],
        "list": [[], "x", 5, None, {"a": 1}, [None], [[1]], [""], [True], [{}]],
    }[line.kind]
    return wrong + ([] if line.may_be_empty or line.kind in ("bool", "list") else [None])


EVERY = [(short, line.name, value) for short, line in ALL for value in hostile(line)]


def test_the_table_is_long():
    """Hundreds of wrong values over all notebooks."""
    assert len(EVERY) > 500
    assert {short for short, _, _ in EVERY} == set(NAMES)


@pytest.mark.parametrize(("short", "line"), ALL, ids=lambda x: getattr(x, "name", x))
def test_no_kind_of_nonsense_gets_through(short, line):
    """nan, endless, words, truth values, lists and mappings, what lies outside the range: all are told."""
    for value in hostile(line):
        sentence = told(short, line.name, value)
        assert sentence.startswith(line.name), (value, sentence)
        assert "\n" not in sentence
        if line.kind in ("int", "float") and not line.choices:
            assert (
                f"[{line.unit}]" in sentence
                or (line.study and f"[{line.study.unit}]" in sentence)
                or (line.study and not line.study.unit)
            )


@pytest.mark.parametrize(
    ("short", "name", "value", "expected"),
    [
        ("06", "rdma", "false", False),
        ("06", "rdma", "No", False),
        ("06", "rdma", "yes", True),
        ("06", "rdma", False, False),
        ("06", "block_kib", "1024", 1024.0),
        ("01", "dirty_pages_per_s", "2e5", 200000.0),
        ("01", "map_points", "1e2", 100),
        ("01", "streams", "none", None),
        ("01", "streams", None, None),
        ("01", "bandwidth_gbps_values", "[1, 10]", [1.0, 10.0]),
        ("01", "bandwidth_gbps_values", ["1e1", 25], [10.0, 25.0]),
        ("02", "bandwidth_gbps_range", (1, 40), [1.0, 40.0]),
        ("02", "receive_buffers_values", [16.0, "64"], [16, 64]),
        ("07", "window_min", "30", 30.0),
        ("09", "memory_gib", None, None),
        ("09", "windows", "windows_2008r2", "windows_2008r2"),
        ("09", "files", ["a.csv", "b.csv"], ["a.csv", "b.csv"]),
    ],
)
def test_a_text_is_what_it_stands_for(short, name, value, expected):
    """Texts that are numbers, truth values or lists become such, as on the command line."""
    found = taken(short, name, value)
    assert found == expected
    assert type(found) is type(expected)


# --- where the lines are found -------------------------------------------------------------


def test_the_newest_cell_of_parameters_counts():
    """A person who edits the cell and runs it again is judged by what it says now."""
    names = {"In": ["n: int = 1  # [points, 1 to 5]", "%pylab", "n: int = 9  # [points, 1 to 10]"]}
    names["n"] = 9
    check_parameters(names)
    names["In"].append("n = 20")
    names["n"] = 20
    with pytest.raises(ParameterError, match=r"n = 20 is not allowed: it takes a whole number from 1 to 10"):
        check_parameters(names)


def test_a_script_made_of_a_notebook_checks_itself(tmp_path):
    """Outside a kernel the lines are read from the script's own file."""
    script = tmp_path / "script.py"
    script.write_text("import math\n\nn: int = 7  # how many [points, 1 to 5]\nmath.pi\n")
    with pytest.raises(ParameterError, match="n = 7 is not allowed"):
        check_parameters({"__file__": str(script), "n": 7})


def test_without_a_cell_of_parameters_it_is_said():
    """Who runs the cells out of order is told which one is missing."""
    with pytest.raises(LookupError, match="run the cell above first"):
        check_parameters({"In": ["import numpy"]})


# --- in a real kernel ----------------------------------------------------------------------


def run(source: Path, target: Path, given: dict) -> nbformat.NotebookNode:
    """Plain papermill, from the repository's folder."""
    return papermill.execute_notebook(source, target, given, progress_bar=False, cwd=FOLDER.parent)


def test_papermill_alone_ends_in_the_sentence(tmp_path):
    """Plain papermill on a notebook of the study: the error is the sentence, on the first line."""
    target = tmp_path / "out.ipynb"
    with pytest.raises(papermill.PapermillExecutionError) as error:
        run(NAMES["09"], target, {"files": "a.csv"})
    assert error.value.ename == "ParameterError"
    executed = nbformat.read(target, as_version=4).cells
    (failed,) = [cell for cell in executed if cell.source.startswith("check_parameters")]
    assert failed.outputs[0].traceback[0].startswith("ParameterError: files = 'a.csv' is not allowed")


def test_papermill_hands_over_texts_and_the_notebook_has_numbers(tmp_path):
    """In a real kernel the lines are found, and a text becomes the number or truth value it stands for."""
    lines = "rate: float = 1.0  # a rate [Gbit/s, 0 to 1e6]\nrdma: bool = True  # can do it [True or False]"
    check = "from analysis.inputs import check_parameters\ncheck_parameters(globals())\nprint(rate, rdma)"
    source = save([("md", "# T"), ("parameters", lines), ("code", check)], tmp_path / "a.ipynb")
    done = run(source, tmp_path / "b.ipynb", {"rate": "2e5", "rdma": "false"})
    assert [output.text for output in done.cells[-1].outputs] == ["200000.0 False\n"]
