"""The laboratory's parts that need neither root nor QEMU: lists, rules, the judge of disturbances, tables."""

import csv
import itertools
import math
import statistics
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.errors import UserError
from analysis.observations.polls import read_courses
from data.collect.laboratory import designs, guest, leftovers, needs, run, tables
from data.collect.laboratory.configurations import Configuration, read_list, write_list
from data.collect.laboratory.disturbance import disturbed
from data.collect.laboratory.migration import synchronisations
from data.collect.laboratory.records import Records
from data.collect.laboratory.rules import Doubling, Look, Order, PostCopy, Ramp, Steps, rule_of

ROOT = Path(__file__).resolve().parents[2]
LABORATORY = ROOT / "data" / "collect" / "laboratory"
MIB = 2**20


def course_of(rule, seconds, every=0.5, **more):
    """The orders of a rule over a course of looks, with their times."""
    looks = [Look(k * every, 1 + k, k * MIB, 50 * MIB) for k in range(int(seconds / every) + 1)]
    given = [(look.time_s, rule.order(look._replace(**more))) for look in looks]
    return [(at, order) for at, order in given if order]


# ---- lists ----


def listed(tmp_path, text, name="list.csv"):
    """The configurations of a file with this text."""
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return read_list(path)


def test_a_row_takes_its_defaults(tmp_path):
    """A cell left empty and a name left out are the default's."""
    (one,) = listed(tmp_path, "memory_mib,link_mbit_per_s,rule\n512,,fixed\n")
    assert one == Configuration(memory_mib=512)


def test_yaml_holds_defaults_and_configurations(tmp_path):
    """The defaults of a list hold for its rows, which may say otherwise."""
    text = "defaults: {link_mbit_per_s: 200}\nconfigurations:\n- {repeat: 1}\n- {link_mbit_per_s: 250}\n"
    assert [one.link_mbit_per_s for one in listed(tmp_path, text, "list.yml")] == [200, 250]


