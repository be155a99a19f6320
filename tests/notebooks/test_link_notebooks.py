"""The notebooks on transports, networks and measured rings, executed by papermill in real kernels."""

import copy
import re
from concurrent.futures import ThreadPoolExecutor

import nbformat
import papermill
import pytest

from analysis.batch.execution import Run, execute, kernel_environment

SMALL_MAP = {"map_points": 12}
RUNS = {
    "02-buffers": (
        SMALL_MAP | {"receive_buffers": 64, "receive_delay_us": 500.0, "scaled_gbps_values": [25.0, 40.0]},
    ),
    "06-transports": (
        SMALL_MAP,
        SMALL_MAP | {"bandwidth_gbps": 100.0, "spare_cores": 0.5, "host_version": "windows_2019"},
    ),
    "07-dedicated-network": (
        {"draws": 300, "memory_gib": 8.0, "machines": 5, "window_min": 1.0},
        {
            "draws": 300,
            "memory_gib": 8.0,
            "machines": 5,
            "window_min": 1.0,
            "background_share": 0.6,
            "seed": 2,
        },
    ),
}
TABLES = {
    "02-buffers": ("by what was varied", "receive buffers carry 95", "ConnectX-3", "outside|measured"),
    "06-transports": ("Windows Server", "xpress-lz77-ms-0", "likely cause of a miss", "adapters of the node"),
    "07-dedicated-network": ("coefficient of variation", "1 flow, always on"),
}


@pytest.fixture(scope="module")
def executed(repository, tmp_path_factory, kernels):
    """Each notebook with each set of parameters, side by side, in kernels that are forks of one process."""
    folder = tmp_path_factory.mktemp("executed")
    paths = {name: repository / "notebooks" / f"{name}.ipynb" for name in RUNS}

    def run(name, number):
        target = folder / f"{name}-{number}.ipynb"
        _, error = execute(Run(name, paths[name], RUNS[name][number]), target, manager=kernels)
        if error:
            raise error
        return nbformat.read(target, as_version=4)

    with kernel_environment(), ThreadPoolExecutor(2) as pool:
        jobs = {(name, i): pool.submit(run, name, i) for name in RUNS for i in range(len(RUNS[name]))}
        return {key: job.result() for key, job in jobs.items()}


def outputs(notebook):
    """All outputs of a notebook."""
    return [output for cell in notebook.cells for output in cell.get("outputs", [])]


def takeaway(executed, name, number):
    """The markdown of the one takeaway of a run, with ordinary spaces."""
    said = {
        o["metadata"].get("study", {}).get("role"): o for o in outputs(executed[name, number]) if "data" in o
    }
    one = said["takeaway"]
    return " ".join(one["data"]["text/markdown"].split())


@pytest.mark.slow
def test_buffers_to_set(executed):
    """The administrator's one line: buffers for 95 and 99 %, the second more than the first."""
    text = takeaway(executed, "02-buffers", 0)
    few, many = re.search(r"\*\*([\d,]+)\*\* for 95 % and \*\*([\d,]+)\*\* for 99 %", text).groups()
    assert 64 < int(few.replace(",", "")) < int(many.replace(",", ""))
    assert "**helps**" in text
    assert re.search(r"off by \*\*[\d.]+ %\*\* in the median", text)


@pytest.mark.slow
def test_option_to_take(executed):
    """The best option follows link, cores and version; only a version with a limit on SMB speaks of it."""
    texts = [takeaway(executed, "06-transports", i) for i in (0, 1)]
    best = [re.search(r"take \*\*([^*]+)\*\*", text)[1] for text in texts]
    assert best == ["Compression", "SMB Direct"]
    assert "with the limit on SMB lifted" in texts[0]
    assert "limit on SMB" not in texts[1]


