"""What a stranger could give, to every face of the study, ends in a sentence."""

from pathlib import Path

import pytest

from tests.hostile import table

CASES = list(table.cases())
QUICK = 3
"""Of so many cases one is tried by `make test`."""


def marks(number, case):
    """When a case is tried."""
    if case.nightly:
        return [pytest.mark.nightly]
    return [pytest.mark.thorough] if number % QUICK else []


MARKED = [pytest.param(case, id=case.name, marks=marks(n, case)) for n, case in enumerate(CASES)]


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """One folder for all cases: what one leaves is removed before the next."""
    return tmp_path_factory.mktemp("hostile")


@pytest.mark.parametrize("case", MARKED)
def test_it_ends_in_its_sentence(case, place, monkeypatch):
    """The sentence and the exit code, no traceback, no warning, nothing on standard output, no file left."""
    monkeypatch.chdir(place)
    case.lay(place)
    before = {path for path in place.rglob("*") if path.is_file()}
    result = table.run(case)
    after = {path for path in place.rglob("*") if path.is_file()}
    for path in after:
        path.unlink()
    assert table.faults(case, result, before, after) == []


def test_the_table_is_as_large_as_promised():
    """At least 400 cases, every face among them, none twice."""
    assert len(CASES) >= 400
    faces = {"command_line", "notebooks", "grids", "designs", "host_files", "inventories"}
    assert {*faces, "measured_files", "logs"} <= set(table.FACES)
    given = [(case.given, str(case.files), str(case.repeat)) for case in CASES]
    assert len(set(given)) == len(given)


def test_no_case_leaves_its_sentence_open():
    """Every case says something of its own: more than that it is an error."""
    assert [case.name for case in CASES if len(case.says) < 6] == []
    assert Path(table.FOLDER).is_dir()