def test_a_list_written_is_the_list_read(tmp_path):
    """Every value survives the way into a file and back, and so do the keys."""
    made = designs.near_the_limit(6, seed=3)
    write_list(tmp_path / "list.csv", made)
    again = read_list(tmp_path / "list.csv")
    assert again == made
    assert [one.key for one in again] == [one.key for one in made]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("memory_mb\n512\n", "row 1: there is no 'memory_mb'; did you mean 'memory_mib'?"),
        ("rule\nstep\n", "rule is 'step'; there are fixed, autoconverge, steps, ramp, doubling, postcopy"),
        ("rule\nstep\n", "did you mean 'steps'?"),
        ("link_mbit_per_s\n0\n", "link_mbit_per_s is 0; allowed are 1 to 40000"),
        ("steps\nmany\n", "steps is 'many', which is no number"),
        ("memory_mib\n256.5\n", "memory_mib is 256.5; it has to be a whole number"),
        ("filled_mib\n254\n", "filled_mib is 254; of 256 MiB at most 252 can be filled"),
        ("working_set_mib\n200\n", "working_set_mib 200 is more than filled_mib 192"),
        ("rule\npostcopy\n", "the rule 'postcopy' needs postcopy_at_s"),
        ("rule,postcopy_at_s\ndoubling,3\n", "postcopy_at_s is not for the rule 'doubling'"),
        ("rule,ceiling_ms,steps,step_every_s\nsteps,300,3,1\n", "ceiling_ms 300 is not above first_limit_ms"),
        ("memory_mib\n256\n256\n", "row 2 is the same as row 1; give it another `repeat` number"),
        ("memory_mib\n256,7\n", "row 1 has not as many cells as the heading has names"),
        ("memory_mib\n", "holds no configuration"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_list_is_said(tmp_path, text, said):
    """A sentence that names the row, the value, and what is allowed."""
    with pytest.raises(UserError) as caught:
        listed(tmp_path, text)
    assert said in str(caught.value)


@pytest.mark.parametrize("text", ["[1, 2", "rows: []", "- 5"])
def test_yaml_that_is_no_list_is_said(tmp_path, text):
    """Broken YAML, another key, and a list of something else: a sentence with the file's name."""
    with pytest.raises(UserError, match=r"'list\.yml'"):
        listed(tmp_path, text, "list.yml")


def test_the_lists_that_come_along_can_be_read():
    """The sample has a row of each kind; the other is what its design draws, 22 rows of each way to stop."""
    assert {one.rule for one in read_list(LABORATORY / "sample.csv")} == {
        "fixed", "steps", "autoconverge", "postcopy",
    }  # fmt: skip
    near = read_list(LABORATORY / "near_the_limit.csv")
    assert near == designs.near_the_limit(22, seed=19)
    assert all(0.59 < one.writes_of_link < 1.41 for one in near)


# ---- rules ----


def test_steps_are_novas():
    """From 100 to 1000 in ten steps a second apart: 190 after one, the ceiling after ten, then nothing."""
    orders = course_of(Steps(100, 1000, 10, 1.0), 20)
    assert orders[0] == (1.0, Order(limit_ms=190))
    assert orders[-1] == (10.0, Order(limit_ms=1000))
    assert len(orders) == 10


def test_a_late_poll_takes_the_steps_that_are_due():
    """A poll after 3.5 s where steps are a second apart is at the third at once."""
    assert Steps(0, 1000, 10, 1.0).order(Look(3.5, 1, 0, 0)) == Order(limit_ms=300)


def test_a_ramp_waits_for_its_synchronisations():
    """Nothing before the fifth (2 s); then a step of 100 ms two seconds after it, and each two seconds."""
    orders = course_of(Ramp(100, 400, 3, 2.0, after_sync=5), 20)
    assert orders == [(at, Order(limit_ms=ms)) for at, ms in ((4.0, 200), (6.0, 300), (8.0, 400))]


def test_doubling_counts_six_polls_without_progress():
    """Nothing remains at any poll: near the end, so ten polls a second; the sixth doubles."""
    rule = Doubling(30)
    orders = course_of(rule, 3, every=0.125, remaining_bytes=0)
    assert orders[0] == (1.625, Order(limit_ms=60))
    assert rule.limit_ms == 60 * 2 ** (len(orders) - 1)


def test_doubling_leaves_what_advances():
    """A migration of which less and less remains keeps its limit."""
    rule = Doubling(30)
    assert [rule.order(Look(k, 1, 10 * k * MIB, (200 - k) * MIB)) for k in range(100)] == [None] * 100


def test_the_switch_to_post_copy_is_ordered_once():
    """At the first poll after its time."""
    assert course_of(PostCopy(3.2), 9) == [(3.5, Order(postcopy=True))]


@given(st.sampled_from(["steps", "ramp"]), st.integers(1, 400), st.integers(1, 2000), st.integers(1, 12))
def test_a_growing_limit_never_falls_and_ends_at_its_ceiling(rule, first, more, steps):
    """Whatever its numbers are."""
    extra = {"after_sync": 3} if rule == "ramp" else {}
    one = Configuration(rule=rule, first_limit_ms=first, ceiling_ms=first + more, steps=steps,
                        step_every_s=0.5, **extra)  # fmt: skip
    limits = [order.limit_ms for _, order in course_of(rule_of(one), 12)]
    assert limits == sorted(limits)
    assert (limits[-1], len(limits)) == (first + more, steps)


# ---- records, judged and put into tables ----


def record(told=1000, wrote=1000.0, link_mbit=100.0, **more):
    """A record of ten seconds: a pass of eight, a pause of 0.4 s; the guest's and the link's true rates."""
    one = Configuration(write_rate_pages_per_s=told, link_mbit_per_s=100)
    quarters = [[k / 4, round(wrote * k / 4)] for k in range(54)]
    polls = [[k / 10, 1 if k < 80 else 2, round(link_mbit * 1e6 / 8 * k / 10), 10**8, 0, 30, None]
             for k in range(1, 101)]  # fmt: skip
    ram = {"transferred": 12, "normal": 3, "duplicate": 4, "dirty-sync-count": 3}
    base = {
        "key": one.key, "configuration": vars(one), "status": "completed", "disturbed": None,
        "qemu": "QEMU 7", "accelerator": "tcg",
        "end": {"total-time": 10000, "downtime": 400, "setup-time": 1, "ram": ram},
        "postcopy_blocked_ms": None, "polls": polls, "changes": [[0.0, 300, "limit"]],
        "syncs": [[0.0, 0], [8.0, 900], [9.6, 250], [9.7, 260]], "written_before": quarters[:15],
        "written_during": quarters[14:53], "written_after": [], "started_after_s": 3.6, "host_load": 1.234,
        "processor_pct": [12.34, 0.5],
    }  # fmt: skip
    return base | more


def test_an_undisturbed_migration_counts():
    """The guest and the link kept their rates."""
    assert disturbed(record()) is None


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"wrote": 970.0}, "before the migration the guest wrote 970 of 1000 pages/s"),
        ({"link_mbit": 90.0}, "the first pass had 90 of 100 Mbit/s"),
        (
            {"written_during": [[3.5, 3500], [12.5, 12000]]},
            "during the migration the guest wrote 944 of 1000",
        ),
        (
            {"written_during": [[3.5, 3500], [8.5, 8500]]},
            "the guest counted 8.5 s where the host counted 13.2",
        ),
    ],
)
def test_what_disturbed_a_migration_is_said(changed, said):
    """Each of the rule's four sides has its own words."""
    assert said in (disturbed(record(**changed)) or "")