@pytest.mark.slow
def test_blind_predictions_do_not_depend_on_the_parameters(executed):
    """What was published and predicted is the same in every run."""
    said = {
        re.search(r"Of 12 published times \d+ .*", takeaway(executed, "06-transports", i))[0] for i in (0, 1)
    }
    assert len(said) == 1


@pytest.mark.slow
def test_worth_of_a_dedicated_network(executed):
    """95th percentile, mean and coefficient of variation on both networks; more traffic costs more."""
    patterns = (
        r"at most \*\*([\d.]+) s\*\* on the \*\*dedicated\*\* network and at most \*\*([\d.]+) s\*\*",
        r"On the mean it takes \*\*([\d.]+) s\*\* against \*\*([\d.]+) s\*\*",
        r"variation of \*\*([\d.]+) %\*\* against \*\*([\d.]+) %\*\*",
    )
    texts = [takeaway(executed, "07-dedicated-network", i) for i in (0, 1)]
    runs = [[tuple(map(float, re.search(one, text).groups())) for one in patterns] for text in texts]
    assert all(dedicated < shared for run in runs for dedicated, shared in run)
    assert runs[0][1][1] < runs[1][1][1]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["06-transports", "07-dedicated-network"])
def test_report_begins_with_the_answer(executed, begins_with_the_answer, name):
    """Question, answer, numbers and figure in the first window; tables and figures whole on paper."""
    assert begins_with_the_answer(copy.deepcopy(executed[name, 0])) == []


@pytest.mark.slow
def test_the_measured_spread_is_judged(executed):
    """The takeaway says whether direction and size of the measured spread are reproduced."""
    text = takeaway(executed, "07-dedicated-network", 0)
    assert "reproduces the direction of the measured spread, within what 6 runs scatter also its size" in text


@pytest.mark.slow
def test_chances_fall_with_more_traffic(executed):
    """A window that is kept on the dedicated network is kept less often on the shared one."""
    text = takeaway(executed, "07-dedicated-network", 1)
    assert re.search(r"chance of \*\*more than 99 %\*\* against \*\*(\d+|less than 1) %\*\*", text), text


@pytest.mark.slow
@pytest.mark.parametrize(("name", "number"), [(name, i) for name in RUNS for i in range(len(RUNS[name]))])
def test_form_of_a_run(executed, name, number):
    """Figures with alternative texts, the tables, no warning, no number that is none."""
    found = outputs(executed[name, number])
    alts = [o.metadata["image/png"]["alt"] for o in found if "image/png" in o.get("data", {})]
    assert len(alts) == 4
    assert min(len(text) for text in alts) > 100
    assert [o.text for o in found if o.output_type == "stream"] == []
    pages = "".join(o["data"].get("text/html", "") for o in found if "data" in o)
    # A panel's script knows these words; what a reader sees is looked at.
    pages = re.sub(r"<script.*?</script>", "", pages, flags=re.DOTALL)
    for words in TABLES[name]:
        assert re.search(words, pages), words
    for text in [*alts, pages, takeaway(executed, name, number)]:
        assert not re.search(r"\bnan\b|\binf\b|\bNone\b", text), text


@pytest.mark.parametrize("name", RUNS)
def test_papermill_explains_every_parameter(repository, name):
    """papermill reads name, type, default and help of every parameter."""
    for parameter in papermill.inspect_notebook(str(repository / "notebooks" / f"{name}.ipynb")).values():
        assert parameter["inferred_type_name"] not in ("", "None")
        assert re.search(r"\[.+\]", parameter["help"]), parameter


@pytest.mark.parametrize("name", RUNS)
def test_a_notebook_is_thin(repository, name):
    """At most 70 lines of code beside the parameters."""
    cells = nbformat.read(repository / "notebooks" / f"{name}.ipynb", as_version=4).cells
    code = [
        c.source for c in cells if c.cell_type == "code" and "parameters" not in c.metadata.get("tags", [])
    ]
    assert sum(len(source.splitlines()) for source in code) <= 70
