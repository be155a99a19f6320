"""Ordinary mistakes on the command line: one line, exit code 2, what is allowed, what was meant."""

import pytest
from click.testing import CliRunner

from analysis.__main__ import main

MACHINES = "machine,node,memory_gib\nsql01,node1,64\nweb01,node1,\n"
MISTAKES = {
    # --- options of sibling verbs, and what other systems call ours
    "plan bandwidth_gbps --total-s 60 --machines 3": "It is one of 'advise', not of 'plan'.",
    "predict --range memory_gib=1:2": "It is one of 'sensitivity', not of 'predict'.",
    "observe data/example_qemu.jsonl --host x.yml": "It is one of other verbs, not of 'observe'.",
    "plan bandwidth_gbps --downtime-limit 500": "Did you mean '--blackout-ms'?",
    "drain INVENTORY --node node1 --at-once 2": "Did you mean '--parallel-limit'?",
    "predict --downtime-limit 500": "Did you mean '--blackout-target-ms'?",
    # --- verbs and notebooks by another name
    "migrate --memory-gib 64": "there is no verb 'migrate'. Did you mean 'predict'?",
    "evacuate": "there is no verb 'evacuate'. Did you mean 'drain'?",
    "report 01": "there is no notebook '01'; did you mean '01-bandwidth'?",
    # --- words by another name
    "predict --transport RDMA": "did you mean 'smb_direct'?",
    "predict --transport SMB": "did you mean 'smb'?",
    "predict --stop-rule KVM": "did you mean 'qemu'?",
    "advise --goal downtime": "did you mean 'blackout'? There are total, blackout",
    # --- a word too many, or one too few
    "advise extra.csv": "advise takes options only; 'extra.csv' is a word too many",
    "plan bandwidth_gbps memory_gib": "plan takes one PARAMETER and options; 'memory_gib' is a word too many",
    "predict memory_gib=64": "is a word too many; write --memory-gib 64",
    "predict --memory-gib": "requires an argument: --memory-gib GIB",
    "report -p bandwidth_gbps=25": "requires 2 arguments: -p NAME VALUE",
    # --- numbers
    "predict --dirty-pages-per-s 20k": "'k' is no unit that it knows; write 20000",
    "predict --resident-share 90": "it takes a number from 0 to 1 [0-1]; 90 % is 0.9",
    "plan memory_gib --total-s 9 --chance 95 --host data/laboratory.yml": "from 0.01 to 0.995; 95 % is 0.95",
    "plan memory_gib --total-s 9 --chance high": "'high' is no share: write 0.95, or 95%",
    "sensitivity --range bandwidth_gbps=1-100": "is not of the form NAME=LOW:HIGH, NAME=LOW:HIGH:log",
    "drain INVENTORY --node node1 --parallel-limit two": "'two' is not a valid whole number",
    "drain INVENTORY --node node1 --seconds 5GB": "'5GB' is no number of s: 'GB' is a unit of something else",
    # --- what goes with what
    "drain INVENTORY --node node1 --reboot-min 5": "--reboot-min is how long a node takes to reboot: it goes",
    "drain INVENTORY --node node1": "line 3 (web01) has no memory_gib; write it there, or give",
    "watch data/migrations.csv": "it tells of none that is running; observe reads it",
    "observe data/example_qemu.jsonl --pattern (": "the pattern '(' is no regular expression",
}


@pytest.fixture(scope="module")
def inventory(tmp_path_factory):
    """Two machines of a node; the memory of one was left out."""
    path = tmp_path_factory.mktemp("mistakes") / "machines.csv"
    path.write_text(MACHINES)
    return str(path)


@pytest.mark.parametrize("command", MISTAKES)
def test_a_mistake_is_one_line_that_leads_on(command, inventory):
    """Standard output stays empty, the exit code is 2, and one line says what was meant or is allowed."""
    result = CliRunner().invoke(main, command.replace("INVENTORY", inventory).split())
    assert (result.exit_code, result.stdout) == (2, "")
    assert MISTAKES[command] in result.stderr
    assert result.stderr.startswith("error: ")
    assert result.stderr.count("\n") == 1


def test_units_are_taken_where_a_drain_and_a_watch_take_numbers(inventory):
    """0.1min of search is 6 s, 5000 MB a cell without memory; a bare sample of dirty pages is of MiB/s."""
    from analysis.cli.given import Finite
    from analysis.cli.watch import Sampled

    assert Finite(0, 100, "s")("0.1min") == 6
    assert Sampled()("28") == Sampled()("28MiB/s") == 28 * 256
    drained = CliRunner().invoke(main, ["drain", inventory, "--node", "node1", "--memory-gib", "4096MiB"])
    assert "Moving 2 machines from node1" in drained.stdout


def test_a_decimal_comma_is_told_in_targets_and_behind_thousands():
    """60,5 seconds, and 1.024,5 GiB as half of Europe writes it, are two values each, with a word."""
    plan = ["plan", "bandwidth_gbps", "--total-s", "60,5", "--memory-gib", "1.024,5"]
    told = CliRunner().invoke(main, plan).stderr
    assert "total_s = '60,5' was read as two values, 60 and 5; decimals take a point: 60.5" in told
    assert "memory_gib = '1.024,5' was read as two values, 1.024 and 5; decimals take a point: 1024.5" in told