def test_a_throttled_guest_is_not_disturbed():
    """What QEMU's throttle takes from the guest counts from the throttle on, not before."""
    slow = [[3.5 + k / 4, 3500 + 250 * min(k, 12)] for k in range(38)]
    throttled = record(written_during=slow, changes=[[0.0, 300, "limit"], [3.0, None, "throttle 20"]])
    throttled["configuration"] = throttled["configuration"] | {"rule": "autoconverge"}
    assert disturbed(throttled) is None
    assert "pages/s" in (disturbed(throttled | {"changes": [[0.0, 300, "limit"]]}) or "")


def test_the_tables_are_those_of_data(tmp_path):
    """Columns by the same names as in data/, passes that add up, polls and writes that the study reads."""
    files = tables.write(tmp_path, [record()], prefix="own_")
    with files[0].open() as made, (ROOT / "data" / "critical_migrations.csv").open() as kept:
        (row,), theirs = list(csv.DictReader(made)), set(next(csv.reader(kept)))
    others = {"downtime_limit_ms", "pass_limit", "pass_limit_reached_s", "method", "compress_threads",
              "cross_flows", "cross_on_s", "cross_off_s", "throughput_mbit_per_s",
              "sampled_dirty_mib_per_s"}  # fmt: skip
    assert theirs - set(row) == others
    assert (row["total_time_s"], row["downtime_s"], row["last_limit_ms"]) == ("10.0", "0.4", "300")
    assert (row["written_pages_per_s_before"], row["host_load"]) == ("1000.0", "1.23")
    with files[1].open() as file:
        passes = list(csv.DictReader(file))
    assert [each["pages_found_dirty"] for each in passes] == ["0", "900", "250", "260"]
    assert sum(float(each["seconds_to_next"]) for each in passes) == pytest.approx(10)
    (polls,) = read_courses(files[3]).values()
    assert polls[-1].time_s == 10


def test_pages_found_are_told_apart_in_a_period():
    """QEMU counts on for a second and then anew; a count that falls has begun anew by itself."""
    assert tables.newly_dirty([(0, 0), (8, 900), (8.5, 100), (9.01, 150), (9.9, 20)]) == [0, 900, 100, 50, 20]
    assert tables.newly_dirty([(0, 0), (1.0, 900), (1.5, 100)]) == [0, 900, 100]


