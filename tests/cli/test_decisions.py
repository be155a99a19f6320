"""The verbs `sensitivity` and `plan`: JSON, text, commands that open answers, mistakes."""

import json
import re
import shlex

import pytest
from click.testing import CliRunner

from analysis.__main__ import main
from analysis.parameters import OUTCOMES, PARAMETERS

KEYS = {"parameter", "unit", "value", "reached", "limited_by", "chance", "row"}
FEW = ("sensitivity", "--range", "bandwidth_gbps", "--range", "memory_gib", "--samples", "64")


def run(*arguments):
    return CliRunner().invoke(main, [str(a) for a in arguments])


def test_sensitivity_json_has_indices_with_intervals():
    """For each outcome a row a parameter, indices within their intervals' order."""
    figures = json.loads(run(*FEW, "--json").stdout)
    assert set(figures["indices"]) == {"total_s", "blackout_s", "brownout_s"}
    for row in figures["indices"]["total_s"]:
        assert row["first_low"] <= row["first_high"]
        assert row["total_low"] <= row["total_high"]
    assert figures["evaluations"] == 64 * 4
    assert figures["first_lever"]["total_s"]["parameter"] == "bandwidth_gbps"


def test_sensitivity_says_the_first_lever_first():
    """The answer comes before any table."""
    assert run(*FEW).stdout.startswith("The first lever on the total time is line rate (total index")


def test_sensitivity_takes_a_design(tmp_path):
    """What varies in a design of sweep varies here."""
    design = tmp_path / "design.yml"
    design.write_text("parameters: {bandwidth_gbps: [1, 10, 25], memory_gib: {from: 4, to: 64}}\nrows: 10\n")
    figures = json.loads(run("sensitivity", "--design", design, "--samples", 64, "--json").stdout)
    assert [one["parameter"] for one in figures["ranges"]] == ["bandwidth_gbps", "memory_gib"]


def test_plan_json_is_one_answer_or_a_list():
    """One question is a mapping with the agreed keys and a whole row; several are a list of them."""
    one = json.loads(run("plan", "bandwidth_gbps", "--total-s", "60", "--json").stdout)
    assert set(one) >= KEYS
    assert set(one["row"]) == {*PARAMETERS, *OUTCOMES}
    assert (one["parameter"], one["unit"], one["reached"], one["chance"]) == (
        "bandwidth_gbps",
        "Gbit/s",
        True,
        None,
    )
    several = json.loads(
        run("plan", "bandwidth-gbps", "--total-s", "30,60", "--memory-gib", "8,16", "--json").stdout
    )
    assert len(several) == 4
    assert several[3]["value"] == one["value"]


def test_the_printed_command_opens_the_answer():
    """Typed as it stands, it predicts the row that the plan is about."""
    text = run("plan", "bandwidth_gbps", "--total-s", "1min", "--memory-gib", "64GiB").stdout
    command = re.search(r"python -m analysis (predict .*)", text)[1]
    row = json.loads(run(*shlex.split(command), "--json").stdout)[0]
    assert 59.9 < row["total_s"] <= 60
    assert "Nothing can be said of the chance without a calibrated host (--host)." in text
    assert "notebooks/08-explorer.ipynb" in text
    assert "reports/08-explorer.html#from=defaults&memory_gib=64&bandwidth_gbps=" in text


def test_no_value_is_null_and_says_what_binds():
    """A pause shorter than the hand-off has no answer."""
    one = json.loads(run("plan", "bandwidth_gbps", "--blackout-ms", "100", "--json").stdout)
    assert (one["value"], one["reached"], one["limited_by"]) == (None, False, "handoff_ms")
    assert run("plan", "bandwidth_gbps", "--blackout-ms", "100").stdout.startswith("No line rate from")


def test_a_table_tells_every_question():
    """A row for each, and a command for each."""
    text = run("plan", "bandwidth_gbps", "--total-s", "60,120", "--memory-gib", "64").stdout
    assert text.count("python -m analysis predict") == 2


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["plan", "transport", "--total-s", "5"], "transport is no number but one of tcpip"),
        (["plan", "bandwidth_gbps", "--totl-s", "5"], "Did you mean '--total-s'?"),
        (["plan", "bandwidth_gbps"], "name at least one target"),
        (["plan", "bandwidth_gbps", "--total-s", "60", "--chance", "0.9"], "give --host"),
        (["plan", "bandwidth_gbps", "--total-s", "9", "--blackout-ms", "9e4"], "contradicts total_s = 9"),
        (["plan", "bandwidth_gbps", "--total-s", "60", "--between", "5"], "not of the form LOW:HIGH"),
        (["sensitivity", "--samples", "1000"], "the nearest is 1024"),
        (["sensitivity", "--range", "a", "--design", "b"], "give one of them"),
    ],
)
def test_a_mistake_is_one_sentence_and_exit_code_2(arguments, sentence):
    """No traceback, nothing on standard output."""
    result = run(*arguments)
    assert result.exit_code == 2
    assert sentence in result.stderr
    assert result.stdout == ""


