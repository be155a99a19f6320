"""The notebooks on advice and on clients, executed in real kernels."""

import nbformat
import pytest

from analysis.batch import forked
from analysis.batch.execution import Run, execute, kernel_environment

RUNS = {
    "12-advice": ({"memory_gib": 16.0, "at_hand": "", "machines": 4}, "Change first"),
    "13-what-clients-feel": ({"memory_gib": 16.0, "relearn_ms": 12000.0}, "Connections may drop"),
}


@pytest.fixture(scope="module")
def outputs(repository, tmp_path_factory):
    """What each notebook showed, with other parameters than its own, in kernels forked from one process."""
    folder, found = tmp_path_factory.mktemp("executed"), {}
    paths = {name: repository / "notebooks" / f"{name}.ipynb" for name in RUNS}
    with kernel_environment(), forked.manager([path.read_bytes() for path in paths.values()]) as manager:
        for name, path in paths.items():
            _, error = execute(Run(name, path, RUNS[name][0]), folder / path.name, manager=manager)
            if error:
                raise error
            cells = nbformat.read(folder / path.name, as_version=4).cells
            found[name] = [output for cell in cells for output in cell.get("outputs", [])]
    return found


@pytest.mark.parametrize("name", RUNS)
def test_the_notebook_ends_in_its_takeaway(name, outputs):
    """It shows its figure with a text, and ends in an answer for what it was given."""
    shown = outputs[name]
    takeaways = [o for o in shown if o.get("metadata", {}).get("study", {}).get("role") == "takeaway"]
    assert len(takeaways) == 1
    assert RUNS[name][1] in takeaways[0]["data"]["text/plain"]
    alts = [o["metadata"]["image/png"]["alt"] for o in shown if "image/png" in o.get("data", {})]
    assert alts
    assert all(len(alt) > 40 for alt in alts)
