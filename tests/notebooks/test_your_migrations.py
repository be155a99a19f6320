"""The notebook on a reader's own migrations, executed with a file of one migration and nothing else known."""

import nbformat
import pytest

from analysis.observations.qmp import as_qmp, write_qmp
from analysis.reports import html
from analysis.reports.execution import Run, execute, kernel_environment


@pytest.mark.slow
def test_one_recorded_migration_is_enough(repository, tmp_path):
    """Timeline, passes and what would have helped, from a single file; nothing is warned of."""
    write_qmp(tmp_path / "one.jsonl", [
        {n: v for n, v in answer.items() if n != "known"} for answer in as_qmp(keys=["c3b3b7528679"])
    ])  # fmt: skip
    source, target = repository / "notebooks" / "09-your-migrations.ipynb", tmp_path / "out.ipynb"
    run = Run("09", source, {"files": [str(tmp_path / "one.jsonl")], "migration": ""})
    with kernel_environment():
        _, error = execute(run, target)
    assert error is None
    outputs = [o for cell in nbformat.read(target, as_version=4).cells for o in cell.get("outputs", [])]
    assert [o.text for o in outputs if o.output_type == "stream"] == []
    pictures = [o for o in outputs if "image/png" in o.get("data", {})]
    assert len(pictures) == 3
    assert min(len(o.metadata["image/png"]["alt"]) for o in pictures) > 60
    (takeaway,) = [o["data"]["text/markdown"] for o in outputs if html.role_of(o) == "takeaway"]
    assert "**22 s**" in " ".join(takeaway.split())
    assert "nan" not in takeaway
