"""The README's figures are what its commands print, and its files exist."""

import re
import shlex
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from analysis.__main__ import main
from analysis.observations.lab import DATA
from analysis.studies.sweeps import designs
from analysis.studies.sweeps.sweep import sweep

ROOT = DATA.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def block(name: str) -> str:
    """The text between the marks of a block of figures."""
    return re.search(rf"<!-- figures: {name} -->\n```\n(.*?)```\n<!-- /figures -->", README, re.DOTALL)[1]


def test_the_error_table_is_what_the_command_prints():
    """`python -m analysis validate data/migrations.csv` prints the table that the README shows."""
    printed = CliRunner().invoke(main, ["validate", str(DATA / "migrations.csv")]).stdout
    assert block("validate") == printed


def test_the_table_of_the_link_is_what_the_command_prints():
    """`python -m analysis validate data/buffers.csv` prints the table that the README shows."""
    printed = CliRunner().invoke(main, ["validate", str(DATA / "buffers.csv")]).stdout
    assert block("buffers") == printed


@pytest.mark.parametrize("link", re.findall(r"\]\(([^)#:]+)\)", README))
def test_every_file_that_the_readme_names_exists(link):
    """Links and pictures lead somewhere."""
    assert (ROOT / link).exists()


def test_every_notebook_is_in_the_readme():
    """The table of notebooks lists all of them."""
    listed = set(re.findall(r"\(notebooks/([\w-]+\.ipynb)\)", README))
    assert listed == {path.name for path in Path(ROOT / "notebooks").glob("*.ipynb")}


@pytest.mark.parametrize("line", re.findall(r"^python -m analysis (predict .*)$", README, re.MULTILINE))
def test_every_prediction_of_the_readme_runs(line):
    """Commands shown to a reader work as they stand."""
    result = CliRunner().invoke(main, shlex.split(line, comments=True))
    assert result.exit_code == 0, result.stderr


def test_the_design_of_the_readme_is_swept(tmp_path):
    """The design file as it is shown is read, and a small one of its kind gives the three tables."""
    text = re.search(r"<!-- design -->\n```yaml\n(.*?)```", README, re.DOTALL)[1]
    content = yaml.safe_load(text)
    assert designs.parse(content).rows == 200 * 200 * 10 * 3 * 3
    for name in ("bandwidth_gbps", "dirty_pages_per_s"):
        content["parameters"][name]["count"] = 3
    swept = sweep(content, tmp_path / "sweep")
    assert set(swept.tables) == {"spread", "pauses", "choice"}
    assert swept.rows == swept.tables["spread"]["rows"].sum() == swept.tables["pauses"]["rows"].sum() == 810
