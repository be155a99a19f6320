"""The notebook on a reader's own migrations, executed with a file of one migration and nothing else known."""

import nbformat
import pytest

from analysis.batch.execution import Run, execute, kernel_environment
from analysis.observations.qmp import as_qmp, write_qmp
from analysis.pages import html
from tests.observations import forms


def executed(repository, tmp_path, kernels, pictures=4, **parameters):
    """What the notebook's cells put out; nothing may be printed and every picture has its text."""
    source, target = repository / "notebooks" / "09-your-migrations.ipynb", tmp_path / "out.ipynb"
    with kernel_environment():
        _, error = execute(Run("09", source, {"migration": ""} | parameters), target, manager=kernels)
    assert error is None
    notebook = nbformat.read(target, as_version=4)
    outputs = [o for cell in notebook.cells for o in cell.get("outputs", [])]
    assert [o.text for o in outputs if o.output_type == "stream"] == []
    drawn = [o for o in outputs if "image/png" in o.get("data", {})]
    assert len(drawn) == pictures
    assert min((len(o.metadata["image/png"]["alt"]) for o in drawn), default=61) > 60
    return outputs


def takeaway(outputs):
    """The takeaway, its blanks single."""
    (text,) = [o["data"]["text/markdown"] for o in outputs if html.role_of(o) == "takeaway"]
    assert "nan" not in text
    return " ".join(text.split())


@pytest.mark.slow
def test_one_recorded_migration_is_enough(repository, tmp_path, kernels):
    """Timeline, passes and what would have helped, from a single file; nothing is warned of."""
    write_qmp(tmp_path / "one.jsonl", [
        {n: v for n, v in answer.items() if n != "known"} for answer in as_qmp(keys=["c3b3b7528679"])
    ])  # fmt: skip
    outputs = executed(repository, tmp_path, kernels, files=[str(tmp_path / "one.jsonl")])
    assert "**22 s**" in takeaway(outputs)


@pytest.mark.slow
def test_units_are_accepted_and_lines_explained_when_asked(repository, tmp_path, kernels):
    """A table in Mbit/s makes a report with accept_units; with explain it is shown line by line."""
    forms_of = repository / "tests" / "observations" / "examples" / "forms"
    given = {"files": [str(forms_of / "own_table_units.csv")], "accept_units": True, "explain": True}
    outputs = executed(repository, tmp_path, kernels, pictures=1, **given)
    tables = " ".join(o["data"].get("text/html", "") for o in outputs if "data" in o)
    assert "is taken as bandwidth_gbps" in tables
    assert "The files line by line" in tables


@pytest.mark.slow
def test_counters_without_memory_make_a_report(repository, tmp_path, kernels):
    """A recording by typeperf alone: no picture of it, but what was counted, and the option to add."""
    recorded = repository / "tests" / "observations" / "examples" / "typeperf.csv"
    outputs = executed(repository, tmp_path, kernels, pictures=1, files=[str(recorded)])
    assert "**12 s**; the machine was frozen for **1 s** of it" in takeaway(outputs)
    assert "add **-p memory_gib 64** to the command" in takeaway(outputs)


@pytest.mark.slow
def test_counters_and_events_of_hyper_v(repository, tmp_path, kernels, request):
    """What the collector for Hyper-V writes, with the memory given; events alone model nothing and say so.

    Its report begins with question, answer, numbers and figure, and is whole on phone and paper.
    """
    moved = forms.Migration("web", (24, 10, 4), (200_000, 90_000, 40_000), 2, 500_000)
    counters, events = tmp_path / "counters.csv", tmp_path / "events.csv"
    counters.write_text(forms.get_counter(moved), encoding="utf-8", newline="")
    events.write_text(forms.events_csv(moved), encoding="utf-8", newline="")
    given = {"files": [str(counters), str(events)], "memory_gib": 2.0, "windows": "windows_2022"}
    outputs = executed(repository, tmp_path, kernels, **given)
    assert "**40 s** at 0.34 Gbit/s, and what held that rate is not recorded" in takeaway(outputs)
    tables = " ".join(o["data"].get("text/html", "") for o in outputs if "data" in o)
    assert "web (2): neither the bytes sent nor the throughput is recorded" in tables
    # Only now, in the last test of the file: with a browser open papermill could not run here any more.
    begins_with_the_answer = request.getfixturevalue("begins_with_the_answer")
    assert begins_with_the_answer(nbformat.read(tmp_path / "out.ipynb", as_version=4)) == []
