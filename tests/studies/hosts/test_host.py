"""A calibrated host as a small YAML file: kept exactly, applied to scenarios, and refused when damaged."""

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from analysis.__main__ import main
from analysis.errors import UserError
from analysis.model.migration import filled, parameters_in
from analysis.studies.hosts.host import Estimate, Host, host_text, load_host, save_host

HOST = Host(
    name="branch office",
    parameters=(Estimate("handoff_ms", 50.0, 40.0, 60.0), Estimate("setup_s", 1.5, 1.2, 1.9)),
    scales=(
        Estimate("dirty_pages_per_s", 1.2, 1.1, 1.3),
        Estimate("compress_gib_per_s_per_core", 0.5, 0.4, 0.6, "method", "zstd"),
    ),
    scatter={"extra_resident_mib": 5.5, "time": {"line_rate": 0.02}, "blackout_s": {"line_rate": 0.03}},
    cannot_tell_apart=(("setup_s", "handoff_ms"),),
    migrations=40,
)


def test_a_host_file_gives_back_the_host(tmp_path):
    """What is saved is loaded again: every estimate, pair, scatter and count."""
    save_host(HOST, tmp_path / "host.yml")
    assert load_host(tmp_path / "host.yml") == HOST


def test_saving_makes_the_folder(tmp_path):
    """A calibration that took minutes is not lost because a folder was not there yet."""
    save_host(HOST, tmp_path / "new" / "host.yml")
    assert load_host(tmp_path / "new" / "host.yml") == HOST


def test_numbers_are_kept_to_five_digits_and_no_further(tmp_path):
    """A file that was loaded and saved again is the same text."""
    host = Host(parameters=(Estimate("handoff_ms", 1 / 3, 0.1234567, 2 / 3),))
    save_host(host, tmp_path / "a.yml")
    save_host(load_host(tmp_path / "a.yml"), tmp_path / "b.yml")
    assert (tmp_path / "a.yml").read_text() == (tmp_path / "b.yml").read_text()
    assert load_host(tmp_path / "a.yml").estimate("handoff_ms").value == 0.33333


def test_the_file_says_what_it_is():
    """Its first line is a comment for the person who opens it."""
    assert host_text(HOST).startswith("# A calibrated host")


def computed(table):
    """The parameters as the model computes with them."""
    return filled(parameters_in(table))


def test_an_estimate_replaces_the_value_and_a_scale_multiplies_it():
    """50 ms of hand-off, and 1.2 times the writes that the scenario has, or that the default is."""
    table = HOST.apply(pd.DataFrame({"handoff_ms": [7.0], "dirty_pages_per_s": [1000.0]}))
    assert (table.handoff_ms[0], table.dirty_pages_per_s[0]) == (50.0, 1000.0)
    assert computed(table)["dirty_pages_per_s"][0] == 1200.0
    assert computed(HOST.apply(pd.DataFrame(index=range(1))))["dirty_pages_per_s"][0] == 1.2 * 5000


def test_a_factor_beside_a_factor_multiplies_it():
    """A host on a scenario that has a factor already: 1.2 times 1.5 times the writes."""
    table = HOST.apply(pd.DataFrame({"dirty_pages_per_s": [1000.0], "dirty_pages_per_s_factor": [1.5]}))
    assert computed(table)["dirty_pages_per_s"][0] == pytest.approx(1800.0)


def test_a_factor_does_not_leave_the_range():
    """A share of 0.9 times 1.2 is 1, the most there is."""
    assert filled(resident_share=0.9, resident_share_factor=1.2)["resident_share"] == [1.0]


@pytest.mark.parametrize("wrong", [0, -1, np.nan, np.inf, "half"])
def test_a_factor_that_is_none_is_told(wrong):
    """A factor is a number above 0."""
    with pytest.raises(UserError, match="bandwidth_gbps_factor"):
        filled(bandwidth_gbps_factor=wrong)


def test_without_a_working_set_the_factor_is_on_all_content():
    """As in a calibration of rows without one: half of 0.9 of 16 GiB, not of the default."""
    found = filled(memory_gib=16, resident_share=0.9, working_set_gib_factor=0.5)
    assert found["working_set_gib"] == [7.2]


def test_what_is_given_keeps_its_own_value():
    """A value in ``given`` is not overridden, the others are."""
    table = HOST.apply(pd.DataFrame({"handoff_ms": [7.0], "setup_s": [9.0]}), ("handoff_ms",)).iloc[0]
    assert (table.handoff_ms, table.setup_s) == (7.0, 1.5)


