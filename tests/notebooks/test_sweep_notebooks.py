"""The four sweep notebooks, executed by papermill with small parameters in a real kernel."""

import re
from concurrent.futures import ThreadPoolExecutor

import nbformat
import papermill
import pytest

from analysis.batch.execution import Run, execute, kernel_environment
from analysis.pages import html

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
    "04-compression": (r"\*\*4 spare cores\*\*", r"\*\*0 spare cores\*\* makes the migration \*\*1 times"),
}


@pytest.fixture(scope="module")
def executed(repository, tmp_path_factory):
    """Each notebook twice, with small and with other parameters, side by side in fresh kernels."""
    folder = tmp_path_factory.mktemp("executed")

    def run(name, number):
        source, target = repository / "notebooks" / f"{name}.ipynb", folder / f"{name}-{number}.ipynb"
        _, error = execute(Run(name, source, RUNS[name][number]), target)
        if error:
            raise error
        return nbformat.read(target, as_version=4)

    with kernel_environment(), ThreadPoolExecutor(2) as pool:
        jobs = {(name, i): pool.submit(run, name, i) for name in RUNS for i in (0, 1)}
        return {key: job.result() for key, job in jobs.items()}


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
