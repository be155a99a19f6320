"""A reader's own files as far as they go: which migration is looked at, and what it lacks."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from analysis.errors import UserError
from analysis.observations.record import Notes, record
from analysis.studies.hosts import calibration, decided, recorded
from analysis.studies.hosts.host import Estimate, Host, load_host, without_link
from analysis.studies.hosts.told import told


def found(*rows):
    """A record of completed migrations that tell nothing but how long they took."""
    whole = [{"status": "completed", "source_file": "x.log", "source_line": 1} | row for row in rows]
    return record("events", Notes("x.log"), whole)


def test_of_what_cannot_be_modelled_the_longest_is_looked_at():
    """All that it lacks is said, which no one option would mend, and there is no scenario."""
    rows = found({"migration": "a", "measured_total_s": 3.0}, {"migration": "b", "measured_total_s": 9.0})
    here = told(rows)
    assert (here.key, here.row.measured_total_s) == ("b", 9.0)
    assert [why.partition(",")[0].partition(";")[0] for why in here.lacks] == [
        "how much memory the machine has is not recorded",
        "neither the bytes sent nor the throughput is recorded",
        "pages that became dirty are not recorded",
    ]
    assert here.fitted.how == "not fitted"
    assert (len(here.scenario), here.case) == (0, {})
    assert told(rows, "a").key == "a"
    assert here.add == ""
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


def test_smb_is_told_where_the_link_is():
    """A filled line of 10 Gbit/s was SMB's; where only the rate that was reached is known it stands bare."""
    row = pd.Series({"transport": "smb", "bandwidth_gbps": 10.0, "measured_throughput_gbps": 9.5})
    assert recorded._link(row) == {"bandwidth_gbps": 10.0, "transport": "smb"}
    bare = recorded._link(row.drop("bandwidth_gbps"))
    assert bare == recorded.BARE_LINK | {"bandwidth_gbps": 9.5}


def test_a_migration_far_off_is_told_with_its_place():
    """Twice as long as the fit: by file and line where they are known, else by its row."""
    place = {"source_file": "x.log", "source_line": 7.0}
    row = pd.Series({"measured_total_s": 20.0, "migration": "m1", **place}, name=0)
    said = "took 20 s, the fitted host takes 10 s"
    assert decided._one_far(row, np.log(2)) == f"x.log, line 7, m1 {said}"
    assert decided._one_far(row.drop("source_line"), np.log(2)) == f"m1 {said}"
    assert decided._one_far(pd.Series({"measured_total_s": 20.0}, name=3), np.log(2)) == f"row 4 {said}"


def test_a_word_that_is_none_of_a_few_is_told_without_what_an_estimate_needs(tmp_path):
    """Of another fault in an estimate it is said that it needs name, value, low and high."""
    file, whole = tmp_path / "host.yml", "name: setup_s, value: 2, low: 1, high: 3"
    file.write_text(f"parameters:\n- {{{whole}, share_of: all}}\n")
    with pytest.raises(UserError, match=r"parameters/0/share_of: 'all' is not one of \['content'\]$"):
        load_host(file)
    file.write_text("parameters:\n- {name: setup_s, value: 2}\n")
    with pytest.raises(UserError, match=r"parameters/0: .*; an estimate needs name, value, low and high"):
        load_host(file)


def test_a_second_stage_follows_from_the_seed(monkeypatch):
    """What is learnt on all migrations is drawn by the seed that was asked for."""
    asked = []

    def taught(host, table, label, seed):
        asked.append((label, seed))
        return SimpleNamespace(stored={"learnt": True})

    monkeypatch.setattr(calibration, "_taught", taught)
    table = pd.DataFrame({"measured_total_s": [1.0], "workload": "db"})
    assert calibration._with_correction(Host("h"), [], table, 7).correction == {"learnt": True}
    assert asked == [("workload", 7)]


def test_widths_of_bytes_are_learnt_as_the_method_counts_them(monkeypatch):
    """The bytes and both ends of their interval are put as counted, and no time is."""
    seen = {}
    monkeypatch.setattr(calibration, "as_counted", lambda pair, table: pair.memory_sent_gib)
    monkeypatch.setattr(calibration.conformal, "learnt", lambda counted, *_: seen.update(counted.iloc[0]))
    names = ("stream_gib", "stream_gib_low90", "stream_gib_high90")
    found = dict.fromkeys(names, 1.0) | {name.replace("stream", "memory_sent"): 2.0 for name in names}
    table = pd.DataFrame({"memory_gib": [1.0], "measured_total_s": [3.0]})
    calibration._learnt(pd.DataFrame([found | {"total_s": 3.0}]), table, Host("h"))
    assert {name: seen[name] for name in (*names, "total_s")} == dict.fromkeys(names, 2.0) | {"total_s": 3.0}
