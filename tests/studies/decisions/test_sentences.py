"""Words of answers, to the letter: number and verb agree, a time has the unit that a person would take."""

from types import SimpleNamespace

import numpy as np
import pandas as pd

from analysis.studies.decisions import advised, tornado
from analysis.studies.decisions.levers import LEVERS
from analysis.studies.decisions.words import noun_for


def test_one_thing_is_no_several():
    """Of what is counted one loses its s; a unit keeps it."""
    assert [noun_for(number, "adapters", "adapters") for number in (1, 2)] == ["adapter", "adapters"]
    assert noun_for(1, "pages", "pages/s") == "pages"


def test_ten_minutes_are_told_in_minutes():
    """Less in seconds."""
    assert (advised.seconds(599), advised.seconds(600.4)) == ("599 s", "10 min 00 s")


def test_where_a_lever_holds_everywhere_is_one_sentence():
    """Several gain, one gains; where the lever is not the first at all that is told instead."""
    assert [tornado._does(name, "gain") for name in ("cores", "line rate")] == ["gain", "gains"]
    told = SimpleNamespace(parameter="bandwidth_gbps", instead="", low=np.nan, here=True)
    assert tornado._where(told) == "Around this scenario, one at a time, that holds too."
    told.here = False
    assert tornado._where(told) == "Around this scenario no lever gains a hundredth."


def test_where_a_lever_would_be_first_is_told_with_both_ends():
    """Away from its stretch the ends are said to be elsewhere; within it, what comes beyond."""
    told = SimpleNamespace(parameter="bandwidth_gbps", instead="spare_cores", low=1, high=5, here=False)
    assert tornado._where(told) == (
        "Around this scenario, one at a time, **spare cores** gain more; "
        "line rate would be first from **1 Gbit/s** to **5 Gbit/s**."
    )
    told.here, told.beyond = True, ""
    assert tornado._where(told) == (
        "Around this scenario, one at a time, that holds for line rate from **1 Gbit/s** to **5 Gbit/s**; "
        "beyond that nothing gains more."
    )


def test_what_more_changes_would_gain_names_those_that_are_new():
    """A pair that is quicker than the single change in front: only its second change is said to be more."""
    one, other = LEVERS[:2]
    rows = pd.DataFrame({"levers": [(one,), (one, other)], "kind": ["single", "pair"], "size": [1, 2],
                         "total_s": [20.0, 15.0]})  # fmt: skip
    assert advised._more(rows, "total") == f"With {other.what} as well it would be 15 s."
