"""The notebooks on the first lever and on what is needed, executed in real kernels."""

import re
from concurrent.futures import ThreadPoolExecutor

import nbformat
import pytest

from analysis.batch.execution import Run, execute, kernel_environment

RUNS = {
    "10-first-lever": ({"samples": 64, "ranges": ["bandwidth_gbps", "memory_gib"]}, "The first lever", 2),
    "11-what-is-needed": ({"total_s": 60.0, "memory_gib_values": [16]}, "It takes a line rate of", 1),
}


@pytest.mark.thorough
@pytest.mark.slow
@pytest.mark.parametrize("name", RUNS)
def test_the_answer_its_figures_and_no_warning(repository, tmp_path, kernels, name, begins_with_the_answer):
    """The takeaway answers first, figures have alternative texts, nothing is printed, the page reads well."""
    given, said, figures = RUNS[name]
    target = tmp_path / "out.ipynb"
    one = Run(name, repository / "notebooks" / f"{name}.ipynb", given)
    # In a thread of its own: the browser keeps an event loop running in this one.
    with kernel_environment(), ThreadPoolExecutor(1) as pool:
        _, error = pool.submit(execute, one, target, manager=kernels).result()
    assert error is None
    notebook = nbformat.read(target, as_version=4)
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    assert [output for output in outputs if output.output_type == "stream"] == []
    alts = [o.metadata["image/png"]["alt"] for o in outputs if "image/png" in o.get("data", {})]
    assert len(alts) == figures
    assert min(map(len, alts)) > 100
    told = {o.metadata.get("study", {}).get("role"): o for o in outputs if "data" in o}
    text = told["takeaway"]["data"]["text/markdown"]
    assert text.startswith(said)
    assert not re.search(r"\bnan\b|\binf\b|None", text)
    assert begins_with_the_answer(notebook) == []
    code = [
        c.source
        for c in notebook.cells
        if c.cell_type == "code" and "parameters" not in c.metadata.get("tags", [])
    ]
    assert sum(len(source.splitlines()) for source in code) <= 70
