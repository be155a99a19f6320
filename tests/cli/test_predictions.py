"""A prediction begins with its answer, and every word of it is true of its numbers."""

import math
import re
import subprocess
import sys
from functools import cache

import numpy as np
import pytest

from analysis import migrate
from analysis.cli.predicted import predicted
from analysis.cli.predictions import WIDTH, answer, prediction_text, seconds, verdict
from analysis.errors import UserError
from analysis.observations.lab import LABORATORY
from analysis.parameters import OUTCOMES, STOP_RULES, TRANSPORTS
from analysis.studies import overflows

BUSY = {"dirty_pages_per_s": "200000", "working_set_gib": "8", "memory_gib": "64"}


@cache
def drawn(seed: int, rows: int) -> list[dict]:
    """Random migrations of every stop rule, from idle guests to such as never end."""
    rng = np.random.default_rng(seed)
    return migrate(
        memory_gib=rng.uniform(0.5, 256, rows),
        dirty_pages_per_s=np.where(rng.random(rows) < 0.1, 0, 10 ** rng.uniform(1, 7, rows)),
        working_set_gib=rng.uniform(0.01, 64, rows),
        bandwidth_gbps=10 ** rng.uniform(-1, 2, rows),
        stop_rule=rng.choice(STOP_RULES, rows),
    ).to_dict("records")


def test_the_answer_comes_first():
    """Total, blackout, whether it converges and what binds stand in the first three lines."""
    row = predicted({**BUSY, "bandwidth_gbps": "1"})[0]
    first, second, third = prediction_text([row]).splitlines()[:3]
    assert first.startswith(f"It takes {seconds(row['total_s'])}, and the machine is frozen for")
    assert second.startswith("It does not converge: the limit of passes ends it after 5 passes")
    assert third.startswith("The line rate binds")


def test_one_prediction_needs_no_tables():
    """Loading their library would take longer than the answer."""
    code = "import runpy, sys, atexit; sys.argv = ['analysis', 'predict']; "
    code += "atexit.register(lambda: print('pandas' in sys.modules, 'numpy' in sys.modules)); "
    code += "runpy.run_module('analysis', run_name='__main__')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.endswith("False True\n")


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_link_that_no_ring_may_hold_is_not_asked_about_rings(transport):
    """Leaving the question out for them says what asking it for all of them would."""
    rng = np.random.default_rng(5)
    drawn = {"receive_buffers": rng.integers(32, 512, 30), "round_trip_ms": 10 ** rng.uniform(-2, 1, 30)}
    drawn |= {"spare_cores": rng.integers(1, 4, 30), "bandwidth_gbps": 10 ** rng.uniform(-1, 2, 30)}
    rows = migrate(**drawn, transport=transport)
    silent = rows[~rows.limited_by.isin(("receive_buffers", "spare_cores"))]
    assert len(silent)
    assert overflows.sentences(silent) == []


def test_all_outcomes_follow():
    """After the answer every outcome has its line, with unit and meaning; of a price only where it is one."""
    lines = prediction_text(predicted(BUSY)).splitlines()[6:]
    prices = {"throttled_share", "post_copy_s"}
    assert [line.split()[0] for line in lines] == [name for name in OUTCOMES if name not in prices]


@pytest.mark.parametrize("number", range(200))
def test_the_verdict_says_what_the_row_says(number):
    """Of 200 random migrations: converges where it did, never ends where it never did, the pages it left."""
    row = drawn(1, 200)[number]
    told = answer(row)
    assert ("converges" in told) == row["converged"] or row["stop_reason"] in ("endless", "cancelled")
    assert ("never ends" in told) == (row["stop_reason"] == "endless")
    assert ("never ends" in told or "is cancelled" in told) == math.isinf(row["total_s"])
    assert not re.search(r"\b(inf|nan)\b|no end", told)
    if "page" in (said := verdict(row)):
        assert f"{math.ceil(row['residual_pages']):,} page" in said


def test_converged_at_the_limit_of_passes_is_explained():
    """Five passes end it and a page or two are left: it converges, and the sentence says why."""
    row = predicted({"preset": None, "memory_gib": "64", "dirty_pages_per_s": "20000"})[0]
    assert (row["converged"], row["stop_reason"]) == (True, "pass_limit")
    assert "when the limit of passes ends it after 5 passes, what is left" in answer(row)


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0 s"), (0.0035, "0.0035 s"), (99.94, "99.9 s"), (99.96, "1 min 40 s"), (3599.6, "1 h 00 min")],
)
def test_times_are_said_as_a_person_says_them(value, text):
    """Seconds to three digits, from a hundred on minutes, then hours; never 60 s of a minute."""
    assert seconds(value) == text


def test_counts_are_whole_and_truth_is_yes_or_no():
    """4,194,304 pages, not 4.194e+06; yes, not True."""
    rows = predicted(BUSY | {"bandwidth_gbps": "0.1,100"})
    text = prediction_text(rows)
    assert "True" not in text
    assert "False" not in text
    assert "e+0" not in prediction_text(rows[:1])


