"""Files of earlier forms are read, or refused by a sentence; those of later ones are refused."""

import json
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest

from analysis.errors import UserError
from analysis.pages import index, results
from analysis.parameters import ParameterError
from analysis.studies.hosts import host_file
from analysis.studies.hosts.host import Host, host_content, load_host, save_host
from analysis.studies.hosts.prediction import predict
from analysis.studies.sweeps.sweep import beside, sweep

EARLIER = Path(__file__).parent / "earlier"
HOSTS = sorted(EARLIER.glob("host-*.yml"))
DESIGN = {"parameters": {"bandwidth_gbps": [1, 10]}}


@pytest.mark.parametrize("path", HOSTS, ids=lambda path: path.stem)
def test_a_host_of_every_earlier_form_is_read_and_used(path):
    """The laboratory as each form of the file had it: no version in it, and a prediction all the same."""
    assert "version" not in path.read_text(encoding="utf-8")
    host = load_host(path)
    assert (host.name, host.migrations) == ("laboratory", 143)
    told = predict(pd.DataFrame({"memory_gib": [1.0]}), host, draws=50)
    assert 0 < told.total_s_low90[0] <= told.total_s_high90[0]


def test_a_host_file_has_a_version_and_keeps_its_content(tmp_path):
    """What is written now says its version, and is read back as it was."""
    host = load_host(HOSTS[-1])
    save_host(host, tmp_path / "host.yml")
    assert (tmp_path / "host.yml").read_text(encoding="utf-8").splitlines()[
        1
    ] == f"version: {host_file.VERSION}"
    assert load_host(tmp_path / "host.yml") == host
    assert next(iter(host_content(Host()))) == "version"


def test_a_later_host_file_is_refused(tmp_path):
    """Not read in part: what is new in it would be lost without a word."""
    path = tmp_path / "host.yml"
    path.write_text(f"version: {host_file.VERSION + 1}\nname: x\n")
    with pytest.raises(UserError, match="its version is 3, and this study reads host files up to version 2"):
        load_host(path)


def test_a_learned_stage_of_an_earlier_version_is_refused(tmp_path):
    """One that looks at other inputs cannot be used: the sentence says what to do."""
    path = tmp_path / "host.yml"
    stage = (
        "{label: '', centre: {memory_gib: 1}, spread: {memory_gib: 1}, outcomes: {total_s: {weights: '1'}}}"
    )
    path.write_text(f"name: old\ncorrection: {stage}\n")
    with pytest.raises(UserError, match="host old is of another version; calibrate it again"):
        predict(pd.DataFrame({"memory_gib": [1.0]}), load_host(path), draws=50)


def test_a_sweep_says_its_version(tmp_path):
    """In its book, and in the description of every part."""
    swept = sweep(DESIGN, tmp_path / "out", workers=1)
    book = json.loads((swept.beside / "sweep.json").read_text())
    part = next((tmp_path / "out").glob("part-*.parquet"))
    assert pq.read_schema(part).metadata[b"migration_study_sweep"] == str(book["format"]).encode()


@pytest.mark.parametrize("name", ["sweep-1", "sweep-99"])
def test_a_sweep_of_another_version_is_not_carried_on(name, tmp_path):
    """Nor is it removed without leave: its folder is named, and what can be done."""
    folder = tmp_path / "out"
    beside(folder).mkdir()
    (beside(folder) / "sweep.json").write_bytes((EARLIER / f"{name}.json").read_bytes())
    with pytest.raises(ParameterError, match=r"holds a sweep of another design, or by another version"):
        sweep(DESIGN, folder, workers=1)
    assert (beside(folder) / "sweep.json").read_bytes() == (EARLIER / f"{name}.json").read_bytes()


def placed(folder, name, content):
    """A record in a folder of reports, with the report beside it."""
    (folder / index.EXECUTED).mkdir(exist_ok=True)
    (folder / f"{name}.html").write_text("<html></html>")
    (folder / index.EXECUTED / f"{name}.json").write_text(content)


def test_a_record_of_an_earlier_version_stays_on_the_index(tmp_path):
    """A report made before records had a version is listed, with its numbers."""
    placed(tmp_path, "01-bandwidth", (EARLIER / "record-1.json").read_text(encoding="utf-8"))
    assert [record["name"] for record in index.records(tmp_path)] == ["01-bandwidth"]
    assert index.unreadable(tmp_path) == []
    (record,) = index.records(tmp_path)
    assert record["card"]["title"] in index.render([record])
    assert len(results.gather([record])) > 0


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        ("", "it is damaged"),
        ("{", "it is damaged"),
        ("[" * 100_000, "it is damaged"),
        ("[]", "it is damaged"),
        ("3", "it is damaged"),
        ('{"card": 3}', "it is damaged"),
        ('{"version": 99, "card": {}}', "it is of a later version than 2"),
        ('{"card": {}}', "of an earlier version that this study no longer reads; run its notebook again"),
        ('{"card": {"href": "x", "colour": 1}}', "of an earlier version"),
    ],
)
def test_a_record_that_cannot_be_read_is_told(content, fault, tmp_path):
    """The index is made of the others; a sentence names the file and what is wrong with it."""
    placed(tmp_path, "x", content)
    assert list(index.records(tmp_path)) == []
    assert len(told := index.unreadable(tmp_path)) == 1
    assert fault in told[0]
    assert str(Path(index.EXECUTED) / "x.json") in told[0]
    index.write(tmp_path)


def test_results_say_their_version(tmp_path):
    """In the description that Parquet keeps beside the rows."""
    record = {"name": "a", "notebook": "a.ipynb", "scenario": "", "inputs": [], "rows": [{"total_s": 1.0}]}
    results.write(results.gather([record]), tmp_path)
    told = json.loads(pq.read_schema(tmp_path / "results.parquet").metadata[b"pandas"])
    assert told["attributes"]["migration_study_results"] == results.VERSION
