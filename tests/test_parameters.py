"""Every parameter once: what is there, what is allowed, and what a user is told about the rest."""

import numpy as np
import pandas as pd
import pytest

from analysis.model.stop_rules import LIMITS_IN_TIME
from analysis.parameters import OUTCOMES, PARAMETERS, ParameterError, check, defaults, label, nearest

NUMBERS = [name for name, p in PARAMETERS.items() if not p.choices]
TEXTS = [name for name, p in PARAMETERS.items() if p.choices]
AS_PRESET = {"pass_limit", "blackout_target_ms", "streams", "send_moderation_us", *LIMITS_IN_TIME}
MAY_BE_EMPTY = AS_PRESET | {"adapter_limit_gbps"}
"""Empty: as a preset has it, or no such ceiling."""

# The names are the interface: notebooks, YAML files, the command line and other programs use them.
INTERFACE = set(
    """
    memory_gib resident_share dirty_pages_per_s working_set_gib write_pattern hot_page_share
    hot_write_share zipf_exponent bandwidth_gbps mtu_bytes round_trip_ms send_buffers receive_buffers
    interrupt_moderation_us receive_delay_us socket_buffer_kib streams stream_limit_gbps transport
    bandwidth_limit_share network background_share background_burst_s compression_ratio
    compress_gib_per_s_per_core spare_cores pass_limit blackout_target_ms stop_rule state_mib handoff_ms
    setup_s
""".split()
)
RESULTS = set(
    """
    goodput_gbps memory_rate_gib_per_s limited_by passes stop_reason converged residual_pages brownout_s
    blackout_s total_s memory_sent_gib wire_gib
""".split()
)


# --- the table ----------------------------------------------------------------------------


def test_the_names_of_the_interface_are_there():
    """No name that others use may go."""
    assert set(PARAMETERS) >= INTERFACE
    assert set(OUTCOMES) >= RESULTS


def test_no_name_is_both_given_and_computed():
    """A column of a table is a parameter or an outcome, not both."""
    assert not set(PARAMETERS) & set(OUTCOMES)


@pytest.mark.parametrize("name", PARAMETERS)
def test_every_parameter_is_explained(name):
    """Each has a name, a meaning, a source and, if a number with a unit in its name, that unit."""
    parameter = PARAMETERS[name]
    assert parameter.name == name
    assert parameter.meaning
    assert parameter.source
    endings = {"_gib": "GiB", "_mib": "MiB", "_kib": "KiB", "_gbps": "Gbit/s", "_bytes": "bytes"}
    endings |= {"_ms": "ms", "_us": "us", "_s": "s", "_share": "0-1", "_pages_per_s": "pages/s"}
    fitting = [ending for ending in endings if name.endswith(ending)]
    if fitting:
        assert parameter.unit == endings[max(fitting, key=len)]


@pytest.mark.parametrize("name", PARAMETERS)
def test_every_default_is_allowed(name):
    """The default passes its own check, alone and as part of all."""
    checked = check(defaults())[name]
    if name in MAY_BE_EMPTY:
        assert np.isnan(checked)
    else:
        assert checked == PARAMETERS[name].default


@pytest.mark.parametrize("name", NUMBERS)
def test_both_ends_of_a_range_are_allowed_and_nothing_beyond(name):
    """The bounds themselves pass; the next number outside does not."""
    p = PARAMETERS[name]
    assert p.check(p.low) == p.low
    if np.isfinite(p.high):
        assert p.check(p.high) == p.high
    with pytest.raises(ParameterError, match=f"^{name} = "):
        p.check(np.nextafter(p.low, -np.inf))
    if np.isfinite(p.high):
        with pytest.raises(ParameterError, match=f"^{name} = "):
            p.check(np.nextafter(p.high, np.inf))


def test_an_infinite_link_is_allowed():
    """The limit case that shows what is left when the link costs nothing."""
    assert check({"bandwidth_gbps": np.inf, "stream_limit_gbps": "inf"})["bandwidth_gbps"] == np.inf


@pytest.mark.parametrize("name", NUMBERS)
def test_numbers_come_as_arrays_of_floats_of_their_shape(name):
    """Scalar, list and grid keep their shape."""
    p = PARAMETERS[name]
    one = p.low if p.whole or np.isinf(p.high) else p.high
    for given, shape in ((one, ()), ([one, one], (2,)), ([[one], [one]], (2, 1))):
        checked = p.check(given)
        assert checked.dtype == float
        assert checked.shape == shape


