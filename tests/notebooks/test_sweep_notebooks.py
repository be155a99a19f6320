"""The four sweep notebooks, executed with small parameters in real kernels, and their reports."""

import re

import nbformat
import papermill
import pytest
from bs4 import BeautifulSoup

from analysis.batch import pool, run
from analysis.batch.execution import Run
from analysis.batch.progress import Lines
from analysis.pages import html
from tests import screens

SMALL = {"map_points": 20}
RUNS = {
    "01-bandwidth": (
        SMALL | {"bandwidth_gbps_values": [1.0, 10.0]},
        SMALL | {"bandwidth_gbps": 1.0, "dirty_pages_per_s": 0.0, "bandwidth_gbps_values": [1, 2, 5]},
    ),
    "02-buffers": (
        SMALL | {"receive_buffers_values": [16, 1024]},
        SMALL | {"receive_buffers": 32, "receive_delay_us": 1000.0, "receive_delay_us_values": [1000]},
    ),
    "03-dirty-rate": (
        {"dirty_pages_per_s_values": [1000, 100000]},
        {"bandwidth_gbps": 1.0, "write_pattern_values": ["uniform", "zipf"], "stop_rule": "xen"},
    ),
    "04-compression": (
        SMALL | {"bandwidth_gbps_values": [1.0, 10.0]},
        SMALL | {"spare_cores": 0.0, "compression_ratio": 1.2, "bandwidth_gbps": 40.0},
    ),
}
SAYS = {
    "01-bandwidth": (r"On \*\*10 Gbit/s\*\*", r"On \*\*1 Gbit/s\*\*"),
    "02-buffers": (r"gains nothing", r"\*\*helps\*\*"),
    "03-dirty-rate": (r"On 10 Gbit/s", r"On 1 Gbit/s"),
    "04-compression": (r"\*\*4 spare cores\*\*", r"\*\*0 spare cores\*\* gains nothing"),
}


@pytest.fixture(scope="module")
def reports(repository, tmp_path_factory, machine_code):
    """The folder of reports, and what became of each notebook run with small and with other values."""
    out, quiet = tmp_path_factory.mktemp("reports"), Lines(lambda line: None)
    paths = {name: repository / "notebooks" / f"{name}.ipynb" for name in RUNS}
    runs = {(name, i): Run(f"{name}--{i}", paths[name], RUNS[name][i]) for name in RUNS for i in (0, 1)}
    tasks = [pool.Task(one, one.notebook.read_bytes(), "") for one in runs.values()]
    done = {outcome.run.name: outcome for outcome in run.execute_all(tasks, out, 2, None, quiet)}
    run.gather(out)
    return out, {key: done[one.name] for key, one in runs.items()}


@pytest.fixture(scope="module")
def executed(reports):
    """The notebook of each run, with what it printed and drew."""
    out, outcomes = reports
    assert [outcome.failure for outcome in outcomes.values() if outcome.failure] == []
    kept = {key: out / "executed" / f"{outcome.run.name}.ipynb" for key, outcome in outcomes.items()}
    return {key: nbformat.read(path, as_version=4) for key, path in kept.items()}


def outputs(notebook):
    """All outputs of a notebook."""
    return [output for cell in notebook.cells for output in cell.get("outputs", [])]


def takeaway(notebook):
    """The markdown of the one takeaway, with ordinary spaces."""
    (found,) = [output for output in outputs(notebook) if html.role_of(output) == "takeaway"]
    return " ".join(found["data"]["text/markdown"].split())


@pytest.mark.slow
@pytest.mark.parametrize("name", RUNS)
def test_takeaway_follows_the_parameters(executed, name):
    """Each run concludes with numbers of its own parameters, and other parameters conclude otherwise."""
    first, second = (takeaway(executed[name, i]) for i in (0, 1))
    for text, said in zip((first, second), SAYS[name], strict=True):
        assert re.search(said, text), text
        assert not re.search(r"\bnan\b|\binf\b|None", text)
        assert re.search(r"\*\*[\d.,]+", text)
    assert first != second


@pytest.mark.slow
@pytest.mark.parametrize("name", RUNS)
def test_every_picture_has_an_alternative_text(executed, name):
    """Three or four figures, each with a text that says what is seen, and the text follows the numbers."""
    alts = []
    for i in (0, 1):
        pictures = [o for o in outputs(executed[name, i]) if "image/png" in o.get("data", {})]
        alts.append([o.metadata["image/png"]["alt"] for o in pictures])
        assert len(pictures) >= 3
        assert min(len(text) for text in alts[-1]) > 100
    assert set(alts[0]).isdisjoint(set(alts[1]) - set(alts[0])) or alts[0] != alts[1]


@pytest.mark.slow
@pytest.mark.parametrize("name", RUNS)
def test_nothing_is_warned_of(executed, name):
    """No cell writes to standard error: a warning in a report is noise for its reader."""
    for i in (0, 1):
        streams = [o.text for o in outputs(executed[name, i]) if o.output_type == "stream"]
        assert streams == []


@pytest.mark.slow
@pytest.mark.parametrize("name", RUNS)
def test_parameters_are_visible(executed, name):
    """The table of parameters is in the report, since the cell with them is folded."""
    pages = [o["data"].get("text/html", "") for o in outputs(executed[name, 1]) if "data" in o]
    assert any("<caption>Parameters of this run" in page for page in pages)
    assert any("changed from" in page for page in pages)


@pytest.mark.parametrize("name", RUNS)
def test_papermill_explains_every_parameter(repository, name):
    """papermill reads name, type, default and help of every parameter."""
    for parameter in papermill.inspect_notebook(str(repository / "notebooks" / f"{name}.ipynb")).values():
        assert parameter["inferred_type_name"] not in ("", "None")
        assert re.search(r"\[.+\]", parameter["help"]), parameter


@pytest.mark.slow
def test_the_studys_own_reports(reports, executed, browser, axe, look_at, begins_with_the_answer):
    """Real reports: answer first, whole on paper, nothing grave for axe-core, under 2 MB, no request."""
    out, outcomes = reports
    faults = {}
    for file in [out / "index.html", *(outcomes[name, 0].html for name in RUNS)]:
        page = browser.new_page(viewport={"width": 1000, "height": 800})
        page.goto(file.as_uri())
        faults[file.name] = axe(page) + look_at(file)
        page.close()
        if file.stem == "index":
            faults[file.name] += screens.faults_on_paper(browser, file, screens.LONG_SIDE)
        else:
            faults[file.name] += begins_with_the_answer(file)
        assert file.stat().st_size < 2_000_000
    assert {name: found for name, found in faults.items() if found} == {}
    assert [outcome.run.name for outcome in outcomes.values() if not outcome.record["rows"]] == []


def test_cards_name_their_machine_and_answer_in_a_sentence(reports, executed):
    """Memory and line rate of the machine that a card speaks of; at most 30 words that end in a full stop."""
    cards = [outcome.record["card"] for outcome in reports[1].values()]
    machines = [card["machine"].replace("\N{NO-BREAK SPACE}", " ") for card in cards]
    assert [told for told in machines if not re.match(r"[\d.,]+ GiB, .*Gbit/s$", told)] == []
    said = [BeautifulSoup(card["takeaway"], "html.parser").get_text() for card in cards]
    assert [text for text in said if len(text.split()) > 30 or not text.endswith(".")] == []
