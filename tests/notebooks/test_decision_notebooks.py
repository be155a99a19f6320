"""The notebooks on advice and on clients: their cells one after the other, and in real kernels by night."""

import json
from pathlib import Path

import matplotlib.pyplot as plt
import nbformat
import pytest

from analysis.batch import forked
from analysis.batch.execution import Run, execute, kernel_environment
from analysis.figures import evidence, language

FOLDER = Path(__file__).resolve().parents[2] / "notebooks"
RUNS = {
    "12-advice": ({"memory_gib": 16.0, "at_hand": "", "machines": 4}, "Change first"),
    "13-what-clients-feel": ({"memory_gib": 16.0, "relearn_ms": 12000.0}, "Connections may drop"),
}


def held(shown, said):
    """One takeaway that says what is expected, and figures with an alternative text each."""
    takeaways = [data for data, meta in shown if meta.get("study", {}).get("role") == "takeaway"]
    assert len(takeaways) == 1
    assert said in takeaways[0]["text/plain"]
    alts = [meta["image/png"]["alt"] for _, meta in shown if "image/png" in meta]
    assert alts
    assert all(len(alt) > 40 for alt in alts)


@pytest.mark.parametrize("name", RUNS)
def test_the_cells_end_in_an_answer(name, monkeypatch):
    """Run in this process with other parameters than its own, it shows figures and ends in an answer."""
    shown = []
    for module in (language, evidence):
        monkeypatch.setattr(module, "display", lambda data, **more: shown.append((data, more["metadata"]))
                            if "metadata" in more else None)  # fmt: skip
    plt.switch_backend("agg")
    given, said = RUNS[name]
    cells = json.loads((FOLDER / f"{name}.ipynb").read_text(encoding="utf-8"))["cells"]
    names: dict = {"In": []}
    for cell in (cell for cell in cells if cell["cell_type"] == "code"):
        source = "".join(cell["source"])
        names["In"].append(source)
        exec(source, names)
        if "parameters" in cell["metadata"]["tags"]:
            names |= given
    held(shown, said)
    if name == "12-advice":
        rows, table = names["rows"], names["told"].ranked_table(names["rows"], names["places"])
        assert len(names["places"]) == len(rows)
        assert all(link.address.startswith("#from=defaults&") for link in table["change"])


@pytest.mark.nightly
@pytest.mark.parametrize("name", RUNS)
def test_it_runs_in_a_kernel(name, repository, tmp_path):
    """By papermill's way, in a kernel forked as reports fork them."""
    path, (given, said) = repository / "notebooks" / f"{name}.ipynb", RUNS[name]
    with kernel_environment(), forked.manager([path.read_bytes()]) as manager:
        _, error = execute(Run(name, path, given), tmp_path / path.name, manager=manager)
    assert error is None
    cells = nbformat.read(tmp_path / path.name, as_version=4).cells
    outputs = [output for cell in cells for output in cell.get("outputs", [])]
    held([(o.get("data"), o.get("metadata", {})) for o in outputs], said)