def test_an_estimate_of_one_method_leaves_the_others_alone():
    """zstd compresses at half the speed on this host; of zlib it says nothing."""
    table = pd.DataFrame({"method": ["zstd", "zlib"], "compress_gib_per_s_per_core": [1.0, 1.0]})
    assert computed(HOST.apply(table))["compress_gib_per_s_per_core"].tolist() == [0.5, 1.0]


def test_the_scenarios_themselves_are_not_changed():
    """apply() returns another table."""
    table = pd.DataFrame({"handoff_ms": [7.0]})
    HOST.apply(table)
    assert table.handoff_ms.tolist() == [7.0]


def test_an_estimate_is_found_by_name_and_kind():
    """KeyError for one that the host does not have."""
    assert HOST.estimate("compress_gib_per_s_per_core", "zstd").value == 0.5
    with pytest.raises(KeyError):
        HOST.estimate("compress_gib_per_s_per_core", "zlib")


ONE = "parameters:\n- {name: %s, value: %s, low: 1, high: 60}\n"
SCALE = "scales:\n- {name: %s, value: %s, low: 0.9, high: 1.1}\n"
DAMAGED = {
    "not-yaml": ("a: [1,\n b: }", "is not a host file"),
    "a-list": ("- 1\n- 2\n", "has no fields"),
    "empty": ("", "has no fields"),
    "a-table": ("memory_gib,total_time_s\n1,2\n", "has no fields"),
    "unknown-field": ("paramters: []\n", "did you mean 'parameters'?"),
    "a-number-as-field": ("1: a\n", "there is no field 1"),
    "value-out-of-range": (ONE % ("bandwidth_gbps", -1), "bandwidth_gbps = -1 is not allowed"),
    "value-no-number": (ONE % ("handoff_ms", "fifty"), "handoff_ms = 'fifty' is not allowed"),
    "unknown-parameter": (ONE % ("handof_ms", 5), "did you mean 'handoff_ms'?"),
    "unknown-scale": (SCALE % ("bandwith_gbps", 1), "did you mean 'bandwidth_gbps'?"),
    "missing-key": ("parameters:\n- {name: handoff_ms, value: 5}\n", "needs name, value, low and high"),
    "no-estimates": ("parameters: 5\n", "needs name, value, low and high"),
}
UNTOLD = {
    "scale-no-number": SCALE % ("bandwidth_gbps", "fast"),
    "negative-scale": SCALE % ("zipf_exponent", -1),
    "low-no-number": "parameters:\n- {name: handoff_ms, value: 50, low: a, high: 60}\n",
    "value-outside-its-interval": "parameters:\n- {name: handoff_ms, value: 500, low: 40, high: 60}\n",
    "text-parameter": "parameters:\n- {name: transport, value: tcpip, low: tcpip, high: tcpip}\n",
    "scatter-a-number": "scatter: 5\n",
    "scatter-without-ceilings": "scatter: {time: 0.1}\n",
    "negative-scatter": "scatter: {time: {line_rate: -1}}\n",
    "correction-a-number": "correction: 5\n",
    "correction-in-part": "correction: {outcomes: {total_s: {}}}\n",
}


def predict_on(path):
    return CliRunner().invoke(main, ["predict", "--host", str(path)])


def is_told(result, path):
    """One sentence with exit code 2 that names the file."""
    told = result.exit_code == 2 and str(path) in result.stderr and "Traceback" not in result.output
    return told and result.stdout == "" and len(result.stderr.strip().splitlines()) == 1


@pytest.mark.parametrize("name", DAMAGED)
def test_a_damaged_host_file_is_told_in_a_sentence(tmp_path, name):
    """The file, what is wrong and the nearest right name, with exit code 2."""
    text, sentence = DAMAGED[name]
    path = tmp_path / "host.yml"
    path.write_text(text)
    result = predict_on(path)
    assert is_told(result, path)
    assert sentence in result.stderr


@pytest.mark.parametrize("name", UNTOLD)
def test_numbers_that_are_none_are_told_too(tmp_path, name):
    """No traceback and no silent use of a host file whose numbers make no sense."""
    path = tmp_path / "host.yml"
    path.write_text(UNTOLD[name])
    assert is_told(predict_on(path), path)


def test_a_missing_host_file_and_a_folder_are_told(tmp_path):
    """There is no such file; it is a folder."""
    assert "there is no host file" in predict_on(tmp_path / "none.yml").stderr
    assert "is a folder" in predict_on(tmp_path).stderr


def test_bytes_that_are_no_text_are_told(tmp_path):
    """A picture is no host file."""
    (tmp_path / "host.yml").write_bytes(b"\xff\xfe\x00\x01")
    with pytest.raises(UserError, match="is not a host file"):
        load_host(tmp_path / "host.yml")
