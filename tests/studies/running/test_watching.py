"""A record that grows: which migration is followed, what is known of it, and how it is said to go."""

import math

import numpy as np
import pandas as pd
import pytest

from analysis.observations.record import Record
from analysis.studies.hosts.host import Estimate, Host
from analysis.studies.running.watching import Watch, followed
from tests.studies.running.test_course import polls

GIB = 2.0**30


def record(told, **status):
    """A record of migrations by name and status, each with the same polls."""
    samples = [
        {"migration": name, "time_s": p.time_s, "stream_gib": p.sent_bytes / GIB,
         "remaining_gib": p.remaining_bytes / GIB, "memory_gib": p.memory_bytes / GIB}
        for name in status for p in told
    ]  # fmt: skip
    rows = pd.DataFrame({"migration": list(status), "status": list(status.values())})
    return Record("polls", rows, pd.DataFrame(), pd.DataFrame(samples))


def test_the_one_that_runs_is_followed_and_progress_stays():
    """Of one that ended and two that run the later, by the rule that was told; with fewer polls it is no
    less far."""
    first, short = polls(found=(9000,)), polls()[:4]
    watch = Watch({"pass_limit": 2})
    seen = watch.see(record(first, old="completed", one="active", two="active"), with_levers=False)
    assert (seen.migration, seen.status, seen.ended) == ("two", "active", False)
    assert (seen.outlook.time_s, seen.outlook.binds) == (first[-1].time_s, "pass_limit")
    assert seen.outlook.progress == pytest.approx(first[-1].time_s / seen.outlook.end_s)
    again = watch.see(record(short, two="active"), with_levers=False).outlook
    assert (again.time_s, again.progress) == (short[-1].time_s, seen.outlook.progress)


def test_what_ended_or_is_missing_has_no_outlook():
    """The last is followed where all ended; of a name that the record lacks nothing is said."""
    done = record(polls(), one="completed", two="failed")
    assert followed(done) == "two"
    seen = Watch().see(done)
    assert (seen.status, seen.ended, seen.outlook) == ("failed", True, None)
    assert Watch(migration="three").see(done).outlook is None
    assert Watch(migration="three").see(done).status == ""


def test_what_is_told_of_a_guest_counts_each_for_itself():
    """Rate, working set [1 GiB = 262,144 pages] and content are taken alone; all three make a guest."""
    _, nothing = Watch().known(pd.Series({"migration": "a"}))
    assert (nothing.dirty_pages_per_s, nothing.working_set_pages, nothing.content_pages) == (None,) * 3
    assert (nothing.scatter, nothing.content_scatter_pages, nothing.pattern) == (0.02, 1700.0, "")
    row = pd.Series({"migration": "a", "dirty_pages_per_s": 700.0, "working_set_gib": math.nan})
    _, rate = Watch({"memory_gib": 4.0, "resident_share": 0.5}).known(row)
    assert (rate.dirty_pages_per_s, rate.working_set_pages) == (700.0, None)
    assert rate.content_pages == 4 * 2**18 / 2
    assert rate.classes is None
    whole = {"working_set_gib": 1.0, "write_pattern": "uniform", "dirty_pages_per_s": 900.0}
    _, all_three = Watch(whole).known(row)
    assert (all_three.dirty_pages_per_s, all_three.working_set_pages) == (900.0, 2**18)
    assert np.sum(all_three.classes.rates) == pytest.approx(900.0)


def test_a_calibrated_host_says_how_far_guests_scatter():
    """Its scatter of writes and of content, 10 MiB of 256 pages each, take the place of the laboratory's."""
    host = Host("h", (Estimate("handoff_ms", 80.0, 70.0, 90.0), Estimate("state_mib", 0.0, 0.0, 1.0)),
                scatter={"dirty_pages_per_s": 0.1, "extra_resident_mib": 10.0})  # fmt: skip
    rule, told = Watch(host=host).known(pd.Series({"migration": "a"}))
    assert (told.scatter, told.content_scatter_pages) == (0.1, 2560.0)
    assert rule.pause_s == pytest.approx(0.08)


def test_what_a_pause_takes():
    """QEMU's is 5 ms unless told; Hyper-V's, or what is told, is the hand-off and the state over the link."""
    none = pd.Series({"migration": "a"})
    assert Watch().known(none)[0].pause_s == 0.005
    told = {"handoff_ms": 100.0, "state_mib": 8.0, "bandwidth_gbps": 1.0}
    by_hand = 0.1 + 8 * 2**20 * 8 / 1e9
    for given in (told, {"stop_rule": "hyperv"} | told):
        assert Watch(given).known(none)[0].pause_s == pytest.approx(by_hand)
    assert Watch({"stop_rule": "hyperv"}).known(none)[0].pause_s > 0.2
    rule = Watch({"stop_rule": "xen", "pass_limit": 7}).known(none)[0]
    assert (rule.name, rule.pass_limit, rule.pause_s) == ("xen", 7.0, 0.005)
