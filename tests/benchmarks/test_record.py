"""What benchmarks record: compared with their spread, a regression ends with 1, pages are held to it."""

import argparse
import json

import pytest

from benchmarks import record, tables
from tests import documents


def run(figures: dict, **changed) -> dict:
    """A record of some figures on one machine."""
    return {**record.recorded("passes", figures), "machine": {"processor": "P", "cores": 2}, **changed}


def rows(new: dict, old: dict) -> dict:
    """A comparison by figure."""
    return {row["figure"]: row for row in record.compared(new, old)}


def test_a_ratio_is_of_medians_and_of_any_two_turns():
    """Turns of 2, 3 and 4 over turns of 1 and 2: medians 3 / 1.5, from 2 / 2 to 4 / 1."""
    found = rows(run({"a": record.figure([4, 2, 3], "ns")}), run({"a": record.figure([1, 2], "ns")}))["a"]
    assert (found["ratio"], found["least"], found["most"]) == (2, 1, 4)
    assert not found["regression"]


@pytest.mark.parametrize(
    ("now", "worse"),
    [([1.0, 1.1], False), ([1.2, 1.3], False), ([1.3, 1.4], True), ([0.5, 0.6], False)],
)
def test_a_regression_is_beyond_both_spreads(now, worse):
    """Against turns of 1.0 and 1.2: the best of the new has to pass 1.2 by more than a twentieth."""
    old = run({"a": record.figure([1.0, 1.2])})
    assert rows(run({"a": record.figure(now)}), old)["a"]["regression"] is worse


def test_of_a_rate_less_is_worse():
    """A rate that halves costs twice as much; one that doubles half."""
    old, new = ([run({"r": record.figure([rate], "1/s", "more")})] for rate in (10.0, 5.0))
    assert rows(new[0], old[0])["r"] == {"figure": "r", "ratio": 2, "least": 2, "most": 2, "regression": True}
    assert rows(old[0], new[0])["r"]["ratio"] == 0.5


def test_absolute_figures_are_compared_on_one_machine_only():
    """Between machines only ratios are, and figures that one of them has not are left out."""
    old = run({"a": record.figure([1], "ns"), "b": record.figure([1]), "gone": record.figure([1])})
    new = run({"a": record.figure([9], "ns"), "b": record.figure([1]), "new": record.figure([1])})
    assert set(rows(new, old)) == {"a", "b"}
    new["machine"] = {"processor": "Q", "cores": 2}
    assert set(rows(new, old)) == {"b"}


@pytest.mark.parametrize("value", [1.0, 2.0])
def test_a_regression_ends_with_1(tmp_path, capsys, value):
    """What a run wrote is what the next is compared with: the same is well, twice as much exits with 1."""
    file = tmp_path / "old.json"
    record.finish("sweep", {"a": record.figure([1.0])}, asked(out=file))
    ended = None
    try:
        record.finish("sweep", {"a": record.figure([value])}, asked(against=file))
    except SystemExit as end:
        ended = end.code
    assert ended == (None if value == 1 else "1 of 1 figures are worse by more than their spread")
    assert f"{value:.3f} ({value:.3f} to {value:.3f})" in capsys.readouterr().out


def asked(**given) -> argparse.Namespace:
    """The options of a benchmark."""
    return argparse.Namespace(**{"out": None, "against": None} | given)


@pytest.mark.parametrize("content", ["", "[]", '{"format": 0, "figures": {}}'])
def test_a_file_of_something_else_is_told_in_a_sentence(tmp_path, content):
    """No traceback, and the name of the file."""
    file = tmp_path / "x.json"
    file.write_text(content)
    with pytest.raises(SystemExit, match=r"error: x\.json"):
        record.read(file)


def test_another_benchmarks_file_is_refused(tmp_path):
    """Figures of passes are none of sweeps."""
    record.finish("passes", {"a": record.figure([1])}, asked(out=tmp_path / "p.json"))
    with pytest.raises(SystemExit, match=r"p\.json is of the benchmark 'passes', not 'sweep'"):
        record.finish("sweep", {"a": record.figure([1])}, asked(against=tmp_path / "p.json"))


def test_a_record_names_no_place():
    """Processor, versions and commit, and nothing of where it was measured."""
    text = json.dumps(record.recorded("passes", {}))
    assert str(record.STUDY) not in text
    assert {"commit", "machine", "versions", "date"} <= set(json.loads(text))


def test_the_tables_of_the_pages_are_those_of_the_records():
    """Every table of a benchmark, and the ratios in it, is what the stored run says."""
    page = (documents.ROOT / "docs" / "measured.md").read_text(encoding="utf-8")
    assert page == documents.with_benchmarks(page)
    for name in tables.TABLES:
        assert f"<!-- bench: {name} -->\n{tables.shown(name)}<!-- /bench -->" in page
