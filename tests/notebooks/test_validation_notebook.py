"""The validation notebook, executed by papermill in a real kernel on a part of the data."""

import copy
import re

import nbformat
import pandas as pd
import papermill
import pytest
from jupyter_core.utils import ensure_event_loop

from analysis.observations.lab import DATA

NAME = "05-predicted-and-measured"


@pytest.fixture(scope="module")
def executed(repository, tmp_path_factory):
    """The notebook on every third migration, run from a folder that is not the repository's."""
    folder = tmp_path_factory.mktemp("executed")
    rows = pd.read_csv(DATA / "migrations.csv").iloc[::3]
    rows.to_csv(folder / "some.csv", index=False)
    given = {"migrations_file": str(folder / "some.csv"), "bandwidth_limit_gbps": 1.2, "shown_migrations": 3}
    target = folder / "run.ipynb"
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("IPYTHONDIR", str(folder / "ipython"))
        environment.setenv("PYTHONPATH", str(repository))
        environment.delenv("MPLBACKEND", raising=False)
        try:
            source = str(repository / "notebooks" / f"{NAME}.ipynb")
            papermill.execute_notebook(
                source, str(target), given, cwd=str(folder), progress_bar=False, autosave_cell_every=0
            )
        finally:
            # Jupyter opens a loop in each thread and leaves it open.
            ensure_event_loop().close()
    return nbformat.read(target, as_version=4)


def outputs(notebook):
    return [output for cell in notebook.cells for output in cell.get("outputs", [])]


def pages(notebook):
    return [o["data"]["text/html"] for o in outputs(notebook) if "text/html" in o.get("data", {})]


@pytest.mark.slow
def test_it_concludes_with_the_numbers_of_its_own_rows(executed):
    """The takeaway counts the chosen migrations and gives errors, verdict and coverage."""
    (said,) = [
        o for o in outputs(executed) if o.get("metadata", {}).get("study", {}).get("role") == "takeaway"
    ]
    text = " ".join(said["data"]["text/markdown"].split())
    rows = pd.read_csv(DATA / "migrations.csv").iloc[::3]
    chosen = rows.query("method == 'precopy' and cross_flows == 0 and link_mbit_per_s <= 1200")
    assert f"**{len(chosen)} real migrations**" in text
    assert re.search(r"\*\*[\d.]+% in the median\*\*", text)
    assert "held out" in text
    assert not re.search(r"\bnan\b|\binf\b|None", text)


@pytest.mark.slow
def test_rivals_and_claims_stand_in_one_table(executed):
    """Every rival, this study in and out of sample, and the papers' claims marked as theirs."""
    (page,) = [p for p in pages(executed) if "what papers claim" in p]
    for name in ("memory / bandwidth", "uniform saturation", "this study, in sample", "claimed in the paper"):
        assert name in page


@pytest.mark.slow
def test_coverage_of_held_out_groups_is_shown(executed):
    """The share of held-out migrations inside their intervals, for both groupings."""
    (page,) = [p for p in pages(executed) if "inside their intervals" in p]
    assert "write pattern" in page
    assert "link speed" in page


@pytest.mark.slow
def test_every_picture_has_an_alternative_text(executed):
    """Six figures, each with a text that says what is seen and has numbers in it."""
    pictures = [o for o in outputs(executed) if "image/png" in o.get("data", {})]
    alts = [o.metadata["image/png"]["alt"] for o in pictures]
    assert len(alts) == 6
    assert all(len(alt) > 100 and re.search(r"\d", alt) for alt in alts)


@pytest.mark.slow
def test_nothing_is_warned_of(executed):
    """No cell writes to standard error: a warning in a report is noise for its reader."""
    assert [o.text for o in outputs(executed) if o.output_type == "stream"] == []


@pytest.mark.slow
def test_report_begins_with_the_answer(executed, begins_with_the_answer):
    """Question, answer, numbers and figure in the first window; tables and figures whole on paper."""
    assert begins_with_the_answer(copy.deepcopy(executed)) == []


def test_papermill_explains_every_parameter(repository):
    """papermill reads name, type, default and help with its unit of every parameter."""
    found = papermill.inspect_notebook(str(repository / "notebooks" / f"{NAME}.ipynb"))
    assert {"migrations_file", "passes_file", "host_file"} <= set(found)
    for parameter in found.values():
        assert parameter["inferred_type_name"] not in ("", "None")
        assert re.search(r"\[.+\]", parameter["help"]), parameter