def test_the_trace_is_read_from_its_beginning():
    """Seconds since the migration was set up, and the last number of the line."""
    text = ("12@100.5:migrate_set_state new state setup\n12@100.6:migration_bitmap_sync_end dirty_pages 0\n"
            "12@108.25:migration_bitmap_sync_end dirty_pages 42\nnoise\n")  # fmt: skip
    assert synchronisations(text) == [(0.1, 0), (7.75, 42)]


def test_what_the_guest_says_is_read_in_whole_lines(tmp_path):
    """A line that is still being written is left for the next look."""
    serial = tmp_path / "serial"
    assert not guest.ready(serial)
    serial.write_text("R\nW 0 0\nW 250 500\nW 500 10")
    assert guest.ready(serial)
    assert guest.reports(serial) == [(0.0, 0), (0.25, 500)]
    assert guest.rate(guest.reports(serial)) == 2000


def test_records_survive_a_cut_and_are_measured_once(tmp_path):
    """A last line without its end is taken away; disturbed attempts do not count, later good ones do."""
    records = Records(tmp_path)
    records.add(record(disturbed="late"))
    records.add(record(told=1100))
    with records.path.open("a") as file:
        file.write('{"key": "cut o')
    again = Records(tmp_path)
    assert [each["configuration"]["write_rate_pages_per_s"] for each in again.good()] == [1100]
    again.add(record())
    assert len(again.good()) == 2


def test_a_file_that_is_no_records_is_kept(tmp_path):
    """Another's file is neither read nor written over."""
    (tmp_path / "records.jsonl").write_text("mine\n")
    with pytest.raises(UserError, match="is no file of records; name another folder"):
        Records(tmp_path).all()
    assert (tmp_path / "records.jsonl").read_text() == "mine\n"


def test_a_run_measures_what_is_missing_and_keeps_what_it_has(tmp_path, monkeypatch):
    """Of three rows one is there, one is disturbed once, one always: it is left for the next run.

    A QEMU that ends while it is asked is a disturbance too.
    """
    rows = [replace(Configuration(), repeat=k) for k in range(3)]
    attempts = []

    def measure(one, image, accelerator):
        attempts.append(one.repeat)
        if attempts.count(2) == 1:
            raise BrokenPipeError(32, "Broken pipe")
        bad = one.repeat == 2 or attempts.count(1) == 1
        return record(wrote=900.0 if bad else 1000.0) | {"key": one.key}

    monkeypatch.setattr(run.migration, "measure", measure)
    monkeypatch.setattr(run.leftovers, "tidy", lambda: None)
    monkeypatch.setattr(run.guest, "build", lambda folder: folder / "guest.elf")
    monkeypatch.setattr(run.machine, "version", lambda: "QEMU 7")
    Records(tmp_path).add(record() | {"key": rows[0].key})
    done = run.run(rows, tmp_path, "tcg", lambda one, what: None, "")
    assert (done.before, done.measured, attempts) == (1, 1, [1, 1, 2, 2, 2])
    assert list(done.left) == [rows[2].key]
    with (tmp_path / "migrations.csv").open() as file:
        assert [row["migration"] for row in csv.DictReader(file)] == [rows[0].key, rows[1].key]


# ---- machine and command ----


def test_only_what_a_killed_laboratory_left_is_removed(tmp_path):
    """Namespaces of others, and of a laboratory that runs, stay."""
    (tmp_path / "77").mkdir()
    names = ["lab77-a", "lab78-a", "lab78-b", "lab78", "stalls-a", "xlab78-a"]
    assert leftovers.of_killed(names, r"lab(\d+)-[ab]", tmp_path) == ["lab78-a", "lab78-b"]


