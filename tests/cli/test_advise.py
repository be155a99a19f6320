"""The verb advise: an answer first, commands that do it, JSON, and mistakes in a sentence."""

import json

import pytest
from click.testing import CliRunner

from analysis.__main__ import main

SHARED = [
    "--preset",
    "windows_2019",
    "--memory-gib",
    "64",
    "--network",
    "shared",
    "--background-share",
    "0.6",
]
SHARED += ["--transport", "tcpip", "--at-hand", "dedicated"]


def run(*arguments):
    return CliRunner().invoke(main, ["advise", *map(str, arguments)])


def test_the_answer_comes_first_and_says_how():
    """What to change, what it gains, what binds; then table, commands, and what gains nothing."""
    result = run(*SHARED)
    lines = result.stdout.splitlines()
    assert result.exit_code == 0
    assert lines[0] == "Change first: the option Compression and a network of its own."
    assert lines[1].startswith("It takes ")
    assert "the machine is frozen for" in lines[1]
    assert lines[2] == "Today other traffic binds; then the spare cores bind."
    assert "  set:    Set-VMHost -VirtualMachineMigrationPerformanceOption Compression" in lines
    assert any(line.startswith("No gain: ") for line in lines)
    assert any(
        line.startswith("predict:  python -m analysis predict --preset windows_2019") for line in lines
    )


def test_json_is_ranked_rows():
    """Each row has its rank, changes, gains, commands, client's view and scenario."""
    rows = json.loads(run(*SHARED, "--json").stdout)
    assert [row["rank"] for row in rows] == list(range(1, len(rows) + 1))
    first = rows[0]
    assert first["changes"] == ["compression", "dedicated"]
    assert first["total_gain_s"] > 0
    assert first["drop_chance"] == 0
    assert len(first["sets"]) == len(first["reads"]) == len(first["price"]) == len(first["sources"]) == 2
    assert first["scenario"]["network"] == "dedicated"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--at-hand", "rmda"], "did you mean 'rdma'?"),
        (["--goal", "speed"], "there is no goal 'speed'"),
        (["--machines", "many"], "machines = 'many' is not allowed: it takes a whole number"),
        (["--memory-gib", "4,8,16"], "memory_gib has several values"),
        (["--to", "windows_2022"], "name the source's with --preset"),
        (["--memory-gib", "much"], "memory_gib = 'much' is not allowed"),
        (["--host", "nowhere.yml"], "there is no host file nowhere.yml"),
        (["--relearn-ms", "soon"], "relearn_ms = 'soon' is not allowed"),
    ],
)
def test_a_mistake_is_one_sentence_and_exit_code_2(arguments, sentence):
    """What was given, what is allowed; no traceback."""
    result = run(*arguments)
    assert result.exit_code == 2
    assert sentence in result.stderr
    assert "Traceback" not in result.output