@pytest.mark.parametrize("name", TEXTS)
def test_every_choice_is_allowed(name):
    """All choices, in a list, pass as they are."""
    p = PARAMETERS[name]
    assert p.check(list(p.choices)).tolist() == list(p.choices)


def test_only_what_is_given_is_checked_and_returned():
    """Nothing is filled in."""
    assert list(check({"streams": 2})) == ["streams"]
    assert check({}) == {}


# --- what a user is told ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("bandwith_gbps", "bandwidth_gbps"),
        ("memory_gb", "memory_gib"),
        ("dirty_pages", "dirty_pages_per_s"),
        ("Stop_Rule", "stop_rule"),
    ],
)
def test_unknown_name_gets_the_nearest(name, near):
    """A misspelt name is told with the right one."""
    with pytest.raises(ParameterError, match=rf"^there is no parameter '{name}'; did you mean '{near}'\?$"):
        check({name: 1})


def test_unknown_name_far_from_all_gets_no_hint():
    """No guess is better than a wild one."""
    with pytest.raises(ParameterError, match=r"^there is no parameter 'xyzzy'$"):
        check({"xyzzy": 1})


def test_an_unknown_name_is_told_before_a_bad_value():
    """The name comes first: a value of the wrong parameter says nothing."""
    with pytest.raises(ParameterError, match="no parameter 'bandwith_gbps'"):
        check({"memory_gib": -1, "bandwith_gbps": 1})


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        (
            "bandwidth_gbps",
            -1,
            r"^bandwidth_gbps = -1 is not allowed: .* a number of at least 0.001 \[Gbit/s\]$",
        ),
        ("bandwidth_gbps", 0, r"^bandwidth_gbps = 0 is not allowed"),
        (
            "resident_share",
            1.5,
            r"^resident_share = 1.5 is not allowed: it takes a number from 0 to 1 \[0-1\]$",
        ),
        ("memory_gib", float("nan"), r"^memory_gib = nan is not allowed"),
        ("memory_gib", float("inf"), r"^memory_gib = inf is not allowed"),
        ("memory_gib", None, r"^memory_gib = None is not allowed"),
        ("memory_gib", "much", r"^memory_gib = 'much' is not allowed: it takes a number from"),
        ("memory_gib", "1,5", r"^memory_gib = '1,5' is not allowed"),
        ("memory_gib", "", r"^memory_gib = '' is not allowed"),
        ("memory_gib", True, r"^memory_gib = True is not allowed"),
        ("memory_gib", np.True_, r"^memory_gib = .*True.* is not allowed"),
        ("memory_gib", pd.NA, r"^memory_gib = <NA> is not allowed"),
        (
            "streams",
            1.5,
            r"^streams = 1.5 is not allowed: it takes a whole number from 1 to 1024 \[connections\]$",
        ),
        ("streams", 0, r"^streams = 0 is not allowed"),
        ("pass_limit", 2.5, r"^pass_limit = 2.5 is not allowed: it takes a whole number from 1 to"),
        ("pass_limit", -1, r"^pass_limit = -1 is not allowed"),
        (
            "stop_rule",
            "hyper-v",
            r"^stop_rule = 'hyper-v' is not allowed: .* qemu, xen, simgrid, .*; did you mean 'hyperv'\?$",
        ),
        ("write_pattern", "Zipf", r"^write_pattern = 'Zipf' .* did you mean 'zipf'\?$"),
        (
            "transport",
            "rdma9",
            r"^transport = 'rdma9' is not allowed: it takes one of tcpip, compression, smb",
        ),
        ("network", None, r"^network = None is not allowed: it takes one of dedicated, shared$"),
        ("network", 1, r"^network = 1 is not allowed: it takes one of dedicated, shared$"),
    ],
)
def test_bad_value_gets_one_clear_sentence(name, value, message):
    """The message names the parameter, the value, the rule with its unit and the nearest right choice."""
    with pytest.raises(ParameterError, match=message) as told:
        check({name: value})
    assert "\n" not in str(told.value)


@pytest.mark.parametrize(
    ("values", "shown"),
    [([1, 2, -3], "-3"), ([[1.0], [0.0]], "0"), (["1", "two"], "'two'"), ([1.0, np.nan], "nan")],
)
def test_one_bad_value_among_good_ones_is_named(values, shown):
    """In a list or grid the offender is told, not the list."""
    with pytest.raises(ParameterError, match=f"^memory_gib = {shown} is not allowed"):
        check({"memory_gib": values})


