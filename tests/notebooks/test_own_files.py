"""Notebook 09 on every example of every reader: its cells, executed in this process, end in an answer.

Each shows the picture of what would have helped, or a sentence on what is lacking and what to add.
"""

import json
import re
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from analysis.errors import UserError
from analysis.figures import evidence, language, own_migrations, own_report

pytestmark = pytest.mark.thorough

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "tests" / "observations" / "examples"
OF_THE_STUDY = [ROOT / "data" / "migrations.csv", ROOT / "data" / "passes.csv"]
EXAMPLES = [p for p in sorted(FOLDER.rglob("*.*")) if p.name != "README.md"] + OF_THE_STUDY
NOT_READ = {
    "events-entities.xml": "declares entities",
    "events-no-header.evtx": "is no readable event log",
    "events_without_totals_known.csv": "no file records them",
    "own_table_units.csv": "so that 36900 would be 36.9 s",
    "table_other_names.csv": "did you mean 'memory_gib'",
    "table_without_memory.csv": "did you mean 'memory_gib'",
}
"""What ``observe`` refuses too, and what it says."""
CELLS = [
    ("".join(cell["source"]), cell["metadata"].get("tags", []))
    for cell in json.loads((ROOT / "notebooks" / "09-your-migrations.ipynb").read_text(encoding="utf-8"))[
        "cells"
    ]
    if cell["cell_type"] == "code"
]


class Shown(NamedTuple):
    """What a run of the notebook displayed: figures, tables and sentences, and the takeaway."""

    figures: int
    tables: str
    sentences: str
    takeaway: str
    numbers: list


@pytest.fixture
def notebook(monkeypatch):
    """A function that runs the notebook's cells with these parameters; what they displayed."""

    def run(**given: Any) -> Shown:
        calls: list = []
        for module in (language, evidence, own_migrations, own_report):
            monkeypatch.setattr(module, "display", lambda data, **options: calls.append((data, options)))
        names: dict[str, Any] = {"In": []}
        for source, tags in CELLS:
            names["In"].append(source)
            exec(source, names)
            if "parameters" in tags:
                names.update(given)
                names["In"].append("\n".join(f"{name} = {value!r}" for name, value in given.items()))
        return shown(calls)

    return run


def shown(calls):
    """The calls of display, sorted by what they are."""
    plain = [data for data, _ in calls if isinstance(data, dict)]
    ((last, how),) = [(d, o) for d, o in calls if role(o) == "takeaway"]
    return Shown(
        sum("image/png" in options.get("metadata", {}) for _, options in calls),
        " ".join(data.get("text/html", "") for data in plain if data is not last),
        " ".join(data.data for data, _ in calls if hasattr(data, "data")),
        " ".join(last["text/plain"].split()),
        how["metadata"]["study"]["numbers"],
    )


def role(options):
    return options.get("metadata", {}).get("study", {}).get("role")


@pytest.mark.slow
@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_every_file_that_is_read_gives_a_report(notebook, path):
    """Pictures with the model's answer, besides that of watching, or what is lacking; numbers are never nan.

    Others: one sentence.
    """
    if path.name in NOT_READ:
        with pytest.raises(UserError, match=NOT_READ[path.name]):
            notebook(files=[str(path)])
        return
    seen = notebook(files=[str(path)])
    modelled = "The model, " in seen.takeaway
    assert modelled == (seen.figures > 1) != ("The model says nothing of it yet: " in seen.takeaway)
    assert modelled or "Nothing is modelled of this migration" in seen.sentences
    assert 2 <= len(seen.numbers) <= 4
    assert not re.search(r"\bnan\b|\binf\b", seen.takeaway + seen.sentences + str(seen.numbers))


COUNTERS = ["typeperf-interleaved.csv", "get-counter-readings.csv", "counters_begun_anew.csv"]


@pytest.mark.slow
@pytest.mark.parametrize("name", COUNTERS)
def test_the_one_option_to_add_is_enough(notebook, name):
    """Of counters without memory the report says `-p memory_gib 64`; with it the migration is modelled."""
    alone = notebook(files=[str(next(FOLDER.rglob(name)))])
    assert "how much memory the machine has is not recorded" in alone.takeaway
    said = re.search(r"add -p (memory_gib) (\d+) to the command", alone.takeaway)
    whole = notebook(files=[str(next(FOLDER.rglob(name)))], **{said[1]: float(said[2])})
    assert "The model, taken from its own passes" in whole.takeaway
    assert whole.figures >= 2


def test_events_say_all_that_they_lack(notebook):
    """Events tell neither memory nor bytes nor pages: no single option is promised to mend that."""
    seen = notebook(files=[str(FOLDER / "events.csv")])
    assert "The migration web took 12 s; the machine was frozen for 1 s of it." in seen.takeaway
    assert "how much memory" in seen.takeaway
    assert "neither the bytes sent" in seen.takeaway
    assert "to the command" not in seen.takeaway
    assert "No pass of web is recorded" in seen.sentences


def test_looks_without_a_model_are_a_table(notebook):
    """Counters without memory show their passes as they were counted: 9,000 dirty pages after the first."""
    seen = notebook(files=[str(FOLDER / "typeperf.csv")])
    assert "Looks at the dirty pages of web" in seen.tables
    assert "9,000" in seen.tables


def test_what_never_ended_can_be_looked_at(notebook):
    """A migration that is left out of the model may be asked for: the report says why it is left out."""
    path = str(FOLDER / "silent" / "counters_given_up.csv")
    assert "end not told" in notebook(files=[path], migration="web").takeaway


def test_a_wrong_key_or_windows_is_still_a_mistake(notebook):
    """Nothing is reported of a migration that is not there, nor of a Windows behind QEMU's files."""
    path = str(FOLDER / "qemu.jsonl")
    with pytest.raises(UserError, match="there is no completed migration 'x'; there are qemu"):
        notebook(files=[path], migration="x")
    with pytest.raises(UserError, match="none of the files is of Hyper-V"):
        notebook(files=[path], windows="windows_2022")
    with pytest.raises(UserError, match="there is no completed migration 'x'; there are web"):
        notebook(files=[str(FOLDER / "typeperf.csv")], migration="x")
