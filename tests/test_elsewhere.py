"""As on Windows and macOS, without either: line ends, consoles, drive letters, names that are one file."""

import os
import re
import shutil
from pathlib import Path, PureWindowsPath

import pytest
from click.testing import CliRunner

from analysis import home
from analysis.__main__ import main
from analysis.batch import grid, inputs, run
from analysis.observations.lab import read_migrations
from analysis.pages import html
from analysis.parameters import ParameterError
from analysis.studies.drain.inventory import read_inventory, read_nodes
from analysis.studies.hosts.host import load_host
from analysis.studies.sweeps import designs

PACKAGE = Path(home.__file__).parent
NOT_ON_WINDOWS = {"fcntl", "resource", "termios", "pwd", "grp", "pty", "tty", "posix", "syslog", "curses"}
GRID = "scenarios:\n  today: {bandwidth_gbps: 10}\ncross:\n  memory_gib: [16, 64]\n"
DESIGN = "parameters:\n  memory_gib: [16, 64]\n  transport: [tcpip, smb]\noutcomes: [total_s]\n"


def test_no_module_needs_what_windows_lacks():
    """Nothing that only POSIX systems have is imported: the package loads everywhere."""
    imports = re.compile(r"^\s*(?:import|from) (\w+)", re.MULTILINE)
    needed = {name for path in PACKAGE.rglob("*.py") for name in imports.findall(path.read_text("utf-8"))}
    assert "numpy" in needed
    assert needed & NOT_ON_WINDOWS == set()


def stored(name):
    """The content of one of the study's files."""
    return (home.STUDY / name).read_text(encoding="utf-8")


READERS = {
    "grid.yml": (GRID, grid.read),
    "design.yml": (DESIGN, lambda path: str(designs.read(path))),
    "host.yml": (stored("data/laboratory.yml"), lambda path: str(load_host(path))),
    "inventory.csv": (stored("data/example_inventory.csv"), lambda path: str(read_inventory(path))),
    "nodes.csv": (stored("data/example_nodes.csv"), lambda path: str(read_nodes(path))),
    "migrations.csv": (stored("data/migrations.csv"), lambda path: read_migrations(path).to_csv()),
    "notebook.ipynb": (stored("notebooks/01-bandwidth.ipynb"), inputs.inputs),
}
"""Files of each kind, and what reads them."""


@pytest.mark.parametrize("name", READERS)
def test_line_ends_of_windows_read_the_same(tmp_path, name):
    """A file that an editor of Windows saved, with carriage returns, is what it was; its path has a space."""
    content, read = READERS[name]
    folder = tmp_path / "my files"
    folder.mkdir()
    path = folder / name
    path.write_bytes(content.encode())
    plain = read(path)
    path.write_bytes(content.replace("\n", "\r\n").encode())
    assert b"\r\n" in path.read_bytes()
    assert read(path) == plain


@pytest.mark.parametrize("charset", ["cp1252", "cp850"])
def test_a_console_that_lacks_a_character_shows_its_number(tmp_path, charset):
    """A machine called in Greek on a console of Windows: the answer comes, and no traceback."""
    inventory = tmp_path / "a.csv"
    inventory.write_text("machine,node,memory_gib\nΩμέγα,n1,8\n", encoding="utf-8")
    for more in ([], ["--json"]):
        told = CliRunner(charset=charset).invoke(main, ["drain", str(inventory), "--node", "n1", *more])
        assert told.exit_code == 0, told.output
        assert r"\u03a9" in told.stdout
        assert "Traceback" not in told.output


def test_answers_need_no_more_than_a_windows_console(tmp_path):
    """What `predict` prints can be written in the code page of Windows as it stands."""
    told = CliRunner(charset="cp1252").invoke(main, ["predict", "--memory-gib", "1,2"])
    assert told.exit_code == 0
    assert "\\u" not in told.stdout


def test_drive_letters_leave_a_report(monkeypatch):
    """The study's folder on a drive of Windows, with a space in it, is shortened in either writing."""
    monkeypatch.setattr(html.home, "STUDY", PureWindowsPath(r"D:\my studies\live migration"))
    html._machine_folders.cache_clear()
    try:
        for text in (r"D:\my studies\live migration\data\x.csv", r"D:\my studies\live migration/data\x.csv"):
            assert html.without_paths(f"File {text}, line 1") == r"File data\x.csv, line 1"
    finally:
        monkeypatch.undo()
        html._machine_folders.cache_clear()


@pytest.mark.parametrize("name", [r"C:\files\mine.csv", r"\\server\share\mine.csv", "C:mine.csv"])
def test_drive_letters_are_told_as_they_were_given(name):
    """A path of Windows that leads nowhere is named in the sentence, unharmed."""
    told = CliRunner().invoke(main, ["validate", name])
    assert (told.exit_code, told.stdout) == (2, "")
    assert name in told.stderr


def test_names_that_differ_in_case_alone_are_refused():
    """Scenarios `Today` and `today` would be one report on Windows and macOS; they are refused everywhere."""
    with pytest.raises(ParameterError, match="two scenarios would both be called 'today'"):
        grid.parse({"scenarios": {"Today": {"memory_gib": 1}, "today": {"memory_gib": 2}}})


@pytest.mark.parametrize("label", ["a:b", "what?", 'say "x"', "a<b>|c*", "CON", "nul.", "tab\there", "ends."])
def test_scenarios_have_names_that_windows_takes(label):
    """Whatever a scenario is called, its files have names without what Windows forbids."""
    (name,) = grid.parse({"scenarios": {label: {"memory_gib": 1}}}).scenarios
    assert not set(name) & set('<>:"/\\|?*\t')
    assert not name.endswith((".", " "))


def test_notebooks_are_found_in_a_folder_with_spaces(tmp_path, monkeypatch):
    """`report` in a folder called `my study` takes the notebooks there."""
    folder = tmp_path / "my study" / "notebooks"
    folder.mkdir(parents=True)
    shutil.copy(home.STUDY / "notebooks" / "01-bandwidth.ipynb", folder)
    monkeypatch.chdir(folder.parent)
    assert run.find([]) == run.find([os.path.join("notebooks", "01-bandwidth.ipynb")])