def test_what_the_machine_lacks_is_said_with_the_packages(monkeypatch):
    """Root and two programs are missing: two sentences, the second with Debian's command."""
    monkeypatch.setattr(needs.os, "geteuid", lambda: 1000)
    monkeypatch.setattr(needs.shutil, "which", lambda name: None if name in ("tc", "gcc") else f"/bin/{name}")
    root, programs = needs.missing()
    assert root == "it makes network namespaces, which needs root: begin the command with sudo"
    assert programs == "there is no gcc, tc; on Debian: apt-get install --no-install-recommends gcc iproute2"


def asked(*words):
    """The laboratory's command in a process of its own."""
    command = [sys.executable, "-m", "data.collect.laboratory", *words]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)


def test_a_mistake_is_a_sentence_and_exit_code_2():
    """Neither list nor sample: nothing runs."""
    said = asked()
    assert (said.returncode, said.stderr) == (2, "error: give a list of configurations, or --sample\n")


def kept(name):
    """The rows of one of the laboratory's tables in data/."""
    with (ROOT / "data" / f"stops_own_{name}.csv").open() as file:
        return list(csv.DictReader(file))


def test_a_row_kept_in_data_is_a_configuration():
    """The tables in data/ have every column that a list has: their rows can be measured again."""
    assert set(vars(Configuration())) <= set(kept("migrations")[0])


def test_the_rows_kept_in_data_keep_the_rule():
    """77 rows, at least 20 of each way to stop; before it moved each guest was within 2 % of its rate."""
    rows = kept("migrations")
    groups = [row["group"] for row in rows]
    assert len(rows) == 77
    assert min(groups.count(f"own-{name}") for name in ("autoconverge", "growing", "postcopy")) >= 20
    ratios = [float(row["written_pages_per_s_before"]) / float(row["write_rate_pages_per_s"]) for row in rows]
    assert max(abs(ratio - 1) for ratio in ratios) <= 0.02


def test_the_first_pass_finds_what_drawing_with_replacement_leaves():
    """Uniform writes of r pages/s over W pages: W (1 - exp(-r t / W)) differ after t seconds, within 1 %."""
    first, found = {}, {}
    for row in kept("passes"):
        first |= {row["migration"]: float(row["seconds_to_next"])} if row["sync"] == "0" else {}
        found |= {row["migration"]: float(row["pages_found_dirty"])} if row["sync"] == "1" else {}
    rows = [row for row in kept("migrations") if row["rule"] != "postcopy"]
    uniform = [row for row in rows if row["write_pattern"] == "uniform"]
    for row in uniform:
        pages, key = 256 * float(row["working_set_mib"]), row["migration"]
        drawn = pages * -math.expm1(-float(row["write_rate_pages_per_s"]) * first[key] / pages)
        assert found[key] == pytest.approx(drawn, rel=0.01)
    assert len(uniform) >= 20


def test_short_passes_over_hot_pages_find_them():
    """Hot and cold pages are each drawn with replacement: the median short pass finds them within 3 %.

    Software emulation would find some 0.7 of them if the guest kept translated addresses.
    """
    rows = {row["migration"]: row for row in kept("migrations") if row["write_pattern"] == "hotcold"}
    passes = [row for row in kept("passes") if row["migration"] in rows]
    ratios = []
    for made, following in itertools.pairwise(passes):
        lasted, row = float(made["seconds_to_next"] or 0), rows[made["migration"]]
        if following["sync"] != "0" and made["sync"] != "0" and 0.06 < lasted < 0.13:
            pages = 256 * float(row["working_set_mib"])
            parts = float(row["hot_share_of_working_set_pct"]) / 100, float(row["writes_to_hot_pct"]) / 100
            writes = float(row["write_rate_pages_per_s"]) * lasted
            drawn = sum(
                pages * size * -math.expm1(-writes * share / (pages * size))
                for size, share in (parts, (1 - parts[0], 1 - parts[1]))
            )
            ratios.append(float(following["pages_found_dirty"]) / drawn)
    assert len(ratios) > 100
    assert statistics.median(ratios) == pytest.approx(1, abs=0.03)
