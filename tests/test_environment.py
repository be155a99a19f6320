"""One list of dependencies: environment.yml and constraints.txt say the same as pyproject.toml."""

import tomllib

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

# conda-forge's matplotlib brings Qt along; its matplotlib-base is what PyPI calls matplotlib.
CONDA_NAMES = {"matplotlib-base": "matplotlib"}
# Left to pip, which installs the study itself: small, pure, or not surely on conda-forge under that name.
BY_PIP = {"latex2mathml", "evtx", "playwright", "axe-playwright-python"}


@pytest.fixture(scope="module")
def project(repository):
    """The [project] table of pyproject.toml."""
    return tomllib.loads((repository / "pyproject.toml").read_text(encoding="utf-8"))["project"]


@pytest.fixture(scope="module")
def wanted(project):
    """Name and bounds of everything pyproject.toml asks for, with the extra for tests."""
    lines = project["dependencies"] + project["optional-dependencies"]["test"]
    return {canonicalize_name(r.name): r.specifier for r in map(Requirement, lines)}


@pytest.fixture(scope="module")
def conda(repository):
    """The content of environment.yml."""
    return yaml.safe_load((repository / "environment.yml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def pins(repository):
    """The lines of constraints.txt as requirements."""
    lines = (repository / "constraints.txt").read_text(encoding="utf-8").splitlines()
    return [Requirement(line) for line in lines if line and not line.startswith("#")]


def test_conda_has_the_same_names_and_bounds(conda, wanted):
    """Every package of pyproject.toml stands in environment.yml with the same bounds, and no other."""
    listed = map(Requirement, (line for line in conda["dependencies"] if isinstance(line, str)))
    found = {CONDA_NAMES.get(r.name, r.name): r.specifier for r in listed}
    del found["python"], found["pip"]
    assert found == {name: bounds for name, bounds in wanted.items() if name not in BY_PIP}


def test_conda_has_the_same_python(conda, project):
    """environment.yml asks for the Python that pyproject.toml asks for."""
    assert f"python{project['requires-python']}" in conda["dependencies"]


def test_conda_installs_the_study(conda):
    """pip adds the study itself, editable, with its extra for tests."""
    assert conda["dependencies"][-1] == {"pip": ["-e .[test]"]}


def test_conda_keeps_to_the_free_channel(conda):
    """Packages come from conda-forge alone; nodefaults keeps out the channel that companies pay for."""
    assert conda["channels"] == ["conda-forge", "nodefaults"]


@pytest.mark.parametrize("python", ["3.11", "3.12", "3.13"])
def test_constraints_pin_every_dependency_once(pins, wanted, python):
    """On each Python there is one tested version of every dependency, and it is within the bounds."""
    here = {"python_version": python, "python_full_version": f"{python}.0", "sys_platform": "linux"}
    valid = [pin for pin in pins if pin.marker is None or pin.marker.evaluate(here)]
    for name, bounds in wanted.items():
        versions = [str(pin.specifier).removeprefix("==") for pin in valid if pin.name == name]
        assert len(versions) == 1, name
        assert Version(versions[0]) in bounds, name


def test_constraints_name_no_host(repository):
    """A lock file with addresses would tell, and depend on, one machine's package index."""
    text = (repository / "constraints.txt").read_text(encoding="utf-8")
    assert "://" not in text
    assert " @ " not in text


def test_version_is_cited(project, repository):
    """CITATION.cff cites the version that pyproject.toml has, under the same licence."""
    citation = yaml.safe_load((repository / "CITATION.cff").read_text(encoding="utf-8"))
    assert (citation["version"], citation["license"]) == (project["version"], project["license"])
