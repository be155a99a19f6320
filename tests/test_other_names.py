"""What other systems call the study's parameters leads to ours."""

import pandas as pd
import pytest
from click.testing import CliRunner

from analysis.__main__ import main
from analysis.model.migration import migrate
from analysis.other_names import _CALLED, counterpart
from analysis.parameters import PARAMETERS, ParameterError, check, meant


@pytest.mark.parametrize(
    ("option", "ours"),
    [
        ("--downtime-limit", "--blackout-target-ms"),
        ("--concurrent", "--background-share"),
        ("--bandwidth", "--bandwidth-gbps"),
        ("--dirty-rate", "--dirty-pages-per-s"),
        ("--vcpus", "--state-mib"),
        ("--max-bandwidth", "--bandwidth-gbps"),
        ("--multifd-channels", "--streams"),
        ("--maxDowntime", "--blackout-target-ms"),
        ("--mtu", "--mtu-bytes"),
        ("--memory", "--memory-gib"),
        ("--bandwith-gbps", "--bandwidth-gbps"),
    ],
)
def test_predict_names_our_option(option, ours):
    """Another system's word is answered with ours; a slip of the finger is still understood too."""
    result = CliRunner().invoke(main, ["predict", option, "300"])
    assert result.exit_code == 2
    assert f"Did you mean '{ours}'?" in result.stderr


def test_where_the_thing_is_another_it_is_said():
    """Several migrations at once are no parameter, and processors count only through their state."""
    result = CliRunner().invoke(main, ["predict", "--concurrent", "2"])
    assert "(one migration is predicted at a time, others at once are traffic beside it)" in result.stderr
    with pytest.raises(ParameterError, match=r"did you mean 'state_mib'\? \(processors count only through"):
        check({"vCPUs": 4})


def test_every_name_of_ours_is_one():
    """The table leads to parameters that are there, and none of its names is a parameter's own."""
    assert set(_CALLED) <= set(PARAMETERS)
    theirs = [name for names in _CALLED.values() for name in names.split()]
    assert len(theirs) == len(set(theirs)) > 100
    assert not set(theirs) & set(PARAMETERS)


def test_only_a_name_that_may_be_given_is_offered():
    """Where ours cannot be given either, spelling decides."""
    assert counterpart("downtime", ["memory_gib"]) == ""
    assert meant("memory_gb", ["memory_gib", "state_mib"]) == "memory_gib"


def test_a_column_of_labels_may_have_such_a_name():
    """A table's column `method` or `vcpus` is carried along: only near spellings of ours are refused."""
    table = migrate(pd.DataFrame({"method": ["precopy"], "vcpus": [4], "memory_gib": [8]}))
    assert table.loc[0, "method"] == "precopy"
