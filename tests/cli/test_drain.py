"""The verb drain: the answer first, JSON of the promised form, files written, mistakes in a sentence."""

import json

import pytest
from click.testing import CliRunner

from analysis.__main__ import main

EXAMPLE = ["drain", "data/example_inventory.csv", "--nodes", "data/example_nodes.csv", "--node", "node1"]


def run(*args):
    """The verb on the example, with more options."""
    return CliRunner().invoke(main, [*EXAMPLE, *args])


def test_the_answer_comes_first():
    """How long, how far from the best, the longest pause; then the plan, and other orders."""
    done = run("--preset", "windows_2019", "--start", "22:00")
    assert done.exit_code == 0
    lines = done.stdout.splitlines()
    assert lines[0].startswith("Moving 10 machines from node1 takes ")
    assert "longer than the best" in lines[1]
    assert lines[2].startswith("The longest pause is ")
    assert lines[3].startswith("Begun at 22:00 it is done at ")
    assert "Orders that were looked at:" in lines


def test_json_has_the_promised_form(tmp_path):
    """Every name that the issue and the design promise, moves with theirs; a script and a picture beside."""
    plan, picture = tmp_path / "plan.ps1", tmp_path / "plan.svg"
    done = run("--json", "--until", "23:30", "--host", "data/laboratory.yml", "--powershell", str(plan),
               "--gantt", str(picture))  # fmt: skip
    assert done.exit_code == 0
    told = json.loads(done.stdout)
    promised = (
        "makespan_s",
        "low90",
        "high90",
        "lower_bound_s",
        "gap",
        "start_by",
        "moves",
        "unplaced",
        "never",
    )
    assert set(promised) <= set(told)
    assert told["low90"] <= told["makespan_s"] <= told["high90"]
    assert told["lower_bound_s"] <= told["makespan_s"]
    assert told["start_by"].endswith(tuple(f"{s:02d}" for s in range(60)))
    names = {"machine", "node", "destination", "start_s", "end_s", "blackout_s", "kind", "limited_by"}
    assert all(set(move) == names for move in told["moves"])
    assert max(move["end_s"] for move in told["moves"]) == told["makespan_s"]
    assert "Move-ClusterVirtualMachineRole" in plan.read_text(encoding="utf-8-sig")
    assert "<svg" in picture.read_text(encoding="utf-8")


def test_a_roll_has_stages():
    """Every node of the example is emptied, rebooted and filled; without a host there is no interval."""
    done = CliRunner().invoke(main, [*EXAMPLE[:4], "--roll", "--reboot-min", "5", "--json"])
    assert done.exit_code == 0
    told = json.loads(done.stdout)
    assert [stage["node"] for stage in told["stages"]] == [f"node{k}" for k in (1, 1, 2, 2, 3, 3, 4, 4)]
    assert told["makespan_s"] > 4 * 300
    assert told["low90"] is None
    assert len(told["moves"]) == 80


def test_what_is_taken_for_granted_is_said():
    """Without a table of nodes the answer says that they are alike and large enough."""
    done = CliRunner().invoke(main, ["drain", "data/example_inventory.csv", "--node", "node1"])
    assert done.exit_code == 0
    assert "every node is taken to be alike" in done.stderr


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("--order", "smalest"), "did you mean 'smallest'"),
        (("--until", "2001-01-01T00:00"), "is past"),
        (("--preset", "windows_2020"), "did you mean"),
        (("--bandwidth-gbps", "-1"), "bandwidth_gbps"),
        (("--roll", "--powershell", "plan.ps1"), "leave --roll out"),
        (("--parallel-limit", "0"), "parallel-limit"),
    ],
)
def test_mistakes_are_told_in_a_sentence(args, said):
    """Exit code 2, one line, no traceback."""
    done = run(*args)
    assert done.exit_code == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_a_search_is_never_worse():
    """The best found within a moment is at most as long as the system's own plan, and says so."""
    told = [
        json.loads(run("--json", "--seconds", s, "--preset", "windows_2019").stdout) for s in ("0", "0.2")
    ]
    assert told[1]["makespan_s"] <= told[0]["makespan_s"]
    assert told[1]["plans"]["best found"] == told[1]["makespan_s"]


@pytest.mark.parametrize(
    ("nodes", "said"),
    [
        (None, "without --nodes every node is taken to be alike"),
        ("node,bandwidth_gbps\nnode1,10\nnode2,10\n", "has no column memory_gib or free_gib"),
    ],
)
def test_nodes_without_their_memory_are_large_enough(tmp_path, nodes, said):
    """That is said beside the answer."""
    inventory = tmp_path / "machines.csv"
    inventory.write_text("machine,node,memory_gib\nweb,node1,4\n")
    given = ["drain", str(inventory), "--node", "node1"]
    if nodes:
        (tmp_path / "nodes.csv").write_text(nodes)
        given += ["--nodes", str(tmp_path / "nodes.csv")]
    done = CliRunner().invoke(main, given)
    assert done.exit_code == 0
    assert said in done.output


def test_no_more_than_eight_machines_are_named(tmp_path):
    """Those that are not moved in time, and how many more there are."""
    inventory = tmp_path / "machines.csv"
    rows = "".join(f"vm{n:02d},node1,64\n" for n in range(1, 31))
    inventory.write_text("machine,node,memory_gib\n" + rows)
    done = CliRunner().invoke(
        main, ["drain", str(inventory), "--node", "node1", "--start", "22:00", "--until", "22:02"]
    )
    assert done.exit_code == 0
    (line,) = (line for line in done.stdout.splitlines() if line.startswith("Not finished by then: "))
    assert line.count("vm") == 8
    assert line.rstrip(".").endswith("more")


def test_a_drain_takes_one_value_for_all_machines(tmp_path):
    """Others stand in the inventory; and a roll places the machines itself."""
    done = run("--mtu-bytes", "1500,9000")
    assert done.exit_code == 2
    assert "a drain takes one value for all machines, others stand in the inventory" in done.output
    inventory = tmp_path / "machines.csv"
    inventory.write_text("machine,node,memory_gib,destination\nweb,node1,4,node2\ndb,node2,4,node1\n")
    done = CliRunner().invoke(main, ["drain", str(inventory), "--roll"])
    assert done.exit_code == 2
    assert "--roll places the machines itself; leave out the column destination" in done.output
