"""Inventories as people and Windows write them, and thirty that cannot be answered: a sentence each."""

from datetime import datetime

import numpy as np
import pytest

from analysis.errors import UserError
from analysis.studies.drain import clock
from analysis.studies.drain.answer import drain, times
from analysis.studies.drain.inventory import read_inventory, read_nodes
from analysis.studies.drain.problem import problem_of
from analysis.studies.drain.systems import system

GOOD = "machine,node,memory_gib\nm1,a,4\nm2,a,8\nm3,b,4\n"
NOW = datetime(2026, 5, 4, 22, 0)


def saved(folder, name, text, encoding="utf-8"):
    """A file of the test's folder."""
    path = folder / name
    path.write_bytes(text.encode(encoding))
    return path


def answered(folder, text, node_text="", empty=(), deadline_now=NOW, **more):
    """The whole way from files to an answer."""
    inventory = read_inventory(saved(folder, "machines.csv", text))
    nodes = read_nodes(saved(folder, "nodes.csv", node_text)) if node_text else None
    found = drain(problem_of(inventory, nodes, system(more.pop("system", "hyperv"), more.pop("preset", "")),
                             empty=empty))  # fmt: skip
    return found, times(found.makespan_s, found.draws, found.moves, now=deadline_now, **more)


BAD = {
    "negative memory": ({"text": "machine,node,memory_gib\nm1,a,-4\n"}, "line 2 (m1): memory_gib = -4"),
    "memory that is no number": ({"text": "machine,node,memory_gib\nm1,a,much\n"}, "memory_gib = 'much'"),
    "no memory at all": ({"text": "machine,node\nm1,a\n"}, "no column memory_gib"),
    "no column of machines": ({"text": "vm,node,memory_gib\nm1,a,4\n"}, "no column 'machine'"),
    "no column of nodes": ({"text": "machine,memory_gib\nm1,4\n"}, "no column 'node'"),
    "two rows of one machine": ({"text": GOOD + "M1,b,4\n"}, "'m1' stands on lines 2 and 5"),
    "two columns of one name": ({"text": "machine,node,node\nm1,a,b\n"}, "two columns 'node'"),
    "a machine without a name": ({"text": "machine,node,memory_gib\n,a,4\n"}, "the machine has no name"),
    "a machine on no node": ({"text": "machine,node,memory_gib\nm1,,4\n"}, "line 2: the node has no name"),
    "an empty file": ({"text": ""}, "is empty"),
    "no row": ({"text": "machine,node,memory_gib\n"}, "no row"),
    "a row cut off": ({"text": "machine,node,memory_gib\nm1,a\n"}, "line 2: the row has fewer cells"),
    "a row too long": ({"text": "machine,node,memory_gib\nm1,a,4,5\n"}, "line 2: the row has more cells"),
    "a priority above the highest": (
        {"text": "machine,node,memory_gib,priority\nm1,a,4,3001\n"}, "priority '3001' is none: high (3000)"
    ),
    "nodes of other names altogether": (
        {"text": GOOD, "node_text": "node\nfirst-host\nother-host\n", "empty": ("first-host",)},
        "m1 names the node 'a', which --nodes lacks; it has first-host, other-host",
    ),
    "machines larger than their node": (
        {"text": GOOD, "node_text": "node,memory_gib\na,8\nb,64\n", "empty": ("a",)},
        "of memory, and its machines have 12; is memory_gib what is free? Then call the column free_gib",
    ),
    "nothing asked to be moved": ({"text": GOOD}, "name the node to be emptied with --node: it has a, b"),
    "a rule that changes in time": (
        {"text": "machine,node,memory_gib,stop_rule\nm1,a,4,nova\nm2,b,4,nova\n", "empty": ("a",)},
        "take 'qemu' with blackout_target_ms at its last, and the system's own time-out",
    ),
    "a column nearly ours": ({"text": "machine,node,memory_gib,priorty\nm1,a,4,low\n"}, "mean 'priority'"),
    "a parameter out of range": (
        {"text": "machine,node,memory_gib,resident_share\nm1,a,4,1.5\n"}, "line 2 (m1): resident_share = 1.5"
    ),
    "a pattern that is none": (
        {"text": "machine,node,memory_gib,write_pattern\nm1,a,4,unifrom\n"}, "did you mean 'uniform'"
    ),
    "a priority that is none": (
        {"text": "machine,node,memory_gib,priority\nm1,a,4,hgih\n"}, "did you mean 'high'"
    ),
    "an unknown node to be emptied": ({"text": GOOD, "empty": ("c",)}, "--node: there is no node 'c'"),
    "a node missing from --nodes": (
        {"text": GOOD, "node_text": "node,memory_gib\na,64\n", "empty": ("a",)}, "m3 names the node 'b'"
    ),
    "every node emptied": (
        {"text": GOOD, "node_text": "node\na\nb\n", "empty": ("a", "b")}, "--node names every node"
    ),
    "a node without machines": (
        {"text": GOOD, "node_text": "node\na\nb\nc\n", "empty": ("c",)}, "no machine on c"
    ),
    "nothing to move": ({"text": GOOD}, "names no destination"),
    "a destination where it is": (
        {"text": "machine,node,memory_gib,destination\nm1,a,4,A\n"}, "where it already is"
    ),
    "a destination that is being emptied": (
        {"text": "machine,node,memory_gib,destination\nm1,a,4,b\nm2,b,4,\nm3,c,4,\n", "empty": ("a", "b")},
        "which is being emptied itself",
    ),
    "a destination that does not own it": (
        {"text": "machine,node,memory_gib,destination,owners\nm1,a,4,b,a c\n"}, "not among its owners"
    ),
    "no capacity": (
        {"text": GOOD, "node_text": "node,free_gib\na,0\nb,2\n", "empty": ("a",)},
        "it needs 4 GiB and no node has more than 2 free",
    ),
    "a cycle of placements": (
        {
            "text": "machine,node,memory_gib,destination\nm1,a,4,b\nm2,b,4,a\n",
            "node_text": "node,free_gib\na,1\nb,1\n",
        },
        "wait for each other's memory",
    ),
    "more machines than a node has memory": (
        {"text": GOOD, "node_text": "node,memory_gib\na,10\nb,64\n", "empty": ("a",)}, "its machines have 12"
    ),
    "a limit of none at once": (
        {"text": GOOD, "node_text": "node,parallel_limit\na,0\nb,1\n", "empty": ("a",)}, "parallel_limit = 0"
    ),
    "a node twice": (
        {"text": GOOD, "node_text": "node\na\nb\nA\n", "empty": ("a",)}, "node 'a' stands on lines 2 and 4"
    ),
    "a machine's parameter of a node": (
        {"text": GOOD, "node_text": "node,bandwidth_gbs\na,1\nb,1\n", "empty": ("a",)}, "'bandwidth_gbps'"
    ),
    "an uplink of two rates": (
        {"text": GOOD, "node_text": "node,uplink,uplink_gbps\na,x,1\nb,x,2\n", "empty": ("a",)}, "1 and 2"
    ),
    "an uplink of no rate": (
        {"text": GOOD, "node_text": "node,uplink\na,x\nb,y\n", "empty": ("a",)}, "no column uplink_gbps"
    ),
    "only machines that never end": (
        {
            "text": "machine,node,memory_gib,dirty_pages_per_s,working_set_gib\nm1,a,16,1e6,8\n",
            "node_text": "node\na\nb\n", "empty": ("a",), "system": "nova",
        },
        "m1 never ends",
    ),
    "a time in the past": (
        {"text": GOOD, "empty": ("a",), "until": "2026-05-04T21:00"}, "--until 2026-05-04T21:00 is past"
    ),
    "a time that is none": ({"text": GOOD, "empty": ("a",), "until": "25:00"}, "hours go to 23"),
    "a deadline that is none": (
        {"text": "machine,node,memory_gib,deadline\nm1,a,4,soon\nm2,b,4,\n", "empty": ("a",)},
        "m1: deadline 'soon' is no time",
    ),
    "an unknown system": ({"text": GOOD, "empty": ("a",), "system": "hyper-v"}, "did you mean 'hyperv'"),
    "a Windows that is not the system": (
        {"text": GOOD, "empty": ("a",), "system": "nova", "preset": "windows_2022"}, "leave one out"
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", BAD)
def test_a_bad_inventory_is_told_in_a_sentence(kind, tmp_path):
    """Each names the file, line, machine or node at fault, and what is allowed or would help."""
    case, said = BAD[kind]
    with pytest.raises(UserError) as told:
        answered(tmp_path, **case)
    message = str(told.value)
    assert said in message
    assert "\n" not in message
    assert len(message) < 400


def test_without_nodes_machines_go_elsewhere(tmp_path):
    """A list of one node alone can be answered: the others are elsewhere, alike and large enough."""
    found, _ = answered(tmp_path, "machine,node,memory_gib\nm1,a,4\n", empty=("a",))
    assert found.moves.destination.tolist() == ["elsewhere"]


def test_there_are_thirty_of_them():
    """The list does not shrink."""
    assert len(BAD) >= 30


GET_VM = (
    '#TYPE Microsoft.HyperV.PowerShell.VirtualMachine\r\n"VMName";"State";"MemoryAssigned";"ComputerName"\r\n'
    '"sql01";"Running";"17179869184";"node1"\r\n"web01";"Running";"4294967296";"node1"\r\n'
    '"old";"Off";"0";"node1"\r\n"x";"Running";"4294967296";"node2"\r\n'
)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig", "utf-8"])
def test_what_get_vm_exported_is_read_as_it_comes(encoding, tmp_path):
    """UTF-16 with its mark, semicolons, a line #TYPE, bytes; what is off needs no migration."""
    found = read_inventory(saved(tmp_path, "vms.csv", GET_VM, encoding))
    assert found.machines.machine.tolist() == ["sql01", "web01", "x"]
    assert found.machines.memory_gib.tolist() == [16.0, 4.0, 4.0]
    assert "1 machines are off" in found.notes[0]


def test_what_get_clustergroup_exported_lacks_memory(tmp_path):
    """Roles that are no machines are left out; priorities count; memory is given for all."""
    text = (
        '"Name","OwnerNode","State","GroupType","Priority"\n"Cluster Group","n1","Online","Cluster","3000"\n'
        '"sql","n1","Online","VirtualMachine","3000"\n"test","n2","Online","VirtualMachine","1000"\n'
    )
    found = read_inventory(saved(tmp_path, "groups.csv", text), {"memory_gib": 8.0})
    assert found.machines[["machine", "node", "memory_gib", "priority"]].to_numpy().tolist() == [
        ["sql", "n1", 8.0, 3000.0],
        ["test", "n2", 8.0, 1000.0],
    ]


def test_a_decimal_comma_where_semicolons_separate(tmp_path):
    """A list in German Excel: 3,5 is three and a half."""
    found = read_inventory(saved(tmp_path, "m.csv", "machine;node;memory_gib\nm1;a;3,5\nm2;b;4\n"))
    assert found.machines.memory_gib.tolist() == [3.5, 4.0]


def test_a_parameter_takes_its_units(tmp_path):
    """8 GiB, 2048 MiB and 200 MB/s are read as the study reads them anywhere."""
    text = "machine,node,memory_gib,dirty_pages_per_s\nm1,a,8GiB,4096000 B/s\nm2,b,2048 MiB,\n"
    found = read_inventory(saved(tmp_path, "m.csv", text)).machines
    assert found.memory_gib.tolist() == [8.0, 2.0]
    assert found.dirty_pages_per_s.tolist() == [1000.0, 5000.0]


def test_who_fits_nowhere_is_named_with_what_helps(tmp_path):
    """The others move; the one without room, without an owner, or with its group everywhere stays."""
    text = (
        "machine,node,memory_gib,group,owners\nbig,a,32,,\nm,a,4,,\nalone,a,4,,a\ndc1,a,4,dc,\ndc2,b,4,dc,\n"
    )
    found, _ = answered(tmp_path, text, "node,free_gib\na,0\nb,16\n", empty=("a",))
    told = {one["machine"]: one for one in found.unplaced}
    assert set(told) == {"big", "alone", "dc1"}
    assert "16 GiB more" in told["big"]["helps"][0]
    assert "owners" in told["alone"]["helps"][0]
    assert "'dc'" in told["dc1"]["why"]
    assert found.moves.machine.tolist() == ["m"]


def test_who_never_ends_is_named_with_what_helps(tmp_path):
    """Without a pass limit it is left out; with Hyper-V's it moves, and its long pause is told."""
    text = "machine,node,memory_gib,dirty_pages_per_s,working_set_gib\nhot,a,16,500000,8\nm,a,4,0,1\n"
    for name, moves in (("nova", False), ("hyperv", True)):
        found, _ = answered(tmp_path, text, "node\na\nb\n", empty=("a",), system=name)
        assert [one["machine"] for one in found.never] == ["hot"]
        assert found.never[0]["moves"] is moves
        assert ("hot" in set(found.moves.machine)) is moves
        assert any("Gbit/s" in help_ for help_ in found.never[0]["helps"])
        assert any("page writes" in help_ for help_ in found.never[0]["helps"])


def test_clock_times():
    """A time of day is the next one; a moment with its day stands for itself."""
    assert clock.read("23:30", "x", NOW) == datetime(2026, 5, 4, 23, 30)
    assert clock.read("1:30", "x", NOW) == datetime(2026, 5, 5, 1, 30)
    assert clock.read("2026-05-06T01:00", "x", NOW) == datetime(2026, 5, 6, 1)


def test_when_to_start_and_what_would_be_late(tmp_path):
    """The latest start is the end less the time it takes; what ends after it and past deadlines are named."""
    text = "machine,node,memory_gib,deadline\nm1,a,4,22:00:03\nm2,a,64,\nm3,b,4,\n"
    found, when = answered(
        tmp_path, text, empty=("a",), start="22:00", until="22:00:30", preset="windows_2022"
    )
    assert when.start_by is not None
    assert (when.until - when.start_by).total_seconds() == np.ceil(found.makespan_s)
    assert when.unfinished == ["m2"]
    assert [one["machine"] for one in when.missed] == ["m1"]
