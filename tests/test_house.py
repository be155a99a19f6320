"""Every line has a room, imports run one way, and no room or file outgrows its name."""

import ast
from functools import cache
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "analysis"

MAY_USE = {
    "model": set(),
    "observations": set(),
    "studies": {"model", "observations"},
    "figures": {"studies", "model", "observations"},
    "explorer": {"figures", "studies", "model"},
    "pages": set(),
    "batch": {"pages"},
    "cli": {"figures", "studies", "model", "observations", "batch"},
    "__main__": {"cli", "batch", "studies"},
    "__init__": set(),
}
"""The rooms that each room may import from, besides itself and the ground: one way, no circle."""
GROUND_ORDER = ["errors", "arrays", "other_names", "quantities", "parameters", "presets", "inputs", "unusual"]
GROUND_ORDER += ["ranges", "signatures", "schemas", "yaml_files", "cluster", "writable", "spreadsheets"]
GROUND_ORDER += ["whole", "alone", "home"]
"""Modules at the top of the package, free for all rooms to use; each may use those before it."""
GROUND = set(GROUND_ORDER)
LONGEST_FILE = 450
LARGEST_ROOM = 0.30


def room_of(path: Path) -> str:
    """The room that a file of the package lies in: its folder, or its name at the top."""
    inside = path.relative_to(PACKAGE)
    return inside.parts[0] if len(inside.parts) > 1 else inside.stem


@cache
def imported(path: Path) -> frozenset[str]:
    """Dotted names within the package that a file imports, at its top or in a function."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path.name}:{node.lineno} imports by dots: say the room's name"
            if (node.module or "").split(".")[0] == "analysis":
                found |= {f"{node.module}.{name.name}" for name in node.names}
        elif isinstance(node, ast.Import):
            found |= {name.name for name in node.names if name.name.split(".")[0] == "analysis"}
    return frozenset(found)


FILES = sorted(PACKAGE.rglob("*.py"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_imports_run_one_way(path):
    """A file imports from its own room, from the rooms below, and from the ground; nothing runs back up."""
    room = room_of(path)
    used = {name.split(".")[1] for name in imported(path)}
    if room in GROUND:
        assert used <= set(GROUND_ORDER[: GROUND_ORDER.index(room)])
    else:
        assert used - GROUND - {room} <= MAY_USE[room]


def test_rooms_have_no_circle():
    """Rooms can be put in an order in which each uses only earlier ones."""
    done, left = set(), dict(MAY_USE)
    while left:
        ready = {room for room, below in left.items() if below <= done}
        assert ready, f"a circle among {sorted(left)}"
        done |= ready
        left = {room: below for room, below in left.items() if room not in ready}


def test_every_room_is_known():
    """A new folder or a new module at the top is entered above, with what it may use."""
    assert {room_of(path) for path in FILES} == GROUND | set(MAY_USE)


def test_no_file_and_no_room_outgrows_its_name():
    """No file above 450 lines, no room above 30 % of the package's code; the rooms of studies/ count each."""
    lines = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in FILES}
    assert {path.name: n for path, n in lines.items() if n > LONGEST_FILE} == {}
    rooms: dict[str, int] = {}
    for path, n in lines.items():
        # studies/ is a house of rooms: hosts, sweeps, validation, drain, and what lies beside them.
        inner = path.parent.relative_to(PACKAGE).as_posix() if room_of(path) == "studies" else room_of(path)
        rooms[inner] = rooms.get(inner, 0) + n
    assert {room: n for room, n in rooms.items() if n > LARGEST_ROOM * sum(lines.values())} == {}


def test_the_tests_mirror_the_rooms():
    """Each folder of tests/ is a room of the package, or tests what lies beside the package."""
    tests = Path(__file__).parent
    folders = {path.parent.relative_to(tests).as_posix() for path in tests.rglob("test_*.py")} - {"."}
    beside = {"notebooks", "collect", "benchmarks", "gallery", "hostile"}
    assert [name for name in folders - beside if not (PACKAGE / name).is_dir()] == []
