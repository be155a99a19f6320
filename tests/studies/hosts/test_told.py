"""A reader's own files as far as they go: which migration is looked at, and what it lacks."""

import pytest

from analysis.errors import UserError
from analysis.observations.record import Notes, record
from analysis.studies.hosts.host import Estimate, Host, without_link
from analysis.studies.hosts.told import ADD_MEMORY, told


def found(*rows):
    """A record of completed migrations that tell nothing but how long they took."""
    whole = [{"status": "completed", "source_file": "x.log", "source_line": 1} | row for row in rows]
    return record("events", Notes("x.log"), whole)


def test_of_what_cannot_be_modelled_the_longest_is_looked_at():
    """Its memory is not told: that is said, with the option that mends it, and there is no scenario."""
    rows = found({"migration": "a", "measured_total_s": 3.0}, {"migration": "b", "measured_total_s": 9.0})
    here = told(rows)
    assert (here.key, here.row.measured_total_s) == ("b", 9.0)
    assert here.lacks
    assert here.fitted.how == "not fitted"
    assert (len(here.scenario), here.case) == (0, {})
    assert told(rows, "a").key == "a"
    assert here.add in (ADD_MEMORY, "")
    with pytest.raises(UserError, match="there is no completed migration 'c'; there are a, b"):
        told(rows, "c")


def test_files_without_a_migration_say_so():
    """Nothing is looked at, and no option would help."""
    here = told(found())
    assert (here.key, here.row, here.add) == ("", None, "")
    assert here.lacks == ("the files hold no completed migration",)


def test_without_what_it_says_of_the_link_a_host_keeps_the_rest():
    """Of line rate, set-up and a factor on the connection's core the set-up stays, known as it was."""
    own = {name: Estimate(name, 2.0, 1.0, 3.0) for name in ("bandwidth_gbps", "setup_s", "stream_limit_gbps")}
    host = Host("h", (own["bandwidth_gbps"], own["setup_s"]), (own["stream_limit_gbps"],),
                correlation=((1.0, 0.1, 0.2), (0.1, 1.0, 0.3), (0.2, 0.3, 1.0)))  # fmt: skip
    rest = without_link(host)
    assert (rest.parameters, rest.scales, rest.correlation) == ((own["setup_s"],), (), ((1.0,),))