ENDLESS = (
    "--stop-rule",
    "qemu",
    "--dirty-pages-per-s",
    "1e6",
    "--working-set-gib",
    "32",
    "--memory-gib",
    "64",
)


def test_what_never_ends_is_said_to_and_not_to_be_pauses():
    """No line carries a guest of 1e6 writes past one core: no fixed part is blamed, and none is nearest."""
    told = run("plan", "bandwidth_gbps", "--total-s", "120", *ENDLESS).stdout.splitlines()[0]
    assert told == (
        "No line rate from 0.05 Gbit/s to 800 Gbit/s is enough: with even 800 Gbit/s, where the streams "
        "bind, its passes go on without end."
    )
    several = run("plan", "streams", "--total-s", "600", "--memory-gib", "4").stdout
    assert "from 1 connection to 1,024 connections will do: even 1 stream gives" in several


@pytest.fixture
def two_workloads(tmp_path):
    """A host on which one workload writes thrice what the other does."""
    host = tmp_path / "host.yml"
    estimate = "{name: dirty_pages_per_s, value: %d, low: %d, high: %d, label: workload, of: %s}"
    host.write_text(f"scales:\n- {estimate % (1, 1, 1, 'web')}\n- {estimate % (3, 3, 3, 'sql')}\n")
    return host


BUSY = ("--dirty-pages-per-s", "40000", "--working-set-gib", "8")


def test_plan_tells_the_workloads_of_a_host_apart(two_workloads):
    """The busier one needs more line, as much as three times the writes do; its command names it."""
    asked = ("plan", "bandwidth_gbps", "--total-s", "60", *BUSY)
    web, sql = json.loads(run(*asked, "--host", two_workloads, "--workload", "web,sql", "--json").stdout)
    assert [web["row"]["workload"], sql["row"]["workload"]] == ["web", "sql"]
    thrice = json.loads(run(*asked[:4], "--dirty-pages-per-s", "120000", *BUSY[2:], "--json").stdout)
    assert web["value"] < sql["value"] == pytest.approx(thrice["value"], rel=1e-3)
    told = run(*asked, "--host", two_workloads, "--workload", "sql").stdout
    (line,) = [line for line in told.splitlines() if "analysis predict" in line]
    opened = json.loads(run(*shlex.split(line)[3:], "--json").stdout)[0]
    assert opened["total_s"] == pytest.approx(sql["row"]["total_s"], rel=1e-3)
    assert "workload" in run(*asked, "--host", two_workloads, "--workload", "web,sql").stdout


def test_sensitivity_and_advise_take_a_workload(two_workloads):
    """The busier one is what thrice the writes are; the advice opens as what it says it is."""
    asked = ("sensitivity", "--range", "bandwidth_gbps=1:40", "--samples", "64", "--json")
    sql = json.loads(run(*asked, *BUSY, "--host", two_workloads, "--workload", "sql").stdout)
    thrice = json.loads(run(*asked, "--dirty-pages-per-s", "120000", *BUSY[2:]).stdout)
    assert sql["tornado"] == thrice["tornado"]
    advised = ("advise", *BUSY, "--host", two_workloads, "--workload", "sql", "--json")
    first = json.loads(run(*advised).stdout)[0]
    opened = json.loads(run(*shlex.split(first["predict"])[3:], "--json").stdout)[0]
    assert opened["workload"] == "sql"
    assert opened["total_s"] == pytest.approx(first["total_s"], rel=1e-3)
    assert run("advise", "--workload", "sql").exit_code == 2


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (("--workload", "web"), "--workload names a workload of a calibrated host"),
        (("--workload", "wbe", "--host"), "knows no workload 'wbe'; did you mean 'web'?"),
    ],
)
def test_a_workload_that_is_not_known_is_told(two_workloads, more, said):
    """Without a host none is; with one, the nearest."""
    more = (*more, two_workloads) if more[-1] == "--host" else more
    result = run("plan", "bandwidth_gbps", "--total-s", "60", *more)
    assert result.exit_code == 2
    assert said in " ".join(result.stderr.split())


def test_a_plan_may_ask_that_it_converges():
    """That is told among what the answer gives."""
    told = run("plan", "bandwidth_gbps", "--converges", "--total-s", "10min", "--dirty-pages-per-s", "50000")
    assert told.exit_code == 0
    assert "and a pre-copy that converges" in told.stdout