def test_text_that_is_a_number_is_a_number():
    """YAML and CSV deliver 1.25e9 as text: it is read, in lists and from NumPy text arrays too."""
    assert check({"bandwidth_gbps": "1.25e1"})["bandwidth_gbps"] == 12.5
    assert check({"streams": ["1", " 2 "]})["streams"].tolist() == [1, 2]
    assert check({"memory_gib": np.array(["4", "8.5"])})["memory_gib"].tolist() == [4, 8.5]


@pytest.mark.parametrize("name", sorted(MAY_BE_EMPTY))
@pytest.mark.parametrize("empty", [None, float("nan"), [None, 3], [np.nan, 3]])
def test_empty_means_as_the_preset_has_it(name, empty):
    """Where a preset stands behind, or nothing that holds, an empty value is allowed."""
    assert np.isnan(check({name: empty})[name].flat[0])


@pytest.mark.parametrize("name", sorted(set(PARAMETERS) - MAY_BE_EMPTY))
@pytest.mark.parametrize("empty", [None, float("nan")])
def test_nothing_else_may_be_empty(name, empty):
    """An empty value of any other parameter is a mistake."""
    with pytest.raises(ParameterError, match=f"^{name} = "):
        check({name: empty})


@pytest.mark.parametrize(("name", "value"), [("resident_share", 1.0000001), ("streams", 2.0000001)])
def test_a_value_just_outside_is_shown_as_it_is(name, value):
    """'resident_share = 1 is not allowed: it takes a number from 0 to 1' helps nobody."""
    with pytest.raises(ParameterError, match=f"{name} = {value!r} is"):
        check({name: value})


def test_a_value_outside_by_a_rounding_is_shown_as_it_is():
    """0.7 + 0.2 + 0.1 is below 1, 1.1 - 0.1 above it; the last digit must be seen."""
    with pytest.raises(ParameterError, match=r"resident_share = 1\.0000000000000002 is"):
        check({"resident_share": np.nextafter(1, 2)})


def test_truth_value_among_numbers_is_refused():
    """True is no number, in a list either."""
    with pytest.raises(ParameterError, match="memory_gib = True"):
        check({"memory_gib": [True, 2]})


def test_ragged_list_is_told_in_one_sentence():
    """Lists of unequal length are a user's mistake."""
    with pytest.raises(ParameterError, match="memory_gib"):
        check({"memory_gib": [[1, 2], [3]]})


@pytest.mark.parametrize("unit", ["s", "us", "ns"])
def test_span_of_time_is_not_a_number_of_seconds(unit):
    """A column of time spans has its own unit and must not be read as bare numbers."""
    with pytest.raises(ParameterError, match="setup_s"):
        check({"setup_s": np.array([2], f"timedelta64[{unit}]")})


@pytest.mark.parametrize("value", [{"a": 1}, [["tcpip"], ["smb", "smb"]]], ids=["mapping", "ragged"])
def test_text_of_another_kind_is_told(value):
    """YAML may deliver a mapping or lists of lists where a word is due."""
    with pytest.raises(ParameterError, match="transport"):
        check({"transport": value})


def test_nearest_name():
    """The closest spelling, or nothing."""
    assert nearest("receive_bufers", PARAMETERS) == "receive_buffers"
    assert nearest("qqq", PARAMETERS) == ""


# --- labels -------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [*PARAMETERS, *OUTCOMES])
def test_labels_are_words_with_a_unit(name):
    """An axis label has no underscore and names the unit where there is one."""
    text = label(name)
    unit = (PARAMETERS[name] if name in PARAMETERS else OUTCOMES[name]).unit
    assert "_" not in text
    assert text.strip()
    assert text.endswith(f"[{unit}]") or not unit


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("bandwidth_gbps", "bandwidth [Gbit/s]"),
        ("total_s", "total [s]"),
        ("send_buffers", "send buffers [descriptors]"),
        ("stop_rule", "stop rule"),
    ],
)
def test_labels_by_hand(name, expected):
    """Names without the unit's suffix, and the unit in brackets."""
    assert label(name) == expected


def test_label_of_an_unknown_name():
    """A figure's author made the mistake, so it is a KeyError."""
    with pytest.raises(KeyError, match="nothing"):
        label("nothing")
