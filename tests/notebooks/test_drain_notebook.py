"""The notebook on emptying a node, executed by papermill in a real kernel."""

import nbformat
import papermill
import pytest

from analysis.batch.execution import kernel_environment

RUNS = [
    {"tries": 20, "parallel_limits": [1, 2]},
    {
        "tries": 0,
        "parallel_limits": [1, 3],
        "nodes_file": "",
        "node": "node3",
        "host_version": "windows_2022",
    },
]


@pytest.mark.nightly
@pytest.mark.parametrize("values", RUNS)
def test_it_answers_and_draws(values, repository, tmp_path):
    """Two figures with alternative texts, four tables, a takeaway whose numbers are computed."""
    target = tmp_path / "out.ipynb"
    with kernel_environment():
        papermill.execute_notebook(
            repository / "notebooks" / "14-empty-a-node.ipynb", target, values, cwd=repository
        )
    outputs = [o for cell in nbformat.read(target, as_version=4).cells for o in cell.get("outputs", [])]
    pictures = [o for o in outputs if "image/png" in o.get("data", {})]
    assert len(pictures) == 2
    assert all(o["metadata"]["image/png"]["alt"] for o in pictures)
    said = [o for o in outputs if o.get("metadata", {}).get("study", {}).get("role") == "takeaway"]
    assert len(said) == 1
    text = said[0]["data"]["text/markdown"]
    assert text.startswith("The system empties the node in **")
    assert "nan" not in text
    assert sum("text/html" in o.get("data", {}) for o in outputs) >= 5