def test_a_cancelled_migration_says_when():
    """By hand: nova gives up after 800 s for each of 16 GiB, which is 3 h 33 min."""
    options = {"stop_rule": "nova", "memory_gib": "16", "dirty_pages_per_s": "9e5", "working_set_gib": "12"}
    said = prediction_text(predicted(options)).splitlines()[0]
    assert said.startswith("It is cancelled: the rule gives up after 3 h 33 min and ")


@pytest.mark.parametrize("axes", [["bandwidth_gbps"], ["bandwidth_gbps", "dirty_pages_per_s", "transport"]])
def test_several_rows_keep_to_the_width(axes):
    """What differs, then total, blackout, verdict and limit, within a hundred columns."""
    lists = {"bandwidth_gbps": "1,10,25", "dirty_pages_per_s": "1e3,2e5", "transport": "tcpip,smb_direct"}
    lines = prediction_text(predicted({name: lists[name] for name in axes})).splitlines()
    assert max(map(len, lines)) <= WIDTH
    assert lines[0].split()[: len(axes)] == [name for name in lists if name in axes] or set(
        lines[0].split()[: len(axes)]
    ) == set(axes)
    assert {"total_s", "blackout_s", "converged", "limited_by"} <= set(lines[0].split())


def test_what_a_host_makes_of_it_stands_beside(tmp_path):
    """The line asked for and the one computed with are both told."""
    host = tmp_path / "host.yml"
    host.write_text("scales:\n- {name: bandwidth_gbps, value: 0.5, low: 0.5, high: 0.5}\n")
    text = prediction_text(predicted({"bandwidth_gbps": "10"}, host))
    assert re.search(r"applied_bandwidth_gbps +5 Gbit/s +what this host makes of it", text)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"bandwidth_gbps": "1", **BUSY}, "still to be sent in the pause, more than goes within 0.75 s."),
        ({"dirty_pages_per_s": "20000", "memory_gib": "64"}, "is little enough: it goes within 0.75 s."),
        ({"stop_rule": "qemu", "blackout_target_ms": "200"}, "within the permitted pause of 0.2 s."),
        ({"stop_rule": "xen", "dirty_pages_per_s": "16560"}, "had next to nothing to send, and"),
    ],
)
def test_what_counts_as_converged_is_said(options, said):
    """The time in which the rule wants the rest to be sent stands in the verdict."""
    assert said in verdict(predicted(options)[0])


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"stop_rule": "qemu,xen"}, True),
        ({"stop_rule": "qemu", "handoff_ms": "5"}, False),
        ({"stop_rule": "hyperv,hyperv_2008r2"}, False),
    ],
)
def test_a_hand_off_that_is_another_hypervisors_is_told(options, told):
    """QEMU's pause holds Hyper-V's 200 ms unless the reader gives its own."""
    assert ("200 ms of the pause are the hand-off, taken from Hyper-V" in text_of(options)) == told


def text_of(options: dict) -> str:
    return prediction_text(predicted(options))


def test_nothing_left_is_no_page():
    """Part of a page is left where nothing is: the sentence and the number agree."""
    rows = predicted({"dirty_pages_per_s": "5000"})
    assert rows[0]["stop_reason"] == "nothing_left"
    assert 0 < rows[0]["residual_pages"] < 1
    assert re.search(r"residual_pages +0 pages", prediction_text(rows))


def test_what_was_asked_for_in_place_of_a_preset_is_told():
    """Beside what the preset would set."""
    text = prediction_text(predicted({"transport": "smb,tcpip"}, preset="windows_2022"))
    assert "transport = compression: how the memory is moved  (not here, where smb or tcpip is asked" in text


def test_several_workloads_are_rows_of_a_table(tmp_path):
    """Two workloads of a host, one with a comma in its name: a row each, told apart in the table."""
    host = tmp_path / "host.yml"
    estimate = "{name: dirty_pages_per_s, value: %d, low: 1, high: 9, label: workload, of: '%s'}"
    host.write_text(f"scales:\n- {estimate % (2, 'sql')}\n- {estimate % (4, 'web, old')}\n")
    both = host.read_text() + f"- {estimate % (3, 'web')}\n"
    assert predicted({}, host, workload="web, old")[0]["workload"] == "web, old"
    host.write_text(both)
    rows = predicted({"bandwidth_gbps": "1,10"}, host, workload="sql, web")
    assert [(r["workload"], r["bandwidth_gbps"]) for r in rows] == [
        *(("sql", 1), ("sql", 10), ("web", 1), ("web", 10))
    ]
    assert rows[2]["memory_sent_gib"] > rows[0]["memory_sent_gib"]
    assert prediction_text(rows).split()[0] == "workload"


@pytest.mark.parametrize("text", ["", " ", "sql,"])
def test_an_empty_workload_is_told(text):
    """It names none; without the option every workload is meant."""
    with pytest.raises(UserError, match="names no workload: give a name, or leave it out"):
        predicted({}, LABORATORY, workload=text)
