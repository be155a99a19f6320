"""What a person sees of the public functions before calling them."""

import inspect
import subprocess
import sys

import pytest
from IPython.core.completer import provisionalcompleter
from IPython.core.interactiveshell import InteractiveShell

import analysis
from analysis.model.migration import ceilings, migrate
from analysis.parameters import PARAMETERS, ParameterError


@pytest.mark.parametrize("function", [analysis.migrate, analysis.passes, ceilings], ids=lambda f: f.__name__)
def test_the_signature_names_every_parameter(function):
    """Names and defaults as keywords, in the order of the table; range and unit as the annotation."""
    scenarios, *named = inspect.signature(function).parameters.values()
    assert scenarios.kind is inspect.Parameter.POSITIONAL_ONLY
    assert [parameter.name for parameter in named] == list(PARAMETERS)
    for parameter in named:
        ours = PARAMETERS[parameter.name]
        assert parameter.kind is inspect.Parameter.KEYWORD_ONLY
        assert parameter.default == (None if ours.default != ours.default else ours.default)
        assert parameter.annotation.endswith(f"[{ours.unit}]" if ours.unit else ours.rule.removeprefix("a "))


def test_the_signature_by_hand():
    """What Shift-Tab shows of a share, of a number that a preset stands behind, and of a word."""
    text = str(inspect.signature(migrate))
    assert "resident_share: 'number from 0 to 1 [0-1]' = 0.9" in text
    assert "streams: 'whole number from 1 to 1024 [connections]' = None" in text
    assert "network: 'one of dedicated, shared' = 'dedicated'" in text


@pytest.mark.parametrize("name", ["migrate", "passes", "predict"])
def test_the_documentation_tells_all_of_each(name):
    """Unit, range, default and meaning of every parameter, after what the function says of itself."""
    text = inspect.getdoc(getattr(analysis, name))
    assert "memory_gib : number from 0.001 to 262144 [GiB], default 16.0" in text
    for parameter in PARAMETERS.values():
        assert f"\n{parameter.name} : " in text
        assert f"\n    {parameter.meaning}" in text


def test_tab_completes_the_names():
    """IPython offers the parameters within the brackets of a call."""
    shell = InteractiveShell.instance()
    shell.user_ns["migrate"] = migrate
    with provisionalcompleter():
        found = {c.text for c in shell.Completer.completions("migrate(mem", len("migrate(mem"))}
        assert "memory_gib=" in found
        wider = {c.text for c in shell.Completer.completions("migrate(memory_gib=4, back", 26)}
    assert {"background_share=", "background_burst_s="} <= wider


def test_what_is_called_stays_as_it_was():
    """Nothing is filled in by the signature: an unknown name is still told by the function."""
    assert next(iter(migrate(memory_gib=4))) == "memory_gib"
    with pytest.raises(ParameterError, match="did you mean 'memory_gib'"):
        migrate(memory_gb=4)


def test_importing_the_package_stays_free():
    """`import analysis` loads neither the table nor what makes signatures of it."""
    code = "import sys, analysis; print([name for name in sys.modules if name.startswith('analysis.')])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
