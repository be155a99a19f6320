"""Objects of KubeVirt that are odd: what cannot be used is told with its line, and the rest is read."""

from pathlib import Path

import pytest

from analysis.observations.kubevirt import read_kubevirt

LIST = Path(__file__).parent / "examples" / "forms" / "kubevirt_list.yaml"
OBJECT = """apiVersion: kubevirt.io/v1
kind: VirtualMachineInstanceMigration
metadata:
  name: {name}
spec:
  vmiName: db
status:
  migrationState:
    startTimestamp: "2026-05-12T10:00:00Z"
    endTimestamp: "{end}"
    {more}
"""


def read(path, text):
    """A record of a text."""
    path.write_text(text, encoding="utf-8")
    return read_kubevirt(path)


def one(name="a", end="2026-05-12T10:00:40Z", more="completed: true"):
    """One object as YAML."""
    return OBJECT.format(name=name, end=end, more=more)


@pytest.mark.parametrize(
    ("odd", "said"),
    [
        ("a: [1\n", "this is no YAML; it is left out"),
        ("a: &b [1, 2]\nc: *b\n", "it has aliases, which a cluster never writes"),
        ("a: " + "[" * 200 + "]" * 200 + "\n", "it is nested too deeply"),
        ("kind: Pod\nmetadata:\n  name: other\n", "'Pod' tells of no migration; it is left out"),
    ],
)
def test_a_document_that_cannot_be_used_is_told(tmp_path, odd, said):
    """The others of the file are read."""
    record = read(tmp_path / "two.yaml", f"{one()}---\n{odd}")
    assert record.migrations.migration.tolist() == ["a"]
    assert any(said in note for note in record.notes), record.notes


def test_an_end_before_the_begin_is_no_time(tmp_path):
    """Clocks of two nodes: the migration stands without a total."""
    record = read(tmp_path / "one.yaml", one(end="2026-05-12T09:59:59Z"))
    assert record.migrations.measured_total_s.isna().all()
    assert any("a ends before it begins: no time is taken" in note for note in record.notes)


@pytest.mark.parametrize(
    ("more", "status"),
    [
        ("completed: true", "completed"),
        ("completed: false", "not ended"),
        ("failed: true", "failed"),
        ("abortRequested: true", "cancelled"),
        ("abortStatus: Succeeded", "cancelled"),
    ],
)
def test_how_it_ended(tmp_path, more, status):
    """Without a phase the state tells it; a wish to abort goes before all."""
    assert read(tmp_path / "one.yaml", one(more=more)).migrations.status.tolist() == [status]


def test_a_limit_that_is_no_number_is_told(tmp_path):
    """And is not taken."""
    more = "completed: true\n    migrationConfiguration:\n      parallelMigrationsPerCluster: many"
    record = read(tmp_path / "one.yaml", one(more=more))
    assert any("'many' is not a number" in note for note in record.notes), record.notes
